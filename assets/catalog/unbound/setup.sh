# Where names from outside are asked for is found out here: of the servers that the node was told of, else of the world's own,
# else nowhere, and then at once.
servers=
for file in /run/systemd/resolve/resolv.conf /etc/resolv.conf; do
    [ -r "$file" ] || continue
    for server in $(sed -n 's/^nameserver[[:space:]]*\([0-9.]*\)$/\1/p' "$file"); do
        case $server in
            127.*|0.0.0.0{% for adapter in node.adapters if adapter.address %}|{{ adapter.address }}{% endfor %}) ;;
            *) case " $servers " in *" $server "*) ;; *) servers="$servers $server" ;; esac ;;
        esac
    done
done
if [ -n "$servers" ]; then
    {
        printf 'forward-zone:\n    name: "."\n'
        for server in $servers; do printf '    forward-addr: %s\n' "$server"; done
    } | put_text /etc/unbound/{{ service.slug }}/outside.conf 0644 root:root
    say "names from outside are asked for at$servers"
elif [ -n "$(ip -4 route show default)" ]; then
    printf '# Names from outside are looked up from the root on.\n' | put_text /etc/unbound/{{ service.slug }}/outside.conf 0644 root:root
else
    printf 'server:\n    # There is no way out of the lab.\n    local-zone: "." always_refuse\n' |
        put_text /etc/unbound/{{ service.slug }}/outside.conf 0644 root:root
    say "there is no way out of the lab: only its own names are answered"
fi
