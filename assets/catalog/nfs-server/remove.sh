# They came up with it, and serve nobody else but a client on the same node.
grep -q ' nfs4\{0,1\} ' /proc/mounts || systemctl stop rpc-statd.service rpcbind.service rpcbind.socket 2> /dev/null || true
rm -rf /etc/sandtable/{{ service.slug }} /run/sandtable-{{ service.slug }}-ganesha.pid /run/sandtable-{{ service.slug }}.kind
{%- if settings.tmpfs %}
for folder in {{ settings.exports }}; do
    ! mountpoint -q "$folder" || umount "$folder" || true
done
{%- endif %}
