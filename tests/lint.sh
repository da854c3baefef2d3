#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Static checks, with what is installed of: shellcheck, mandoc, cppcheck. Fails on any finding.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0

run() {
	command -v "$1" >/dev/null || { echo "$1: not installed, left out"; return; }
	echo "$1"
	"$@" || status=1
}

mapfile -t scripts < <(grep -rlE '^#!.*\b(ba)?sh\b' tests .ci contrib 2>/dev/null)
run shellcheck -x "${scripts[@]}" tests/lib/*.bash completions/*.bash tests/bats/*.bats
for page in build/man/*; do
	run mandoc -T lint -W warning "$page"
done
run cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	--suppress=missingIncludeSystem --error-exitcode=1 -Iinclude -Isrc -D_GNU_SOURCE src
exit $status
