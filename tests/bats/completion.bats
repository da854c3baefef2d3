#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion: `conntab --complete` by itself, and typed on a real terminal into an interactive bash.
# Lists of words are split on purpose, and quotes that expand nothing are keys to be typed.
# shellcheck shell=bash disable=SC1003,SC2016,SC2046,SC2086

load ../lib/common

setup_file() {
	world_single "complete$$"
	entry tcp 10.1.2.3 192.0.2.7 40001 443 --state ESTABLISHED --timeout 3000 -u SEEN_REPLY,ASSURED
	entry tcp 10.1.2.99 192.0.2.8 40002 8443 --state TIME_WAIT --timeout 3000 -u SEEN_REPLY,ASSURED
	entry tcp 2001:db8:1::7 2001:db8:2::9 40003 443 --state ESTABLISHED --timeout 3000 -u SEEN_REPLY,ASSURED
	entry udp 2001:db8:1::7 2001:db8:ff::35 40004 5353 --timeout 3000 --mark 77
	mkdir "$BATS_FILE_TMPDIR/bin" "$BATS_FILE_TMPDIR/completions"
	ln -s "$CONNTAB" "$BATS_FILE_TMPDIR/bin/conntab"
	cp "$CONNTAB_ROOT/completions/conntab.bash" "$BATS_FILE_TMPDIR/completions/conntab"
	write_terminal
}

# entry PROTOCOL SOURCE DESTINATION SPORT DPORT OPTION...
entry() {
	world_router conntrack -I -p "$1" -s "$2" -d "$3" --sport "$4" --dport "$5" "${@:6}" >/dev/null 2>&1
}

teardown_file() {
	world_destroy
}

# A terminal with a bash on it. Each argument is a line of keys; what the line holds after them
# is printed in square brackets. Only modules of python3-minimal.
write_terminal() {
	cat >"$BATS_FILE_TMPDIR/terminal" <<'END'
import os, select, sys, time

result, patience = sys.argv[1], float(sys.argv[2])
split = sys.argv.index("--")
command, lines = sys.argv[3:split], sys.argv[split + 1:]
open(result, "w").close()
child, terminal = os.forkpty()
if child == 0:
    os.execvp(command[0], command)


def lines_written():
    with open(result, encoding="utf-8") as text:
        return text.read().count("\n")


screen = b""


def wait_for(count):
    global screen
    end = time.monotonic() + patience
    while lines_written() < count:
        if time.monotonic() > end:
            sys.exit("no answer; on the screen: " + repr(screen[-500:]))
        if select.select([terminal], [], [], 0.005)[0]:
            try:
                screen += os.read(terminal, 4096)
            except OSError:
                sys.exit("bash ended: " + repr(screen[-500:]))


wait_for(1)
for number, keys in enumerate(lines, 2):
    # The whole line is taken away, then the keys are typed, then the line is written down.
    os.write(terminal, b"\x05\x15" + keys.encode() + b"\x18\x0c")
    wait_for(number)
os.close(terminal)
os.waitpid(child, 0)
with open(result, encoding="utf-8") as text:
    sys.stdout.write("".join(text.readlines()[1:]))
END
	cat >"$BATS_FILE_TMPDIR/bashrc" <<END
PATH=$BATS_FILE_TMPDIR/bin:\$PATH PS1='> ' HISTFILE=
bind 'set bell-style none' 'set enable-bracketed-paste off' 'set page-completions off'
bind 'set completion-query-items 0'
bind -x '"\C-x\C-l": printf "[%s]\n" "\$READLINE_LINE" >>"\$RESULT"'
END
	cp "$BATS_FILE_TMPDIR/bashrc" "$BATS_FILE_TMPDIR/bashrc-with"
	echo ". $CONNTAB_ROOT/completions/conntab.bash" >>"$BATS_FILE_TMPDIR/bashrc"
	echo '. /usr/share/bash-completion/bash_completion' >>"$BATS_FILE_TMPDIR/bashrc-with"
	tee -a "$BATS_FILE_TMPDIR/bashrc-with" >>"$BATS_FILE_TMPDIR/bashrc" <<<'echo ready >>"$RESULT"'
}

TAB=$'\t'
ALL=$'\e*' # readline puts in all that could stand there

