forward=$(cat /proc/sys/net/ipv4/ip_forward)
[ "$forward" = 1 ] || { echo "net.ipv4.ip_forward is 0: nothing is passed on"; exit 1; }
nft list chain ip sandtable_{{ service.slug }} lead > /dev/null 2>&1 || { echo "stopped: its ports lead nowhere"; exit 1; }
echo "leads "{{ settings.rules | join(", ") }}
