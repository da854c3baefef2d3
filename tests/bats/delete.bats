#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# delete: what it takes, and above all what it leaves.
#
# What should go is chosen by jq from conntab's JSON; what is there before and after is
# asked of conntrack, by identifier.
# shellcheck disable=SC2094,SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
}

teardown() {
	world_destroy
}

# The identifiers in the table, sorted.
ids() { world_router conntrack -L -o id 2>/dev/null | sed -n 's/.* id=\([0-9]*\).*/\1/p' | sort; }

# Those of the entries, read as JSON lines, that the jq expression selects.
chosen_ids() { jq -r "select($1) | .id" | sort; }

# The kernel gives the same tuples new identifiers each time.
refill() {
	world_router conntrack -F 2>/dev/null
	world_fill "$@" >/dev/null
}

traffic_world() {
	world_create
	world_accounting on
	world_traffic
	world_fill "${1:-600}" >/dev/null
	world_quiet
}

# deletes EXPRESSION FILTER...: exactly what the expression selects goes, and some does and some stays.
deletes() {
	local expression=$1 number
	shift
	conntab_router list -o jsonl >before.jsonl
	ids >before
	chosen_ids "$expression" <before.jsonl >chosen
	number=$(wc -l <chosen)
	assert [ "$number" -gt 0 ] || fail "nothing to delete: $*"
	assert [ "$number" -lt "$(wc -l <before)" ] || fail "nothing to keep: $*"
	run --separate-stderr conntab_router delete "$@"
	assert_success
	assert_output ''
	assert_equal "$stderr" "conntab: delete: deleted $number $([ "$number" -eq 1 ] && echo entry || echo entries)"
	ids >after
	comm -23 before chosen | diff - after >difference || fail "delete $*: $(head -5 difference)"
}

# each_deletes TABLE: lines "filter | expression", each on a table filled anew.
each_deletes() {
	local filter expression
	while IFS='|' read -r filter expression; do
		refill 450
		# shellcheck disable=SC2086
		deletes "$expression" $filter
	done
}

@test "delete takes what matches and nothing else: every protocol" {
	world_single
	each_deletes <<-'END'
		tcp | .proto == "tcp"
		udp | .proto == "udp"
		udplite | .proto == "udplite"
		icmp | .proto == "icmp"
		icmpv6 | .proto == "icmpv6"
		sctp | .proto == "sctp"
		gre | .proto == "gre"
		dccp | .proto == "dccp"
		esp | .proto == "esp"
		ospf | .proto == "ospf"
		proto 253 | .proto == "253"
		not tcp | .proto != "tcp"
		proto in {udp, 253, gre} | .proto == "udp" or .proto == "253" or .proto == "gre"
	END
}

@test "delete takes what matches and nothing else: tuples, states, marks, labels, helpers" {
	world_single
	each_deletes <<-'END'
		tcp dport 443 | .proto == "tcp" and .dport == 443
		dport 443 | .dport == 443
		port 443 | [.sport, .dport, .reply.sport, .reply.dport] | any(. == 443)
		reply.sport 9080 | .reply.sport == 9080
		tcp dport 8000-9000 | .proto == "tcp" and .dport >= 8000 and .dport <= 9000
		src 10.20.0.0/17 | .family == "ipv4" and (.src | startswith("10.20.")) and (.src | split(".")[2] | tonumber) < 128
		icmp.type 13 | .icmp.type == 13
		icmpv6 icmp.type 139 | .proto == "icmpv6" and .icmp.type == 139
		gre.srckey > 0x8000 | .gre.srckey != null and .gre.srckey > 32768
		established | .state == "ESTABLISHED"
		tcp state in {time_wait, close_wait} | .proto == "tcp" and (.state == "TIME_WAIT" or .state == "CLOSE_WAIT")
		sctp shutdown_sent | .proto == "sctp" and .state == "SHUTDOWN_SENT"
		unreplied | .status | index("seen_reply") == null
		assured udp | .proto == "udp" and (.status | index("assured") != null)
		not assured | .status | index("assured") == null
		fixed_timeout | .status | index("fixed_timeout") != null
		mark 0x10 | .mark == 16
		mark 0x1/0xff | .mark % 256 == 1
		mark != 0 | .mark != 0
		label 8 | .labels != null and (.labels | index(8) != null)
		helper ftp | .helper == "ftp"
		timeout > 1d | .timeout > 86400
		tcp or udp dport 53 | .proto == "tcp" or (.proto == "udp" and .dport == 53)
		not (tcp or udp) unreplied | .proto != "tcp" and .proto != "udp" and (.status | index("seen_reply") == null)
	END
}

