sql() { runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server psql -X -q -A -t -v ON_ERROR_STOP=1 -h /run/sandtable-{{ service.slug }} -p {{ port.sql }} "$@"; }
recovers=$(sql -c 'SELECT pg_is_in_recovery()') || fail "PostgreSQL does not answer; start it, then promote again."
if [ "$recovers" = t ]; then
    say "applying what has arrived; takes writes then"
    [ "$(sql -c 'SELECT pg_promote(true, 60)')" = t ] || fail "It is not promoted after 60 s; see its log, then promote again."
    changed nothing
fi
