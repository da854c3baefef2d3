# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The filter language against a table that holds everything: what each filter of
# data/filters.txt takes is what a jq predicate, written by hand, takes of the JSON list.
bats_require_minimum_version 1.5.0
load ../lib/common

FILTERS=$BATS_TEST_DIRNAME/../data/filters.txt

# Half of the entries have counters and times, the other half has neither.
setup_file() {
	world_possible || skip "no network namespaces here"
	world_create "filter$$" && world_accounting on && world_timestamps on && world_traffic &&
		world_timestamps off && world_fill 600 && world_accounting off &&
		world_fill 600 --seed 1 && world_quiet || return
	# Only real traffic has time stamps: the loader's entries are idle for longer than they exist,
	# which with a stamp makes that unknown for a while, so that two looks might differ.
	# The loader's timeouts are round numbers: the first tick takes some below a limit of theirs.
	sleep 2
	WORK=$BATS_FILE_TMPDIR
	export WORK
	world_named "$CONNTAB" list -j >"$WORK/all.json" || return
	make_table || return
	run_oracle || return
	# The shell between drops exported functions.
	world_named bash -c "$(declare -f conntab_filter ids list_ids explain_filter run_filter run_filters); run_filters"
}

teardown_file() {
	world_destroy
}

# The table without its comments, with values of one entry put in. Under valgrind few of its rows.
make_table() {
	local step=1 id start

	[ "${CONNTAB_VALGRIND:-}" = 1 ] && step=25
	read -r id start < <(jq -r 'map(select(.start and .proto == "tcp"))[0] | "\(.id) \(.start)"' "$WORK/all.json")
	grep -v -e '^#' -e '^$' "$FILTERS" | awk -v step="$step" 'NR % step == 0' |
		sed -e "s/@ID@/$id/g" -e "s/@START@/$start/g" -e "s/@SECOND@/${start:0:19}/g" \
			-e "s/@MINUTE@/${start:0:16}/g" -e "s/@DATE@/${start:0:10}/g" >"$WORK/table"
	[ -n "$id" ] && [ -s "$WORK/table" ]
}

# Every address of the list and of the predicates with a text whose order is that of
# addresses: the family, then every bit.
make_keys() {
	{
		jq -r '.. | strings | select(test("^[0-9a-f.]*[.:][0-9a-f.:]*$"))' "$WORK/all.json"
		cut -f 2 "$WORK/table" | grep -o '"[0-9a-f.]*[.:][0-9a-f.:]*"' | tr -d '"'
	} | sort -u | jq -R -n '
def hex($digits): . as $number | [range($digits - 1; -1; -1)] |
	map(. as $place | "0123456789abcdef"[(($number / pow(16; $place)) | floor) % 16:][0:1]) | join("");
def groups: if . == "" then [] else split(":") | map(("0000" + .)[-4:]) end;
def without_dots: if contains(".") then
	capture("^(?<head>.*:)(?<a>\\d+)\\.(?<b>\\d+)\\.(?<c>\\d+)\\.(?<d>\\d+)$") |
	(.a | tonumber * 256) as $a | (.c | tonumber * 256) as $c |
	.head + ($a + (.b | tonumber) | hex(4)) + ":" + ($c + (.d | tonumber) | hex(4)) else . end;
def key: if contains(":") then without_dots | if contains("::") then
		split("::") | (.[0] | groups) as $left | (.[1] | groups) as $right |
		$left + [range(8 - ($left | length) - ($right | length)) | "0000"] + $right
		else groups end | "6" + join("")
	else "4" + (split(".") | map(tonumber | hex(2)) | join("")) end;
[inputs | { (.): key }] | add' >"$WORK/keys.json"
}

# One jq program with all predicates; "ROW ID" for every entry that a row takes.
run_oracle() {
	make_keys || return
	cat >"$WORK/oracle.jq" <<'JQ'
def flag($name): .status // [] | any(. == $name);
def has_label($bit): . // [] | any(. == $bit);
def within($low; $high): . != null and ($keys[0][.] as $key | $key >= $keys[0][$low] and $key <= $keys[0][$high]);
.[] | . as $entry |
JQ
	awk -F '\t' '{ printf "%s($entry | if (%s) then \"%d \\($entry.id)\" else empty end)\n", (NR > 1 ? ", " : ""), $2, NR }' \
		"$WORK/table" >>"$WORK/oracle.jq"
	mkdir -p "$WORK/expected" "$WORK/kernel" "$WORK/user" "$WORK/count" "$WORK/printed" "$WORK/errors"
	jq -r --slurpfile keys "$WORK/keys.json" -f "$WORK/oracle.jq" "$WORK/all.json" >"$WORK/taken" || return
	sort -k 1n -k 2n "$WORK/taken" | awk -v directory="$WORK/expected" '{ print $2 >(directory "/" $1) }'
	awk -v directory="$WORK/expected" '{ printf "" >>(directory "/" NR) }' "$WORK/table"
}