@test "delete takes what matches and nothing else: IPv6" {
	world_single
	refill 450
	local address
	address=$(conntab_router list -o jsonl -c src -6 udp | jq -r .src | head -1)
	deletes ".src == \"$address\"" src "$address"
	refill 450
	address=$(conntab_router list -o jsonl -c dst -6 | jq -r .dst | head -1)
	deletes ".dst == \"$address\"" dst "$address"
	refill 450
	deletes ".src != \"$address\" and .dst != \"$address\" and .family == \"ipv6\" and .proto == \"tcp\"" \
		-6 tcp not src "$address" not dst "$address"
	each_deletes <<-'END'
		ipv6 | .family == "ipv6"
		-6 udp dport 53 | .family == "ipv6" and .proto == "udp" and .dport == 53
		-4 tcp | .family == "ipv4" and .proto == "tcp"
		dst 2001:db8:80::/64 | .dst | startswith("2001:db8:80::")
		dst 64:ff9b::/96 | .dst | startswith("64:ff9b::")
		addr ::ffff:198.51.100.0/120 | [.src, .dst, .reply.src, .reply.dst] | any(startswith("::ffff:198.51.100."))
	END
}

@test "delete takes what matches and nothing else: zones of both directions and of one" {
	world_single
	each_deletes <<-'END'
		zone 1 | .zone == 1
		zone 200 | .zone == 200
		zone 9 tcp | .zone == 9 and .proto == "tcp"
		zone 0 tcp | .zone == 0 and .proto == "tcp"
		zone != 0 | .zone != 0
		orig.zone 5 | .orig.zone == 5
		orig.zone 7 | .orig.zone == 7
		reply.zone 6 | .reply.zone == 6
		reply.zone 8 | .reply.zone == 8
		reply.zone > 0 or orig.zone > 0 | .reply.zone != null or .orig.zone != null
	END
}

@test "of the same tuple in three zones delete takes only the one that is asked for" {
	world_single
	local zone
	for zone in 0 3 4; do
		world_router conntrack -I -p udp -s 10.1.1.1 -d 10.1.1.2 --sport 1000 --dport 2000 -t 3600 -w $zone 2>/dev/null
	done
	assert_equal "$(world_count)" 3
	deletes '.zone == 3' src 10.1.1.1 zone 3
	deletes '.zone == 0' src 10.1.1.1 zone 0
	assert_equal "$(conntab_router list -o csv -c zone | tail -1)" 4
}

@test "delete takes what matches and nothing else: NAT" {
	world_single
	each_deletes <<-'END'
		snat | .status | index("snat") != null
		dnat | .status | index("dnat") != null
		nat udp | .proto == "udp" and (.status | index("snat") != null or index("dnat") != null)
		snat dnat | .status | (index("snat") != null and index("dnat") != null)
		reply.dst 198.18.0.0/16 | .reply.dst | startswith("198.18.")
		reply.src 172.31.7.0/24 dport != 80 | (.reply.src | startswith("172.31.7.")) and .dport != 80
	END
}

@test "delete takes what matches and nothing else: real traffic, with what the kernel did to it" {
	traffic_world 200
	deletes '.dst == "203.0.113.10"' dst 203.0.113.10
	deletes '.dst == "2001:db8:cafe::10" and .reply.src == "2001:db8:2::2" and .proto == "tcp"' \
		tcp dst 2001:db8:cafe::10 reply.src 2001:db8:2::2
	deletes '.reply.dst == "198.51.100.1" and .reply.dport >= 20000 and .reply.dport <= 29999' \
		reply.dst 198.51.100.1 reply.dport 20000-29999
	deletes '.orig.zone == 11' orig.zone 11
	deletes '.reply.zone == 12 and .family == "ipv6"' -6 reply.zone 12
	deletes '.zone == 7' zone 7
	deletes '.status | index("expected") != null' expected
	deletes '.bytes > 3000' 'bytes > 3000'
	deletes '.proto == "gre"' gre
	deletes '.proto == "icmp" or .proto == "icmpv6"' 'icmp or icmpv6'
	deletes '.proto == "sctp" and .src == "10.77.1.2"' sctp src 10.77.1.2
	deletes '.mark == 4294967295' mark 0xffffffff
	deletes '.src == "2001:db8:1::2"' src 2001:db8:1::2
}

