# It wants the folder of the pid file to be there.
install -d -o {{ paths.user }} -g {{ paths.user }} -m 0755 {{ paths.run }}
said=$(slaptest -u -f {{ paths.etc }}/{{ service.slug }}/slapd.conf 2>&1) || fail "slaptest refuses slapd.conf: $(printf '%s\n' "$said" | tail -n 1)"
