#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# watch: levels, rates and ends, as lines, as JSON and on a terminal.
#
# Nothing here asks how fast it is. What depends on time is compared with what really
# happened in that time, or with a bound that only a fault could pass.
# shellcheck disable=SC2016,SC2030,SC2031,SC2086,SC2154,SC2238

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
	world_single
	MAXIMUM=$(world_router cat /proc/sys/net/netfilter/nf_conntrack_max)
}

teardown() {
	WORLD=$WORLD-b world_destroy
	world_destroy
}

watch() { run --separate-stderr world_router timeout 30 "$CONNTAB" watch "$@"; }

# watching FILE ARGUMENT...: in the background, with what it prints in FILE. Its process is WATCHER:
# not that of a function, which would be a shell's. It passes TERM on.
watching() {
	local file=$1
	shift
	nsenter --net="/run/netns/$WORLD-router" timeout 30 "$CONNTAB" watch "$@" >"$file" 2>"$file.err" 3>&- &
	WATCHER=$!
}

# Waits until the file has that many lines; a watch that ended has no more to come.
until_lines() {
	local tries=0
	until [ "$(wc -l <"$1")" -ge "$2" ]; do
		kill -0 "$WATCHER" 2>/dev/null || return 1
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "no $2 lines in $1: $(cat "$1" "$1.err")" || return
		sleep 0.1
	done
}

# The exit status of the watch in the background, in `ended`.
has_ended() {
	ended=0
	wait "$WATCHER" || ended=$?
}

fill() { world_fill "$@" >/dev/null; }

assert_unknown() {
	local part
	assert_equal "$status" 3 || return
	assert_output '' || return
	assert_equal "${#stderr_lines[@]}" 1 || return
	[[ $stderr == 'conntab: watch: '* ]] || fail "does not begin with conntab: watch: $stderr" || return
	for part; do
		[[ $stderr == *"$part"* ]] || fail "no $part in: $stderr" || return
	done
}

# ---- a filter ----

@test "watch FILTER: how many entries match, sample by sample; the level is the whole table's" {
	fill 400
	local udp tcp
	udp=$(world_router "$CONNTAB" list -o csv -c proto | grep -c '^udp$')
	watching out -j --interval 0.2 --exit-on never udp
	until_lines out 2
	world_router conntrack -D -p udp --orig-port-dst 53 >deleted 2>/dev/null
	until_lines out $(($(wc -l <out) + 3))
	kill -TERM "$WATCHER"
	has_ended
	assert_equal "$(jq -s -c '[.[0].matched, .[-1].matched]' out)" "[$udp,$((udp - $(wc -l <deleted)))]"
	assert_equal "$(jq -s -c '.[0].entries' out)" 400
	assert [ "$(jq -s '[.[] | select(.matched_per_second < 0)] | length' out)" -ge 1 ]
	tcp=$(world_router "$CONNTAB" count tcp)
	watch --count 1 tcp
	assert_output --partial " $(world_count)/$MAXIMUM "
	assert_output --partial " matched=$tcp "
}

@test "watch FILTER: in another namespace, idle time is by the timeouts of that one" {
	WORLD=$WORLD-b world_single
	fill 200
	world_router sysctl -qw net.netfilter.nf_conntrack_udp_timeout=7200 net.netfilter.nf_conntrack_udp_timeout_stream=7200
	local words='udp unreplied idle > 30m' there
	there=$(world_router "$CONNTAB" count $words)
	[ "$there" -gt 0 ] || fail "nothing to see"
	run --separate-stderr timeout 30 "$CONNTAB" watch -n "$WORLD-router" --count 1 -j $words
	assert_success
	assert_equal "$(jq .matched <<<"$output")" "$there"
}

# ---- levels ----

@test "watch: exact entries and each of the four statuses, with absolute limits" {
	fill 2000
	watch --count 1 -j --warn 2001 --crit 3000
	assert_equal "$status" 0
	jq -e --argjson max "$MAXIMUM" '.level == "OK" and .entries == 2000 and .maximum == $max' <<<"$output"
	watch --count 1 -j --warn 2000 --crit 2001
	assert_equal "$status" 1
	jq -e '.level == "WARNING" and .entries == 2000' <<<"$output"
	watch --count 1 -j --warn 1000 --crit 2000
	assert_equal "$status" 2
	jq -e '.level == "CRITICAL" and .entries == 2000' <<<"$output"
	watch --count 1 -j --warn nonsense
	assert_unknown
}

@test "watch: limits in per cent of the maximum, with fractions; the defaults are 80 and 95" {
	local number=$((MAXIMUM / 100 + 1)) # just over 1 %
	fill $number
	watch --count 1 --warn 1% --crit 1.5%
	assert_equal "$status" 1
	watch --count 1 --warn 0.5% --crit 1%
	assert_equal "$status" 2
	watch --count 1 --warn 1.2% --crit 1.5%
	assert_equal "$status" 0
	assert_output --partial " OK $number/$MAXIMUM 1.0%"
	watch --count 1
	assert_equal "$status" 0
	# Per cent above an absolute number.
	watch --count 1 --warn 10 --crit 50%
	assert_equal "$status" 1
}

@test "watch: an empty namespace is at 0 %" {
	watch --count 1 -j
	assert_equal "$status" 0
	jq -e '.entries == 0 and .percent == 0 and .level == "OK"' <<<"$output"
}

