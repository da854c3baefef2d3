#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A table saved, emptied and restored is the same; conntrack reads what conntab writes, and the other way round.
# shellcheck shell=bash
bats_require_minimum_version 1.5.0
load ../lib/common

setup_file() {
	world_possible || skip "no network namespaces here"
	world_create "save$$"
	world_traffic
	world_fill 2400 >/dev/null
	world_quiet
	# The one thing that the kernel does not take back: window scales of half a handshake.
	conntab_router save >"$BATS_FILE_TMPDIR/table.save"
}

teardown_file() {
	world_destroy
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	TABLE=$BATS_FILE_TMPDIR/table.save
}

empty() {
	conntab_router -q flush all
	assert_equal "$(world_count)" 0
}

# same_lines ONE OTHER [SED]: but for the countdown and the order.
same_lines() {
	local file

	for file in "$1" "$2"; do
		sed -E -e 's/-t [0-9]+/-t N/' -e "${3-}" "$file" | sort
	done >both
	head -n "$(wc -l <"$1")" both >one
	tail -n "$(wc -l <"$2")" both >other
	diff one other | head >differences
	assert_equal "$(cat differences)" ''
}

# Countdowns run on, by no more than the test takes.
near_countdowns() {
	local before after

	before=$(sed -nE 's/.*-t ([0-9]+).*/\1/p' "$1" | paste -sd+ | sed 's/$/\n/' | head -1)
	after=$(sed -nE 's/.*-t ([0-9]+).*/\1/p' "$2" | paste -sd+)
	before=$((before)) after=$((after))
	[ "$after" -le "$before" ] && [ $(((before - after) / $(wc -l <"$1"))) -le 60 ]
}

@test "the table has everything: over 2,000 entries of every protocol, NAT, zones, marks, labels, a master" {
	local word

	[ "$(wc -l <"$TABLE")" -ge 2000 ]
	for word in '-p tcp' '-p udp' '-p udplite' '-p icmp' '-p icmpv6' '-p sctp' '-p dccp' '-p gre' '-p 50' \
		'-n ' '-g ' '-n 198.51.100.1:2' '-n \[2001:db8:5::1\]:2' '-w 7' '--orig-zone' '--reply-zone' '-m ' \
		'labels ' 'helper "ftp"' 'master.proto tcp' 'FIXED_TIMEOUT' 'tcp.wscale' 'state HEARTBEAT_SENT'; do
		grep -q -e "$word" "$TABLE" || fail "$word is nowhere"
	done
}

@test "save, flush, restore, save: the same" {
	empty
	run conntab_router restore "$TABLE"
	assert_success
	assert_output "conntab: restore: restored $(wc -l <"$TABLE") entries"
	conntab_router save >again
	same_lines "$TABLE" again
	near_countdowns "$TABLE" again
	# Once more changes nothing: everything is there.
	run conntab_router restore "$TABLE"
	assert_success
	assert_output "conntab: restore: restored 0 entries; $(wc -l <"$TABLE") were there already"
	conntab_router save >again
	same_lines "$TABLE" again
}

@test "save reads as conntab sees it: no field differs but those that the kernel keeps for itself" {
	local columns
	columns=family,proto,state,src,gre.srckey,sport,dst,gre.dstkey,dport,icmp.type,icmp.code,icmp.id,orig.zone
	columns+=,reply.src,reply.gre.srckey,reply.sport,reply.dst,reply.gre.dstkey,reply.dport,reply.icmp.type
	columns+=,reply.icmp.code,reply.icmp.id,reply.zone,mark,zone,labels,helper,tcp.flags,reply.tcp.flags
	columns+=,sctp.vtag,reply.sctp.vtag,master.proto,master.src,master.sport,master.dst,master.dport
	empty
	conntab_router -q restore "$TABLE"
	conntab_router list -o csv -c "$columns,status" | sort >before
	empty
	conntab_router -q restore - <"$TABLE"
	conntab_router list -o csv -c "$columns,status" | sort >after
	diff before after
	[ "$(wc -l <after)" -gt 2000 ]
}

@test "in a pipe, streamed, in two families and by a filter" {
	local -i count

	empty
	conntab_router -q restore --no-check <"$TABLE"
	conntab_router save >whole
	same_lines "$TABLE" whole
	conntab_router save -4 >four
	conntab_router save -6 >six
	cat four six >both_families
	same_lines whole both_families
	conntab_router save tcp assured >part
	count=$(wc -l <part)
	[ "$count" -gt 100 ]
	assert_equal "$(conntab_router count tcp assured)" "$count"
	empty
	conntab_router -q restore - < <(cat part)
	assert_equal "$(world_count)" "$count"
}

@test "conntrack -R reads what conntab saved" {
	empty
	run world_router conntrack -R "$TABLE"
	assert_success
	conntab_router save >again
	# What it has no options for stands behind "--"; two states it takes by another name.
	same_lines "$TABLE" again 's/ -- .*//'
}

@test "conntab restores what conntrack saved" {
	empty
	conntab_router -q restore "$TABLE"
	world_router conntrack -L -o save >theirs 2>/dev/null
	assert_equal "$(wc -l <theirs)" "$(wc -l <"$TABLE")"
	empty
	run conntab_router restore theirs
	assert_success
	world_router conntrack -L -o save >again 2>/dev/null
	# It does not say from which connection another one was expected.
	same_lines theirs again 's/EXPECTED,//'
}

@test "labels go by name where they have one, and both programs read them" {
	conntab_router -q flush all
	echo '-A -t 3600 -s 192.0.2.1 -d 192.0.2.2 -p udp --sport 1 --dport 2 -- labels 0,3,7' | conntab_router -q restore
	world_named "$CONNTAB" save >named
	assert_equal "$(grep -c -e '--label-add ' named)" 1
	conntab_router -q flush all
	world_named "$CONNTAB" restore -q named
	assert_equal "$(conntab_router list -o jsonl -c labels)" '{"labels":[0,3,7]}'
	conntab_router -q flush all
	world_named conntrack -R named
	assert_equal "$(conntab_router list -o jsonl -c labels | tr -d '\n')" '{"labels":[0,7]}'
	# A machine that does not know the name.
	run conntab_router restore named
	assert_failure 2
	assert_output --partial 'no such label'
}
