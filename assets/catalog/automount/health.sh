mountpoint -q {{ settings.map }} || { echo "nothing is mounted at "{{ settings.map }}; exit 1; }
how=autofs
[ "$(stat -f -c %T {{ settings.map }} 2> /dev/null)" = autofs ] || how="a FUSE client, as this kernel mounts no NFS"
{%- if upstreams %}
if timeout 2 rpcinfo -n {{ upstreams[0].port }} -t {{ upstreams[0].address }} 100003 3 > /dev/null 2>&1; then
    echo "the file server answers ($how)"
else
    echo "the file server does not answer"
    exit 2
fi
{%- endif %}
