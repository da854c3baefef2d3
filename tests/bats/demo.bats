#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# `make demo`: what it shows, and that it leaves nothing behind.
# shellcheck shell=bash disable=SC2016

load ../lib/common

# The machine as far as the demonstration could touch it. Other tests make namespaces at the same
# time: only those of a demonstration are looked at.
machine() {
	echo "namespaces: $(ip netns list | grep -c '^demo' || true)"
	echo "rules: $(nft -s list ruleset | cksum)"
	echo "links: $(ip -o link | cksum)"
	echo "processes: $(pgrep -fc 'demo[0-9]+-(client|router|server)' || true)"
	sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.netfilter.nf_conntrack_acct 2>/dev/null || true
}

# The host's own table: an empty one stays empty, and no entry of the demonstration is in it. In one
# that is in use entries come and go by themselves.
host_table() {
	[ "$(cat /proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || echo 0)" -ne 0 ] || echo empty
	"$CONNTAB" count 'addr 10.77.0.0/16,203.0.113.0/24,2001:db8::/32'
}

setup_file() {
	export MACHINE_BEFORE HOST_BEFORE MACHINE_AFTER HOST_AFTER
	MACHINE_BEFORE=$(machine) HOST_BEFORE=$(host_table)
	echo 0 >"$BATS_FILE_TMPDIR/status"
	"$TESTS/demo.sh" "$CONNTAB" >"$BATS_FILE_TMPDIR/output" 2>"$BATS_FILE_TMPDIR/errors" ||
		echo $? >"$BATS_FILE_TMPDIR/status"
	MACHINE_AFTER=$(machine) HOST_AFTER=$(host_table)
}

setup() {
	output=$(cat "$BATS_FILE_TMPDIR/output")
	mapfile -t lines <"$BATS_FILE_TMPDIR/output"
}

# What stands below the command line that begins with these words, up to the next empty line.
shown() {
	sed -n "/^\\$ conntab -n demo[0-9]*-router $1/,/^\$/p" "$BATS_FILE_TMPDIR/output" | sed 1d
}

@test "demo: it runs to its end and says nothing on standard error" {
	assert_equal "$(cat "$BATS_FILE_TMPDIR/status")" 0
	assert_equal "$(cat "$BATS_FILE_TMPDIR/errors")" ''
}

@test "demo: translated connections of both families" {
	run shown 'list nat'
	assert_line --regexp '^ipv4 .* tcp .*src=10.77.1.2 dst=203.0.113.10 .*dport=80 .*src=10.77.2.2 dst=10.77.1.2 sport=8080 '
	assert_line --regexp '^ipv6 .* tcp .*dst=2001:0db8:cafe:.*dport=80 .* sport=8080 '
	assert_line --regexp '^ipv4 .* udp .*src=10.77.1.2 dst=10.77.2.3 .*src=10.77.2.3 dst=10.77.2.1 '
	assert_line --regexp '^ipv6 .* udp .*dport=53 '
	# Every line is one whose reply does not lead back to where it came from.
	refute_line --partial 'src=10.77.2.2 dst=10.77.1.2 sport=53 '
}

@test "demo: three protocols over both families" {
	run shown 'count --by'
	for group in 'tcp +ipv4 +3' 'tcp +ipv6 +3' 'udp +ipv4 +3' 'udp +ipv6 +3' 'icmp +ipv4 +1' 'icmpv6 +ipv6 +1'; do
		assert_line --regexp "^$group +[1-9]"
	done
	assert_equal "$(shown 'count$')" $'14'
}

@test "demo: a table for people" {
	run shown 'list -o table'
	assert_line --regexp '^FAMILY +PROTO +STATE '
	assert_line --regexp '^ipv6 +tcp +ESTABLISHED '
}

@test "demo: what a dry run shows is what goes, and nothing else" {
	run shown 'delete --dry-run'
	assert_line --regexp '^ipv4 .* udp .*dport=514 .*\[UNREPLIED\]'
	assert_line --regexp '^ipv6 .* udp .*dport=514 .*\[UNREPLIED\]'
	assert_line 'conntab: delete: dry run: 2 entries would be deleted'
	run shown 'delete udp'
	assert_output 'conntab: delete: deleted 2 entries'
	run shown 'list -c'
	refute_line --regexp ' 514 '
	# The header and the twelve that are left.
	assert_equal "$(grep -c . <<<"$output")" 13
}

@test "demo: a script deletes what its working filter selects, and puts it back" {
	run shown '<<END'
	assert_line --regexp '^ipv4 +2 '
	assert_line --regexp '^ipv6 +2 '
	assert_line --regexp '^conntab: standard input:3: delete: deleted 4 entries'
	assert_line --regexp '^conntab: standard input:5: undo: 4 entries are back$'
	assert_equal "$(grep -xE '[0-9]+' <<<"$output" | tr '\n' ' ')" '0 4 '
}

@test "demo: every command line that it prints stands with an explanation" {
	assert_equal "$(grep -c '^# ' <<<"$output")" "$(grep -c '^\$ conntab -n demo' <<<"$output")"
	assert [ "$(grep -c '^\$ conntab' <<<"$output")" -ge 6 ]
}

@test "demo: nothing is left, and the machine is as it was" {
	assert_equal "$MACHINE_AFTER" "$MACHINE_BEFORE"
	assert_equal "$HOST_AFTER" "$HOST_BEFORE"
}

# interrupt SECONDS: Ctrl-C so long after the last namespace was made. Background jobs ignore it by
# default, and only a leader of its own group can get it without us.
interrupt() {
	local child tries status=0

	setsid env --default-signal=INT "$TESTS/demo.sh" "$CONNTAB" >"$BATS_TEST_TMPDIR/output" 2>&1 3>&- &
	child=$!
	for ((tries = 0; tries < 500; tries++)); do
		[ -e "/run/netns/demo$child-server" ] && break
		sleep 0.01
	done
	assert [ -e "/run/netns/demo$child-server" ]
	sleep "$1"
	kill -INT -- "-$child" || true
	wait "$child" || status=$?
	ended+=("$status")
	# Namespaces of others come and go meanwhile, of which ip complains.
	run bash -c "ip netns list 2>/dev/null | grep '^demo$child-'"
	assert_output ''
	run pgrep -f "demo$child-(client|router|server)"
	assert_output ''
}

@test "demo: nothing is left after Ctrl-C either, whenever it comes" {
	local ended=() moment

	for moment in 0 0.02 0.05 0.1 0.15 0.2 0.3 0.4; do
		interrupt "$moment"
	done
	# The first came while it was at work; it dies as a command does that was interrupted.
	assert_equal "${ended[0]}" 130
}

@test "demo: without a program, or with one that fails, it says so and leaves nothing" {
	run "$TESTS/demo.sh"
	assert_failure 2
	run "$TESTS/demo.sh" /nonexistent
	assert_failure 2
	run "$TESTS/demo.sh" /bin/false
	assert_failure 1
	assert_line --partial 'ended with status 1'
	assert_equal "$(machine)" "$MACHINE_BEFORE"
}
