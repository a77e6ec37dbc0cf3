said=$(python3 -B /usr/local/lib/sandtable/{{ service.slug }}/app.py /etc/sandtable/{{ service.slug }}/config.json --check 2>&1) ||
    fail "The application refuses its configuration: $(printf '%s\n' "$said" | tail -n 1)"