# conntab_filter "COMMAND OPTIONS" "FILTER": a filter may begin with an option for the family.
conntab_filter() {
	local options=$1 filter=$2

	while [[ $filter == -[46]\ * ]]; do
		options+=" ${filter:0:2}"
		filter=${filter:3}
	done
	# shellcheck disable=SC2086
	"$CONNTAB" $options "$filter"
}

ids() {
	tr -dc '0-9\n' | sort -n
}

# list_ids OPTIONS FILTER: the entries that a filter takes, or the status where it fails.
list_ids() {
	conntab_filter "list -o jsonl -c id $1" "$2" 2>>"$WORK/errors/$row" >"$WORK/raw" || echo "failed $?" >>"$WORK/raw"
	ids <"$WORK/raw"
}

explain_filter() {
	local line

	conntab_filter 'list --explain' "$1" 2>/dev/null | { read -r line && printf '%s\n' "${line#filter   }"; }
}

# All that is asked of one filter; the answers go to files named by the row.
run_filter() {
	local row=$1 filter=$2 printed

	list_ids '' "$filter" >"$WORK/kernel/$row"
	list_ids --no-kernel-filter "$filter" >"$WORK/user/$row"
	# Every third is counted too, in the form in which it is printed.
	printed=$(explain_filter "$filter")
	printf '%s\n%s\n' "$printed" "$(explain_filter "$printed")" >"$WORK/printed/$row"
	while [[ $filter == -[46]\ * ]]; do
		printed="${filter:0:2} $printed"
		filter=${filter:3}
	done
	[ $((row % 3)) -ne 0 ] || conntab_filter count "$printed" >"$WORK/count/$row" 2>/dev/null
}

run_filters() {
	local row=0 filter _

	while IFS=$'\t' read -r filter _; do
		row=$((row + 1))
		run_filter "$row" "$filter"
	done <"$WORK/table"
}

# disagreements WAY: the filters whose entries differ from the oracle's.
disagreements() {
	local row rows

	rows=$(diff -rq "$WORK/expected" "$WORK/$1" | sed 's|.*/\([0-9]*\) .*|\1|')
	for row in $rows; do
		printf '%s: expected %s, got %s: %s; %s\n' "$(sed -n "${row}s/\t.*//p" "$WORK/table")" \
			"$(wc -l <"$WORK/expected/$row")" "$(wc -l <"$WORK/$1/$row")" \
			"$(diff "$WORK/expected/$row" "$WORK/$1/$row" | sed -n '/^[<>]/{p;q}')" "$(cat "$WORK/errors/$row")"
	done
}

explain() {
	conntab list --explain "$@"
}

@test "the table has over 100 filters, and most take some entries and leave some" {
	local all partial=0 row=0 count

	[ "${CONNTAB_VALGRIND:-}" != 1 ] || skip "only some rows are used under valgrind"
	all=$(jq length "$WORK/all.json")
	[ "$(wc -l <"$WORK/table")" -ge 100 ]
	while read -r _; do
		row=$((row + 1))
		count=$(wc -l <"$WORK/expected/$row")
		if [ "$count" -gt 0 ] && [ "$count" -lt "$all" ]; then
			partial=$((partial + 1))
		fi
	done <"$WORK/table"
	[ "$partial" -ge 200 ]
}

@test "the list that the oracle works on holds every entry of the table once" {
	assert_equal "$(jq length "$WORK/all.json")" "$(world_count)"
	assert_equal "$(jq 'map(.id) | unique | length' "$WORK/all.json")" "$(world_count)"
}

@test "every field is in at least one filter" {
	local field missing=''

	while read -r field; do
		grep -v '^#' "$FILTERS" | cut -f 1 | grep -qE "(^|[ (!])${field//./\\.}( |$)" || missing+=" $field"
	done < <(conntab help fields | sed -n 's/^  \([a-z][a-z_.]*\) .*/\1/p' | grep -vxE 'event|when|mask\..*|class|flags|fn|nat\..*')
	assert_equal "$missing" ''
}

