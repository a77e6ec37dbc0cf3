said=$(haproxy -c -f /etc/haproxy/haproxy.cfg 2>&1) || fail "HAProxy refuses its configuration: $(printf '%s\n' "$said" | sed -n 's/^\[ALERT\] *([0-9]*) : config : //p' | head -n 1)"
