#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `conntab list` prints what /proc/net/nf_conntrack prints, byte for byte.
#
# The countdown: both listings tell how many seconds an entry has left (and, with time
# stamps, how old it is), and between the two a second may begin for some entries. So
#  - tests/tool/same-entries compares all lines, in their order and byte for byte, where
#    these numbers alone may differ by one; and
#  - the first test compares with cmp, where nothing may differ: it reads both listings
#    again until no second began between them, which on a quiet table is mostly at once.

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/common
	full_world
	world_quiet
}

setup() {
	load ../lib/common
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	leave_own_world
}

teardown_file() {
	load ../lib/common
	world_destroy
}

from_kernel() { world_router cat /proc/net/nf_conntrack; }

# same_as_kernel [OPTION...]: what the kernel says, through a command if ONLY is one, and conntab with the options.
same_as_kernel() {
	from_kernel >all
	"${ONLY[@]:-cat}" <all >expected
	conntab_router list "$@" >actual 2>messages
	assert [ -s expected ]
	assert [ ! -s messages ]
	run "$SAME" --within "$WITHIN" expected actual
	assert_success
}

@test "the table of these tests has at least 1,000 entries and every kind of them" {
	from_kernel >expected
	assert [ "$(wc -l <expected)" -ge 1250 ]
	local pattern
	for pattern in '^ipv4 .* tcp ' '^ipv6 .* tcp ' '^ipv4 .* udp ' '^ipv6 .* udp ' \
		'^ipv4 .* udplite ' '^ipv6 .* udplite ' '^ipv4 .* icmp ' '^ipv6 .* icmpv6 ' \
		'^ipv4 .* sctp ' '^ipv6 .* sctp ' '^ipv4 .* gre .*srckey=0x[1-9a-f]' '^ipv6 .* gre ' \
		'^ipv4 .* (dccp|unknown) *33 ' '^ipv6 .* unknown *253 ' '^ipv4 .* unknown *50 ' '^ipv6 .* unknown *89 ' \
		'\[UNREPLIED\]' '\[ASSURED\]' ' mark=4294967295 ' ' zone=9 ' ' zone-orig=5 ' ' zone-reply=6 ' \
		' packets=[1-9]' ' packets=0 ' ' delta-time=' ' ESTABLISHED ' ' TIME_WAIT ' ' SHUTDOWN_SENT ' \
		'dst=203.0.113.10 .*src=10.77.2.2 ' 'src=10.77.1.2 dst=10.77.2.4 .*dst=198.51.100.1 ' \
		'sport=[0-9]* dport=80 .*sport=8080 '; do
		grep -qE -- "$pattern" expected || fail "no entry like $pattern"
	done
}

@test "on a quiet table list is /proc/net/nf_conntrack without one differing byte" {
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "under valgrind a second begins during each list"
	local try
	for try in {1..30}; do
		from_kernel >expected
		conntab_router list >actual
		if cmp -s expected actual; then
			return
		fi
	done
	fail "differed $try times: $(cmp expected actual)"
}

@test "list is /proc with counters and time stamps, in its order" {
	same_as_kernel
}

@test "list is /proc without counters and time stamps, in its order" {
	own_world create
	world_accounting off
	world_timestamps off
	world_traffic
	world_fill 1200
	world_quiet
	same_as_kernel
	run ! grep -E 'packets=|delta-time=' actual
}

@test "list is /proc where entries with and without counters and time stamps stand side by side" {
	own_world single
	world_accounting off
	world_timestamps off
	world_fill 1000 --seed 1
	world_accounting on
	world_fill 1000 --seed 2
	world_timestamps on
	world_fill 1000 --seed 3
	world_accounting off
	world_fill 1000 --seed 4
	same_as_kernel
	assert [ "$(grep -c packets= actual)" -eq 2000 ]
	assert [ "$(grep -c delta-time= actual)" -eq 2000 ]
}

@test "list is /proc in a namespace that sees no packets, 20,000 entries of them" {
	own_world single
	world_fill 20000
	same_as_kernel
	assert [ "$(wc -l <actual)" -eq 20000 ]
}

@test "list is /proc with the kernel's own timeouts, while countdowns run" {
	own_world create
	WORLD_TIMEOUTS=kernel world_traffic
	world_fill 1000
	world_quiet
	same_as_kernel
}

@test "-4 lists exactly the IPv4 lines of /proc, -6 the IPv6 lines" {
	ONLY=(grep ^ipv4)
	same_as_kernel -4
	ONLY=(grep ^ipv6)
	same_as_kernel -6
}

@test "-4 and -6 together list both, as neither does" {
	same_as_kernel -4 -6
}

@test "-o proc and ls are the default by other names" {
	same_as_kernel -o proc
	conntab_router ls >actual
	run "$SAME" --within "$WITHIN" expected actual
	assert_success
}

@test "a filtered list is the lines of /proc that match" {
	# In such a line the first port that is a destination is the original direction's.
	from_kernel | awk '$3 == "tcp" && $6 == "ESTABLISHED" && match($0, / dport=[0-9]+ /) &&
		substr($0, RSTART, RLENGTH) == " dport=443 "' >expected
	conntab_router list tcp dport 443 established >actual
	assert [ -s expected ]
	run "$SAME" --within "$WITHIN" --sorted expected actual
	assert_success
	conntab_router list --no-kernel-filter tcp dport 443 established >actual
	run "$SAME" --within "$WITHIN" expected actual
	assert_success
}

@test "count, list | wc -l, /proc | wc -l and nf_conntrack_count agree" {
	local number
	number=$(world_count)
	assert_equal "$(conntab_router count)" "$number"
	assert_equal "$(conntab_router list | wc -l)" "$number"
	assert_equal "$(from_kernel | wc -l)" "$number"
	assert_equal "$(conntab_router count -4)" "$(from_kernel | grep -c ^ipv4)"
	assert_equal "$(conntab_router count -6)" "$(from_kernel | grep -c ^ipv6)"
	assert_equal "$(conntab_router count sctp)" "$(from_kernel | grep -c ' sctp ')"
}

@test "an empty table lists nothing, quietly and with status 0" {
	own_world single
	run --separate-stderr conntab_router list
	assert_success
	assert_output ''
	assert_equal "${stderr-}" ''
}

@test "list reads another namespace by -n exactly as from within" {
	from_kernel >expected
	conntab -n "$(world_namespace router)" list >actual
	run "$SAME" --within "$WITHIN" expected actual
	assert_success
}
