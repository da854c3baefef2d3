#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Scripts: conntab -f FILE and commands on standard input.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/common
	world_single
	world_fill 300 >/dev/null
}

setup() {
	load ../lib/common
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	leave_own_world
}

teardown_file() {
	load ../lib/common
	world_destroy
}

# script [OPTION...] <<END: the lines as a file, run.
script() {
	cat >lines
	run --separate-stderr conntab_router -f lines "$@"
}

# fed <<END: the same on standard input.
fed() {
	cat >lines
	run --separate-stderr conntab_router "$@" <lines
}

@test "a file and standard input run the same way: comments, blank lines, continuation, quotes" {
	cat >lines <<-'END'
		# a remark
		   # another, indented \
		count tcp   # and one behind a command

		count tcp \
		  dport \
		  443
		conntab count udp
		count 'tcp and dport 443'
		count "udp or " tcp
		count tcp\ dport\ 443
	END
	local filter
	for filter in tcp 'tcp dport 443' udp 'tcp dport 443' 'udp or tcp' 'tcp dport 443'; do
		conntab_router count "$filter"
	done >expected
	local way
	for way in '-f lines' '-f -' '' 'shell -f lines' 'shell' '--file=lines' '-f /dev/stdin'; do
		# shellcheck disable=SC2086
		conntab_router $way <lines >actual 2>messages
		diff expected actual
		assert [ ! -s messages ]
	done
	conntab_router <<<'count tcp' | diff - <(head -n 1 expected)
	printf 'count tcp' | conntab_router | diff - <(head -n 1 expected)
	printf '%s' 'count tcp' \\ | conntab_router | diff - <(head -n 1 expected)
}

@test "a script stops at the first failure, says file and line, and ends with the status of that command" {
	script <<-'END'
		count
		count \
		  tcp \
		  nosuch
		count udp
	END
	assert_equal "$status" 2
	assert_output 300
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" '^conntab: lines:2: count: .*nosuch'
	script <<<'get tcp src 192.0.2.1 dst 192.0.2.2 sport 1 dport 2'
	assert_equal "$status" 1
	assert_regex "$stderr" '^conntab: lines:1: get: '
	script <<<$'count\ncheck -w 100 -c 100'
	assert_equal "$status" 2
	assert_line --index 1 --partial 'CRITICAL'
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" '^conntab: lines:2: .*status 2'
	script <<<'!exit 7'
	assert_equal "$status" 7
	assert_equal "$stderr" 'conntab: lines:1: ended with status 7'
	script <<<'count | (cat; exit 5)'
	assert_equal "$status" 5
	assert_output 300
	assert_regex "$stderr" '^conntab: lines:1: .*status 5'
	fed <<<$'count\nlst'
	assert_equal "$status" 2
	assert_regex "$stderr" '^conntab: standard input:2: no command "lst"; did you mean "list"'
	fed <<<$'list --require-match mark 987654\ncount'
	assert_equal "$status" 1
	assert_output ''
	assert_equal "$stderr" 'conntab: standard input:1: ended with status 1'
}

@test "--keep-going runs the rest, and ends with the highest status" {
	script --keep-going <<-'END'
		nosuch
		count
		!exit 7
		get tcp src 192.0.2.1 dst 192.0.2.2 sport 1 dport 2
		count tcp
	END
	assert_equal "$status" 7
	assert_equal "$output" "$(printf '%s\n' 300 "$(conntab_router count tcp)")"
	assert_equal "${#stderr_lines[@]}" 3
	assert_regex "${stderr_lines[0]}" '^conntab: lines:1: no command'
	assert_regex "${stderr_lines[1]}" '^conntab: lines:3: '
	assert_regex "${stderr_lines[2]}" '^conntab: lines:4: get: '
	fed --keep-going <<<$'!exit 1\n!exit 3\n!exit 2'
	assert_equal "$status" 3
	fed --keep-going <<<$'!exit 1\ncount >/dev/null'
	assert_equal "$status" 1
}

@test "-f and --keep-going are for scripts alone" {
	run --separate-stderr conntab_router -f lines list
	assert_equal "$status" 2
	assert_regex "$stderr" '^conntab: list: --file is for files of commands'
	run --separate-stderr conntab_router --keep-going list
	assert_equal "$status" 2
	run --separate-stderr conntab_router shell lines
	assert_equal "$status" 2
	assert_regex "$stderr" 'shell -f FILE'
	local word
	for word in where netns set undo quit exit; do
		run --separate-stderr conntab_router "$word"
		assert_equal "$status" 2
		assert_regex "$stderr" 'a word of the shell and of scripts'
	done
}

