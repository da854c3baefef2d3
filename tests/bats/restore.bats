#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# restore: bad files change nothing, every line that does not go in is named, and nothing is lost.
# shellcheck shell=bash disable=SC2030,SC2031
bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() {
	world_possible || skip "no network namespaces here"
	world_single "restore$$"
}

teardown_file() {
	world_destroy
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	conntab_router -q flush all
}

# line PORT [COMMAND]: a line of a file; the port tells one from the next.
line() {
	echo "${2:--A} -t 3600 -u SEEN_REPLY -s 192.0.2.1 -d 192.0.2.2 -p udp --sport $1 --dport 53"
}

# many FIRST LAST
many() {
	local port

	for ((port = $1; port <= $2; port++)); do
		line "$port"
	done
}

# refuses PART...: the file `bad` is refused in these words, and nothing was changed.
refuses() {
	local part

	run conntab_router restore bad
	assert_failure 2
	for part; do
		assert_output --partial "$part"
	done
	assert_line --index $((${#lines[@]} - 1)) --partial 'nothing was changed'
	assert_equal "$(world_count)" 0
}

# ---- bad files ----

@test "a broken line is named with its place, and nothing is changed" {
	{ many 1 5; line 6 | sed s/--sport/--sprot/; many 7 9; line 10 | sed s/udp/tcp/; } >bad
	refuses 'conntab: restore: bad:6:59: no option "--sprot" of an entry; did you mean "--sport"?' \
		'conntab: restore: bad:10: the entry lacks its state' '2 of 10 lines cannot be read'
	run conntab_router restore <bad
	assert_failure 2
	assert_output --partial 'line:6:59: no option'
}

@test "a file that was cut off is not half restored" {
	many 1 10 | head -c -3 >bad
	refuses 'bad:10: the file ends in the middle of this line'
	many 1 10 | head -c -30 >bad
	refuses 'bad:10: the file ends in the middle of this line'
}

@test "a binary file, a line of a megabyte, a folder, no file" {
	head -c 100000 /dev/urandom >bad
	refuses 'cannot be read'
	# Of many faults only the first are shown.
	[ "${#lines[@]}" -le 21 ]
	{ many 1 2; head -c 1000000 /dev/zero | tr '\0' x; echo; line 4; } >bad
	refuses 'bad:3: longer than 4096 bytes' '1 of 4 lines'
	printf '%s\0%s\n' "$(line 1)" x >bad
	refuses 'a byte 0x00'
	run conntab_router restore .
	assert_failure 1
	assert_output 'conntab: restore: cannot read .: Is a directory'
	run conntab_router restore nowhere
	assert_failure 1
	assert_output 'conntab: restore: cannot read nowhere: No such file or directory'
	run conntab_router restore one two
	assert_failure 2
	run conntab_router restore --dry-run --no-check bad
	assert_failure 2
}

@test "the other family is a fault where one is asked for" {
	{ line 1; echo '-A -t 60 -s 2001:db8::1 -d 2001:db8::2 -p 50'; } >bad
	run conntab_router restore -4 bad
	assert_failure 2
	assert_output --partial 'bad:2: the addresses are not of the family that was asked for'
	run conntab_router restore -6 bad
	assert_failure 2
	assert_output --partial 'bad:1: the addresses'
	assert_equal "$(world_count)" 0
	run conntab_router restore bad
	assert_success
	assert_equal "$(world_count)" 2
}

@test "fields that the protocol does not have, and those that nobody can give" {
	line 1 | sed 's/$/ --icmp-type 8/' >bad
	refuses 'icmp.type: an entry of this protocol has none'
	line 1 | sed 's/$/ -- bytes 10/' >bad
	refuses 'bytes cannot be given'
}

@test "control characters of a file do not reach the terminal" {
	printf -- '-A \033[31m\n-A \xc2\x9b31m\n' >bad
	run conntab_router restore bad
	assert_failure 2
	[[ $output != *$'\033'* && $output != *$'\xc2\x9b'* ]]
}

@test "an empty file and one of comments are nothing to do" {
	: >empty
	run conntab_router restore empty
	assert_success
	assert_output 'conntab: restore: restored 0 entries'
	printf '# nothing\n\n   \n' >empty
	run conntab_router restore empty
	assert_success
}

# ---- lines that the kernel refuses ----

@test "duplicates: -A takes an entry that is there, -I does not" {
	{ many 1 3; many 2 2; } >table
	run conntab_router restore table
	assert_success
	assert_output 'conntab: restore: restored 3 entries; 1 were there already'
	{ line 4 -I; line 2 -I; many 5 6; } >table
	run conntab_router restore table
	assert_failure 1
	assert_line 'conntab: restore: table:2: the entry exists already'
	refute_output --partial 'table:3'
	assert_line 'conntab: restore: restored 3 entries; 1 failed'
}

@test "an entry whose reply another one has is not taken for one that is there" {
	many 1 1 >table
	echo '-A -t 60 -s 192.0.2.9 -d 192.0.2.2 -r 192.0.2.2 -q 192.0.2.1 -p udp --sport 9 --dport 53' \
		'--reply-port-src 53 --reply-port-dst 1' >>table
	run conntab_router restore table
	assert_failure 1
	assert_line "conntab: restore: table:2: another entry has this entry's reply"
}

# The third batch holds the line that is refused; what is sent with it goes in.
refused_table() {
	many 1 300
	line 1 -I
	many 301 1000
}

@test "it stops at a refused line, and --failed gets all that did not go in" {
	refused_table >table
	run conntab_router restore --failed rest table
	assert_failure 1
	assert_line 'conntab: restore: table:301: the entry exists already'
	assert_line --regexp '^conntab: restore: restored [0-9]+ entries; 1 failed; [0-9]+ not tried'
	local count
	count=$(world_count)
	[ "$count" -ge 300 ] && [ "$count" -lt 1000 ]
	# What went in and what did not are the whole file, each line once.
	assert_equal "$((count + $(wc -l <rest)))" 1001
	sort table >expected
	{ cat rest; conntab_router list -o csv -c sport | tail -n +2 | while read -r port; do line "$port"; done; } |
		sort | diff expected -
	# And the rest is a file to go on with.
	sed -i 1d rest
	run conntab_router restore rest
	assert_success
	assert_equal "$(world_count)" 1000
}

@test "--keep-going names each refused line and goes on" {
	{ refused_table; line 7 -I; line 8 -I; } >table
	run conntab_router restore --keep-going --failed rest table
	assert_failure 1
	assert_line 'conntab: restore: table:301: the entry exists already'
	assert_line 'conntab: restore: table:1002: the entry exists already'
	assert_line 'conntab: restore: table:1003: the entry exists already'
	assert_line 'conntab: restore: restored 1000 entries; 3 failed'
	{ line 1 -I; line 7 -I; line 8 -I; } | diff rest -
}

@test "--no-check begins at once, and names broken lines as it comes to them" {
	{ many 1 3; echo nonsense; many 4 5; } >table
	run conntab_router restore --no-check --failed rest table
	assert_failure 1
	assert_line --partial 'table:4:1: "nonsense" belongs to no option'
	assert_line --partial 'restored 3 entries; 1 failed; 2 not tried'
	assert_equal "$(cat rest)" "$(echo nonsense; many 4 5)"
	conntab_router -q flush all
	run conntab_router restore --no-check --keep-going table
	assert_failure 1
	assert_line 'conntab: restore: restored 5 entries; 1 failed'
}

@test "--failed cannot be the file itself, or where nobody can write; nothing is changed" {
	many 1 3 >table
	run conntab_router restore --failed table table
	assert_failure 2
	assert_equal "$(wc -l <table)" 3
	run conntab_router restore --failed /nowhere/rest table
	assert_failure 1
	assert_output 'conntab: restore: cannot write /nowhere/rest: No such file or directory'
	assert_equal "$(world_count)" 0
	run conntab_router restore --failed rest table
	assert_success
	[ ! -s rest ]
}

@test "a helper that the kernel does not have is named by its line" {
	{ line 1; line 2 | sed 's/$/ -- helper nosuch/'; } >table
	run conntab_router restore table
	assert_failure 1
	assert_line --partial 'table:2: this kernel lacks something that the entry needs (its helper'
	assert_equal "$(world_count)" 1
}

@test "without the right to change anything nothing goes in, and all of it is kept" {
	many 1 300 >table
	run world_router setpriv --bounding-set -net_admin --inh-caps -net_admin "$CONNTAB" restore --failed rest table
	assert_failure 1
	assert_line --index 0 'conntab: restore: table:1: permission denied (needs CAP_NET_ADMIN)'
	assert_line --partial 'restored 0 entries'
	assert_equal "$(world_count)" 0
	sort rest | diff - <(sort table)
}

# ---- what else lines can say ----

@test "-U changes and -D deletes the entry of that tuple" {
	{ many 1 3; line 2 -U | sed 's/$/ -m 7/'; line 3 -D; } >table
	run conntab_router restore table
	assert_success
	assert_output 'conntab: restore: restored 3 entries; updated 1; deleted 1'
	assert_equal "$(conntab_router list -o csv -c sport,mark | sort)" "$(printf '1,0\n2,7\nsport,mark')"
	{ line 9 -D; line 8 -U; } >table
	run conntab_router restore table
	assert_failure 1
	assert_line 'conntab: restore: table:2: no such entry'
	assert_line 'conntab: restore: restored 0 entries; 1 were gone already; 1 failed'
	# Whoever means many says so.
	echo '-D -p udp -s 192.0.2.1' >bad
	run conntab_router restore bad
	assert_failure 2
	assert_output --partial 'bad:1: the entry lacks dst'
}

@test "a connection that was expected finds its master, wherever that stands in the file" {
	local -i i

	for ((i = 1; i <= 400; i++)); do
		line $((i + 1)) | sed "s/$/ -- master.proto udp master.src 192.0.2.1 master.dst 192.0.2.2 master.sport $i master.dport 53/"
	done | tac >table
	line 1 >>table
	run conntab_router restore table
	assert_success
	assert_output 'conntab: restore: restored 401 entries'
	assert_equal "$(conntab_router count expected)" 400
	conntab_router -q flush all
	sed -i '$d' table
	run conntab_router restore --keep-going --failed rest table
	assert_failure 1
	assert_line 'conntab: restore: restored 0 entries; 400 failed'
	assert_line 'conntab: restore: table:400: its master connection does not exist'
	assert_equal "$(sort rest)" "$(sort table)"
}

@test "--dry-run reads and changes nothing" {
	many 1 3 >table
	run conntab_router restore --dry-run table
	assert_success
	assert_output 'conntab: restore: dry run: 3 lines would be restored'
	assert_equal "$(world_count)" 0
	echo broken >>table
	run conntab_router restore --dry-run table
	assert_failure 2
}

@test "memory does not grow with what is streamed" {
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "valgrind has its own memory"
	[[ $CONNTAB_BUILD != *sanitize* ]] || skip "so does a sanitizer"
	local peak small large

	peak=$(world_tool peak)
	many 1 200 >table
	small=$(world_router "$peak" "$CONNTAB" restore --no-check table 2>&1 | tail -1)
	for _ in {1..300}; do cat table; done >long
	large=$(world_router "$peak" "$CONNTAB" restore --no-check long 2>&1 | tail -1)
	echo "$small; $large"
	[ $((${large//[!0-9]/} - ${small//[!0-9]/})) -lt 300 ]
}

@test "an interrupt in the middle: what did not go in is in --failed, each line once" {
	local count program ended=0 tries=0

	awk 'BEGIN { for (i = 0; i < 100000; i++)
		printf "-A -t 3600 -u SEEN_REPLY -s 192.0.2.%d -d 192.0.2.200 -p udp --sport %d --dport 53\n", i % 10, 1 + i / 10 }' >table
	nsenter --net="$(world_namespace router)" "$CONNTAB" restore --failed rest table 2>errors 3>&- &
	program=$!
	until [ "$(world_count)" -ge 1000 ]; do
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || fail "nothing goes in: $(cat errors)"
		sleep 0.01
	done
	kill -INT "$program"
	wait "$program" || ended=$?
	assert_equal "$ended" 130
	count=$(world_count)
	assert_equal "$(cat errors)" \
		"conntab: restore: restored $count entries; $((100000 - count)) not tried (--keep-going tries them)"
	{ cat rest
	  conntab_router list -o csv -c src,sport | tail -n +2 | sed -E 's/(.*),(.*)/-A -t 3600 -u SEEN_REPLY -s \1 -d 192.0.2.200 -p udp --sport \2 --dport 53/'
	} | sort | diff -q - <(sort table)
	# And it is a file to go on with.
	run conntab_router restore rest
	assert_success
	assert_equal "$(world_count)" 100000
}

# Its lines have no marks.
@test "what conntrack -E -o save tells of events leads to the same table" {
	local tries=0 expected follower

	nsenter --net="$(world_namespace router)" conntrack -E -o save >events 2>/dev/null 3>&- &
	follower=$!
	# It listens as soon as it tells something.
	until [ -s events ]; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail 'conntrack tells nothing'
		conntab_router -q add udp src 192.0.2.9 sport $tries dst 192.0.2.2 dport 9 timeout 1h
		sleep 0.01
	done
	many 1000 1020 | conntab_router -q restore
	conntab_router -q add tcp established assured seen_reply src 2001:db8::1 sport 4711 dst 2001:db8::2 dport 443 timeout 1h
	conntab_router -q add udp src 10.0.0.5 sport 5 dst 192.0.2.53 dport 53 snat 198.51.100.1:2000 zone 3 timeout 1h
	conntab_router -q update udp sport 1004 set mark 78
	conntab_router -q delete sport 1005
	conntab_router -q delete dport 9
	until grep -q -- '-D.*--sport 1005 ' events; do
		tries=$((tries + 1))
		[ $tries -lt 1000 ] || fail "no end of 1005 is told: $(tail -3 events)"
		sleep 0.01
	done
	kill -INT "$follower"
	wait "$follower" || true
	expected=$(conntab_router list -o csv -c proto,src,sport,dst,dport,reply.dst,reply.dport,state,zone 'not dport 9' | sort)
	conntab_router -q flush all
	run conntab_router restore events
	assert_success
	assert_equal "$(conntab_router list -o csv -c proto,src,sport,dst,dport,reply.dst,reply.dport,state,zone 'not dport 9' | sort)" "$expected"
}
