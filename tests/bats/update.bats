#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# update: what was asked for is what the kernel has then, of these entries and no others, and what conntrack -U
# makes of the same.
# The words of update are split on purpose.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2154
bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() {
	world_possible || skip "no network namespaces here"
	world_single "update$$"
	world_long_timeouts
}

teardown_file() {
	world_destroy
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	conntab_router -q flush all
}

refill() {
	conntab_router -q flush all
	world_fill "$@" >/dev/null
}

# What is in the table, as lines of JSON, but for what no two tables share.
table() {
	conntab_router list -o jsonl | jq -cS 'del(.id, .use, .idle, .timeout)' | sort
}

# updates "FILTER" "CHANGES" CONDITION EFFECT: entries that the jq condition selects become what the jq
# effect makes of them; the others stay as they are.
updates() {
	local changed

	refill 450
	table >before
	jq -cS "if ($3) then ($4) else . end" before | sort >expected
	changed=$(diff before expected | grep -c '^>')
	assert [ "$changed" -gt 0 ]
	run conntab_router update $1 set $2
	assert_success
	assert_output --regexp "^conntab: update: updated $changed entr(y|ies)(; [0-9]+ (was|were) so already)?\$"
	table >after
	diff expected after >difference || fail "$1 set $2: $(head -4 difference)"
	# A second time there is nothing to do.
	run conntab_router update $1 set $2
	assert_output --regexp '^conntab: update: updated 0 entries(; [0-9]+ (was|were) so already)?$'
}

FLAGS='["expected","seen_reply","assured","confirmed","snat","dnat","seq_adjust","snat_done","dnat_done","dying","fixed_timeout","template","nat_clash","helper_set"]'

# flag NAME: the effect that an entry has it, in the order of the bits.
flag() {
	printf '.status = [%s[] as $f | select(((.status // []) + ["%s"]) | index($f)) | $f]' "$FLAGS" "$1"
}

@test "marks: whole, or the bits of a mask, in both families and every protocol" {
	local protocol

	for protocol in tcp udp udplite icmp icmpv6 sctp dccp gre esp 'proto 253'; do
		updates "$protocol" 'mark 0xdeadbeef' ".proto == \"${protocol#proto }\"" '.mark = 3735928559'
	done
	updates '-6 tcp' 'mark 0x10/0xff' '.family == "ipv6" and .proto == "tcp"' '.mark = .mark - .mark % 256 + 16'
	updates '-4 udp' 'mark 0/0xffffffff' '.family == "ipv4" and .proto == "udp"' '.mark = 0'
	updates 'not tcp' 'mark 0x100/0x100' '.proto != "tcp" and ((.mark / 256 | floor) % 2 == 0)' '.mark += 256'
}

@test "labels: set, added, removed, none" {
	updates 'tcp' 'labels 3,127' '.proto == "tcp"' '.labels = [3, 127]'
	updates 'udp' 'labels add 3,127' '.proto == "udp"' '.labels = ((.labels // []) + [3, 127] | unique)'
	updates 'label 8' 'labels remove 8 labels add 9' '(.labels // []) | index(8)' '.labels = (.labels - [8] + [9] | unique)'
	updates 'label 8' 'labels add 9 and labels remove 8' '(.labels // []) | index(8)' '.labels = (.labels - [8] + [9] | unique)'
	updates 'ipv6' 'labels none' '.family == "ipv6"' 'del(.labels)'
	run world_named "$CONNTAB" update tcp set labels add web labels remove guest
	assert_success
	assert_equal "$(conntab_router count tcp label 0 not label 44)" "$(conntab_router count tcp)"
}

@test "states of tcp and sctp; what the kernel wants beside them stays" {
	local state

	for state in NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2; do
		updates tcp "state $state" '.proto == "tcp"' ".state = \"$state\""
	done
	for state in closed COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT; do
		updates sctp "$state" '.proto == "sctp"' ".state = \"${state^^}\""
	done
	updates 'tcp or sctp' established '.proto == "tcp" or .proto == "sctp"' '.state = "ESTABLISHED"'
}

