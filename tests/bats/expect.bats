#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# expect: what the kernel's helpers expect of real connections, and what is made over ctnetlink; held against
# /proc/net/nf_conntrack_expect and conntrack(8).
# shellcheck disable=SC2016,SC2034,SC2086,SC2094,SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
}

teardown() {
	[ -z "${FTP:-}" ] || kill "$FTP" 2>/dev/null || true
	[ -z "${FOLLOWER:-}" ] || kill -KILL "$FOLLOWER" 2>/dev/null || true
	world_destroy
}

ask() { run --separate-stderr conntab_router expect "$@"; }
ours() { conntab_router expect "$@"; }
theirs() { world_router conntrack -L expect "$@" 2>/dev/null; }

# until_true COMMAND...
until_true() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "never true: $*" || return
		sleep 0.1
	done
}

# What until_true looks at anew each time.
is_listed() { [ -n "$(ours list)" ]; }
are_destroyed() { [ "$(grep -c DESTROY events)" -eq "$1" ]; }
said_lines() { [ "$(wc -l <said)" -ge "$1" ]; }

# ftp ADDRESS [COMMAND...]: a control connection that stays; `port` is the one it announced last.
ftp() {
	local expected=$(($# > 1 ? $# - 1 : 1))
	rm -f steps
	mkfifo steps
	"$TESTS/tool/ftp" "$(world_namespace client)" "$(world_namespace server)" "$@" <steps >said 3>&- &
	FTP=$!
	exec 7>steps
	until_true said_lines "$expected"
	port=$(tail -n 1 said)
}

# A step and its end.
ftp_data() {
	echo data >&7
	until_true grep -q data said
}

ftp_end() {
	exec 7>&-
	wait "$FTP"
	FTP=''
}

# A socket in the router has joined a group.
listens() { world_router awk '$2 == 12 && $4 !~ /^0+$/ { n++ } END { exit !n }' /proc/net/netlink; }

# Each line but for the countdown, which a second may change between two readings.
timeless() { sed -E -e 's/^( *\[[A-Z]+\] )?[0-9]+ /\1/' -e 's#<timeout>[0-9]+</timeout>##'; }

same_as_both() {
	local family
	assert_equal "$(ours list | timeless)" "$(world_router cat /proc/net/nf_conntrack_expect | timeless)"
	for family in 4 6; do
		assert_equal "$(ours list -$family -o conntrack | timeless)" "$(theirs -f ipv$family | timeless)"
		[ -z "$(theirs -f ipv$family)" ] ||
			assert_equal "$(ours list -$family -o xml | timeless)" "$(theirs -f ipv$family -o xml | timeless)"
	done
}

# What a helper can be attached to: entries of tcp and udp, of both families.
masters() {
	world_single
	conntab_router add tcp established seen_reply assured src 192.0.2.1 sport 4711 dst 192.0.2.9 dport 21 helper ftp timeout 1h
	conntab_router add tcp established seen_reply assured src 192.0.2.1 sport 4711 dst 192.0.2.9 dport 21 helper ftp timeout 1h zone 7
	conntab_router add udp seen_reply assured src 192.0.2.1 sport 5060 dst 192.0.2.9 dport 5060 helper sip timeout 1h
	conntab_router add udp seen_reply assured src 2001:db8::1 sport 5060 dst 2001:db8::9 dport 5060 helper sip timeout 1h
	conntab_router add udp src 192.0.2.1 sport 1 dst 192.0.2.9 dport 1 timeout 1h
}
FTP_MASTER='master.src 192.0.2.1 master.sport 4711 master.dst 192.0.2.9 master.dport 21'
SIP_MASTER='master.src 192.0.2.1 master.sport 5060 master.dst 192.0.2.9 master.dport 5060'
SIP6_MASTER='master.src 2001:db8::1 master.sport 5060 master.dst 2001:db8::9 master.dport 5060'

@test "ftp: what the kernel's helper expects of a real connection is listed, got, deleted, and told as events" {
	world_create
	ours events -o conntrack >events 2>events.err 3>&- &
	FOLLOWER=$!
	until_true listens
	ftp 10.77.2.2
	until_true is_listed
	same_as_both
	assert_equal "$(ours list -o jsonl -c proto,src,sport,dst,dport,mask.sport,helper,class,master.dport)" \
		"{\"proto\":\"tcp\",\"src\":\"10.77.1.2\",\"sport\":0,\"dst\":\"10.77.2.2\",\"dport\":$port,\"mask\":{\"sport\":0},\"helper\":\"ftp\",\"class\":0,\"master\":{\"dport\":21}}"
	# The port that the client will come from is not known, so any is met.
	assert_equal "$(ours get tcp src 10.77.1.2 sport 1234 dst 10.77.2.2 dport "$port" | timeless)" "$(ours list | timeless)"
	ask get tcp src 10.77.1.3 sport 1234 dst 10.77.2.2 dport "$port"
	assert_failure 1
	assert_equal "$stderr" 'conntab: expect: no such expectation'
	ask delete helper ftp dport "$port"
	assert_success
	assert_equal "$stderr" 'conntab: expect: deleted 1 expectation'
	assert_equal "$(ours list)" ''
	ftp_end
	until_true grep -q DESTROY events
	assert_equal "$(sed -E 's/ .*//; s/[0-9]+ .*//' <(sed -E 's/^ *//' events) | xargs)" '[NEW] [DESTROY]'
	grep -q "dport=$port .*helper=ftp" events
	# One that is met ends, and its connection has the control connection as its master.
	ftp 10.77.2.2
	until_true is_listed
	ftp_data
	assert_equal "$(ours list)" ''
	assert_equal "$(conntab_router list -o jsonl -c master.dport dport "$port")" '{"master":{"dport":21}}'
	until_true are_destroyed 2
	ftp_end
}

@test "ftp: both families, passive and active, through translation" {
	world_create
	local words
	while read -r words; do
		ftp $words
		until_true is_listed
		same_as_both
		assert_equal "$words $(ours list -o jsonl -c dport | jq .dport)" "$words $port"
		ftp_data
		assert_equal "$words $(ours list)" "$words "
		ftp_end
		conntab_router -q flush all
	done <<-'END'
		10.77.2.2 PASV
		10.77.2.2 EPSV
		10.77.2.2 PORT
		2001:db8:2::2 EPSV
		2001:db8:2::2 EPRT
		10.77.2.3 PASV
	END
}

@test "add: every field is read back, by conntrack and /proc too" {
	masters
	local words expected faults=0
	while IFS='|' read -r words expected; do
		ask add $words
		assert_equal "$words: $status $stderr" "$words: 0 " || faults=1
		assert_equal "$words: $(ours list -o jsonl | jq -c 'del(.id, .timeout, .family)')" "$words: $expected" || faults=1
		same_as_both || faults=1
		ours flush -q
	done <<-END
		tcp dst 192.0.2.8 dport 5000 $FTP_MASTER|{"proto":"tcp","src":"0.0.0.0","sport":0,"dst":"192.0.2.8","dport":5000,"helper":"ftp","master":{"proto":"tcp","src":"192.0.2.1","sport":4711,"dst":"192.0.2.9","dport":21},"mask":{"src":"0.0.0.0","sport":0,"dst":"255.255.255.255","dport":65535},"class":0,"flags":[]}
		udp src 192.0.2.7 sport 9 dst 192.0.2.8 dport 5000 class 1 flags permanent,inactive $SIP_MASTER|{"proto":"udp","src":"192.0.2.7","sport":9,"dst":"192.0.2.8","dport":5000,"helper":"sip","master":{"proto":"udp","src":"192.0.2.1","sport":5060,"dst":"192.0.2.9","dport":5060},"mask":{"src":"255.255.255.255","sport":65535,"dst":"255.255.255.255","dport":65535},"class":1,"flags":["permanent","inactive"]}
		udp src 2001:db8:7:: mask.src ffff:ffff:ffff:: dst 2001:db8::8 dport 5000 class 3 flags inactive $SIP6_MASTER|{"proto":"udp","src":"2001:db8:7::","sport":0,"dst":"2001:db8::8","dport":5000,"helper":"sip","master":{"proto":"udp","src":"2001:db8::1","sport":5060,"dst":"2001:db8::9","dport":5060},"mask":{"src":"ffff:ffff:ffff::","sport":0,"dst":"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff","dport":65535},"class":3,"flags":["inactive"]}
		tcp dst 192.0.2.8 dport 5000 nat.src 10.0.0.1 nat.sport 7 nat.dir 1 fn nat-follow-master $FTP_MASTER|{"proto":"tcp","src":"0.0.0.0","sport":0,"dst":"192.0.2.8","dport":5000,"helper":"ftp","master":{"proto":"tcp","src":"192.0.2.1","sport":4711,"dst":"192.0.2.9","dport":21},"mask":{"src":"0.0.0.0","sport":0,"dst":"255.255.255.255","dport":65535},"class":0,"flags":[],"fn":"nat-follow-master","nat":{"dir":1,"src":"10.0.0.1","sport":7}}
		gre dst 192.0.2.8 gre.dstkey 7 master.proto tcp $FTP_MASTER|{"proto":"gre","src":"0.0.0.0","gre":{"srckey":0,"dstkey":7},"dst":"192.0.2.8","helper":"ftp","master":{"proto":"tcp","src":"192.0.2.1","sport":4711,"dst":"192.0.2.9","dport":21},"mask":{"src":"0.0.0.0","sport":0,"dst":"255.255.255.255","dport":65535},"class":0,"flags":[]}
	END
	assert_equal $faults 0
}

@test "add: the timeout is the class's, or the one that is given; --or-update changes it" {
	masters
	timeout_is() { [ "$(ours list -o jsonl | jq ".timeout > $1 and .timeout <= $2")" = true ] || fail "$(ours list)"; }
	ours add tcp dst 192.0.2.8 dport 5000 $FTP_MASTER
	timeout_is 290 300
	ours add --or-update tcp dst 192.0.2.8 dport 5000 timeout 1h $FTP_MASTER
	timeout_is 3500 3600
	ask add tcp dst 192.0.2.8 dport 5000 $FTP_MASTER
	assert_failure 1
	assert_equal "$stderr" 'conntab: expect: an expectation that such a connection would meet exists already'
	ours flush -q
	ours add tcp dst 192.0.2.8 dport 5000 timeout 40s $FTP_MASTER
	timeout_is 30 40
	ours flush -q
	ask add --dry-run tcp dst 192.0.2.8 dport 5000 $FTP_MASTER
	assert_success
	assert_equal "$stderr" 'conntab: expect: dry run: the expectation would be added'
	assert_equal "$(ours list)" ''
}

@test "what conntrack makes is read, what we make conntrack deletes" {
	masters
	world_router conntrack -I expect -p tcp -s 192.0.2.1 -d 192.0.2.9 --sport 4711 --dport 21 \
		--tuple-src 192.0.2.7 --tuple-dst 192.0.2.8 --tuple-port-src 0 --tuple-port-dst 5000 \
		--mask-src 255.255.255.255 --mask-dst 255.255.255.255 --mask-port-src 0 --mask-port-dst 65535 -t 60 2>/dev/null
	assert_equal "$(ours list -o jsonl -c dst,helper)" '{"dst":"192.0.2.8","helper":"ftp"}'
	same_as_both
	world_router conntrack -F expect 2>/dev/null
	assert_equal "$(ours list)" ''
}

@test "list: filters, formats, columns and sort; what expectations do not have is refused" {
	masters
	for port in 5002 5001 5003; do
		ours add udp dst 192.0.2.8 dport $port class 1 $SIP_MASTER
	done
	ours add udp dst 2001:db8::8 dport 5009 class 0 $SIP6_MASTER
	assert_equal "$(ours list --sort dport -c dport -o csv | xargs)" 'dport 5001 5002 5003 5009'
	assert_equal "$(ours list --sort -dport --limit 2 -c dport -o csv | xargs)" 'dport 5009 5003'
	assert_equal "$(ours list -6 -o jsonl | wc -l)" 1
	assert_equal "$(ours list ipv6 -o jsonl | wc -l)" 1
	assert_equal "$(ours list port 5002,5003 -o jsonl | wc -l)" 2
	assert_equal "$(ours list addr 192.0.2.0/24 and class 1 -o jsonl | wc -l)" 3
	assert_equal "$(ours list not flags permanent master.dport 5060 timeout '>' 1s -o jsonl | wc -l)" 4
	assert_equal "$(ours list -o table -6 | awk 'NR == 1' | tr -s ' ')" \
		'FAMILY PROTO TIMEOUT SRC SPORT DST DPORT HELPER MASTER.SRC MASTER.DST CLASS'
	assert_equal "$(ours list -o xml | xmllint --xpath 'count(//flow)' -)" 4
	local words expected faults=0
	while IFS='|' read -r words expected; do
		ask $words
		assert_equal "$words: $status" "$words: 2" || faults=1
		assert_equal "$words: $stderr" "$words: conntab: expect: $expected" || faults=1
		assert_equal "$output" '' || faults=1
	done <<-END
		|expect what? list, get, add, delete, flush or events
		lst|expect does not know "lst", but list, get, add, delete, flush or events; did you mean "list"?
		list mark 3|expectations have no mark
		list not reply.src 192.0.2.1|expectations have no reply.src
		list assured|expectations have no status
		list new|expectations have no event: it belongs to conntab expect events
		list -c idle|expectations have no idle
		list zone 0|the kernel does not tell the zone of an expectation; conntab expect get takes it
		list flags foo|column 7: flags: "foo" is not permanent, inactive, userspace, or value/mask
		list -o save|format save is for entries; expectations have the others
		list --yes|list takes no --yes
		events --sort src|events takes no --sort
		events --resync|expect takes no --resync
		delete|refused without a filter, nothing was deleted; to empty the table: conntab expect flush
		flush tcp|flush takes no filter; for a part of the table: conntab expect delete FILTER
		get tcp dst 192.0.2.8|the tuple lacks src
		add|which expectation? for example: tcp dst 192.0.2.9 dport 5000 master.src 192.0.2.1 master.sport 4711 master.dst 192.0.2.9 master.dport 21
		add dst 192.0.2.8|the expectation lacks its protocol (tcp, udp, ...)
		add tcp dport 5|the expectation lacks dst
		add tcp dst 192.0.2.8 $FTP_MASTER|the expectation lacks dport
		add tcp dst 192.0.2.8 dport 5 master.src 192.0.2.1|the expectation lacks master.sport: the connection that it belongs to
		add icmp dst 192.0.2.8|nothing expects icmp: connections with ports, gre and other protocols can be expected
		add tcp dst 2001:db8::8 dport 5 $FTP_MASTER|master.src is of another family than src
		add tcp dst 192.0.2.8 dport 5 mark 3 $FTP_MASTER|column 32: mark cannot be given: the kernel sets it itself
		add tcp dst 192.0.2.8 dport 5 flags userspace $FTP_MASTER|column 33: flags: "userspace": you can give permanent and inactive
		add tcp dst 192.0.2.8 dport 5 snat 192.0.2.3 $FTP_MASTER|snat and dnat belong to entries; of an expectation give nat.src, nat.sport and nat.dir
		add tcp dst 192.0.2.8 dport 5 nat.dir 1 $FTP_MASTER|nat.sport and nat.dir need nat.src
		add tcp dst 192.0.2.8 dport 5 nat.src 192.0.2.3 nat.dir 2 $FTP_MASTER|nat.dir is 0, original, or 1, reply
		add --or-update tcp dst 192.0.2.8 dport 5 $FTP_MASTER|--or-update changes the timeout: give one
	END
	assert_equal $faults 0
	ask list -o jsonl
	assert_equal "${#lines[@]}" 4
	run --separate-stderr conntab_router list class 1
	assert_failure 2
	assert_equal "$stderr" 'conntab: list: entries have no class: it belongs to conntab expect'
}

@test "add: the kernel's reasons are told, status 1" {
	masters
	local words expected faults=0
	while IFS='|' read -r words expected; do
		ask add $words
		assert_equal "$words: $status $stderr" "$words: 1 conntab: expect: $expected" || faults=1
	done <<-END
		tcp dst 192.0.2.8 dport 5 zone 9 $FTP_MASTER|its master connection does not exist in that zone
		udp dst 192.0.2.8 dport 5 master.src 192.0.2.1 master.sport 1 master.dst 192.0.2.9 master.dport 1|the master connection has no helper, or this kernel lacks the helper that is named
		tcp dst 192.0.2.8 dport 5 class 4 $FTP_MASTER|the kernel refused it as invalid: perhaps the helper has no such class, or there is no such fn
		tcp dst 192.0.2.8 dport 5 fn nosuch $FTP_MASTER|the kernel refused it as invalid: perhaps the helper has no such class, or there is no such fn
	END
	assert_equal $faults 0
	run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups "$CONNTAB" expect list
	assert_failure 1
	assert_regex "$stderr" '^conntab: expect: permission denied .*CAP_NET_ADMIN'
}

@test "delete and flush: what matches and no more, dry runs nothing; other zones" {
	masters
	for port in 5002 5001 5003; do
		ours add udp dst 192.0.2.8 dport $port class 1 $SIP_MASTER
	done
	ours add udp dst 2001:db8::8 dport 5001 $SIP6_MASTER
	ask delete --dry-run dport 5001 -c dst -o csv
	assert_equal "$stderr" 'conntab: expect: dry run: 2 expectations would be deleted'
	assert_equal "$(sort <<<"$output" | xargs)" '192.0.2.8 2001:db8::8 dst'
	ask delete dport 5001 -4
	assert_equal "$stderr" 'conntab: expect: deleted 1 expectation'
	ask delete dport 7 --require-match
	assert_failure 1
	assert_equal "$(ours list --sort dport -c dport -o csv | xargs)" 'dport 5001 5002 5003'
	ask flush --dry-run
	assert_equal "$stderr" 'conntab: expect: dry run: 3 expectations would be deleted'
	ask flush -6
	assert_equal "$stderr" 'conntab: expect: deleted 1 expectation'
	assert_equal "$(ours list -o jsonl | wc -l)" 2
	ask flush
	assert_equal "$stderr" 'conntab: expect: deleted 2 expectations'
	# The kernel does not say which zone one is in.
	ours add tcp dst 192.0.2.8 dport 5000 zone 7 $FTP_MASTER
	assert_equal "$(ours get tcp src 192.0.2.1 sport 1 dst 192.0.2.8 dport 5000 zone 7 -o jsonl | wc -l)" 1
	ask get tcp src 192.0.2.1 sport 1 dst 192.0.2.8 dport 5000
	assert_failure 1
	ask delete dport 5000
	assert_equal "$stderr" 'conntab: expect: deleted 0 expectations; 1 more were gone already'
	ours flush -q
	assert_equal "$(ours list)" ''
	# None of it touched an entry.
	assert_equal "$(world_count)" 5
}

@test "the shell: neither the working filter nor undo has to do with expectations" {
	masters
	ours add udp dst 192.0.2.8 dport 5001 $SIP_MASTER
	run --separate-stderr conntab_router <<-'END'
		where tcp
		expect list -o jsonl -c dport
		expect delete dport 5001
		expect list
		undo
	END
	assert_line --index 0 '{"dport":5001}'
	assert_equal "$(ours list)" ''
	assert_equal "$(world_count)" 5
}

@test "completion: actions, fields and values" {
	masters
	ours add udp dst 192.0.2.8 dport 5001 $SIP_MASTER
	offered() { conntab_router --complete "conntab expect $1" $((15 + ${#1})) | sort | xargs; }
	assert_equal "$(offered '')" 'add delete events flush get list'
	assert_equal "$(offered 'list ma')" 'mask.dport mask.dst mask.sport mask.src master.dport master.dst master.proto master.sport master.src'
	assert_equal "$(offered 'list dst ')" 192.0.2.8
	assert_equal "$(offered 'list flags ')" 'inactive permanent userspace'
	assert_equal "$(offered 'list -c nat.')" 'nat.dir nat.sport nat.src'
	assert_equal "$(offered 'list asss')" ''
	assert_equal "$(offered 'add mask.')" 'mask.sport mask.src'
	assert_equal "$(offered 'add tc')" tcp
	assert_equal "$(offered 'flush ')" ''
	assert_equal "$(offered 'events ne')" new
	assert_equal "$(offered 'list ne')" ''
}
