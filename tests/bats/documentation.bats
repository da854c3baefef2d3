#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Help, man pages, completion, README and the tables in the sources say the same, and what they say works.
# Words of the tables are split on purpose; a test is a subshell, and so is what it sets.
# shellcheck shell=bash disable=SC1003,SC2001,SC2013,SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0
load ../lib/common

# Tables are compared by some thousand calls, which would take long under valgrind: only examples run there.
conntab() { "${CONNTAB_REAL:-$CONNTAB}" "$@"; }
conntab_router() { world_router "${CONNTAB_REAL:-$CONNTAB}" "$@"; }

# What only events have.
EVENT_FIELDS='event|when'
# What only expectations have.
EXPECT_FIELDS='mask\.(src|sport|dst|dport)|class|flags|fn|nat\.(dir|src|sport)'

PAGE=$CONNTAB_ROOT/$CONNTAB_BUILD/man/conntab.8
[ "${CONNTAB_BUILD#/}" = "$CONNTAB_BUILD" ] || PAGE=$CONNTAB_BUILD/man/conntab.8
FILTER_PAGE=${PAGE%conntab.8}conntab-filter.7
SOURCES=$CONNTAB_ROOT/src

setup_file() {
	world_single "documentation$$"
	world_accounting on
	mkdir "$BATS_FILE_TMPDIR/bin"
	ln -s "$CONNTAB" "$BATS_FILE_TMPDIR/bin/conntab"
	ln -s /bin/true "$BATS_FILE_TMPDIR/bin/logger" # examples must not write to this machine's log
	ln -s /bin/true "$BATS_FILE_TMPDIR/bin/less"   # is no package of ours
	# Where examples run, with the scripts that they name.
	mkdir "$BATS_FILE_TMPDIR/work"
	cp "$CONNTAB_ROOT/contrib/nightly.conntab" "$BATS_FILE_TMPDIR/work"
	sed '1,/^```conntab$/d; /^```$/,$d' "$CONNTAB_ROOT/README.md" >"$BATS_FILE_TMPDIR/work/cleanup.conntab"
	refill
}

teardown_file() {
	world_destroy
}

# Some entries of every protocol: examples delete some of them.
refill() {
	conntab_router -q flush all && world_fill 200 >/dev/null
}

# ---- the tables, as the sources have them ----

table_fields() {
	sed -nE 's/^(FIELD|ANY_OF)\(.*[A-Z], "([a-z._]+)".*/\2/p' "$SOURCES/record/fields.def"
}

table_aliases() {
	sed -nE 's/.*\.alias = "([^"]+)".*/\1/p' "$SOURCES/record/fields.def" | tr ' ' '\n'
}

table_options() {
	sed -nE 's/^\t\[OPTION_[A-Z0-9_]+\] = \{ "([a-z0-9-]+)".*/\1/p' "$SOURCES/command/options.c"
}

# The names of commands that are words of the shell (1) or work outside of it, too (0).
command_rows() {
	awk -v wanted="$1" '
		/^const struct command [a-z]*_command = {/ { name = ""; is_of_shell = 0 }
		/^\t\.name = "/ { split($0, parts, "\""); name = parts[2] }
		/^\t\.is_of_shell = true/ { is_of_shell = 1 }
		/^};/ { if (name != "" && is_of_shell == wanted) print name; name = "" }
	' "$SOURCES"/command/*.c "$SOURCES"/shell/*.c
}

table_commands() { command_rows 0; }
table_shell_words() { command_rows 1; }

table_settings() {
	sed -n '/^const struct shell_setting shell_settings/,/^};/s/^\t{ "\([a-z]*\)", .*/\1/p' "$SOURCES/shell/set.c"
}

table_formats() {
	sed -n '/^const struct format [a-z]*_format = {/,/^};/s/^\t\.name = "\(.*\)",/\1/p' "$SOURCES"/sink/*.c
}

table_extras() {
	sed -nE '/^(static )?const struct format_extra .*\{/,/^};/p' "$SOURCES"/sink/*.c | sed -nE 's/.*\{ "([a-z]+)", .*/\1/p'
}

