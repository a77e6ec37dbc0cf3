systemctl is-active --quiet {{ unit }}
