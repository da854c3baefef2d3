#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# stats: the kernel's counters, compared with conntrack, with /proc and with what was caused.
# shellcheck disable=SC2001,SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/common
	world_create
	# Traffic of every protocol counts expectations (ftp); broken packets, invalid; the loader, insert.
	world_traffic
	world_fill 700 >/dev/null
	send_invalid 40
	world_quiet
}

setup() {
	load ../lib/common
	cd "$BATS_TEST_TMPDIR" || return
}

teardown_file() {
	load ../lib/common
	world_destroy
}

stats() { run --separate-stderr world_router timeout 30 "$CONNTAB" stats "$@"; }

# send_invalid N: that many packets which conntrack calls invalid: udp shorter than its length says.
send_invalid() {
	world_client python3 - "$1" <<-'END'
		import socket, struct, sys
		raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
		for i in range(int(sys.argv[1])):
		    raw.sendto(struct.pack("!HHHH", 4000, 4001, 2000, 0) + b"short", ("10.77.2.2", 0))
	END
}

@test "stats -o conntrack prints what conntrack -S and conntrack -S expect print, byte for byte" {
	world_router sh -c 'conntrack -S; conntrack -S expect' >expected 2>/dev/null
	stats -o conntrack
	assert_success
	assert_equal "$stderr" ''
	world_router timeout 30 "$CONNTAB" stats -o conntrack | diff expected -
	# Not all of it is nought.
	grep -q 'insert=[1-9]' expected
	grep -q 'invalid=[1-9]' expected
	grep -q 'expect_new=[1-9]' expected
	grep -q 'expect_create=[1-9]' expected
}

@test "stats -j: the total is the sum of the CPUs, and one object" {
	stats -j
	assert_success
	jq -e --slurp 'length == 1 and (.[0] | [keys[]] == ["cpus", "entries", "maximum", "meaning", "total"])' <<<"$output"
	jq -e '. as $all | .total | to_entries | all(. as $one | $one.value == ([$all.cpus[][$one.key]] | add))' <<<"$output"
	jq -e '[.cpus[].cpu] | length > 0 and . == unique' <<<"$output"
	jq -e '.total.expect_new > 0 and .total.expect_create >= .total.expect_new and .total.insert >= 700' <<<"$output"
	assert_equal "$(jq .entries <<<"$output")" "$(world_count)"
	assert_equal "$(jq .maximum <<<"$output")" "$(world_router cat /proc/sys/net/netfilter/nf_conntrack_max)"
}

@test "stats -j says of each CPU what conntrack says" {
	stats -j
	world_router conntrack -S 2>/dev/null | tr -d '\t' | sed 's/chaintoolong/chain_toolong/; s/^cpu=\([0-9]*\) */cpu=\1 /' |
		jq -R -c '[scan("([a-z_]+)=([0-9]+)") | {(.[0]): (.[1] | tonumber)}] | add' >expected
	jq -c '.cpus[] | with_entries(select(.key | startswith("expect_") | not))' <<<"$output" >got
	diff <(jq -S . expected) <(jq -S . got)
}

# Columns of /proc/net/stat/nf_conntrack whose meaning is the same (the others are unused, or reuse a name).
@test "stats -j agrees with /proc/net/stat/nf_conntrack" {
	local column compared=0
	[ -r /proc/net/stat/nf_conntrack ] || skip "this kernel has no /proc/net/stat/nf_conntrack"
	world_router cat /proc/net/stat/nf_conntrack >proc
	stats -j
	for column in found invalid insert insert_failed drop early_drop expect_new expect_create expect_delete search_restart; do
		python3 - "$column" proc <<-'END' >want
			import sys
			lines = [line.split() for line in open(sys.argv[2])]
			at = lines[0].index(sys.argv[1])
			print(sum(int(line[at], 16) for line in lines[1:]))
		END
		[ "$(jq ".total.$column" <<<"$output")" = "$(cat want)" ] || fail "$column: $(jq ".total.$column" <<<"$output"), not $(cat want)"
		compared=$((compared + 1))
	done
	assert_equal $compared 10
	# What ctnetlink calls error.
	python3 - proc <<-'END' >want
		import sys
		lines = [line.split() for line in open(sys.argv[1])]
		at = lines[0].index("icmp_error")
		print(sum(int(line[at], 16) for line in lines[1:]))
	END
	assert_equal "$(jq .total.error <<<"$output")" "$(cat want)"
}

