{%- set host = main.address if main.address != "0.0.0.0" else "127.0.0.1" -%}
curl -s -f -m 2 http://{{ host|plain }}:{{ main.port }}/ > /dev/null
