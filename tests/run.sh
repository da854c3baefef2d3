#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the unit tests and the bats files (all, or those named as arguments: file
# names without their ending), several at once. Prints what fails in full; the last
# line is "N passed, N failed, N skipped".
#
#   CONNTAB_BUILD     where the program was built (build)
#   CONNTAB_VALGRIND  1: run the program and the unit tests under valgrind
set -u
cd "$(dirname "$0")/.." || exit 1
export CONNTAB_BUILD=${CONNTAB_BUILD:-build}
export CONNTAB_ROOT=$PWD
export WORLD_BUILD=$CONNTAB_ROOT/build/tests
export CMOCKA_MESSAGE_OUTPUT=tap
# Leaks count, and a fault of the sanitizers must not look like an ordinary failure.
export ASAN_OPTIONS=exitcode=99:detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1:exitcode=99
export LC_ALL=C.UTF-8 TZ=UTC
export BATS_LIB_PATH=${BATS_LIB_PATH:-/usr/lib/bats:/usr/lib}

results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT

# One test program or file; its TAP goes to a file of its own.
run_one() {
	local name
	name=$(basename "$1")
	case $1 in
	*.bats) bats --tap "$1" ;;
	*) if [ "${CONNTAB_VALGRIND:-}" = 1 ]; then
		valgrind -q --error-exitcode=99 --leak-check=full "$1"
	   else
		"$1"
	   fi ;;
	esac >"$2/$name.tap" 2>"$2/$name.err" </dev/null
	local status=$?
	# A crash, or a file that could not be loaded, prints no "not ok" of its own.
	if [ $status -ne 0 ] && ! grep -q '^not ok' "$2/$name.tap"; then
		echo "not ok - $name ended with status $status" >>"$2/$name.tap"
	fi
	grep -q '^not ok' "$2/$name.tap" && verdict=FAILED || verdict=ok
	printf '  %-6s %s (%s)\n' "$verdict" "$name" "$(grep -c '^ok' "$2/$name.tap")"
}
export -f run_one

# The slow ones first, so that nobody waits for the last.
tests=()
if [ $# -gt 0 ]; then
	for name in "$@"; do
		[ -x "$CONNTAB_BUILD/unit/$name" ] && tests+=("$CONNTAB_BUILD/unit/$name")
		[ -e "tests/bats/$name.bats" ] && tests+=("tests/bats/$name.bats")
	done
else
	mapfile -t tests < <(ls -S tests/bats/*.bats; find "$CONNTAB_BUILD/unit" -type f -perm -u+x | sort)
fi

# The helpers in C are compiled once, before two tests would do it at a time.
(. tests/lib/world.bash && for tool in tests/tool/*.c; do world_tool "$(basename "$tool" .c)" >/dev/null || exit 1; done) || exit 1

# shellcheck disable=SC2016 # for the shell that is started
printf '%s\n' "${tests[@]}" | xargs -P "${JOBS:-$(nproc)}" -I{} bash -c 'run_one "$1" "$2"' - {} "$results"

passed=0 failed=0 skipped=0
for tap in "$results"/*.tap; do
	[ -e "$tap" ] || continue
	skipped_here=$(grep -ci '^ok.*# skip' "$tap")
	passed=$((passed + $(grep -c '^ok' "$tap") - skipped_here))
	skipped=$((skipped + skipped_here))
	failed=$((failed + $(grep -c '^not ok' "$tap")))
	if grep -q '^not ok' "$tap"; then
		printf '\n== %s\n' "$(basename "$tap" .tap)"
		grep -v '^ok' "$tap"
		tail -n 40 "${tap%.tap}.err"
	fi
	grep -i '^ok.*# skip' "$tap"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
