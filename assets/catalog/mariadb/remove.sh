# The data stays in /var/lib/mysql: a drawing that changes its mind must not lose it.
rm -f {{ paths.conf }}/91-sandtable-id.cnf
