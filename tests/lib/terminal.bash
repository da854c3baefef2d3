# shellcheck shell=bash disable=SC2119,SC2120
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real terminal for tests: tmux, with a socket of its own, in the world's router. sh is bash
# there, for its job control, and prompts "sh$"; what is started from it prompts as conntab does.
#
#     terminal_start [COLUMNS LINES]   a terminal (100 x 30) with sh at its prompt
#     terminal_conntab [ARGUMENT...]   start conntab there, wait for its prompt
#     terminal_run LINE                at a prompt: clear the screen, type LINE, Enter, wait for a
#                                      prompt; the screen then shows nothing else
#     terminal_output                  what the last terminal_run printed, without the two prompts
#     terminal_type TEXT               type it and wait until it is shown
#     terminal_enter TEXT              the same with Enter, which is waited for no more
#     terminal_key KEY...              keys as tmux names them: Enter, Tab, C-c, Up
#     terminal_clear                   at a prompt: nothing but it is left on the screen
#     terminal_screen [OPTION...]      what it shows and what has scrolled off, wrapped lines joined;
#                                      -e: with colours
#     terminal_prompt                  the last line that is shown
#     terminal_wait_for TEXT           until that is on the screen
#     terminal_wait_prompt [TEXT]      until the last line is a prompt, and begins with TEXT
#     terminal_wait COMMAND...         until the command succeeds
#     terminal_resize COLUMNS LINES    make it so large, and wait until programs can see it
#     terminal_sane                    fails unless the terminal is as it was at the start; at a prompt
#     terminal_stop                    ends it with all that runs in it
#
# What the tests of the shell share: start, leave, says, line_is; see below.
#
# Waiting looks again and again and gives up after a time that no working program needs: a
# screen that never comes is printed with the failure.

TERMINAL_PATIENCE=${TERMINAL_PATIENCE:-40}
[ "${CONNTAB_VALGRIND:-}" != 1 ] || TERMINAL_PATIENCE=240

terminal_tmux() { tmux -L "$WORLD" "$@" 3>&-; }

terminal_start() {
	export XDG_STATE_HOME=${XDG_STATE_HOME-$BATS_TEST_TMPDIR/state} INPUTRC=${INPUTRC-/dev/null}
	TERMINAL_FILES=$BATS_TEST_TMPDIR/terminal
	export TMUX_TMPDIR=$TERMINAL_FILES
	mkdir -p "$TERMINAL_FILES" ${XDG_STATE_HOME:+"$XDG_STATE_HOME"} || return
	PS1='sh$ ' HISTFILE='' TMUX='' world_router tmux -L "$WORLD" -f /dev/null start-server \; \
		set-option -g default-terminal screen \; set-option -g history-limit 20000 \; \
		new-session -d -x "${1:-100}" -y "${2:-30}" bash --norc --noprofile 3>&- || return
	terminal_wait_prompt 'sh$' && terminal_run "stty -g >'$TERMINAL_FILES/before'"
}

terminal_stop() {
	terminal_tmux kill-server 2>/dev/null || true
}

# Blanks at the end of lines, and empty lines at the end, are what tmux fills the screen up with.
terminal_screen() {
	terminal_tmux capture-pane -pJ -S - "$@" | sed 's/ *$//' | sed -e ':a' -e '/^\n*$/{$d;N;ba' -e '}'
}

terminal_wait() {
	local end=$((SECONDS + TERMINAL_PATIENCE))

	until "$@"; do
		if [ "$SECONDS" -gt "$end" ]; then
			fail "waited in vain: $*; the terminal shows:
$(terminal_screen)"
			return 1
		fi
		sleep 0.02
	done
}

terminal_shows() { [[ $(terminal_tmux capture-pane -pJ -S -) == *"$1"* ]]; }
terminal_wait_for() { terminal_wait terminal_shows "$1"; }

# Looked at often: without other programs.
terminal_prompt() {
	local text

	text=$(terminal_tmux capture-pane -pJ)
	text=${text%"${text##*[! $'\n']}"}
	printf '%s\n' "${text##*$'\n'}"
}

terminal_is_prompt() {
	local last pattern='^(sh\$|conntab(\[.*\])?( [0-9]+%)?( .+)?>)$'

	last=$(terminal_prompt)
	[[ $last =~ $pattern && $last == "${1-}"* ]]
}
terminal_wait_prompt() { terminal_wait terminal_is_prompt "$@"; }

terminal_key() { terminal_tmux send-keys "$@"; }

terminal_type() {
	terminal_tmux send-keys -l -- "$1" && terminal_wait_for "${1%"${1##*[! ]}"}"
}

terminal_enter() {
	terminal_type "$1" && terminal_key Enter
}

terminal_is_clear() {
	local text

	text=$(terminal_tmux capture-pane -pJ)
	text=${text%"${text##*[! $'\n']}"}
	[[ $text != *$'\n'* ]] && terminal_is_prompt
}

terminal_clear() {
	terminal_key C-l && terminal_wait terminal_is_clear && terminal_tmux clear-history
}

terminal_run() {
	terminal_clear && terminal_enter "$1" && terminal_wait_prompt
}

# tmux lets a moment pass between two resizes.
terminal_resize() {
	terminal_tmux resize-window -x "$1" -y "$2" && terminal_wait terminal_has_size "$2 $1"
}

terminal_has_size() { [ "$(stty -F "$(terminal_tmux display-message -p '#{pane_tty}')" size)" = "$1" ]; }

terminal_output() { terminal_screen | sed '1d;$d'; }

terminal_conntab() {
	terminal_clear && terminal_enter "'$CONNTAB'${*:+ ${*@Q}}" && terminal_wait_prompt conntab
}

# Modes that a program may leave behind: cursor, alternate screen, keypad, mouse, insertion, colours.
terminal_modes() {
	terminal_tmux display-message -p 'cursor=#{cursor_flag} alternate=#{alternate_on} application=#{keypad_flag}#{keypad_cursor_flag} mouse=#{mouse_any_flag} insert=#{insert_flag} wrap=#{wrap_flag} origin=#{origin_flag}'
}

# "!" is the shell's at conntab's prompt; sh has it for a pipe's negation, which does no harm.
terminal_sane() {
	local now=$TERMINAL_FILES/now

	rm -f "$now"
	terminal_run "! stty -g >'$now'" || return
	assert_equal "$(cat "$now")" "$(cat "$TERMINAL_FILES/before")" || return
	assert_equal "$(terminal_modes)" 'cursor=1 alternate=0 application=00 mouse=0 insert=0 wrap=1 origin=0'
}

# ---- what the tests of the shell share ----

# A terminal with conntab at its prompt.
start() {
	terminal_start && terminal_conntab "$@"
}

# What every test ends with: at conntab's prompt and at that of sh the terminal is as it was.
leave() {
	terminal_sane && terminal_clear && terminal_key C-d && terminal_wait_prompt 'sh$' && terminal_sane
}

# says LINE TEXT: what the line prints has the text in it.
says() {
	terminal_run "$1"
	run terminal_output
	assert_output --partial "$2"
}

# What is typed behind the prompt so far.
line_is() {
	local last

	last=$(terminal_prompt)
	[ "${last#*> }" = "$1" ]
}
