awk -F '\t' '
    { all++; if ($2 == "reached") reached++; waiting += $3; lag = $4 > lag ? $4 : lag; last = $5 > last ? $5 : last; back += $8; if ($9 != "") what = $1 ": " $9 }
    END { print "members " all + 0; print "members-reached " reached + 0; print "waiting-changes " waiting + 0; print "lag-ms " lag + 0; print "last-copy-ms " last + 0; if (back) { print "taken-back " back; print "taken-back-last " what } }' /run/sandtable-{{ service.slug }}.status