@test "delete is the same whether the kernel filters or not" {
	world_single
	local filter
	for filter in 'tcp dport 443' '-4 src 10.20.0.0/20' 'zone 9' 'mark 0x1/0xff' 'not assured udp' 'icmpv6 icmp.type 128'; do
		refill 450
		# shellcheck disable=SC2086
		conntab_router delete -o csv -c src,dst,sport,dport $filter 2>/dev/null | sort >with
		refill 450
		# shellcheck disable=SC2086
		conntab_router delete --no-kernel-filter -o csv -c src,dst,sport,dport $filter 2>/dev/null | sort >without
		assert [ "$(wc -l <with)" -gt 1 ]
		cmp with without || fail "$filter"
	done
}

@test "delete of 10,000 entries leaves the other 10,000" {
	world_single
	refill 20000
	deletes '.family == "ipv6"' ipv6
}

@test "delete without -o prints nothing; with -o, -j or -c it prints what it deleted" {
	world_single
	refill 450
	ids >before
	conntab_router list -o conntrack,id udp >expected
	conntab_router delete -o conntrack,id udp >actual 2>messages
	"$SAME" --within "$WITHIN" expected actual
	assert_equal "$(cat messages)" "conntab: delete: deleted $(wc -l <expected) entries"
	ids >after
	sed 's/.* id=//' actual | sort | diff - <(comm -23 before after)
	conntab_router delete -j sctp 2>/dev/null | jq -r '.[].id' | sort >printed
	ids | comm -23 after - | diff - printed
	ids >after
	conntab_router delete -c id icmp 2>/dev/null | tail -n +2 | tr -d ' ' | sort >printed
	assert [ -s printed ]
	ids | comm -23 after - | diff - printed
}

@test "delete of nothing is 0, says so and changes nothing; --require-match makes it 1" {
	world_single
	refill 300
	ids >before
	run --separate-stderr conntab_router delete mark 987654
	assert_success
	assert_output ''
	assert_equal "$stderr" 'conntab: delete: deleted 0 entries'
	run --separate-stderr conntab_router delete --require-match mark 987654
	assert_equal "$status" 1
	ids | cmp before -
	run --separate-stderr conntab_router delete --require-match mark 0x10
	assert_success
}

@test "--dry-run prints what would go and deletes nothing" {
	world_single
	refill 450
	ids >before
	conntab_router list udp >expected
	conntab_router delete --dry-run udp >actual 2>messages
	"$SAME" --within "$WITHIN" expected actual
	assert_equal "$(cat messages)" "conntab: delete: dry run: $(wc -l <expected) entries would be deleted"
	ids | cmp before -
	assert_equal "$(conntab_router delete --dry-run -j udp 2>/dev/null | jq length)" "$(wc -l <expected)"
	ids | cmp before -
	run --separate-stderr conntab_router delete --dry-run --require-match mark 987654
	assert_equal "$status" 1
	run --separate-stderr conntab_router delete --explain udp
	assert_success
	ids | cmp before -
}

@test "-q is silent, and deletes" {
	world_single
	refill 450
	run --separate-stderr conntab_router delete -q sctp
	assert_success
	assert_output ''
	assert_equal "$stderr" ''
	assert_equal "$(conntab_router count sctp)" 0
	run --separate-stderr conntab_router -q flush all
	assert_success
	assert_equal "$output$stderr" ''
	assert_equal "$(world_count)" 0
}

@test "delete refuses to run without a filter, and changes nothing" {
	world_single
	refill 300
	ids >before
	local arguments
	for arguments in '' -4 -6 --dry-run -q '-o proc' --require-match '--'; do
		# shellcheck disable=SC2086
		run --separate-stderr conntab_router delete $arguments
		assert_equal "$status" 2
		assert_output ''
		assert_regex "$stderr" '^conntab: delete: refused without a filter'
	done
	run --separate-stderr conntab_router delete ''
	assert_equal "$status" 2
	run --separate-stderr conntab_router delete '  '
	assert_equal "$status" 2
	run --separate-stderr conntab_router delete '()'
	assert_equal "$status" 2
	ids | cmp before -
}

