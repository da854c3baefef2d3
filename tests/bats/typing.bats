#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What is typed at the prompt, on a real terminal (tests/lib/terminal.bash): completion, history, inputrc, and
# input that is bad. After all of it the terminal is sane.
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
	export INPUTRC=$BATS_TEST_TMPDIR/inputrc
	printf 'set %s\n' 'bell-style none' 'show-all-if-ambiguous on' 'page-completions off' \
		'completion-query-items 0' >"$INPUTRC"
}

teardown() {
	terminal_stop
	leave_own_world
}

teardown_file() {
	load ../lib/common
	world_destroy
}

# ---- completion ----

# completes TYPED WHOLE: Tab makes one of the other. The line is gone then.
completes() {
	terminal_clear
	terminal_type "$1"
	terminal_key Tab
	terminal_wait line_is "$2"
	terminal_key C-u
}

# All words of the arguments are shown as candidates below the line.
are_offered() {
	local shown word

	shown=" $(terminal_screen | sed '1d;$d' | tr -s ' \n' ' ') "
	for word; do
		[[ $shown == *" $word "* ]] || return
	done
}

# offers TYPED WORD...: Tab shows these words among others.
offers() {
	terminal_clear
	terminal_type "$1"
	terminal_key Tab
	terminal_wait are_offered "${@:2}"
	terminal_key C-u
}

@test "Tab completes commands, the shell's own, options and their values, fields, formats" {
	start
	completes 'li' 'list'
	completes 'und' 'undo'
	completes 'whe' 'where'
	completes '  cou' '  count'
	offers '' list count delete where netns set undo quit help
	completes 'list --no-k' 'list --no-kernel-filter'
	completes 'list -o js' 'list -o json'
	offers 'list -o js' json jsonl
	completes 'list --output=xm' 'list --output=xml'
	completes 'list -o conntrack,extend' 'list -o conntrack,extended'
	completes 'list -c src,tim' 'list -c src,timeout'
	completes 'list --sort -time' 'list --sort -timeout'
	completes 'count --by reply.sr' 'count --by reply.src'
	completes 'list --color alw' 'list --color always'
	completes 'help fil' 'help filter'
	completes 'help und' 'help undo'
	completes 'flush id' 'flush idle'
	completes 'netns '"$WORLD-rou" "netns $WORLD-router"
	completes 'list -n '"$WORLD-rou" "list -n $WORLD-router"
	leave
}

@test "Tab completes filter words and values, glued to an operator or not" {
	start
	completes 'list establ' 'list established'
	completes 'list state estab' 'list state established'
	completes 'list state=estab' 'list state=established'
	completes 'list state != estab' 'list state != established'
	completes 'list state!=estab' 'list state!=established'
	completes 'list not unrep' 'list not unreplied'
	completes 'list (state estab' 'list (state established'
	completes 'list "state estab' 'list "state established'
	offers 'list state in {time_wait,clo' '{time_wait,close' '{time_wait,close_wait'
	completes 'where reply.spo' 'where reply.sport'
	completes 'where and state estab' 'where and state established'
	offers 'where ' and or reset tcp
	completes 'where rese' 'where reset'
	completes 'set col' 'set col'
	offers 'set col' color columns
	completes 'set undo of' 'set undo off'
	completes 'set output tab' 'set output table'
	completes 'set columns src,sta' 'set columns src,sta'
	offers 'set columns src,sta' src,state src,status
	completes 'set color nev' 'set color never'
	completes 'delete udp dpo' 'delete udp dport'
	completes 'watch unre' 'watch unreplied'
	leave
}

@test "Tab completes addresses and ports of the live table" {
	own_table 0
	world_router conntrack -I -p tcp -s 192.0.2.77 -d 198.51.100.99 --sport 51234 --dport 4433 -t 3600 \
		--state ESTABLISHED 2>/dev/null
	world_router conntrack -I -p udp -s 2001:db8::7777 -d 2001:db8::9999 --sport 51235 --dport 53 -t 3600 2>/dev/null
	start
	completes 'list src 192' 'list src 192.0.2.77'
	completes 'list src=192' 'list src=192.0.2.77'
	completes 'list src 2001' 'list src 2001:db8::7777'
	completes 'list dst=198' 'list dst=198.51.100.99'
	completes 'delete dport 44' 'delete dport 4433'
	completes 'list sport > 51234 dst 198' 'list sport > 51234 dst 198.51.100.99'
	completes 'list port in {5123' 'list port in {5123'
	offers 'list sport ' 51234 51235
	completes "list -n $WORLD-router src 192" "list -n $WORLD-router src 192.0.2.77"
	leave
}

