export REDISCLI_AUTH={{ secrets.password }}
answer=$(timeout 2 redis-cli -s {{ paths.socket }} --no-auth-warning ping 2>&1) || true
[ "$answer" = PONG ] || { echo "does not answer: $answer"; exit 1; }
{% if primary -%}
link=$(timeout 2 redis-cli -s {{ paths.socket }} --no-auth-warning info replication | tr -d '\r' | sed -n 's/^master_link_status://p')
[ "$link" = up ] || { echo "does not copy from" {{ primary.node ~ "/" ~ primary.service }}; exit 2; }
{% endif -%}
echo answers
