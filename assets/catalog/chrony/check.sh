chronyd -p -f {{ paths.etc }}/{{ service.slug }}.conf > /dev/null || fail "chronyd refuses its configuration; see the line above."
