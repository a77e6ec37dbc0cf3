curl -s -f --noproxy '*' --max-time 2 {{ "http://" ~ ("127.0.0.1" if not settings.stats_public or listen.stats[0].address == "0.0.0.0" else listen.stats[0].address) ~ ":" ~ port.stats ~ "/;csv" }} | awk -F , '
    $1 == "servers" && $2 != "BACKEND" { all++; if ($18 ~ /^UP/ || $18 ~ /^no check/) up++ }
    $1 == "clients" && $2 == "FRONTEND" { print "sessions " $5; print "sessions-total " $8; print "answers-5xx " ($44 == "" ? 0 : $44) }
    END { print "servers " all + 0; print "servers-up " up + 0 }'
