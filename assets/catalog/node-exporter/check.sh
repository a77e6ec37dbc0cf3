systemd-analyze verify /etc/systemd/system/{{ unit }}.service
