# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A live table is emptied and made anew from its own records; the work and the comparison are
# tests/unit/create.c.
bats_require_minimum_version 1.5.0
load ../lib/common

CREATE=${CONNTAB_BUILD#/}/unit/create
[ "${CONNTAB_BUILD#/}" = "$CONNTAB_BUILD" ] && CREATE=$CONNTAB_ROOT/$CREATE || CREATE=/$CREATE

setup() {
	[ -x "$CREATE" ] || skip "make unit builds what is run here"
	world_possible || skip "no network namespaces here"
	name_own_world
}

teardown() {
	world_destroy
}

@test "a table of every protocol and every sort of NAT is the same when it is made anew" {
	local count

	full_world
	world_quiet
	count=$(world_count)
	[ "$count" -ge 1200 ]
	run env CONNTAB_LIVE="$count" nsenter --net="$(world_namespace router)" "$CREATE"
	assert_success
	assert_line "$count entries"
}
