#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# check: one sample as a monitoring plugin, judged by the published grammar and by programs of
# Debian that read what plugins print.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

# Entries in the namespace; what is asked about lies around it.
FILLED=2000

setup_file() {
	load ../lib/common
	world_single
	world_fill 2000 >/dev/null
}

setup() {
	load ../lib/common
	cd "$BATS_TEST_TMPDIR" || return
	MAXIMUM=$(world_router cat /proc/sys/net/netfilter/nf_conntrack_max)
}

teardown_file() {
	load ../lib/common
	world_destroy
}

check() { run --separate-stderr world_router timeout 30 "$CONNTAB" check "$@"; }

# What a plugin prints whatever happens: one line, which says the level, with its exit status.
assert_level() {
	local names=(OK WARNING CRITICAL UNKNOWN)
	assert_equal "$status" "$1" || return
	assert_equal "${#lines[@]}" 1 || return
	assert_equal "${output%% - *}" "CONNTRACK ${names[$1]}"
}

# A failure is told on standard output too: that is where plugins are heard.
assert_unknown() {
	local part
	assert_level 3 || return
	[ "${#stderr_lines[@]}" -le 1 ] || fail "more than a line: $stderr" || return
	for part; do
		[[ $output == *"$part"* ]] || fail "no $part in: $output" || return
	done
}

# A whole table of this many entries in per cent, rounded down or up to two digits.
per_cent() { awk -v n="$1" -v max="$MAXIMUM" -v add="${2:-0}" 'BEGIN { printf "%.2f%%", int(n * 10000 / max) / 100 + add }'; }

@test "check: each of the four statuses, with the exact number of entries" {
	check -w 3000 -c 4000
	assert_level 0
	assert_output --partial " - $FILLED of $MAXIMUM entries ($(awk -v m="$MAXIMUM" 'BEGIN { printf "%.1f", 200000 / m }')%)"
	assert_equal "$stderr" ''
	check --warn 1999 --crit 4000
	assert_level 1
	check --warn=1000 --crit=1999
	assert_level 2
	check --crit 5 -w nonsense
	assert_level 3
}

@test "check: without thresholds 80% and 95%" {
	check
	assert_level 0
	assert_output --partial "'entries'=$FILLED;$((MAXIMUM * 80 / 100));$((MAXIMUM * 95 / 100));0;$MAXIMUM "
}

@test "check: a limit alerts above itself, not at it" {
	check -w $FILLED -c 4000
	assert_level 0
	check -w $((FILLED - 1)) -c $FILLED
	assert_level 1
	check -w 0 -c $((FILLED - 1))
	assert_level 2
}

@test "check: per cent are of the maximum, with fractions" {
	check -w "$(per_cent $FILLED)" -c 95%
	assert_level 1
	check -w "$(per_cent $FILLED 0.01)" -c 95%
	assert_level 0
	check -w 0% -c "$(per_cent $FILLED)"
	assert_level 2
	check -w 100% -c 100%
	assert_level 0
}

@test "check: the ranges of the guidelines" {
	local range alerts faults=0
	while read -r range alerts; do
		check -w "$range" -c 4000000
		[ "$status" -eq "$alerts" ] || { echo "-w $range: $status, not $alerts: $output"; faults=$((faults + 1)); }
		check -w @9999999: -c "$range"
		[ "$status" -eq $((alerts * 2)) ] || { echo "-c $range: $status: $output"; faults=$((faults + 1)); }
	done <<-'END'
		2000 0
		1999 1
		2001 0
		2000: 0
		2001: 1
		1999: 0
		0: 0
		~:2000 0
		~:1999 1
		~:2001 0
		~: 0
		0:2000 0
		2000:2000 0
		1999:2001 0
		2001:3000 1
		1000:1999 1
		@2000 1
		@1999 0
		@0:2000 1
		@2000:2000 1
		@1999:2001 1
		@2001:3000 0
		@1000:1999 0
		@2000: 1
		@2001: 0
		@~:2000 1
		@~:1999 0
	END
	assert_equal "$faults" 0
}

