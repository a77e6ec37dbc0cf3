# What must differ between servers is derived from their names: nobody has to draw it.
id=$(printf '%s' {{ node.name }}/{{ service.name }} | cksum | cut -d ' ' -f 1)
[ "$id" -gt 0 ] || id=1
put_text {{ paths.conf }}/91-sandtable-id.cnf 0644 root:root <<CNF
# Written by Sandtable.
[mysqld]
server_id = $id
CNF
