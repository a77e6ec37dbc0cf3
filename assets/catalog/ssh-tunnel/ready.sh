{%- if settings.mode == "remote" %}
ss -Htnp state established 2> /dev/null | grep -q "pid=$(systemctl show -p MainPID --value {{ unit }}),"
{%- else %}
[ -n "$(ss -Hltn "sport = :"{{ port.local }})" ] || { journalctl -q -n 1 -o cat -t ssh -u {{ unit }} | tr -d '\r'; exit 1; }
{%- endif %}
