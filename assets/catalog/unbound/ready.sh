unbound-control -q -c /etc/unbound/{{ service.slug }}/unbound.conf status
