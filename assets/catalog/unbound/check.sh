unbound-checkconf /etc/unbound/{{ service.slug }}/unbound.conf > /dev/null || fail "unbound-checkconf refuses its configuration; see the lines above."
