#!/bin/sh
# Written by Sandtable. Run as root before a backup copies /var/backups/postgresql. What did not change keeps its file.
set -eu
umask 077
mkdir -p /var/backups/postgresql
to=/var/backups/postgresql/{{ service.slug|plain }}.sql.gz
trap 'rm -f "$to.new" "$to.part"' EXIT
runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug|plain }}/server pg_dumpall -h /run/sandtable-{{ service.slug|plain }} -p {{ port.sql }} >"$to.part"
gzip -n -c "$to.part" >"$to.new"
cmp -s "$to.new" "$to" || mv "$to.new" "$to"
