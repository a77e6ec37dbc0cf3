page=$(curl -s -f --noproxy '*' --max-time 2 {{ "http://" ~ ("127.0.0.1" if not settings.stats_public or listen.stats[0].address == "0.0.0.0" else listen.stats[0].address) ~ ":" ~ port.stats ~ "/;csv" }}) || { echo "does not answer"; exit 1; }
{#- Columns of the page: 1 proxy, 2 server, 18 status (HAProxy's management guide, section 9.1). #}
printf '%s\n' "$page" | awk -F , '
    $1 == "servers" && $2 != "BACKEND" && $2 != "FRONTEND" { all++; if ($18 ~ /^UP/ || $18 ~ /^no check/) up++; else down = down (down ? ", " : "") $2 }
    END {
        if (!all) { print "has nobody behind it"; exit 2 }
        if (!up) { print "none of its " all " servers is well"; exit 1 }
        if (up < all) { print "without " down; exit 2 }
        print "all " all " servers are well"
    }'
