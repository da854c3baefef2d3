#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# events: what conntrack -E says, nothing lost unsaid, and what --resync makes good.
#
# Followers run in the background. Each is known to listen before anything happens (its socket is in
# /proc/net/netlink), and to have seen all when it told of a last entry that the test makes.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
	world_single
	FOLLOWERS=()
}

teardown() {
	[ ${#FOLLOWERS[@]} -eq 0 ] || kill -KILL "${FOLLOWERS[@]}" 2>/dev/null || true
	world_destroy
}


# in_background FILE COMMAND...: in the router, what it prints in FILE; returns when it listens.
# In the foreground timeout passes a signal on once; a second one in the leak checker makes that hang.
in_background() {
	local file=$1 before tries=0
	shift
	before=$(listening)
	nsenter --net="/run/netns/$WORLD-router" timeout --foreground 300 "$@" >"$file" 2>"$file.err" 3>&- &
	FOLLOWER=$!
	FOLLOWERS+=("$FOLLOWER")
	until [ "$(listening)" -gt "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "does not listen: $(cat "$file.err")" || return
		sleep 0.1
	done
}

# Sockets in the router that have joined one of the three groups: the last digit of the fourth column.
listening() { world_router awk '$2 == 12 && $4 ~ /[^08]$/ { n++ } END { print n + 0 }' /proc/net/netlink; }

# following FILE ARGUMENT...
following() {
	local file=$1
	shift
	in_background "$file" "$CONNTAB" events "$@"
}

# Without what conntrack adds about the program that caused an event.
by_kernel() { sed 's/ *\[USERSPACE\].*//' "$1"; }

# until_has FILE REGEX: waits for a line.
until_has() {
	local tries=0
	until grep -qE "$2" "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || fail "no $2 in $1: $(tail -n 3 "$1") $(cat "$1.err")" || return
		sleep 0.1
	done
}

# finish PROCESS: ends it; its status in `ended`.
finish() {
	kill -TERM "$1"
	ended=0
	wait "$1" || ended=$?
}

# The last entry of a test, by which is known that all before it was seen.
last_entry() {
	world_router conntrack -I -p udp -s 192.0.2.250 -d 192.0.2.251 --sport "${1:-4711}" --dport 4712 -t 600 2>/dev/null
}
seen_by_both() {
	until_has ours "NEW.*$LAST.*sport=$1 " && until_has theirs "NEW.*$LAST.*sport=$1 "
}
LAST='192\.0\.2\.250'

fill() { world_fill "$@" >/dev/null; }

# The summary's number of that word: "5" of "5 new".
summed() { grep -oE "[0-9]+ $2" "$1" | tail -1 | cut -d ' ' -f 1; }

@test "conntrack: the lines of conntrack -E, for entries of every sort" {
	world_create
	world_accounting on
	world_timestamps on
	in_background theirs conntrack -E -b 8388608
	their=$FOLLOWER
	following ours
	our=$FOLLOWER
	# No more at once than conntrack's buffer holds, whose size -b does not set.
	world_traffic
	last_entry 1
	seen_by_both 1
	world_quiet
	conntab_router -q flush all
	for seed in 2 3 4 5; do
		fill 60 --seed "$seed"
		last_entry "$seed"
		seen_by_both "$seed"
		conntab_router -q flush all
	done
	last_entry 6
	seen_by_both 6
	finish "$their"
	finish "$our"
	assert_equal "$ended" 0
	# The entry's age is reckoned when its line is printed.
	assert [ "$(grep -c NEW ours)" -gt 300 ]
	assert [ "$(grep -c UPDATE ours)" -gt 20 ]
	assert [ "$(grep -c DESTROY ours)" -gt 300 ]
	run diff <(by_kernel theirs) ours
	assert_output ''
}

@test "conntrack: its extras, and its filters, agree with conntrack's" {
	world_timestamps on
	in_background theirs conntrack -E -o id,extended,ktimestamp
	in_background theirs.destroy conntrack -E -e DESTROY -p tcp
	in_background theirs.mark conntrack -E -m 1
	following ours -o conntrack,id,extended,ktimestamp
	following ours.destroy destroy tcp
	following ours.mark mark 1
	fill 130
	last_entry 1
	seen_by_both 1
	conntab_router -q delete -- 'not mark 5'
	last_entry 2
	seen_by_both 2
	fill 10 --seed 3 --mix tcp
	conntab_router -q flush all
	last_entry 3
	seen_by_both 3
	for process in "${FOLLOWERS[@]}"; do finish "$process"; done
	for file in '' .destroy .mark; do
		assert [ -s "theirs$file" ]
		run diff <(by_kernel "theirs$file") "ours$file"
		assert_output ''
	done
}

@test "conntrack,timestamp: when it was, by the kernel's clock where it keeps times" {
	following without -o conntrack,timestamp
	following kept -c event,when,start -o jsonl
	before=$(date +%s)
	fill 5
	world_timestamps on
	fill 5 --seed 1
	last_entry
	until_has without "$LAST"
	finish "${FOLLOWERS[0]}"
	finish "${FOLLOWERS[1]}"
	after=$(date +%s)
	assert_equal "$(wc -l <without)" 11
	while IFS=$'[].\t' read -r _ second fraction _; do
		[ "$second" -ge "$before" ] && [ "$second" -le "$after" ] && [ ${#fraction} -eq 6 ] || fail "$second.$fraction"
	done <without
	assert_equal "$(jq -c 'has("when")' kept | sort -u)" true
}

@test "xml: as conntrack's, and one whole document after a signal" {
	# Not sctp: the library calls its states by the names of tcp's there.
	in_background theirs conntrack -E -o xml
	following ours -o xml
	fill 60 --mix tcp
	fill 60 --mix udp
	last_entry
	until_has ours "$LAST"
	until_has theirs "$LAST"
	finish "${FOLLOWERS[0]}"
	finish "${FOLLOWERS[1]}"
	assert_equal "$ended" 0
	run xmllint --noout ours
	assert_success
	# Our own elements follow at the end of a flow.
	run diff <(by_kernel theirs | sed 's/<id>[0-9]*<\/id>//') <(sed 's/<field .*<\/field>//; s/<id>[0-9]*<\/id>//' ours)
	assert_output ''
}

@test "every format: whole after a signal, and the same events in each" {
	world_timestamps on
	for format in json jsonl csv table proc; do
		following "$format" -o "$format"
	done
	following j -j
	fill 130
	conntab_router -q flush all
	last_entry
	for file in json jsonl csv table proc j; do
		until_has "$file" "192.0.2.250"
	done
	for process in "${FOLLOWERS[@]}"; do
		finish "$process"
		assert_equal "$ended" 0
	done
	assert_equal "$(jq length json)" 261
	run diff <(jq -S . jsonl) <(jq -S '.[]' json)
	assert_output ''
	run diff <(jq -S . jsonl) <(jq -S . j)
	assert_output ''
	assert_equal "$(python3 -c 'import csv; print(*[r["event"] + r["id"] for r in csv.DictReader(open("csv"))])')" \
		"$(jq -r '.event + (.id | tostring)' jsonl | paste -sd ' ')"
	assert_equal "$(sed 1d table | awk '{ print $1 }' | sort | uniq -c)" "$(jq -r .event jsonl | sort | uniq -c)"
	assert_equal "$(grep -c '^    \[NEW\] ipv[46] ' proc)" 131
	assert_equal "$(grep -c '^\[DESTROY\] ipv[46] ' proc)" 130
	head -1 table | grep -q '^EVENT  *FAMILY'
}

@test "destroy: how long it lived, what it carried" {
	world_create
	world_accounting on
	world_timestamps on
	following out -c event,src,dst,dport,age,start,stop,packets,bytes -o jsonl destroy tcp dst 203.0.113.10
	world_traffic
	conntab_router list -o jsonl -c dst,dport,packets,bytes,start tcp dst 203.0.113.10 >before
	conntab_router -q flush all
	until_has out 203.0.113.10
	finish "$FOLLOWER"
	assert [ "$(wc -l <before)" -ge 1 ]
	assert_equal "$(jq -c '[.dst, .dport, .packets, .bytes, .start]' out | sort)" \
		"$(jq -c '[.dst, .dport, .packets, .bytes, .start]' before | sort)"
	assert_equal "$(jq -s 'map(select(.start < .stop and .age >= 0)) | length' out)" "$(wc -l <out)"
}

@test "the kernel selects: with its help and without the same events, and fewer reach us" {
	local filters=(tcp 'udp dport 53' 'not tcp' 'mark 1' 'mark 0' 'not mark 0' 'mark 0x1/0xf' 'zone 1' 'zone 0' 'assured' unreplied
		'status 0x2/0x6' 'src 10.20.0.0/16' 'icmp icmp.type 8' 'icmpv6 icmp.type 128' 'icmp.id 5' 'sctp dport 36412'
		'gre' 'port 443' 'tcp dport 443 ipv6' ipv4 'tcp or udp' 'new tcp' 'destroy udp' 'new or destroy' 'not new'
		'reply.src 192.0.2.97' 'src 10.20.0.1' 'src 2001:db8:10::bb' 'dst fd00:8::80:0:81 tcp dport 5432'
		'tcp reply.dport 26033' 'proto 253' 'esp' 'tcp state established zone 9 mark 0x10')
	for i in "${!filters[@]}"; do
		following "with.$i" -o jsonl -c event,id "(${filters[i]}) or src 192.0.2.250"
		following "kernel.$i" -o jsonl -c event,id "${filters[i]}"
		following "without.$i" --no-kernel-filter -o jsonl -c event,id "${filters[i]}"
	done
	following all -o conntrack
	fill 260
	conntab_router -q flush all
	last_entry
	until_has all "$LAST"
	for process in "${FOLLOWERS[@]}"; do finish "$process"; done
	for i in "${!filters[@]}"; do
		[ -s "without.$i" ] || echo "${filters[i]}: nothing" >>empty
		run diff "without.$i" "kernel.$i"
		assert_output '' || fail "${filters[i]}"
	done
	# Those few that match nothing of the load would prove nothing.
	run cat empty
	assert [ ${#lines[@]} -le 3 ]
}

@test "-4 and -6, by the kernel's filter and without it" {
	following four -4 -o jsonl -c family
	following six -6 -o jsonl -c family --no-kernel-filter tcp
	following all
	fill 130
	last_entry
	until_has all "$LAST"
	until_has four ipv4
	for process in "${FOLLOWERS[@]}"; do finish "$process"; done
	assert_equal "$(sort -u four)" '{"family":"ipv4"}'
	assert_equal "$(sort -u six)" '{"family":"ipv6"}'
}

@test "--explain: what the kernel selects; nothing else is done" {
	run conntab_router events --explain destroy tcp src 2001:db8::1 established
	assert_success
	assert_line 'kernel   event = destroy and ipv6 and proto = tcp and src = 2001:db8::1'
	run conntab_router events --explain
	assert_line 'kernel   sends every event'
	run conntab_router events --explain --resync assured tcp
	assert_line 'kernel   proto = tcp'
}

@test "--count: ends after so many, and says how many there were" {
	following out --count 3 -o jsonl
	fill 10
	wait "$FOLLOWER"
	FOLLOWERS=()
	assert_equal "$(wc -l <out)" 3
	assert_equal "$(cat out.err)" 'conntab: events: 3 events (3 new), 0 lost'
}

@test "a signal ends it: status 0, what was there is told; -q says nothing" {
	following out -q
	fill 10
	until_has out NEW
	finish "$FOLLOWER"
	assert_equal "$ended" 0
	assert_equal "$(cat out.err)" ''
	following out2 --require-match src 192.0.2.99
	finish "$FOLLOWER"
	assert_equal "$ended" 1
	assert_equal "$(cat out2.err)" 'conntab: events: 0 events, 0 lost'
}

@test "a reader that goes away ends it quietly" {
	nsenter --net="/run/netns/$WORLD-router" timeout 60 "$CONNTAB" events 2>err 3>&- | head -1 >out &
	FOLLOWERS+=($!)
	tries=0
	until [ "$(listening)" -ge 1 ] || [ $((tries += 1)) -gt 100 ]; do sleep 0.1; done
	fill 10
	until_has out NEW
	fill 10 --seed 1
	tries=0
	until [ "$(listening)" -eq 0 ]; do
		[ $((tries += 1)) -lt 100 ] || fail 'still there'
		sleep 0.1
	done
	run grep -v ' lost$' err
	assert_output ''
}

@test "a kernel that sends none, and a buffer that is limited, are said" {
	world_router sysctl -qw net.netfilter.nf_conntrack_events=0
	following out
	finish "$FOLLOWER"
	grep -q 'the kernel sends no events here.*nf_conntrack_events=1' out.err
	# In a chroot nobody may make user namespaces.
	if unshare -rn true 2>/dev/null; then
		run unshare -rn "$CONNTAB" events --buffer 512Mi --explain
		assert_success
		run timeout -s INT 1 setpriv --reuid 65534 --clear-groups unshare -rn "$CONNTAB" events --buffer 512Mi
		[ "$status" -ne 0 ] || assert_output --partial 'net.core.rmem_max'
	fi
}

@test "bad input: refused, nothing is followed" {
	for words in 'present' 'new destroy' '--buffer 0' '--buffer x' '--count 0' '--resync destroy' '--sort src' '--limit 3' \
		'-o nosuch' 'nosuch' '--resync --count 1 not update'; do
		# shellcheck disable=SC2086
		run --separate-stderr world_router timeout 20 "$CONNTAB" events $words
		assert_failure 2
		assert_output ''
		assert_equal "${#stderr_lines[@]}" 1
		[[ $stderr == 'conntab: events: '* ]]
	done
	for command in list count 'delete --dry-run' 'flush idle'; do
		# shellcheck disable=SC2086
		run conntab_router $command not new
		assert_failure 2
		assert_output --partial 'entries have no event: it belongs to conntab events'
	done
	run setpriv --reuid 65534 --clear-groups "$CONNTAB" events
	assert_failure 1
	assert_output 'conntab: events: permission denied (needs CAP_NET_ADMIN)'
}

# ---- losses ----

@test "a storm that no small buffer holds: received and lost are what was made" {
	following small --buffer 4k -o jsonl -c event,id new
	small=$FOLLOWER
	following large -o jsonl -c event,id new
	kill -STOP "$small"
	for seed in 0 1 2 3; do fill 5000 --seed "$seed"; done
	kill -CONT "$small"
	until_has small.err 'events were lost'
	fill 1 --seed 5
	sleep 0.5
	finish "$small"
	assert_equal "$ended" 0
	finish "$FOLLOWER"
	received=$(wc -l <small)
	lost=$(summed small.err lost)
	assert [ "$lost" -gt 10000 ]
	assert_equal $((received + lost)) 20001
	assert_equal "$(summed small.err new)" "$received"
	assert_equal "$(($(wc -l <large) + $(summed large.err lost)))" 20001
	grep -q 'warning: .* events were lost.*--buffer helps, --resync repairs' small.err
}

# What a program has that believes the events: the entries by identity, each as it was told of last.
cat_view() {
	jq -cn 'reduce inputs as $e ({}; ($e | [.id, .src, .dst, .sport, .dport, .zone, ."icmp.id"] | tostring) as $k |
		if $e.event == "destroy" then del(.[$k])
		else .[$k] = ((.[$k] // {}) + ($e | del(.event, .when) | with_entries(select(.value != null)))) end)
		| to_entries | map(.value) | sort_by(.id) | .[]' "$1"
}

VIEW=id,family,proto,src,dst,sport,dport,zone,state,status,mark

# Waits until the view of the events in a file is the table, or says how it differs.
until_view_is_table() {
	local tries=0
	until conntab_router list -o jsonl -c $VIEW "${@:2}" | jq -cS . | sort >table &&
		cat_view <(grep '}$' "$1") | jq -cS . | sort >view && cmp -s table view; do
		tries=$((tries + 1))
		[ $tries -lt 60 ] || fail "the view is not the table: $(diff table view | head -5) $(wc -l table view)" || return
		sleep 0.5
	done
}

@test "--resync: what is there comes first, then what begins and ends" {
	fill 200
	following out --resync -o jsonl -c event,$VIEW
	until_view_is_table out
	assert_equal "$(jq -r .event out | sort | uniq -c | tr -s ' ')" ' 200 present'
	fill 50 --seed 1
	conntab_router -q delete src 10.20.0.0/16
	world_router conntrack -U -p tcp -m 77 >/dev/null 2>&1 || true
	until_view_is_table out
	assert_equal "$(jq -r .event out | grep -c new)" 50
	finish "$FOLLOWER"
	assert_equal "$ended" 0
}

@test "--resync: after a storm of losses the view is the table" {
	fill 2000 --seed 9
	following out --resync --buffer 4k -o jsonl -c event,$VIEW
	until_has out present
	kill -STOP "$FOLLOWER"
	fill 5000
	conntab_router -q delete tcp dport 443
	fill 5000 --seed 1
	kill -CONT "$FOLLOWER"
	fill 3000 --seed 2
	conntab_router -q delete udp
	until_view_is_table out
	finish "$FOLLOWER"
	assert_equal "$ended" 0
	assert [ "$(summed out.err lost)" -gt 1000 ]
	grep -q 'lost and made good' out.err
	# Of the losses some were beginnings and some were ends.
	assert [ "$(jq -r .event out | grep -c present)" -gt 2000 ]
	assert [ "$(jq -r .event out | grep -c destroy)" -gt 100 ]
}

@test "--resync: with a filter it is what list has, and an entry is told of to its end" {
	fill 300 --seed 9
	following out --resync --buffer 4k -o jsonl -c event,$VIEW tcp dport 443
	until_has out present
	kill -STOP "$FOLLOWER"
	fill 3000
	conntab_router -q delete tcp dport 443 ipv4
	kill -CONT "$FOLLOWER"
	fill 300 --seed 2
	until_view_is_table out tcp dport 443
	finish "$FOLLOWER"
}

@test "--resync: entries that send no events end in silence, and are missed" {
	# With 2 it would depend on who listens elsewhere on the machine.
	world_router sysctl -qw net.netfilter.nf_conntrack_events=0
	fill 100
	world_router sysctl -qw net.netfilter.nf_conntrack_events=2
	following plain -o jsonl -c event
	following out --resync -o jsonl -c event,$VIEW
	until_has out present
	conntab_router -q flush all
	# The next look is ten seconds after the first.
	until_has out destroy
	until_view_is_table out
	finish "$FOLLOWER"
	assert_equal "$(jq -r .event out | grep -c destroy)" 100
	assert_equal "$(wc -l <plain)" 0
}