@test "watch: it follows what happens, entry by entry" {
	fill 100
	watching out -j --interval 0.2 --exit-on never
	until_lines out 2
	fill 250 --seed 1
	until_lines out $(($(wc -l <out) + 3))
	world_router conntrack -D -p tcp >deleted 2>/dev/null
	until_lines out $(($(wc -l <out) + 3))
	kill -TERM "$WATCHER"
	has_ended
	assert_equal "$ended" 0
	local left=$((350 - $(wc -l <deleted)))
	# A sample may well come in the middle of a change.
	assert_equal "$(jq -s -c '[.[0].entries, ([.[].entries] | max), .[-1].entries]' out)" "[100,350,$left]"
}

@test "watch ends at critical by itself, at once" {
	fill 500
	watch --interval 0.1 --warn 100 --crit 500 --count 9
	assert_equal "$status" 2
	assert_equal "${#lines[@]}" 1
}

@test "watch --exit-on warn, crit and never" {
	fill 500
	watch --interval 0.05 --warn 100 --crit 1000 --count 4 --exit-on warn
	assert_equal "$status" 1
	assert_equal "${#lines[@]}" 1
	watch --interval 0.05 --warn 100 --crit 1000 --count 4 --exit-on crit
	assert_equal "$status" 1
	assert_equal "${#lines[@]}" 4
	watch --interval 0.05 --warn 100 --crit 500 --count 4 --exit-on warn
	assert_equal "$status" 2
	assert_equal "${#lines[@]}" 1
	watch --interval 0.05 --warn 100 --crit 500 --count 4 --exit-on never
	assert_equal "$status" 2
	assert_equal "${#lines[@]}" 4
}

@test "watch --count takes that many samples" {
	local number
	for number in 1 2 7; do
		watch --interval 0.05 --count $number
		assert_equal "$status" 0
		assert_equal "${#lines[@]}" $number
	done
}

@test "watch --for: a level counts after so many samples in a row" {
	fill 500
	watch --interval 0.05 --crit 500 --warn 400 --for 4 --count 9 -j
	assert_equal "$status" 2
	assert_equal "$(jq -r .level <<<"$output" | xargs)" 'OK OK OK CRITICAL'
	# Not yet held when it ends.
	watch --interval 0.05 --crit 500 --warn 400 --for 4 --count 3 -j
	assert_equal "$status" 0
	assert_equal "$(jq -r .level <<<"$output" | xargs)" 'OK OK OK'
}

@test "watch --for: a peak that does not last is none" {
	fill 100
	watching out -j --interval 0.3 --warn 300 --crit 600 --for 6 --count 14 --exit-on warn
	until_lines out 2
	fill 800 --seed 1
	until_lines out $(($(wc -l <out) + 1))
	world_router conntrack -F 2>/dev/null
	has_ended
	assert_equal "$ended" 0
	assert_equal "$(wc -l <out)" 14
	jq -s -e 'any(.entries >= 600) and all(.level == "OK")' out
}

# The commands that --exec starts, in the order of the changes: it does not wait for them.
@test "watch: rises through warn and crit; --exec once for each change, told of it; ends after --for" {
	fill 100
	cat >note <<-'END'
		echo "$CONNTAB_PREVIOUS_LEVEL $CONNTAB_LEVEL $CONNTAB_ENTRIES/$CONNTAB_MAXIMUM $CONNTAB_PERCENT [$CONNTAB_NETNS] $CONNTAB_DROPS" >>notes
	END
	watching out -j --interval 0.2 --warn 1000 --crit 3000 --for 3 --exec 'sh ./note'
	until_lines out 3
	fill 1500 --seed 1
	until_lines out $(($(wc -l <out) + 6))
	fill 2000 --seed 2
	has_ended
	assert_equal "$ended" 2
	run cat notes
	assert_line --index 0 "OK WARNING 1600/$MAXIMUM $(awk -v m="$MAXIMUM" 'BEGIN { printf "%.1f", 160000 / m }') [] 0"
	assert_line --index 1 "WARNING CRITICAL 3600/$MAXIMUM $(awk -v m="$MAXIMUM" 'BEGIN { printf "%.1f", 360000 / m }') [] 0"
	assert_equal "${#lines[@]}" 2
	# Three samples in a row each, the last of which has the level.
	python3 - <<-'END'
		import json
		samples = [json.loads(line) for line in open("out")]
		assert [s["entries"] >= 3000 for s in samples].count(True) == 3
		level = [s["level"] for s in samples]
		assert level[-1] == "CRITICAL" and level[-2] == "WARNING" and level[0] == "OK", level
		first = next(i for i, s in enumerate(samples) if s["entries"] >= 1000)
		assert level[first + 1] == "OK" and level[first + 2] == "WARNING", level
	END
}

@test "watch --exec: the way back is a change too, and a level that stays is none" {
	fill 500
	watching out --interval 0.1 --warn 400 --crit 1000 --exec 'echo "$CONNTAB_PREVIOUS_LEVEL $CONNTAB_LEVEL" >>notes'
	until_lines out 4
	world_router conntrack -F 2>/dev/null
	until_lines out $(($(wc -l <out) + 4))
	fill 500 --seed 1
	until_lines out $(($(wc -l <out) + 4))
	kill -TERM "$WATCHER"
	has_ended
	assert_equal "$ended" 1
	assert_equal "$(cat notes)" $'OK WARNING\nWARNING OK\nOK WARNING'
}

