promtool check config /etc/prometheus/{{ service.slug }}/prometheus.yml > /dev/null || fail "promtool refuses prometheus.yml; see the lines above."
{%- if settings.tls %}
promtool check web-config /etc/prometheus/{{ service.slug }}/web.yml > /dev/null || fail "promtool refuses web.yml; see the lines above."
{%- endif %}
