#!/bin/sh
# Builds the root file system of lab nodes from packages, and packs it as an image that Incus takes. Run as root by
# `sandtable image`:
#
#   build.sh CACHE OUTPUT SUITE SOURCES BASE_PACKAGES MORE_PACKAGES
#
# CACHE: a folder that outlives a run; it keeps the base by its packages, so that a second image only adds what it needs.
# OUTPUT: the file to write, .tar.zst. SUITE: the distribution's code name. SOURCES: a file with its apt sources.
# BASE_PACKAGES, MORE_PACKAGES: names, separated by commas; the second may be empty. finish.sh lies beside this file, and preferences:
# the pinned versions, as apt_preferences(5); may be empty.
set -eu
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
here=$(cd "$(dirname "$0")" && pwd)
cache=$1 output=$2 suite=$3 sources=$4 base=$5 more=$6

# Its own mounts: what a chroot needs goes away with this process, however it ends.
if [ "${SANDTABLE_BUILD_INSIDE:-}" != yes ]; then
    exec env SANDTABLE_BUILD_INSIDE=yes unshare --mount --propagation private sh "$0" "$@"
fi

mkdir -p "$cache"
work=$(mktemp -d "$cache/work.XXXXXXXX")
# Proc is mounted below it and goes with this process's mounts, so nothing but the root's own files is removed.
trap 'umount -R -l "$work/image/rootfs/proc" "$work/image/rootfs/dev" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP

base_id=$({ echo "$suite $base"; cat "$sources"; } | sha256sum | cut -c1-16)
base_tar=$cache/base-$suite-$base_id.tar
if [ ! -s "$base_tar" ]; then
    echo "making the base system ($suite)"
    mmdebstrap --quiet --variant=minbase --include="$base" "$suite" "$work/base.tar" "$sources"
    mv "$work/base.tar" "$base_tar"
fi

root=$work/image/rootfs
mkdir -p "$root"
echo "unpacking the base system"
tar -C "$root" --numeric-owner --xattrs --xattrs-include='*' -xpf "$base_tar"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/dev"
if [ -s "$here/preferences" ]; then
    install -m 0644 "$here/preferences" "$root/etc/apt/preferences.d/sandtable"
fi
if [ -n "$more" ]; then
    echo "adding packages"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    # Maintainer scripts start what they install; nothing may run here.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    chroot "$root" apt-get -qq update
    # A pinned version may be a pattern: apt's business, not this shell's.
    set -f
    # shellcheck disable=SC2046
    chroot "$root" apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends $(echo "$more" | tr ',' ' ') >"$work/apt.log" 2>&1 || {
        tail -5 "$work/apt.log" >&2
        exit 1
    }
    set +f
    rm -f "$root/usr/sbin/policy-rc.d"
fi
echo "making it ready to be copied"
chroot "$root" sh -s <"$here/finish.sh"
umount -l "$root/proc"
umount -R -l "$root/dev"

mkdir -p "$work/image/templates"
cp "$here/hostname.tpl" "$here/hosts.tpl" "$work/image/templates/"
cat >"$work/image/metadata.yaml" <<METADATA
architecture: $(uname -m)
creation_date: $(date +%s)
properties:
  description: Sandtable node ($suite)
  os: debian
  release: $suite
templates:
  /etc/hostname:
    when: [create, copy]
    template: hostname.tpl
  /etc/hosts:
    when: [create, copy]
    template: hosts.tpl
METADATA
echo "packing"
tar -C "$work/image" --numeric-owner --xattrs --xattrs-include='*' -cf - metadata.yaml templates rootfs | zstd -q -3 -T0 -o "$work/image.tar.zst"
mv "$work/image.tar.zst" "$output"
