case $(/etc/sandtable/{{ service.slug }}/serve which) in
    kernel) say "the kernel serves NFS" ;;
    ganesha) say "this kernel serves no NFS here: nfs-ganesha takes its place" ;;
    *) fail "This kernel serves no NFS here, and nfs-ganesha is not installed; install it, or use another kernel." ;;
esac
# Ganesha keeps its state here, and some packages do not make the folder.
mkdir -p /var/lib/nfs/ganesha
