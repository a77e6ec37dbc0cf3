at={{ "http://" ~ ("127.0.0.1" if main.address == "0.0.0.0" else main.address) ~ ":" ~ main.port }}
curl -s --noproxy '*' --max-time 4 "$at/api/status" | tr ',{}' '\n\n\n' | sed -n '
    s/^ *"database": "\([^"]*\)".*/database \1/p
    s/^ *"cluster_size": \([0-9][0-9]*\).*/cluster-size \1/p
    s/^ *"items": \([0-9][0-9]*\).*/items \1/p
    s/^ *"pictures": \([0-9][0-9]*\).*/pictures \1/p
    s/^ *"visits": \([0-9][0-9]*\).*/visits \1/p
    s/^ *"database_ms": \([0-9.]*\).*/database-ms \1/p'
