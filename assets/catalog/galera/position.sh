# One that waits for a cluster that is gone does not listen to SIGTERM (MariaDB 10.11); InnoDB recovers from the kill.
timeout 5 mariadb --protocol=socket --connect-timeout=2 -e 'SELECT 1' >/dev/null 2>&1 || systemctl kill -s KILL {{ unit }} 2>/dev/null || true
timeout 40 systemctl stop {{ unit }} || { systemctl kill -s KILL {{ unit }} 2>/dev/null || true; systemctl stop {{ unit }}; }
systemctl reset-failed {{ unit }} 2>/dev/null || true
state=/var/lib/mysql/grastate.dat
position=$([ ! -e "$state" ] || sed -n 's/^seqno: *//p' "$state")
if [ "${position:--1}" -lt 0 ]; then
    # After a crash the file does not know; the data does.
    server=$(command -v mariadbd || echo /usr/libexec/mariadbd)
    log=$(mktemp)
    chown mysql "$log"
    runuser -u mysql -- "$server" --wsrep-recover --log-error="$log" >/dev/null 2>&1 || true
    position=$(sed -n 's/.*WSREP: Recovered position.*:\(-\{0,1\}[0-9]*\).*/\1/p' "$log" | tail -n 1)
    rm -f "$log"
fi
echo "${position:--1}"
