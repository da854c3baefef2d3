#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# idle: how long it is since the last packet, and `flush idle`, which goes by it.
#
# The connections are real ones (tests/tool/mix) with the kernel's own timeouts, so that what
# conntab computes can be compared with the time that really went by.
# shellcheck disable=SC2154

bats_require_minimum_version 1.5.0

setup() {
	load ../lib/common
	name_own_world
}

teardown() {
	[ -z "${MIX:-}" ] || kill -KILL "$MIX" 2>/dev/null || true
	world_destroy
}

flush() { run --separate-stderr world_router timeout 30 "$CONNTAB" flush "$@"; }

# The connections of tool/mix by the client's port, without those that the kernel forgets at once.
NAMES=(busy silent half half_busy closed reset syn udp_lost udp udp_lost_busy udp_busy unacknowledged policy)

port_of() {
	case $1 in
	busy) echo 41001 ;; silent) echo 41002 ;; half) echo 41003 ;; half_busy) echo 41004 ;; closed) echo 41005 ;;
	refused) echo 41006 ;; reset) echo 41007 ;; syn) echo 41008 ;; udp_lost) echo 41009 ;; udp) echo 41010 ;;
	udp_lost_busy) echo 41011 ;; udp_busy) echo 41012 ;; unacknowledged) echo 41013 ;; policy) echo 41014 ;;
	esac
}

# Starts tool/mix in a new world and waits until all connections are there.
start_mix() {
	local tries=0
	world_create "$WORLD"
	[ $# -eq 0 ] || "$@"
	mkfifo to_mix
	timeout 60 "$TESTS/tool/mix" "$(world_namespace client)" "$(world_namespace server)" <to_mix >from_mix 2>mix.err 3>&- &
	MIX=$!
	exec 8>to_mix
	until grep -q ready from_mix; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] && kill -0 "$MIX" || fail "mix: $(cat from_mix mix.err)" || return
		sleep 0.1
	done
}

