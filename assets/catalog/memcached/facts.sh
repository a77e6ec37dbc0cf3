timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "stats\r\nquit\r\n" >&3 && cat <&3' - {{ "127.0.0.1" if main.address == "0.0.0.0" else main.address }} {{ main.port }} 2>/dev/null | tr -d '\r' | awk '
    $2 == "curr_connections" { print "connections " $3 }
    $2 == "bytes" { print "memory-bytes " $3 }
    $2 == "curr_items" { print "keys " $3 }
    $2 == "get_hits" { print "hits " $3 }
    $2 == "get_misses" { print "misses " $3 }'
