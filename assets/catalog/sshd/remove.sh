rm -rf /etc/sandtable/{{ service.slug }} /usr/local/lib/sandtable/backup /etc/sudoers.d/sandtable-lab
