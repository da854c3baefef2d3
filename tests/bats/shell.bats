#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The shell on a real terminal (tests/lib/terminal.bash), and that the terminal is sane after all that is done on it.
# shellcheck disable=SC1003,SC2016,SC2030,SC2031,SC2154

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

# The identifiers in the table, sorted.
ids() { world_router conntrack -L -o id 2>/dev/null | sed -n 's/.* id=\([0-9]*\).*/\1/p' | sort; }

# What a line has started says "begun": the terminal is its own from then on.
has_begun() { terminal_screen | grep -qx begun; }

# ---- the prompt ----

@test "the prompt shows the fill level, the namespace and the working filter" {
	start
	assert_equal "$(terminal_prompt)" 'conntab 0%>'
	terminal_run 'where tcp dport 443'
	assert_equal "$(terminal_prompt)" 'conntab 0% tcp dport 443>'
	terminal_run 'where and not src 10.0.0.0/8'
	assert_equal "$(terminal_prompt)" 'conntab 0% tcp dport 443 not src 10.0.0.0/8>'
	terminal_run "netns $WORLD-router"
	assert_equal "$(terminal_prompt)" "conntab[$WORLD-router] 0% tcp dport 443 not src 10.0.0.0/8>"
	terminal_run 'where reset'
	assert_equal "$(terminal_prompt)" "conntab[$WORLD-router] 0%>"
	terminal_run 'netns reset'
	assert_equal "$(terminal_prompt)" 'conntab 0%>'
	leave
}

@test "a long working filter is cut in the prompt, not in its effect" {
	start
	terminal_run 'where dport in {1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010}'
	assert_regex "$(terminal_prompt)" '^conntab 0% dport in \{1001, 1002.*\.\.\.>$'
	assert [ "$(terminal_prompt | wc -c)" -lt 80 ]
	says where '1009, 1010}'
	leave
}

@test "-n is shown, and is where netns reset leads" {
	start -n "$WORLD-router"
	assert_equal "$(terminal_prompt)" "conntab[$WORLD-router] 0%>"
	terminal_run "netns /proc/self/ns/net"
	assert_equal "$(terminal_prompt)" 'conntab[/proc/self/ns/net] 0%>'
	terminal_run 'netns reset'
	assert_equal "$(terminal_prompt)" "conntab[$WORLD-router] 0%>"
	says 'netns nowhere' 'conntab: netns: network namespace nowhere: none of that name in /run/netns'
	assert_equal "$(terminal_prompt)" "conntab[$WORLD-router] 0%>"
	leave
}

@test "the level is green, and of no colour where none is wanted" {
	start
	terminal_run ''
	run terminal_screen -e
	assert_output --partial $'\e[32m0%'
	terminal_run 'set color never'
	terminal_run ''
	run terminal_screen -e
	refute_output --partial $'\e[3'
	leave
}

