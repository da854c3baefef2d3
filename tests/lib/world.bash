# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A world of throwaway network namespaces for tests and demonstrations; source it.
#
#     client ---- router ---- server        10.77.1.0/24 and 10.77.2.0/24
#                                           2001:db8:1::/64 and 2001:db8:2::/64
#
# The router tracks what it forwards. From the client, the server's addresses ending in
#     2 are reached as they are           3 are masqueraded
#     4 have their source translated      5 have the source's address and port translated
#     6 never answer
# and 203.0.113.10 and 2001:db8:cafe::10 lead to the server, there port 80 to 8080.
#
#     world_create [NAME]      the three namespaces; NAME (ct and the process id) is their prefix
#     world_single [NAME]      one namespace, called the router, that tracks; takes no traffic
#     world_destroy            remove all of it and what runs inside; may be called twice
#     world_possible           whether namespaces can be made here
#     world_traffic            real traffic of every protocol; takes about 2.2 seconds. It raises
#                              the timeouts first, unless WORLD_TIMEOUTS=kernel
#     world_quiet              end it for good: the router sees no more packets
#     world_fill [N [...]]     N entries (1000) over ctnetlink; more options go to tool/load
#     world_accounting on|off  packet and byte counters of entries made from now on
#     world_timestamps on|off  time stamps of entries made from now on
#     world_long_timeouts      nothing in the router expires within the hour
#     world_count              number of entries
#     world_router COMMAND...  run it there; also world_client and world_server
#     world_named COMMAND...   run it in the router, with names for labels (data/etc)
#     world_namespace WHICH    the path of the namespace: router, client or server
#     world_tool NAME          compile tests/tool/NAME.c when needed and print where it is
#
# The name of the current world is in WORLD, which is exported: what bats' setup_file creates,
# its tests use, and a test that creates another has that one for itself.
#
# Needs root, or a user namespace with mounts and a /run of its own, as made by
#     unshare -rmn sh -c 'mount -t tmpfs tmpfs /run && exec bats tests/bats'
# There all of it works too; only what is global to the machine (nf_conntrack_max and
# nf_conntrack_buckets) is out of reach, as it is from any namespace but the first.
# A plain `unshare -rn` cannot name namespaces: `ip netns` needs mounts.

