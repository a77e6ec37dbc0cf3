ssh-keygen -A >/dev/null
mkdir -p -m 0755 /run/sshd
getent passwd lab >/dev/null || useradd --system --user-group --create-home --home-dir /var/lib/lab --shell /bin/bash lab
if getent group sudo >/dev/null; then usermod -a -G sudo lab; elif getent group wheel >/dev/null; then usermod -a -G wheel lab; fi
if [ -d /etc/sudoers.d ]; then
    put_text /etc/sudoers.d/sandtable-lab 0440 root:root <<'SUDO'
lab ALL=(ALL) NOPASSWD: ALL
SUDO
fi
{% if settings.password_login -%}
printf 'lab:%s\n' {{ secrets.login }} | chpasswd 2>/dev/null
{% else -%}
# A locked account would refuse keys as well; one without a password that fits does not.
usermod -p '*' lab
{% endif -%}
# Backups come as a user of their own, whose copy of rsync may read everything and write nothing.
getent passwd sandtable-backup >/dev/null || useradd --system --user-group --no-create-home --home-dir / --shell /bin/sh sandtable-backup
usermod -p '*' sandtable-backup
own=/usr/local/lib/sandtable/backup/rsync
if ! cmp -s "$(command -v rsync)" "$own" || [ -z "$(getcap "$own")" ]; then
    install -m 0750 -o root -g sandtable-backup "$(command -v rsync)" "$own"
    setcap cap_dac_read_search=ep "$own" || fail "This node's file system keeps no capabilities of files, so backups cannot read what they must; use another image or storage pool."
fi