# type KEYS...: typed into bash in the router's namespace; RC chooses another bashrc, AS a command before bash.
type_keys() {
	local patience=20

	[ "${CONNTAB_VALGRIND:-}" != 1 ] || patience=120
	RESULT=$BATS_TEST_TMPDIR/result TERM=dumb BASH_COMPLETION_USER_DIR=$BATS_FILE_TMPDIR \
		world_router /usr/bin/python3 "$BATS_FILE_TMPDIR/terminal" "$BATS_TEST_TMPDIR/result" "$patience" \
		${AS:+$AS} bash --noprofile --rcfile "$BATS_FILE_TMPDIR/${RC:-bashrc}" -i -- "$@"
}

# becomes KEYS LINE [KEYS LINE...]: each of the keys makes this line.
becomes() {
	local keys=() lines=()

	while [ $# -gt 0 ]; do
		keys+=("$1") lines+=("[$2]")
		shift 2
	done
	run type_keys "${keys[@]}"
	assert_success
	assert_output "$(printf '%s\n' "${lines[@]}")"
}

# What the program offers at the end of a line, one a line; in the router's namespace.
offered() {
	conntab_router --complete "$1" "${#1}"
}

# offers LINE WORD...: exactly these, in any order.
offers() {
	run offered "$1"
	assert_success
	assert_equal "$(sort <<<"$output")" "$(printf '%s\n' "${@:2}" | sort)"
}

# The names of all options that the help of a command (or of the program) shows.
options_of() {
	conntab help ${1:+"$1"} | sed -n 's/^  \(-., \|    \)\(--[a-z0-9-]*\).*/\2/p'
}

commands() {
	conntab help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\).*/\1/p'
}

# ---- the program ----

@test "complete: commands at the first place, and those that begin so" {
	offers 'conntab ' $(commands)
	offers 'conntab l' list
	offers 'conntab -4 -q de' delete
	offers 'conntab xyz'
}

@test "complete: every option of every command, long and short" {
	offers 'conntab --' $(options_of)
	for command in $(commands); do
		offers "conntab $command --" $(options_of "$command")
		offers "conntab $command -" $(options_of "$command") \
			$(conntab help "$command" | sed -n 's/^  \(-.\), --.*/\1/p')
	done
}

@test "complete: formats and their extras, also behind =" {
	local formats
	formats=$(conntab help formats | sed -n 's/^  \([a-z]\+\) .*/\1/p')
	offers 'conntab list -o ' $formats
	offers 'conntab -o j' json jsonl
	offers 'conntab list --output=j' json jsonl
	offers 'conntab list -o conntrack,' $(conntab help formats | sed -n 's/^    ,\([a-z]*\).*/conntrack,\1/p')
	offers 'conntab list -o conntrack,id,lab' conntrack,id,labels
	offers 'conntab list -o table,'
}

@test "complete: values of options: fields in lists, sort keys, when to colour" {
	offers 'conntab list -c src,dport,id' src,dport,idle src,dport,id
	offers 'conntab count --by reply.sr' reply.src
	offers 'conntab list --sort -by' -bytes
	offers 'conntab list --color ' auto always never
	offers 'conntab --color=al' always
	offers 'conntab list --limit '
}

@test "complete: namespaces by name" {
	offers "conntab -n $WORLD-r" "$WORLD-router"
	offers "conntab list --netns $WORLD-r" "$WORLD-router"
	offers "conntab list --netns=$WORLD-r" "$WORLD-router"
}

@test "complete: help topics and what flush takes" {
	offers 'conntab help fi' filter fields
	offers 'conntab help del' delete
	offers 'conntab flush ' all idle
	# -c is --columns to list and --crit to check, which takes no fields.
	run conntab --complete 'conntab check -c sr' 19
	assert_output ''
	offers 'conntab list -c helpe' helper
	offers 'conntab flush all '
}

@test "complete: fields and bare words where a term begins" {
	offers 'conntab list esta' established
	offers 'conntab list tcp unrep' unreplied
	offers 'conntab list not icmpv' icmpv6
	offers 'conntab list reply.gre.s' reply.gre.srckey
	offers 'conntab ls estab' established
	offers 'conntab list tcp an' and
	offers 'conntab list tcp o' orig.zone orig.packets orig.bytes ospf or offload open
	offers 'conntab list (tc' '(tcp' '(tcp.wscale' '(tcp.flags'
}

@test "complete: values with names" {
	offers 'conntab list state est' established
	offers 'conntab list state = est' established
	offers 'conntab list state in {time_wait,clo' '{time_wait,close_wait' '{time_wait,close' \
		'{time_wait,closed' '{time_wait,closereq' '{time_wait,closing'
	offers 'conntab list proto ud' udp udplite
	offers 'conntab list status assu' assured
	offers 'conntab list family ' ipv4 ipv6
}

