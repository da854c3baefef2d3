#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: policies as nfct(8) has them, the rules that attach them, the default timeouts.
# nfct is no package that the tests install: on Debian it starts a daemon. Where it is, it is asked.
# Words of tables are split on purpose.
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2086,SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
	# Only looks, and in a namespace that is nobody's.
	unshare --net "${CONNTAB_REAL:-$CONNTAB}" timeout list >/dev/null 2>list.err ||
		skip "$(cat list.err)"
}

teardown() {
	world_destroy
}

ask() { run --separate-stderr conntab_router timeout "$@"; }
policy() { conntab_router timeout "$@" -q; }
json() { conntab_router timeout "$@" -j; }
settings() { world_router sysctl -n "net.netfilter.nf_conntrack_$1"; }

needs_nfct() {
	command -v nfct >/dev/null || skip "nfct is not installed"
}

# Every protocol that a policy can be for: its states with the sysctl that is their default.
PROTOCOLS='tcp syn_sent=tcp_timeout_syn_sent syn_recv=tcp_timeout_syn_recv established=tcp_timeout_established fin_wait=tcp_timeout_fin_wait close_wait=tcp_timeout_close_wait last_ack=tcp_timeout_last_ack time_wait=tcp_timeout_time_wait close=tcp_timeout_close syn_sent2=tcp_timeout_syn_sent retrans=tcp_timeout_max_retrans unacknowledged=tcp_timeout_unacknowledged
udp unreplied=udp_timeout replied=udp_timeout_stream
udplite unreplied=udp_timeout replied=udp_timeout_stream
icmp timeout=icmp_timeout
icmpv6 timeout=icmpv6_timeout
sctp closed=sctp_timeout_closed cookie_wait=sctp_timeout_cookie_wait cookie_echoed=sctp_timeout_cookie_echoed established=sctp_timeout_established shutdown_sent=sctp_timeout_shutdown_sent shutdown_recd=sctp_timeout_shutdown_recd shutdown_ack_sent=sctp_timeout_shutdown_ack_sent heartbeat_sent=sctp_timeout_heartbeat_sent
gre unreplied=gre_timeout replied=gre_timeout_stream
generic timeout=generic_timeout'

# assert_timeouts JSON-OF-ONE STATE=SECONDS...
assert_timeouts() {
	local pair
	for pair in "${@:2}"; do
		assert_equal "${pair%=*}=$(jq -r ".[0].timeouts.${pair%=*}" <<<"$1")" "$pair" || return
	done
}

# ---- policies ----

@test "add: every protocol and family; what is not named is the namespace's setting; list and get show it" {
	world_single
	world_router sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_fin_wait=77 net.netfilter.nf_conntrack_gre_timeout=9
	local protocol states state family first seconds=40 name expected
	while read -r protocol states; do
		for family in ipv4 ipv6; do
			first=${states%%=*} name=$family-$protocol seconds=$((seconds + 1))
			policy add "$name" $family $protocol $first ${seconds}s
			expected=
			for state in $states; do
				[ "${state%=*}" = "$first" ] && expected+=" $first=$seconds" ||
					expected+=" ${state%=*}=$(settings "${state#*=}")"
			done
			assert_timeouts "$(json get "$name")" $expected
			assert_equal "$(json get "$name" | jq -r '.[0] | "\(.name) \(.family) \(.proto) \(.use)"')" \
				"$name $family $protocol 0"
		done
	done <<<"$PROTOCOLS"
	assert_equal "$(json list | jq length)" 16
	# What list prints is what add takes.
	conntab_router timeout list >listed
	policy flush
	assert_equal "$(json list)" '[]'
	while read -r name family protocol _ states; do
		policy add $name $family $protocol $states
	done < <(tail -n +2 listed)
	assert_equal "$(conntab_router timeout list)" "$(cat listed)"
}

@test "add: a family that is not named is that of the protocol; words of nft and numbers are understood" {
	world_single
	policy add a tcp UNACK 5m close 1h1m1s
	policy add b icmp6 timeout 4
	policy add c 17 replied 1w
	policy add d inet6 255 timeout 0
	assert_equal "$(json list | jq -c '[.[] | [.name, .family, .proto]]')" \
		'[["a","ipv4","tcp"],["b","ipv6","icmpv6"],["c","ipv4","udp"],["d","ipv6","generic"]]'
	assert_timeouts "$(json get a)" unacknowledged=300 close=3661
	assert_timeouts "$(json get c)" replied=604800
	assert_timeouts "$(json get d)" timeout=0
}

@test "add: the longest time that is taken is kept by the kernel" {
	world_single
	policy add a tcp established 2147483
	assert_timeouts "$(json get a)" established=2147483
	ask add b tcp established 2147484
	assert_failure 2
	assert_equal "$stderr" 'conntab: timeout: established: 2147484 is too long: from 24d20h31m24s on the kernel'\''s clock can wrap'
}

# The words of one as of the other: names in capitals, without what nfct 1.4.7 does not know.
as_nfct() {
	jq -r '.[] | ".\(.name) \(.timeouts | to_entries | map(select(.key | startswith("heartbeat") | not) |
		"\(.key)=\(.value)") | sort | join(" "))"'
}

