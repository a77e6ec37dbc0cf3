#!/bin/sh
# Written by Sandtable. Run as root before a backup copies /var/backups/mariadb. What did not change keeps its file, so that
# copies of several days share it.
set -eu
umask 077
mkdir -p /var/backups/mariadb
to=/var/backups/mariadb/{{ service.slug|plain }}.sql.gz
trap 'rm -f "$to.new" "$to.part"' EXIT
mariadb-dump --protocol=socket --all-databases --single-transaction --routines --events --skip-dump-date >"$to.part"
gzip -n -c "$to.part" >"$to.new"
cmp -s "$to.new" "$to" || mv "$to.new" "$to"
