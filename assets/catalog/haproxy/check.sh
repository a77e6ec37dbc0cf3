said=$(haproxy -c -f /etc/haproxy/haproxy.cfg 2>&1) || fail "HAProxy refuses its configuration: $said"