from_nfct() {
	awk '/^\./ { name = $1 } /^\t\t\./ { sub(/^\t\t\./, ""); sub(/,/, ""); print name, tolower($1) $2 $3 }' |
		sort -k 1,1 -k 2 | awk '$1 != last { printf "%s%s", last ? "\n" : "", $1; last = $1 } { printf " %s", $2 } END { print "" }'
}

@test "nfct lists what conntab adds, and conntab what nfct adds, with the same values" {
	needs_nfct
	world_single
	local protocol states family
	while read -r protocol states; do
		policy add "ours-$protocol" $protocol "${states%%=*}" 41
		for family in inet inet6; do
			world_router nfct add timeout "$family-$protocol" $family $protocol "${states%%=*}" 43
		done
	done <<<"$PROTOCOLS"
	assert_equal "$(json list | jq length)" 24
	assert_equal "$(json list | as_nfct | sort)" "$(world_router nfct list timeout | from_nfct | sort)"
	assert_equal "$(json get inet6-udp | jq -r '.[0].family')" ipv6
	world_router nfct delete timeout inet-tcp
	policy delete inet6-tcp ours-udp
	assert_equal "$(json list | jq -r '.[].name' | sort)" "$(world_router nfct list timeout | sed -n 's/^\.\(.*\) = {/\1/p' | sort)"
}

@test "set changes what is named and nothing else, also in a policy that is in use" {
	world_single
	policy add web tcp established 1h syn_sent 10
	# The kernel alone would fill in these.
	world_router sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_close=99
	world_router iptables -t raw -A OUTPUT -p tcp -j CT --timeout web
	before=$(json get web)
	ask set web established 30m
	assert_success
	assert_equal "$stderr" 'conntab: timeout: changed timeout policy web (ipv4 tcp)'
	assert_equal "$(json get web)" "$(jq '.[0].timeouts.established = 1800' <<<"$before" | jq -c '.[0]' | sed 's/^/[\n/; s/$/\n]/')"
	ask set wbe established 1
	assert_failure 1
	assert_equal "$stderr" 'conntab: timeout: no timeout policy "wbe"; did you mean "web"?'
}

@test "delete and flush leave what rules use, say so, and delete all that is named or none" {
	world_single
	for name in one two three; do
		policy add $name udp replied 1
	done
	ask add two tcp close 1
	assert_failure 1
	assert_equal "$stderr" 'conntab: timeout: there is a timeout policy two already; to change it: conntab timeout set two'
	world_router iptables -t raw -A OUTPUT -p udp --dport 1 -j CT --timeout two
	world_router iptables -t raw -A OUTPUT -p udp --dport 2 -j CT --timeout two
	assert_equal "$(json list | jq -c '[.[] | [.name, .use > 0]]')" '[["one",false],["two",true],["three",false]]'
	ask delete one two
	assert_failure 1
	assert_equal "$stderr" 'conntab: timeout: two is in use by rules (iptables -j CT --timeout two): remove them first, or change it in place: conntab timeout set two'
	ask delete one four
	assert_failure 1
	ask delete one one
	assert_failure 2
	ask delete one --dry-run
	assert_equal "$stderr" 'conntab: timeout: dry run: would delete timeout policy one (ipv4 udp)'
	ask flush --dry-run
	assert_equal "$stderr" 'conntab: timeout: dry run: would delete 2 timeout policies; in use by rules and kept: two'
	assert_equal "$(json list | jq length)" 3
	ask delete one
	assert_success
	ask flush
	assert_success
	assert_equal "$stderr" 'conntab: timeout: deleted 1 timeout policy; in use by rules and kept: two'
	assert_equal "$(json list | jq -r '.[].name')" two
	world_router iptables -t raw -F
	ask flush
	assert_equal "$stderr" 'conntab: timeout: deleted 1 timeout policy'
	ask flush
	assert_equal "$stderr" 'conntab: timeout: deleted 0 timeout policies'
}