@test "delete with a bad filter or option changes nothing, status 2" {
	world_single
	refill 300
	ids >before
	local filter
	for filter in 'tcp dport' 'tcp dport 70000' 'src 10.0.0.0/33' 'tcp or' '(udp' 'udp)' 'staet established' \
		'dport 9-1' 'mark 0x1/' 'udp --limit 3' 'udp --sort src' 'udp --all-netns' 'udp -o nosuch' 'udp -c nosuch' 'label nosuch'; do
		# shellcheck disable=SC2086
		run --separate-stderr conntab_router delete $filter
		assert_equal "$status $filter" "2 $filter"
		assert_output ''
		assert_equal "${#stderr_lines[@]}" 1
	done
	ids | cmp before -
}

@test "a reader that leaves does not stop the deletion" {
	world_single
	refill 8000
	local statuses
	set +o pipefail
	conntab_router delete -o proc tcp 2>messages | head -n 1 >first
	statuses=("${PIPESTATUS[@]}")
	assert_equal "${statuses[0]}" 0
	assert_equal "$(wc -l <first)" 1
	assert_regex "$(cat messages)" '^conntab: delete: deleted [0-9]+ entries$'
	assert_equal "$(conntab_router count tcp)" 0
	assert [ "$(world_count)" -gt 3000 ]
}

@test "a full disk under the list is an error, and the deletion is done and told" {
	world_single
	refill 2000
	local result=0
	conntab_router delete -o proc tcp >/dev/full 2>messages || result=$?
	assert_equal "$result" 1
	assert_regex "$(cat messages)" 'No space left on device'
	assert_regex "$(cat messages)" 'deleted [0-9]+ entries'
	assert_equal "$(conntab_router count tcp)" 0
}

@test "two deletes at once share the entries: each is deleted once, gone for the other, status 0" {
	world_single
	local round one two
	for round in 1 2; do
		refill 10000
		conntab_router list -o jsonl -c id,proto >before.jsonl
		ids >before
		chosen_ids '.proto == "tcp"' <before.jsonl >chosen
		conntab_router delete tcp 2>first 3>&- &
		one=$!
		conntab_router delete tcp 2>second 3>&- &
		two=$!
		wait $one
		wait $two
		python3 - "$(wc -l <chosen)" first second <<-'END'
			import re, sys
			total, lines = int(sys.argv[1]), [open(name).read() for name in sys.argv[2:]]
			deleted = gone = 0
			for line in lines:
			    match = re.fullmatch(r"conntab: delete: deleted (\d+) (?:entry|entries)(?:; (\d+) more were gone already)?\n", line)
			    assert match, line
			    deleted += int(match[1])
			    gone += int(match[2] or 0)
			    assert int(match[1]) + int(match[2] or 0) <= total, line
			assert deleted == total, (deleted, total, lines)
		END
		ids >after
		comm -23 before chosen | diff - after >difference || fail "$(head -5 difference)"
	done
}

@test "in a storm of connections that come and go delete takes what matches and nothing else" {
	world_single
	refill 20000
	conntab_router list -o jsonl -c id,proto,dport >before.jsonl
	ids >before
	chosen_ids '.proto == "udp" and .dport == 53' <before.jsonl >mine
	chosen_ids '.proto == "sctp"' <before.jsonl >theirs
	assert [ "$(wc -l <mine)" -gt 500 ]
	# Others: the loader makes entries of other seeds, conntrack and conntab end all of sctp, over and over.
	(
		exec 3>&- >/dev/null 2>&1
		for seed in {1..60}; do
			world_fill 1500 --seed "$seed" || true
			[ ! -e stop ] || break
		done
	) &
	local maker=$!
	(
		exec 3>&- >/dev/null 2>&1
		while [ ! -e stop ]; do
			world_router conntrack -D -p sctp || true
			conntab_router delete sctp
		done
	) &
	local ender=$! round deleted=0 gone=0
	for round in {1..8}; do
		conntab_router delete -o jsonl -c id udp dport 53 >"printed.$round" 2>messages
		assert_regex "$(cat messages)" '^conntab: delete: deleted [0-9]+ entr(y|ies)(; [0-9]+ more were gone already)?$'
		deleted=$((deleted + $(sed 's/.*: deleted \([0-9]*\) .*/\1/' messages)))
		gone=$((gone + $(sed -n 's/.*; \([0-9]*\) more.*/\1/p' messages || true)+0))
	done
	touch stop
	wait $maker
	wait $ender
	ids >after
	# Of those that were there first: mine are gone, theirs are gone, all others are there.
	sort mine theirs | comm -23 before - | comm -23 - after >vanished
	assert_equal "$(head -3 vanished)" ''
	comm -12 mine after >left
	assert_equal "$(head -3 left)" ''
	# Each printed entry was deleted or found gone, and nobody else deletes these.
	assert_equal "$(cat printed.* | jq .id | sort -u | wc -l)" "$((deleted + gone))"
	assert [ "$deleted" -ge "$(wc -l <mine)" ]
}

