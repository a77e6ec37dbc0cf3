said=$(nginx -t -q 2>&1) || fail "nginx refuses its configuration: $(printf '%s\n' "$said" | head -n 1)"
