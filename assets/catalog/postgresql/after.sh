sql() { runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server psql -X -q -A -t -v ON_ERROR_STOP=1 -h /run/sandtable-{{ service.slug }} -p {{ port.sql }} "$@"; }
{% if primary -%}
# Accounts and data come from the primary; here only where to copy from is said, where that is another one than before.
case " $(sql -c 'SHOW primary_conninfo') " in
    *{{ " host=" ~ primary.address ~ " port=" ~ primary.port ~ " " }}*) ;;
    *)
        say {{ "copies from " ~ primary.node ~ "/" ~ primary.service }}
        sql <<'SQL'
ALTER SYSTEM SET primary_conninfo = {{ ("host=" ~ primary.address ~ " port=" ~ primary.port ~ " user=replication password=" ~ secrets.replication ~ " connect_timeout=5 sslmode=prefer")|sql }};
SELECT pg_reload_conf();
SQL
        ;;
esac
{% else -%}
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
