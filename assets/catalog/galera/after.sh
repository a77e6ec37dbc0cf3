# Written once and then on all members; asked first, because every such statement stops the whole cluster for a moment.
opens() { MYSQL_PWD={{ secrets.password }} mariadb --no-defaults --protocol=socket --connect-timeout=5 -u lab lab -e 'SELECT 1' >/dev/null 2>&1; }
if ! opens; then
    say "database lab and its user"
    mariadb --protocol=socket --connect-timeout=5 <<'SQL'
DROP USER IF EXISTS ''@'localhost';
CREATE DATABASE IF NOT EXISTS lab CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'lab'@'%' IDENTIFIED BY {{ secrets.password|sql }};
ALTER USER 'lab'@'%' IDENTIFIED BY {{ secrets.password|sql }};
GRANT ALL PRIVILEGES ON lab.* TO 'lab'@'%';
SQL
fi
