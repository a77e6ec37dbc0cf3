# Runs in a fresh root file system, before it becomes an image: nothing of a service runs by itself, and nothing that must
# differ between nodes is in it.
set -eu
# A node runs what its drawing says and no more, so what packages enabled is disabled; only the network stays.
mkdir -p /etc/systemd/system-preset
cat >/etc/systemd/system-preset/00-sandtable.preset <<'PRESET'
enable systemd-networkd.service
enable systemd-networkd.socket
disable *
PRESET
systemctl --root=/ --quiet preset-all 2>/dev/null || true
# Scripts of the older kind have no preset.
for script in /etc/init.d/*; do
    name=${script##*/}
    [ -e "/lib/systemd/system/$name.service" ] || update-rc.d "$name" disable >/dev/null 2>&1 || true
done
# Waiting for every link would hold up the start of a node whose cable is pulled.
systemctl --root=/ --quiet mask systemd-networkd-wait-online.service 2>/dev/null || true
# Keys of this machine belong to one node: they are made when sshd first starts.
rm -f /etc/ssh/ssh_host_*
if [ -e /lib/systemd/system/ssh.service ]; then
    mkdir -p /etc/systemd/system/ssh.service.d
    cat >/etc/systemd/system/ssh.service.d/00-sandtable.conf <<'UNIT'
[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
UNIT
fi
# An empty file is filled at each node's first start.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/hostname
rm -f /etc/resolv.conf
: >/etc/resolv.conf
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/*.log /var/log/apt /tmp/* /var/tmp/*
