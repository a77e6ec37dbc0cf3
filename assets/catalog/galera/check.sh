# `--help --verbose` reads the whole configuration as a start would, and ends badly on what the server does not know.
server=$(command -v mariadbd || echo /usr/libexec/mariadbd)
said=$(runuser -u mysql -- "$server" --help --verbose --log-error=/dev/stderr 2>&1 >/dev/null) || said="[ERROR] $said"
why=$(printf '%s\n' "$said" | grep -F '[ERROR]' | tail -n 1)
[ -z "$why" ] || fail "MariaDB refuses its configuration: ${why#*"[ERROR] "}"
