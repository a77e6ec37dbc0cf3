forward=$(cat /proc/sys/net/ipv4/ip_forward)
[ "$forward" = 1 ] || { echo "net.ipv4.ip_forward is 0: nothing is passed on"; exit 1; }
nft list chain ip sandtable_{{ service.slug }} postrouting > /dev/null 2>&1 || { echo "stopped: nothing is passed on"; exit 1; }
echo "routes between its networks"