@test "check: ranges in per cent, one bound or both" {
	local below above
	below=$(per_cent $FILLED)
	above=$(per_cent $FILLED 0.01)
	check -w "$below:$above" -c 95%
	assert_level 0
	check -w "@$below:$above" -c 95%
	assert_level 1
	check -w "$above:" -c 95%
	assert_level 1
	check -w "$below:" -c 95%
	assert_level 0
	check -w "~:$below" -c 95%
	assert_level 1
	check -w "10:$above" -c 95%
	assert_level 0
	check -w "$above:90%" -c "10:20%"
	assert_level 1
}

@test "check: ranges mean what Debian's Monitoring::Plugin takes them for" {
	perl -MMonitoring::Plugin::Range -e 1 2>/dev/null || skip "libmonitoring-plugin-perl is not installed"
	local range expected faults=0
	for range in 0 1 1999 2000 2001 0: 1: 1999: 2000: 2001: '~:0' '~:1999' '~:2000' '~:2001' 1:2 0:1999 0:2000 0:2001 1999:1999 \
		2000:2000 2001:2001 1500:2500 2001:2500 @0 @1999 @2000 @2001 @0: @1999: @2000: @2001: '@~:1999' '@~:2000' @1:2 \
		@2000:2000 @1500:2500 @2001:2500 @1000:1999; do
		expected=$(perl -MMonitoring::Plugin::Range -e '
			my $range = Monitoring::Plugin::Range->parse_range_string($ARGV[0]) // die "no range";
			print $range->check_range($ARGV[1]) ? 1 : 0' "$range" $FILLED)
		check -w "$range" -c @9999999:
		[ "$status" = "$expected" ] || { echo "$range: $status, not $expected"; faults=$((faults + 1)); }
	done
	assert_equal "$faults" 0
}

# ---- performance data ----

# The grammar, word for word from the guidelines: 'label'=value[UOM];[warn];[crit];[min];[max]
perfdata_is_well_formed() {
	python3 - "$1" <<-'END'
		import re, sys
		line = sys.argv[1]
		assert line.count("|") == 1, "one bar"
		text, data = line.split("|")
		assert text.strip() and "\n" not in line
		number = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
		threshold = rf"@?(?:(?:~|{number}):)?(?:{number})?"
		label = r"(?:'(?:[^'=]|'')+'|[^'= ]+)"
		item = rf"{label}=(?:{number}|U)(?:s|us|ms|%|[KMGT]?B|c)?(?:;(?:{threshold})(?:;(?:{threshold})(?:;(?:{number})?(?:;(?:{number})?)?)?)?)?"
		assert re.fullmatch(rf" ?{item}(?: {item})*", data.rstrip()), data
		labels = re.findall(rf"({label})=", data)
		assert len(labels) == len(set(labels)), "a label twice"
		assert len(labels) >= 3
	END
}

@test "check: performance data follows the published grammar, with any threshold" {
	local warn
	for warn in 80% 1000 1000: '~:1000' @10:20 0.5%:99.9% '~:' 10:20% 0:0; do
		check -w "$warn" -c 99%
		perfdata_is_well_formed "$output" || fail "$warn: $output"
	done
	check -n "$WORLD-router" -n "/run/netns/$WORLD-router"
	assert_level 0
	perfdata_is_well_formed "$output"
	check --all-netns
	perfdata_is_well_formed "$output"
}

@test "check: performance data carries thresholds in entries, the minimum and the maximum" {
	check -w 1000:3000 -c '@~:10'
	assert_output --partial "'entries'=$FILLED;1000:3000;@~:10;0;$MAXIMUM "
	check -w 50% -c 75%
	assert_output --partial "'entries'=$FILLED;$((MAXIMUM / 2));$((MAXIMUM * 3 / 4));0;$MAXIMUM "
	check -w '1000:' -c '~:3000'
	assert_output --partial "'entries'=$FILLED;1000:;~:3000;0;$MAXIMUM "
}

# A consumer that judges by the data, as graphing programs do, must come to the same level.
@test "check: thresholds of the performance data mean the same as those of the command line" {
	perl -MMonitoring::Plugin::Range -e 1 2>/dev/null || skip "libmonitoring-plugin-perl is not installed"
	local range threshold expected faults=0 exact
	exact=$(awk -v m="$MAXIMUM" 'BEGIN { printf "%.6f%%", 200000 / m }')
	for range in 0.5% 0.75% 0.77% 0.5%: 0.75%: 0.763%: 0.77%: @0.5%:0.77% @0.5%:0.75% 0.763%:1% @0.763%:1% "$exact" "$exact:" "@$exact:50%"; do
		check -w "$range" -c @9999999:
		threshold=$(sed -n "s/.*'entries'=[0-9]*;\([^;]*\);.*/\1/p" <<<"$output")
		expected=$(perl -MMonitoring::Plugin::Range -e '
			my $range = Monitoring::Plugin::Range->parse_range_string($ARGV[0]) // die "no range";
			print $range->check_range($ARGV[1]) ? 1 : 0' "$threshold" $FILLED)
		[ "$status" = "$expected" ] || { echo "-w $range: status $status, but $threshold means $expected"; faults=$((faults + 1)); }
	done
	assert_equal "$faults" 0
}

@test "check: Debian's Monitoring::Plugin reads the performance data" {
	perl -MMonitoring::Plugin::Performance -e 1 2>/dev/null || skip "libmonitoring-plugin-perl is not installed"
	check -w 1000: -c 4000
	perl -MMonitoring::Plugin::Performance -e '
		for (Monitoring::Plugin::Performance->parse_perfstring($ARGV[0])) {
			print join(" ", $_->label, $_->value, $_->uom, map { $_ // "-" } $_->warning, $_->critical, $_->min, $_->max), "\n";
		}' "${output#*| }" >parsed
	run cat parsed
	assert_line "entries $FILLED  1000: 4000 0 $MAXIMUM"
	assert_line --regexp '^fill 0\.[0-9]+ % - - 0 100$'
	assert_line 'drop 0 c - - - -'
	assert_line 'early_drop 0 c - - - -'
	assert_equal "${#lines[@]}" 10
}

@test "check: Debian's negate runs it and turns its level around" {
	local negate=/usr/lib/nagios/plugins/negate
	[ -x $negate ] || skip "monitoring-plugins-basic is not installed"
	run world_router $negate -s "$CONNTAB" check -w 3000 -c 4000
	assert_equal "$status" 2
	assert_output --partial "CONNTRACK CRITICAL - $FILLED of"
	run world_router $negate -s "$CONNTAB" check -w 1000 -c 1500
	assert_equal "$status" 0
	assert_output --partial "CONNTRACK OK - $FILLED of"
	run world_router $negate -s -u WARNING "$CONNTAB" check -w nonsense
	assert_equal "$status" 1
	assert_output --partial 'CONNTRACK WARNING - '
}

# ---- several namespaces ----

@test "check: several namespaces: the worst level counts and is named first" {
	local first=$WORLD
	world_single "$first-b"
	world_fill 50 >/dev/null
	check -n "$first-router" -n "$WORLD-router" -w 1000 -c 4000
	assert_level 1
	assert_output --partial "CONNTRACK WARNING - $first-router: 2000 of $MAXIMUM entries (0.8%), $WORLD-router: 50 of"
	check -n "$WORLD-router" -n "$first-router" -w 1000 -c 4000
	assert_level 1
	assert_output --partial "CONNTRACK WARNING - $first-router: 2000 of"
	assert_output --partial " 'entries_$first-router'=2000;1000;4000;0;$MAXIMUM "
	assert_output --partial " 'entries_$WORLD-router'=50;1000;4000;0;$MAXIMUM "
	check -n "$first-router" -n "$WORLD-router" -w 30 -c 1000
	assert_level 2
	check -n "$first-router" -n "$WORLD-router"
	assert_level 0
	world_destroy
	WORLD=$first
}

# Names in /run of its own, so that nobody else's come and go meanwhile.
@test "check --all-netns: this namespace and all that have a name, no other" {
	local load
	load=$(world_tool load)
	cat >names <<-'END'
		mount -t tmpfs tmpfs /run && ip netns add one && ip netns add two || exit
		nsenter --net=/run/netns/two -- "$2" --count 300 >/dev/null
		shift
		[ "$1" = "" ] || true
		timeout 30 "$CONNTAB" check --all-netns -w 299 -c 4000000
		echo "status $?"
	END
	run --separate-stderr world_router unshare --mount sh names - "$load"
	assert_line 'status 1'
	assert_line --partial 'CONNTRACK WARNING - '
	assert_output --partial "two: 300 of $MAXIMUM"
	assert_output --partial "one: 0 of $MAXIMUM"
	assert_output --partial "'entries'=2000;"
	assert_output --partial "'entries_one'=0;"
	assert_output --partial "'entries_two'=300;"
	assert_equal "$(grep -o "'entries" <<<"$output" | wc -l)" 3
}

# What `ip netns` leaves behind after a crash is a plain file.
@test "check --all-netns: a name without a namespace does not hide the others" {
	cat >names <<-'END'
		mount -t tmpfs tmpfs /run && ip netns add one && touch /run/netns/stale || exit
		timeout 30 "$CONNTAB" check --all-netns
	END
	run --separate-stderr world_router unshare --mount sh names
	assert_output --partial "one: 0 of $MAXIMUM"
	assert_output --partial "'entries'=2000;"
	[[ $stderr == *stale* ]] || fail "nothing about stale: $stderr"
}

# ---- failures ----

@test "check: bad thresholds are UNKNOWN" {
	local words faults=0
	while read -r words; do
		# shellcheck disable=SC2086
		check $words
		assert_unknown || { echo "^ check $words: $status $output"; faults=$((faults + 1)); }
	done <<-'END'
		-w 101%
		-w 80% -c 100.1%
		-w 90 -c 80
		-w 90% -c 80%
		-w ten
		-w 10x
		-w -5
		-w 5%%
		-w %
		-w :
		-w :5
		-w @
		-w 20:10
		-w 20%:10%
		-w @20:10
		-w 1:2:3
		-w ~
		-w 10:~
		-c 1e3
		-c inf
		-c nan%
		-c 1.2.3%
		-c 99999999999999999999
	END
	assert_equal "$faults" 0
}

# What is upside down only once the maximum is known would never alert (or always).
@test "check: a range of an absolute number and per cent that is upside down is UNKNOWN" {
	check -w '@10%:20' -c 95%
	assert_unknown '10%:20'
	check -w "$MAXIMUM:10%" -c 95%
	assert_unknown
	check -w 10% -c 20
	assert_unknown '10%' '20'
}

@test "check: unknown options, words and namespaces are UNKNOWN" {
	local words faults=0
	while read -r words; do
		# shellcheck disable=SC2086
		check $words
		assert_unknown || { echo "^ check $words: $status $output"; faults=$((faults + 1)); }
	done <<-END
		tcp
		dport 80
		-n $WORLD-none
		-n $WORLD-router -n $WORLD-none
		--nonsense
		-w
		--warn=
		-i 5
		--exit-on warn
	END
	assert_equal "$faults" 0
}

@test "check: without the privilege it is UNKNOWN and says what is missing" {
	run --separate-stderr world_router setpriv --reuid 65534 --regid 65534 --clear-groups timeout 30 "$CONNTAB" check
	[ "$status" -ne 126 ] || skip "nobody cannot run the program where it lies"
	assert_unknown 'CAP_NET_ADMIN'
}

@test "check: a kernel without netfilter's netlink is UNKNOWN and says what to do" {
	command -v strace >/dev/null || skip "strace is not installed"
	under_strace
	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "not under valgrind"
	run --separate-stderr world_router timeout 30 strace -f -o trace -e inject=socket:error=EPROTONOSUPPORT "$CONNTAB" check
	grep -q 'INJECTED' trace || skip "strace cannot inject errors here"
	assert_unknown 'modprobe'
}

@test "check: with its standard output closed it fails" {
	run --separate-stderr world_router timeout 30 sh -c 'exec "$CONNTAB" check >&-'
	assert_equal "$status" 3
	run --separate-stderr world_router timeout 30 sh -c 'exec "$CONNTAB" check >/dev/full'
	assert_equal "$status" 3
	assert_equal "${#stderr_lines[@]}" 1
}

@test "check: -q leaves the line on standard output" {
	check -q -w 1000 -c 4000
	assert_level 1
	check -q -w nonsense
	assert_level 3
}