# mix COMMAND NAME: its answer.
mix() {
	local tries=0 before
	before=$(grep -c "^$1 $2 " from_mix || true)
	echo "$1 $2" >&8
	until [ "$(grep -c "^$1 $2 " from_mix)" -gt "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "mix does not answer: $(cat from_mix mix.err)" || return
		sleep 0.1
	done
	grep "^$1 $2 " from_mix | tail -n 1 | cut -d' ' -f3-
}

# The names of those connections that have entries, of both families.
present() {
	local name
	world_router conntrack -L -f ipv4 2>/dev/null >present4
	world_router conntrack -L -f ipv6 2>/dev/null >present6
	for name in "${NAMES[@]}" refused; do
		for family in 4 6; do
			! grep -q "sport=$(port_of "$name") " present$family || echo "$name$family"
		done
	done | sort
}

# names NAME...: as present() lists them.
names() {
	local name
	for name; do
		echo "${name}4"
		echo "${name}6"
	done | sort
}

# ---- what goes ----

@test "flush idle: of real connections the finished, half closed and unanswered ones go, no other" {
	start_mix
	sleep 3
	# A refused connection is forgotten by the kernel itself.
	assert_equal "$(present)" "$(names "${NAMES[@]}")"
	flush idle
	assert_success
	assert_output ''
	assert_equal "$stderr" 'conntab: flush: deleted 10 entries (2 time_wait, 2 syn_sent, 2 close_wait, 2 close, 2 udp unreplied)' ||
		assert_regex "$stderr" '^conntab: flush: deleted 10 entries \('
	local part
	for part in '2 time_wait' '2 syn_sent' '2 close_wait' '2 close' '2 udp unreplied'; do
		[[ $stderr == *[\(\ ]"$part"[,\)]* ]] || fail "no $part: $stderr"
	done
	assert_equal "$(present)" "$(names busy silent half_busy udp udp_lost_busy udp_busy unacknowledged policy)"
	# Those that stay still carry data, both ways; so does a half closed one in the way that is open.
	for part in busy silent half_busy udp udp_busy policy; do
		assert_equal "$part $(mix talk $part)" "$part ok"
	done
	run ! grep broke from_mix
	# Nothing is left to do.
	flush idle
	assert_success
	assert_equal "$stderr" 'conntab: flush: deleted 0 entries'
}

@test "flush idle: nothing goes before two quiet seconds but what is finished" {
	start_mix
	flush idle
	assert_success
	assert_equal "$(present | grep -v -e closed -e reset)" "$(present)"
	assert [ -n "$(present | grep half_busy)" ]
	# udp_lost was sent last, a moment ago.
	assert_equal "$(present | grep -c '^udp_lost[46]')" 2
}

@test "flush idle --dry-run counts by state and deletes nothing" {
	start_mix
	sleep 3
	present >before
	flush idle --dry-run
	assert_success
	assert_output ''
	assert_equal "${#stderr_lines[@]}" 1
	assert_regex "$stderr" '^conntab: flush: dry run: 10 entries would be deleted \(.*\)$'
	local part
	for part in '2 time_wait' '2 syn_sent' '2 close_wait' '2 close' '2 udp unreplied'; do
		[[ $stderr == *[\(\ ]"$part"[,\)]* ]] || fail "no $part: $stderr"
	done
	present | diff before -
	# With a format it shows which.
	flush idle --dry-run -o jsonl
	assert_equal "$(jq -r .sport <<<"$output" | sort -u | xargs)" "$(for part in half closed reset syn udp_lost; do port_of $part; done | sort | xargs)"
	present | diff before -
}

@test "flush idle --idle AGE takes what was silent for so long, and nothing busy" {
	start_mix
	sleep 4.5
	flush idle --idle 1h
	assert_success
	assert_equal "$(present)" "$(names busy silent half_busy udp udp_lost_busy udp_busy unacknowledged policy)"
	assert_equal "$(mix talk silent)" ok
	sleep 0.3
	# 4 seconds: the one that just talked is younger.
	flush idle --idle 4s
	assert_success
	assert_equal "$(present)" "$(names busy silent half_busy udp_lost_busy udp_busy)"
	assert_equal "$(mix talk busy) $(mix talk silent)" 'ok ok'
	run ! grep broke from_mix
}

@test "flush idle --state names the states that go instead" {
	start_mix
	sleep 3
	flush idle --state time_wait,close
	assert_success
	assert_equal "$(present)" "$(names busy silent half half_busy syn udp_lost udp udp_lost_busy udp_busy unacknowledged policy)"
	flush idle --state SYN_SENT
	assert_success
	assert_regex "$stderr" 'deleted 2 entries \(2 syn_sent\)'
	assert_equal "$(present | grep -c syn)" 0
	flush idle --state syn_sent
	assert_success
	assert_regex "$stderr" 'deleted 0 entries'
}

# "established" and an age: who types that does not want the active ones gone.
@test "flush idle --state established --idle AGE leaves the busy ones alone" {
	start_mix
	sleep 4
	flush idle --state established --idle 3s
	assert_success
	[ "$(present | grep -c '^busy')" -eq 2 ] || fail "the busy connection went: $stderr"
	assert_equal "$(present | grep -c '^silent')" 0
}

@test "flush idle FILTER narrows it" {
	start_mix
	sleep 3
	flush idle udp
	assert_success
	assert_regex "$stderr" 'deleted 2 entries \(2 udp unreplied\)'
	assert_equal "$(present)" "$(names busy silent half half_busy closed reset syn udp udp_lost_busy udp_busy unacknowledged policy)"
	flush idle -4 not sport "$(port_of closed)"
	assert_success
	assert_equal "$(present | grep -e closed -e half -e reset -e syn | xargs)" 'closed4 closed6 half6 half_busy4 half_busy6 reset6 syn6'
	flush idle sport 1 or sport "$(port_of closed)"
	assert_equal "$(present | grep -e closed -e half -e reset -e syn | xargs)" 'half6 half_busy4 half_busy6 reset6 syn6'
}

@test "flush idle: status, --require-match, -q and --explain" {
	start_mix
	sleep 3
	flush idle --explain
	assert_success
	assert_output --partial time_wait
	assert_equal "$(present | grep -c '^closed')" 2
	flush idle -q
	assert_success
	assert_equal "$stderr$output" ''
	flush idle --require-match
	assert_equal "$status" 1
}

@test "flush idle: bad input is status 2, one line, and nothing goes" {
	world_single "$WORLD"
	world_fill 300 >/dev/null
	local words faults=0
	while read -r words; do
		# shellcheck disable=SC2086
		flush $words
		[ "$status" -eq 2 ] && [ -z "$output" ] && [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == 'conntab: flush: '* ]] ||
			{ echo "^ flush $words: $status $output $stderr"; faults=$((faults + 1)); }
	done <<-'END'
		idle --idle
		idle --idle 5x
		idle --idle -5
		idle --idle x
		idle --state
		idle --state nonsense
		idle --state time_wait,
		idle --state time_wait,nonsense
		idle --state ,
		idle --state time_wait}or{
		idle tcp dport
		idle --warn 5
		idle nonsense
		all --idle 5
		all --state close
		idl
	END
	assert_equal "$faults" 0
	assert_equal "$(world_count)" 300
}

