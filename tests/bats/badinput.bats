#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input, bad surroundings and interruptions: one clear line, the right status, nothing changed.
# shellcheck disable=SC2016,SC2094,SC2154

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/common
	world_single
	world_fill 1000 >/dev/null
}

setup() {
	load ../lib/common
	cd "$BATS_TEST_TMPDIR" || return
}

# Nothing here may change the table, whatever the test is about.
teardown() {
	[ "$(world_count)" -eq 1000 ]
}

teardown_file() {
	load ../lib/common
	world_destroy
}

ask() { run --separate-stderr conntab_router "$@"; }

# assert_refused PART...: status 2, no output, one line from conntab with each of the parts.
# Each step returns by itself: behind "||" bats does not end a function at the first failure.
assert_refused() {
	assert_equal "$status" 2 || return
	assert_output '' || return
	assert_one_line "$@"
}

assert_one_line() {
	local part
	assert_equal "${#stderr_lines[@]}" 1 || return
	[[ $stderr == 'conntab: '* ]] || fail "does not begin with conntab: $stderr" || return
	[[ $stderr != *[[:cntrl:]]* ]] || fail "control characters: $(cat -v <<<"$stderr")" || return
	for part; do
		[[ $stderr == *"$part"* ]] || fail "no $part in: $stderr" || return
	done
}

# each_refused COMMAND...: for lines "words|part|part", the words added to the command.
each_refused() {
	local words parts faults=0
	while IFS='|' read -r words parts; do
		IFS='|' read -ra parts <<<"$parts"
		# shellcheck disable=SC2086
		ask "$@" $words
		assert_refused "${parts[@]}" || fail "^ $* $words" || faults=$((faults + 1))
	done
	assert_equal "$faults" 0
}

# ---- the command line ----

@test "an unknown command is refused, with the nearest one" {
	ask lst
	assert_refused '"lst"' '"list"'
	ask delte tcp
	assert_refused '"delte"' '"delete"'
	ask xyzzyx
	assert_refused '"xyzzyx"' help
	ask help lsit
	assert_refused '"lsit"'
}

@test "no command at all reads commands from standard input, without a terminal at either end" {
	run --separate-stderr conntab </dev/null
	assert_success
	assert_equal "$output$stderr" ''
	run --separate-stderr conntab_router <<<'count'
	assert_success
	assert_output 1000
	run --separate-stderr conntab_router <<<'cuont'
	assert_refused 'standard input:1' '"cuont"' '"count"'
	run --separate-stderr conntab_router shell <<<'list dport 70000'
	assert_refused 'standard input:1' 'list' 'column' 65535
	# A closed one is no empty one.
	run --separate-stderr world_router sh -c '"$CONNTAB" <&-'
	assert [ "$status" -ne 0 ]
	assert_one_line 'standard input'
}

@test "a file of commands that cannot be read, or a command behind it, is refused" {
	ask -f nosuch
	assert_refused 'nosuch' 'No such file'
	mkdir folder
	ask -f folder
	assert [ "$status" -ne 0 ]
	assert_one_line 'folder' 'directory'
	ask -f "$(printf 'a%.0s' {1..5000})"
	assert_refused 'too long'
	echo count >script
	ask -f script list
	assert_refused '--file' 'no command'
	ask -4 -f script
	assert_refused 'takes no --ipv4'
	ask -6
	assert_refused 'takes no --ipv6'
	ask -k list
	assert_refused '--keep-going' 'no command'
	ask shell script
	assert_refused '"script"' '-f'
	ask list -f script
	assert_refused 'list' '--file'
	ask -f ''
	assert_refused '--file' 'empty'
	ask shell -f
	assert_refused '--file' 'value'
	ask shell -4
	assert_refused '--ipv4'
	echo 'shell -f itself' >itself
	ask -f itself
	assert_refused 'itself:1' 'run itself'
}