# The words that may stand alone: of families, protocols, states and status flags.
table_words() {
	grep -v 'is_alias = true' "$SOURCES/record/kind_word.c" |
		sed -nE 's/^\t(\{ \.name = |BIT_WORD\()"([A-Za-z0-9_]+)".*/\2/p' | tr '[:upper:]' '[:lower:]'
}

# ---- what the others say ----

help_names() {
	conntab help "$1" | sed -nE 's/^  ([a-z][a-z0-9._]*)( .*|$)/\1/p'
}

# The names that a list of a man page has: .It Cm NAME.
page_items() {
	sed -nE 's/^\.It Cm ([a-z0-9._]+)$/\1/p' "$1"
}

page_text() {
	mandoc -T ascii "$1" | col -bx
}

offered() {
	conntab --complete "$1" "${#1}"
}

sorted_equal() {
	assert_equal "$(sort <<<"$1")" "$(sort <<<"$2")"
}

# has_all WORDS PLACE: each of the first is a line of the second.
has_all() {
	local missing

	missing=$(comm -23 <(sort -u <<<"$1") <(sort -u <<<"$2"))
	[ -z "$missing" ] || fail "not in $3: $missing"
}

@test "tables: they are found at all" {
	assert [ "$(table_fields | wc -l)" -gt 60 ]
	assert [ "$(table_aliases | wc -l)" -gt 10 ]
	assert [ "$(table_options | wc -l)" -gt 15 ]
	assert [ "$(table_commands | wc -l)" -ge 6 ]
	assert [ "$(table_shell_words | wc -l)" -ge 5 ]
	assert [ "$(table_settings | wc -l)" -ge 5 ]
	assert [ "$(table_formats | wc -l)" -ge 7 ]
	assert [ "$(table_extras | wc -l)" -ge 5 ]
	assert [ "$(table_words | wc -l)" -gt 60 ]
}

@test "commands: help, man page and completion have those of the table" {
	sorted_equal "$(conntab help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p')" "$(table_commands)"
	sorted_equal "$(sed -n 's/^\.Ss conntab \([a-z]*\).*/\1/p' "$PAGE")" "$(table_commands)"
	sorted_equal "$(offered 'conntab ')" "$(table_commands)"
	for command in $(table_commands); do
		run conntab help "$command"
		assert_success
		assert_line --index 0 --regexp "^conntab $command( |$)"
		# The synopsis is written by hand.
		sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$PAGE" | grep -q "^\.Cm $command" || fail "$command: not in the synopsis"
	done
}

# in_shell LINE...: the lines, run as a script in the world's router.
in_shell() {
	printf '%s\n' "$@" | conntab_router
}

@test "words of the shell: help and man page have those of the table, completion and other help do not" {
	sorted_equal "$(in_shell help | sed -n '/^Words of the shell:/,/^$/s/^  \([a-z]\+\) .*/\1/p')" "$(table_shell_words)"
	sorted_equal "$(in_shell help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p')" "$(table_commands)"
	sorted_equal "$(sed -nE '/^\.Sh SHELL/,/^\.Sh [^S]/s/^\.Ss ([a-z]+)( .*|$)/\1/p' "$PAGE")" "$(table_shell_words)"
	for word in $(table_shell_words); do
		run conntab help "$word"
		assert_success
		assert_line --index 0 --regexp "^$word( |$)"
		assert_equal "$(in_shell "help $word")" "$output"
		assert_equal "$(in_shell "$word -h")" "$output"
		grep -q "\`$word\`" "$CONNTAB_ROOT/README.md" || fail "$word: not in README.md"
		run conntab_router "$word" tcp
		assert_failure 2
		assert_output "conntab: $word: this is a word of the shell and of scripts (conntab help shell)"
		run offered "conntab $word"
		assert_output ''
	done
}