@test "Tab completes file names behind >, >>, | and ! and -f" {
	start
	mkdir 'folder'
	touch cleanup.conntab folder/inside
	completes 'list > clean' 'list > cleanup.conntab'
	completes 'list >> clean' 'list >> cleanup.conntab'
	completes 'list >clean' 'list >cleanup.conntab'
	completes 'list | cat clean' 'list | cat cleanup.conntab'
	completes '!cat clean' '!cat cleanup.conntab'
	completes 'shell -f clean' 'shell -f cleanup.conntab'
	completes 'shell -f fold' 'shell -f folder/'
	completes 'shell -f folder/in' 'shell -f folder/inside'
	completes 'list > folder/in' 'list > folder/inside'
	leave
}

@test "Tab at what cannot be completed changes nothing" {
	start
	local line
	for line in 'nosuch thing' 'list dport 99999999' 'list -o nosuch' 'set nosuch x' 'quit x' "list 'src"; do
		completes "$line" "$line"
	done
	leave
}

# ---- history ----

@test "history is kept across sessions, in a file of the user alone; Up and Ctrl-R find it" {
	start
	terminal_run 'count tcp dport 443'
	terminal_run 'count udp'
	terminal_run 'quit'
	assert_equal "$(stat -c %a "$XDG_STATE_HOME/conntab/history")" 600
	assert_equal "$(stat -c %a "$XDG_STATE_HOME/conntab")" 700
	terminal_conntab
	terminal_clear
	terminal_key Up
	terminal_wait line_is 'quit'
	terminal_key Up
	terminal_wait line_is 'count udp'
	terminal_key C-u
	terminal_wait_prompt conntab
	terminal_key C-r
	terminal_wait_for 'reverse-i-search'
	terminal_tmux send-keys -l 443
	terminal_wait_for 'count tcp dport 443'
	terminal_key Enter
	terminal_wait_prompt conntab
	assert_equal "$(tail -n 1 "$XDG_STATE_HOME/conntab/history")" 'count tcp dport 443'
	leave
}

@test "history leaves out what begins with a blank and what is repeated" {
	start
	terminal_run 'count tcp'
	terminal_run ' count udp'
	terminal_run 'count tcp'
	terminal_run 'count sctp'
	terminal_run '# a remark'
	terminal_run ''
	terminal_run 'nosuch'
	run cat "$XDG_STATE_HOME/conntab/history"
	assert_output $'count tcp\ncount sctp\n# a remark\nnosuch'
	leave
}

@test "two shells at once keep the lines of both" {
	start
	terminal_run 'count tcp'
	terminal_run "!'$CONNTAB'"
	terminal_run 'count udp'
	terminal_run 'quit'
	terminal_run 'count sctp'
	run cat "$XDG_STATE_HOME/conntab/history"
	assert_output "$(printf '%s\n' 'count tcp' "!'$CONNTAB'" 'count udp' 'quit' 'count sctp')"
	leave
}

@test "history is bounded" {
	mkdir -p state/conntab
	seq -f 'count dport %g' 1 5000 >state/conntab/history
	start
	terminal_run 'count tcp'
	local lines
	lines=$(wc -l <state/conntab/history)
	assert [ "$lines" -le 4001 ]
	assert_equal "$(tail -n 2 state/conntab/history)" $'count dport 5000\ncount tcp'
	terminal_key Up
	terminal_wait line_is 'count tcp'
	terminal_key Up
	terminal_wait line_is 'count dport 5000'
	terminal_key C-u
	leave
}

