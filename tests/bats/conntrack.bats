#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `conntab list -o conntrack` prints what `conntrack -L` of conntrack-tools 1.4.7 prints, byte for byte.
#
# Between the two listings a second may begin for some entries; tests/tool/same-entries
# lets the seconds that remain (and delta-time) differ by one, and nothing else, not the order.
# world_named gives names to labels, without which conntrack refuses to print them.

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

# same_as_conntrack EXTRAS [OPTION...]: both programs with these extras ("" for none) and options.
same_as_conntrack() {
	local extras=$1
	shift
	world_named conntrack -L ${extras:+-o "$extras"} "$@" >expected 2>/dev/null
	world_named "$CONNTAB" list -o "conntrack${extras:+,$extras}" "${FAMILY[@]}" >actual 2>messages
	assert [ -s expected ]
	assert [ ! -s messages ]
	"$SAME" --within "$WITHIN" expected actual || fail "extras: ${extras:-none}"
}

# Every subset of the extras, the empty one too.
each_subset() {
	local words=(extended id timestamp ktimestamp labels) bits i chosen
	for ((bits = 0; bits < 32; bits++)); do
		chosen=
		for i in {0..4}; do
			((bits >> i & 1)) && chosen+=${chosen:+,}${words[i]}
		done
		"$@" "$chosen"
	done
}

@test "conntrack itself lists at least 1,000 entries here, with all that the extras add" {
	world_named conntrack -L -o extended,id,ktimestamp,labels >expected 2>/dev/null
	assert [ "$(wc -l <expected)" -ge 1250 ]
	local pattern
	for pattern in '^ipv4 ' '^ipv6 ' ' id=[0-9]' '\[start=... ... ' ' labels=.*interactive' ' labels=.*dns' \
		' zone=[1-9]' ' zone-orig=' ' zone-reply=' ' helper=ftp' ' delta-time=' ' mark=4294967295' \
		'srckey=0x' ' type=8 code=0 id=' 'sctp .*SHUTDOWN_SENT' '^ipv4 .* dccp ' 'packets=[1-9]'; do
		grep -qE -- "$pattern" expected || fail "no entry like $pattern"
	done
}

@test "plain, it is conntrack -L" {
	same_as_conntrack ''
}

@test "on a quiet table not one byte differs, countdown included" {
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "under valgrind a second begins during each list"
	local try
	for try in {1..30}; do
		world_router conntrack -L >expected 2>/dev/null
		conntab_router list -o conntrack >actual
		if cmp -s expected actual; then
			return
		fi
	done
	fail "differed $try times: $(cmp expected actual)"
}

@test "extended puts the address family in front as conntrack does" {
	same_as_conntrack extended
}

@test "id adds the identifier as conntrack does" {
	same_as_conntrack id
}

@test "timestamp adds to a list what conntrack adds" {
	same_as_conntrack timestamp
}

@test "ktimestamp adds the kernel's times as conntrack does" {
	same_as_conntrack ktimestamp
}

@test "ktimestamp follows the time zone as conntrack does" {
	TZ=XXX-5:30 same_as_conntrack ktimestamp
	grep -q "start=" actual
	world_named "$CONNTAB" list -o conntrack,ktimestamp >utc
	run ! "$SAME" --within 60 utc actual
}

@test "labels adds their names as conntrack does" {
	same_as_conntrack labels
}

@test "every combination of the extras is conntrack's" {
	each_subset same_as_conntrack
}

@test "the order in which extras are named does not matter, as with conntrack" {
	world_named conntrack -L -o labels,ktimestamp,id,extended >expected 2>/dev/null
	world_named "$CONNTAB" list -o conntrack,labels,ktimestamp,id,extended >actual
	run "$SAME" --within "$WITHIN" expected actual
	assert_success
}

@test "-4 and -6 are conntrack's -f ipv4 and -f ipv6" {
	FAMILY=(-4)
	same_as_conntrack extended,id -f ipv4
	FAMILY=(-6)
	same_as_conntrack extended,id -f ipv6
}

@test "without counters and time stamps it is conntrack -L too, with every combination of the extras" {
	own_world create
	world_accounting off
	world_timestamps off
	world_traffic
	world_fill 1200
	world_quiet
	each_subset same_as_conntrack
	run ! grep -E 'packets=|delta-time=|start=' actual
}

@test "where entries with and without counters and time stamps stand side by side it is conntrack -L" {
	own_world single
	world_accounting off
	world_timestamps off
	world_fill 1000 --seed 1
	world_accounting on
	world_fill 1000 --seed 2
	world_timestamps on
	world_fill 1000 --seed 3
	same_as_conntrack ''
	same_as_conntrack extended,id,ktimestamp,labels
	assert [ "$(grep -c packets= actual)" -eq 2000 ]
	assert [ "$(grep -c start= actual)" -eq 1000 ]
}

@test "it is conntrack -L in a namespace that sees no packets, 20,000 entries of them" {
	own_world single
	world_fill 20000
	same_as_conntrack ''
	same_as_conntrack extended,id,ktimestamp,labels
	assert [ "$(wc -l <actual)" -eq 20000 ]
}

@test "an empty table is no line and status 0, as with conntrack" {
	own_world single
	run --separate-stderr conntab_router list -o conntrack,extended,id
	assert_success
	assert_output ''
	assert_equal "${stderr-}" ''
}

@test "filtered lists are conntrack's for the same question" {
	local question
	while IFS='|' read -r asked question; do
		# shellcheck disable=SC2086
		world_router conntrack -L -o id $question >expected 2>/dev/null
		# shellcheck disable=SC2086
		conntab_router list -o conntrack,id $asked >actual
		assert [ -s expected ]
		"$SAME" --within "$WITHIN" --sorted expected actual || fail "$asked"
	done <<-'END'
		-4 tcp dport 443|-f ipv4 -p tcp --dport 443
		-6 tcp dport 443|-f ipv6 -p tcp --dport 443
		-4 src 10.77.1.2|-f ipv4 -s 10.77.1.2
		-6 dst 2001:db8:2::2|-f ipv6 -d 2001:db8:2::2
		-4 src 10.20.0.0/18|-f ipv4 -s 10.20.0.0/18
		-4 reply.src 10.77.2.2|-f ipv4 -r 10.77.2.2
		-4 mark 0x1/0xff|-f ipv4 -m 0x1/0xff
		zone 9|-w 9
		tcp time_wait|-p tcp --state TIME_WAIT
		-4 icmp icmp.type 8|-f ipv4 -p icmp --icmp-type 8
		-4 proto 253|-f ipv4 -p 253
	END
}
