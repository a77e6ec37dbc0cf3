said=$(nginx -t -q 2>&1) || fail "nginx refuses its configuration: $said"
