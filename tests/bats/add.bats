#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# add: what was asked for is what the kernel has, and what conntrack -I makes of the same.
# The words of add are split on purpose.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086
bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() {
	world_possible || skip "no network namespaces here"
	world_single "add$$"
}

teardown_file() {
	world_destroy
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	conntab_router -q flush all
}

# What is in the table, but for what no two entries share.
table() {
	conntab_router list -j | jq -cS 'sort_by(.family, .proto, .src) | .[] | del(.id, .use, .idle)' |
		sed -E 's/"timeout":[0-9]+/"timeout":"some"/'
}

# same_as_conntrack "WORDS OF ADD" "OPTIONS OF -I": both make the same entry.
same_as_conntrack() {
	local ours theirs

	run conntab_router add $1
	assert_success
	assert_output ''
	ours=$(table)
	assert_equal "$(world_count)" 1
	conntab_router -q flush all
	run world_router conntrack -I $2
	assert_success
	theirs=$(table)
	assert_equal "$ours" "$theirs"
	conntab_router -q flush all
}

TUPLE='src 192.0.2.1 dst 192.0.2.2'
THEIRS='-s 192.0.2.1 -d 192.0.2.2'
PORTS='sport 1000 dport 2000'
THEIR_PORTS='--sport 1000 --dport 2000'
TUPLE6='src 2001:db8::1 dst 2001:db8::2'
THEIRS6='-s 2001:db8::1 -d 2001:db8::2'

@test "every protocol, in both families, as conntrack makes it" {
	same_as_conntrack "tcp $TUPLE $PORTS established timeout 1h" "-p tcp $THEIRS $THEIR_PORTS --state ESTABLISHED -t 3600"
	same_as_conntrack "tcp $TUPLE6 $PORTS syn_sent timeout 1h" "-p tcp $THEIRS6 $THEIR_PORTS --state SYN_SENT -t 3600"
	same_as_conntrack "udp $TUPLE $PORTS timeout 60" "-p udp $THEIRS $THEIR_PORTS -t 60"
	same_as_conntrack "udp $TUPLE6 $PORTS timeout 60" "-p udp $THEIRS6 $THEIR_PORTS -t 60"
	same_as_conntrack "udplite $TUPLE $PORTS timeout 60" "-p udplite $THEIRS $THEIR_PORTS -t 60"
	same_as_conntrack "icmp $TUPLE icmp.type 8 icmp.id 77 timeout 60" \
		"-p icmp $THEIRS --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 60"
	same_as_conntrack "icmp $TUPLE icmp.type 13 timeout 60" "-p icmp $THEIRS --icmp-type 13 --icmp-code 0 --icmp-id 0 -t 60"
	same_as_conntrack "icmpv6 $TUPLE6 icmp.type 128 icmp.id 77 timeout 60" \
		"-p icmpv6 $THEIRS6 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 77 -t 60"
	same_as_conntrack "gre $TUPLE gre.srckey 0x10 gre.dstkey 32 timeout 60" "-p gre $THEIRS --srckey 0x10 --dstkey 32 -t 60"
	same_as_conntrack "esp $TUPLE timeout 60" "-p 50 $THEIRS -t 60"
	same_as_conntrack "proto 253 $TUPLE6 timeout 60" "-p 253 $THEIRS6 -t 60"
	# conntrack takes the tags for numbers of this machine's byte order.
	same_as_conntrack "sctp $TUPLE $PORTS established sctp.vtag 0x01000000 reply.sctp.vtag 0x02000000 timeout 60" \
		"-p sctp $THEIRS $THEIR_PORTS --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 60"
}

@test "every state of tcp and sctp" {
	local state

	for state in NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2; do
		same_as_conntrack "tcp $TUPLE $PORTS state $state timeout 1h" "-p tcp $THEIRS $THEIR_PORTS --state $state -t 3600"
	done
	for state in CLOSED COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT; do
		same_as_conntrack "sctp $TUPLE $PORTS state $state timeout 1h" \
			"-p sctp $THEIRS $THEIR_PORTS --state $state --orig-vtag 0 --reply-vtag 0 -t 3600"
	done
}

