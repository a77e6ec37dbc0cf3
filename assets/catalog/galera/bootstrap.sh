status() { mariadb --connect-timeout=2 -N -B "$@" -e "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_status'" 2>/dev/null | cut -f 2; }
[ "$(status --protocol=socket)" != Primary ] || { say "is already part of a cluster that works"; exit 0; }
# A second cluster beside one that works would split the data, so whoever answers is asked first.
# All at once: one that is off says nothing.
export MYSQL_PWD={{ secrets.password }}
works=$(
    for at in {% for member in (cluster.members if cluster else []) if member.kind == "galera" %}{{ member.address }} {% endfor %}; do
        [ "$(status --no-defaults --protocol=tcp -h "$at" -P {{ port.sql }} -u lab)" != Primary ] || echo "$at" &
    done
    wait
)
unset MYSQL_PWD
if [ -n "$works" ]; then
    say "joins the cluster that works at" $works "instead of beginning another"
    systemctl start --no-block {{ unit }}
    exit 0
fi
# One that waits for a cluster does not listen to SIGTERM (MariaDB 10.11).
systemctl is-active --quiet {{ unit }} || systemctl kill -s KILL {{ unit }} 2>/dev/null || true
systemctl stop {{ unit }}
systemctl reset-failed {{ unit }} 2>/dev/null || true
state=/var/lib/mysql/grastate.dat
[ ! -e "$state" ] || sed -i 's/^safe_to_bootstrap:.*/safe_to_bootstrap: 1/' "$state"
galera_new_cluster
