#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# flush: everything or one family, never without being told, and on a terminal not without asking.
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
ids() { world_router conntrack -L -o id "$@" 2>/dev/null | sed -n 's/.* id=\([0-9]*\).*/\1/p' | sort; }

# The kernel gives the same tuples new identifiers each time.
refill() {
	world_router conntrack -F 2>/dev/null
	world_fill "$@" >/dev/null
}

@test "flush all empties the table and says how many went" {
	world_single
	refill 450
	run --separate-stderr conntab_router flush all
	assert_success
	assert_output ''
	assert_equal "$stderr" 'conntab: flush: flushed: 450 entries before, 0 now'
	assert_equal "$(world_count)" 0
}

@test "flush all -4 leaves IPv6 alone, -6 leaves IPv4 alone" {
	world_single
	refill 450
	ids -f ipv6 >ipv6
	run --separate-stderr conntab_router flush all -4
	assert_success
	assert_regex "$stderr" '^conntab: flush: deleted 225 entries$'
	ids | cmp ipv6 -
	refill 450
	ids -f ipv4 >ipv4
	run --separate-stderr conntab_router -6 flush all
	assert_success
	ids | cmp ipv4 -
	run --separate-stderr conntab_router flush all -4 -6
	assert_success
	assert_equal "$(world_count)" 0
}

@test "flush touches no other namespace" {
	world_single
	refill 200
	local first=$WORLD
	world_single "$first-b"
	refill 300
	conntab_router flush all
	assert_equal "$(world_count)" 0
	WORLD=$first
	assert_equal "$(world_count)" 200
	WORLD=$first-b world_destroy
}

@test "flush --dry-run says what would go and deletes nothing" {
	world_single
	refill 450
	ids >before
	run --separate-stderr conntab_router flush all --dry-run
	assert_success
	assert_output ''
	assert_regex "$stderr" '^conntab: flush: dry run: all 450 entries'
	run --separate-stderr conntab_router flush all -6 --dry-run
	assert_success
	assert_regex "$stderr" '^conntab: flush: dry run: 225 entries'
	ids | cmp before -
}

@test "flush wants to know what: all, or idle; all takes no filter" {
	world_single
	refill 300
	local arguments
	for arguments in '' al 'all tcp' 'tcp' ALL 'all all' 'all --idle 1h' 'all --state close' 'all --limit 3'; do
		# shellcheck disable=SC2086
		run --separate-stderr conntab_router flush $arguments
		assert_equal "$status $arguments" "2 $arguments"
		assert_equal "${#stderr_lines[@]}" 1
	done
	conntab_router flush all --explain
	assert_equal "$(world_count)" 300
}

# on_terminal ANSWER COMMAND...: the command on a terminal of its own; when it asks, the answer
# (and Enter) is typed; what the terminal shows is printed. "^D" closes the input, "^C" interrupts.
on_terminal() {
	world_router python3 - "$@" <<-'END' 3>&-
		import os, pty, sys
		answer, command = sys.argv[1], sys.argv[2:]
		child, terminal = pty.fork()
		if child == 0:
		    os.execv(command[0], command)
		shown = b""
		while True:
		    try:
		        part = os.read(terminal, 4096)
		    except OSError:
		        break
		    if not part:
		        break
		    shown += part
		    if answer is not None and shown.endswith(b"[y/N] "):
		        os.write(terminal, {"^D": b"\x04", "^C": b"\x03"}.get(answer, answer.encode() + b"\n"))
		        answer = None
		status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
		sys.stdout.write(shown.decode().replace("\r\n", "\n"))
		sys.exit(128 - status if status < 0 else status)
	END
}

@test "on a terminal flush all asks first: y does it" {
	world_single
	refill 300
	run on_terminal y "$CONNTAB" flush all
	assert_success
	assert_output --partial '300 entries'
	assert_output --partial '[y/N] '
	assert_equal "$(world_count)" 0
}

@test "on a terminal flush all asks first: n, Enter, end of input or Ctrl-C leave everything" {
	world_single
	refill 300
	local answer
	for answer in n '' no x '^D' '^C'; do
		run on_terminal "$answer" "$CONNTAB" flush all
		assert_failure
		assert_output --partial '[y/N] '
		assert_output --partial 'nothing was deleted'
		assert_equal "$(world_count)" 300
	done
}

@test "on a terminal flush all -y and --dry-run do not ask" {
	world_single
	refill 300
	run on_terminal n "$CONNTAB" flush all --dry-run
	assert_success
	refute_output --partial '[y/N]'
	assert_equal "$(world_count)" 300
	run on_terminal n "$CONNTAB" flush all -y
	assert_success
	refute_output --partial '[y/N]'
	assert_equal "$(world_count)" 0
}

@test "on a terminal flush all of one family asks first too" {
	world_single
	refill 300
	run on_terminal n "$CONNTAB" flush all -4
	assert_equal "$(world_count)" 300
	assert_output --partial '[y/N] '
}
