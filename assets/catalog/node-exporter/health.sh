{%- set host = main.address if main.address != "0.0.0.0" else "127.0.0.1" -%}
if curl -s -f -m 2 http://{{ host|plain }}:{{ main.port }}/ > /dev/null 2>&1; then echo "answers"; else echo "does not answer"; exit 1; fi