@test "complete: operators where values have an order" {
	run offered 'conntab list bytes '
	assert_line '>'
	assert_line '<='
	assert_line '!='
	run offered 'conntab list state '
	refute_line '<'
}

@test "complete: update: a filter, the word set, then what can be changed" {
	offers 'conntab update tcp set' set
	offers 'conntab update tcp dport 22 an' and
	offers 'conntab update tcp set l' labels last_ack
	offers 'conntab update tcp set labels re' remove
	offers 'conntab update tcp set helper no' none
	offers 'conntab update tcp set s' state status syn_sent syn_recv syn_sent2 shutdown_sent shutdown_recd \
		shutdown_ack_sent seen_reply
	offers 'conntab update tcp set d'
	offers 'conntab update tcp set state esta' established
}

@test "complete: addresses and ports that are in the table now" {
	offers 'conntab list src ' 10.1.2.3 10.1.2.99 2001:db8:1::7
	offers 'conntab list dst 2001:db8:f' 2001:db8:ff::35
	offers 'conntab list reply.src 192' 192.0.2.7 192.0.2.8
	offers 'conntab list addr 2001:' 2001:db8:1::7 2001:db8:2::9 2001:db8:ff::35
	offers 'conntab delete dst in 192.0.2.7,192' 192.0.2.7,192.0.2.7 192.0.2.7,192.0.2.8
	run offered 'conntab list dport '
	assert_line 443
	assert_line 8443
	assert_line 5353
	offers 'conntab list dport 5' 5353
	offers 'conntab list dport = 84' 8443
	offers 'conntab list port 84' 8443
	offers 'conntab list port 4000' 40001 40002 40003 40004
}

@test "complete: values of the namespace that -n names, however it is written" {
	for option in "-n $WORLD-router" "-n$WORLD-router" "--netns $WORLD-router" "--netns=$WORLD-router" \
		"-4n $WORLD-router" "-n $(world_namespace router)"; do
		for line in "conntab $option list src 10.1.2.3" "conntab list $option src 10.1.2.3"; do
			run conntab --complete "$line" "${#line}"
			assert_success
			assert_output 10.1.2.3 || fail "$line"
		done
	done
}

@test "complete: a value that looks like an option of another kind is none" {
	# The name ends in the letter of --columns.
	run conntab --complete 'conntab -nabc li' 16
	assert_output list
	run conntab --complete 'conntab -4q li' 14
	assert_output list
}

@test "complete: the cursor may stand within the line" {
	run conntab --complete 'conntab li tcp dport 443' 10
	assert_output list
}

@test "complete: broken lines and places harm nobody" {
	for line in '' ' ' conntab "conntab 'list" 'conntab list "src' 'conntab list \' 'conntab list )' \
		'conntab list { } ( = < ! ,' 'conntab -o' 'conntab -' 'conntab --' 'conntab -n' \
		"conntab list $(printf 'tcp or %.0s' {1..400})" "conntab list $(printf 'a%.0s' {1..5000})" \
		$'conntab list \xff\xfe' 'conntab list state = = ' 'conntab -n /nowhere list src ' \
		'conntab -n 999999999 list src ' 'conntab frobnicate src '; do
		for point in "${#line}" 0 3 99999 -1 x ''; do
			run conntab_router --complete "$line" "$point"
			assert_success
		done
	done
}

@test "complete: nothing is changed and nothing is run" {
	local before
	before=$(conntab_router list -o jsonl -c src,dst,sport,dport,id --sort id)
	for line in 'conntab delete tcp ' 'conntab delete src ' 'conntab flush all ' 'conntab flush ' \
		"conntab list \$(touch $BATS_TEST_TMPDIR/run) " "conntab list \`touch $BATS_TEST_TMPDIR/run\` src "; do
		run offered "$line"
		assert_success
	done
	assert_equal "$(conntab_router list -o jsonl -c src,dst,sport,dport,id --sort id)" "$before"
	assert [ ! -e "$BATS_TEST_TMPDIR/run" ]
}

# Somebody without privilege, in the router's namespace.
nobody() {
	world_router setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all "$@"
}

needs_nobody() {
	nobody "$CONNTAB" -V >/dev/null 2>&1 || skip "nobody cannot run the program where it lies"
}