@test "settings: help, man page and README have those of the table, and each can be set" {
	local value
	run in_shell set
	assert_success
	sorted_equal "$(cut -d' ' -f1 <<<"$output")" "$(table_settings)"
	for setting in $(table_settings); do
		conntab help set | sed -n '/^Without/,$p' | grep -qw "$setting" || fail "$setting: not in help"
		grep -q "\`set $setting" "$CONNTAB_ROOT/README.md" || fail "set $setting: not in README.md"
		case $setting in
		output) value=table ;;
		columns) value=src,dst ;;
		color) value=never ;;
		pager) value=less ;;
		undo) value=off ;;
		*) fail "no value for $setting" ;;
		esac
		run in_shell "set $setting $value" "set $setting" "set $setting reset" "set $setting"
		assert_success
		assert_line --index 0 --regexp "^$setting +$value$"
		refute_line --index 1 "${lines[0]}"
	done
}

@test "options: help, man page and completion have those of the table" {
	local shown page
	shown=$(for command in '' $(table_commands); do
		conntab help ${command:+"$command"} | sed -nE 's/^  (-., |    )--([a-z0-9-]+).*/\2/p'
	done | sort -u)
	sorted_equal "$shown" "$(table_options)"
	page=$(sed -nE 's/^\.It .*Fl \\-([a-z0-9-]+).*/\1/p' "$PAGE" | sort -u)
	sorted_equal "$page" "$(table_options)"
	shown=$(for command in $(table_commands); do offered "conntab $command --"; done | sed 's/^--//' | sort -u)
	sorted_equal "$shown" "$(table_options)"
	# The letters too, each beside its name.
	for command in $(table_commands); do
		while read -r letter name; do
			grep -qE "^\.It Fl ${letter#-} , Fl \\\\-${name#--}( |$)" "$PAGE" || fail "$letter, $name: not in the man page"
			offered "conntab $command -" | grep -qx -- "$letter" || fail "$letter of $command is not offered"
		done < <(conntab help "$command" | sed -nE 's/^  (-.), (--[a-z0-9-]+).*/\1 \2/p')
	done
}

@test "formats and extras: help, man page, completion and README have those of the table" {
	sorted_equal "$(help_names formats)" "$(table_formats)"
	sorted_equal "$(conntab help formats | sed -nE 's/^    ,([a-z]+).*/\1/p')" "$(table_extras)"
	sorted_equal "$(offered 'conntab list -o ')" "$(table_formats)"
	sorted_equal "$(offered 'conntab list -o conntrack,')" "$(table_extras | sed 's/^/conntrack,/')"
	sorted_equal "$(sed -n '/^\.Sh FORMATS/,/^\.Sh ENVIRONMENT/p' "$PAGE" | page_items /dev/stdin)" \
		"$(table_formats; table_extras)"
	for format in $(table_formats); do
		grep -q "\`$format\`" "$CONNTAB_ROOT/README.md" || fail "$format: not in README.md"
		run conntab_router list -o "$format" --limit 1
		assert_success
	done
	for extra in $(table_extras); do
		# "labels" insists on names, which this machine may not have.
		run conntab_router list -o "conntrack,$extra" --limit 1
		assert [ "$status" -ne 2 ]
	done
}

@test "fields: help, man page and completion have those of the table" {
	sorted_equal "$(help_names fields)" "$(table_fields)"
	sorted_equal "$(sed -n '/^\.Sh FIELDS/,/^\.Sh THREE/p' "$FILTER_PAGE" | page_items /dev/stdin)" "$(table_fields)"
	has_all "$(table_fields | grep -vxE "$EXPECT_FIELDS")" "$(offered 'conntab events ')" "what can begin a term"
	has_all "$(table_fields | grep -xE "$EXPECT_FIELDS|event")" "$(offered 'conntab expect events ')" "what can begin a term"
	# Columns: all but those that stand for several; of a list also those that only events have.
	sorted_equal "$(offered 'conntab events -c ')" "$(table_fields | grep -vxE "addr|port|$EXPECT_FIELDS")"
	sorted_equal "$(offered 'conntab list -c ')" "$(table_fields | grep -vxE "addr|port|$EVENT_FIELDS|$EXPECT_FIELDS")"
	for alias in $(table_aliases); do
		conntab help fields | grep -qE "also: .*\b$alias\b" || fail "$alias: not in help"
		page_text "$FILTER_PAGE" | tr -s ' \n' ' ' | grep -qiE "also: [a-z0-9. ]*\b$alias\b" || fail "$alias: not in the man page"
	done
}