@test "stats: broken packets count as invalid, one each" {
	local before after
	# The world is quiet: the router's own namespace sends to itself.
	before=$(conntab_router stats -j | jq '.total.invalid + .total.error')
	world_router python3 - <<-'END'
		import socket, struct
		raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
		for i in range(25):
		    raw.sendto(struct.pack("!HHHH", 4000, 4001, 2000, 0) + b"short", ("127.0.0.1", 0))
	END
	after=$(conntab_router stats -j | jq '.total.invalid + .total.error')
	# Once on the way out and once on the way in, or in one of the two only.
	[ $((after - before)) -eq 25 ] || [ $((after - before)) -eq 50 ]
}

@test "stats: every counter has a meaning, in the table and in JSON, and different ones" {
	stats -j
	jq -e '(.total | keys) == (.meaning | keys)' <<<"$output"
	jq -e '.meaning | [.[]] | (all(type == "string" and length > 15)) and (unique | length) == length' <<<"$output"
	local -a names
	mapfile -t names < <(jq -r '.meaning | keys[]' <<<"$output")
	assert [ "${#names[@]}" -eq 13 ]
	jq -r '.meaning | to_entries[] | "\(.key) \(.value)"' <<<"$output" >meanings
	stats
	assert_success
	local name meaning
	while read -r name meaning; do
		grep "^$name  *[0-9]" <<<"$output" | grep -qF "  $meaning" || fail "$name: $meaning"
	done <meanings
}

# The counters that the issue names: what to do when they grow.
@test "stats: what tells of trouble comes with advice, and only when it has grown" {
	stats
	assert_line --regexp '^invalid: .'
	refute_line --regexp '^(drop|early_drop|insert_failed|chain_toolong): '
	refute_line --regexp '^(found|insert|expect_new): '
	stats --delta 0.1
	refute_line --regexp '^[a-z_]+: '
}

@test "stats: the table shows each CPU's share and their sum" {
	[ "$(grep -c '^cpu' < <(world_router conntrack -S 2>/dev/null))" -gt 1 ] || skip "one CPU only"
	[ "$(grep -c '^cpu' < <(world_router conntrack -S 2>/dev/null))" -le 8 ] || skip "too many CPUs for columns"
	stats
	cat <<<"$output" >table
	python3 - <<-'END'
		import re
		lines = open("table").read().split("\n")
		head = next(line for line in lines if line.startswith("COUNTER"))
		names = [word for word in head.split() if word.startswith("CPU")]
		assert len(names) > 1 and len(set(names)) == len(names), head
		rows = [re.match(r"([a-z_]+)((?: +[0-9]+)+)  [a-z]", line) for line in lines]
		rows = [row for row in rows if row]
		assert len(rows) == 13, len(rows)
		for row in rows:
		    total, *each = map(int, row[2].split())
		    assert len(each) == len(names) and total == sum(each), row[0]
	END
}

# ---- --delta ----

# delta_of SECONDS COMMAND...: stats --delta into delta.json, and the command meanwhile.
delta_of() {
	local seconds=$1
	shift
	world_router timeout 30 "$CONNTAB" stats -j --delta "$seconds" >delta.json 3>&- &
	local pid=$!
	sleep 0.7
	"$@"
	wait $pid
}