@test "complete: without privilege words are offered, values are not, and nothing is said" {
	needs_nobody
	for line in 'conntab list src ' 'conntab list dport 4' 'conntab list mark ='; do
		run nobody "$CONNTAB" --complete "$line" "${#line}"
		assert_success
		# Standard error is in the output too: it is empty, or there are operators.
		refute_output --regexp '[0-9a-z]'
	done
	run nobody "$CONNTAB" --complete 'conntab list state est' 22
	assert_output established
}

@test "complete: quick also when the table is large" {
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "valgrind is slow"
	local start
	world_single "completebig$$"
	world_fill 50000
	start=${EPOCHREALTIME/./}
	run offered 'conntab list src '
	assert_success
	world_destroy
	# Some 60 ms; a busy machine needs more. The whole table would take three times as long.
	assert [ $((${EPOCHREALTIME/./} - start)) -lt 2000000 ]
	assert [ "${#lines[@]}" -gt 10 ]
	assert [ "${#lines[@]}" -lt 200 ]
}

@test "complete: the shim has at most 30 lines" {
	assert [ "$(wc -l <"$CONNTAB_ROOT/completions/conntab.bash")" -le 30 ]
}

# ---- typed ----

@test "bash: commands, options and their values" {
	becomes "conntab li$TAB" 'conntab list ' \
		"conntab co${TAB}--b${TAB}" 'conntab count --by ' \
		"conntab list --no${TAB}" 'conntab list --no-kernel-filter ' \
		"conntab list -o ta${TAB}" 'conntab list -o table ' \
		"conntab list -o conntrack,ext${TAB}" 'conntab list -o conntrack,extended' \
		"conntab list --output=jsonl${TAB}" 'conntab list --output=jsonl ' \
		"conntab list --color=al${TAB}" 'conntab list --color=always ' \
		"conntab list -c src,dpo${TAB}" 'conntab list -c src,dport' \
		"conntab -n $WORLD-ro${TAB}" "conntab -n $WORLD-router " \
		"conntab list -$ALL" "conntab list $(offered 'conntab list -' | sort | tr '\n' ' ')"
}

@test "bash: fields, words, operators and values with names" {
	becomes "conntab list reply.gre.s${TAB}" 'conntab list reply.gre.srckey ' \
		"conntab list tcp estab${TAB}" 'conntab list tcp established ' \
		"conntab list state est${TAB}" 'conntab list state established ' \
		"conntab list state=est${TAB}" 'conntab list state=established ' \
		"conntab list state!=est${TAB}" 'conntab list state!=established ' \
		"conntab list state = est${TAB}" 'conntab list state = established ' \
		"conntab list state time_wait,estab${TAB}" 'conntab list state time_wait,established' \
		"conntab list use $ALL" 'conntab list use != 1 \< \<= \> \>= '
}

@test "bash: addresses with and without colons, and ports, of the table" {
	becomes "conntab list src 10.1.2.9${TAB}" 'conntab list src 10.1.2.99 ' \
		"conntab list src 20${TAB}" 'conntab list src 2001:db8:1::7 ' \
		"conntab list src 2001:${TAB}" 'conntab list src 2001:db8:1::7 ' \
		"conntab list dst 2001:db8:f${TAB}" 'conntab list dst 2001:db8:ff::35 ' \
		"conntab list dst 2001:db8:ff::${TAB}" 'conntab list dst 2001:db8:ff::35 ' \
		"conntab list dst 2001:db8:2::9,2001:db8:f${TAB}" 'conntab list dst 2001:db8:2::9,2001:db8:ff::35' \
		"conntab list dst=2001:db8:f${TAB}" 'conntab list dst=2001:db8:ff::35 ' \
		"conntab list addr 2001$ALL" 'conntab list addr 2001:db8:1::7 2001:db8:2::9 2001:db8:ff::35 ' \
		"conntab list dport 53${TAB}" 'conntab list dport 5353 ' \
		"conntab list not dport 84${TAB}" 'conntab list not dport 8443 '
}

@test "bash: within an open quote" {
	becomes "conntab list 'tcp and estab${TAB}" "conntab list 'tcp and established'" \
		"conntab list 'tcp and (state time_w${TAB}" "conntab list 'tcp and (state time_wait'" \
		"conntab list 'not (state=establ${TAB}" "conntab list 'not (state=established'" \
		"conntab list \"udp and dst 2001:db8:f${TAB}" 'conntab list "udp and dst 2001:db8:ff::35"' \
		"conntab list tcp 'src 10.1.2.9${TAB}" "conntab list tcp 'src 10.1.2.99'"
}

