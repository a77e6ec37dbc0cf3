{%- set host = main.address if main.address != "0.0.0.0" else "127.0.0.1" -%}
up=$(curl -s -f -m 2 {% if settings.tls %}--cacert {{ tls.authority }} https{% else %}http{% endif %}://{{ host|plain }}:{{ main.port }}/api/v1/query?query=up 2> /dev/null) || { echo "does not answer"; exit 1; }
# Each target is a 1 or a 0 between quotes at the end of its entry.
silent=$(printf %s "$up" | grep -o '"value":\[[0-9.]*,"0"\]' | wc -l)
all=$(printf %s "$up" | grep -o '"value":\[' | wc -l)
if [ "$silent" -gt 0 ]; then
    echo "$silent of $all targets give no metrics"
    exit 2
fi
echo "collects from $all targets"