@test "flush asks on a terminal" {
	world_single
	policy add one udp replied 1
	world_router python3 -c 'import pty, sys; pty.spawn(sys.argv[1:])' "$CONNTAB" timeout flush <<<n >seen
	grep -q 'Delete all 1 timeout policies that no rule uses? \[y/N\]' seen
	assert_equal "$(json list | jq length)" 1
}

@test "--dry-run checks everything and changes nothing" {
	world_single
	policy add one udp replied 7
	world_router sysctl -a 2>/dev/null | grep timeout >before
	local words
	while read -r words; do
		ask $words --dry-run
		assert_success
		[[ $stderr == 'conntab: timeout: dry run: would '* ]]
	done <<-'END'
		add two tcp close 1
		set one replied 9
		delete one
		flush
		default set udp replied 9
	END
	ask add one tcp close 1 --dry-run
	assert_failure 1
	assert_equal "$(json list | jq -c '[.[] | [.name, .timeouts.replied]]')" '[["one",7]]'
	diff before <(world_router sysctl -a 2>/dev/null | grep timeout)
}

# ---- attached to real connections ----

# Connections of tcp and udp, both families, that stay and say something again when told.
talk() {
	mkfifo to_talk from_talk
	cat >talk.py <<-'END'
		import ctypes, os, socket, sys, time
		libc = ctypes.CDLL(None)
		def enter(path):
		    assert libc.setns(os.open(path, os.O_RDONLY), 0x40000000) == 0
		families = ((socket.AF_INET, "10.77.2.2"), (socket.AF_INET6, "2001:db8:2::2"))
		enter(sys.argv[2])
		listeners, receivers, ends = [], [], []
		for family, address in families:
		    listeners.append(socket.create_server((address, 7200), family=family))
		    receivers.append(socket.socket(family, socket.SOCK_DGRAM))
		    receivers[-1].bind((address, 7200))
		enter(sys.argv[1])
		for (family, address), listener, receiver in zip(families, listeners, receivers):
		    near = socket.create_connection((address, 7200))
		    ends.append((near, listener.accept()[0]))
		    near = socket.socket(family, socket.SOCK_DGRAM)
		    near.connect((address, 7200))
		    ends.append((near, receiver))
		def say():
		    for near, far in ends:
		        near.send(b"question")
		        text, address = far.recvfrom(100)
		        far.sendto(b"answer", address) if address else far.send(b"answer")
		        near.recv(100)
		        if not address: # else the answer is not acknowledged at once, which is another timeout
		            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
		say()
		time.sleep(2.1) # from then on the kernel takes UDP for a stream
		say()
		print("ok", flush=True)
		while sys.stdin.readline():
		    say()
		    print("ok", flush=True)
	END
	timeout 60 python3 talk.py "$(world_namespace client)" "$(world_namespace server)" <to_talk >from_talk 3>&- &
	exec {TO}>to_talk {FROM}<from_talk
	talked
}

talked() {
	local answer
	read -r -t 30 answer <&"$FROM"
	assert_equal "$answer" ok
}

talk_again() {
	echo >&"$TO"
	talked
}

# assert_left FILTER LOW HIGH: what remains of each matching connection, and there is one.
assert_left() {
	local left
	left=$(conntab_router list -o jsonl "dport 7200 and $1" | jq .timeout)
	[ -n "$left" ] || fail "no connection: $1"
	for left in $left; do
		[[ $left -gt $2 && $left -le $3 ]] || fail "$1: $left is not from $2 to $3"
	done
}

@test "a policy attached by the printed rules of iptables shortens real connections, and only its own" {
	world_create
	policy add web tcp established 50m
	policy add web6 ipv6 tcp established 40m
	policy add dns udp unreplied 25m replied 20m
	conntab_router timeout list -o iptables >rules
	assert_equal "$(grep -c . rules)" 6
	world_router sh -e rules
	assert_equal "$(json list | jq -c 'map(.use > 0)')" '[true,true,true]'
	# They are rules of nf_tables.
	if iptables --version | grep -q nf_tables; then
		world_router nft list ruleset | grep -q 'xt target'
	fi
	talk
	assert_left 'tcp and ipv4' 2900 3000
	assert_left 'tcp and ipv6' 2300 2400
	assert_left 'udp and ipv4' 1100 1200
	assert_left 'udp and ipv6' 0 120
	# set reaches those that have the policy, with their next packet.
	policy set web established 10m
	assert_left 'tcp and ipv4' 2800 3000
	talk_again
	assert_left 'tcp and ipv4' 500 600
	assert_left 'tcp and ipv6' 2300 2400
	# Without the rules new connections have the default again.
	world_router iptables -t raw -F
	world_router ip6tables -t raw -F
	ask delete web web6 dns
	assert_success
	talk_again
	assert_left 'tcp' 431900 432000
}

