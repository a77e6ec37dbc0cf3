systemctl is-active --quiet {{ unit }} || { echo "does not run"; exit 1; }
[ -n "$(ss -Hltn 'sport = :{{ port.ssh }}')" ] || { echo "does not listen"; exit 1; }
