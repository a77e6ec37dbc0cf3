slaptest -u -Q -f {{ paths.etc }}/{{ service.slug }}/slapd.conf || fail "slaptest refuses slapd.conf; see the line above."