@test "flags" {
	updates udp assured '.proto == "udp"' "$(flag assured)"
	updates 'unreplied -6' seen_reply '(.status | index("seen_reply") | not) and .family == "ipv6"' "$(flag seen_reply)"
	updates 'icmp or gre' 'status assured,fixed_timeout' '.proto == "icmp" or .proto == "gre"' \
		"$(flag assured) | $(flag fixed_timeout)"
}

@test "helpers can be taken away, and only that" {
	updates 'helper ftp' 'helper none' '.helper == "ftp"' 'del(.helper)'
	refill 450
	table >before
	run conntab_router update tcp not helper ftp set helper ftp
	assert_failure 1
	assert_line --index 0 'conntab: update: updated 0 entries'
	assert_line --index 1 --partial 'refused: the kernel gives helpers to new entries only; one that is there can be taken away'
	run conntab_router update tcp helper ftp set helper nosuch mark 77
	assert_failure 1
	table | diff before -
}

@test "timeouts, but not fixed ones; the others are changed" {
	local fixed all

	refill 450
	fixed=$(conntab_router count fixed_timeout) all=$(world_count)
	assert [ "$fixed" -gt 0 ]
	run conntab_router update ipv4 or ipv6 set timeout 2h mark 0x77
	assert_failure 1
	assert_line --index 0 "conntab: update: updated $((all - fixed)) entries"
	assert_line --index 1 --regexp "^conntab: update: $fixed entr(y was|ies were) refused: the timeout is fixed\$"
	assert_equal "$(conntab_router count not fixed_timeout timeout 7190-7200 mark 0x77)" $((all - fixed))
	assert_equal "$(conntab_router count fixed_timeout mark 0x77)" 0
	# Alone in its batch it is not taken for a missing privilege.
	run conntab_router update fixed_timeout set timeout 3h
	assert_line --index 1 --partial "$fixed entr"
	# Fixed and shortened in one go.
	conntab_router -q update not fixed_timeout tcp set fixed_timeout timeout 500
	assert_equal "$(conntab_router count tcp timeout 490-500 fixed_timeout)" "$(conntab_router count tcp not timeout 3000-999999999 fixed_timeout)"
}

# Not even the window of a tcp connection is checked any more once conntrack -U has changed its mark.
without_flags() {
	jq -cS 'del(.tcp.flags, .reply.tcp.flags)'
}

# conntrack -U gives up at the first entry of another zone.
refill_one_zone() {
	refill 200
	conntab_router -q delete 'zone > 0 or orig.zone > 0 or reply.zone > 0'
}

# same_as_conntrack "WORDS OF UPDATE" "OPTIONS OF -U": both make the same table of the same table.
same_as_conntrack() {
	refill_one_zone
	table >before
	run conntab_router update $1
	assert_success
	table >ours
	! diff -q before ours >/dev/null || fail "$1 changes nothing"
	refill_one_zone
	table | diff before -
	run world_router conntrack -U $2
	assert_success
	diff <(without_flags <ours) <(table | without_flags) >difference || fail "$1: $(head -4 difference)"
}

@test "conntrack -U makes the same of the same" {
	same_as_conntrack '-4 tcp dport 443 set mark 77' '-f ipv4 -p tcp --dport 443 -m 77'
	same_as_conntrack '-6 udp set mark 0x5/0xf' '-f ipv6 -p udp -m 0x5/0xf'
	same_as_conntrack '-4 udp set assured' '-f ipv4 -p udp -u ASSURED'
	same_as_conntrack '-6 sctp set seen_reply' '-f ipv6 -p sctp -u SEEN_REPLY'
	same_as_conntrack '-4 icmp set fixed_timeout' '-f ipv4 -p icmp -u FIXED_TIMEOUT'
	refill 200
	conntab_router -q update -4 udp not fixed_timeout set timeout 5555
	assert_equal "$(conntab_router count -4 udp timeout 5550-5555)" "$(conntab_router count -4 udp not fixed_timeout)"
}

