#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Where the output of the shell goes, on a real terminal (tests/lib/terminal.bash): pager, pipes, files. After all
# of it the terminal is sane.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/common
	world_single
	world_fill 300 >/dev/null
}

setup() {
	load ../lib/common
	load ../lib/terminal
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	terminal_stop
	leave_own_world
}

teardown_file() {
	load ../lib/common
	world_destroy
}

@test "a long listing goes to the pager, a short one does not; set pager off, and on" {
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "PAGER BEGINS $LESS"\nhead -n 3\necho PAGER ENDS\ncat >/dev/null\n' >pager
	chmod +x pager
	export PAGER=$PWD/pager
	start
	says 'list' 'PAGER BEGINS FRX'
	assert_output --partial 'PAGER ENDS'
	assert_equal "$(terminal_output | grep -c src=)" 3
	terminal_sane
	says 'list --limit 5' 'src='
	refute_output --partial 'PAGER'
	terminal_run 'set pager off'
	says 'list' 'src='
	refute_output --partial 'PAGER'
	assert_equal "$(terminal_output | wc -l)" 300
	terminal_run 'set pager reset'
	says 'list' 'PAGER BEGINS'
	terminal_run "set pager 'tr a-z A-Z'"
	says 'list' 'SRC='
	refute_output --partial 'src='
	says 'help' 'COMMAND'
	assert_output --partial 'MANAGES THE LINUX CONNECTION TRACKING TABLE'
	leave
}

@test "lines that are wider than the screen count as what they take" {
	export PAGER='sed s/^/PAGED/'
	start
	# Two or three rows each.
	says 'list -6 tcp --limit 9' 'src='
	refute_output --partial 'PAGED'
	says 'list -6 tcp --limit 16' 'PAGED'
	leave
}

@test "less as the pager: resized, left early, interrupted" {
	command -v less >/dev/null || skip 'no less here'
	unset PAGER
	start
	terminal_clear
	terminal_enter 'list'
	terminal_wait_for 'ipv'
	terminal_wait_for ':'
	terminal_resize 80 20
	terminal_key Space
	terminal_key q
	terminal_wait_prompt conntab
	terminal_sane
	terminal_clear
	terminal_enter 'list'
	terminal_wait_for ':'
	terminal_key C-c
	terminal_key q
	terminal_wait_prompt conntab
	says 'count' '300'
	leave
}

@test "a pager that does not exist is said in one line, and the listing is printed without" {
	export PAGER=/nonexistent/pager
	start
	terminal_run 'list'
	assert_equal "$(terminal_output | grep -c src=)" 300
	assert_equal "$(terminal_output | grep -c conntab:)" 1
	run terminal_output
	assert_output --partial 'conntab: no program for the pager "/nonexistent/pager"'
	leave
}

@test "a pager that quits early, or fails, is no failure of the command" {
	# shellcheck disable=SC2016
	printf '#!/bin/sh\nhead -n 1\n' >quits
	printf '#!/bin/sh\nexit 3\n' >fails
	chmod +x quits fails
	own_table 6000
	start
	terminal_run "set pager $PWD/quits"
	terminal_run 'list'
	assert_equal "$(terminal_output | wc -l)" 1
	terminal_run "set pager $PWD/fails"
	terminal_run 'list'
	assert_equal "$(terminal_output)" ''
	says 'count' '6000'
	leave
}

@test "| sends the output through a pipe, and its reader may leave early" {
	own_table 6000
	start
	says 'list | wc -l' '6000'
	assert_equal "$(terminal_output)" 6000
	terminal_run 'list | head -n 2'
	assert_equal "$(terminal_output | grep -c src=)" 2
	assert_equal "$(terminal_output | wc -l)" 2
	terminal_run "list | grep -c tcp | sed 's/^/lines: /'"
	assert_regex "$(terminal_output)" '^lines: [0-9]+$'
	says 'list | nosuchcommand' 'nosuchcommand'
	terminal_run 'count tcp || udp | cat'
	assert_equal "$(terminal_output)" "$(conntab_router count 'tcp || udp')"
	says 'list |' '| is followed by a command'
	says '| wc' 'no command stands in front of |'
	leave
}

@test "> writes a file, >> adds to it; neither takes errors along" {
	start
	terminal_run 'list -o jsonl > entries'
	assert_equal "$(jq -s length entries)" 300
	assert_equal "$(terminal_output)" ''
	terminal_run 'list -o jsonl tcp>entries'
	assert_equal "$(jq -s length entries)" "$(conntab_router count tcp)"
	terminal_run 'list -o jsonl not tcp >> entries'
	assert_equal "$(jq -s length entries)" 300
	terminal_run "count > 'two words'"
	assert_equal "$(cat 'two words')" 300
	terminal_run 'count > two\ words # a remark'
	assert_equal "$(cat 'two words')" 300
	says 'list nosuch > nothing' 'nosuch'
	assert [ ! -s nothing ]
	says 'list > /nonexistent/file' '/nonexistent/file: No such file or directory'
	says 'list > .' 'Is a directory'
	says 'list > /dev/full' 'No space left on device'
	says 'list >' '> is followed by the name of a file'
	says 'list > one two' '> and one file name end the line'
	says 'list > one > two' 'the output goes to one file or one command'
	assert [ ! -e one ]
	leave
}

@test "> behind a filter's field compares and makes no file" {
	start
	mkdir empty
	local line
	for line in 'list bytes > 10M' 'list bytes >10M' 'list bytes> 10M' 'list bytes>10M' 'list bytes >= 10M' 'list bytes>=10M' \
		'list dport > 1 bytes > 10M' 'count tcp dport > 1024' 'count --by src tcp dport>1024' 'where timeout > 1d' 'where and mark > 1' \
		'where reset' 'delete --dry-run -q timeout > 365d' 'list not dport > 1024' 'list (dport > 1024 or sport > 1024)' \
		'flush idle --dry-run timeout > 365d' 'list -o table dport > 1024'; do
		terminal_run "$line | cat"
		run terminal_output
		refute_output --partial 'column'
	done
	assert_equal "$(find . -newer empty -type f ! -path './state/*' ! -path './terminal/*')" ''
	terminal_run 'count tcp dport > 1024 > counted'
	assert_equal "$(cat counted)" "$(conntab_router count tcp 'dport > 1024')"
	terminal_run 'count tcp dport 443 > 10M'
	assert_equal "$(cat 10M)" "$(conntab_router count tcp dport 443)"
	leave
}

# The last one: it adds entries to the table of the others.
@test "events go to the screen as they come, not to the pager" {
	export PAGER='sed s/^/PAGED/'
	start
	terminal_clear
	terminal_enter 'events --count 60 -c event,proto'
	# It listens once a socket has joined one of the groups: the last digit of the fourth column.
	terminal_wait world_router awk '$2 == 12 && $4 ~ /[^08]$/ { n++ } END { exit !n }' /proc/net/netlink
	world_fill 100 --seed 7 >/dev/null
	terminal_wait_prompt conntab
	run terminal_screen
	refute_output --partial PAGED
	assert_output --partial '60 events'
	leave
}
