# SPDX-License-Identifier: GPL-2.0-or-later
# What every bats file loads: the program under test, the worlds it looks at, assertions.
# shellcheck shell=bash

: "${CONNTAB_ROOT:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${CONNTAB_BUILD:=build}"
export CONNTAB_ROOT CONNTAB_BUILD
export TZ=UTC LC_ALL=C.UTF-8 NO_COLOR=
unset NO_COLOR

bats_load_library bats-support
bats_load_library bats-assert

# The program as an absolute path, so that it works inside a namespace too.
CONNTAB=$CONNTAB_ROOT/$CONNTAB_BUILD/conntab
[ "${CONNTAB_BUILD#/}" = "$CONNTAB_BUILD" ] || CONNTAB=$CONNTAB_BUILD/conntab
TESTS=$CONNTAB_ROOT/tests
SAME=$TESTS/tool/same-entries

# Under valgrind a wrapper stands in for the program; a memory error is status 99.
if [ "${CONNTAB_VALGRIND:-}" = 1 ]; then
	CONNTAB_REAL=$CONNTAB
	CONNTAB=$TESTS/tool/under-valgrind
	export CONNTAB_REAL
fi
export CONNTAB TESTS SAME

# shellcheck source=tests/lib/world.bash
. "$TESTS/lib/world.bash"

# conntab in this namespace; in the world's router: conntab_router ARGUMENT...
conntab() { "$CONNTAB" "$@"; }
conntab_router() { world_router "$CONNTAB" "$@"; }
export -f conntab conntab_router

# Seconds that two listings may be apart: valgrind takes its time.
WITHIN=1
[ "${CONNTAB_VALGRIND:-}" != 1 ] || WITHIN=15
export WITHIN

# For a file whose tests share one world, made in setup_file: the table that holds everything.
full_world() {
	# shellcheck disable=SC2119
	world_create
	world_accounting on
	world_timestamps on
	world_traffic
	world_fill 1200
}

# own_world KIND: a world of this test's own, in the place of the file's.
own_world() {
	FILE_WORLD=$WORLD
	"world_$1" "$WORLD-own"
}

# The same with so many entries (300), for a test that deletes.
own_table() {
	own_world single && world_fill "${1:-300}" >/dev/null
}

# The end of a test: its own world goes, the file's is removed last.
leave_own_world() {
	[ "$WORLD" = "${FILE_WORLD:-$WORLD}" ] || world_destroy
}

# For a file whose tests make a world each: names it, and goes to the test's own folder.
name_own_world() {
	cd "$BATS_TEST_TMPDIR" || return
	WORLD=ct$$-$BATS_TEST_NUMBER
	export WORLD
}

# LeakSanitizer does not work under strace.
under_strace() {
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0
}
