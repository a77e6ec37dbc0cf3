%% The door by which this machine asks its node: HTTP over a socket in the file system, so that nothing of it is on the network.
%%
%%   /health           a word and why: healthy, degraded or down
%%   /members          who is drawn, and how each is
%%   /facts            lines of a name and a value
%%   /send/NODE/TEXT   sends a message to a node anywhere, and says which way it went
-module(lab_mesh_door).
-export([start_link/1, accept/1]).

-define(REQUEST_MS, 5000).

start_link(#{socket := Path}) ->
    _ = file:delete(Path),
    {ok, Listener} = gen_tcp:listen(0, [{ifaddr, {local, Path}}, binary, {packet, http_bin}, {active, false}, {backlog, 16}]),
    ok = file:change_mode(Path, 8#660),
    Pid = proc_lib:spawn_link(?MODULE, accept, [Listener]),
    ok = gen_tcp:controlling_process(Listener, Pid),
    {ok, Pid}.

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Pid = spawn(fun() -> receive go -> serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    ?MODULE:accept(Listener).

serve(Socket) ->
    case gen_tcp:recv(Socket, 0, ?REQUEST_MS) of
        {ok, {http_request, 'GET', {abs_path, Path}, _}} ->
            ok = headers(Socket),
            Parts = [binary_to_list(uri_string:percent_decode(Part)) || Part <- binary:split(Path, <<"/">>, [global, trim_all])],
            {Code, Text} = try page(Parts) catch _:_ -> {500, "the mesh does not answer\n"} end,
            Body = unicode:characters_to_binary(Text),
            Head = io_lib:format("HTTP/1.1 ~b x\r\nContent-Type: text/plain\r\nContent-Length: ~b\r\nConnection: close\r\n\r\n",
                                 [Code, byte_size(Body)]),
            _ = gen_tcp:send(Socket, [Head, Body]);
        _ -> ok
    end,
    gen_tcp:close(Socket).

headers(Socket) ->
    case gen_tcp:recv(Socket, 0, ?REQUEST_MS) of
        {ok, http_eoh} -> ok;
        {ok, {http_header, _, _, _, _}} -> headers(Socket);
        Else -> Else
    end.

page(["health"]) ->
    #{local := Local, remote := Remote} = lab_mesh:report(),
    All = Local ++ Remote,
    case [[atom_to_list(Node), " is ", atom_to_list(How)] || {Node, How} <- All, How =/= well] of
        [] -> {200, io_lib:format("healthy ~b of ~b members answer~n", [length(All), length(All)])};
        Bad -> {200, ["degraded ", lists:join(", ", Bad), "\n"]}
    end;
page(["members"]) ->
    #{node := Node, role := Role, mesh := Mesh, local := Local, remote := Remote, beyond := Beyond} = lab_mesh:report(),
    {200, [io_lib:format("~s ~s of ~s~n", [Node, Role, Mesh]),
           [io_lib:format("~s mesh ~s~n", [Name, How]) || {Name, How} <- Local],
           [io_lib:format("~s site ~s~n", [Name, How]) || {Name, How} <- Remote],
           [io_lib:format("~s beyond~n", [Name]) || Name <- Beyond]]};
page(["facts"]) ->
    #{local := Local, remote := Remote, delivered := Delivered, relayed := Relayed} = lab_mesh:report(),
    Well = fun(Nodes) -> length([Node || {Node, well} <- Nodes]) end,
    Encrypted = case init:get_argument(proto_dist) of {ok, [["inet_tls"]]} -> 1; _ -> 0 end,
    {200, [io_lib:format("~s ~b~n", [Name, Value])
           || {Name, Value} <- [{"members", Well(Local) + 1}, {"members-drawn", length(Local) + 1},
                                {"sites-joined", Well(Remote)}, {"sites-drawn", length(Remote)},
                                {"messages-delivered", Delivered}, {"messages-relayed", Relayed}, {"encrypted", Encrypted}]]};
page(["send", To, Text]) ->
    case lab_mesh:send(known(To), Text) of
        {ok, Path, Took} ->
            {200, io_lib:format("arrived by ~s in ~.1f ms~n", [lists:join(" -> ", [atom_to_list(Node) || Node <- Path]), Took / 1000])};
        {error, Why} -> {503, [Why, "\n"]}
    end;
page(_) ->
    {404, "health, members, facts, send/NODE/TEXT\n"}.

%% Names of nodes come from whoever can open the socket: the machine's own root. Too long a name is none.
known(Name) when length(Name) =< 255 ->
    list_to_atom(Name).
