# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The decoder and libnetfilter_conntrack read the same live dump, entry by entry and field by
# field; the comparison itself is tests/unit/decode.c.
bats_require_minimum_version 1.5.0
load ../lib/common

DECODE=${CONNTAB_BUILD#/}/unit/decode
[ "${CONNTAB_BUILD#/}" = "$CONNTAB_BUILD" ] && DECODE=$CONNTAB_ROOT/$DECODE || DECODE=/$DECODE

setup_file() {
	world_possible || skip "no network namespaces here"
	world_create "decoder$$" && world_accounting on && world_timestamps on && world_traffic && world_fill 1000 &&
		world_accounting off && world_timestamps off && world_fill 1000 --seed 1 && world_quiet
}

teardown_file() {
	world_destroy
}

setup() {
	[ -x "$DECODE" ] || skip "make unit builds what compares"
}

@test "the decoder agrees with libnetfilter_conntrack on every entry of a live table" {
	local count

	count=$(world_count)
	[ "$count" -ge 2000 ]
	run env CONNTAB_LIVE="$count" nsenter --net="$(world_namespace router)" "$DECODE"
	assert_success
	assert_line "$count entries"
}

@test "and while connections come and go" {
	local filler

	(for seed in 2 3 4 5 6 7; do world_fill 500 --seed "$seed" >/dev/null; done) 3>&- &
	filler=$!
	for _ in 1 2 3 4 5; do
		run env CONNTAB_LIVE=2000 nsenter --net="$(world_namespace router)" "$DECODE"
		assert_success
	done
	wait "$filler"
}

@test "the comparison notices when there is too little to compare" {
	run env CONNTAB_LIVE=1000000 nsenter --net="$(world_namespace router)" "$DECODE"
	assert_failure
	assert_output --partial "only "
}
