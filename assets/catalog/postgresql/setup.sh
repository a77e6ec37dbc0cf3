data=/var/lib/sandtable/{{ service.slug }}/data
{% if not primary -%}
if [ ! -s "$data/PG_VERSION" ]; then
    say "making a new database"
    runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server initdb -D "$data" -E UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256 >/dev/null ||
        fail "PostgreSQL cannot make its database in $data."
    changed
fi
# One that copied and no longer does goes on by itself.
if [ -e "$data/standby.signal" ]; then
    rm -f "$data/standby.signal"
    changed
fi
{% else -%}
# One that worked by itself begins again as a copy; its own data is kept beside.
[ ! -s "$data/PG_VERSION" ] || [ -e "$data/standby.signal" ] || changed
{% endif -%}
