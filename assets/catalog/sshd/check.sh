said=$(sshd -t 2>&1) || fail "sshd refuses its configuration: $(printf '%s\n' "$said" | head -n 1)"
# Another file may have had the first word.
sshd -T 2>/dev/null | grep -qi '^authorizedkeysfile .*/etc/sandtable/' || fail "sshd does not read /etc/ssh/sshd_config.d; use an image whose sshd_config includes it."
