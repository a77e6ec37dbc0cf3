rm -rf /etc/prometheus/{{ service.slug }} /var/lib/prometheus/{{ service.slug }}
