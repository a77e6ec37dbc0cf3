{% if primary -%}
# Accounts and data come from the primary.
:
{% else -%}
sql() { runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server psql -X -q -A -t -v ON_ERROR_STOP=1 -h /run/sandtable-{{ service.slug }} -p {{ port.sql }} "$@"; }
for role in lab replication; do
    [ "$(sql -c "SELECT 1 FROM pg_roles WHERE rolname = '$role'")" = 1 ] || { say "role $role"; sql -c "CREATE ROLE $role LOGIN"; }
done
sql <<'SQL'
ALTER ROLE replication REPLICATION;
ALTER ROLE lab PASSWORD {{ secrets.password|sql }};
ALTER ROLE replication PASSWORD {{ secrets.replication|sql }};
SQL
[ "$(sql -c "SELECT 1 FROM pg_database WHERE datname = 'lab'")" = 1 ] || sql -c 'CREATE DATABASE lab OWNER lab'
{% endif -%}