@test "fields: each can be filtered, printed, sorted and grouped by" {
	for field in $(table_fields); do
		[[ $field == addr || $field == port ]] && continue
		if [[ $field =~ ^($EVENT_FIELDS)$ ]]; then
			run conntab_router events --explain -c "$field"
			assert_success
			run conntab_router list -c "$field"
			assert_failure 2
			assert_output --partial "entries have no $field"
			continue
		fi
		if [[ $field =~ ^($EXPECT_FIELDS)$ ]]; then
			run conntab_router expect list -c "$field" --sort "$field" -o jsonl
			assert_success
			run conntab_router list -c "$field"
			assert_failure 2
			assert_output --partial "entries have no $field"
			continue
		fi
		run conntab_router list -c "$field" --sort "$field" --limit 2 -o jsonl
		assert_success
		run conntab_router count --by "$field"
		assert_success
	done
}

@test "bare words: help, man page and completion have those of the table, and each is a filter" {
	local help page
	help=$(conntab help filter | sed -nE 's/^  (event|family|proto|state|status) +//p' | tr ' ' '\n')
	sorted_equal "$help" "$(table_words | sort -u)"
	page=$(sed -n '/^\.It Cm event/,/^\.El/p' "$FILTER_PAGE" | sed '/^\.El/q' | grep -v '^\.')
	sorted_equal "$page" "$(table_words | sort -u)"
	has_all "$(table_words)" "$(offered 'conntab events ')" "what can begin a term"
	for word in $(table_words); do
		run conntab_router count "$word"
		case $word in
		new | update | destroy | present) assert_failure 2 ;;
		*) assert_success ;;
		esac
	done
}

@test "topics: help names them and has them" {
	for topic in filter fields formats examples; do
		conntab help | grep -q "help $topic" || fail "$topic: not in help"
		run conntab help "$topic"
		assert_success
		assert_output
		offered 'conntab help ' | grep -qx "$topic" || fail "$topic: not offered"
	done
}

# ---- what they say works ----

# Something happens all the time, for the events that examples wait for.
begin_unrest() {
	while :; do refill; done >/dev/null 2>&1 3>&- &
	UNREST=$!
}

end_unrest() {
	kill "$UNREST"
	wait "$UNREST" || true
}

# ours LINES: namespaces, processes and folders that examples name are ours here, and a watch, which
# goes on until somebody ends it, ends.
ours() {
	sed -E -e "s#(-n|netns) (web[12]|4711|/proc/4711/ns/net)( |$)#\1 /run/netns/$WORLD-router\3#g" \
		-e "s#/tmp/#$BATS_FILE_TMPDIR/#g" -e 's#/etc/conntab/##g' -e 's/^((.*\| *)?(conntab .*)?)\<watch\>/\1watch --interval 0.01 --count 3/' <<<"$1"
}

# in_work COMMAND...: where examples run, in the world's router, but without a terminal.
in_work() {
	(cd "$BATS_FILE_TMPDIR/work" && world_router env PATH="$BATS_FILE_TMPDIR/bin:$PATH" XDG_STATE_HOME="$PWD" "$@")
}

# ran SOURCE LINES: whether what `run` has run found no fault in it. Status 0 and 1 are fine.
ran() {
	# Of all namespaces one may well be full: another test's.
	[[ $status -le 1 || $2 == *--all-netns* ]] || fail "$1: $2: status $status: $output"
	! grep -E '^conntab: .*(column [0-9]+|no option|takes no|no command|no setting|expected)' <<<"$output" || fail "$1: $2"
}

# runs SOURCE LINE: as a user would.
runs() {
	local line

	line=$(ours "$2")
	[[ $line != *'conntab events'* ]] || begin_unrest
	# Behind a pipe the program that is missing counts, too.
	run in_work timeout 60 bash -c "set -o pipefail; $line" </dev/null
	[[ $line != *'conntab events'* ]] || end_unrest
	ran "$1" "$line"
}

