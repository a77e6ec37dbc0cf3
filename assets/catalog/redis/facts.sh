export REDISCLI_AUTH={{ secrets.password }}
timeout 2 redis-cli -s {{ paths.socket }} --no-auth-warning info 2>/dev/null | tr -d '\r' | awk -F : '
    $1 == "connected_clients" { print "connections " $2 }
    $1 == "used_memory" { print "memory-bytes " $2 }
    $1 == "role" { print "role " ($2 == "slave" ? "replica" : "primary") }
    $1 == "total_commands_processed" { print "commands " $2 }
    $1 == "master_last_io_seconds_ago" { print "lag-ms " $2 * 1000 }
    $1 ~ /^db[0-9]+$/ { split($2, part, /[=,]/); keys += part[2] }
    END { print "keys " keys + 0 }'
