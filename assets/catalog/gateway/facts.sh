[ ! -r /proc/sys/net/netfilter/nf_conntrack_count ] || echo "connections $(cat /proc/sys/net/netfilter/nf_conntrack_count)"
