sql() { timeout 2 runuser -u postgres -- /usr/local/lib/sandtable/{{ service.slug }}/server psql -X -q -A -t -h /run/sandtable-{{ service.slug }} -p {{ port.sql }} -c "$1" 2>&1; }
{% if primary -%}
answer=$(sql "SELECT pg_is_in_recovery(), COALESCE((SELECT status FROM pg_stat_wal_receiver), 'none')") || { echo "does not answer: $answer"; exit 1; }
case $answer in
    't|streaming') echo copies ;;
    'f|'*) echo "copies from nobody"; exit 2 ;;
    *) echo "does not reach" {{ primary.node ~ "/" ~ primary.service }}; exit 2 ;;
esac
{% else -%}
answer=$(sql "SELECT 1") || { echo "does not answer: $answer"; exit 1; }
echo answers
{% endif -%}
