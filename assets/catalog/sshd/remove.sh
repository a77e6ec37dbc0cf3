rm -rf /etc/sandtable/{{ service.slug }} /etc/ssh/sshd_config.d/11-sandtable-keys.conf /usr/local/lib/sandtable/backup /etc/sudoers.d/sandtable-lab
