{%- set host = main.address if main.address != "0.0.0.0" else "127.0.0.1" -%}
curl -s -f -m 2 {% if settings.tls %}--cacert {{ tls.authority }} https{% else %}http{% endif %}://{{ host|plain }}:{{ main.port }}/-/ready > /dev/null
