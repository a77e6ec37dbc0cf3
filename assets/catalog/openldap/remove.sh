rm -rf {{ paths.etc }}/{{ service.slug }} /var/lib/ldap/{{ service.slug }}
