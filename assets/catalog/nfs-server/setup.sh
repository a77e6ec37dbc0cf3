case $(/etc/sandtable/{{ service.slug }}/serve which) in
    kernel) say "the kernel serves NFS" ;;
    ganesha) say "this kernel serves no NFS here: nfs-ganesha takes its place" ;;
    ours) say "this kernel serves no NFS here, and nfs-ganesha cannot: a small server of Sandtable's own takes their place" ;;
    *) fail "This kernel serves no NFS here, and nothing that would take its place is installed; install nfs-ganesha or python3, or use another kernel." ;;
esac
# Ganesha keeps its state here, and some packages do not make the folder.
mkdir -p /var/lib/nfs/ganesha
