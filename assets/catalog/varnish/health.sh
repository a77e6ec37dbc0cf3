console() { timeout 2 varnishadm -t 1 -T {{ (listen.admin[0].address if settings.admin_public and listen.admin[0].address != "0.0.0.0" else "127.0.0.1") ~ ":" ~ port.admin }} -S /etc/sandtable/{{ service.slug }}/console "$@"; }
list=$(console backend.list 2>&1) || { echo "does not answer"; exit 1; }
printf '%s\n' "$list" | awk '
    $1 ~ /\.server[0-9]+$/ { all++; if ($0 ~ /[Hh]ealthy/) up++ }
    END {
        if (!all) { print "has nobody behind it"; exit 2 }
        if (!up) { print "none of its " all " servers is well"; exit 1 }
        if (up < all) { print all - up " of its " all " servers are not well"; exit 2 }
        print "all " all " servers are well"
    }'
