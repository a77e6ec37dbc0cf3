interface={{ service.slug[:15] }}
seen=/run/sandtable-{{ service.slug }}.seen
[ -d "/sys/class/net/$interface" ] || { echo "stopped: what was meant for the other site is not sent"; exit 1; }
transfer=$(wg show "$interface" transfer 2> /dev/null) || { echo "nothing runs behind the interface $interface"; exit 1; }
[ -n "$(ip -4 rule show priority 1000)" ] || { echo "its routes are gone; restart it"; exit 1; }
# Each peer says something every five seconds, so a count that stands still is a peer that is not heard.
now=$(cut -d. -f1 /proc/uptime)
before=$(cat "$seen" 2> /dev/null || true)
known=0 silent= after=
{%- for peer in cluster.members %}
known=$((known + 1))
received=$(printf '%s\n' "$transfer" | awk -v key={{ peer.public.key }} '$1 == key { print $2 }')
last=$(printf '%s\n' "$before" | awk -v key={{ peer.public.key }} '$1 == key { print $2, $3 }')
if [ "${last% *}" = "${received:-0}" ]; then since=${last#* }; else since=$now; fi
after="$after"{{ peer.public.key }}" ${received:-0} $since
"
if [ "${received:-0}" = 0 ] || [ $((now - since)) -gt 12 ]; then silent="$silent "{{ peer.node }}; fi
{%- endfor %}
printf '%s' "$after" > "$seen.new"
mv "$seen.new" "$seen"
set -- $silent
if [ $# = 0 ]; then echo "hears its peers"; exit 0; fi
echo "hears nothing from$silent"
[ $# -lt "$known" ] || exit 1
exit 2