@test "the printed object of nft shortens real connections as the policy would, and list shows it" {
	world_create
	policy add web tcp established 50m unacknowledged 45m
	policy add web6 ipv6 tcp established 40m
	policy add dns udp unreplied 25m replied 20m
	policy add tunnel generic timeout 5m
	conntab_router timeout list -o nft >ruleset
	assert_equal "$(grep -c '^# not for nft' ruleset)" 1
	world_router nft -f ruleset
	assert_equal "$(json list | jq -c '[.[] | [.name, .nft, .use, .proto, .family]]')" \
		'[["web",null,0,"tcp","ipv4"],["web6",null,0,"tcp","ipv6"],["dns",null,0,"udp","ipv4"],["tunnel",null,0,"generic","ipv4"],["web","inet timeout_web",2,"tcp","ipv4"],["web6","inet timeout_web6",2,"tcp","ipv6"],["dns","inet timeout_dns",2,"udp","ipv4"]]'
	# The same timeouts.
	assert_equal "$(json get web | jq -S -c '.[1].timeouts')" "$(json get web | jq -S -c '.[0].timeouts')"
	conntab_router timeout list | grep -q '^web  *ipv4  *tcp  *2  inet timeout_web  '
	talk
	assert_left 'tcp and ipv4' 2900 3000
	assert_left 'tcp and ipv6' 2300 2400
	assert_left 'udp and ipv4' 1100 1200
	assert_left 'udp and ipv6' 0 120
	# They are nft's to change.
	policy flush
	ask delete web
	assert_failure 1
	assert_equal "$stderr" 'conntab: timeout: "web" is an object of nftables, in table inet timeout_web: change it with nft'
	ask get dns
	assert_success
	ask get tunnel
	assert_failure 1
}

@test "rules: the printed ones are taken by iptables and nft for every protocol that they can attach" {
	world_single
	local protocol states family
	while read -r protocol states; do
		for family in ipv4 ipv6; do
			[[ $family$protocol == @(ipv6icmp|ipv4icmpv6) ]] || policy add "$family-$protocol" $family $protocol "${states%%=*}" 40
		done
	done <<<"$PROTOCOLS"
	conntab_router timeout list -o iptables >rules
	assert_equal "$(grep -vc '^#' rules)" 28
	world_router sh -e rules
	assert_equal "$(json list | jq -c 'map(.use > 0) | unique')" '[true]'
	conntab_router timeout list -o nft >ruleset
	assert_equal "$(grep -c '^table' ruleset)" 4
	world_router nft -f ruleset
	# Asked for by name, what nft cannot have is a fault.
	ask get ipv4-sctp -o nft
	assert_failure 1
	assert_output ''
	assert_equal "$stderr" 'conntab: timeout: nft has no timeout objects of this protocol; -o iptables shows how to attach ipv4-sctp'
}

# ---- default timeouts ----

