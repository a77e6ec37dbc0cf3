awk '{ printf "load-percent %d\n", $1 * 100 }' /proc/loadavg
