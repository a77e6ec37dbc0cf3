printf '%s\n' {{ secrets.host_key }} | put_text /etc/sandtable/{{ service.slug }}/host_key 0600 root:root
# Keys of other kinds that the machine came with stay valid: somebody may know it by them.
for kind in rsa ecdsa; do
    [ ! -e "/etc/ssh/ssh_host_${kind}_key" ] || echo "HostKey /etc/ssh/ssh_host_${kind}_key"
done | put_text /etc/ssh/sshd_config.d/11-sandtable-keys.conf
mkdir -p -m 0755 /run/sshd
# A locked account would refuse keys as well; one without a password that fits does not. Each call that changes an account takes
# a fifth of a second, so an account is made as it is to be and changed only where it differs.
password_of() { getent shadow "$1" | cut -d : -f 2; }
admins=$(getent group sudo wheel | head -n 1 | cut -d : -f 1) || true
getent passwd lab >/dev/null ||
    useradd --system --user-group ${admins:+-G "$admins"} --password '*' --create-home --home-dir /var/lib/lab --shell /bin/bash lab
[ -z "$admins" ] || id -nG lab | tr ' ' '\n' | grep -qxF "$admins" || usermod -a -G "$admins" lab
if [ -d /etc/sudoers.d ]; then
    put_text /etc/sudoers.d/sandtable-lab 0440 root:root <<'SUDO'
lab ALL=(ALL) NOPASSWD: ALL
SUDO
fi
{% if settings.password_login -%}
printf 'lab:%s\n' {{ secrets.login }} | chpasswd 2>/dev/null
{% else -%}
[ "$(password_of lab)" = '*' ] || usermod -p '*' lab
{% endif -%}
# Backups come as a user of their own, whose copy of rsync may read everything and write nothing.
getent passwd sandtable-backup >/dev/null ||
    useradd --system --user-group --password '*' --no-create-home --home-dir / --shell /bin/sh sandtable-backup
[ "$(password_of sandtable-backup)" = '*' ] || usermod -p '*' sandtable-backup
own=/usr/local/lib/sandtable/backup/rsync
if ! cmp -s "$(command -v rsync)" "$own" || [ -z "$(getcap "$own")" ]; then
    install -m 0750 -o root -g sandtable-backup "$(command -v rsync)" "$own"
    setcap cap_dac_read_search=ep "$own" || fail "This node's file system keeps no capabilities of files, so backups cannot read what they must; use another image or storage pool."
fi
