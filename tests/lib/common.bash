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
