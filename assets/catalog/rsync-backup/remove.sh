# The copies stay.
rm -rf /etc/sandtable/{{ service.slug }} /usr/local/lib/sandtable/{{ service.slug }} /var/lib/sandtable/{{ service.slug }}
