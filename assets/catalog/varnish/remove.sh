rm -rf /etc/sandtable/{{ service.slug }}
