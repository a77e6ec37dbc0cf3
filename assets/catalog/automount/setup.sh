{%- if not upstreams %}
fail "It knows no file server: draw a flow from it to one."
{%- endif %}
case $(/etc/sandtable/{{ service.slug }}/mount which) in
    kernel) say "the kernel mounts NFS" ;;
    fuse) say "this kernel mounts no NFS here: a FUSE client takes its place" ;;
    *) fail "Not on this host: this kernel mounts no NFS, and there is no FUSE in its place. Use another kernel, or an image with libnfs and fusepy." ;;
esac