@test "words of the shell are refused outside of it" {
	local word
	for word in where netns set undo quit; do
		ask $word
		assert_refused "$word" 'word of the shell'
		ask $word tcp
		assert_refused "$word" 'word of the shell'
	done
	ask wher tcp
	assert_refused '"wher"'
	[[ $stderr != *'"where"'* ]]
}

@test "words of the shell refuse what they do not understand, and nothing is changed" {
	local line part
	while IFS='|' read -r line part; do
		run --separate-stderr conntab_router <<-END
			where udp
			$line
		END
		assert_refused 'standard input:2' "$part" || fail "$line"
		# Going on shows that the working filter is what it was.
		run --separate-stderr conntab_router -k <<-END
			where udp
			set output csv
			$line
			where
			set output
		END
		assert_equal "$status" 2
		assert_output "udp"$'\n'"output   csv" || fail "$line"
	done <<-'END'
		where dprot 3|"dport"
		where and (tcp|")"
		where or dport 70000|65535
		where reset now|"reset"
		where and|where and what
		where or|where or what
		where src 10.0.0.0/40|32
		set outptu csv|"output"
		set output cvs|"csv"
		set columns src,dts|"dts"
		set color sometimes|auto
		set undo perhaps|on or off
		set output table json|one value
		set pager ''|empty
		netns nosuch-namespace|/run/netns
		netns a b|one name
		netns /etc/passwd|not a network namespace
		netns -n x|--netns
		undo all|"all"
		quit now|"now"
		exit now|"now"
		shell|this is the shell
	END
}

@test "unknown options are refused, with the nearest one" {
	each_refused list <<-'END'
		--limt 3|"--limt"|"--limit"
		--frobnicate|"--frobnicate"
		-x|"-x"
		-4x|"-x"
		-|"-"
		--=3|no option
	END
	ask --jsno list
	assert_refused '"--jsno"' '"--json"'
	ask -x list
	assert_refused '"-x"'
}

@test "an option without its value, or with one that it does not take, is refused" {
	each_refused list <<-'END'
		--limit|--limit|value
		-o|--output|value
		-c|--columns|value
		--sort|--sort|value
		-n|--netns|value
		--limit=|--limit
		--sort=|--sort
		--output=|--output
		--netns=|--netns
		--columns=|--columns
		--json=yes|--json|no value
		--explain=1|--explain|no value
	END
	ask list -o ''
	assert_refused '--output' 'empty'
	ask -n '' list
	assert_refused '--netns' 'empty'
}

@test "a number that is none, 0 or too large is refused" {
	local number
	for number in 0 abc -1 1.5 5k 99999999999999999999999 '' ' 5' 0x; do
		ask list --limit "$number"
		assert_refused '--limit'
		ask count --by src --top "$number"
		assert_refused '--top'
	done
}

@test "--color takes its three words" {
	ask list --color bogus
	assert_refused '--color' '"bogus"' 'auto' 'always' 'never'
}

@test "an option of another command is refused, and says so" {
	ask list --dry-run tcp
	assert_refused 'list' '--dry-run'
	ask delete --limit 3 tcp
	assert_refused 'delete' '--limit'
	ask flush all --sort src
	assert_refused 'flush' '--sort'
	ask get --require-match tcp
	assert_refused 'get' '--require-match'
	ask count -y
	assert_refused 'count'
	ask list --by src
	assert_refused 'list' '--by'
	ask --limit 3 list
	assert_refused '--limit' 'command'
	ask count --limit 3
	assert_refused '--limit' '--by'
	ask count -o csv
	assert_refused '--by'
}

@test "options before and behind the command, bundled, with = and without, mean the same" {
	local expected
	expected=$(conntab_router list -4 -o csv -c id --limit 3 tcp)
	assert_equal "$(wc -l <<<"$expected")" 4
	assert_equal "$(conntab_router -4 -o csv list -c id --limit 3 tcp)" "$expected"
	assert_equal "$(conntab_router -4o csv list --columns=id --limit=3 tcp)" "$expected"
	assert_equal "$(conntab_router --ipv4 --output=csv ls tcp -cid -l3)" "$expected"
	assert_equal "$(conntab_router list tcp --limit 3 -4ocsv -c id)" "$expected"
	assert_equal "$(conntab_router -4 list -o csv -c id --limit 3 -- tcp)" "$expected"
}

@test "behind -- nothing is an option" {
	ask list -- --limit
	assert_refused '"--limit"'
	ask list -- -4
	assert_refused '"-4"'
	ask -- list --limit 1
	assert_success
}

@test "-h and -V answer on standard output and need no privilege" {
	local words
	for words in -h --help -V 'list -h' 'delete --help' 'help' 'help filter' 'help fields' 'help formats' 'help examples' 'help flush'; do
		# shellcheck disable=SC2086
		run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$CONNTAB" $words
		assert_success
		assert_equal "$stderr" ''
		[ -n "$output" ]
	done
}

# ---- the filter ----

@test "an unknown field, word or operator is refused, with its column and the nearest word" {
	each_refused list <<-'END'
		dprot 443|column 1|"dprot"|"dport"
		tcp dprot 443|column 5|"dport"
		tcp establishd|column 5|"establishd"|"established"
		tcp xyzzyx|column 5|"xyzzyx"
		state establishd|column 7|"establishd"|did you mean
		proto tcpp|column 7|"tcpp"|"tcp"
		status assurd|column 8|"assurd"|"assured"
		dport ~ 443|column 7|"~"
		dport => 443|column
		dport >< 443|column
		tcp and and udp|column 9
		tcp or|column
		or tcp|column 1
		not|column
		dport|column
		dport >|column
		src 1.2.3.4 5.6.7.8|column
	END
}

@test "values out of range or of the wrong form are refused, with their column" {
	each_refused list <<-'END'
		dport 65536|column 7|"65536"|65535
		dport 99999|column 7|65535
		dport 80-|column 7
		dport 90-80|column 7|upside down
		dport nosuchservice|column 7|"nosuchservice"
		dport in {80,|column
		dport in {80, 70000}|70000
		dport {}|column
		src 10.0.0.0/33|column 5|32
		src 10.0.0.0/|column 5
		src 10.0.0.0/-1|column 5
		src 10.0.0.0/8/8|column 5
		src 256.1.1.1|column 5
		src 10.0.0|column 5
		src 10.0.0.9-10.0.0.1|column 5|upside down
		src 10.0.0.1-2001:db8::1|column 5
		src 2001:db8::/129|column 5|128
		src 2001:db8:::1|column 5
		src fe80::1%eth0|column 5
		mark 0x1ffffffff|column 6
		mark 0x1/|column 6
		mark 1/2/3|column 6
		mark banana|column 6
		proto 256|column 7
		zone 65536|column 6
		icmp.type 256|column 11
		bytes > 10X|column 9
		bytes > 99999999999999999999999|column 9
		idle > 5parsecs|column 8
		idle > 1h30|column 8
		start > yesterday|column 9
		start > 2026-13-01|column 9
		family ipv5|column 8
		label 128|column 7
		label nosuchlabel|column 7
		status 0x1/|column 8
	END
}

@test "unclosed brackets and quotes are refused, with their column" {
	each_refused list <<-'END'
		(tcp|column 5|")"
		tcp)|column 4|")"
		(|column 2
		)|column 1
		()|column 2
		((tcp) or udp|column|")"
		dport in {80, 443|column|"}"
		dport in 80}|column
		dport in {80 443|column
	END
	ask list 'helper "ftp'
	assert_refused 'column 8' quote
	ask list "helper 'ftp"
	assert_refused 'column 8' quote
	ask list "helper \"ftp'"
	assert_refused 'column 8' quote
	ask list 'tcp & udp'
	assert_refused 'column 5'
	ask list 'tcp | udp'
	assert_refused 'column 5'
}

@test "the column is counted over all arguments as they were joined" {
	ask list tcp 'dport 443' 'src 10.0.0.0/40'
	assert_refused 'column 19'
	ask list 'tcp dport 443 src 10.0.0.0/40'
	assert_refused 'column 19'
}

@test "a filter that can never match warns once, prints nothing and is status 0" {
	local filter
	for filter in 'tcp icmp.type 8' 'udp established' 'tcp udp' 'ipv4 src 2001:db8::1' 'dport 80 dport 443' 'icmp dport 80' \
		'gre sport 3' 'dport < 10 dport > 20' 'assured not assured'; do
		ask list "$filter"
		assert_success
		assert_output ''
		assert_one_line 'warning' 'never matches' || fail "$filter"
	done
	ask list -q tcp udp
	assert_success
	assert_equal "$stderr" ''
	ask list 'tcp icmp.type 8 or udp'
	assert_success
	assert_equal "$stderr" ''
}

@test "a term about what the kernel does not keep is false, with one warning that says how to get it" {
	ask list 'age > 1'
	assert_success
	assert_output ''
	assert_one_line 'warning' 'age' 'net.netfilter.nf_conntrack_timestamp=1'
	ask list 'not bytes > 10'
	assert_success
	assert_output ''
	assert_one_line 'warning' 'net.netfilter.nf_conntrack_acct=1'
}

@test "a bracket in a bracket a thousand deep is refused, not a crash" {
	ask list "$(printf '(%.0s' {1..1000})tcp$(printf ')%.0s' {1..1000})"
	assert_refused 'column' 'deep'
	ask list "$(printf 'not %.0s' {1..20000})tcp"
	assert_refused 'column' 'deep'
	ask list "$(printf '(%.0s' {1..60000})"
	assert_refused 'column'
}

@test "a filter of a megabyte is read, or refused in one short line" {
	local words
	# In one argument the kernel allows 128 KiB.
	mapfile -t words < <(yes 'dport 443 or sport 3 or src 10.0.0.0/8' | head -n 26000 | sed '$!s/$/ or/')
	assert [ "$(printf '%s ' "${words[@]}" | wc -c)" -gt 1000000 ]
	run --separate-stderr timeout 300 nsenter --net="$(world_namespace router)" "$CONNTAB" count "${words[@]}"
	if [ "$status" -eq 0 ]; then
		assert_output "$(conntab_router count 'dport 443 or sport 3 or src 10.0.0.0/8')"
		assert_equal "$stderr" ''
	else
		assert_refused
		assert [ "${#stderr}" -lt 500 ]
	fi
	mapfile -t words < <(yes 'tcp' | head -n 100000)
	run --separate-stderr timeout 300 nsenter --net="$(world_namespace router)" "$CONNTAB" count "${words[@]}"
	[ "$status" -eq 2 ] || assert_output "$(conntab_router count tcp)"
	words=("dport in {$(seq -s, 1 20000)}")
	run --separate-stderr timeout 300 nsenter --net="$(world_namespace router)" "$CONNTAB" count "${words[@]}"
	[ "$status" -eq 2 ] || assert_output "$(conntab_router count dport 1-20000)"
	ask list "$(printf 'a%.0s' {1..100000})"
	assert_refused 'column 1'
	assert [ "${#stderr}" -lt 500 ]
}

# ---- hostile text ----

@test "control characters and escape sequences in arguments never reach the terminal" {
	local hostile
	for hostile in $'\e[31mred' $'\e]0;title\a' $'a\nconntab: list: forged' $'x\rx' $'\x9b31m' $'x\tx' $'\b\b' $'\x7f' \
		$'\xff\xfe' $'\xc2\x9b31m' $'%n%s%s%s' $'\xed\xa0\x80'; do
		local -a attempts=(
			"$hostile"
			"list|$hostile"
			"list|src|$hostile"
			"list|dport|$hostile"
			"list|helper|'$hostile"
			"list|state|$hostile"
			"list|label|$hostile"
			"list|--$hostile"
			"list|-$hostile"
			"list|--limit|$hostile"
			"list|-o|$hostile"
			"list|-o|conntrack,$hostile"
			"list|-c|$hostile"
			"list|-c|src,$hostile"
			"list|--sort|$hostile"
			"list|--color|$hostile"
			"-n|$hostile|list"
			"-n|/run/$hostile|list"
			"count|--by|$hostile"
			"count|--by|src/$hostile"
			"count|--by|src|--sort|$hostile"
			"flush|$hostile"
			"help|$hostile"
			"get|$hostile"
			"delete|$hostile"
			"-f|/nowhere/$hostile"
			"shell|$hostile"
			"where|$hostile"
			"-k|$hostile"
		)
		local attempt words
		for attempt in "${attempts[@]}"; do
			IFS= mapfile -d '|' -t words < <(printf '%s' "$attempt")
			world_router "$CONNTAB" "${words[@]}" >out 2>err </dev/null && status=0 || status=$?
			[ "$status" -eq 2 ] || fail "status $status: $(cat -v <<<"$attempt")"
			[ ! -s out ] || fail "output: $(cat -v <<<"$attempt")"
			assert_equal "$(wc -l <err)" 1 || fail "$(cat -v <<<"$attempt")"
			cat err >>errors
		done
	done
	# Nothing below a blank but the line's end, no DEL, no C1, no broken UTF-8, and no line that
	# an argument made up.
	assert [ "$(wc -l <errors)" -gt 250 ]
	python3 - <<-'END'
		for line in open("errors", "rb"):
		    text = line.decode("utf-8")
		    assert text.startswith("conntab: ") and text[:-1].isprintable(), line
		    assert text != "conntab: list: forged\n", line
	END
}

# ---- namespaces ----

@test "-n takes a name, a path and the number of a process" {
	local name holder
	name=$WORLD-router
	assert_equal "$(conntab -n "$name" count)" 1000
	assert_equal "$(conntab --netns="/run/netns/$name" count)" 1000
	assert_equal "$(conntab count -n"$name")" 1000
	nsenter --net="/run/netns/$name" -- sleep 100 3>&- &
	holder=$!
	until [ "$(readlink /proc/$holder/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	assert_equal "$(conntab -n $holder count)" 1000
	assert_equal "$(conntab -n /proc/$holder/ns/net count)" 1000
	kill $holder
}

@test "a name of digits that exists is the name, not a process" {
	local name=9$$
	ip netns add $name
	run --separate-stderr conntab -n $name count
	ip netns delete $name
	assert_success
	assert_output 0
}

@test "a namespace that does not exist is refused, with the nearest name" {
	ask -n nosuch-namespace list
	assert_refused 'nosuch-namespace' '/run/netns'
	ask -n "${WORLD}-ruoter" list
	assert_refused "$WORLD-ruoter" "\"$WORLD-router\""
	ask -n /run/netns/nosuch list
	assert_refused '/run/netns/nosuch'
	ask -n 4194304999 list
	assert_refused '4194304999' 'process'
	# A process that has ended.
	sleep 0 &
	local ended=$!
	wait $ended
	ask -n $ended delete tcp
	assert_refused "$ended" 'process'
	ask -n "$(printf 'a%.0s' {1..5000})" list
	assert_refused
}

@test "what is no network namespace is refused" {
	ask -n /etc/passwd list
	assert_refused '/etc/passwd' 'not a network namespace'
	ask -n /proc/self/ns/mnt list
	assert_refused '/proc/self/ns/mnt' 'not a network namespace'
	ask -n /run list
	assert_refused '/run' 'not a network namespace'
	ask -n . list
	assert_refused
	ask -n /dev/null list
	assert_refused '/dev/null' 'not a network namespace'
}

@test "a fifo in the place of a namespace is refused and does not hang" {
	mkfifo fifo
	run --separate-stderr timeout -s KILL 5 "$CONNTAB" -n "$PWD/fifo" list
	assert_refused 'not a network namespace'
}

# ---- privilege ----

unprivileged() { run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups "$CONNTAB" "$@"; }

@test "without privilege every command says what it needs, in one line, status 1" {
	local words faults=0
	for words in list 'list tcp' 'list -j' 'list --sort src --limit 3' count 'count tcp' 'count --by src' \
		'get udp src 1.1.1.1 dst 2.2.2.2 sport 1 dport 2' 'delete tcp' 'delete --dry-run tcp' 'delete -o proc tcp' \
		'flush all' 'flush all -4' 'flush all --dry-run'; do
		# shellcheck disable=SC2086
		unprivileged $words
		assert_equal "$status $words" "1 $words" || faults=1
		assert_equal "$words: $stderr" "$words: conntab: ${words%% *}: permission denied (needs CAP_NET_ADMIN)" || faults=1
	done
	assert_equal $faults 0
}

@test "a list that failed prints nothing: no document that looks like an empty table" {
	local format
	for format in proc conntrack table json jsonl csv xml; do
		unprivileged list -o $format
		assert_equal "$status" 1
		assert_equal "$format: $output" "$format: "
	done
	unprivileged count --by src -j
	assert_output ''
	unprivileged count
	assert_output ''
}

@test "without privilege another namespace is refused, saying what it needs" {
	run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups "$CONNTAB" -n "$WORLD-router" list
	assert_equal "$status" 1
	assert_output ''
	assert_one_line 'permission denied'
}

@test "bad input is found before privilege is needed" {
	unprivileged list dport 70000
	assert_refused 'column'
	unprivileged delete
	assert_refused 'without a filter'
}

# ---- streams ----

@test "entries are on standard output and nothing else; the rest is on standard error" {
	conntab_router list >list 2>err
	assert [ ! -s err ]
	run ! grep -vE '^ipv[46] ' list
	conntab_router delete --dry-run udp >list 2>err
	run ! grep -vE '^ipv[46] ' list
	assert_equal "$(wc -l <err)" 1
	grep -q '^conntab: delete: ' err
	conntab_router list 'bytes > 1' >list 2>err
	assert [ ! -s list ]
	grep -q '^conntab: list: warning: ' err
}

@test "a reader that leaves ends a list silently with status 0" {
	local format statuses
	set +o pipefail
	for format in proc conntrack table json jsonl csv xml; do
		conntab_router list -o $format 2>err | head -n 1 >first
		statuses=("${PIPESTATUS[@]}")
		assert_equal "$format ${statuses[0]}" "$format 0"
		assert_equal "$(cat err)" ''
		assert_equal "$(wc -l <first)" 1
	done
	conntab_router list --sort src 2>err | head -n 1 >first
	assert_equal "${PIPESTATUS[0]}" 0
	conntab_router help fields 2>>err | true
	assert_equal "${PIPESTATUS[0]}" 0
	conntab_router count --by src 2>>err | true
	assert_equal "${PIPESTATUS[0]}" 0
	assert_equal "$(cat err)" ''
}

@test "a full disk under standard output is status 1 and one line, for every command that prints" {
	local words
	for words in list 'list -o table' 'list -j' 'list -o xml' 'list -o csv' 'list --sort src' 'list --sort src --limit 1' 'list --limit 1' \
		count 'count tcp' 'count --by src' help 'help fields' 'help list' -V 'list --explain tcp' 'help shell' 'delete --dry-run tcp -q -o json'; do
		# shellcheck disable=SC2086
		world_router "$CONNTAB" $words >/dev/full 2>err && status=0 || status=$?
		[[ $words == *' -q '* ]] && continue
		assert_equal "$status $words" "1 $words"
		assert_equal "$(grep -c . err) $words" "1 $words"
		grep -q '^conntab: .*No space left on device' err || fail "$words: $(cat err)"
	done
}

@test "closed standard streams are no catastrophe" {
	# Within: nsenter would itself open something in the place of a closed one.
	local shell=(world_router sh -c)
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "valgrind itself needs them"
	"${shell[@]}" '"$CONNTAB" list <&-' >list
	assert_equal "$(wc -l <list)" 1000
	"${shell[@]}" '"$CONNTAB" list 2>&-' >list
	assert_equal "$(wc -l <list)" 1000
	"${shell[@]}" '"$CONNTAB" list <&- 2>&-' >list
	assert_equal "$(wc -l <list)" 1000
	run "${shell[@]}" '"$CONNTAB" list dport 70000 2>&-'
	assert_equal "$status" 2
	run --separate-stderr "${shell[@]}" '"$CONNTAB" list >&-'
	assert_equal "$status" 1
	assert_one_line 'standard output'
	run "${shell[@]}" '"$CONNTAB" list >&- <&- 2>&-'
	assert_equal "$status" 1
	# With nothing to print there is nothing to complain about.
	run --separate-stderr "${shell[@]}" '"$CONNTAB" list mark 4711 >&-'
	assert_success
	run --separate-stderr "${shell[@]}" '"$CONNTAB" flush all --dry-run <&- >&-'
	assert_success
}

# ---- signals ----

# interrupted_by SIGNAL ARGUMENT...: conntab with its output in a pipe that is read slowly; after
# the first part the signal comes. Leaves all output in `out` and what ended it in $status (-N: signal N).
interrupted_by() {
	world_router python3 - "$CONNTAB" "$@" >ended <<-'END' 3>&-
		import fcntl, os, signal, subprocess, sys, time
		conntab, name, *words = sys.argv[1:]
		reader, writer = os.pipe()
		fcntl.fcntl(writer, 1031, 65536)
		program = subprocess.Popen([conntab, *words], stdout=writer, stderr=open("err", "w"))
		os.close(writer)
		out = os.read(reader, 4096)
		program.send_signal(getattr(signal, name))
		time.sleep(0.05)
		while part := os.read(reader, 1 << 20):
		    out += part
		open("out", "wb").write(out)
		print(program.wait())
	END
	status=$(cat ended)
}

@test "Ctrl-C and SIGTERM end a long list at the end of a line, by the signal" {
	local signal number WORLD=$WORLD
	world_fill 30000 --seed 1 >/dev/null
	for signal in SIGINT:2 SIGTERM:15; do
		number=${signal#*:}
		interrupted_by "${signal%:*}" list
		local ended=$status
		conntab_router list >all
		assert_equal "$ended" "-$number"
		assert [ "$(wc -l <out)" -lt 31000 ]
		assert_equal "$(tail -c 1 out | od -An -tx1 | tr -d ' ')" 0a
		run ! grep -vE '^ipv[46] .* use=[0-9]+$' out
		assert_equal "$(cat err)" ''
		interrupted_by "${signal%:*}" list -j
		assert_equal "$status" "-$number"
		jq -e 'length > 0 and length < 31000' out
	done
	world_router conntrack -F 2>/dev/null
	world_fill 1000 >/dev/null
}

@test "SIGTERM ends a list whose reader does not read" {
	world_fill 30000 --seed 1 >/dev/null
	nsenter --net="$(world_namespace router)" -- "$CONNTAB" list 2>err 3>&- > >(exec 3>&-; exec sleep 20) &
	local program=$! tries=0
	until grep -q pipe_write /proc/$program/wchan; do sleep 0.02; done
	kill -TERM $program
	while kill -0 $program 2>/dev/null && [ $((tries++)) -lt 100 ]; do sleep 0.02; done
	local alive=no
	kill -0 $program 2>/dev/null && alive=yes
	kill -KILL $program 2>/dev/null || true
	wait $program || true
	world_router conntrack -F 2>/dev/null
	world_fill 1000 >/dev/null
	assert_equal "$alive" no
}
