own={{ listen.replication[0].address }}
if [ "$own" = 0.0.0.0 ]; then
    # Bound everywhere, it must still say at which address the others find it: that from which it reaches them.
    own=$(ip -4 route get {{ cluster.members[0].address if cluster and cluster.members else "127.0.0.1" }} | sed -n 's/.* src \([0-9.]*\).*/\1/p')
    [ -n "$own" ] || fail "This node has no way to the other members; draw a network that they share."
fi
put_text {{ paths.conf }}/91-sandtable-address.cnf 0644 root:root <<CNF
# Written by Sandtable.
[galera]
wsrep_node_address = $own:{{ port.replication }}
wsrep_node_incoming_address = $own:{{ port.sql }}
wsrep_sst_receive_address = $own:{{ port.transfer }}
CNF
