rm -rf /opt/sandtable/{{ service.slug }} /etc/sandtable/{{ service.slug }} /var/lib/sandtable-{{ service.slug }}
