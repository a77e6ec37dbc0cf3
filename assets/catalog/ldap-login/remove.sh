for database in passwd group shadow; do
    sed -i "/^$database:/s/[[:space:]]sss\([[:space:]]\|$\)/\1/" /etc/nsswitch.conf
done
