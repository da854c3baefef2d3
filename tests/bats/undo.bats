#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# undo: what delete and flush took is there again, all of it and as it was; what the kernel refuses is named.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
}

teardown() {
	world_destroy
}

# The table that holds everything: every protocol, every NAT, zones, marks, labels, helpers, expected connections.
traffic_world() {
	world_create
	world_accounting on
	world_traffic
	world_fill "${1:-600}" >/dev/null
	world_quiet
}

# fed <<END: the lines run as a script.
fed() {
	cat >lines
	run --separate-stderr conntab_router "$@" -f lines
}

# What undo cannot give back: counters, start times and identifiers begin anew; window scales are taken only
# where both sides had some (nlattr_to_tcp()), and what comes over ctnetlink has a synproxy attribute, of zeros.
GIVEN_BACK='
	del(.id, .timeout, .use, .idle, .age, .start, .stop, .packets, .bytes, .reply.packets, .reply.bytes, .orig.packets, .orig.bytes) |
	if .synproxy == {isn: 0, its: 0, tsoff: 0} then del(.synproxy) else . end |
	if .proto == "tcp" and (.tcp.flags % 2 == 0 or .reply.tcp.flags % 2 == 0) then del(.tcp.wscale, .reply.tcp.wscale) else . end'

look() {
	world_router conntrack -L -o save 2>/dev/null | sort >"$1.save"
	conntab_router list -o jsonl | jq -cS "$GIVEN_BACK" | sort >"$1.jsonl"
	conntab_router list -o jsonl -c family,proto,src,dst,sport,dport,icmp.id,zone,orig.zone,reply.zone,timeout |
		jq -c '[.timeout, del(.timeout)]' >"$1.timeouts"
}

# is_as_before SECONDS: the looks "before" and "after" show the same, and no timeout differs by more.
is_as_before() {
	"$SAME" --sorted --within "$1" <(sed 's/ -t [0-9]*//; s/^-[AI] //' before.save) <(sed 's/ -t [0-9]*//; s/^-[AI] //' after.save) ||
		fail 'conntrack -o save differs'
	diff before.jsonl after.jsonl | head -5 >difference
	[ ! -s difference ] || fail "$(cat difference; diff before.jsonl after.jsonl | grep '^>' | head -4)"
	python3 - "$1" before.timeouts after.timeouts <<-'END'
		import collections, json, sys
		within = int(sys.argv[1])
		def read(name):
		    table = collections.defaultdict(list)
		    for line in open(name):
		        timeout, tuple_ = json.loads(line)
		        table[json.dumps(tuple_, sort_keys=True)].append(-1 if timeout is None else timeout)
		    return table
		before, after = read(sys.argv[2]), read(sys.argv[3])
		assert before.keys() == after.keys(), before.keys() ^ after.keys()
		for key in before:
		    for one, two in zip(sorted(before[key]), sorted(after[key])):
		        assert 0 <= one - two <= within, (key, one, two)
	END
}

# Seconds that the tests' commands take, with room for a slow machine.
PASSED=30

@test "flush all, then undo: the whole table is as it was" {
	local count
	traffic_world
	count=$(world_count)
	assert [ "$count" -gt 650 ]
	look before
	fed <<<$'flush all\ncount\nundo\ncount'
	assert_success
	assert_output "$(printf '0\n%s' "$count")"
	assert_equal "${stderr_lines[-1]}" "conntab: lines:3: undo: $count entries are back"
	look after
	is_as_before $PASSED
	# It is no empty comparison.
	local pattern
	for pattern in '"helper":"ftp"' '"labels":' '"master' '"mark":4294967295' '"zone":7' '"snat"' '"dnat"' \
		'"state":"TIME_WAIT"' '"fixed_timeout"' '"expected"'; do
		grep -q -- "$pattern" after.jsonl || fail "nothing like $pattern"
	done
}