@test "watch --exec: its output does not get among the samples, nor does it hold them up" {
	fill 500
	watch --interval 0.1 --warn 400 --crit 1000 --count 8 -j --exec 'echo noise; sleep 0.5; echo more >finished'
	assert_equal "$status" 1
	assert_equal "${#lines[@]}" 8
	jq -e -s 'length == 8' <<<"$output"
	[[ $stderr == *noise* ]]
	# What was started is not cut short.
	[ "$(cat finished)" = more ]
}

@test "watch --exec: a command that fails, or does not exist, changes nothing" {
	fill 500
	watch --interval 0.1 --warn 400 --crit 1000 --count 3 --exec 'exit 9'
	assert_equal "$status" 1
	assert_equal "${#lines[@]}" 3
	watch --interval 0.1 --warn 400 --crit 1000 --count 3 --exec './does-not-exist 2>&-'
	assert_equal "$status" 1
	assert_equal "${#lines[@]}" 3
}

@test "watch --exec: a command that hangs does not keep the watch from ending at a signal" {
	fill 500
	# Without timeout, which would end the command too.
	nsenter --net="/run/netns/$WORLD-router" "$CONNTAB" watch --interval 0.1 --warn 400 --exec 'exec sleep 20' >out 2>out.err 3>&- &
	WATCHER=$!
	until_lines out 3
	kill -TERM "$WATCHER"
	local tries=0
	while kill -0 "$WATCHER" 2>/dev/null && [ $tries -lt 80 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	[ $tries -lt 80 ] || { kill -KILL "$WATCHER"; fail "it still waits for the command"; }
	has_ended
	assert_equal "$ended" 1
}

@test "watch --exec finds its standard files and signals as a command expects them" {
	fill 500
	watch --interval 0.1 --warn 400 --count 1 --exec 'trap - PIPE; yes | head -1 >piped; kill -0 $$ && ls -l /proc/self/fd >files; grep SigIgn /proc/self/status >ignored'
	assert_equal "$status" 1
	assert_equal "$(cat piped)" y
	run cat files
	assert_output --partial '/proc/'
	refute_output --partial 'socket:'
	# SIGPIPE is 13; those above 31 are the library's own.
	[ $((0x$(sed 's/.*[[:space:]]//' ignored) >> 12 & 1)) -eq 0 ]
}

# ---- the end ----

# ended_by SIGNAL ARGUMENT...: a watch in the foreground's place, ended by that signal; its status.
# (In the background a shell has a program ignore SIGINT.)
ended_by() {
	world_router python3 - "$@" <<-'END' 3>&-
		import os, signal, subprocess, sys
		watch = subprocess.Popen([os.environ["CONNTAB"], "watch", *sys.argv[2:]], stdout=subprocess.PIPE, text=True)
		signal.alarm(20)
		print(watch.stdout.readline() + watch.stdout.readline(), end="")
		watch.send_signal(getattr(signal, "SIG" + sys.argv[1]))
		rest = watch.stdout.read()
		assert rest.count("\n") <= 1, rest
		sys.exit(watch.wait())
	END
}

@test "watch: Ctrl-C and TERM end it, with the level as the status" {
	fill 500
	local signal
	for signal in INT TERM; do
		run ended_by $signal --interval 0.2 --warn 501 --crit 600
		assert_equal "$status" 0
		run ended_by $signal --interval 0.2 --warn 500 --crit 600
		assert_equal "$status" 1
		run ended_by $signal --interval 0.2 --warn 400 --crit 500 --exit-on never
		assert_equal "$status" 2
	done
	# In the midst of a long sleep as well: the second line comes from a resize only on a terminal.
	run --separate-stderr world_router timeout --preserve-status -s INT 2 "$CONNTAB" watch --interval 1000 --warn 500
	assert_equal "$status" 1
	assert_equal "${#lines[@]}" 1
	assert_equal "$stderr" ''
}

@test "watch: a reader that has enough ends it" {
	fill 500
	run world_router bash -c 'timeout 30 "$CONNTAB" watch --interval 0.05 --warn 400 2>err | head -n 3; echo "${PIPESTATUS[0]}"'
	assert_equal "${#lines[@]}" 4
	assert_line --index 3 1
	[ ! -s err ]
}

@test "watch: an output that is closed or full is UNKNOWN, with one line" {
	run --separate-stderr world_router timeout 30 sh -c 'exec "$CONNTAB" watch --interval 0.05 >/dev/full'
	assert_unknown 'standard output'
	run --separate-stderr world_router timeout 30 sh -c 'exec "$CONNTAB" watch --interval 0.05 >&-'
	assert_unknown 'standard output'
}

# ---- several namespaces ----

@test "watch: several namespaces, each with its own count; the worst level is the status" {
	local one=$WORLD
	fill 300
	world_single "$one-b"
	fill 1200
	WORLD=$one
	watch -n "$one-router" -n "$one-b-router" -j --count 2 --interval 0.1 --warn 1000 --crit 2000
	assert_equal "$status" 1
	assert_equal "$(jq -r '"\(.netns) \(.entries) \(.level) \(.maximum)"' <<<"$output")" "$one-router 300 OK $MAXIMUM
$one-b-router 1200 WARNING $MAXIMUM
$one-router 300 OK $MAXIMUM
$one-b-router 1200 WARNING $MAXIMUM"
	watch -n "$one-b-router" -n "$one-router" --count 1 --warn 200 --crit 1200
	assert_equal "$status" 2
	assert_line --regexp "^[^ ]+Z $one-router WARNING 300/$MAXIMUM "
	assert_line --regexp "^[^ ]+Z $one-b-router CRITICAL 1200/$MAXIMUM "
	watch -n "$one-b-router" -n "$one-router" --count 1
	assert_equal "$status" 0
}

@test "watch: -n takes names, paths and process numbers, from anywhere" {
	fill 300
	nsenter --net="/run/netns/$WORLD-router" sleep 60 3>&- &
	local sleeper=$!
	sleep 0.3
	run --separate-stderr timeout 30 "$CONNTAB" -n "$WORLD-router" watch -n "/run/netns/$WORLD-router" -n $sleeper --count 1 -j
	kill $sleeper
	assert_equal "$status" 0
	assert_equal "$(jq -s -c 'map(.entries)' <<<"$output")" '[300,300,300]'
	jq -s -e --arg name "$WORLD-router" '.[0].netns == $name and .[1].netns == "/run/netns/" + $name' <<<"$output"
}

@test "watch --exec says which namespace it was" {
	local one=$WORLD
	world_single "$one-b"
	fill 1200
	WORLD=$one
	watch -n "$one-router" -n "$one-b-router" --count 2 --interval 0.1 --warn 1000 --crit 2000 --exec 'echo "$CONNTAB_NETNS $CONNTAB_LEVEL $CONNTAB_ENTRIES" >>notes'
	assert_equal "$status" 1
	assert_equal "$(cat notes)" "$one-b-router WARNING 1200"
}

# Names in /run of its own, so that nobody else's come and go meanwhile.
@test "watch --all-netns: this namespace and all that have a name" {
	local load
	load=$(world_tool load)
	fill 40
	cat >names <<-'END'
		mount -t tmpfs tmpfs /run && ip netns add one && ip netns add two || exit
		nsenter --net=/run/netns/two -- "$1" --count 300 >/dev/null
		timeout 30 "$CONNTAB" watch --all-netns -j --count 2 --interval 0.1 --warn 300 --crit 4000000
		echo "{\"status\": $?}"
	END
	run --separate-stderr world_router unshare --mount sh names "$load"
	assert_equal "$(jq -r -s 'map(select(.level) | "\(.netns // "-") \(.entries) \(.level)") | sort | unique | .[]' <<<"$output")" "- 40 OK
one 0 OK
two 300 WARNING"
	assert_equal "$(jq -s 'map(select(.level)) | length' <<<"$output")" 6
	jq -s -e '.[-1].status == 1' <<<"$output"
}

# Without events: those namespaces are not ours.
@test "watch --all-netns: with all that the machine has, ours are among them" {
	fill 77
	run --separate-stderr timeout 30 "$CONNTAB" watch --all-netns --no-events -j --count 1 --exit-on never
	jq -s -e --arg name "$WORLD-router" 'any(.netns == $name and .entries == 77) and .[0].netns == null' <<<"$output"
}

@test "watch: a namespace that vanishes is reported once, the others go on" {
	local one=$WORLD
	fill 300
	world_single "$one-b"
	fill 1200
	WORLD=$one
	watching out -n "$one-router" -n "$one-b-router" -j --interval 0.1 --warn 1000 --crit 2000
	until_lines out 4
	WORLD=$one-b world_destroy
	until_lines out $(($(wc -l <out) + 6))
	kill -TERM "$WATCHER"
	has_ended
	assert_equal "$ended" 0
	run cat out.err
	assert_output "conntab: watch: network namespace $one-b-router: gone"
	assert_equal "$(tail -n 4 out | jq -r .netns | sort -u)" "$one-router"
}

@test "watch: when the only namespace vanishes it ends, UNKNOWN" {
	local one=$WORLD
	world_single "$one-b"
	timeout 30 "$CONNTAB" watch -n "$one-b-router" --interval 0.1 >out 2>out.err 3>&- &
	WATCHER=$!
	until_lines out 3
	world_destroy
	WORLD=$one
	has_ended
	assert_equal "$ended" 3
	assert_equal "$(cat out.err)" "conntab: watch: network namespace $one-b-router: gone"
}

@test "watch: a namespace of the same name that comes instead is not taken for it" {
	local one=$WORLD
	world_single "$one-b"
	timeout 30 "$CONNTAB" watch -n "$one-b-router" --interval 0.3 -j >out 2>out.err 3>&- &
	WATCHER=$!
	until_lines out 2
	ip netns delete "$one-b-router" && ip netns add "$one-b-router"
	has_ended
	WORLD=$one
	assert_equal "$ended" 3
	assert_equal "$(wc -l <out.err)" 1
}

# ---- rates ----

# The time between two samples is what the change of entries and its rate say; where nothing
# changed, the interval. So a loaded machine does not matter.
rates_match() {
	python3 - "$@" <<-'END'
		import json, sys
		name, interval, new, destroyed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
		samples = [json.loads(line) for line in open(name)]
		sums = {"new": 0, "destroyed": 0}
		for before, now in zip(samples, samples[1:]):
		    change = now["entries"] - before["entries"]
		    time = change / now["entries_per_second"] if change and now["entries_per_second"] else interval
		    assert abs(time - interval) < 5, time
		    for key in sums:
		        sums[key] += now[key + "_per_second"] * time
		print(sums)
		for key, want in (("new", new), ("destroyed", destroyed)):
		    assert abs(sums[key] - want) <= max(2, want * 0.01), (key, sums[key], want)
	END
}

@test "watch: the rates of new and destroyed entries add up to what happened" {
	watching out -j --interval 0.5 --exit-on never
	until_lines out 2
	fill 5000
	until_lines out $(($(wc -l <out) + 2))
	world_router conntrack -F 2>/dev/null
	until_lines out $(($(wc -l <out) + 2))
	fill 700 --seed 1
	until_lines out $(($(wc -l <out) + 2))
	kill -TERM "$WATCHER"
	has_ended
	rates_match out 0.5 5700 5000
}

@test "watch: entries that are older than the watch count as destroyed too" {
	fill 3000
	watching out -j --interval 0.5 --exit-on never
	until_lines out 2
	world_router conntrack -F 2>/dev/null
	until_lines out $(($(wc -l <out) + 2))
	kill -TERM "$WATCHER"
	has_ended
	rates_match out 0.5 0 3000
}

@test "watch: lines hold the same rates" {
	watching out --interval 0.5 --exit-on never
	until_lines out 2
	fill 2000
	until_lines out $(($(wc -l <out) + 2))
	kill -TERM "$WATCHER"
	has_ended
	run cat out
	assert_line --index 0 --regexp "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z OK 0/$MAXIMUM 0\.0%( [a-z_]+=0)+\$"
	assert_line --index 1 --regexp "^[^ ]+Z OK 0/$MAXIMUM 0\.0% \+0\.0/s new=0\.0/s destroyed=0\.0/s( [a-z_]+=0)+\$"
	assert_line --regexp " OK 2000/$MAXIMUM 0\.[0-9]% \+[0-9]{3,}\.[0-9]/s new=[0-9]{3,}\.[0-9]/s destroyed=0\.0/s"
	local name
	for name in drop early_drop insert_failed invalid chain_toolong clash_resolve search_restart error; do
		assert_line --index 0 --partial " $name=0"
	done
}

@test "watch --no-events: the change, but neither new nor destroyed" {
	fill 300
	watch --no-events --count 3 --interval 0.1 -j
	assert_equal "$status" 0
	jq -s -e 'all(has("new_per_second") or has("destroyed_per_second") | not) and .[2].entries_per_second == 0' <<<"$output"
	watch --no-events --count 3 --interval 0.1
	refute_output --partial 'new='
	# And nobody listens: the kernel has no reason to make events.
	if command -v strace >/dev/null && [ "${CONNTAB_VALGRIND:-}" != 1 ]; then
		under_strace
		world_router timeout 30 strace -o trace "$CONNTAB" watch --no-events --count 2 --interval 0.1
		run grep -c NETLINK_ADD_MEMBERSHIP trace
		assert_output 0
	fi
}

@test "watch: the time until full, while it grows" {
	watching out -j --interval 0.2 --exit-on never
	local seed
	for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
		fill 400 --seed $seed
		sleep 0.2
	done
	until_lines out $(($(wc -l <out) + 1))
	kill -TERM "$WATCHER"
	has_ended
	# The trend of the last samples leads to the maximum: as a check, the mean of the whole time.
	python3 - "$MAXIMUM" <<-'END'
		import json, sys
		samples = [json.loads(line) for line in open("out")]
		grown = [s for s in samples if "seconds_to_full" in s]
		assert len(grown) >= 4, len(grown)
		assert "seconds_to_full" not in samples[0] and "seconds_to_full" not in samples[1]
		for sample in grown:
		    slope = (int(sys.argv[1]) - sample["entries"]) / sample["seconds_to_full"]
		    assert 100 < slope < 20000, (slope, sample)
	END
}

@test "watch: a table that shrinks or stays has no time until full" {
	fill 2000
	watch --count 5 --interval 0.1 -j
	jq -s -e 'all(has("seconds_to_full") | not)' <<<"$output"
	watch --count 5 --interval 0.1
	refute_output --partial full_in
}

# ---- JSON ----

@test "watch -j: one object a line, complete at the moment it is printed" {
	fill 300
	watching out -j --interval 0.2 --exit-on never
	until_lines out 3
	jq -c . <out >parsed
	[ "$(wc -l <parsed)" -ge 3 ]
	kill -TERM "$WATCHER"
	has_ended
	jq -s -e 'all(.[]; (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")) and
		(.entries | type) == "number" and (.percent | type) == "number" and
		([.drop, .early_drop, .insert_failed, .invalid, .chain_toolong, .clash_resolve, .search_restart, .error] | all(type == "number")))' out
	jq -s -e '(.[0] | has("entries_per_second") | not) and (.[1] | has("entries_per_second"))' out
	# Written in every locale the same.
	watch -j --count 1 -o jsonl
	jq -e .entries <<<"$output"
}

@test "watch: counters tell what grew since the last sample: invalid packets" {
	world_router nft add rule inet world tracking ct state new accept
	watching out -j --interval 0.3 --exit-on never
	until_lines out 2
	world_router python3 - <<-'END'
		import socket, struct
		raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
		for i in range(30):
		    raw.sendto(struct.pack("!HHHH", 4000, 4001, 2000, 0) + b"short", ("127.0.0.1", 0))
	END
	until_lines out $(($(wc -l <out) + 3))
	kill -TERM "$WATCHER"
	has_ended
	local total
	total=$(conntab_router stats -j | jq '.total.invalid')
	[ "$total" -ge 30 ]
	assert_equal "$(jq -s 'map(.invalid) | add' out)" "$total"
	assert_equal "$(tail -n 1 out | jq .invalid)" 0
}

# ---- stopped and gone on ----

@test "watch: stopped for a while it makes up for no sample" {
	fill 100
	world_router python3 - <<-'END' 3>&-
		import json, os, signal, subprocess, time
		signal.alarm(25)
		watch = subprocess.Popen([os.environ["CONNTAB"], "watch", "-j", "--interval", "0.2"], stdout=subprocess.PIPE, text=True)
		for _ in range(3):
		    watch.stdout.readline()
		watch.send_signal(signal.SIGSTOP)
		time.sleep(4)
		began = time.monotonic()
		watch.send_signal(signal.SIGCONT)
		time.sleep(1)
		watch.send_signal(signal.SIGINT)
		rest = watch.stdout.read().count("\n")
		ran = time.monotonic() - began
		# 20 samples were missed. One may be late, one in its pipe, one at the end.
		assert 1 <= rest <= ran / 0.2 + 3, (rest, ran)
		assert watch.wait() == 0
	END
}

# ---- what it costs ----

@test "watch: a sample takes less than 20 system calls" {
	command -v strace >/dev/null || skip "strace is not installed"
	under_strace
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "not under valgrind"
	fill 1000
	local form few many
	for form in '' -j; do
		few=$(world_router timeout 30 strace -f -o few "$CONNTAB" watch --count 10 --interval 0.01 $form >/dev/null; wc -l <few)
		many=$(world_router timeout 30 strace -f -o many "$CONNTAB" watch --count 60 --interval 0.01 $form >/dev/null; wc -l <many)
		[ "$few" -gt 10 ] && [ "$many" -gt "$few" ]
		[ $(((many - few) / 50)) -lt 20 ] || fail "$(((many - few) / 50)) system calls"
	done
}

# Entries come and go meanwhile, the level changes and a command runs.
@test "watch: thousands of samples leave memory, files and processes where they were" {
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "valgrind takes memory of its own"
	! LC_ALL=C grep -qa '__asan_init' "$CONNTAB" || skip "a sanitizer takes memory of its own"
	fill 100
	nsenter --net="/run/netns/$WORLD-router" "$CONNTAB" watch -j --interval 0.001 --warn 1000 --crit 4000000 --exec true --exit-on never >out 2>out.err 3>&- &
	WATCHER=$!
	measure() { awk '/^Vm(RSS|HWM|Data)/ { print $1 $2 }' "/proc/$WATCHER/status" >"$1"; ls "/proc/$WATCHER/fd" >"$1.files"; }
	until_lines out 100
	fill 1500 --seed 1
	until_lines out 600
	world_router conntrack -F 2>/dev/null
	until_lines out 1000
	measure early
	for seed in 2 3 4; do
		fill 1500 --seed $seed
		until_lines out $(($(wc -l <out) + 700))
		world_router conntrack -F 2>/dev/null
		until_lines out $(($(wc -l <out) + 700))
	done
	measure late
	# No more than the one that has just ended is left over.
	[ "$(ps -o pid= --ppid "$WATCHER" | wc -l)" -le 1 ]
	kill -TERM "$WATCHER"
	has_ended
	assert_equal "$ended" 0
	[ "$(wc -l <out)" -ge 5000 ]
	diff early.files late.files
	paste -d: early late | awk -F: '{ if ($4 - $2 > 64) { print; bad = 1 } } END { exit bad }'
}

# ---- bad input ----

@test "watch: bad input is UNKNOWN, with one line, and nothing is printed" {
	local words part faults=0
	while IFS='|' read -r words part; do
		# shellcheck disable=SC2086
		watch --count 1 $words
		assert_unknown ${part:+"$part"} || { echo "^ watch $words: $status $output $stderr"; faults=$((faults + 1)); }
	done <<-END
		--warn 90% --crit 80%|above
		--warn 900 --crit 800|above
		--warn 96%|above
		--warn 100.5%|100
		--crit 101%|100
		--warn -1%|warn
		--warn %|warn
		--warn ten|warn
		--warn 10:20|warn
		--crit @5|crit
		--warn= |warn
		--interval 0|interval
		--interval 0.0|interval
		--interval -1|interval
		--interval x|interval
		--interval 1e9|interval
		--interval nan|interval
		--interval 99999999999999999999|interval
		--count 0|count
		--count x|count
		--for 0|for
		--drops 0|drops
		--drops -5|drops
		--exit-on ok|exit-on
		--exit-on|exit-on
		--exec|exec
		tpc dport 80|"tcp"
		tcp dport|column
		-o xml|
		-o table|
		--nonsense|nonsense
		--sort src|sort
		-n $WORLD-none|$WORLD-none
		-n $WORLD-router -n $WORLD-none|$WORLD-none
		-n 999999999|999999999
		-n /etc/passwd|passwd
	END
	assert_equal "$faults" 0
}

# Which of the two is lower is known as soon as the maximum is.
@test "watch: a warning above critical, one in per cent and one absolute, is refused" {
	watch --count 1 --warn 50% --crit 10
	assert_unknown 10
	watch --count 1 --warn "$MAXIMUM" --crit 50%
	assert_unknown '50%'
}

@test "watch: without the privilege it is UNKNOWN and says what is missing" {
	run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups timeout 30 "$CONNTAB" watch --count 1
	[ "$status" -ne 126 ] || skip "nobody cannot run the program where it lies"
	assert_unknown CAP_NET_ADMIN
	run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups timeout 30 "$CONNTAB" watch -n "$WORLD-router" --count 1
	assert_unknown CAP_SYS_ADMIN
}

@test "watch: a kernel without netfilter's netlink is UNKNOWN and says what to do" {
	command -v strace >/dev/null || skip "strace is not installed"
	under_strace
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "not under valgrind"
	run --separate-stderr world_router timeout 30 strace -f -o trace -e inject=socket:error=EPROTONOSUPPORT "$CONNTAB" watch --count 1
	grep -q INJECTED trace || skip "strace cannot inject errors here"
	assert_unknown modprobe
}

# ---- a terminal ----

# on_terminal COLUMNSxROWS SECONDS ARGUMENT...: what watch writes to a terminal of that size, into the
# file `written`. "resize=WxH" as the first argument changes the size once something was drawn.
# The status is watch's, which Ctrl-C ends.
on_terminal() {
	world_router python3 - "$@" <<-'END' 3>&-
		import fcntl, os, pty, select, signal, struct, sys, termios, time
		signal.alarm(25)
		size, seconds, arguments = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
		resize = arguments.pop(0)[7:] if arguments and arguments[0].startswith("resize=") else None
		def set_size(text):
		    columns, rows = map(int, text.split("x"))
		    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
		ready, go = os.pipe()
		child, terminal = pty.fork()
		if child == 0:
		    os.read(ready, 1)
		    os.execv(os.environ["CONNTAB"], ["conntab", "watch", *arguments])
		set_size(size)
		os.write(go, b"x")
		written, end, is_resized = b"", time.monotonic() + seconds, False
		marks = []
		while time.monotonic() < end:
		    if not select.select([terminal], [], [], 0.1)[0]:
		        if written and resize and not is_resized:
		            is_resized = True
		            marks.append(len(written))
		            set_size(resize)
		        continue
		    try:
		        part = os.read(terminal, 65536)
		    except OSError:
		        break
		    if not part:
		        break
		    written += part
		os.write(terminal, b"\x03")
		while True:
		    try:
		        part = os.read(terminal, 65536)
		    except OSError:
		        break
		    if not part:
		        break
		    written += part
		open("written", "wb").write(written)
		open("mark", "w").write(str(marks[0] if marks else -1))
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
	END
}

# drawn CHECK: a python expression over `lines`, the lines of the file `written` without their control
# sequences, and `text`, all of it with them.
drawn() {
	python3 - "$1" <<-'END'
		import re, sys
		text = open("written", "rb").read().decode().replace("\r\n", "\n").replace("^C", "")
		after = open("written", "rb").read()[max(0, int(open("mark").read())):].decode().replace("\r\n", "\n").replace("^C", "")
		plain = lambda text: re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)
		lines, later = plain(text).split("\n"), plain(after).split("\n")
		if not eval(sys.argv[1]):
		    sys.exit(f"not so: {sys.argv[1]}\n{text!r}")
	END
}

