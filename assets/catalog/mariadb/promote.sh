sql() { mariadb --protocol=socket --connect-timeout=5 -N -B "$@"; }
status=$(mariadb --protocol=socket --connect-timeout=5 -e 'SHOW SLAVE STATUS\G') || fail "MariaDB does not answer; start it, then promote again."
if [ -n "$status" ]; then
    say "applying what has arrived"
    sql -e 'STOP SLAVE IO_THREAD'
    arrived=$(mariadb --protocol=socket --connect-timeout=5 -e 'SHOW SLAVE STATUS\G' | sed -n 's/^ *Gtid_IO_Pos: //p')
    # A replica that has stopped applying cannot catch up: what it has not applied is not lost silently.
    [ -z "$arrived" ] || [ "$(sql -e "SELECT MASTER_GTID_WAIT('$arrived', 30)")" = 0 ] || {
        # It stays the replica that it was.
        sql -e 'START SLAVE IO_THREAD' || true
        fail "It does not apply all that it copied within 30 s (SHOW SLAVE STATUS says why); repair that, then promote again."
    }
    say "takes writes from now on"
    sql -e 'STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = OFF'
    changed nothing
elif [ "$(sql -e 'SELECT @@GLOBAL.read_only')" != 0 ]; then
    sql -e 'SET GLOBAL read_only = OFF'
    changed nothing
fi