# ---- how long it was ----

# agrees NAME: the idle time of both entries is the time since the last packet, to a second.
agrees() {
	local before after idle
	before=$(mix since "$1")
	idle=$(world_router timeout 30 "$CONNTAB" list -o jsonl sport "$(port_of "$1")" | jq .idle | sort -n | xargs)
	after=$(mix since "$1")
	python3 - "$1" "$before" "$after" "$idle" <<-'END'
		import sys
		name, before, after, idle = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4].split()
		assert len(idle) == 2, (name, idle)
		for each in idle:
		    assert before - 1 <= float(each) <= after + 1, (name, before, each, after)
	END
}

@test "idle is the time since the last packet, to a second: tcp and udp in each state" {
	local name
	start_mix
	for name in silent half closed reset syn udp_lost udp unacknowledged; do
		agrees $name
	done
	sleep 5.3
	for name in silent half closed syn udp_lost udp unacknowledged busy half_busy udp_lost_busy udp_busy; do
		agrees $name
	done
	mix talk silent
	mix talk udp
	for name in silent udp; do
		agrees $name
	done
	sleep 2.6
	for name in silent half closed udp; do
		agrees $name
	done
}

@test "idle follows the namespace's own timeouts: an entry made under another one is known again after its next packet" {
	start_mix world_router sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=5000 \
		net.netfilter.nf_conntrack_udp_timeout=77 net.netfilter.nf_conntrack_tcp_timeout_close_wait=333 \
		net.netfilter.nf_conntrack_tcp_timeout_unacknowledged=99
	local name
	sleep 2.4
	for name in silent half udp_lost udp unacknowledged closed; do
		agrees $name
	done
	world_router sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_established=4000
	assert_equal "$(conntab_router list -o jsonl sport "$(port_of silent)" | jq -c .idle | sort -u)" null
	mix talk silent
	agrees silent
}

@test "flush idle --idle leaves what cannot be known alone, and counts it" {
	start_mix
	sleep 2
	# Less than what remains: these entries cannot have it from the present settings.
	world_router sysctl -qw net.netfilter.nf_conntrack_udp_timeout=5 net.netfilter.nf_conntrack_tcp_timeout_established=3600
	sleep 1.2
	# busy and udp_lost_busy have new timeouts already; silent, policy, udp and udp_lost do not.
	flush idle --idle 2s --dry-run
	assert_success
	assert_equal "${stderr_lines[1]}" 'conntab: flush: left 8 more alone: how long they have been idle cannot be known'
	flush idle --idle 2s
	assert_equal "${stderr_lines[1]}" 'conntab: flush: left 8 more alone: how long they have been idle cannot be known'
	assert_equal "$(present)" "$(names busy half_busy silent policy udp udp_lost udp_lost_busy udp_busy)"
}

