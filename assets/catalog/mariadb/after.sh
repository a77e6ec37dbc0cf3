sql() { mariadb --protocol=socket --connect-timeout=5 -N -B "$@"; }
{% if primary -%}
# Accounts and data come from the primary; here only where to copy from is said.
status=$(mariadb --protocol=socket --connect-timeout=5 -e 'SHOW SLAVE STATUS\G')
field() { printf '%s\n' "$status" | sed -n "s/^ *$1: //p"; }
if [ "$(field Master_Host)" != {{ primary.address }} ] || [ "$(field Master_Port)" != {{ primary.port }} ] ||
    [ "$(field Slave_IO_Running)" != Yes ] || [ "$(field Slave_SQL_Running)" != Yes ]; then
    say {{ "copies from " ~ primary.node ~ "/" ~ primary.service }}
    # One that took writes itself goes on from the end of its own log: where the primary lacks some of that, the server refuses to copy.
    if [ -z "$status" ] && [ "$(sql -e "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'lab'")" != 0 ]; then
        sql -e 'SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos'
    fi
    sql <<'SQL'
STOP SLAVE;
CHANGE MASTER TO MASTER_HOST = {{ primary.address|sql }}, MASTER_PORT = {{ primary.port }}, MASTER_USER = 'replication',
    MASTER_PASSWORD = {{ secrets.replication|sql }}, MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 2, MASTER_HEARTBEAT_PERIOD = 1
    {%- if primary.settings.tls %}, MASTER_SSL = 1{% if settings.tls %}, MASTER_SSL_CA = {{ tls.authority|sql }}{% endif %}{% endif %};
START SLAVE;
SQL
fi
copies() {
    status=$(mariadb --protocol=socket --connect-timeout=5 -e 'SHOW SLAVE STATUS\G')
    [ "$(field Slave_IO_Running)" = Yes ] && [ "$(field Slave_SQL_Running)" = Yes ]
}
# The primary may come up later, so what is not copied yet is told and is no failure.
wait_for 15 copies || say "does not copy yet: $(field Last_IO_Error)$(field Last_SQL_Error)"
{% else -%}
[ -z "$(sql -e 'SHOW SLAVE STATUS')" ] || sql -e 'STOP SLAVE; RESET SLAVE ALL'
opens() { MYSQL_PWD=$2 mariadb --no-defaults --protocol=socket --connect-timeout=5 -u "$1" -e 'SELECT 1' >/dev/null 2>&1; }
accounts=$(sql -e "SELECT COUNT(*) FROM mysql.global_priv WHERE (User, Host) IN (('lab', '%'), ('replication', '%'))")
if [ "$accounts" != 2 ] || ! opens lab {{ secrets.password }} || ! opens replication {{ secrets.replication }}; then
    say "database lab and its user"
    sql <<'SQL'
DROP USER IF EXISTS ''@'localhost';
CREATE DATABASE IF NOT EXISTS lab CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'lab'@'%' IDENTIFIED BY {{ secrets.password|sql }};
ALTER USER 'lab'@'%' IDENTIFIED BY {{ secrets.password|sql }};
GRANT ALL PRIVILEGES ON lab.* TO 'lab'@'%';
CREATE USER IF NOT EXISTS 'replication'@'%' IDENTIFIED BY {{ secrets.replication|sql }};
ALTER USER 'replication'@'%' IDENTIFIED BY {{ secrets.replication|sql }};
GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%';
SQL
fi
{% endif -%}