@test "source and destination translated, with and without ports, in both families" {
	local udp="udp $TUPLE $PORTS timeout 60" theirs="-p udp $THEIRS $THEIR_PORTS -t 60"
	local udp6="udp $TUPLE6 $PORTS timeout 60" theirs6="-p udp $THEIRS6 $THEIR_PORTS -t 60"

	same_as_conntrack "$udp snat 198.51.100.1" "$theirs --src-nat 198.51.100.1"
	same_as_conntrack "$udp snat 198.51.100.1:20" "$theirs --src-nat 198.51.100.1:20"
	same_as_conntrack "$udp dnat 198.51.100.1" "$theirs --dst-nat 198.51.100.1"
	same_as_conntrack "$udp dnat 198.51.100.1:20" "$theirs --dst-nat 198.51.100.1:20"
	same_as_conntrack "$udp snat 198.51.100.1:20 dnat 198.51.100.9:30" \
		"$theirs --src-nat 198.51.100.1:20 --dst-nat 198.51.100.9:30"
	same_as_conntrack "$udp6 snat 2001:db8::9" "$theirs6 --src-nat 2001:db8::9"
	same_as_conntrack "$udp6 snat [2001:db8::9]:20" "$theirs6 --src-nat [2001:db8::9]:20"
	same_as_conntrack "$udp6 dnat [2001:db8::9]:20" "$theirs6 --dst-nat [2001:db8::9]:20"
	same_as_conntrack "icmp $TUPLE icmp.type 8 icmp.id 5 snat 198.51.100.1 timeout 60" \
		"-p icmp $THEIRS --icmp-type 8 --icmp-code 0 --icmp-id 5 --src-nat 198.51.100.1 -t 60"
	same_as_conntrack "esp $TUPLE snat 198.51.100.1 timeout 60" "-p 50 $THEIRS --src-nat 198.51.100.1 -t 60"
	# The identifier of an echo is translated too, which conntrack cannot ask for.
	conntab_router add icmp $TUPLE icmp.type 8 icmp.id 5 snat 198.51.100.1:99 timeout 60
	assert_equal "$(conntab_router list -o csv -c reply.dst,reply.icmp.id,status snat | tail -1)" \
		'198.51.100.1,99,"confirmed,snat,snat_done,dnat_done"'
}

@test "a reply that is given is the reply, and nothing is translated" {
	same_as_conntrack "udp $TUPLE $PORTS reply.src 192.0.2.2 reply.dst 198.51.100.1 reply.sport 7 reply.dport 8 timeout 60" \
		"-p udp $THEIRS $THEIR_PORTS -r 192.0.2.2 -q 198.51.100.1 --reply-port-src 7 --reply-port-dst 8 -t 60"
}

@test "mark, zones, status" {
	local udp="udp $TUPLE $PORTS timeout 60" theirs="-p udp $THEIRS $THEIR_PORTS -t 60"

	same_as_conntrack "$udp mark 0x10" "$theirs -m 16"
	same_as_conntrack "$udp mark 4294967295" "$theirs -m 0xffffffff"
	same_as_conntrack "$udp zone 7" "$theirs -w 7"
	same_as_conntrack "$udp orig.zone 7" "$theirs --orig-zone 7"
	same_as_conntrack "$udp reply.zone 7" "$theirs --reply-zone 7"
	same_as_conntrack "$udp seen_reply" "$theirs -u SEEN_REPLY"
	same_as_conntrack "$udp status seen_reply,assured,fixed_timeout" "$theirs -u SEEN_REPLY,ASSURED,FIXED_TIMEOUT"
	same_as_conntrack "$udp seen_reply and assured and fixed_timeout" "$theirs -u SEEN_REPLY,ASSURED,FIXED_TIMEOUT"
}

@test "labels, helper and what only netlink knows are read back" {
	conntab_router add udp $TUPLE $PORTS labels 0,5,127 labels 64 timeout 60
	assert_equal "$(conntab_router list -o csv -c labels | tail -1)" '"0,5,64,127"'
	conntab_router add tcp established $TUPLE sport 1 dport 21 helper ftp tcp.flags 0x23 reply.tcp.flags 0x3 tcp.wscale 7 \
		reply.tcp.wscale 9 seqadj.position 1 seqadj.before 2 seqadj.after 3 synproxy.isn 4 synproxy.its 5 synproxy.tsoff 6
	assert_equal "$(conntab_router list -j tcp | jq -c '.[] | [.helper, .tcp, .reply.tcp, .seqadj, .synproxy]')" \
		'["ftp",{"wscale":7,"flags":35},{"wscale":9,"flags":3},{"position":1,"before":2,"after":3},{"isn":4,"its":5,"tsoff":6}]'
	assert_equal "$(conntab_router list -o csv -c status tcp | tail -1)" '"confirmed,seq_adjust,helper_set"'
}

@test "without a timeout it is the namespace's" {
	world_router sysctl -qw net.netfilter.nf_conntrack_udp_timeout=777
	conntab_router add udp $TUPLE $PORTS
	run conntab_router list -o csv -c timeout
	assert_line --regexp '^77[5-7]$'
	conntab_router add tcp established seen_reply assured $TUPLE $PORTS
	assert_equal "$(conntab_router count 'tcp timeout > 4d')" 1
}

@test "an entry that exists is refused, unless --or-update is given" {
	conntab_router add udp $TUPLE $PORTS snat 198.51.100.1 timeout 60
	run conntab_router add udp $TUPLE $PORTS snat 198.51.100.1 timeout 60
	assert_failure 1
	assert_output 'conntab: add: an entry with this tuple, or with this reply, exists already'
	run conntab_router add --or-update udp $TUPLE $PORTS snat 198.51.100.1 timeout 600 mark 5 seen_reply
	assert_success
	assert_equal "$(conntab_router list -o csv -c mark,status 'timeout > 500' | tail -1)" \
		'5,"seen_reply,confirmed,snat,snat_done,dnat_done"'
	run conntab_router add --or-update udp $TUPLE sport 9 dport 9 snat 198.51.100.1 timeout 600
	assert_success
	assert_equal "$(world_count)" 2
	# A flag cannot be taken away.
	run conntab_router add --or-update udp $TUPLE $PORTS timeout 60
	assert_failure 1
	assert_output --partial 'a flag or helper of it cannot be changed'
}

