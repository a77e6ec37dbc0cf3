systemctl disable --quiet --now sandtable-{{ service.slug }}-dump.timer 2> /dev/null || true
rm -rf {{ paths.etc }}/{{ service.slug }} /var/lib/ldap/{{ service.slug }}