# runs_in_shell SOURCE LINES: one after the other, in one session. They find something to put back.
runs_in_shell() {
	local lines

	lines=$(ours "$2")
	run in_work conntab --keep-going <<<"delete udp"$'\n'"$lines"
	ran "$1" "$lines"
}

# Command lines of the program, also behind a pipe.
COMMAND_LINE='(.*\| )?conntab( .*)?'
# The prompt, in a transcript; what it shows has no > in it.
PROMPT='conntab(\[[^]]*\])? [0-9]+%[^>]*> '

without_roff() {
	sed -e 's/\\-/-/g' -e 's/\\&//g' -e 's/\\e/\\/g'
}

# The command lines of a man page's examples: in .Bd -literal, outside of the section on the shell.
page_examples() {
	sed '/^\.Sh SHELL/,/^\.Sh [^S]/d' "$1" | sed -n '/^\.Bd -literal/,/^\.Ed/p' | sed -nE "/^$COMMAND_LINE\$/p" |
		without_roff
}

# Those of that section; an empty line behind each example.
page_shell_examples() {
	sed -n '/^\.Sh SHELL/,/^\.Sh [^S]/p' "$PAGE" | sed -n '/^\.Bd -literal/,/^\.Ed/p' |
		sed -e '/^\.Bd/d' -e 's/^\.Ed$//' | without_roff
}

help_examples() {
	for topic in '' filter fields formats examples $(table_commands); do
		conntab help ${topic:+"$topic"} | sed -nE "s/^  ($COMMAND_LINE)\$/\1/p"
	done | sort -u
}

# Lines of fenced blocks that begin with conntab, "# conntab" or "$ conntab".
markdown_examples() {
	sed -n '/^```\(sh\|console\)/,/^```$/p' "$1" | grep -vE "^$PROMPT" |
		sed -nE "s/^([#\$] )?(sudo )?($COMMAND_LINE)\$/\3/p"
}

# What is typed at the prompt, transcript by transcript; and blocks of a language that is the shell's own.
markdown_shell_examples() {
	sed -n '/^```console/,/^```$/p' "$1" | sed -nE -e "s/^$PROMPT//p" -e 's/^```$//p'
	sed -n '/^```conntab/,/^```$/p' "$1" | sed -e '/^```conntab/d' -e 's/^```$//'
}

# each_block FUNCTION ARGUMENT: for each group of lines on standard input.
each_block() {
	local block='' line

	while IFS= read -r line || [ "$block" ]; do
		if [ "$line" ]; then
			block+=$line$'\n'
		elif [ "$block" ]; then
			refill
			"$1" "$2" "$block"
			block=''
		fi
	done
}

@test "examples: every one in help runs" {
	assert [ "$(help_examples | wc -l)" -ge 15 ]
	while read -r line; do
		refill
		runs help "$line"
	done < <(help_examples)
}

@test "examples: every one of the shell's words runs in the shell" {
	for word in $(table_shell_words); do
		conntab help "$word" | sed -n '/^Examples:/,/^$/s/^  //p' >"$BATS_TEST_TMPDIR/examples"
		assert [ -s "$BATS_TEST_TMPDIR/examples" ]
		each_block runs_in_shell "help $word" <"$BATS_TEST_TMPDIR/examples"
	done
	in_shell help | sed -n '/^Examples:/,/^$/s/^  //p' >"$BATS_TEST_TMPDIR/examples"
	assert [ "$(wc -l <"$BATS_TEST_TMPDIR/examples")" -ge 5 ]
	each_block runs_in_shell "help in the shell" <"$BATS_TEST_TMPDIR/examples"
	# What its examples write is there.
	assert [ -s "$BATS_FILE_TMPDIR/work/who.txt" ]
	page_shell_examples >"$BATS_TEST_TMPDIR/examples"
	assert [ "$(grep -c . "$BATS_TEST_TMPDIR/examples")" -ge 15 ]
	each_block runs_in_shell "the section SHELL" <"$BATS_TEST_TMPDIR/examples"
	markdown_shell_examples "$CONNTAB_ROOT/README.md" >"$BATS_TEST_TMPDIR/examples"
	assert [ "$(grep -c . "$BATS_TEST_TMPDIR/examples")" -ge 10 ]
	each_block runs_in_shell README.md <"$BATS_TEST_TMPDIR/examples"
}

