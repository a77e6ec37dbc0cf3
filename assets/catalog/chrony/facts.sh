chronyc -h /run/chrony/{{ service.slug }}.sock -c tracking 2> /dev/null | awk -F, '
    { offset = $5 < 0 ? -$5 : $5; print "stratum", $3; printf "offset-us %d\n", offset * 1000000 }'
