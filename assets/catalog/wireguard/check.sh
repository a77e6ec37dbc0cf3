wg-quick strip {{ service.slug[:15] }} > /dev/null || fail "wg-quick cannot read its configuration; see the line above."
sh -n /etc/sandtable/{{ service.slug }}/routes