@test "watch on a terminal: a block with entries, meter and counters, drawn over itself" {
	fill 2622
	run on_terminal 100x24 1 --interval 0.2 --warn 5% --crit 50%
	assert_equal "$status" 0
	drawn "sum('2622 of $MAXIMUM entries' in line for line in lines) >= 3"
	drawn "'[' in lines[0] and '█' in text or '░' in text"
	drawn "'drop 0' in text and 'early_drop 0' in text"
	# Drawn over the old one, which is not cleared before.
	drawn "'\\x1b[2J' not in text and text.count('\\x1b[3A') >= 3"
	drawn "text.count('\\x1b[?25l') <= text.count('\\x1b[?25h')"
	drawn "text.count('\\x1b[?1049h') == text.count('\\x1b[?1049l')"
	# The shell's prompt comes on a line of its own.
	drawn "lines[-1] == ''"
}

@test "watch on a terminal: the colour is that of the level, and gone at the end of the text" {
	fill 500
	run on_terminal 100x24 0.5 --interval 0.2 --warn 600 --crit 700
	assert_equal "$status" 0
	drawn "'\\x1b[32m' in text and '\\x1b[33m' not in text and '\\x1b[31m' not in text"
	run on_terminal 100x24 0.5 --interval 0.2 --warn 500 --crit 700
	assert_equal "$status" 1
	drawn "'\\x1b[33m' in text and 'WARNING' in text"
	run on_terminal 100x24 0.5 --interval 0.2 --warn 400 --crit 500
	assert_equal "$status" 2
	drawn "'\\x1b[31m' in text and 'CRITICAL' in text"
	drawn "text.rstrip('\\n').rfind('\\x1b[0m') > text.rfind('\\x1b[31m')"
}

