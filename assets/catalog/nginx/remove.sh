rm -rf /etc/sandtable/{{ service.slug }} /usr/local/share/sandtable/{{ service.slug }}
