unbound-control -c /etc/unbound/{{ service.slug }}/unbound.conf stats_noreset 2> /dev/null | awk -F= '
    $1 == "total.num.queries" { print "questions", $2 }
    $1 == "total.num.cachehits" { print "answered-from-memory", $2 }
    $1 == "total.recursion.time.avg" { printf "recursion-ms %d\n", $2 * 1000 }'
