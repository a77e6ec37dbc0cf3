# What must differ between servers is derived from their names: nobody has to draw it.
id=$(printf '%s' {{ node.name }}/{{ service.name }} | cksum | cut -d ' ' -f 1)
[ "$id" -gt 0 ] || id=1
put_text {{ paths.conf }}/91-sandtable-id.cnf 0644 root:root <<CNF
# Written by Sandtable.
[mysqld]
server_id = $id
CNF
{% if settings.tls -%}
folder=/etc/sandtable/{{ service.slug }}
put_text "$folder/authority.pem" 0644 root:root <{{ tls.authority }}
put_text "$folder/certificate.pem" 0644 root:root <{{ tls.certificate }}
put_text "$folder/key.pem" 0640 root:mysql <{{ tls.key }}
{% endif -%}
{% if vips -%}
# It listens on an address that another node may hold just now.
put_text /etc/sysctl.d/90-sandtable-nonlocal.conf 0644 root:root <<'CONF'
net.ipv4.ip_nonlocal_bind = 1
CONF
sysctl -q -w net.ipv4.ip_nonlocal_bind=1
{% endif -%}