WORLD_TESTS=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
WORLD_BUILD=${WORLD_BUILD:-${WORLD_TESTS%/*}/build/tests}

world_namespace() {
    printf '/run/netns/%s-%s\n' "$WORLD" "$1"
}

world_run_in() {
    local namespace=$1
    shift
    nsenter --net="/run/netns/$WORLD-$namespace" -- "$@"
}

world_router() { world_run_in router "$@"; }
world_client() { world_run_in client "$@"; }
world_server() { world_run_in server "$@"; }

# Laid over /etc for this command alone: `conntrack -o labels` refuses to run without names.
world_named() {
    # shellcheck disable=SC2016
    world_router unshare --mount sh -c '
        mount -t overlay overlay -o "lowerdir=$1:/etc" /etc || exit
        shift
        exec "$@"' world_named "$WORLD_TESTS/data/etc" "$@"
}

world_tool() {
    local source=$WORLD_TESTS/tool/$1.c program=$WORLD_BUILD/$1

    if [[ ! $program -nt $source ]]; then
        mkdir -p "$WORLD_BUILD" || return
        # Tests run side by side: nobody may see half a program.
        "${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -Wshadow "$source" -o "$program.$BASHPID" -lmnl &&
            mv "$program.$BASHPID" "$program" || return
    fi
    printf '%s\n' "$program"
}

world_possible() {
    local probe=ct$$-probe

    ip netns add "$probe" 2>/dev/null && ip netns delete "$probe"
}

# ---- making it ----

world_create() {
    export WORLD=${1:-ct$$}
    local namespace

    world_destroy
    for namespace in client router server; do
        # No wait for duplicate addresses: IPv6 is there as soon as IPv4.
        ip netns add "$WORLD-$namespace" &&
            world_run_in "$namespace" sysctl -qw net.ipv6.conf.{all,default}.accept_dad=0 || return
    done
    ip -batch - <<END || return
link add client netns $WORLD-router type veth peer name router netns $WORLD-client
link add server netns $WORLD-router type veth peer name router netns $WORLD-server
END
    world_router ip -batch - <<END || return
link set lo up
link set client up
link set server up
address add 10.77.1.1/24 dev client
address add 10.77.2.1/24 dev server
address add 198.51.100.1/32 dev server
address add 2001:db8:1::1/64 dev client nodad
address add 2001:db8:2::1/64 dev server nodad
address add 2001:db8:5::1/128 dev server nodad
END
    world_end client 1 2
    world_end server 2 2 3 4 5 6
    # conntrack takes every correct udplite packet for a broken one: it sums with udp's number.
    world_router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
        net.netfilter.nf_conntrack_checksum=0 || return
    world_router_rules && world_end_rules
}

# world_end NAMESPACE NETWORK HOST...: an end of the world and its addresses.
world_end() {
    local namespace=$1 network=$2 host
    shift 2

    {
        echo link set lo up
        echo link set router up
        for host; do
            echo "address add 10.77.$network.$host/24 dev router"
            echo "address add 2001:db8:$network::$host/64 dev router nodad"
        done
        echo "route add default via 10.77.$network.1"
        echo "route add default via 2001:db8:$network::1"
    } | world_run_in "$namespace" ip -batch -
}

# A rule that sets labels is also what makes the kernel keep those set over ctnetlink.
world_router_rules() {
    world_router nft -f - <<'END'
table inet world {
    ct helper ftp {
        type "ftp" protocol tcp
    }
    chain zones {
        type filter hook prerouting priority raw
        udp dport 5300 ct zone set 7
        udp sport 5300 ct zone set 7
        udp dport 5301 ct original zone set 11
        udp dport 5302 ct reply zone set 12
        udp sport 5302 ct reply zone set 12
    }
    chain marks {
        type filter hook forward priority mangle
        ct state new tcp dport 5432 ct mark set 0x10
        ct state new tcp dport 8443 ct mark set 0xffffffff
        ct state new tcp dport 22 ct label set 1
        ct state new udp dport 53 ct label set 127
        ct state new tcp dport 21 ct helper set "ftp"
    }
    chain destination {
        type nat hook prerouting priority dstnat
        ip daddr 203.0.113.10 tcp dport 80 dnat ip to 10.77.2.2:8080
        ip daddr 203.0.113.10 dnat ip to 10.77.2.2
        ip6 daddr 2001:db8:cafe::10 tcp dport 80 dnat ip6 to [2001:db8:2::2]:8080
        ip6 daddr 2001:db8:cafe::10 dnat ip6 to 2001:db8:2::2
    }
    chain source {
        type nat hook postrouting priority srcnat
        ip daddr 10.77.2.3 masquerade
        ip daddr 10.77.2.4 snat ip to 198.51.100.1
        ip daddr 10.77.2.5 meta l4proto { tcp, udp } snat ip to 198.51.100.1:20000-29999
        ip6 daddr 2001:db8:2::3 masquerade
        ip6 daddr 2001:db8:2::4 snat ip6 to 2001:db8:5::1
        ip6 daddr 2001:db8:2::5 meta l4proto { tcp, udp } snat ip6 to [2001:db8:5::1]:20000-29999
    }
}
END
}

# Packets that an end drops on some ports stop a connection in a state that is left quickly else.
world_end_rules() {
    world_server nft -f - <<'END' &&
table inet world {
    chain input {
        type filter hook input priority filter
        ip daddr 10.77.2.6 drop
        ip6 daddr 2001:db8:2::6 drop
        tcp dport 11 tcp flags & fin == fin drop
    }
}
END
    world_client nft -f - <<'END'
table inet world {
    chain input {
        type filter hook input priority filter
        tcp sport 10 drop
        tcp sport 12 tcp flags & fin == fin drop
    }
}
END
}

world_single() {
    export WORLD=${1:-ct$$}

    world_destroy
    ip netns add "$WORLD-router" || return
    world_router nft -f - <<'END'
table inet world {
    chain tracking {
        type filter hook output priority mangle
        meta mark 0xffffffff ct label set 1
    }
}
END
    world_router ip link set lo up
}

world_destroy() {
    local namespace

    for namespace in client router server; do
        world_has "$namespace" || continue
        world_kill "$namespace"
        ip netns delete "$WORLD-$namespace"
    done
}

world_has() {
    [[ ${WORLD-} && -e /run/netns/$WORLD-$1 ]]
}

# Whatever runs in a namespace of ours is ours.
world_kill() {
    ip netns pids "$WORLD-$1" | xargs -r kill -KILL 2>/dev/null || true
}

# ---- using it ----

world_traffic() {
    local answer='' output

    world_kill client
    world_kill server
    [[ ${WORLD_TIMEOUTS-} == kernel ]] || world_long_timeouts || return
    # Descriptor 3 is bats' own; it waits for all who hold it.
    exec {output}< <(exec "$WORLD_TESTS/tool/traffic" "$(world_namespace client)" "$(world_namespace server)" 3>&-)
    read -r answer <&"$output" || true
    exec {output}<&-
    [[ $answer == ready ]]
}

# Sockets that are closed send packets: so both ends fall silent before they are.
world_quiet() {
    local namespace

    for namespace in client server; do
        world_has "$namespace" || continue
        world_run_in "$namespace" nft -f - <<'END' || return
table inet silence {
    chain output {
        type filter hook output priority -500; policy drop
    }
}
END
        world_kill "$namespace"
    done
}

world_fill() {
    local load

    load=$(world_tool load) && world_router "$load" --count "${1:-1000}" "${@:2}"
}

world_switch() {
    case $2 in
    on) world_router sysctl -qw "net.netfilter.$1=1" ;;
    off) world_router sysctl -qw "net.netfilter.$1=0" ;;
    *) return 2 ;;
    esac
}

world_accounting() { world_switch nf_conntrack_acct "$1"; }
world_timestamps() { world_switch nf_conntrack_timestamp "$1"; }

# Each keeps its distance from the others, an hour later.
world_long_timeouts() {
    # shellcheck disable=SC2016
    world_router awk 'FILENAME !~ /frag6/ && $1 < 3600 { print $1 + 3600 >FILENAME; close(FILENAME) }' \
        /proc/sys/net/netfilter/nf_conntrack_*timeout*
}

world_count() {
    world_router cat /proc/sys/net/netfilter/nf_conntrack_count
}
