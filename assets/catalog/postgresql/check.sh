data=/var/lib/sandtable/{{ service.slug }}/data
if [ -s "$data/PG_VERSION" ]; then
    said=$(runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server postgres -D "$data" -c config_file=/etc/sandtable/{{ service.slug }}/postgresql.conf -C shared_buffers 2>&1) ||
        fail "PostgreSQL refuses its configuration: $(printf '%s\n' "$said" | head -n 1)"
fi