@test "examples: the script in contrib runs" {
	runs_in_shell nightly.conntab "$(cat "$CONNTAB_ROOT/contrib/nightly.conntab")"
	refill
	run --separate-stderr in_work conntab -f nightly.conntab
	assert_success
	assert_line --partial 'CONNTRACK OK'
	assert_equal "$(grep -vc '^conntab: nightly.conntab:[0-9]*: flush: ' <<<"$stderr")" 0
}

@test "examples: every one in the man pages runs" {
	for page in "$PAGE" "$FILTER_PAGE"; do
		assert [ "$(page_examples "$page" | wc -l)" -ge 10 ]
		while read -r line; do
			refill
			runs "$page" "$line"
		done < <(page_examples "$page")
	done
}

@test "examples: every one in README.md and CONTRIBUTING.md runs" {
	assert [ "$(markdown_examples "$CONNTAB_ROOT/README.md" | wc -l)" -ge 8 ]
	for file in README.md CONTRIBUTING.md contrib/README.md; do
		while read -r line; do
			refill
			# Not a command line but the output of --explain.
			[[ $line == 'conntab  '* ]] && continue
			runs "$file" "$line"
		done < <(markdown_examples "$CONNTAB_ROOT/$file")
	done
}

@test "examples: the filter lines of help and README are filters" {
	while IFS= read -r line; do
		run conntab_router count "$(sed "s/^'\(.*\)'$/\1/" <<<"$line")"
		assert_success
		refute_output --partial 'never matches'
	done < <(conntab help filter | sed -n '/common case/,/^FIELD/s/^  //p')
	run conntab_router count --explain src 192.0.2.7,10.0.0.0/8,2001:db8::/32,192.0.2.1-192.0.2.9
	assert_success
}

@test "options: every command takes those that its help shows, and refuses the others" {
	local base value words
	for command in $(table_commands); do
		case $command in
		count) base='--by src' ;;
		get) base='tcp src 192.0.2.1 sport 1 dst 192.0.2.2 dport 2' ;;
		delete) base='src 192.0.2.254' ;;
		update) base='src 192.0.2.254 set mark 1' ;;
		flush) base='idle' ;;
		add) base='udp src 192.0.2.1 sport 1 dst 192.0.2.2 dport 2' ;;
		restore) base=/dev/null ;;
		watch) base='--count 1' ;;
		timeout | helper | expect) base='list' ;;
		events) base='--explain' ;;
		*) base='' ;;
		esac
		while read -r option argument; do
			case $argument in
			'NAME|PATH|PID') value=$WORLD-router ;;
			'FORMAT[,EXTRA]') value=jsonl ;;
			'FIELD,...') value=src ;;
			'[-]FIELD') value=-src ;;
			N) value=3 ;;
			WHEN | LEVEL) value=never ;;
			LIMIT) value=80% ;;
			SECONDS) value=0.01 ;;
			COMMAND) value=true ;;
			FILE) [[ $option == --file ]] && value=$CONNTAB_ROOT/contrib/nightly.conntab || value=$BATS_TEST_TMPDIR/file ;;
			SIZE) value=1Mi ;;
			AGE) value=1h ;;
			'STATE,...') value=close,last_ack ;;
			'') value='' ;;
			*) fail "$command $option: unknown argument $argument" ;;
			esac
			words=$base
			[[ $command$option != add--ipv6 ]] || words='udp src 2001:db8::1 sport 1 dst 2001:db8::2 dport 2'
			# Each action of its own takes what belongs to it.
			case $command$option in
			expect--dry-run | expect--yes) words=flush ;;
			expect--or-update) words='add --dry-run tcp dst 192.0.2.9 dport 2 master.src 192.0.2.1 master.sport 1 master.dst 192.0.2.2 master.dport 2 timeout 9' ;;
			expect--count | expect--buffer) words='events --explain' ;;
			esac
			[[ $command$option != get--ipv6 ]] || words='tcp src 2001:db8::1 sport 1 dst 2001:db8::2 dport 2'
			# shellcheck disable=SC2086
			run conntab_router $command $words $option $value </dev/null
			[[ $status -le 1 || $option == --all-netns ]] || fail "$command $words $option $value: $output"
		done < <(conntab help "$command" | sed -nE 's/^  (-., |    )(--[a-z0-9-]+)( ([^ ]+))?  +.*/\2 \4/p')
		for option in $(table_options); do
			conntab help "$command" | grep -q -- "--$option " && continue
			# shellcheck disable=SC2086
			run conntab_router $command $base "--$option" 3 </dev/null
			[[ $command == @(watch|check) ]] && assert_failure 3 || assert_failure 2
			assert_output --partial "$command takes no --$option"
		done
	done
}

