systemctl is-active --quiet {{ unit }} || { echo "does not run"; exit 1; }
awk -F '\t' '
    { all++ }
    $2 == "away" { away = away (away ? ", " : "") $1; if ($6 > since) since = $6; waiting += $3; why = $7 }
    END {
        if (away) { print "does not reach " away " for " since " s (" why "), " waiting + 0 " changes wait"; exit 2 }
        print all ? "in step with " all " others" : "takes what is brought"
    }' /run/sandtable-{{ service.slug }}.status
