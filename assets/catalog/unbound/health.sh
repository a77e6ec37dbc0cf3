if unbound-control -q -c /etc/unbound/{{ service.slug }}/unbound.conf status > /dev/null 2>&1; then
    echo "answers for "{{ settings.domain }}
else
    echo "does not answer"
    exit 1
fi
