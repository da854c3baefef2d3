#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shows conntab at work on real connections; `sudo make demo` runs it.
#
#     tests/demo.sh PROGRAM
#
# A client, a router and a server, each a throwaway network namespace, talk TCP, UDP and ICMP
# over IPv4 and IPv6, partly through NAT; conntab looks at the router's table. The machine's
# own rules and its own table are not touched, and nothing is left at the end.
set -u

if [[ $# -ne 1 || ! -x $1 ]]; then
	echo "usage: tests/demo.sh PROGRAM" >&2
	exit 2
fi
program=$(realpath "$1")

# shellcheck source=tests/lib/world.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib/world.bash"

export WORLD=demo$$
router=$WORLD-router

# Ctrl-C too ends here, and a second one does not stop it: what runs in the namespaces goes with them.
finish() {
	trap '' INT TERM HUP
	world_destroy
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	echo "demo: $*" >&2
	exit 1
}

# ---- the world: only what the demonstration needs ----

world_end_rules() { :; }

world_router_rules() {
	world_router nft -f - <<'END'
table inet demo {
	chain destination {
		type nat hook prerouting priority dstnat
		ip daddr 203.0.113.10 tcp dport 80 dnat ip to 10.77.2.2:8080
		ip6 daddr 2001:db8:cafe::10 tcp dport 80 dnat ip6 to [2001:db8:2::2]:8080
	}
	chain source {
		type nat hook postrouting priority srcnat
		ip daddr 10.77.2.3 masquerade
		ip6 daddr 2001:db8:2::3 masquerade
	}
}
END
}

# Echo services; each UDP address has its own, so that the answer comes from where it was asked.
start_server() {
	local port address tries

	for port in 443 8080; do
		start server socat "TCP6-LISTEN:$port,fork,reuseaddr,ipv6only=0" PIPE
	done
	for address in 10.77.2.2 10.77.2.3; do
		start server socat "UDP4-LISTEN:53,fork,bind=$address" PIPE
	done
	for address in 2001:db8:2::2 2001:db8:2::3; do
		start server socat "UDP6-LISTEN:53,fork,bind=[$address]" PIPE
	done
	for ((tries = 0; tries < 100; tries++)); do
		[[ $(world_server ss -Hlntu | wc -l) -eq 6 ]] && return
		sleep 0.1
	done
	return 1
}

# start NAMESPACE COMMAND...: in the background, and no child of ours that bash would report on.
start() {
	(world_run_in "$@" </dev/null >/dev/null 2>&1 &)
}

# The client opens its connections, says hello on each, reads the answer and keeps them open.
client_talk() {
	# shellcheck disable=SC2016
	world_client bash -c '
		# One byte of the answer: of a datagram the rest is lost with it.
		say() {
			printf "hello\n" >&"$1" && read -r -t 5 -n 1 -u "$1"
		}
		for place in tcp/10.77.2.2/443 tcp/2001:db8:2::2/443 tcp/10.77.2.3/443 tcp/2001:db8:2::3/443 \
			tcp/203.0.113.10/80 tcp/2001:db8:cafe::10/80 \
			udp/10.77.2.2/53 udp/2001:db8:2::2/53 udp/10.77.2.3/53 udp/2001:db8:2::3/53; do
			exec {connection}<>"/dev/$place" && say "$connection" || exit 1
		done
		for address in 10.77.2.2 2001:db8:2::2; do
			ping -q -c 1 -W 5 "$address" >&2 || exit 1
			exec {silent}<>"/dev/udp/$address/514" && printf "is anybody there?\n" >&"$silent"
		done
		echo ready
		exec sleep 3600 >&-
	' 2>/dev/null
}

talk() {
	local answer='' output

	exec {output}< <(client_talk)
	read -r answer <&"$output"
	exec {output}<&-
	[[ $answer == ready ]]
}

# ---- what is shown ----

# Words as they are typed: in quotes where the shell needs them.
quoted() {
	local word

	for word; do
		[[ $word == *[!A-Za-z0-9_.,:/=+-]* ]] && word="'$word'"
		printf ' %s' "$word"
	done
}

# show EXPLANATION ARGUMENT...
show() {
	local status

	printf '\n# %s\n$ conntab%s\n' "$1" "$(quoted -n "$router" "${@:2}")"
	"$program" -n "$router" "${@:2}" 2>&1
	status=$?
	[[ $status -eq 0 ]] || fail "conntab ended with status $status"
}

# script EXPLANATION LINE...: lines for the shell.
script() {
	local status

	printf '\n# %s\n$ conntab -n %s <<END\n' "$1" "$router"
	printf '%s\n' "${@:2}" END
	printf '%s\n' "${@:2}" | "$program" -n "$router" 2>&1
	status=$?
	[[ $status -eq 0 ]] || fail "conntab ended with status $status"
}

world_possible || fail "network namespaces cannot be made here: root is needed (sudo make demo)"
{ world_create "$WORLD" && world_accounting on; } || fail "the network namespaces could not be set up"
start_server || fail "the server did not start"
talk || fail "the client got no answer"

cat <<END
Three throwaway network namespaces: $WORLD-client, $router, $WORLD-server.
The client has spoken TCP, UDP and ICMP with the server, over IPv4 and IPv6;
the router tracks it all. Connections to addresses that end in 3 are masqueraded,
203.0.113.10 and 2001:db8:cafe::10 lead to the server.
END

show "The number of entries; the kernel knows it at once." count
show "What goes through NAT, in the form of /proc/net/nf_conntrack." list nat
show "The same table for people; the filter reads aloud." \
	list -o table --sort proto 'bytes > 100 and not src 192.0.2.0/24'
show "Who fills the table: entries, packets and bytes of each group." count --by proto,family
show "What would go? Questions to the network that nobody answered." delete --dry-run udp unreplied
show "They go, and nothing else does." delete udp unreplied
show "What is left." list -c family,proto,state,dst,dport,reply.src,reply.dst,packets --sort family
show "The kernel takes part in the filter; this is what it is asked." \
	list --explain tcp dport 443 established not dst 10.77.2.3
script "A script, or the prompt: a working filter, and what was deleted comes back." \
	'where udp dport 53' 'count --by family' delete count undo count
printf '\nThe namespaces go now, and with them everything that was shown.\n'
