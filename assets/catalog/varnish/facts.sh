timeout 2 varnishstat -1 -f MAIN.cache_hit -f MAIN.cache_miss -f MAIN.n_object -f MAIN.client_req | awk '
    $1 == "MAIN.cache_hit" { print "hits " $2 }
    $1 == "MAIN.cache_miss" { print "misses " $2 }
    $1 == "MAIN.n_object" { print "objects " $2 }
    $1 == "MAIN.client_req" { print "requests " $2 }'