@test "idle of every protocol lies in the time in which its packets were sent" {
	local began ended
	world_create "$WORLD"
	began=$(date +%s.%N)
	WORLD_TIMEOUTS=kernel world_traffic
	world_quiet
	ended=$(date +%s.%N)
	sleep 3
	conntab_router list -o jsonl >entries
	python3 - "$began" "$ended" "$(date +%s.%N)" <<-'END'
		import collections, json, sys
		began, ended, now = map(float, sys.argv[1:])
		entries = [json.loads(line) for line in open("entries")]
		known = collections.Counter(entry["proto"] for entry in entries if "idle" in entry)
		print(known)
		unknown = [entry for entry in entries if "idle" not in entry]
		for entry in entries:
		    if "idle" in entry:
		        assert now - ended - 1.2 <= entry["idle"] <= now - began + 1.2, (now - ended, now - began, entry)
		assert not unknown, unknown[:3]
		assert {"tcp", "udp", "icmp", "icmpv6", "gre", "sctp", "esp", "ospf", "253"} <= set(known), known
	END
}

@test "idle of an entry with a timeout policy of its own is not guessed from the settings" {
	policy() {
		world_router nft -f - <<-'END'
			table inet policies {
			    ct timeout long4 { protocol tcp; l3proto ip; policy = { established: 3600 }; }
			    ct timeout long6 { protocol tcp; l3proto ip6; policy = { established: 3600 }; }
			    chain prerouting {
			        type filter hook prerouting priority -100
			        meta nfproto ipv4 tcp dport 7003 ct timeout set "long4"
			        meta nfproto ipv6 tcp dport 7003 ct timeout set "long6"
			    }
			}
		END
	}
	world_create "$WORLD"
	policy 2>/dev/null || skip "this kernel has no timeout policies"
	start_mix policy
	mix talk policy
	# It talked a moment ago.
	flush idle --idle 1h
	assert_success
	assert_equal "$(present | grep policy | xargs)" 'policy4 policy6'
	assert_equal "$(present | grep -c '^busy')" 2
	local idle
	idle=$(conntab_router list -o jsonl sport "$(port_of policy)" | jq '.idle // 0' | sort -n | tail -n 1)
	[ "$idle" -lt 60 ]
}

@test "idle of an offloaded entry is not known: it is left alone and counted" {
	offload() {
		world_router nft -f - <<-'END'
			table inet fastpath {
			    flowtable fast { hook ingress priority 0; devices = { client, server }; }
			    chain forward {
			        type filter hook forward priority 0
			        tcp sport 41001 flow add @fast
			        tcp dport 41001 flow add @fast
			    }
			}
		END
	}
	world_create "$WORLD"
	offload 2>/dev/null || skip "this kernel has no flow tables"
	start_mix offload
	sleep 3
	conntab_router list -o jsonl offload >offloaded
	[ -s offloaded ] || skip "nothing was offloaded"
	jq -s -e 'all(has("idle") | not)' offloaded
	flush idle --idle 1s
	assert_success
	assert_regex "${stderr_lines[1]}" "^conntab: flush: left $(wc -l <offloaded) more alone"
	assert_equal "$(present | grep '^busy' | xargs)" 'busy4 busy6'
	assert_equal "$(mix talk busy)" ok
}

# ---- everywhere else ----