@test "options: -V and -h work before and behind every command" {
	local version
	version=$(conntab -V)
	for command in $(table_commands); do
		run conntab_router -h "$command"
		assert_output "$(conntab help "$command")"
		run conntab_router "$command" -h
		assert_output "$(conntab help "$command")"
		run conntab_router "$command" -V
		assert_output "$version"
	done
}

@test "man pages: mandoc has nothing to say" {
	for page in "$PAGE" "$FILTER_PAGE"; do
		run mandoc -T lint -W warning "$page"
		assert_output ''
		assert_success
		run grep -n '@[A-Z]*@' "$page"
		assert_failure 1
	done
}

@test "man pages: man shows them, with their sections" {
	for section in NAME SYNOPSIS DESCRIPTION OPTIONS COMMANDS SHELL FORMATS ENVIRONMENT FILES 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		page_text "$PAGE" | grep -qx "$section" || fail "$section: not in conntab(8)"
	done
	for section in NAME DESCRIPTION VALUES FIELDS 'THREE-VALUED LOGIC' 'WHAT THE KERNEL EVALUATES' EXAMPLES 'SEE ALSO'; do
		page_text "$FILTER_PAGE" | grep -qx "$section" || fail "$section: not in conntab-filter(7)"
	done
	if command -v man >/dev/null && ! man --version 2>&1 | grep -q minimized; then
		run env MANPAGER=cat MANWIDTH=80 man -l "$PAGE"
		assert_success
		assert_output --partial 'conntab delete'
	fi
}

# What the Makefile installs with apt.
makefile_packages() {
	make --no-print-directory -s -C "$CONNTAB_ROOT" -f - show <<'END'
include Makefile
show:
	@printf '%s\n' $(BUILD_PACKAGES) $(TEST_PACKAGES)
END
}

@test "README: the list for apt is the Makefile's" {
	local list
	list=$(sed -n '/^apt install/,/^```/p' "$CONNTAB_ROOT/README.md" | grep -v '^```' | sed 's/^apt install//' |
		tr -d '\\' | tr -s ' \n' '\n' | grep .)
	assert [ "$(makefile_packages | wc -l)" -ge 10 ]
	sorted_equal "$list" "$(makefile_packages)"
}

@test "README and CONTRIBUTING: make's targets and the paths exist" {
	for target in $(grep -hoE '^(sudo )?make [a-z-]+' "$CONNTAB_ROOT"/README.md "$CONNTAB_ROOT"/CONTRIBUTING.md |
		sed 's/.*make //' | sort -u); do
		grep -qE "^$target:" "$CONNTAB_ROOT/Makefile" || fail "make has no target $target"
	done
	for path in $(grep -hoE '`[^`]*`' "$CONNTAB_ROOT"/README.md "$CONNTAB_ROOT"/CONTRIBUTING.md |
		tr -d '`' | grep -E '^(src|include|tests|man|completions|contrib)/' | grep -vE 'NAME|^src/[0-9]' | sort -u); do
		compgen -G "$CONNTAB_ROOT/$path" >/dev/null || fail "$path is not there"
	done
}