@test "watch on a terminal: NO_COLOR and --color never leave colours out" {
	fill 500
	NO_COLOR=1 run on_terminal 100x24 0.5 --interval 0.2
	drawn "not re.search(r'\\x1b\[[0-9;]*m', text) and '500 of' in text"
	run on_terminal 100x24 0.5 --interval 0.2 --color never
	drawn "not re.search(r'\\x1b\[[0-9;]*m', text) and '500 of' in text"
}

@test "watch on a terminal: no line is longer than the window, however narrow" {
	fill 500
	local columns
	for columns in 120 80 60 40 20 8 1; do
		run on_terminal ${columns}x24 0.5 --interval 0.1
		assert_equal "$status" 0
		drawn "max(map(len, lines)) <= $columns and len(lines) > 5" || fail "$columns columns"
	done
}

@test "watch on a terminal: with a long name of the namespace too" {
	local one=$WORLD name=$WORLD-b-router columns
	world_single "$one-b"
	WORLD=$one
	for columns in 100 40 12; do
		run on_terminal ${columns}x24 0.5 -n "$name" --interval 0.1
		assert_equal "$status" 0
		drawn "max(map(len, lines)) <= $columns and len(lines) > 3" || fail "$columns columns"
	done
}

@test "watch on a terminal: it draws anew right after a resize" {
	fill 500
	run on_terminal 100x24 2 resize=50x10 --interval 1000
	assert_equal "$status" 0
	drawn "int(open('mark').read()) > 0"
	# No second sample is due for a quarter of an hour.
	drawn "any('500 of' in line for line in later) and max(map(len, later)) <= 50"
}