@test "zones, of both directions and of one" {
	local udp='udp src 192.0.2.1 dst 192.0.2.2 sport 1 dport 2 timeout 1h'

	conntab_router add $udp
	conntab_router add $udp zone 7
	conntab_router add udp src 192.0.2.1 dst 192.0.2.2 sport 4 dport 2 timeout 1h orig.zone 8
	conntab_router add udp src 192.0.2.1 dst 192.0.2.2 sport 3 dport 2 timeout 1h reply.zone 9
	conntab_router -q update zone 7 set mark 7
	conntab_router -q update orig.zone 8 set mark 8
	conntab_router -q update reply.zone 9 set mark 9
	assert_equal "$(conntab_router list -o jsonl | jq -c '[.mark, .zone, .orig.zone, .reply.zone]' | sort)" \
		"$(printf '%s\n' '[0,0,null,null]' '[7,7,null,null]' '[8,null,8,null]' '[9,null,null,9]')"
}

@test "--dry-run, -o, -q and --require-match" {
	refill 100
	table >before
	run --separate-stderr conntab_router update --dry-run -o jsonl tcp set mark 1234 labels add 5
	assert_success
	assert_equal "$(jq -cS 'del(.id, .use, .idle, .timeout)' <<<"$output" | sort)" "$(jq -cS 'select(.proto == "tcp")' before)"
	assert_equal "$stderr" "conntab: update: dry run: $(conntab_router count tcp) entries would be updated"
	table | diff before -
	run --separate-stderr conntab_router update -c mark -o csv tcp set mark 1234
	assert_equal "$(tail -n +2 <<<"$output" | wc -l)" "$(conntab_router count tcp)"
	refute_line 1234
	refute_line 0x4d2
	run conntab_router update -q tcp set mark 1235
	assert_success
	assert_output ''
	run conntab_router update --dry-run -q tcp set mark 1235
	assert_output ''
	run conntab_router update --require-match src 203.0.113.99 set mark 1
	assert_failure 1
	assert_output 'conntab: update: updated 0 entries'
	run conntab_router update src 203.0.113.99 set mark 1
	assert_success
}

@test "in a session the working filter narrows it" {
	refill 100
	run world_router "$CONNTAB" <<<$'where udp\nupdate ipv4 or ipv6 set mark 4321'
	assert_success
	assert_output "conntab: standard input:2: update: updated $(conntab_router count udp) entries"
	assert_equal "$(conntab_router count mark 4321)" "$(conntab_router count udp)"
	assert_equal "$(conntab_router count mark 4321 not udp)" 0
}

# fails "WORDS" MESSAGE: bad usage, with these words, and nothing changes.
fails() {
	run conntab_router update $1
	assert_failure 2
	assert_output --partial "conntab: update: $2"
	assert_equal "${#lines[@]}" 1
}

@test "bad words are one clear line, and nothing changes" {
	refill 60
	table >before
	fails '' 'the word "set" is missing: FILTER... set FIELD VALUE...'
	fails 'tcp mark 5' 'the word "set" is missing'
	fails 'set mark 5' 'refused without a filter, nothing was updated'
	fails 'tcp set' 'what shall change is missing behind "set"'
	fails 'tcpp set mark 5' 'column 1: "tcpp"'
	fails 'tcp set mark' 'column 13: mark: the value is missing'
	fails 'tcp set mark x' 'column 14: mark: "x": expected a mark'
	fails 'tcp set mark 1-5' 'column 14: mark: "1-5": an entry has one exact value'
	fails 'tcp set mark 0x10/0x0f' 'column 14: mark: "0x10/0x0f": expected a mark'
	fails 'tcp set mark 1 mark 2' 'column 21: mark is given twice'
	fails 'tcp set labels add 1 labels 2' 'column 29: labels: "2": give either those to have'
	fails 'tcp set labels 1,5 labels remove 2' 'column 34: labels: "2": give either'
	fails 'tcp set labels add 1 labels remove 1' 'column 36: labels: "1": both added and removed'
	fails 'tcp set labels add 128' 'column 20: labels: "128"'
	fails 'tcp set labels remove' 'column 22: labels: the value is missing'
	fails 'tcp set timeout soon' 'column 17: timeout: "soon"'
	fails 'tcp set unreplied' 'column 9: status: "unreplied": the kernel lets a flag be set, never taken away'
	fails 'tcp set status 0/4' 'column 16: status: "0/4": the kernel lets a flag be set'
	fails 'tcp set expected' 'column 9: status: "expected" is the kernel'
	fails 'tcp set src 192.0.2.1' 'column 13: src cannot be changed: mark, labels, timeout'
	fails 'tcp set udp' 'column 9: proto cannot be changed'
	fails 'tcp set port 5' 'column 14: port is several fields'
	fails 'tcp set snat 192.0.2.1' 'column 9: the translation cannot be changed'
	fails 'tcp set mrak 5' 'column 9: no field or word "mrak"; did you mean "mark"?'
	fails 'tcp set helper a-name-that-is-much-too-long' 'column 16: helper: longer than 15 letters'
	fails 'new set mark 5' 'entries have no event'
	fails 'helper "set"' 'the word "set" is missing'
	table | diff before -
}