@test "delete by a filter, then undo: the whole table is as it was" {
	local filter count deleted
	traffic_world 450
	count=$(world_count)
	look before
	# Counted one by one: in the kernel's own number are masters, too, that their connections outlive.
	for filter in tcp udp ipv6 nat 'not tcp' 'zone != 0' expected 'helper ftp' 'dport 443 established' 'icmp or icmpv6'; do
		deleted=$(conntab_router count "$filter")
		assert [ "$deleted" -gt 0 ] || fail "$filter"
		fed <<<"delete $filter"$'\ncount ipv4 or ipv6\nundo\ncount ipv4 or ipv6'
		assert_success
		assert_output "$(printf '%s\n' $((count - deleted)) "$count")" || fail "$filter: $stderr"
	done
	look after
	is_as_before $PASSED
}

@test "flush idle and flush all of one family, then undo" {
	traffic_world 450
	look before
	fed <<<$'flush idle --state time_wait,close_wait\nundo\nflush all -6\nundo\nflush all -4\nundo'
	assert_success
	look after
	is_as_before $PASSED
}

@test "--dry-run shows what would be put back, and puts nothing back" {
	world_single
	world_fill 300 >/dev/null
	conntab_router list udp >expected
	fed <<<$'delete udp\nundo --dry-run\ncount\nundo --dry-run -o csv -c proto\nundo\nundo --dry-run'
	assert_equal "$status" 1
	printf '%s\n' "${lines[@]}" | grep src= >actual
	"$SAME" --sorted --within "$PASSED" <(sed 's/ use=[0-9]*//' expected) <(sed 's/ use=[0-9]*//' actual)
	assert_line "$((300 - $(wc -l <expected)))"
	assert_equal "$(printf '%s\n' "${lines[@]}" | grep -cx udp)" "$(wc -l <expected)"
	assert_equal "$(world_count)" 300
}

@test "a second undo has nothing to undo; the last delete is the one; undo takes no words" {
	world_single
	world_fill 300 >/dev/null
	fed <<<$'undo'
	assert_equal "$status" 1
	assert_equal "$stderr" 'conntab: lines:1: undo: nothing to undo: no delete or flush of this session took anything that is not back'
	fed <<<$'delete udp\nundo\nundo'
	assert_equal "$status" 1
	assert_regex "${stderr_lines[-1]}" ':3: undo: nothing to undo'
	assert_equal "$(world_count)" 300
	fed <<<$'undo tcp'
	assert_equal "$status" 2
	# A delete that takes nothing leaves what there is to undo.
	fed <<<$'delete udp\ndelete mark 987654\ndelete --dry-run tcp\nundo'
	assert_success
	assert_equal "$(world_count)" 300
	local udp
	udp=$(conntab_router count udp)
	fed <<<$'delete udp\ndelete tcp\nundo\ncount'
	assert_success
	assert_line "$((300 - udp))"
}

@test "what was put back can be deleted and put back again" {
	traffic_world 300
	look before
	fed <<<$'flush all\nundo\nflush all\nundo\ndelete tcp\nundo'
	assert_success
	look after
	is_as_before $PASSED
}

@test "undo puts the entries back where they were, wherever the session is" {
	world_single
	world_fill 300 >/dev/null
	local first=$WORLD
	world_single "$first-b"
	WORLD=$first
	fed <<-END
		delete udp
		netns $first-b-router
		count
		undo
		count
		netns reset
		count
		-n $first-b-router count
	END
	assert_success
	assert_output $'0\n0\n300\n0'
	# What -n took comes back there.
	fed <<-END
		netns $first-b-router
		-n $first-router delete udp
		undo
		count
	END
	assert_success
	assert_output 0
	assert_equal "$(world_count)" 300
	# A namespace whose name is gone is kept by what there is to undo.
	run --separate-stderr conntab <<-END
		netns $first-router
		flush all
		netns /proc/self/ns/net
		!ip netns delete $first-router
		undo
	END
	assert_success
	assert_regex "${stderr_lines[-1]}" ' undo: 300 entries are back$'
	ip netns add "$first-router"
	WORLD=$first-b world_destroy
}

