cd /etc/sandtable/{{ service.slug }}
# Erlang reads its own: each file is a list of terms.
HOME=/ erl -noinput -boot start_clean -eval '
    Read = fun(File) -> case file:consult(File) of {ok, _} -> ok; {error, Why} -> io:format("~s: ~s~n", [File, file:format_error(Why)]), halt(1) end end,
    lists:foreach(Read, init:get_plain_arguments()),
    halt(0).' -extra mesh.config hosts.inetrc {{ ["tls.config"] if settings.tls else [] }} ||
    fail "Erlang cannot read its configuration; see the line above."
