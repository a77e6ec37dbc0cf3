rm -rf /etc/unbound/{{ service.slug }}