add() {
	world_router conntrack -I -p tcp -s 192.0.2.1 -d 192.0.2.2 --sport "$1" --dport 80 -t 3600 --state ESTABLISHED "${@:2}" 2>/dev/null
}

@test "an entry whose tuple is taken again is named, stays for the next undo, and the others are back" {
	world_single
	add 1001
	add 1002 --mark 5
	add 1003
	# The one in the way is made and taken away from within.
	fed --keep-going <<-'END'
		delete tcp
		!conntrack -I -p tcp -s 192.0.2.1 -d 192.0.2.2 --sport 1002 --dport 80 -t 600 --state SYN_SENT 2>/dev/null
		undo
		count
		undo
		!conntrack -D -p tcp --sport 1002 >/dev/null 2>&1
		undo
		count
		undo
	END
	assert_equal "$status" 1
	printf '%s\n' "${stderr_lines[@]}" >messages
	run grep ':3: ' messages
	assert_line --index 0 --regexp 'undo: not put back: tcp .*sport=1002 .*mark=5.*: an entry with this tuple, or with this reply, exists already$'
	assert_line --index 1 'conntab: lines:3: undo: 2 entries are back; undo tries the rest again'
	run grep ':5: ' messages
	assert_line --index 1 'conntab: lines:5: undo: 0 entries are back; undo tries the rest again'
	run grep ':7: ' messages
	assert_output 'conntab: lines:7: undo: 1 entry is back'
	run grep ':9: ' messages
	assert_output --partial 'nothing to undo'
	assert_equal "$(conntab_router list -o csv -c mark sport 1002 | tail -n 1)" 5
}

@test "of many that are refused some are named and the others counted" {
	world_single
	world_fill 300 >/dev/null
	conntab_router list -o jsonl >before.jsonl
	fed --keep-going <<-END
		flush all
		!'$(world_tool load)' --count 300 >/dev/null
		undo
	END
	assert_equal "$status" 1
	assert_equal "$(grep -c 'undo: not put back: ' <<<"$stderr")" 20
	assert_regex "$stderr" 'undo: and 280 more were not put back'
	assert_equal "$(world_count)" 300
}

@test "an entry whose master is gone is named; with its master it comes back" {
	local expected
	traffic_world 50
	expected=$(conntab_router count expected)
	assert [ "$expected" -gt 0 ]
	look before
	fed <<<$'delete expected or helper ftp\nundo'
	assert_success
	look after
	is_as_before $PASSED
	# The masters go first, in a delete that is not undone.
	fed --keep-going <<-'END'
		set undo off
		delete helper ftp
		set undo on
		delete expected
		undo
	END
	assert_equal "$status" 1
	assert_equal "$(grep -c 'not put back: .*: its master connection does not exist' <<<"$stderr")" "$expected"
}

@test "labels that no rule uses any more are missed aloud" {
	world_single
	world_fill 450 >/dev/null
	assert [ "$(conntab_router list -o jsonl | jq -c 'select(.labels)' | wc -l)" -gt 0 ]
	fed <<-'END'
		flush all
		!nft delete table inet world
		undo
	END
	assert_success
	assert_regex "$stderr" 'undo: warning: the kernel kept no labels'
}

@test "with set undo off nothing is kept, and flush all stays" {
	world_single
	world_fill 300 >/dev/null
	fed <<<$'set undo off\nflush all\nundo'
	assert_equal "$status" 1
	assert_regex "${stderr_lines[-1]}" 'nothing to undo: set undo is off'
	assert_equal "$(world_count)" 0
	world_fill 300 >/dev/null
	fed <<<$'set undo off\nset undo on\nflush all\nundo'
	assert_success
	assert_equal "$(world_count)" 300
}

@test "where nothing can be kept nothing is deleted" {
	world_single
	world_fill 300 >/dev/null
	# shellcheck disable=SC2016
	run --separate-stderr world_router unshare --mount sh -c '
		for folder in /tmp /var/tmp; do
			mount --bind $folder $folder && mount -o remount,bind,ro $folder || exit 77
		done
		echo delete udp | TMPDIR=/nonexistent "$0"' "$CONNTAB"
	assert_equal "$status" 1
	assert_output ''
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" '^conntab: standard input:1: delete: no file to keep deleted entries in: '
	assert_equal "$(world_count)" 300
}

