said=$(varnishd -C -f /etc/sandtable/{{ service.slug }}/cache.vcl 2>&1 >/dev/null) || fail "Varnish refuses its configuration: $said"
