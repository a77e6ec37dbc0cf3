echo "clients $(ss -Htn state established "sport = :"{{ port.nfs }} | awk '{ sub(/:[0-9]+$/, "", $4); print $4 }' | sort -u | wc -l)"
if [ "$(cat /run/sandtable-{{ service.slug }}.kind 2> /dev/null)" = kernel ]; then echo "in-kernel 1"; else echo "in-kernel 0"; fi
{%- if main.address != "0.0.0.0" %}
# Neither can be bound to one address: their ports are open at the service's own addresses only.
echo "firewalled-ports {{ port.rpcbind }},{{ port.statd }}"
{%- endif %}
