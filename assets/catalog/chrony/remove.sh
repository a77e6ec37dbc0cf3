rm -f /var/lib/chrony/{{ service.slug }}.drift
