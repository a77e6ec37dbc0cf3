# The folder's files stay.
rm -rf /etc/sandtable/{{ service.slug }} /usr/local/lib/sandtable/{{ service.slug }} /var/lib/sandtable/{{ service.slug }}
rm -rf -- {{ settings.folder ~ "/.sandtable-sync" }}
rm -f /run/sandtable-{{ service.slug }}.status
