systemctl is-active --quiet {{ unit }} || { echo "does not run"; exit 1; }
joined=$(ss -Htn state established '( sport = :{{ port.replication }} or dport = :{{ port.replication }} )' | wc -l)
[ "$joined" -gt 0 ] || { echo "sees no other member"; exit 2; }
echo "joined to $joined members"
