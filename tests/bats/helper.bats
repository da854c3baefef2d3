#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# helper: helpers in user space, as nfct(8) has them, and the rules that attach them.
# The kernel keeps one list for the machine, not for a namespace: the tests touch their own only.
# What a kernel without them can show is shown there; tests/unit/policy.c has the messages.
# shellcheck disable=SC2034,SC2086,SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
	world_single
}

OURS='ctest ctesx ftp tftp'

teardown() {
	for name in ${MADE:-}; do
		conntab_router helper delete "$name" -q 2>/dev/null || true
	done
	world_destroy
}

ask() { run --separate-stderr conntab_router helper "$@"; }
json() { conntab_router helper "$@" -j; }

ABSENT='conntab: helper: this kernel has no user-space helpers (nfnetlink_cthelper, CONFIG_NF_CT_NETLINK_HELPER)'

needs_helpers() {
	ask add ctest udp expect c
	[[ $stderr != "$ABSENT" ]] || skip "this kernel has no user-space helpers"
	assert_success
	MADE=$OURS
	conntab_router helper delete ctest -q
	[ -z "$(conntab_router helper list -o jsonl)" ] || skip "somebody has helpers here"
}

@test "a kernel without helpers in user space is named, status 1, by every action" {
	run --separate-stderr conntab_router helper list
	[ "$status" -ne 0 ] || skip "this kernel has user-space helpers"
	local words faults=0
	while read -r words; do
		ask $words
		assert_equal "$status $words" "1 $words" || faults=1
		assert_output '' || faults=1
		assert_equal "$stderr" "$ABSENT" || faults=1
	done <<-'END'
		list
		list -j
		get ftp
		add ftp tcp
		add ftp tcp --dry-run
		set ftp queue 3
		enable ftp
		disable ftp
		delete ftp
		flush
	END
	assert_equal $faults 0
}

@test "without the privilege every action is one line and status 1" {
	# Where the kernel has a module for them, a change loads it; a look would not, and find nothing.
	MADE=ctest
	ask add ctest udp expect c
	run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups "$CONNTAB" helper list
	assert_failure 1
	assert_output ''
	assert_regex "$stderr" '^conntab: helper: permission denied .*CAP_NET_ADMIN'
}

@test "bad words are refused with status 2 and one line, before anything is asked or changed" {
	local words expected faults=0
	while IFS='|' read -r words expected; do
		ask $words
		assert_equal "$status $words" "2 $words" || faults=1
		assert_equal "$output" '' || faults=1
		assert_equal "$stderr" "conntab: helper: $expected" || faults=1
	done <<-'END'
		|helper what? list, get, add, set, enable, disable, delete or flush
		ad|helper does not know "ad", but list, get, add, set, enable, disable, delete or flush; did you mean "add"?
		get|too few words: conntab helper get NAME [ipv4|ipv6] [PROTOCOL]
		get ctest tcp udp|too many words behind tcp
		add ctest ipv6|the protocol is missing
		add ctest tpc expect c|no protocol "tpc"; did you mean "tcp"?
		add ctest 0 expect c|no protocol "0"
		add ctest tcp|what ctest expects is missing, such as: expect ctest max 1 timeout 5m
		add ctest tcp queue|queue: the value is missing
		add ctest tcp queue 65536 expect c|queue: "65536" is not a number from 0 to 65535
		add ctest tcp data 33 expect c|data: "33" is not a number from 0 to 32
		add ctest tcp expct c|"expct" is none of queue, data, status, expect, max and timeout; did you mean "expect"?
		add ctest tcp max 3 expect c|max belongs behind expect NAME
		add ctest tcp expect c max 0|max: "0" is not a number from 1 to 255
		add ctest tcp expect c max 256|max: "256" is not a number from 1 to 255
		add ctest tcp expect c timeout soon|timeout: "soon" is no time such as 90s, 15m, 1h30m or 5d
		add ctest tcp expect c timeout 40d|timeout: 40d is too long: from 24d20h31m24s on the kernel's clock can wrap
		add ctest tcp expect c expect c|expect c stands twice
		add ctest tcp expect a expect b expect c expect d expect e|a helper has at most 4 classes of expectations
		add ctest tcp expect c status on|status: "on" is neither "enabled" nor "disabled"
		add sixteen-letters- tcp expect c|the name "sixteen-letters-" is too long: 15 bytes at most
		set ctest ipv6 tcp|what to set is missing, such as queue 1
		list -o proc|-o takes table, json, jsonl, csv, nft or iptables here, not "proc"
		enable ctest -j|enable prints nothing that -o or -j could shape
	END
	assert_equal $faults 0
}