@test "a disk that fills up stops the deletion where it is; what was taken can be put back" {
	world_single
	world_fill 2000 >/dev/null
	# shellcheck disable=SC2016
	run --separate-stderr world_router unshare --mount sh -c '
		mkdir -p small && mount -t tmpfs -o size=128k none small || exit 77
		printf "flush all\ncount\nundo\ncount\n" | TMPDIR=$PWD/small "$0" --keep-going' "$CONNTAB"
	assert_equal "$status" 1
	assert_regex "$stderr" 'cannot keep what is to be deleted: No space left on device'
	assert [ "${lines[0]}" -gt 0 ]
	assert_equal "${lines[1]}" 2000
	assert_equal "$(world_count)" 2000
}

@test "what is kept has no name, and is gone with the process" {
	world_single
	world_fill 300 >/dev/null
	mkdir kept
	# shellcheck disable=SC2016
	printf '%s\n' 'flush all' '!find "$TMPDIR" -type f | wc -l' '!stat -L -c %a /proc/$PPID/fd/* | grep -c 600' >lines
	run --separate-stderr world_router env TMPDIR="$PWD/kept" "$CONNTAB" -f lines
	assert_success
	assert_line --index 0 0
	assert_equal "$(find kept -type f)" ''
}

@test "a full table refuses what has no room, and takes it when there is some" {
	local maximum room=2000
	maximum=$(cat /proc/sys/net/netfilter/nf_conntrack_max)
	[ "$maximum" -le 300000 ] || skip "the table holds $maximum entries"
	world_single
	world_fill $room --seed 1 >/dev/null
	cat >lines <<-END
		delete src != 192.0.2.250
		!'$(world_tool load)' --count $((maximum - room / 2)) >/dev/null
		undo
		set undo off
		!conntrack -F >/dev/null 2>&1
		set undo on
		undo
		count
	END
	run --separate-stderr conntab_router --keep-going -f lines
	assert_equal "$status" 1
	assert_regex "$stderr" 'not put back: .*the table is full'
	# What the first undo could not put back the second does.
	local back
	mapfile -t back < <(sed -n 's/.* undo: \([0-9]*\) entries are back.*/\1/p' <<<"$stderr")
	assert_equal "${#back[@]}" 2
	assert_equal $((back[0] + back[1])) "$room"
	assert [ "${back[0]}" -gt 0 ]
	assert_equal "$output" "${back[1]}"
}

@test "a live connection goes on after delete and undo" {
	world_create
	# Only what is known may pass: a connection that the table has lost is dead.
	world_router nft -f - <<-'END'
		table inet strict {
		    chain forward {
		        type filter hook forward priority filter
		        ct state established,related accept
		        tcp flags & (syn | ack) == syn accept
		        meta l4proto tcp drop
		    }
		}
	END
	mkfifo talk
	world_server socat -u TCP4-LISTEN:7777,reuseaddr OPEN:heard,creat,append 3>&- &
	world_server timeout 20 sh -c 'until ss -Hltn sport = :7777 | grep -q .; do sleep 0.05; done'
	world_client socat -u OPEN:talk TCP4:10.77.2.5:7777 3>&- &
	local voice
	exec {voice}>'talk'
	# shellcheck disable=SC2016
	hears() { timeout 30 sh -c 'until grep -qx "$1" heard 2>/dev/null; do sleep 0.05; done' hears "$1"; }
	echo one >&$voice
	hears one
	assert [ "$(conntab_router count tcp dport 7777 snat established)" -eq 1 ]
	fed <<<$'delete tcp dport 7777\ncount tcp dport 7777\nundo\ncount tcp dport 7777 snat established assured'
	assert_success
	assert_output $'0\n1'
	echo two >&$voice
	hears two
	exec {voice}>&-
}
