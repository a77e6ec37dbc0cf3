systemctl is-active --quiet sssd
# The name service asks through this; it is there once sssd takes questions.
[ -S /var/lib/sss/pipes/nss ]