@test "watch on a terminal: a resize takes no sample of its own" {
	fill 500
	run on_terminal 100x24 2 resize=50x10 --interval 1000 --count 2
	drawn "'/s' not in ''.join(lines)"
	assert_equal "$status" 0
}

@test "watch on a terminal: TERM=dumb, or none, gets plain lines" {
	fill 500
	TERM=dumb run on_terminal 100x24 1 --interval 0.2
	assert_equal "$status" 0
	drawn "'\\x1b' not in text and sum(' OK 500/' in line for line in lines) >= 2"
	export -n TERM
	run on_terminal 100x24 1 --interval 0.2
	drawn "'\\x1b' not in text and sum(' OK 500/' in line for line in lines) >= 2"
}

@test "watch on a terminal: -j stays JSON" {
	fill 500
	run on_terminal 100x24 1 -j --interval 0.2
	drawn "'\\x1b' not in text and sum(line.startswith('{') and line.endswith('}') for line in lines) >= 2"
}

@test "watch on a terminal without UTF-8 draws in ASCII" {
	fill 500
	LC_ALL=C run on_terminal 100x24 1 --interval 0.2
	drawn "text.isascii() and '500 of' in text and '[' in text"
}

# ---- a terminal emulator, which says what a person sees ----

tmux_here() { timeout 20 tmux -S "$BATS_TEST_TMPDIR/tmux" -f /dev/null "$@" 3>&-; }