@test "add, get and set: every part is read back; what is not named is as conntrackd announces it" {
	needs_helpers
	conntab_router helper add ctest ipv6 udp queue 7 data 32 status enabled \
		expect fifteen-letters max 255 timeout 1h expect b expect c max 3 expect d timeout 9 -q
	assert_equal "$(json get ctest | jq -c '.[0]')" '{"name":"ctest","family":"ipv6","proto":"udp","queue":7,"data":32,"status":"enabled","expect1":{"name":"fifteen-letters","max":255,"timeout":3600},"expect2":{"name":"b","max":1,"timeout":300},"expect3":{"name":"c","max":3,"timeout":300},"expect4":{"name":"d","max":1,"timeout":9}}'
	conntab_router helper set ctest queue 8 status disabled expect b max 9 timeout 10 expect d max 2 -q
	assert_equal "$(conntab_router helper get ctest | tail -n 1 | tr -s ' ')" \
		'ctest ipv6 udp 8 32 disabled fifteen-letters max 255 timeout 1h, b max 9 timeout 10s, c max 3 timeout 5m, d max 2 timeout 9s'
	ask add ctest ipv6 udp expect c
	assert_failure 1
	assert_equal "$stderr" 'conntab: helper: there is a helper ctest (ipv6 udp) already, here or the kernel'\''s own'
	ask set ctest expect e max 3
	assert_failure 2
	ask set ctest udp tcp
	assert_failure 2
	assert_equal "$stderr" 'conntab: helper: "tcp" is none of queue, data, status, expect, max and timeout'
	ask set ctest data 3
	assert_failure 2
	ask add tftp udp
	[ "$status" -eq 0 ] || skip "the kernel has a helper for tftp of its own: $stderr"
	assert_equal "$(json get tftp | jq -c '.[0]')" \
		'{"name":"tftp","family":"ipv4","proto":"udp","queue":0,"data":0,"status":"disabled","expect1":{"name":"tftp","max":1,"timeout":300}}'
}

@test "a name stands for one helper each of a family and a protocol" {
	needs_helpers
	conntab_router helper add ctest tcp expect c -q
	conntab_router helper add ctest udp expect c -q
	conntab_router helper add ctest ipv6 tcp expect c -q
	conntab_router helper set ctest tcp queue 5 -q
	conntab_router helper set ctest ipv4 status enabled -q
	assert_equal "$(json list | jq -c '[.[] | "\(.family) \(.proto) \(.queue) \(.status)"] | sort')" \
		'["ipv4 tcp 5 enabled","ipv4 udp 0 enabled","ipv6 tcp 5 disabled"]'
	ask delete ctest ipv6 udp
	assert_failure 1
	assert_equal "$stderr" 'conntab: helper: no helper ctest of that family and protocol'
	ask get ctesd
	assert_equal "$stderr" 'conntab: helper: no helper "ctesd"; did you mean "ctest"?'
	ask delete ctest ipv4 tcp --dry-run
	assert_equal "$stderr" 'conntab: helper: dry run: would delete helper ctest (ipv4 tcp)'
	conntab_router helper delete ctest ipv4 tcp -q
	assert_equal "$(json list | jq length)" 2
	ask disable ctest
	assert_equal "$(json list | jq -c '[.[].status] | unique')" '["disabled"]'
	ask flush --dry-run
	assert_equal "$(json list | jq length)" 2
	ask flush
	assert_success
	assert_equal "${#stderr_lines[@]}" 2
	assert_equal "$(json list)" '[]'
}

@test "nfct lists what conntab adds, and conntab what nfct adds" {
	command -v nfct >/dev/null || skip "nfct is not installed"
	needs_helpers
	world_router nfct add helper tftp inet udp || skip "the kernel has a helper for tftp of its own"
	json get tftp >theirs
	world_router nfct list helper >listed
	world_router nfct delete helper tftp inet udp
	conntab_router helper add tftp udp -q
	assert_equal "$(json get tftp)" "$(cat theirs)"
	assert_equal "$(world_router nfct list helper)" "$(cat listed)"
	conntab_router helper enable tftp -q
	world_router nfct disable helper tftp inet udp
	assert_equal "$(json get tftp | jq -r '.[0].status')" disabled
}

@test "the printed rules of iptables and nft attach a helper to real connections" {
	needs_helpers
	conntab_router helper add ctest udp expect c -q
	ask get ctest -o iptables
	assert_line --index 0 '# for every port: narrow it to those that the helper is for'
	for format in iptables nft; do
		conntab_router helper get ctest -o $format >rules
		[ $format = nft ] && world_router nft -f rules || world_router sh -e rules
		world_router bash -c 'echo x >/dev/udp/127.0.0.1/9'
		assert_equal "$format $(conntab_router list -o jsonl dport 9 | jq -r .helper)" "$format ctest"
		world_router nft flush ruleset
		conntab_router flush all -q
	done
	conntab_router helper add ctesx 33 expect c -q
	ask get ctesx -o nft
	assert_failure 1
}

@test "a helper that a rule names is deleted where the kernel allows it; else that is said" {
	needs_helpers
	conntab_router helper add ctest udp expect c -q
	world_router iptables -t raw -A OUTPUT -p udp -j CT --helper ctest
	ask delete ctest
	if [ "$status" -ne 0 ]; then
		assert_equal "$stderr" 'conntab: helper: ctest is in use by a rule (iptables -j CT --helper ctest, or nft'\''s ct helper): remove it first'
		ask flush
		assert_success
		assert_equal "$(json list | jq length)" 1
	fi
	world_router iptables -t raw -F
}

@test "completion: actions, names, protocols, words" {
	offered() { conntab_router --complete "conntab helper $1" $((15 + ${#1})) | sort | xargs; }
	assert_equal "$(offered '')" 'add delete disable enable flush get list set'
	assert_equal "$(offered 'add t')" 'tftp tns'
	assert_equal "$(offered 'add ctest ')" 'ipv4 ipv6 tcp udp'
	assert_equal "$(offered 'add ctest tcp ')" 'data expect max queue status timeout'
	assert_equal "$(offered 'add ctest ipv6 47 queue 3 st')" status
	assert_equal "$(offered 'add ctest tcp queue ')" ''
	assert_equal "$(offered 'set ctest status ')" 'disabled enabled'
	assert_equal "$(offered 'set ctest udp status d')" disabled
	assert_equal "$(offered 'delete ctest ipv6 ')" 'tcp udp'
	assert_equal "$(offered 'list -o ')" 'csv iptables json jsonl nft table'
}