@test "stats --delta shows what grew in that time and nothing else: inserts" {
	world_fill 123 --seed 7 >/dev/null
	delta_of 2.5 world_fill 400 --seed 5
	jq -e '.total.insert == 400' delta.json
	jq -e '.total | to_entries | all(.key == "insert" or .value == 0)' delta.json
	jq -e '[.cpus[].insert] | add == 400' delta.json
}

@test "stats --delta: nothing grew" {
	delta_of 0.9 true
	jq -e '.total | to_entries | all(.value == 0)' delta.json
	jq -e '.cpus | all(to_entries | all(.key == "cpu" or .value == 0))' delta.json
	run --separate-stderr world_router timeout 30 "$CONNTAB" stats -o conntrack --delta 0.2
	[ "$(sed 's/^cpu=[0-9]*//' <<<"$output" | grep -c '=[1-9]')" -eq 0 ]
	assert_line --regexp '^cpu=0 .*insert=0 '
}

@test "stats --delta: expectations of real ftp traffic" {
	local first=$WORLD before after
	world_create "$first-e"
	world_traffic
	before=$(conntab_router stats -j | jq -c .total)
	delta_of 6 world_traffic
	after=$(conntab_router stats -j | jq -c .total)
	world_destroy
	WORLD=$first
	# One for each address family.
	jq -e '.total.expect_new == 2 and .total.expect_create == 2' delta.json
	# And the rest agrees with the difference of the totals.
	jq -n --argjson a "$after" --argjson b "$before" --slurpfile d delta.json -e \
		'$a | to_entries | all(. as $one | $one.value - $b[$one.key] == $d[0].total[$one.key])'
}

@test "stats --delta: Ctrl-C ends it at once, with a failure and no half output" {
	run --separate-stderr world_router timeout -s INT 1 "$CONNTAB" stats --delta 60
	assert_equal "$status" 124
	assert_output ''
	run --separate-stderr world_router timeout --preserve-status -s TERM 1 "$CONNTAB" stats --delta 60
	assert_equal "$status" 143
}

# ---- formats ----

@test "stats -o csv is read by python's csv and holds the same numbers" {
	conntab_router stats -j >stats.json
	conntab_router stats -o csv >stats.csv
	python3 - <<-'END'
		import csv, json
		want = json.load(open("stats.json"))["cpus"]
		got = list(csv.DictReader(open("stats.csv", newline="")))
		assert got and [{key: int(value) for key, value in row.items()} for row in got] == want
	END
}

@test "stats -o jsonl is one line" {
	stats -o jsonl
	assert_success
	assert_equal "${#lines[@]}" 1
	jq -e .total.insert <<<"$output"
}

@test "stats -n and from inside are the same" {
	stats -j
	local inside=$output
	run --separate-stderr conntab -n "$WORLD-router" stats -j
	assert_output "$inside"
}

# ---- bad input ----

@test "stats: bad input is status 2, one line, nothing printed" {
	local words faults=0
	while read -r words; do
		# shellcheck disable=SC2086
		stats $words
		[ "$status" -eq 2 ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == 'conntab: stats: '* ]] ||
			{ echo "^ stats $words: $status $output $stderr"; faults=$((faults + 1)); }
	done <<-'END'
		tcp
		--delta 0
		--delta -1
		--delta x
		--delta
		--delta 1e99
		-o xml
		-o proc
		-o save
		-o nonsense
		--warn 5
		--count 3
	END
	assert_equal "$faults" 0
}

@test "stats: without the privilege status 1 and what is missing" {
	run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups timeout 30 "$CONNTAB" stats
	[ "$status" -ne 126 ] || skip "nobody cannot run the program where it lies"
	assert_equal "$status" 1
	assert_output ''
	[[ $stderr == *CAP_NET_ADMIN* ]] || fail "$stderr"
}

@test "stats: an output that cannot be written is a failure" {
	run --separate-stderr world_router timeout 30 sh -c 'exec "$CONNTAB" stats >/dev/full'
	assert_equal "$status" 1
	assert_equal "${#stderr_lines[@]}" 1
}