start_tmux() {
	command -v tmux >/dev/null || skip "tmux is not installed"
	cat >run <<-'END'
		exec 3>&-
		"$@"
		echo "status $?"
		exec sleep 60
	END
	tmux_here -u new-session -d -x "$1" -y "$2" "nsenter --net=/run/netns/$WORLD-router sh $PWD/run $CONNTAB watch ${*:3}"
}

screen() { tmux_here capture-pane -p; }

# seen PATTERN TIMES: waits until the screen has it so many times.
seen() {
	local tries=0
	until [ "$(screen | grep -c -- "$1")" -eq "$2" ]; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] || { screen; tmux_here kill-server; fail "not $2 times: $1"; } || return
		sleep 0.1
	done
}

@test "watch in tmux: one block, and after each resize one block again" {
	fill 500
	start_tmux 100 24 --interval 0.3
	seen '500 of' 1
	sleep 1
	seen '500 of' 1
	assert_equal "$(screen | grep -c .)" 3
	tmux_here resize-window -x 120 -y 20
	sleep 1
	screen >wider
	tmux_here resize-window -x 50 -y 20
	sleep 1.5
	screen >narrower
	tmux_here resize-window -x 110 -y 24
	sleep 1.5
	screen >back
	tmux_here kill-server
	assert_equal "$(grep -c . wider) $(grep -c '500 of' wider)" '3 1'
	assert_equal "$(grep -c . narrower) $(grep -c '500 of' narrower)" '3 1'
	assert_equal "$(grep -c . back) $(grep -c '500 of' back)" '3 1'
}

