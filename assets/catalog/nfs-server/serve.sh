#!/bin/sh
# Serves by the kernel where it can, else by nfs-ganesha, else by a small server of our own: `which` says who, `prepare` makes the folders, `run` serves in the
# foreground, `stop` ends what the kernel keeps.
set -eu
exports={{ "/etc/exports.d/sandtable-" ~ service.slug ~ ".exports" }}

# Ganesha opens files by their handles, which nobody may in a container.
is_machine() {
    read -r inside outside count < /proc/self/uid_map
    [ "$inside $outside $count" = "0 0 4294967295" ]
}

which_server() {
    grep -qw nfsd /proc/filesystems || modprobe -q nfsd 2> /dev/null || true
    # A kernel may have it and keep it from containers, so it is tried.
    if grep -qw nfsd /proc/filesystems && { mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd 2> /dev/null; } &&
        [ -w /proc/fs/nfsd/threads ]; then
        echo kernel
    elif is_machine && command -v ganesha.nfsd > /dev/null; then
        echo ganesha
    elif command -v python3 > /dev/null; then
        echo ours
    else
        echo none
    fi
}

prepare() {
    for folder in {{ settings.exports }}; do
        mkdir -p "$folder"
{%- if settings.tmpfs %}
        mountpoint -q "$folder" || mount -t tmpfs -o mode=0755 tmpfs "$folder"
{%- endif %}
        # Homes of the people that a directory of the lab begins with: a client's root may not make them (root_squash).
        case $folder in
            */home) for person in ada:20001 grace:20002 edsger:20003; do
                    home=$folder/${person%:*}
                    [ -d "$home" ] || { mkdir -m 0700 "$home" && chown "${person#*:}:20000" "$home"; }
                done ;;
        esac
    done
}

case $1 in
    which) which_server ;;
    prepare) prepare ;;
    run)
        rm -f /run/sandtable-{{ service.slug }}.kind
        which_server > /run/sandtable-{{ service.slug }}.kind
        case $(cat /run/sandtable-{{ service.slug }}.kind) in
            kernel)
                exportfs -r
                rpc.nfsd --port {{ port.nfs }}
                {%- for place in listen.nfs if place.address != "0.0.0.0" %} --host {{ place.address }}{% endfor %} 8
                exec rpc.mountd --foreground
                ;;
            ganesha) exec ganesha.nfsd -F -L STDERR -N WARN -p /run/sandtable-{{ service.slug }}-ganesha.pid -f /etc/sandtable/{{ service.slug }}/ganesha.conf ;;
            ours) exec python3 /etc/sandtable/{{ service.slug }}/nfs_serve.py /etc/sandtable/{{ service.slug }}/serve.json ;;
            *) echo "this kernel serves no NFS here, and nothing that would take its place is installed" >&2; exit 1 ;;
        esac
        ;;
    stop)
        if [ -e /proc/fs/nfsd/threads ]; then
            rpc.nfsd 0 2> /dev/null || true
            exportfs -ua 2> /dev/null || true
        fi
        ;;
esac
