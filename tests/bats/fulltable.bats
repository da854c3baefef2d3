#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The emergency from end to end: a table that is really full, packets that are really dropped,
# the counters that show it, `flush idle`, and the same packets pass.
#
# The limit is the machine's and is not touched: a namespace is filled up to it.
# shellcheck disable=SC2016,SC2154,SC2238

bats_require_minimum_version 1.5.0

# Packets, each the first of a connection of its own.
PACKETS=300
# Entries of every state of tcp; the rest of the table is assured and cannot be thrown out for a packet.
MIXED=12000

setup_file() {
	load ../lib/common
	MAXIMUM=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	export MAXIMUM
	[ "$MAXIMUM" -le 1000000 ] && [ "$MAXIMUM" -ge 50000 ] || return 0
	world_create
	# So that what the loader makes has been idle for a known time.
	# shellcheck disable=SC2016
	world_router sh -c 'for file in /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_*; do echo 90000 >$file; done'
}

setup() {
	load ../lib/common
	cd "$BATS_TEST_TMPDIR" || return
	[ "$MAXIMUM" -le 1000000 ] || skip "nf_conntrack_max is over 1,000,000"
	[ "$MAXIMUM" -ge 50000 ] || skip "nf_conntrack_max is below 50,000"
}

teardown_file() {
	load ../lib/common
	world_destroy
}

# Up to the limit. The kernel clears away some of what is half closed by itself once it dropped a packet.
fill_up() {
	local tries=0 missing
	world_router conntrack -F 2>/dev/null
	world_fill $MIXED --mix tcp >/dev/null
	until missing=$((MAXIMUM - $(world_count))) && [ $missing -le 0 ]; do
		tries=$((tries + 1))
		[ $tries -lt 5 ] || fail "cannot be filled: $missing to go" || return
		world_fill $missing --mix esp --seed $tries >/dev/null
	done
}

# The number of packets that reached the server, of as many as were sent: always the same ones.
send_packets() {
	python3 - "$(world_namespace client)" "$(world_namespace server)" "$PACKETS" <<-'END' 3>&-
		import ctypes, os, socket, sys, time
		def make(path):
		    with open(path) as namespace:
		        assert ctypes.CDLL(None).setns(namespace.fileno(), 0x40000000) == 0
		    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		server = make(sys.argv[2])
		server.bind(("10.77.2.2", 9000))
		server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
		seen = set()
		for i in range(int(sys.argv[3])):
		    client = make(sys.argv[1])
		    client.bind(("10.77.1.2", 20000 + i))
		    client.sendto(b"%d" % i, ("10.77.2.2", 9000))
		    client.close()
		server.settimeout(0.5)
		try:
		    while True:
		        seen.add(server.recv(100))
		except TimeoutError:
		    pass
		print(len(seen))
	END
}

counter() { conntab_router stats -j | jq ".total.$1"; }

# What `flush idle` takes here, as conntrack sees it: all of these have been idle for hours. (Only the
# loader makes entries in the state NONE; for them the kernel has no timeout.)
IDLE=' (TIME_WAIT|CLOSE|LAST_ACK|FIN_WAIT|CLOSE_WAIT) |\[UNREPLIED\]'
tcp_now() { world_router conntrack -L -p tcp -o id 2>/dev/null; }
idle_now() { tcp_now | grep -v ' NONE ' | grep -c -E "$IDLE" || true; }
kept_now() { tcp_now | grep -v -E "$IDLE" | sed 's/.* id=//' | sort; }

@test "a full table: packets are dropped, watch, check and stats show it, flush idle makes room" {
	local reached drops early freed pid status_of_watch=0
	assert_equal "$(send_packets)" $PACKETS
	fill_up
	run --separate-stderr world_router timeout 30 "$CONNTAB" check
	assert_equal "$status" 2
	assert_output --partial "CONNTRACK CRITICAL - $(world_count) of $MAXIMUM entries (100.0%)"
	drops=$(counter drop) early=$(counter early_drop)

	: >watched
	nsenter --net="$(world_namespace router)" timeout 60 "$CONNTAB" watch -j --interval 0.3 --exit-on never >watched 2>watched.err 3>&- &
	pid=$!
	until [ "$(wc -l <watched)" -ge 2 ]; do sleep 0.1; done
	nsenter --net="$(world_namespace router)" timeout 60 "$CONNTAB" stats -j --delta 4 >delta 3>&- &
	local delta=$!
	sleep 0.5
	reached=$(send_packets)
	[ "$reached" -lt $((PACKETS / 2)) ] || fail "$reached of $PACKETS packets passed a full table"
	# Each packet that did not arrive counts, once.
	drops=$(($(counter drop) - drops)) early=$(($(counter early_drop) - early))
	assert_equal "$drops" $((PACKETS - reached))
	[ "$early" -ge "$reached" ]
	sleep 0.7
	kill -TERM $pid
	wait $pid || status_of_watch=$?
	assert_equal "$status_of_watch" 2
	assert_equal "$(jq -s 'map(.drop) | add' watched)" "$drops"
	assert_equal "$(jq -s 'map(.early_drop) | add' watched)" "$early"
	assert_equal "$(jq -s '.[0].drop' watched)" 0
	wait $delta
	assert_equal "$(jq .total.drop delta)" "$drops"
	run --separate-stderr world_router timeout 30 "$CONNTAB" check
	assert_output --partial " 'drop'=$(counter drop)c"
	assert_output --partial " 'early_drop'=$(counter early_drop)c"
	run --separate-stderr conntab_router stats
	assert_line --regexp '^drop: .*nf_conntrack_max'
	assert_line --regexp "^drop +$(counter drop) "
	assert_equal "$(world_router sh -c 'conntrack -S' 2>/dev/null | grep -o ' drop=[0-9]*' | cut -d= -f2 | awk '{ sum += $1 } END { print sum }')" "$(counter drop)"

	kept_now >kept
	freed=$(idle_now)
	[ "$freed" -gt 1000 ]
	run --separate-stderr world_router timeout 60 "$CONNTAB" flush idle
	assert_success
	assert_output ''
	# Some packets have passed, and the kernel may have cleared some away meanwhile.
	assert_regex "${stderr_lines[0]}" '^conntab: flush: deleted [0-9]+ entries \(.*time_wait.*\)'
	assert_equal "$(idle_now)" 0
	comm -23 kept <(kept_now) >lost
	[ ! -s lost ] || fail "$(wc -l <lost) went that should have stayed"
	[ "$(world_count)" -le $((MAXIMUM - 1000)) ]

	assert_equal "$(send_packets)" $PACKETS
}