@test "a new connection with the tuple of one that was to be deleted survives" {
	# conntab hands deletions to the kernel in batches. Here it is held up before a batch
	# goes out: its list goes into a small pipe that nobody reads. Meanwhile all entries end
	# and the same tuples come back as new entries. Then the pipe is read to its end.
	world_single
	refill 3000
	ids >before
	world_router python3 - "$CONNTAB" "$(world_tool load)" <<-'END' 3>&-
		import fcntl, json, os, re, subprocess, sys, time
		conntab, load = sys.argv[1:]
		def ids():
		    text = subprocess.run(["conntrack", "-L", "-o", "id"], capture_output=True, text=True).stdout
		    return {int(number) for number in re.findall(r" id=(\d+)$", text, re.MULTILINE)}
		before = ids()
		reader, writer = os.pipe()
		fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
		program = subprocess.Popen([conntab, "delete", "-o", "jsonl", "tcp"], stdout=writer, stderr=subprocess.PIPE, text=True)
		os.close(writer)
		patience = time.monotonic() + 30
		while True:  # until it sleeps in the write
		    with open(f"/proc/{program.pid}/wchan") as file:
		        place = file.read()
		    if "pipe_write" in place:
		        break
		    assert program.poll() is None, "it ended before it was held up: " + program.stderr.read()
		    assert time.monotonic() < patience, place
		    time.sleep(0.01)
		subprocess.run(["conntrack", "-F"], check=True, stderr=subprocess.DEVNULL)
		# The kernel makes an identifier of the entry's address in memory and the tuple; so others
		# take the addresses first, and the few that come back as they were are left aside.
		subprocess.run([load, "--count", "9000", "--seed", "9"], check=True, stdout=subprocess.DEVNULL)
		subprocess.run([load, "--count", "3000"], check=True, stdout=subprocess.DEVNULL)
		renewed = ids()
		assert len(renewed) == 12000, len(renewed)
		before -= renewed
		assert len(before) > 1000, len(before)
		with open(reader) as file:
		    printed = [json.loads(line) for line in file]
		message = program.stderr.read()
		assert program.wait() == 0, message
		match = re.fullmatch(r"conntab: delete: deleted (\d+) entries; (\d+) more were gone already\n", message)
		assert match, message
		def tuple_of(entry):
		    return json.dumps({key: entry.get(key) for key in ("src", "dst", "sport", "dport", "proto", "orig", "zone")})
		after = subprocess.run([conntab, "list", "-o", "jsonl"], capture_output=True, text=True).stdout
		alive = {tuple_of(json.loads(line)) for line in after.splitlines()}
		old = [entry for entry in printed if entry["id"] in before]
		assert old and int(match[2]) > 0, (len(old), message)
		lost = [entry for entry in old if tuple_of(entry) not in alive]
		assert not lost, f"{len(lost)} new entries were deleted by the tuple of an old one"
		# What was new when it was read was rightly deleted, by its own id; the rest is there.
		new = {entry["id"] for entry in printed} - before
		assert ids() == renewed - new
	END
}

@test "SIGTERM in the middle of a delete ends it between entries; what it tells is what it did" {
	world_single
	refill 30000
	ids >before
	# Not by a function: this process is the one that the signal should reach.
	nsenter --net="$(world_namespace router)" -- "$CONNTAB" delete 'proto != 47' 2>messages 3>&- &
	local program=$! result=0
	# Not before it has begun: until then the signal is the shell's affair.
	while kill -0 $program 2>/dev/null && [ "$(world_count)" -eq 30000 ]; do :; done
	kill -TERM $program 2>/dev/null || true
	wait $program || result=$?
	assert [ $result -eq 143 ] || assert [ $result -eq 0 ]
	local number
	number=$(sed -n 's/.*deleted \([0-9]*\) entries.*/\1/p' messages)
	assert_equal "$number" "$(($(wc -l <before) - $(world_count)))"
}
