#!/bin/sh
# Writes the directory as LDIF for whoever copies backups: whole, or the last one stays.
set -eu
umask 077
to=/var/backups/ldap/{{ service.slug }}.ldif
slapcat -f {{ paths.etc }}/{{ service.slug }}/slapd.conf -b {{ settings.suffix }} > "$to.new"
grep -q '^dn: ' "$to.new"
mv "$to.new" "$to"
