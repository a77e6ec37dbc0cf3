! nft list table ip sandtable_{{ service.slug }} > /dev/null 2>&1 || nft delete table ip sandtable_{{ service.slug }}
# Another service of this node may lead packets through it as well.
ls /etc/sysctl.d/60-sandtable-*.conf > /dev/null 2>&1 || sysctl -q -w net.ipv4.ip_forward=0 || true
rm -rf /etc/sandtable/{{ service.slug }}
