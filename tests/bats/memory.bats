#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Memory does not grow with the table.
#
# A namespace holds no more than net.netfilter.nf_conntrack_max entries, 262,144 by default, a
# value of the whole machine that tests must not change. So the million is covered by the
# slope: what is measured at 5,000 entries may not be 512 KiB more at 200,000, forty times as
# many; a program that kept as little as 3 bytes of each entry would fail. (A byte an entry
# would be 1 MB at a million: the bound of 8 MiB holds there with the 2 MB that it takes here.)
# What must hold the whole table, or one item for each group, is bounded by its own measure.

bats_require_minimum_version 1.5.0

MOST_KIB=8192
MORE_KIB=512

# Why memory cannot be measured here; nothing when it can.
unfit() {
	if [ "${CONNTAB_VALGRIND:-}" = 1 ]; then
		echo "valgrind takes memory of its own"
	elif LC_ALL=C grep -qa '__asan_init\|__tsan_init' "$CONNTAB"; then
		echo "a sanitizer takes memory of its own"
	elif [ "$(cat /proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null || echo 0)" -lt 200000 ]; then
		echo "nf_conntrack_max is below 200,000"
	fi
}

setup_file() {
	load ../lib/common
	reason=$(unfit)
	export reason
	[ -z "$reason" ] || return 0
	PEAK=$(world_tool peak)
	export PEAK SMALL=ct$$-small LARGE=ct$$-large
	world_single $SMALL
	world_fill 5000 >/dev/null
	world_single $LARGE
	world_fill 200000 >/dev/null
}

setup() {
	load ../lib/common
	[ -z "$reason" ] || skip "$reason"
}

teardown_file() {
	load ../lib/common
	[ -z "$reason" ] || return 0
	WORLD=$SMALL world_destroy
	WORLD=$LARGE world_destroy
}

# peak_kib WORLD ARGUMENT...: the most memory that conntab had resident, in KiB.
peak_kib() {
	WORLD=$1 world_router "$PEAK" "$CONNTAB" "${@:2}"
}

# stays_small ARGUMENT...: at 200,000 entries under the bound, and hardly more than at 5,000.
stays_small() {
	local small large
	small=$(peak_kib "$SMALL" "$@")
	large=$(peak_kib "$LARGE" "$@")
	echo "conntab $*: $small KiB at 5,000 entries, $large KiB at 200,000"
	[ "$small" -gt 500 ] || fail "no measurement"
	[ "$large" -lt $MOST_KIB ] || fail "over $MOST_KIB KiB"
	[ $((large - small)) -lt $MORE_KIB ] || fail "$((large - small)) KiB more"
}

@test "the tables are as large as they should be, and the measure sees memory that grows" {
	assert_equal "$(WORLD=$SMALL world_count)" 5000
	assert_equal "$(WORLD=$LARGE world_count)" 200000
	# A sort without a limit is documented to hold the table.
	local small large
	small=$(peak_kib "$SMALL" list --sort src)
	large=$(peak_kib "$LARGE" list --sort src)
	assert [ $((large - small)) -gt 20000 ]
}

@test "a list stays under 8 MiB and does not grow with the table" {
	stays_small list
}

@test "a list in each format stays under 8 MiB and does not grow with the table" {
	local format
	for format in conntrack,extended,id,ktimestamp,labels table json jsonl csv xml; do
		stays_small list -o $format
	done
}

@test "a filtered list and a filtered count stay under 8 MiB and do not grow with the table" {
	stays_small list 'idle > 1s or reply.dport 443'
	stays_small count tcp dport 443
	stays_small count --no-kernel-filter 'tcp dport 443 or udp and not src 10.0.0.0/8 or label 1'
	stays_small count 'not (packets > 5)'
	stays_small count
}

@test "a sort with a limit stays under 8 MiB and does not grow with the table" {
	stays_small list --sort -timeout --limit 20
	stays_small list --sort src --limit 1000 -o table
	stays_small list -j --sort -id --limit 1000
}

@test "few groups stay under 8 MiB and do not grow with the table" {
	stays_small count --by proto,state
	stays_small count --by dport --top 10
}

@test "a delete that matches nothing, and one of 100,000 entries, stay under 8 MiB" {
	stays_small delete mark 4711
	stays_small delete --dry-run udp
	# The tests after this one find half of the entries.
	stays_small delete ipv4
	assert_equal "$(WORLD=$LARGE world_count)" 100000
}

@test "the whole table sorted costs less than 450 bytes an entry" {
	local kib
	kib=$(peak_kib "$LARGE" list --sort src)
	echo "$kib KiB for 100,000 entries"
	[ $((kib * 1024 / 100000)) -lt 450 ]
}