@test "each filter takes what the oracle takes, with what the kernel evaluates" {
	run disagreements kernel
	assert_output ''
}

@test "each filter takes what the oracle takes, all of it evaluated here" {
	run disagreements user
	assert_output ''
}

@test "count says how many a filter takes, in the form in which it is printed" {
	local row wrong='' counted=0

	for row in "$WORK"/count/*; do
		row=${row##*/}
		counted=$((counted + 1))
		[ "$(<"$WORK/count/$row")" = "$(wc -l <"$WORK/expected/$row")" ] ||
			wrong+="$(sed -n "${row}p" "$WORK/table"): $(<"$WORK/count/$row")"$'\n'
	done
	assert_equal "$wrong" ''
	[ "$counted" -ge 3 ]
}

@test "a filter printed and parsed again prints the same" {
	local row wrong='' first second

	for row in "$WORK"/printed/*; do
		{ read -r first && read -r second; } <"$row" || true
		[ -n "$first" ] && [ "$first" = "$second" ] || wrong+="$first / $second"$'\n'
	done
	assert_equal "$wrong" ''
}

@test "no filter that takes something is said to match nothing" {
	local row wrong=''

	for row in $(cd "$WORK/errors" && grep -l 'never matches' -- *); do
		[ ! -s "$WORK/expected/$row" ] || wrong+="$(sed -n "${row}p" "$WORK/table")"$'\n'
	done
	assert_equal "$wrong" ''
}

@test "words of their own and one text in quotes are the same filter" {
	local words=(tcp dport 443 established not src '10.0.0.0/8')

	run conntab_router list -o jsonl -c id "${words[@]}"
	assert_success
	[ -n "$output" ]
	assert_equal "$output" "$(conntab_router list -o jsonl -c id "${words[*]}")"
}

@test "bytes and age warn once where the kernel keeps them for no entry, and only there" {
	run --separate-stderr conntab_router count bytes '>' 0
	assert_success
	assert_equal "$stderr" ''
	run --separate-stderr conntab_router count stop '>' 2020-01-01
	assert_success
	assert_equal "$stderr" ''
}

@test "explain: exact text" {
	run explain tcp dport 443 established not src 10.0.0.0/8
	assert_success
	assert_output 'filter   tcp and dport = 443 and established and src != 10.0.0.0/8
kernel   ipv4 and proto = tcp and dport = 443
kernel   ipv6 and proto = tcp and dport = 443
conntab  tests the whole filter on what the kernel sends; reads proto state src dport'
	run explain
	assert_success
	assert_output 'filter   none: every entry
kernel   sends every entry
conntab  reads nothing for the filter'
	run explain 'bytes > 10M and (idle > 1h or state in {time_wait, close_wait})'
	assert_success
	assert_output 'filter   bytes > 10M and (idle > 1h or state in {time_wait, close_wait})
kernel   sends every entry
conntab  tests the whole filter on what the kernel sends; reads state idle bytes'
	run explain udp unreplied not assured mark 0x1/0xff zone 0
	assert_success
	assert_output 'filter   udp and unreplied and not assured and mark = 0x1/0xff and zone = 0
kernel   status = 0x0/0x6 and mark = 0x1/0xff and zone = 0
conntab  tests the whole filter on what the kernel sends; reads proto status mark zone'
	run explain -4 src 192.0.2.1 tcp sport 80
	assert_success
	assert_output 'filter   src = 192.0.2.1 and tcp and sport = 80
kernel   ipv4 and proto = tcp and src = 192.0.2.1 and sport = 80
conntab  tests the whole filter on what the kernel sends; reads proto src sport'
	run explain --no-kernel-filter tcp dport 443 mark 1
	assert_success
	assert_output 'filter   tcp and dport = 443 and mark = 0x1
kernel   sends every entry
conntab  tests the whole filter on what the kernel sends; reads proto dport mark'
}

# kernel_part FILTER...: what explain says the kernel selects.
kernel_part() {
	explain "$@" 2>/dev/null | sed -n 's/^kernel   //p' | paste -sd ';'
}

@test "explain: what the kernel is and is not asked for" {
	assert_equal "$(kernel_part src 10.1.2.3)" 'ipv4 and src = 10.1.2.3'
	assert_equal "$(kernel_part src 10.0.0.0/8)" ipv4
	assert_equal "$(kernel_part addr 10.1.2.3)" ipv4
	assert_equal "$(kernel_part not src 10.1.2.3)" 'sends every entry'
	assert_equal "$(kernel_part src 2001:db8::1)" ipv6
	assert_equal "$(kernel_part -6 tcp dst 2001:db8::1 dport 443)" 'ipv6 and proto = tcp and dport = 443'
	assert_equal "$(kernel_part reply.dst 2001:db8::1)" ipv6
	assert_equal "$(kernel_part tcp)" 'sends every entry'
	assert_equal "$(kernel_part -4 tcp)" 'ipv4 and proto = tcp'
	assert_equal "$(kernel_part dport 443)" 'sends every entry'
	assert_equal "$(kernel_part -4 sctp dport 36412)" 'ipv4 and proto = sctp'
	assert_equal "$(kernel_part -4 udplite dport 53)" 'ipv4 and proto = udplite'
	assert_equal "$(kernel_part -4 orig.zone 5)" ipv4
	assert_equal "$(kernel_part icmp icmp.type 8 icmp.code 0)" 'ipv4 and proto = icmp and icmp.type = 8;ipv6 and proto = icmp and icmp.type = 8'
	assert_equal "$(kernel_part tcp or dport 443)" 'sends every entry'
	assert_equal "$(kernel_part mark 1 or mark 2)" 'sends every entry'
	assert_equal "$(kernel_part not mark 1)" 'sends every entry'
	assert_equal "$(kernel_part zone 5 assured)" 'status = assured and zone = 5'
	assert_equal "$(kernel_part zone '>' 5)" 'sends every entry'
}

@test "explain reads nothing: it works where the table may not be read" {
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$CONNTAB" list tcp
	assert_failure 1
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$CONNTAB" list --explain tcp dport 443
	assert_success
	assert_line --index 0 'filter   tcp and dport = 443'
}

@test "explain and a bad filter: the fault, and status 2" {
	run explain tcp dport 443 establishd
	assert_failure 2
	assert_output --partial 'did you mean "established"'
}

@test "a filter that cannot match is warned of, and is no error" {
	local filter wrong=''

	while read -r filter; do
		run --separate-stderr explain "$filter"
		[ "$status" -eq 0 ] || wrong+="$filter: status $status"$'\n'
		[[ $stderr == 'conntab: '*'warning: this filter never matches: '* ]] || wrong+="$filter: $stderr"$'\n'
	done <<'END'
tcp icmp.type 8
tcp udp
udp established
icmp dport 53
gre dport 1
ipv4 ipv6
ipv4 src 2001:db8::1
src 10.0.0.1 src 10.0.0.2
src 10.0.0.0/8 src 192.0.2.0/24
src 10.0.0.1 dst 2001:db8::1
dport 80 dport 443
dport > 65535
dport < 0
dport > 443 dport < 80
bytes > 10M bytes < 1M
state established state time_wait
tcp cookie_wait
assured not assured
unreplied seen_reply
mark 1/1 mark 0/1
tcp (udp or icmp)
icmp ipv6
icmpv6 src 10.0.0.1
gre.srckey 1 tcp
sctp.vtag 1 tcp
(tcp udp) or (ipv4 ipv6)
END
	assert_equal "$wrong" ''
}

@test "a filter that can match is not warned of" {
	local filter wrong=''

	while read -r filter; do
		run --separate-stderr explain "$filter"
		[ "$status" -eq 0 ] && [ "$stderr" = '' ] || wrong+="$filter: $status $stderr"$'\n'
	done <<'END'
tcp or udp
tcp not dport 80
dport 80 sport 443
src 10.0.0.0/8 src 10.1.0.0/16
src 10.0.0.1 not src 10.0.0.2
not tcp not udp
icmp not dport 443
established
sctp established
tcp established
state none dccp
state {established, time_wait} state time_wait
dport >= 80 dport <= 80
dport 0
bytes > 10M bytes < 11M
addr 10.0.0.1 addr 10.0.0.2
port 80 port 443
port 80 tcp
snat dnat
assured unreplied
mark 1/1 mark 2/2
mark 1 mark 1/1
zone 5 mark 5
ipv4 addr 10.0.0.1
labels 1 labels 2
helper f* helper *p
(tcp udp) or icmp
master.proto tcp udp
dport > 65534
proto 6-17 tcp
icmpv6 ipv6 icmp.type 128
tcp icmp.type 8 or udp
not (tcp udp)
END
	assert_equal "$wrong" ''
}