# The maximum is one for the machine, the count each namespace's own: so a table fills up here and nowhere else.
@test "with a table that is 80 and 95 per cent full the level is yellow and red; Ctrl-C ends a long list" {
	local maximum line file
	maximum=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	[ "$maximum" -le 300000 ] || skip "the table holds $maximum entries"
	own_table $((maximum * 82 / 100 + 1))
	start
	assert_equal "$(terminal_prompt)" 'conntab 82%>'
	run terminal_screen -e
	assert_output --partial $'\e[33m82%'
	terminal_clear
	terminal_run 'set pager off'
	# In the middle: the first lines are there, the last cannot be.
	terminal_clear
	terminal_enter 'list'
	terminal_wait_for 'src='
	terminal_key C-c
	terminal_wait_prompt conntab
	assert [ "$(terminal_screen | grep -c src=)" -lt $((maximum / 2)) ]
	terminal_sane
	says 'count' $((maximum * 82 / 100 + 1))
	# Not into a file, a pipe and the pager either.
	for line in 'list | cat >piped' 'list >redirected'; do
		terminal_clear
		terminal_enter "$line"
		file=${line##*>}
		terminal_wait test -s "$file"
		terminal_key C-c
		terminal_wait_prompt conntab
		assert [ "$(wc -l <"$file")" -lt "$(world_count)" ]
		terminal_sane
	done
	# A key press is not kept waiting by so many.
	terminal_type 'list src 2001:db8:10'
	terminal_key Tab
	terminal_wait_for '2001:db8:10:'
	terminal_key C-c
	world_fill $((maximum * 14 / 100 + 1)) --seed 1 >/dev/null
	terminal_run ''
	# Some of it may have ended since.
	assert_regex "$(terminal_prompt)" '^conntab 9[5-9]%>$'
	run terminal_screen -e
	assert_output --partial $'\e[1m\e[31m9'
	leave
}

# ---- what ends a command, and the shell ----

@test "Ctrl-C ends watch, and the screen is resized meanwhile" {
	start
	terminal_clear
	terminal_enter 'watch --interval 0.05'
	terminal_wait_for '300'
	terminal_resize 70 20
	terminal_resize 120 40
	terminal_key C-c
	terminal_wait_prompt conntab
	says 'count' '300'
	leave
}

@test "Ctrl-C at the prompt throws the line away, in a search and in a continuation too" {
	start
	terminal_type 'list tcp dport'
	terminal_key C-c
	terminal_wait_prompt conntab
	terminal_run ''
	terminal_type 'list \'
	terminal_key Enter
	terminal_wait_for '> '
	terminal_key C-c
	terminal_key C-u Enter
	terminal_wait_prompt conntab
	terminal_key C-r
	terminal_wait_for 'i-search'
	terminal_key C-c
	terminal_wait_prompt conntab
	says 'count' '300'
	leave
}

@test "Ctrl-C ends what ! and | have started, not the shell" {
	start
	local line
	for line in '!echo begun; sleep 1000' "list --limit 1 | sh -c 'echo begun; sleep 1000'"; do
		terminal_clear
		terminal_enter "$line"
		terminal_wait has_begun
		terminal_key C-c
		terminal_wait_prompt conntab
		terminal_sane
	done
	says 'count' '300'
	leave
}

@test "a resize at the prompt is taken up by it" {
	start
	terminal_type 'list tcp dport 443 and not src 10.0.0.0/8'
	terminal_resize 40 15
	terminal_type ' not dst 10.0.0.0/8'
	terminal_resize 100 30
	terminal_type ' limited'
	terminal_wait line_is 'list tcp dport 443 and not src 10.0.0.0/8 not dst 10.0.0.0/8 limited'
	terminal_key C-u
	# The new size counts for what follows.
	export PAGER=
	terminal_resize 200 15
	terminal_run '!stty size'
	assert_equal "$(terminal_output)" '15 200'
	terminal_run "set pager 'sed s/^/PAGED/'"
	says 'list --limit 20' 'PAGED'
	leave
}

@test "Ctrl-Z stops the shell, and watch in it; fg goes on" {
	start
	terminal_type 'count tc'
	terminal_key C-z
	terminal_wait_prompt 'sh$'
	terminal_sane
	terminal_clear
	terminal_enter 'fg'
	terminal_wait line_is 'count tc'
	terminal_type 'p'
	terminal_wait line_is 'count tcp'
	terminal_key Enter
	terminal_wait_prompt conntab
	terminal_clear
	terminal_enter 'watch --interval 0.05'
	terminal_wait_for '300'
	terminal_key C-z
	terminal_wait_prompt 'sh$'
	terminal_sane
	terminal_clear
	terminal_enter 'fg'
	terminal_wait_for '300'
	terminal_key C-c
	terminal_wait_prompt conntab
	says 'count' '300'
	leave
}

@test "quit, exit and Ctrl-D leave with status 0" {
	start
	terminal_run 'nosuch'
	terminal_run 'quit'
	says 'echo status $?' 'status 0'
	terminal_conntab
	terminal_run 'exit'
	says 'echo status $?' 'status 0'
	terminal_conntab
	terminal_type 'count'
	terminal_key C-d
	terminal_wait line_is 'count'
	terminal_key C-u C-d
	terminal_wait_prompt 'sh$'
	says 'echo status $?' 'status 0'
	terminal_sane
}

@test "! runs a command, with the terminal to itself" {
	start
	terminal_run '!echo one two | tr a-z A-Z'
	assert_equal "$(terminal_output)" 'ONE TWO'
	terminal_run '  ! test -t 0 && test -t 1 && echo on a terminal'
	assert_equal "$(terminal_output)" 'on a terminal'
	terminal_clear
	terminal_enter '!echo begun; read -r line && echo "read <$line>"'
	terminal_wait has_begun
	terminal_enter 'typed'
	terminal_wait_for 'read <typed>'
	terminal_wait_prompt conntab
	says '!' '! is followed by a command'
	says '!exit 7' ''
	says '!kill -SEGV $$' ''
	terminal_clear
	# What it leaves behind is mended.
	terminal_enter '!stty raw -echo'
	terminal_wait_prompt conntab
	leave
}

@test "help and help COMMAND teach by example" {
	export PAGER=
	start
	says 'help' 'where tcp dport 443'
	assert_output --partial 'undo'
	local command
	for command in list count delete where netns set undo quit shell; do
		says "help $command" 'Examples'
	done
	says 'help nosuch' 'no command and no topic "nosuch"'
	says 'lst' 'conntab: no command "lst"'
	assert_output --partial 'list'
	says 'where --help' 'narrow'
	leave
}

# ---- deleting ----

@test "delete says how many would go, by state, and asks: n, Enter and Ctrl-C leave everything" {
	local number answer
	own_table
	number=$(conntab_router count tcp)
	ids >before
	start
	for answer in n Enter x C-c C-d; do
		terminal_clear
		terminal_enter 'delete tcp'
		terminal_wait_for '[y/N]'
		run terminal_screen
		assert_output --partial "Delete $number entries ("
		assert_output --partial ' established, '
		terminal_key "$answer"
		[ ${#answer} -gt 1 ] || terminal_key Enter
		terminal_wait_prompt conntab
		run terminal_screen
		assert_output --partial 'nothing was deleted'
		ids | cmp before -
		terminal_sane
	done
	says 'undo' 'nothing to undo'
	leave
}

# agree LINE: the line asks, and is answered with y.
agree() {
	terminal_clear
	terminal_enter "$1"
	terminal_wait_for '[y/N]'
	terminal_enter y
	terminal_wait_prompt conntab
}

@test "delete asks, y does it, undo puts it back" {
	local number
	own_table
	number=$(conntab_router count tcp)
	start
	agree 'delete tcp'
	run terminal_screen
	assert_output --partial "conntab: delete: deleted $number entries ("
	assert_output --partial '); undo puts them back'
	assert_equal "$(conntab_router count tcp)" 0
	says 'undo' "$number entries are back"
	assert_equal "$(conntab_router count tcp)" "$number"
	says 'undo' 'nothing to undo'
	says 'delete -y udp' 'undo puts them back'
	assert_equal "$(conntab_router count udp)" 0
	says 'delete mark 987654' 'nothing matches'
	terminal_run 'undo'
	assert_equal "$(world_count)" 300
	leave
}

@test "delete takes the working filter, and without one is refused" {
	local number
	own_table
	number=$(conntab_router count tcp established)
	start
	says 'delete' 'refused without a filter'
	terminal_run 'where tcp'
	says 'count' "$(conntab_router count tcp)"
	agree 'delete established'
	run terminal_screen
	assert_output --partial "Delete $number entries"
	assert_equal "$(world_count)" $((300 - number))
	terminal_run 'undo'
	number=$(conntab_router count tcp)
	agree 'delete'
	assert_equal "$(world_count)" $((300 - number))
	says 'flush all' 'flush all takes no notice of the working filter'
	assert_equal "$(world_count)" $((300 - number))
	terminal_run 'undo'
	assert_equal "$(world_count)" 300
	leave
}

@test "flush all asks once, and can be undone" {
	own_table
	start
	terminal_clear
	terminal_enter 'flush all'
	terminal_wait_for 'Delete 300 entries ('
	terminal_wait_for '[y/N]'
	terminal_enter n
	terminal_wait_prompt conntab
	assert_equal "$(world_count)" 300
	agree 'flush all'
	assert_equal "$(terminal_screen | grep -c 'y/N')" 1
	assert_equal "$(world_count)" 0
	terminal_run 'undo'
	assert_equal "$(world_count)" 300
	agree 'flush all -6'
	assert_equal "$(conntab_router count ipv6)" 0
	assert [ "$(world_count)" -gt 0 ]
	agree 'flush idle'
	says 'flush idle' 'nothing matches'
	leave
}

# ---- the working filter, settings ----

@test "where narrows list, count and watch; and, or, reset" {
	start
	terminal_run 'where tcp dport 443'
	assert_equal "$(terminal_output)" ''
	says 'where' 'tcp dport 443'
	terminal_run 'count'
	assert_equal "$(terminal_output)" "$(conntab_router count tcp dport 443)"
	terminal_run 'where or udp dport 53'
	terminal_run 'count'
	assert_equal "$(terminal_output)" "$(conntab_router count '(tcp dport 443) or (udp dport 53)')"
	terminal_run 'where and ipv6'
	terminal_run 'count'
	assert_equal "$(terminal_output)" "$(conntab_router count '((tcp dport 443) or (udp dport 53)) ipv6')"
	terminal_run 'count tcp'
	assert_equal "$(terminal_output)" "$(conntab_router count 'tcp dport 443 ipv6')"
	says 'where and not dport > 99999' 'conntab: where:'
	says 'where staet established' 'did you mean "state"'
	terminal_run 'count'
	assert_equal "$(terminal_output)" "$(conntab_router count '((tcp dport 443) or (udp dport 53)) ipv6')"
	terminal_run 'where reset'
	terminal_run 'count'
	assert_equal "$(terminal_output)" 300
	says 'where tcp udp' 'never matches'
	leave
}

@test "set changes how entries are printed, shows it, and takes it back" {
	start
	says 'set' 'output'
	terminal_run 'set output csv'
	says 'list --limit 1' 'family,'
	terminal_run 'set columns src,dport'
	terminal_run 'list --limit 1 tcp'
	assert_equal "$(terminal_output | head -n 1)" 'src,dport'
	says 'set' 'src,dport'
	says 'list -o proc --limit 1' 'ipv'
	terminal_run 'set columns reset'
	terminal_run 'set output reset'
	says 'list --limit 1' 'src='
	says 'set output nosuch' 'nosuch'
	says 'set nosuch 1' 'no setting "nosuch"'
	says 'set colr never' 'color'
	says 'set color blue' '"blue" is not auto, always or never'
	says 'set undo maybe' '"maybe" is not on or off'
	says 'set output' 'default'
	leave
}

@test "netns moves, and the filter stays" {
	own_table
	local other=$WORLD-other
	WORLD=$other world_single "$other"
	WORLD=$FILE_WORLD-own
	ip netns exec "$other-router" conntrack -I -p tcp -s 192.0.2.1 -d 192.0.2.2 --sport 1 --dport 2 -t 3600 \
		--state ESTABLISHED 2>/dev/null
	start
	says 'count' 300
	terminal_run "netns $other-router"
	assert_equal "$(terminal_prompt)" "conntab[$other-router] 0%>"
	terminal_run 'count'
	assert_equal "$(terminal_output)" 1
	says 'netns' "$WORLD-router"
	agree 'delete tcp'
	terminal_run 'netns reset'
	says 'count' 300
	# It goes back to where it was taken.
	terminal_run 'undo'
	says 'count' 300
	assert_equal "$(WORLD=$other world_count)" 1
	leave
	WORLD=$other world_destroy
}

# ---- several lines ----

@test "pasted lines run one after the other, and each is kept" {
	start
	terminal_clear
	terminal_tmux set-buffer -b pasted -- $'count tcp\ncount udp\n\n# remark\ncount sctp'
	terminal_tmux paste-buffer -p -r -b pasted
	terminal_wait_for 'count sctp'
	terminal_key Enter
	terminal_wait_for "$(conntab_router count sctp)"
	terminal_wait_prompt conntab
	run terminal_screen
	assert_output --partial "$(conntab_router count tcp)"
	assert_output --partial "$(conntab_router count udp)"
	terminal_sane
	assert_equal "$(head -n 4 "$XDG_STATE_HOME/conntab/history")" $'count tcp\ncount udp\n# remark\ncount sctp'
	# The same from a terminal that does not bracket what is pasted.
	terminal_clear
	terminal_tmux set-buffer -b pasted -- $'count tcp\ncount udp\ncount sctp dport 9\n'
	terminal_tmux paste-buffer -b pasted
	terminal_wait_for 'count sctp dport 9'
	terminal_wait_prompt conntab
	run terminal_screen
	assert_output --partial "$(conntab_router count udp)"
	leave
}

@test "a backslash at the end takes the next line in" {
	start
	terminal_clear
	terminal_enter 'count tcp \'
	terminal_wait eval '[ "$(terminal_prompt)" = ">" ]'
	terminal_enter 'dport \'
	terminal_wait eval '[ "$(terminal_screen | grep -c "^>")" = 2 ]'
	terminal_enter '443'
	terminal_wait_prompt conntab
	assert_equal "$(terminal_screen | tail -n 2 | head -n 1)" "$(conntab_router count tcp dport 443)"
	# The whole of it is in the history, on one line.
	assert_equal "$(cat "$XDG_STATE_HOME/conntab/history")" 'count tcp dport 443'
	terminal_key Up
	terminal_wait line_is 'count tcp dport 443'
	terminal_key C-u
	leave
}
