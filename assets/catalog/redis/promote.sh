export REDISCLI_AUTH={{ secrets.password }}
redis() { timeout 5 redis-cli -s {{ paths.socket }} --no-auth-warning "$@" | tr -d '\r'; }
case $(redis info replication | sed -n 's/^role://p') in
    slave)
        say "takes writes from now on"
        [ "$(redis replicaof no one)" = OK ] || fail "Redis does not take the command; see its log, then promote again."
        changed nothing
        ;;
    master) ;;
    *) fail "Redis does not answer; start it, then promote again." ;;
esac
