mariadb-admin --protocol=socket --connect-timeout=2 --silent ping
