echo "joined $(ss -Htn state established '( sport = :{{ port.replication }} or dport = :{{ port.replication }} )' | wc -l)"