@test "--dry-run shows the entry and makes none; -o shows what was made" {
	run conntab_router add --dry-run -o save udp $TUPLE $PORTS snat 198.51.100.1:5 timeout 60
	assert_success
	assert_line "$(printf '%s' '-A -t 60 -u UNSET -s 192.0.2.1 -d 192.0.2.2 -g 192.0.2.2 -n 198.51.100.1:5 -p udp' \
		' --sport 1000 --dport 2000 --reply-port-src 2000 --reply-port-dst 1000')"
	assert_line 'conntab: add: dry run: the entry would be added'
	assert_equal "$(world_count)" 0
	run conntab_router add -c src,reply.dst -o csv udp $TUPLE $PORTS snat 198.51.100.1:5 timeout 60
	assert_output "$(printf 'src,reply.dst\n192.0.2.1,198.51.100.1')"
	assert_equal "$(world_count)" 1
}

# fails "WORDS" MESSAGE: bad usage, with these words, and nothing is made.
fails() {
	run conntab_router add $1
	assert_failure 2
	assert_output --partial "conntab: add: $2"
	assert_equal "${#lines[@]}" 1
	assert_equal "$(world_count)" 0
}

@test "bad words are one clear line, and nothing is made" {
	local udp="udp $TUPLE $PORTS"

	fails '' 'which entry? for example: tcp'
	fails "src 192.0.2.1" 'the entry lacks its protocol'
	fails 'udp src 192.0.2.1 dst 192.0.2.2 sport 1' 'the entry lacks dport'
	fails "udp $TUPLE sport 1 dport 70000" 'column 47: dport: "70000": expected a port'
	fails "udp $TUPLE sport 1-5 dport 7" 'column 39: sport: "1-5": an entry has one exact value'
	fails "udp src 192.0.2.0/24 dst 192.0.2.2 $PORTS" 'column 9: src: "192.0.2.0/24": an entry has one exact value'
	fails "udp src 192.0.2.1 dst 2001:db8::1 $PORTS" 'dst is of another family than src'
	fails "-6 $udp" 'the addresses are not of the family that was asked for'
	fails "$udp snat 2001:db8::1" 'the address to translate to is of another family'
	fails "$udp snat" 'column 59: snat: "": expected ADDRESS'
	fails "$udp snat 198.51.100.1:70000" 'column 60: snat: "198.51.100.1:70000"'
	fails "esp $TUPLE snat 198.51.100.1:7" 'an entry of this protocol has no port to translate to'
	fails "$udp icmp.type 8" 'icmp.type: an entry of this protocol has none'
	fails "$udp established" 'state: an entry of this protocol has none'
	fails "tcp $TUPLE $PORTS" 'the entry lacks its state'
	fails "tcp $TUPLE $PORTS cookie_wait" 'state: COOKIE_WAIT is no state of this protocol'
	fails "$udp zone 1 orig.zone 2" 'zone is of both directions'
	fails "$udp bytes 7" 'column 61: bytes cannot be given: the kernel sets it itself'
	fails "$udp port 7" 'column 60: port is several fields'
	fails "$udp expected" 'column 55: status: "expected" is the kernel'
	fails "$udp status snat" 'column 62: status: give the address that is translated to'
	fails "$udp nat" 'column 55: status: "nat"'
	fails "$udp mark 1 mark 2" 'column 67: mark is given twice'
	fails "$udp mark 0x1/0xf" 'column 60: mark: "0x1/0xf": an entry has one exact value'
	fails "$udp dpotr 3" 'column 55: no field or word "dpotr"; did you mean "dport"?'
	fails "icmp $TUPLE icmp.type 3" 'icmp.type: nothing answers messages of type 3'
	fails "$udp helper a-name-that-is-much-too-long" 'column 62: helper: longer than 15 letters'
	fails "$udp labels 128" 'column 62: labels: "128"'
}

@test "what the kernel refuses is said in its reason" {
	run conntab_router add udp $TUPLE $PORTS helper nosuch
	assert_failure 1
	assert_output --partial 'this kernel lacks something that the entry needs (its helper'
	run conntab_router add udp $TUPLE $PORTS master.proto tcp master.src 192.0.2.1 master.dst 192.0.2.2 master.sport 1 \
		master.dport 2
	assert_failure 1
	assert_output 'conntab: add: its master connection does not exist'
	run world_router setpriv --bounding-set -net_admin --inh-caps -net_admin "$CONNTAB" add udp $TUPLE $PORTS
	assert_failure 1
	assert_output 'conntab: add: permission denied (needs CAP_NET_ADMIN)'
	assert_equal "$(world_count)" 0
}
