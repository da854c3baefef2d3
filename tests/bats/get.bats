#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# get: one entry by its tuple, that one and no other.
# shellcheck disable=SC2094,SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
}

teardown() {
	world_destroy
}

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

@test "get finds an entry by its tuple: every shape of entry, both directions, with its zone" {
	traffic_world 150
	local step=1
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || step=7
	conntab_router list -o jsonl >entries.jsonl
	world_router python3 - "$CONNTAB" $step <<-'END' 3>&-
		import json, subprocess, sys
		conntab, step = sys.argv[1], int(sys.argv[2])
		members = ("src", "dst", "sport", "dport", "icmp.type", "icmp.code", "icmp.id", "gre.srckey", "gre.dstkey")
		def find(entry, name):
		    for part in name.split("."):
		        entry = entry.get(part) if isinstance(entry, dict) else None
		    return entry
		faults, asked, protocols = [], 0, set()
		for entry in list(map(json.loads, open("entries.jsonl")))[::step]:
		    for prefix in ("", "reply."):
		        words = ["proto", entry["proto"]]
		        for name in members:
		            value = find(entry, prefix + name)
		            if value is not None:
		                words += [prefix + name, str(value)]
		        zone = find(entry, (prefix or "orig.") + "zone")
		        if zone is not None:
		            words += [(prefix or "orig.") + "zone", str(zone)]
		        elif entry.get("zone"):
		            words += ["zone", str(entry["zone"])]
		        done = subprocess.run([conntab, "get", "-o", "jsonl", *words], capture_output=True, text=True)
		        asked += 1
		        protocols.add((entry["family"], entry["proto"]))
		        if done.returncode or json.loads(done.stdout)["id"] != entry["id"]:
		            faults.append(f"get {' '.join(words)}: {done.stderr or done.stdout}")
		assert len(protocols) >= (18 if step == 1 else 10), protocols
		if faults:
		    sys.exit(f"{len(faults)} of {asked}, such as\n" + "\n".join(faults[:4]))
	END
}

@test "get prints the line of list, and takes every format" {
	world_single
	refill 300
	world_router conntrack -I -p tcp -s 10.1.1.1 -d 10.1.1.2 --sport 1000 --dport 2000 -t 3600 --state ESTABLISHED 2>/dev/null
	local words=(tcp src 10.1.1.1 dst 10.1.1.2 sport 1000 dport 2000)
	conntab_router list src 10.1.1.1 >expected
	conntab_router get "${words[@]}" >actual
	# The kernel holds one more reference to an entry that it looked up.
	sed -i 's/ use=[0-9]*$//' expected actual
	"$SAME" --within "$WITHIN" expected actual
	assert_equal "$(conntab_router get -j "${words[@]}" | jq -c 'length, .[0].dport' | paste -sd' ')" '1 2000'
	assert_equal "$(conntab_router get -o csv -c src,dport "${words[@]}" | tail -1)" 10.1.1.1,2000
	conntab_router get -o xml "${words[@]}" | xmllint --noout -
	assert_equal "$(conntab_router get -o conntrack "${words[@]}")" \
		"$(world_router conntrack -G -p tcp -s 10.1.1.1 -d 10.1.1.2 --sport 1000 --dport 2000 2>/dev/null)"
}

@test "get of what is not there is status 1 and one line" {
	world_single
	refill 300
	run --separate-stderr conntab_router get tcp src 10.1.1.1 dst 10.1.1.2 sport 1 dport 2
	assert_equal "$status" 1
	assert_output ''
	assert_equal "$stderr" 'conntab: get: no such entry'
	# Nor with a tuple that is there in another zone, or of the other direction.
	world_router conntrack -I -p udp -s 10.1.1.1 -d 10.1.1.2 --sport 1 --dport 2 -t 3600 -w 3 2>/dev/null
	run --separate-stderr conntab_router get udp src 10.1.1.1 dst 10.1.1.2 sport 1 dport 2
	assert_equal "$status" 1
	run --separate-stderr conntab_router get udp src 10.1.1.1 dst 10.1.1.2 sport 1 dport 2 zone 4
	assert_equal "$status" 1
	run --separate-stderr conntab_router get udp reply.src 10.1.1.1 reply.dst 10.1.1.2 reply.sport 1 reply.dport 2 zone 3
	assert_equal "$status" 1
	run --separate-stderr conntab_router get udp src 10.1.1.1 dst 10.1.1.2 sport 1 dport 2 zone 3
	assert_success
}

@test "get does not print an entry that some of the words contradict" {
	world_single
	world_router conntrack -I -p udp -s 10.1.1.1 -d 10.1.1.2 --sport 1 --dport 2 -t 3600 2>/dev/null
	local words=(udp src 10.1.1.1 dst 10.1.1.2 sport 1 dport 2)
	run --separate-stderr conntab_router get "${words[@]}"
	assert_success
	run --separate-stderr conntab_router get "${words[@]}" reply.zone 6
	assert_failure
	assert_output ''
	run --separate-stderr conntab_router get -6 "${words[@]}"
	assert_equal "$status" 2
}

@test "get refuses what is no whole tuple, status 2 and one line that names the missing member" {
	world_single
	refill 10
	local tuple expected faults=0
	while IFS='|' read -r tuple expected; do
		# shellcheck disable=SC2086
		run --separate-stderr conntab_router get $tuple
		assert_equal "$status $tuple" "2 $tuple" || faults=1
		assert_equal "$output" '' || faults=1
		[ "${#stderr_lines[@]}" -eq 1 ] || fail "not one line: get $tuple: $stderr" || faults=1
		assert_regex "$stderr" "^conntab: get: .*$expected" || faults=1
	done <<-'END'
		|tcp
		tcp|src
		src 10.0.0.1 dst 10.0.0.2|protocol
		tcp src 10.0.0.1 dst 10.0.0.2 dport 2|sport
		tcp src 10.0.0.1 dst 10.0.0.2 sport 2|dport
		icmp src 10.0.0.1 dst 10.0.0.2 icmp.type 8 icmp.code 0|icmp.id
		gre src 10.0.0.1 dst 10.0.0.2 gre.srckey 1|gre.dstkey
		tcp src 10.0.0.1 dst 2001:db8::1 sport 1 dport 2|famil
		tcp src 10.0.0.0/8 dst 10.0.0.2 sport 1 dport 2|src
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1-2 dport 2|sport
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport > 2|dport
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport != 2|dport
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 1,2|dport
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 established|state
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 mark 3|mark
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 dport 3|dport
		tcp src 10.0.0.1 reply.dst 10.0.0.2 sport 1 dport 2|dst
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 or udp|or
		udp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 icmp.type 8|icmp.type
		tcp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 70000|70000
	END
	assert_equal $faults 0
}