@test "complete: files of commands, and what lies in folders" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p files/below files/.hidden
	touch files/night files/noon files/below/deep files/.night
	offers 'conntab -f files/' files/night files/noon files/below/
	offers 'conntab -f files/n' files/night files/noon
	offers 'conntab -kf files/no' files/noon
	offers 'conntab --file=files/no' files/noon
	offers 'conntab shell -f files/.n' files/.night
	offers 'conntab shell -f files/.h' files/.hidden/
	offers 'conntab shell -f files/.' files/.hidden/ files/.night
	ln -s below files/link
	offers 'conntab -f files/l' files/link/
	offers 'conntab -f fi' files/
	offers 'conntab -f /nonexistent/'
}

@test "bash: files of commands: a folder without a blank behind it, names in quotes where they need them" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p "folder/sub folder"
	touch folder/night "folder/sub folder/it's late" 'folder/$HOME' 'folder/a,b'
	becomes "conntab -f fold${TAB}" 'conntab -f folder/' \
		"conntab -f folder/ni${TAB}" 'conntab -f folder/night ' \
		"conntab --file=folder/ni${TAB}" 'conntab --file=folder/night ' \
		"conntab -k -f folder/su${TAB}" 'conntab -k -f folder/sub\ folder/' \
		"conntab -k -f folder/sub\\ f${TAB}" 'conntab -k -f folder/sub\ folder/' \
		"conntab -f 'folder/sub folder/it${TAB}" "conntab -f 'folder/sub folder/it's late'" \
		"conntab -f folder/sub\\ folder/it${TAB}" "conntab -f folder/sub\\ folder/it\\'s\\ late " \
		"conntab -f folder/\\\$${TAB}" 'conntab -f folder/\$HOME '
}

@test "bash: behind other commands, assignments and paths" {
	becomes "true; conntab li${TAB}" 'true; conntab list ' \
		"NO_COLOR=1 conntab list state est${TAB}" 'NO_COLOR=1 conntab list state established ' \
		"echo | conntab list dst 2001:db8:f${TAB}" 'echo | conntab list dst 2001:db8:ff::35 ' \
		"$BATS_FILE_TMPDIR/bin/conntab li${TAB}" "$BATS_FILE_TMPDIR/bin/conntab list "
}

@test "bash: after -n NAME the values are that namespace's" {
	local first=$WORLD
	world_single "completetwo$$"
	becomes "conntab -n $first-router list src 10.1.2.9${TAB}" "conntab -n $first-router list src 10.1.2.99 " \
		"conntab list src 10.1.2.9${TAB}" 'conntab list src 10.1.2.9'
	world_destroy
}

@test "bash: with bash-completion it is loaded at the first TAB and does the same" {
	[ -r /usr/share/bash-completion/bash_completion ] || skip "bash-completion is not installed"
	RC=bashrc-with becomes "conntab li$TAB" 'conntab list ' \
		"conntab list src 2001:${TAB}" 'conntab list src 2001:db8:1::7 ' \
		"conntab list --color=al${TAB}" 'conntab list --color=always ' \
		"conntab list state=est${TAB}" 'conntab list state=established ' \
		"conntab list 'tcp and estab${TAB}" "conntab list 'tcp and established'" \
		"sudo conntab list dst 2001:db8:f${TAB}" 'sudo conntab list dst 2001:db8:ff::35 '
}

@test "bash: where a colon breaks no word" {
	cp "$BATS_FILE_TMPDIR/bashrc" "$BATS_FILE_TMPDIR/bashrc-colon"
	echo 'COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]}' >>"$BATS_FILE_TMPDIR/bashrc-colon"
	RC=bashrc-colon becomes "conntab list src 2001:${TAB}" 'conntab list src 2001:db8:1::7 ' \
		"conntab list --color=al${TAB}" 'conntab list --color=always ' \
		"conntab list state=est${TAB}" 'conntab list state=established '
}

@test "bash: without privilege TAB offers words and leaves the line alone for values" {
	needs_nobody
	chmod 755 "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	chmod 777 "$BATS_TEST_TMPDIR"
	touch "$BATS_TEST_TMPDIR/result"
	chmod 666 "$BATS_TEST_TMPDIR/result"
	AS="setpriv --reuid 65534 --regid 65534 --clear-groups" becomes \
		"conntab list src 10.1.2.9${TAB}" 'conntab list src 10.1.2.9' \
		"conntab list state est${TAB}" 'conntab list state established '
}