@test "default get shows the namespace's settings, default set changes those that are named" {
	world_single
	local protocol states state first expected value=1000
	while read -r protocol states; do
		expected=() value=$((value + 1))
		for state in $states; do
			expected+=("${state%=*}=$(settings "${state#*=}")")
		done
		assert_timeouts "$(json default get $protocol)" "${expected[@]}"
		first=${states%% *}
		ask default set $protocol "${first%=*}" $value
		assert_success
		assert_equal "$stderr" "conntab: timeout: changed the default timeouts of $protocol"
		assert_equal "$protocol $(settings "${first#*=}")" "$protocol $value"
		assert_timeouts "$(json default get $protocol)" "${first%=*}=$value" "${expected[@]:1}"
	done <<<"$PROTOCOLS"
	# All of them at once; what this kernel does not track is left out.
	assert_equal "$(json default | jq -r '.[].proto' | grep -vx dccp)" "$(cut -d ' ' -f 1 <<<"$PROTOCOLS")"
	assert_equal "$(conntab_router timeout default get)" "$(conntab_router timeout default)"
	if command -v nfct >/dev/null; then
		assert_equal "$(json default get tcp | jq '.[0].name = "x"' | as_nfct)" \
			"$({ echo '.x = {'; world_router nfct default-get timeout inet tcp; } | from_nfct)"
	fi
}

@test "default set holds for real connections without a policy" {
	world_create
	policy default set udp replied 44m unreplied 45m
	policy default set tcp established 55m
	talk
	assert_left udp 2500 2640
	assert_left tcp 3200 3300
}

# ---- refusals ----

@test "bad words are refused with status 2 and one line, before anything is asked or changed" {
	world_single
	policy add one tcp close 5
	json list >before
	local words expected faults=0
	while IFS='|' read -r words expected; do
		ask $words
		assert_equal "$status $words" "2 $words" || faults=1
		assert_equal "$output" '' || faults=1
		assert_equal "$stderr" "conntab: timeout: $expected" || faults=1
	done <<-'END'
		|timeout what? list, get, add, set, delete, flush or default
		lst|timeout does not know "lst", but list, get, add, set, delete, flush or default; did you mean "list"?
		list one|too many words: conntab timeout list
		get|too few words: conntab timeout get NAME
		add x|too few words: conntab timeout add NAME [ipv4|ipv6] PROTOCOL STATE TIME...
		add x ipv4|the protocol is missing
		add x ipv6 tcp|a timeout is missing, such as syn_sent 90s
		add x tpc close 1|no protocol "tpc" here; did you mean "tcp"?
		add x 300 close 1|no protocol "300" here
		add x esp timeout 1|esp has no timeouts of its own; "generic" stands for every such protocol
		add x 50 timeout 1|50 has no timeouts of its own; "generic" stands for every such protocol
		add x tcp estab 1|tcp has no timeout "estab"; did you mean "established"?
		add x udp established 1|udp has no timeout "established"
		add x tcp close|close: the time is missing, such as 90s, 15m, 1h30m or 5d
		add x tcp close 1 close 2|close stands twice
		add x tcp close soon|close: "soon" is no time such as 90s, 15m, 1h30m or 5d
		add x tcp close -1|no option "-1" (conntab help)
		add x tcp close 99999999999999999999|close: "99999999999999999999" is no time such as 90s, 15m, 1h30m or 5d
		add 12345678901234567890123456789012 tcp close 1|the name "12345678901234567890123456789012" is too long: 31 bytes at most
		set one close|too few words: conntab timeout set NAME STATE TIME...
		set one replied 1|tcp has no timeout "replied"
		delete|too few words: conntab timeout delete NAME...
		default foo|default what? "foo" is neither "get" nor "set"
		default set udp replied|too few words: conntab timeout default set PROTOCOL STATE TIME...
		default get tcp udp|too many words: conntab timeout default get [PROTOCOL]
		default get tcp -o nft|default timeouts need no rules: -o nft means nothing to them
		list -o proc|-o takes table, json, jsonl, csv, nft or iptables here, not "proc"
		list -o josn|-o takes table, json, jsonl, csv, nft or iptables here, not "josn"; did you mean "json"?
		add x tcp close 1 -j|add prints nothing that -o or -j could shape
		list -4|timeout takes no --ipv4
	END
	assert_equal $faults 0
	ask add '' tcp close 1
	assert_failure 2
	ask add $'a\e[31mb' tcp close 1
	assert_failure 2
	assert_equal "$stderr" 'conntab: timeout: the name "a\x1b[31mb" holds control characters or broken UTF-8'
	diff before <(json list)
}

@test "names of others are shown harmlessly, and never stand in rules" {
	needs_nfct
	world_single
	world_router nfct add timeout $'a\e[31mb' inet tcp close 5
	ask list
	assert_output --partial 'a\x1b[31mb'
	# shellcheck disable=SC2016
	policy add '$(reboot)' tcp close 5
	ask get '$(reboot)' -o iptables
	assert_failure 1
	assert_output ''
	assert_equal "$stderr" 'conntab: timeout: the name "$(reboot)" cannot stand in a rule'
	json list | jq -e '.[0].name == "a\u001b[31mb"'
}

@test "a protocol that this kernel does not track is named" {
	world_single
	ask default get dccp
	[ "$status" -ne 0 ] || skip "this kernel tracks dccp"
	assert_failure 1
	assert_equal "$stderr" 'conntab: timeout: this kernel does not track dccp by itself'
	ask add x dccp open 5
	assert_failure 1
	assert_equal "$stderr" 'conntab: timeout: this kernel does not track dccp by itself'
}

@test "states that the kernel took no notice of are said" {
	world_single
	ask add x sctp heartbeat_acked 5
	assert_success
	# The list says whether this kernel still has the state.
	if [ "$(json get x | jq '.[0].timeouts.heartbeat_acked')" = 5 ]; then
		assert_equal "$stderr" 'conntab: timeout: added timeout policy x (ipv4 sctp)'
	else
		assert_equal "${stderr_lines[0]}" 'conntab: timeout: warning: this kernel ignored heartbeat_acked'
	fi
}

@test "without the privilege every action is one line and status 1" {
	world_single
	policy add one tcp close 1 # loads the module, if there is one
	local words
	while read -r words; do
		run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups "$CONNTAB" timeout $words
		assert_equal "$status $words" "1 $words"
		assert_output ''
		assert_equal "$stderr" 'conntab: timeout: permission denied (needs CAP_NET_ADMIN)'
	done <<-'END'
		list
		get x
		add x tcp close 1
		set x close 1
		delete x
		flush
		default get
		default set tcp close 1
	END
}

# asks_module WORDS...: how many requests to the subsystem go out where its module could be loaded.
asks_module() {
	# shellcheck disable=SC2016
	world_router unshare --mount sh -c '
		mount -t overlay overlay -o "lowerdir=$1:/usr/lib" /usr/lib && shift && exec "$@"' sh "$PWD/lib" \
		strace -f -e trace=sendto -o trace "${CONNTAB_REAL:-$CONNTAB}" timeout "$@" >/dev/null 2>said
	grep -c NFNL_SUBSYS_CTNETLINK_TIMEOUT trace || true
}

@test "looking loads no module that is not loaded" {
	command -v strace >/dev/null || skip "strace is not installed"
	under_strace
	[ ! -e /sys/module/nfnetlink_cttimeout ] || skip "the module is loaded here, or has parameters"
	[ ! -e "/lib/modules/$(uname -r)/modules.dep" ] || skip "this kernel has modules"
	world_single
	mkdir -p "lib/modules/$(uname -r)"
	echo 'kernel/net/netfilter/nfnetlink_cttimeout.ko: kernel/net/netfilter/nfnetlink.ko' >"lib/modules/$(uname -r)/modules.dep"
	assert_equal "$(asks_module list)" 0
	assert_equal "$(asks_module get x)" 0
	assert_equal "$(cat said)" 'conntab: timeout: no timeout policy "x"'
	assert_equal "$(asks_module default get tcp)" 0
	assert_equal "$(cat said)" 'conntab: timeout: the module nfnetlink_cttimeout is not loaded, and looking loads none; modprobe it, or see sysctl -a | grep nf_conntrack_.*timeout'
	# A change may.
	assert [ "$(asks_module add x tcp close 1)" -ge 1 ]
}

# ---- completion ----

offered() {
	conntab_router --complete "conntab timeout $1" $((16 + ${#1})) | sort | xargs
}

@test "completion: actions, names, protocols, states, formats" {
	world_single
	policy add web tcp close 5
	policy add dns ipv6 udp replied 5
	assert_equal "$(offered '')" 'add default delete flush get list set'
	assert_equal "$(offered 'de')" 'default delete'
	assert_equal "$(offered 'get ')" 'dns web'
	assert_equal "$(offered 'get web ')" ''
	assert_equal "$(offered 'set d')" dns
	assert_equal "$(offered 'delete web ')" 'dns web'
	assert_equal "$(offered 'set dns ')" 'replied unreplied'
	assert_equal "$(offered 'set dns replied ')" ''
	assert_equal "$(offered 'set dns replied 5 u')" unreplied
	assert_equal "$(offered 'add x ')" 'dccp generic gre icmp icmpv6 ipv4 ipv6 sctp tcp udp udplite'
	assert_equal "$(offered 'add x ipv6 ')" 'dccp generic gre icmp icmpv6 sctp tcp udp udplite'
	assert_equal "$(offered 'add x ipv6 tcp syn')" 'syn_recv syn_sent syn_sent2'
	assert_equal "$(offered 'add x tcp close 5 est')" established
	assert_equal "$(offered 'default ')" 'get set'
	assert_equal "$(offered 'default get ud')" 'udp udplite'
	assert_equal "$(offered 'default get udp ')" ''
	assert_equal "$(offered 'default set udp ')" 'replied unreplied'
	assert_equal "$(offered 'list -o ')" 'csv iptables json jsonl nft table'
}
