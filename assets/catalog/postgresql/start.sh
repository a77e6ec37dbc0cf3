{% if primary -%}
data=/var/lib/sandtable/{{ service.slug }}/data
if [ ! -e "$data/standby.signal" ]; then
    say {{ "copies from " ~ primary.node ~ "/" ~ primary.service }}
    # Data of its own, from before it became a copy, is kept beside.
    [ ! -e "$data" ] || mv "$data" "$data.$(date +%s)"
    export PGPASSWORD={{ secrets.replication }}
    runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server pg_basebackup -D "$data" -R -X stream -c fast -d {{ "host=" ~ primary.address ~ " port=" ~ primary.port ~ " user=replication connect_timeout=5 sslmode=prefer" }} -w ||
        { rm -rf "$data"; fail {{ "It cannot copy from " ~ primary.node ~ "/" ~ primary.service ~ "; see that this is well, then deploy again." }}; }
fi
{% endif -%}
systemctl start {{ unit }}
