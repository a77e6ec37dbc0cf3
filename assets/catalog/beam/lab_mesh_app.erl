%% The application and its supervisor: the mesh, and the door by which this machine asks it.
-module(lab_mesh_app).
-behaviour(application).
-behaviour(supervisor).
-export([boot/0, start/2, stop/1, init/1]).

%% What `erl -s` calls. Without its application the node is of no use, so it ends and systemd starts it again.
boot() ->
    case application:ensure_all_started(lab_mesh, permanent) of
        {ok, _} -> ok;
        {error, Why} ->
            io:format(standard_error, "the mesh does not start: ~p~n", [Why]),
            halt(1)
    end.

start(_Type, _Arguments) ->
    {ok, [[File]]} = init:get_argument(lab_mesh_config),
    {ok, Drawn} = file:consult(File),
    supervisor:start_link({local, lab_mesh_sup}, ?MODULE, maps:from_list(Drawn)).

stop(_State) ->
    ok.

init(Drawn) ->
    Children = [#{id => Module, start => {Module, start_link, [Drawn]}} || Module <- [lab_mesh, lab_mesh_door]],
    {ok, {#{strategy => one_for_one, intensity => 10, period => 10}, Children}}.
