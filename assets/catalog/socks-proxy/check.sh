ssh-keygen -y -P "" -f /etc/sandtable/{{ service.slug }}/key > /dev/null || fail "ssh cannot read its key."
systemd-analyze verify /etc/systemd/system/{{ unit }}.service
