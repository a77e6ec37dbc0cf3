#!/bin/sh
# Leads what is meant for the peers and the networks behind them into the tunnel: `up` once the interface is there, `down` when
# the tunnel is removed for good. In between, while the tunnel is stopped, nothing of it goes out in clear: its routes end here.
set -eu
interface={{ service.slug[:15] }}
mark={{ port.wireguard }}
table=$mark
# Everywhere has a table of its own, asked only for what no nearer route knows.
everywhere=$((mark + 100000))

forget() {
    for priority in 1000 1001 1002; do
        while ip -4 rule del priority $priority 2> /dev/null; do :; done
    done
}

lead() {
    peer=$1
    shift
    # The address by which the peer knows this node: nothing else passes at its end.
    from=$(ip -4 -o route get "$peer" mark "$mark" | sed -n 's/.* src \([0-9.]*\).*/\1/p')
    for network; do
        if [ "$network" = 0.0.0.0/0 ]; then into=$everywhere; else into=$table; fi
        ip -4 route replace unreachable "$network" table $into metric 4000000000 proto static
        ip -4 route replace "$network" dev "$interface" table $into src "$from" proto static
    done
}

case $1 in
    up)
        forget
{%- for peer in cluster.members %}
        lead {{ peer.address }} {{ peer.address ~ "/32" }}
            {%- for network in peer.behind %} {{ network }}{% endfor %}
            {%- for route in node.routes if route.through == peer.address and route.to not in peer.behind %} {{ route.to }}{% endfor %}
{%- endfor %}
        ip -4 rule add priority 1000 not fwmark "$mark" lookup "$table"
        if [ -n "$(ip -4 route show table $everywhere 2> /dev/null)" ]; then
            ip -4 rule add priority 1001 lookup main suppress_prefixlength 0
            ip -4 rule add priority 1002 not fwmark "$mark" lookup "$everywhere"
        fi
        ;;
    down)
        forget
        ip -4 route flush table $table 2> /dev/null || true
        ip -4 route flush table $everywhere 2> /dev/null || true
        ;;
esac