@test "quit ends a script with 0, one within another ends both" {
	script <<<$'count\nquit\nnosuch'
	assert_success
	assert_output 300
	echo $'count tcp\nexit\nnosuch' >inner
	script <<<$'count\nshell -f inner\nnosuch'
	assert_success
	assert_equal "${#lines[@]}" 2
}

@test "a script runs others; what they change stays; where they fail is said" {
	echo 'where tcp' >inner
	script <<<$'shell -f inner\ncount'
	assert_success
	assert_output "$(conntab_router count tcp)"
	printf 'count\n\nnosuch\n' >inner
	script <<<$'# first\nshell -f inner\ncount'
	assert_equal "$status" 2
	assert_output 300
	assert_regex "${stderr_lines[0]}" '^conntab: inner:3: no command "nosuch"'
	assert_equal "${#stderr_lines[@]}" 1
	script <<<$'shell -f inner --keep-going\nshell -f missing'
	assert_equal "$status" 2
	echo 'shell -f lines' >lines
	run --separate-stderr conntab_router -f lines
	assert_equal "$status" 2
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" '^conntab: lines:1: shell: lines: scripts within scripts, 16 deep'
	run --separate-stderr conntab_router --keep-going -f lines
	assert_equal "$status" 2
}

@test "options before -f hold for the whole script, those of a command for it alone" {
	script -o csv <<<$'list --limit 1 -c family\nlist --limit 1 -o proc'
	assert_success
	assert_line --index 0 'family'
	assert_line --index 2 --partial 'src='
	script -n "$WORLD-router" <<<$'count\nnetns reset\ncount'
	assert_output $'300\n300'
	run --separate-stderr conntab -n "$WORLD-router" -f <(echo count)
	assert_output 300
	script -q <<<'delete mark 987654'
	assert_success
	assert_equal "$stderr" ''
	script -4 <<<'count'
	assert_equal "$status" 2
	script -n nosuch <<<'count'
	assert_equal "$status" 2
	assert_equal "${#stderr_lines[@]}" 1
}

@test "lines end with CR and LF as well" {
	printf 'count tcp\r\n\r\n# remark\r\nwhere udp\r\ncount\r\n' | conntab_router >actual
	diff actual <(conntab_router count tcp; conntab_router count udp)
	printf 'count tcp \\\r\n  dport 443\r\n' | conntab_router >actual
	diff actual <(conntab_router count tcp dport 443)
}

# one_line PATTERN: status 2 with one line on standard error, nothing on standard output.
one_line() {
	assert_equal "$status" 2
	assert_output ''
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" "$1"
	assert [ "${#stderr}" -lt 600 ]
}

@test "what is no script: a missing file, a folder, a closed standard input" {
	run --separate-stderr conntab_router -f missing
	one_line '^conntab: shell: missing: No such file or directory$'
	run --separate-stderr conntab_router -f .
	assert_failure
	assert_output ''
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" 'Is a directory'
	run --separate-stderr conntab_router -f ''
	one_line '^conntab: --file: the value is empty'
	run --separate-stderr conntab_router -f $'no\e[31msuch'
	one_line 'no\\x1b\[31msuch'
	run --separate-stderr conntab_router -f lines/lines
	assert_equal "$status" 2
	run --separate-stderr conntab_router -f /dev/null
	assert_success
	run --separate-stderr conntab_router </dev/null
	assert_success
	run --separate-stderr conntab_router <.
	assert_failure
	assert_regex "$stderr" 'Is a directory'
	run --separate-stderr world_router sh -c '"$0" <&-' "$CONNTAB"
	assert_failure
	assert_equal "${#stderr_lines[@]}" 1
}