@test "idle in filters, columns, sort and groups" {
	start_mix
	sleep 4.4
	mix talk silent
	# A filter, against the list that is filtered by jq.
	conntab_router list -o jsonl >all
	conntab_router list -o jsonl 'idle > 3s' | jq -r '"\(.family) \(.sport)"' | sort >got
	for name in half closed reset syn udp_lost udp unacknowledged policy; do
		echo "ipv4 $(port_of $name)"
		echo "ipv6 $(port_of $name)"
	done | sort | diff - got
	conntab_router list -o jsonl idle '<' 3 | jq -r .sport | sort -u | xargs >got
	assert_equal "$(cat got)" "$(for name in busy silent half_busy udp_lost_busy udp_busy; do port_of $name; done | sort | xargs)"
	# Columns and order.
	run --separate-stderr conntab_router list -c idle --sort idle -o csv
	assert_success
	assert_line --index 0 idle
	assert_equal "$(tail -n +2 <<<"$output")" "$(tail -n +2 <<<"$output" | sort -n)"
	assert_equal "$(tail -n +2 <<<"$output" | wc -l)" 26
	run --separate-stderr conntab_router list -c idle --sort -idle -o csv --limit 3
	assert_equal "$(tail -n +2 <<<"$output" | wc -l)" 3
	[ "${lines[1]}" -ge 4 ]
	# Groups: buckets that add up.
	conntab_router count --by state,idle -o jsonl >groups
	assert_equal "$(jq -s 'map(.entries // .count) | add' groups)" 26
	conntab_router count --by idle -o jsonl >groups
	assert_equal "$(jq -s 'map(.entries // .count) | add' groups)" 26
	run conntab_router count --by state,idle
	assert_line --index 0 --regexp 'STATE +IDLE +ENTRIES'
	assert_equal "$(tail -n +2 <<<"$output" | awk '{ sum += $NF } END { print sum }')" 26
}

@test "idle: histogram buckets of a large table add up, and each holds what it says" {
	world_single "$WORLD"
	world_fill 20000 >/dev/null
	world_router sysctl -qw net.netfilter.nf_conntrack_udp_timeout=7200 net.netfilter.nf_conntrack_tcp_timeout_time_wait=90000 \
		net.netfilter.nf_conntrack_icmp_timeout=3700
	conntab_router count --by idle -o jsonl >groups
	assert_equal "$(jq -s 'map(.entries // .count) | add' groups)" 20000
	conntab_router list -o jsonl -c idle >entries
	python3 - <<-'END'
		import json, re
		unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}
		def seconds(text):
		    return sum(int(number) * unit[letter or "s"] for number, letter in re.findall(r"(\d+)([smhd]?)", text))
		ages = [json.loads(line).get("idle") for line in open("entries")]
		groups = [json.loads(line) for line in open("groups")]
		assert len(groups) >= 4, groups
		for group in groups:
		    label, count = group.get("idle"), group.get("entries", group.get("count"))
		    if label in (None, "-"):
		        want = sum(age is None for age in ages)
		    else:
		        label = str(label)
		        if "-" in label:
		            low, high = map(seconds, label.split("-"))
		        elif label[0] == "<":
		            low, high = 0, seconds(label)
		        else:
		            low, high = seconds(label), 1 << 40
		        want = sum(age is not None and low <= age < high for age in ages)
		    # A second goes by between the two.
		    assert abs(want - count) <= max(20, count * 0.02), (group, want)
	END
}

# asks_nftables COMMAND...: how many requests to nftables a list by idle sends, run by the command.
asks_nftables() {
	"$@" strace -f -e trace=sendto -o trace "${CONNTAB_REAL:-$CONNTAB}" list 'idle > 1s' >/dev/null
	grep -c NFNL_SUBSYS_NFTABLES trace || true
}

@test "looking for timeout policies loads no module that is not loaded" {
	command -v strace >/dev/null || skip "strace is not installed"
	under_strace
	[ ! -e /sys/module/nf_tables ] || skip "nf_tables is loaded as a module here, or has parameters"
	world_single
	local modules
	modules=/modules/$(uname -r)
	mkdir -p "lib/modules/$(uname -r)"
	echo 'kernel/net/netfilter/nf_tables.ko: kernel/net/netfilter/nfnetlink.ko' >"lib$modules/modules.dep"
	[ -e "/lib$modules/modules.dep" ] || assert_equal "$(asks_nftables world_router)" 1
	# shellcheck disable=SC2016
	assert_equal "$(asks_nftables world_router unshare --mount sh -c '
		mount -t overlay overlay -o "lowerdir=$1:/usr/lib" /usr/lib && shift && exec "$@"' sh "$PWD/lib")" 0
}
