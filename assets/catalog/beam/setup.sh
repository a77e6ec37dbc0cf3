# The node runs as nobody who owns anything else.
getent passwd sandtable-beam > /dev/null || useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin sandtable-beam
home=/var/lib/sandtable-{{ service.slug }}
[ -d "$home" ] || mkdir -m 0750 "$home"
chown sandtable-beam:sandtable-beam "$home"
printf %s {{ secrets.cookie }} | put_text "$home/.erlang.cookie" 0400 sandtable-beam:sandtable-beam
{%- if settings.tls %}
put_text "$home/certificate.pem" 0644 root:root < {{ tls.certificate }}
put_text "$home/authority.pem" 0644 root:root < {{ tls.authority }}
put_text "$home/key.pem" 0440 root:sandtable-beam < {{ tls.key }}
{%- endif %}
cd /opt/sandtable/{{ service.slug }}
for source in lab_mesh_app lab_mesh lab_mesh_door; do
    if [ ! -e "ebin/$source.beam" ] || [ "$source.erl" -nt "ebin/$source.beam" ]; then
        HOME=$home erlc -Werror -o ebin "$source.erl" || fail "The application does not compile; see the lines above."
        changed
    fi
done