@test "without XDG_STATE_HOME history is in ~/.local/state" {
	# shellcheck disable=SC2030
	export XDG_STATE_HOME='' HOME=$PWD/home
	mkdir home
	start
	terminal_run 'count tcp'
	assert_equal "$(cat home/.local/state/conntab/history)" 'count tcp'
	leave
}

@test "inputrc has a part for conntab" {
	printf '%s\n' '$if conntab' '"\C-t": "count tcp\C-m"' '$endif' '$if other' '"\C-o": "count udp\C-m"' '$endif' >>"$INPUTRC"
	start
	terminal_clear
	terminal_key C-t
	terminal_wait_for 'count tcp'
	terminal_wait_prompt conntab
	assert_regex "$(terminal_output)" '^[0-9]+$'
	leave
}

@test "vi keys of inputrc work" {
	printf '%s\n' 'set editing-mode vi' '"\C-l": clear-screen' >>"$INPUTRC"
	start
	terminal_type 'count tcpx'
	terminal_key Escape x A
	terminal_type ' dport 443'
	terminal_wait line_is 'count tcp dport 443'
	terminal_key Enter
	terminal_wait_prompt conntab
	terminal_run 'count udp'
	assert_regex "$(terminal_output)" '^[0-9]+$'
	leave
}

# ---- bad input ----

# complains TEXT: start has said this in one line before its first prompt, and the shell works.
complains() {
	local shown

	shown=$(terminal_screen | sed '1d;$d' | grep -v '^conntab [0-9.]*: help shows')
	[ "$(wc -l <<<"$shown")" -eq 1 ] || fail "not one line: $shown"
	[[ $shown == "conntab: "*"$1"* ]] || fail "$shown"
	says 'count' 300
}

@test "a history that cannot be kept is said in one line, and left as it was: a link, a folder, a pipe, somebody's" {
	mkdir -p state/conntab
	echo 'precious' >precious
	ln -s "$PWD/precious" state/conntab/history
	start
	complains 'it is a symbolic link'
	leave
	assert_equal "$(cat precious)" 'precious'
	rm state/conntab/history
	mkdir state/conntab/history
	terminal_conntab
	complains 'history is not kept: '
	leave
	rmdir state/conntab/history
	mkfifo state/conntab/history
	terminal_conntab
	complains 'it is no file'
	leave
	rm state/conntab/history
	touch state/conntab/history
	chown nobody state/conntab/history
	terminal_conntab
	complains 'it belongs to somebody else'
	leave
}

@test "a history on a full disk, and no folder for it" {
	XDG_STATE_HOME='' HOME='' start
	complains 'history is not kept: neither XDG_STATE_HOME nor HOME is set'
	leave
	terminal_clear
	terminal_run "export XDG_STATE_HOME=/proc/nosuch"
	terminal_conntab
	complains 'history is not kept: /proc/nosuch'
	leave
	mkdir full
	cat >on-full-disk <<-'END'
		mount -t tmpfs -o size=4k none full && mkdir full/conntab || exit
		yes '' | head -c 4096 >full/conntab/history
		XDG_STATE_HOME=$PWD/full exec "$CONNTAB"
	END
	terminal_run 'unshare --mount sh on-full-disk'
	says 'count' 300
	run terminal_output
	assert_output --partial 'No space left on device'
	says 'count tcp' "$(conntab_router count tcp)"
	refute_output --partial 'No space left on device'
	leave
}

@test "a corrupt history: what is no text is dropped and said once, the rest is there" {
	mkdir -p state/conntab
	printf 'count tcp\nbad \xff\xfe\n\e[31mred\ncount \0udp\n%s\nlast line' "$(head -c 100000 /dev/zero | tr '\0' x)" >state/conntab/history
	start
	complains 'history: 4 lines of '
	terminal_key Up Up
	terminal_wait line_is 'last line'
	terminal_key Up
	terminal_wait line_is 'count tcp'
	terminal_key C-u
	leave
	assert_equal "$(head -n 2 state/conntab/history)" $'count tcp\nlast line'
	terminal_conntab
	refute grep -q $'[\x01-\x08\x0e-\x1f\xff]' state/conntab/history
	leave
}

