for priority in 1000 1001 1002; do
    while ip -4 rule del priority $priority 2> /dev/null; do :; done
done
for table in {{ port.wireguard }} {{ port.wireguard + 100000 }}; do
    ip -4 route flush table "$table" 2> /dev/null || true
done
rm -rf /etc/sandtable/{{ service.slug }} /run/sandtable-{{ service.slug }}.seen
