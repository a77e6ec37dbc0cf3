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
{% if settings.tls -%}
folder=/etc/sandtable/{{ service.slug }}
put_text "$folder/authority.pem" 0644 root:root <{{ tls.authority }}
put_text "$folder/certificate.pem" 0644 root:root <{{ tls.certificate }}
put_text "$folder/key.pem" 0640 root:mysql <{{ tls.key }}
{% endif -%}
{% if vips -%}
# It listens on an address that another node may hold just now.
put_text /etc/sysctl.d/90-sandtable-nonlocal.conf 0644 root:root <<'CONF'
net.ipv4.ip_nonlocal_bind = 1
CONF
sysctl -q -w net.ipv4.ip_nonlocal_bind=1
{% endif -%}