@test "bad lines: byte 0, a megabyte, invalid UTF-8, escapes, an open quote, no command" {
	printf 'count t\0cp\ncount' >lines
	run --separate-stderr conntab_router -f lines
	one_line '^conntab: lines:1: .*byte 0'
	{ printf 'count src in {'; head -c 1100000 /dev/zero | tr '\0' 1; printf '}\ncount'; } >lines
	run --separate-stderr conntab_router -f lines
	one_line '^conntab: lines:1: .*longer than'
	run --separate-stderr conntab_router --keep-going -f lines
	assert_equal "$status" 2
	assert_output 300
	{ printf 'count src in {'; seq -f '10.0.%g.1,' 0 99999 | tr -d '\n'; printf '10.0.0.1}\n'; } >lines
	run --separate-stderr conntab_router -f lines
	one_line '^conntab: lines:1: '
	printf 'count \xff\xfe\n' >lines
	run --separate-stderr conntab_router -f lines
	one_line '^conntab: lines:1: count: column 1: "\?\?" is no field'
	printf 'c\xc3\n' >lines
	run --separate-stderr conntab_router -f lines
	one_line '^conntab: lines:1: .*\\xc3'
	printf 'count \e]0;title\a\n' >lines
	run --separate-stderr conntab_router -f lines
	one_line 'count: column 1: "\?\]0;title\?"'
	script <<<"count 'tcp"
	one_line "^conntab: lines:1: column 7: the quote ' is not closed"
	script <<<'count "tcp'
	one_line '^conntab: lines:1: column 7: the quote " is not closed'
	script <<<'| cat'
	one_line '^conntab: lines:1: .*no command'
	script <<<'> file'
	one_line '^conntab: lines:1: .*no command'
	script <<<'!'
	one_line '! is followed by a command'
	script <<<'count tcp |'
	one_line 'column 11: | is followed by a command'
	script <<<'""'
	one_line 'no command ""'
	assert [ ! -e file ]
}

# On a quiet table of entries made over ctnetlink the countdown alone moves.
@test "list is byte for byte the file in /proc, also through a pipe and into a file" {
	own_world create
	world_accounting on
	world_timestamps on
	world_traffic
	world_fill 1200 >/dev/null
	world_quiet
	world_router cat /proc/net/nf_conntrack >expected
	assert [ "$(wc -l <expected)" -gt 1200 ]
	script <<<$'list\nlist | cat >piped\nlist > redirected\nlist tcp > part\nlist not tcp >> part'
	assert_success
	printf '%s\n' "$output" >actual
	local file
	for file in actual piped redirected; do
		"$SAME" --within "$((WITHIN + 2))" expected "$file" || fail "$file"
	done
	"$SAME" --within "$((WITHIN + 2))" --sorted expected part
	# cmp alone: where no second began in between, nothing at all differs.
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || return 0
	for _ in {1..30}; do
		echo $'!cat /proc/net/nf_conntrack >expected\nlist > actual' | conntab_router
		! cmp -s expected actual || return 0
	done
	fail "$(cmp expected actual)"
}

@test "where, set and netns work as at the prompt" {
	fed <<-'END'
		where tcp
		where and dport 443
		where
		count
		where reset
		count
		set output csv
		set columns proto,dport
		list --limit 1 tcp dport 443
		list --limit 1 -o jsonl -c dport tcp dport 443
		set columns reset
		set output reset
	END
	assert_success
	assert_line --index 0 'tcp dport 443'
	assert_line --index 1 "$(conntab_router count tcp dport 443)"
	assert_line --index 2 300
	assert_line --index 3 'proto,dport'
	assert_line --index 4 'tcp,443'
	assert_line --index 5 '{"dport":443}'
	fed <<<"netns /nonexistent"
	assert_equal "$status" 2
}

@test "delete, flush and undo do not ask in a script" {
	local number
	own_table
	number=$(conntab_router count tcp)
	fed <<-'END'
		delete tcp
		count
		undo
		count
		flush all
		count
		undo
		count
		set undo off
		delete udp
		undo
	END
	assert_equal "$status" 1
	assert_output "$(printf '%s\n' $((300 - number)) 300 0 300)"
	assert_regex "${stderr_lines[-1]}" '^conntab: standard input:11: undo: nothing to undo: set undo is off'
	assert_equal "$(conntab_router count udp)" 0
}

@test "> writes files, | pipes and ! runs in scripts too" {
	script <<-'END'
		count > one
		count tcp >> one
		count bytes > 10M
		count tcp dport>1024 > 'two words'
		list -o jsonl | jq -s length
		!echo "from sh $((1 + 1))"
		  !cat one | head -n 1
	END
	assert_success
	assert_equal "$(cat one)" "$(printf '%s\n' 300 "$(conntab_router count tcp)")"
	assert_equal "$(cat 'two words')" "$(conntab_router count tcp 'dport > 1024')"
	assert [ ! -e 10M ]
	assert_equal "${lines[1]}" 300
	assert_equal "${lines[2]}" 'from sh 2'
	assert_equal "${lines[3]}" 300
	script <<<'count > /nonexistent/file'
	assert_equal "$status" 1
	assert_equal "$stderr" 'conntab: lines:1: /nonexistent/file: No such file or directory'
	script <<<'list > /dev/full'
	assert_equal "$status" 1
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" '^conntab: lines:1: .*No space left on device'
	script <<<$'list | head -n 1\ncount'
	assert_success
	assert_equal "${#lines[@]}" 2
}

