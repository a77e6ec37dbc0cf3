{%- if settings.mode == "remote" %}
# The far end listens, so what can be seen here is the connection.
if ss -Htnp state established 2> /dev/null | grep -q "pid=$(systemctl show -p MainPID --value {{ unit }}),"; then
    echo "the far end listens"
{%- else %}
if [ -n "$(ss -Hltn "sport = :"{{ port.local }})" ]; then
    echo "the tunnel listens"
{%- endif %}
elif systemctl is-active --quiet {{ unit }}; then
    echo "ssh runs and is not connected yet"
    exit 2
else
    echo "ssh has no connection: $(journalctl -q -n 1 -o cat -t ssh -u {{ unit }} 2> /dev/null | tr -d '\r' | cut -c 1-120)"
    exit 1
fi
