cd /etc/sandtable/{{ service.slug }}
# Erlang reads its own: each file is a list of terms.
for file in mesh.config hosts.inetrc {{ "tls.config" if settings.tls else "" }}; do
    [ -n "$file" ] || continue
    HOME=/ erl -noinput -boot start_clean -eval 'case file:consult(lists:last(init:get_plain_arguments())) of {ok, _} -> halt(0); {error, Why} -> io:format("~s~n", [file:format_error(Why)]), halt(1) end.' -extra "$file" ||
        fail "Erlang cannot read $file; see the line above."
done