@test "what a script starts does not eat its lines" {
	fed <<-'END'
		!cat
		count | cat
		!read line; echo "<$line>"
		count | sh -c 'cat; cat'
		count
	END
	assert_success
	assert_output $'300\n<>\n300\n300'
}

@test "output of commands and of what they start comes in the order of the lines" {
	script <<<$'count\n!echo two\ncount | cat\n!echo four\ncount'
	assert_output $'300\ntwo\n300\nfour\n300'
}

@test "a closed standard output and a full disk are failures, and stop the script" {
	echo $'count\n!touch gone-on' >lines
	local result=0
	conntab_router -f lines >/dev/full 2>messages || result=$?
	assert_equal "$result" 1
	assert_equal "$(wc -l <messages)" 1
	assert [ ! -e gone-on ]
	result=0
	conntab_router -f lines >&- 2>messages || result=$?
	assert_equal "$result" 1
}

@test "SIGINT and SIGTERM end a script, and the status tells it" {
	local name line
	for name in INT TERM; do
		rm -f begun
		# A command of ours, and one of others.
		for line in 'watch --interval 0.05' '!sleep 1000'; do
			printf '!echo >begun\n%s\n!echo >gone-on\n' "$line" >lines
			# bash ignores INT in what it starts in the background.
			python3 - "$CONNTAB" "$name" "$(world_namespace router)" <<-'END' 3>&-
				import os, signal, subprocess, sys, time
				program, name, netns = sys.argv[1:]
				child = subprocess.Popen(["nsenter", "--net=" + netns, program, "--keep-going", "-f", "lines"],
				                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
				                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
				while not os.path.exists("begun"):
				    time.sleep(0.01)
				number = getattr(signal, "SIG" + name)
				# The group, as the terminal and systemd do it.
				deadline = time.monotonic() + 60
				while child.poll() is None and time.monotonic() < deadline:
				    os.killpg(child.pid, number)
				    time.sleep(0.1)
				assert child.poll() == -number, child.poll()
			END
			assert [ ! -e gone-on ]
			rm begun
		done
	done
}

# In one process, with no growth: /proc of the process itself says so, from within (sh's parent).
# Most commands do not read the table, which takes the kernel longest.
@test "10,000 commands run in one process without growth of memory or open files" {
	own_table 300
	cat >often <<-'END'
		where tcp dport 443
		where and not src 10.0.0.0/8
		where
		where reset
		count
		count > /dev/null
		set output csv
		set columns src,dport
		set >> /dev/null
		set columns reset
		set output reset
		nosuch command
		list staet established
		list 'open
		list > /nonexistent/file
		netns nosuch
		netns /proc/self/ns/net
		netns reset
		get tcp src 192.0.2.1 dst 192.0.2.2 sport 1 dport 2
		help list > /dev/null
		-n /proc/self/ns/net count
		shell -f inner
	END
	cat >seldom <<-'END'
		list > /dev/null
		list -o json tcp dport 443 | cat >/dev/null
		count --by src --top 3 >> /dev/null
		where udp
		delete not dport 9
		undo
		where reset
		flush all
		undo
		list --sort -timeout -o table >/dev/null
		!sed -n '/^VmRSS/s/[^0-9]//gp' /proc/$PPID/status >>memory; ls /proc/$PPID/fd | wc -l >>files; echo $PPID >>process
	END
	echo 'count > /dev/null' >inner
	local round
	for round in {1..450}; do
		cat often
		[ $((round % 15)) -ne 0 ] || cat seldom
	done >lines
	assert [ "$(wc -l <lines)" -ge 10000 ]
	# What the tools hold back of freed memory is no growth.
	local growth=256
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || growth=65536
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0 \
		conntab_router -q --keep-going -f lines >counts 2>messages || assert_equal $? 2
	assert_equal "$(sort -u process | wc -l)" 1
	assert_equal "$(wc -l <memory)" 30
	assert_equal "$(sort -u files | wc -l)" 1
	# Early: when each command has run 30 times.
	local early late
	early=$(sed -n 2p memory)
	late=$(tail -n 1 memory)
	assert [ "$late" -le $((early + growth)) ]
	# All of it did what it says: no more failures than those that are meant.
	assert_equal "$(world_count)" 300
	assert_equal "$(wc -l <messages)" $((450 * 6))
}
