timeout 2 runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server psql -X -q -A -t -F ' ' -h /run/sandtable-{{ service.slug }} -p {{ port.sql }} <<'SQL'
SELECT 'connections', count(*) FROM pg_stat_activity WHERE backend_type = 'client backend';
SELECT 'role', CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END;
SELECT 'replicas-connected', count(*) FROM pg_stat_replication;
SELECT 'lag-ms', COALESCE((EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()) * 1000)::bigint, 0)
    WHERE pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn();
SQL
