# It votes once it is joined to at least one member.
joined=$(ss -Htn state established '( sport = :{{ port.replication }} or dport = :{{ port.replication }} )' | wc -l)
[ "$joined" -gt 0 ] || { echo "has found no member yet"; exit 1; }
