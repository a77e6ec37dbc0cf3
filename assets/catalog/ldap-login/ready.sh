systemctl is-active --quiet sssd
sssctl domain-list > /dev/null 2>&1