@test "a state that their protocol does not have: they are left as they are and counted, the others change" {
	refill 200
	run conntab_router update 'tcp or udp' set state fin_wait mark 99
	assert_failure 1
	assert_line --index 0 --regexp '^conntab: update: updated [0-9]+ entries$'
	assert_line --index 1 "conntab: update: $(conntab_router count udp) entries were refused: FIN_WAIT is no state of their protocol"
	assert_equal "$(conntab_router count mark 99)" "$(conntab_router count tcp)"
	assert_equal "$(conntab_router count mark 99 tcp fin_wait)" "$(conntab_router count tcp)"
}

@test "an entry without room for labels is named; a missing privilege is, too" {
	own_world single
	world_router nft flush ruleset # a rule of the world uses labels
	conntab_router add udp src 192.0.2.1 dst 192.0.2.2 sport 1 dport 2 timeout 1h
	run conntab_router update udp set labels add 5
	assert_failure 1
	assert_line --index 0 'conntab: update: updated 0 entries'
	assert_line --index 1 --partial '1 entry was refused: the entry has no room for labels'
	run world_router setpriv --bounding-set -net_admin --inh-caps -net_admin "$CONNTAB" update udp set mark 5
	assert_failure 1
	assert_output 'conntab: update: permission denied (needs CAP_NET_ADMIN)'
	leave_own_world
}

# Entries come, get flags of an answered connection, and end, all the time.
churn() {
	local seed=10

	while :; do
		world_fill 3000 --seed $((seed += 1))
		conntab_router -q update ipv4 or ipv6 set seen_reply assured
		conntab_router -q flush all
	done
}

@test "under churn entries that end are counted, and flags that appear meanwhile are no fault" {
	local churn

	churn >/dev/null 2>&1 3>&- &
	churn=$!
	for _ in 1 2 3 4 5 6; do
		run conntab_router update ipv4 or ipv6 set fixed_timeout mark 0x5/0xf
		assert_success
		assert_line --index 0 --regexp '^conntab: update: updated [0-9]+ entr(y|ies)(; [0-9]+ (was|were) so already)?(; [0-9]+ had gone)?$'
	done
	kill "$churn"
	wait "$churn" || true
}

@test "100,000 entries in one go, where conntrack stops" {
	local count

	[ "$(cat /proc/sys/net/netfilter/nf_conntrack_max)" -ge 110000 ] || skip "nf_conntrack_max is below 110,000"
	refill 100000
	count=$(world_count)
	run conntab_router update ipv4 or ipv6 set mark 0x4d2
	assert_success
	assert_equal "$(conntab_router count mark 0x4d2)" "$count"
	assert_output --regexp "^conntab: update: updated [0-9]+ entries"
	run conntab_router update ipv4 or ipv6 set mark 0x4d2
	assert_output "conntab: update: updated 0 entries; $count were so already"
	conntab_router -q flush all
}
