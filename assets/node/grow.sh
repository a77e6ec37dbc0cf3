# Grows the partition and the file system of / up to the end of its disk. Its last line says what came of it: grown, whole, or why not.
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
ends() { printf '%s\n' "$*"; exit 0; }
command -v findmnt >/dev/null 2>&1 || ends "findmnt is not installed"
kind=$(findmnt -n -o FSTYPE /)
source=$(findmnt -n -o SOURCE / | sed 's/\[.*//')
case $source in
    /dev/mapper/*) ends "/ is on a logical volume ($source)" ;;
    /dev/*) ;;
    *) ends "/ is on $source" ;;
esac
device=$(readlink -f "$source")
name=${device##*/}
at=/sys/class/block/$name
before=$(cat "$at/size" 2>/dev/null) || ends "the system says nothing about $device"
if [ -e "$at/partition" ]; then
    number=$(cat "$at/partition")
    disk=$(readlink -f "$at/..")
    free=$(($(cat "$disk/size") - $(cat "$at/start") - before))
    # Less than two MiB is what tables and alignment leave.
    if [ "$free" -gt 4096 ]; then
        command -v growpart >/dev/null 2>&1 || ends "growpart is not installed (package cloud-guest-utils or cloud-utils-growpart)"
        said=$(growpart "/dev/${disk##*/}" "$number" 2>&1) || ends "growpart: $(printf '%s' "$said" | tail -n 1)"
    fi
fi
case $kind in
    ext2 | ext3 | ext4) said=$(resize2fs "$device" 2>&1) || ends "resize2fs: $(printf '%s' "$said" | tail -n 1)" ;;
    xfs) said=$(xfs_growfs / 2>&1) || ends "xfs_growfs: $(printf '%s' "$said" | tail -n 1)" ;;
    btrfs) said=$(btrfs filesystem resize max / 2>&1) || ends "btrfs: $(printf '%s' "$said" | tail -n 1)" ;;
    *) ends "its file system ($kind) is not grown while it is in use" ;;
esac
[ "$(cat "$at/size")" -gt "$before" ] && ends grown
ends whole
