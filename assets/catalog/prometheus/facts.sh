{%- set host = main.address if main.address != "0.0.0.0" else "127.0.0.1" -%}
up=$(curl -s -f -m 2 {% if settings.tls %}--cacert {{ tls.authority }} https{% else %}http{% endif %}://{{ host|plain }}:{{ main.port }}/api/v1/query?query=up 2> /dev/null) || exit 0
echo "targets $(printf %s "$up" | grep -o '"value":\[' | wc -l)"
echo "targets-up $(printf %s "$up" | grep -o '"value":\[[0-9.]*,"1"\]' | wc -l)"
