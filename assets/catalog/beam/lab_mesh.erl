%% One node of a mesh. It connects to the nodes that it is drawn to know and lets in no others, tells each of them every second
%% whom it sees, and hands messages on: within its mesh directly, to other sites by way of the gateways.
%%
%% Gateways know the gateways of other sites beside their own mesh. Workers know their mesh alone, so a site whose gateway
%% loses its link goes on by itself.
-module(lab_mesh).
-behaviour(gen_server).
-export([start_link/1, report/0, send/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(TICK_MS, 1000).
%% Who has said nothing for so long is not well, connected or not.
-define(SILENT_MS, 5000).
-define(SEND_MS, 5000).
%% Worker, gateway, gateway, worker: nothing drawn needs more.
-define(HOPS_MAX, 4).

start_link(Drawn) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, Drawn, []).

%% Who is well and who is not, and what was handed on.
report() ->
    gen_server:call(?MODULE, report, 2000).

%% Sends a text to a node anywhere, and says which way it went: `{ok, Path, Microseconds}` or `{error, Why}`.
send(To, Text) ->
    try gen_server:call(?MODULE, {send, To, Text}, ?SEND_MS)
    catch exit:{timeout, _} -> {error, "no answer came back"}
    end.

init(#{role := Role, mesh := Mesh, local := Local, remote := Remote}) ->
    ok = net_kernel:monitor_nodes(true),
    %% Whoever is not drawn is not let in, even with the right cookie and certificate.
    _ = net_kernel:allow([node() | Local ++ Remote]),
    self() ! tick,
    {ok, #{role => Role, mesh => Mesh, local => Local, remote => Remote,
           heard => #{}, trying => #{}, waiting => #{}, delivered => 0, relayed => 0}}.

handle_call(report, _From, State) ->
    #{role := Role, mesh := Mesh, local := Local, remote := Remote, delivered := Delivered, relayed := Relayed} = State,
    Report = #{node => node(), role => Role, mesh => Mesh,
               local => [{Node, state_of(Node, State)} || Node <- Local],
               remote => [{Node, state_of(Node, State)} || Node <- Remote],
               beyond => beyond(State), delivered => Delivered, relayed => Relayed},
    {reply, Report, State};
handle_call({send, To, Text}, From, #{waiting := Waiting} = State) ->
    Id = make_ref(),
    Sent = erlang:monotonic_time(microsecond),
    Asked = State#{waiting := Waiting#{Id => {From, Sent}}},
    {noreply, pass({letter, Id, node(), To, Text, []}, Asked)}.

handle_cast({status, Node, Role, Nodes, Beyond}, #{heard := Heard} = State) ->
    {noreply, State#{heard := Heard#{Node => {now_ms(), Role, Nodes, Beyond}}}};
handle_cast({letter, _, _, _, _, _} = Letter, State) ->
    {noreply, pass(Letter, State)};
handle_cast({tried, Node}, #{trying := Trying} = State) ->
    {noreply, State#{trying := maps:remove(Node, Trying)}};
handle_cast(_Else, State) ->
    {noreply, State}.

handle_info(tick, #{role := Role, local := Local, remote := Remote, trying := Trying} = State) ->
    erlang:send_after(?TICK_MS, self(), tick),
    Missing = [Node || Node <- Local ++ Remote, not lists:member(Node, nodes()), not is_map_key(Node, Trying)],
    lists:foreach(fun try_connect/1, Missing),
    gen_server:abcast(nodes(), ?MODULE, {status, node(), Role, nodes(), beyond(State)}),
    Now = now_ms() * 1000,
    Waiting = maps:filter(fun(_, {_, Sent}) -> Now - Sent < ?SEND_MS * 1000 end, maps:get(waiting, State)),
    {noreply, State#{trying := lists:foldl(fun(Node, All) -> All#{Node => true} end, Trying, Missing), waiting := Waiting}};
handle_info({nodeup, Node}, State) ->
    logger:notice("~s is connected", [Node]),
    {noreply, State};
handle_info({nodedown, Node}, #{heard := Heard} = State) ->
    logger:notice("~s is gone", [Node]),
    {noreply, State#{heard := maps:remove(Node, Heard)}};
handle_info(_Else, State) ->
    {noreply, State}.

%% A try may take seconds, and nobody else waits for it.
try_connect(Node) ->
    spawn(fun() ->
        _ = net_kernel:connect_node(Node),
        gen_server:cast(?MODULE, {tried, Node})
    end).

%% Keeps a letter that has arrived, or hands it to whoever is nearer.
pass({letter, Id, From, To, Text, Path}, State) ->
    case node() of
        To -> arrived(Id, From, Text, lists:reverse([To | Path]), State);
        Here ->
            case [Next || length(Path) < ?HOPS_MAX, Next <- nearer(To, State), not lists:member(Next, Path)] of
                [Next | _] ->
                    gen_server:cast({?MODULE, Next}, {letter, Id, From, To, Text, [Here | Path]}),
                    count(relayed, Path, State);
                [] -> answer(Id, {error, "no way leads to " ++ atom_to_list(To)}, State)
            end
    end.

%% The answer is a letter too: it goes back to who asked, with the way that the question took.
arrived(Id, From, {answer, Path}, _Back, State) when From =/= node() ->
    answer(Id, {ok, Path}, State);
arrived(Id, From, _Text, Path, #{delivered := Delivered} = State) ->
    Counted = State#{delivered := Delivered + 1},
    case node() of
        From -> answer(Id, {ok, Path}, Counted);
        Here -> pass({letter, Id, Here, From, {answer, Path}, []}, Counted)
    end.

answer(Id, What, #{waiting := Waiting} = State) ->
    case maps:take(Id, Waiting) of
        {{Who, Sent}, Rest} ->
            Took = erlang:monotonic_time(microsecond) - Sent,
            gen_server:reply(Who, case What of {ok, Path} -> {ok, Path, Took}; Error -> Error end),
            State#{waiting := Rest};
        error -> State
    end.

%% A letter of one's own is not handed on, it is sent.
count(_What, [], State) -> State;
count(What, _Path, State) -> maps:update_with(What, fun(Number) -> Number + 1 end, State).

%% Who brings a letter nearer: the node itself, else who sees it, else who knows somebody who does.
nearer(To, #{heard := Heard}) ->
    case lists:member(To, nodes()) of
        true -> [To];
        false ->
            Gateways = [{Node, Nodes, Beyond} || {Node, {_, gateway, Nodes, Beyond}} <- lists:sort(maps:to_list(Heard))],
            [Node || {Node, Nodes, _} <- Gateways, lists:member(To, Nodes)]
                ++ [Node || {Node, _, Beyond} <- Gateways, lists:member(To, Beyond)]
    end.

%% What the gateways of other sites see, as far as they are heard.
beyond(#{remote := Remote, heard := Heard}) ->
    All = [Nodes || {Node, {_, _, Nodes, _}} <- maps:to_list(Heard), lists:member(Node, Remote)],
    lists:usort(lists:append(All)) -- [node()].

state_of(Node, #{heard := Heard}) ->
    Connected = lists:member(Node, nodes()),
    case Heard of
        #{Node := {At, _, _, _}} when Connected ->
            case now_ms() - At of
                Age when Age < ?SILENT_MS -> well;
                _ -> silent
            end;
        _ when Connected -> silent;
        _ -> gone
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).
