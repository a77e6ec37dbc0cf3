# Pictures stay: they came from people. So does the user who owns them.
rm -rf /etc/sandtable/{{ service.slug }} /usr/local/lib/sandtable/{{ service.slug }}