# A terminal keeps the cursor on the last letter of a full line: what clears the rest of it then
# takes that letter too (xterm does; tmux does not).
@test "watch on a terminal: a line as wide as the window is not cleared at its end" {
	fill 500
	run on_terminal 60x24 0.5 --interval 0.1
	drawn "any(len(line) >= 59 for line in lines)"
	drawn "not any(len(plain(line)) == 60 and line.endswith('\x1b[K') for line in text.split('\n'))"
}

@test "watch in tmux: a line longer than the window is cut before its last column" {
	fill 500
	local width line
	start_tmux 200 24 --interval 0.3
	seen '500 of' 1
	line=$(screen | sed -n 3p)
	tmux_here kill-server
	width=$((${#line} - 3))
	start_tmux $width 24 --interval 0.3
	seen '500 of' 1
	sleep 0.5
	screen >cut
	tmux_here kill-server
	assert_equal "$(sed -n 3p cut)" "${line:0:$((width - 1))}"
}

@test "watch in tmux: more namespaces than the window has room for" {
	fill 500
	local names=(-n "/run/netns/$WORLD-router")
	names+=("${names[@]}" "${names[@]}" "${names[@]}")
	start_tmux 100 8 --interval 0.3 "${names[@]}"
	sleep 2
	screen >shown
	local kept
	kept=$(tmux_here display-message -p '#{history_size}')
	sleep 1.5
	local later
	later=$(tmux_here display-message -p '#{history_size}')
	tmux_here kill-server
	grep -q '500 of' shown
	# What scrolled away does not grow with each sample.
	assert_equal "$later" "$kept"
}
