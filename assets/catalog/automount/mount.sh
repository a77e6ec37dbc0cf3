#!/bin/sh
# Mounts homes when they are used: by autofs where the kernel mounts NFS, else by our own FUSE client. `which` says which.
set -eu
map={{ settings.map }}

which_way() {
    # Both file systems are kept from containers, whatever the kernel has: only the first user namespace may mount them.
    read -r inside outside count < /proc/self/uid_map
    if [ "$inside $outside $count" = "0 0 4294967295" ]; then
        modprobe -q nfsv4 2> /dev/null || true
        modprobe -q autofs4 2> /dev/null || true
        if grep -qw nfs4 /proc/filesystems && grep -qw autofs /proc/filesystems; then
            echo kernel
            return
        fi
    fi
    if (: <> /dev/fuse) 2> /dev/null && python3 -c 'import ctypes, ctypes.util, importlib.util as u
ctypes.CDLL("libnfs.so.13")
assert ctypes.util.find_library("fuse") and (u.find_spec("fusepy") or u.find_spec("fuse"))' 2> /dev/null; then
        echo fuse
    else
        echo none
    fi
}

case $1 in
    which) which_way ;;
    run)
        mkdir -p "$map"
        case $(which_way) in
            kernel) exec automount -f -p /run/sandtable-{{ service.slug }}.pid /etc/sandtable/{{ service.slug }}/auto.master ;;
{%- if upstreams %}
            fuse) exec python3 /etc/sandtable/{{ service.slug }}/nfs_fuse.py {{ upstreams[0].address }} {{ upstreams[0].port }} "$map" "$map" {{ settings.timeout_secs }} ;;
{%- endif %}
            *) echo "not on this host: this kernel mounts no NFS, and there is no FUSE in its place" >&2; exit 1 ;;
        esac
        ;;
    stop)
        ! mountpoint -q "$map" || umount "$map" 2> /dev/null || umount -l "$map" 2> /dev/null || true
        ;;
esac