@test "a full table: watch --drops is critical when packets are dropped, and only then" {
	fill_up
	: >watched
	nsenter --net="$(world_namespace router)" timeout 60 "$CONNTAB" watch -j --interval 0.3 --drops 100 \
		--warn 100% --crit 100% --exit-on never --exec 'echo "$CONNTAB_LEVEL $CONNTAB_DROPS" >>levels' >watched 2>watched.err 3>&- &
	local pid=$! ended=0
	until [ "$(wc -l <watched)" -ge 2 ]; do sleep 0.1; done
	# Only drops count from here: below both limits.
	kill -TERM $pid
	wait $pid || ended=$?
	assert_equal "$ended" 2
	rm -f levels
	: >watched
	nsenter --net="$(world_namespace router)" timeout 60 "$CONNTAB" watch -j --interval 0.3 --drops 50 \
		--warn $((MAXIMUM + 1)) --crit $((MAXIMUM + 1)) --exec 'echo "$CONNTAB_PREVIOUS_LEVEL $CONNTAB_LEVEL" >>levels' >watched 2>watched.err 3>&- &
	pid=$! ended=0
	until [ "$(wc -l <watched)" -ge 4 ]; do sleep 0.1; done
	assert_equal "$(jq -r .level watched | sort -u)" OK
	send_packets >/dev/null
	wait $pid || ended=$?
	assert_equal "$ended" 2
	jq -s -e '.[-1].level == "CRITICAL" and .[-1].drop >= 50 and (.[:-1] | all(.level == "OK"))' watched
	assert_equal "$(cat levels)" 'OK CRITICAL'
}

@test "a full table: a smaller --drops than what is lost is never critical" {
	fill_up
	: >watched
	nsenter --net="$(world_namespace router)" timeout 60 "$CONNTAB" watch -j --interval 0.3 --drops 100000 --count 8 \
		--warn $((MAXIMUM + 1)) --crit $((MAXIMUM + 1)) >watched 2>watched.err 3>&- &
	local pid=$! ended=0
	until [ "$(wc -l <watched)" -ge 2 ]; do sleep 0.1; done
	send_packets >/dev/null
	wait $pid || ended=$?
	assert_equal "$ended" 0
	jq -s -e 'map(.drop) | add > 50' watched
}

@test "a full table: full_in and seconds_to_full are not told of a table that is full" {
	fill_up
	run --separate-stderr world_router timeout 30 "$CONNTAB" watch -j --interval 0.1 --count 5 --exit-on never
	assert_equal "$status" 2
	jq -s -e 'all(has("seconds_to_full") | not) and .[-1].percent == 100' <<<"$output"
}

@test "a full table in the middle of a restore: what went in is said, and the rest is a file to go on with" {
	local room=500 count wanted=2000
	world_router conntrack -F 2>/dev/null
	world_fill $((MAXIMUM - room)) --mix esp >/dev/null
	count=$(world_count)
	room=$((MAXIMUM - count))
	[ "$room" -lt "$wanted" ] || fail "there is room for $room"
	for ((i = 1; i <= wanted; i++)); do
		echo "-A -t 3600 -u SEEN_REPLY -s 192.0.2.1 -d 192.0.2.2 -p udp --sport $i --dport 53"
	done >table
	run conntab_router restore --keep-going --failed rest table
	assert_failure 1
	assert_output --partial 'the table is full (net.netfilter.nf_conntrack_max)'
	count=$(conntab_router count udp src 192.0.2.1)
	assert_line "conntab: restore: restored $count entries; $((wanted - count)) failed"
	[ "$count" -ge "$room" ]
	{ cat rest; conntab_router list -o csv -c sport udp src 192.0.2.1 | tail -n +2 |
		sed 's/.*/-A -t 3600 -u SEEN_REPLY -s 192.0.2.1 -d 192.0.2.2 -p udp --sport & --dport 53/'; } |
		sort | diff -q - <(sort table)
	conntab_router -q delete esp
	run conntab_router restore rest
	assert_success
	assert_equal "$(conntab_router count udp src 192.0.2.1)" "$wanted"
}