@test "a history of 100 MB does not keep the prompt waiting, nor fill the memory" {
	mkdir -p state/conntab
	yes 'count tcp dport 443' | head -c 100000000 >state/conntab/history
	start
	terminal_run '!grep VmHWM /proc/$PPID/status'
	local peak
	peak=$(terminal_output | tr -dc 0-9)
	[ "${CONNTAB_VALGRIND:-}" = 1 ] || [[ $CONNTAB_BUILD == *sanitize* ]] || assert [ "$peak" -lt 60000 ]
	terminal_run 'count tcp'
	assert [ "$(stat -c %s state/conntab/history)" -lt 20000000 ]
	leave
}

@test "TERM unset, dumb or unknown: a prompt without colours, and everything works" {
	export PAGER='sed s/^/PAGED/'
	terminal_start
	local term
	for term in '-u TERM' TERM=dumb TERM=nosuchterminal TERM=; do
		terminal_clear
		terminal_enter "env $term '$CONNTAB'"
		terminal_wait_prompt conntab
		# Such a terminal cannot be cleared: no terminal_run here.
		terminal_enter 'count tcp'
		terminal_wait eval '[ "$(terminal_screen | grep -cx "$(conntab_router count tcp)")" -ge 1 ]'
		terminal_wait_prompt conntab
		terminal_enter 'nosuch'
		terminal_wait_for 'no command "nosuch"'
		terminal_wait_prompt conntab
		run terminal_screen -e
		[[ $term == TERM=nosuch* ]] || refute_output --partial $'\e[3'
		terminal_enter 'quit'
		terminal_wait_prompt 'sh$'
		terminal_sane
	done
}

@test "no terminal on one side: then it is no prompt" {
	run --separate-stderr conntab_router <<<'count'
	assert_output 300
	terminal_start
	terminal_run "echo count | '$CONNTAB'"
	assert_equal "$(terminal_output)" 300
	# Output elsewhere: commands are read from the keyboard, without a prompt.
	terminal_clear
	terminal_enter "'$CONNTAB' >out"
	terminal_enter 'count'
	terminal_key C-d
	terminal_wait_prompt 'sh$'
	assert_equal "$(cat out)" 300
	terminal_sane
}

@test "lines that cannot be read: one line each, and the prompt again" {
	start
	local line
	for line in "list 'src" 'list "src' 'list |' 'list >' '>x' '!' 'list staet' 'list -o nosuch' 'list --nosuch' 'set x y' \
		'undo x' 'quit x' 'where src' 'delete' 'flush' 'netns a b' 'help a b' 'shell' 'shell x' 'shell -f nosuch' '-f nosuch' '""'; do
		terminal_run "$line"
		assert_equal "$line: $(terminal_output | grep -c .)" "$line: 1"
		run terminal_output
		assert_output --regexp '^conntab: '
	done
	leave
}

@test "invalid UTF-8 and control characters: one line without them" {
	start
	terminal_clear
	terminal_tmux send-keys -H 6c 69 73 74 20 ff fe 41
	terminal_key Enter
	terminal_wait_for 'conntab: list: '
	terminal_wait_prompt conntab
	assert_equal "$(terminal_screen | grep -c 'conntab: ')" 1
	terminal_sane
	terminal_clear
	terminal_key C-v Escape
	terminal_tmux send-keys -l -- ']0;title'
	terminal_key C-v C-g Enter
	terminal_wait_for 'conntab: no command'
	terminal_wait_prompt conntab
	refute grep -q $'[\x01-\x08\x0e-\x1f\x80-\xff]' state/conntab/history
	leave
}

@test "a line of a megabyte: one line, and the prompt again" {
	start
	terminal_clear
	{ printf 'count src in {'; head -c 1100000 /dev/zero | tr '\0' 1; printf '}\n'; } >long
	terminal_tmux load-buffer -b long long
	terminal_tmux paste-buffer -p -r -b long
	terminal_wait eval '[[ $(terminal_tmux capture-pane -p) == *1111* ]]'
	terminal_wait eval '[[ $(terminal_tmux capture-pane -pJ) == *"1}"* ]]'
	terminal_key Enter
	terminal_wait_for 'conntab: '
	terminal_wait_prompt conntab
	terminal_tmux clear-history
	terminal_sane
	leave
}
