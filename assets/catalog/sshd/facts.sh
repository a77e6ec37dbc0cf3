echo "sessions $(ss -Htn state established 'sport = :{{ port.ssh }}' | wc -l)"
