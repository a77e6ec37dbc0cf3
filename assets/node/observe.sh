# What a node says of itself, again and again, over one channel: a record a line.
#
# Before this text stand the variables that differ from node to node, made by `provision::observe`:
#   rounds_max   rounds of two seconds after which it ends by itself
#   targets      flows that start here: `NUMBER tcp|ssh ADDRESS PORT` or `NUMBER ping ADDRESS` each, `;` after each
#   peers        addresses that get a packet each round, so that both ends know which directions work
# Services and VIPs are found where they were set up, so one that is added later is seen without starting anew.
#
# A record is `WRITER.NUMBER WORD ...`; the number of a writer never falls. No line is longer than 4096 bytes, so that lines of
# several writers never mix in the pipe (pipe(7)). It leaves nothing behind: no process, no file, no rule.
#
# Near a change everything is asked each round. While nothing changes, services are asked every fifth round, and between
# that only what costs no process is looked at: the first process of each unit and the faults of this node. Flows are tried each
# round, and addresses are told as they come and go. What was not well is asked again each half second for a while, so that
# nobody waits for a round to hear that it is well again; that something fails is only said after whole rounds.
#
# POSIX shell. Run by bash it needs a third of the processes: it waits without `sleep`, ends what takes too long without
# `timeout`, and opens connections by /dev/tcp without `nc`.

set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
here=$$ children= keeper= run= table=sandtable_watch_$$
base=${base:-/var/lib/sandtable}
trust=${trust:-/etc/sandtable/tls}
# Rounds after a change in which everything is asked.
stirred_rounds=8
# How often what is not well is asked again at once, counted from each change of the pulse.
again_max=16
exec 2>/dev/null
line_end='
'
in_bash=${BASH_VERSION:+yes}
# Each process that is started leads a group of its own, so that it can be ended with all that it started (bash only: without a
# terminal dash refuses).
[ -z "$in_bash" ] || set -m

clean() {
    trap - EXIT HUP INT TERM PIPE
    for child in $children $keeper $([ -z "$run" ] || cat "$run"/busy.*.pid); do
        kill -- "-$child" 2>/dev/null || kill "$child" 2>/dev/null
    done
    [ -z "$run" ] || rm -rf "$run" "$base/.room"
    [ -z "$table" ] || nft delete table inet "$table" 2>/dev/null
}

say() {
    number=$((number + 1))
    printf '%s.%s %s\n' "$who" "$number" "$*" || exit 0
}

# Something may be another than before: the next rounds look closer.
stirred() {
    { echo 1 >"$run/stir"; } 2>/dev/null
}

nap() {
    if [ -n "$in_bash" ]; then read -r -t "$1" -u 9 _; else sleep "$1"; fi
}

# Addresses as they come and go: the one thing that cannot wait for the next round.
addresses() {
    who=a number=0
    while read -r first second third fourth fifth rest; do
        stirred
        case $first in
        Deleted) [ "$fourth" != inet ] || say "address - $third $fifth" ;;
        *) [ "$third" != inet ] || say "address + $second $fourth" ;;
        esac
    done
}

# Whoever kills the main shell in a way that lets it do nothing more is noticed by this one. It has nothing of the shell's
# environment, by which others that belong together are found and killed.
keeper() {
    exec env -i PATH="$PATH" sh -c '
        while kill -0 "$1" 2>/dev/null; do sleep 8; done
        for child in $2 $(cat "$3"/busy.*.pid 2>/dev/null); do kill -- "-$child" 2>/dev/null || kill "$child" 2>/dev/null; done
        rm -rf "$3" "$5"
        nft delete table inet "$4" 2>/dev/null' keeper "$here" "$children" "$run" "$table" "$base/.room"
}

is_active() {
    # A process in the unit's group says so at no cost; units without one (mounts, rules) are asked after.
    pid=
    { read -r pid <"/sys/fs/cgroup/system.slice/$1/cgroup.procs"; } 2>/dev/null
    [ -n "$pid" ] || systemctl is-active --quiet "$1" 2>/dev/null
}

unit_health() {
    [ -s "$1/units" ] || return 0
    while read -r unit; do
        is_active "$unit" || { echo "$unit does not run"; return 1; }
    done <"$1/units"
}

limited() {
    if [ -n "$in_bash" ]; then "$@"; else timeout -k 1 4 "$@"; fi
}

# How a script about a service is run: with an answer to whether a unit runs that costs no process.
with_answers='systemctl() {
    if [ "$1 $2" = "is-active --quiet" ]; then
        case $3 in *.*) unit=$3 ;; *) unit=$3.service ;; esac
        { read -r _ <"/sys/fs/cgroup/system.slice/$unit/cgroup.procs"; } 2>/dev/null && return 0
    fi
    command systemctl "$@"
}
. "$0"'

# Whether the certificate of a service is out of date. When it ends is read once for each certificate.
is_out_of_date() {
    pem=$trust/$1/certificate.pem until=
    [ -e "$pem" ] || return 1
    if [ ! -e "$run/until.$1" ] || [ "$pem" -nt "$run/until.$1" ] || [ "$pem" -ot "$run/until.$1" ]; then
        until=$(openssl x509 -noout -enddate -in "$pem") && until=$(date -d "${until#*=}" +%s) || until=
        echo "$until" >"$run/until.$1" && touch -r "$pem" "$run/until.$1"
    fi
    read -r until <"$run/until.$1"
    [ -n "$until" ] && [ "${EPOCHSECONDS:-$(date +%s)}" -ge "$until" ]
}

# Has a service asked again at once that was not well before: once more where it is now, else for a while.
ask_again() { # SLUG CODE CODE-BEFORE
    [ "${3%% *}" != 0 ] && [ "$round" -ge "$again_from" ] || return 0
    at= count=0
    [ ! -e "$run/count.$1" ] || read -r at count <"$run/count.$1"
    [ "$at" = "$beats" ] || count=0
    [ "$2" = 0 ] || count=$((count + 1))
    [ "$count" -le "$again_max" ] || return 0
    { echo "$beats $count" >"$run/count.$1" && echo 1 >"$run/again.$1" && echo 1 >"$run/again"; } 2>/dev/null
}

# How well one service is, and every third time or when that has changed, what else is known of it.
ask() {
    # What it starts stays in its group.
    [ -z "$in_bash" ] || set +m
    slug=${1##*/} first=
    for _ in $2; do
        if [ -e "$1/health" ]; then out=$(limited sh -c "$with_answers" "$1/health" 2>&1 </dev/null); else out=$(unit_health "$1" 2>&1 </dev/null); fi
        code=$?
        if [ "$code" = 0 ] && is_out_of_date "$slug"; then code=2 out="its certificate is out of date"; fi
        printf 'h.%s service %s %s %.300s\n' "$round" "$slug" "$code" "${out##*"$line_end"}" || exit 0
        first=${first:-$code}
    done
    last=
    [ ! -e "$run/said.$slug" ] || read -r last <"$run/said.$slug"
    echo "$code ${out##*"$line_end"}" >"$run/said.$slug"
    ask_again "$slug" "$code" "${last:-$first}"
    # What is not well may be so again at any time.
    if [ "$code" != 0 ] || [ "${last%% *}" != 0 ]; then stirred; fi
    if { [ $((asks % 3)) = 1 ] || [ "$code ${out##*"$line_end"}" != "$last" ]; } && [ -e "$1/facts" ]; then
        out=$(limited sh -c "$with_answers" "$1/facts" 2>/dev/null </dev/null)
        while [ -n "$out" ]; do
            printf 'h.%s fact %s %.300s\n' "$round" "$slug" "${out%%"$line_end"*}" || exit 0
            case $out in
            *"$line_end"*) out=${out#*"$line_end"} ;;
            *) out= ;;
            esac
        done
    fi
    # Where the folder is gone, so is everybody who would read this.
    { : >"$run/busy.$slug"; } 2>/dev/null
}

# Asks after each service whose turn it is: all, a fourth, none, or only those that are to be asked again. The one that has not answered for two rounds is ended.
services() {
    place=0
    for folder in "$base"/services/*; do
        [ -e "$folder/name" ] || continue
        place=$((place + 1))
        case $1 in
        all | none) ;;
        *) [ $((place % 4)) = "$1" ] || [ -s "$run/again.${folder##*/}" ] || continue ;;
        esac
        busy=$run/busy.${folder##*/}
        if [ -s "$busy" ]; then
            read -r since <"$busy"
            [ $((round - since)) -ge 2 ] || continue
            if [ -n "$in_bash" ] && read -r asked <"$busy.pid"; then kill -- "-$asked" 2>/dev/null; fi
            printf 'h.%s service %s 124 no answer within 4 s\n' "$round" "${folder##*/}" || exit 0
            : >"$busy"
            stirred
        fi
        [ "$1" != none ] || continue
        # Emptied again by the one who asks.
        echo "$round" >"$busy"
        : >"$run/again.${folder##*/}"
        ask "$folder" "$times" &
        echo "$!" >"$busy.pid"
    done
}

# The units of all services, as they were set up by now.
learn_units() {
    units=
    for folder in "$base"/services/*; do
        [ -s "$folder/units" ] || continue
        while read -r unit; do units="$units $unit"; done <"$folder/units"
    done
    for folder in "$base"/vips/*; do
        [ ! -e "$folder/address" ] || { units="$units keepalived.service"; break; }
    done
}

# Whether a service was started, ended or frozen, or a fault came or went, by what can be seen without a process.
pulse() {
    set -- "$base"/faults/*
    now=$*
    for unit in $units; do
        pid=- state=-
        { read -r pid <"/sys/fs/cgroup/system.slice/$unit/cgroup.procs" && read -r _ _ state _ <"/proc/$pid/stat"; } 2>/dev/null
        case $state in T | t) pid=$pid:frozen ;; esac
        now="$now $pid"
    done
    [ "$now" != "$beat" ] || return 1
    beat=$now beats=$((beats + 1))
    stirred
}

# What a change of the pulse asks for: the services at once, and the node in the next round.
hear_pulse() {
    pulse || return 0
    look=yes
    [ "$turn" = none ] || return 0
    turn=all
    services all
}

# A flow that goes another way than before. One that did not get through is tried again within this round.
turned() {
    was=
    [ ! -e "$run/way.$1" ] || read -r was <"$run/way.$1"
    [ "$was" = "$2" ] || { echo "$2" >"$run/way.$1"; stirred; }
    case $was:$2 in
    ok:* | ms:* | : | :ok | :ms | *:late | *:unknown) return 0 ;;
    *:ok | *:ms) ;;
    # What has long been closed is tried once a round.
    *) [ "$calm" = 1 ] || return 0 ;;
    esac
    { echo 1 >"$run/retry.$1" && echo 1 >"$run/retry"; } 2>/dev/null
}

try() {
    why=unknown
    if [ -z "$in_bash" ]; then
        case $dialler in
        nc) why=$(nc -z -w 1 "$3" "$4" 2>&1 </dev/null) && why=ok || why="no ${why:-answer}" ;;
        busybox) why=$(nc -w 1 "$3" "$4" -e true 2>&1 </dev/null) && why=ok || why="no ${why:-answer}" ;;
        esac
    else
        exec 2>"$run/why.$1"
        begun=$EPOCHREALTIME
        if { exec 3<>"/dev/tcp/$3/$4"; }; then
            ended=$EPOCHREALTIME
            why="ok $((${ended%.*}${ended#*.} - ${begun%.*}${begun#*.}))"
            # A stranger who greets and goes is one line in its log, and no error.
            if [ "$2" = ssh ]; then
                if read -r -t 1 banner <&3; then printf 'SSH-2.0-sandtable\r\n' >&3; else why=late; fi
            fi
        else
            read -r why <"$run/why.$1"
            why="no ${why:-answer}"
        fi
    fi
    printf 'p.%s flow %s %.200s\n' "$round" "$1" "$why"
    turned "$1" "${why%% *}"
}

ping_once() {
    [ -z "$in_bash" ] || set +m
    if ! command -v ping >/dev/null; then
        out=unknown
    elif out=$(ping -n -c 1 -W 1 "$3" 2>/dev/null </dev/null); then
        case $out in
        *time=*) out=${out#*time=} out="ms ${out%% *}" ;;
        *) out=ok ;;
        esac
    else
        out="no answer to ping"
    fi
    printf 'p.%s flow %s %s\n' "$round" "$1" "$out"
    turned "$1" "${out%% *}"
}

# Tries all flows, or only those that are to be tried again.
flows() {
    which=$1 left=$targets
    while [ -n "$left" ]; do
        one=${left%%;*} left=${left#*;}
        set -- $one
        if [ "$which" = again ]; then
            [ -s "$run/retry.$1" ] || continue
            : >"$run/retry.$1"
        fi
        case $2 in
        tcp) try "$@" & ;;
        ssh)
            # While nothing changes each fifth round is enough: servers log whoever does not log in, and newer ones turn away who comes often.
            [ "$which" = again ] || [ "$calm" = 1 ] || [ $((round % 5)) = 0 ] || continue
            try "$@" &
            ;;
        *) ping_once "$@" & ;;
        esac
        tries="$tries $!:$1"
    done
    [ -n "$in_bash" ] && [ "$which" = all ] || return 0
    for peer in $peers; do
        { echo >"/dev/udp/$peer/9"; } 2>/dev/null
    done
}

# Ends the tries that have no answer yet. What is over has been waited for by bash, so there is nobody to end.
late() {
    for one in $tries; do
        if [ -n "$in_bash" ] && kill -- "-${one%:*}" 2>/dev/null; then
            printf 'p.%s flow %s late\n' "$round" "${one#*:}" || exit 0
            turned "${one#*:}" late
        fi
    done
    tries=
}

# What comes a half second after the last: the services whose turn it is, and all that is asked or tried again.
half_second() { # TURN
    nap "$pause"
    if [ "$turn" = own ]; then
        services "$1"
    elif [ -s "$run/again" ]; then
        : >"$run/again"
        services again
    fi
    # Each try has a second at least before it is late.
    if [ "$1" != 3 ] && [ -s "$run/retry" ]; then
        : >"$run/retry"
        flows again
    fi
}

# Which nodes were heard of within the last seconds, whatever the firewall then does with their packets.
listen_for_peers() {
    for old in $(nft list tables inet 2>/dev/null); do
        case $old in
        sandtable_watch_*) kill -0 "${old#sandtable_watch_}" 2>/dev/null || nft delete table inet "$old" 2>/dev/null ;;
        esac
    done
    nft -f - 2>/dev/null <<RULES
table inet $table {
    set heard { type ipv4_addr; flags dynamic, timeout; timeout 5s; size 4096; }
    chain arriving {
        type filter hook prerouting priority -140; policy accept;
        udp dport 9 update @heard { ip saddr }
    }
}
RULES
}

sockets() {
    now=$(grep -hs ' 0A \| 07 ' /proc/net/tcp /proc/net/tcp6 /proc/net/udp)
    [ "$now" != "$sockets" ] || return 0
    sockets=$now
    say "listening $(while read -r _ local _ state rest; do printf '%s/%s ' "$local" "$state"; done <<SOCKETS
$now
SOCKETS
    )"
}

node() {
    say "addresses $(ip -4 -o address show | while read -r _ name _ net rest; do printf '%s %s ' "$name" "$net"; done)"
    say "node clock ${EPOCHSECONDS:-$(date +%s)}"
    # Seven words stand above the line (POSIX). Where a quota is what fills up, df has the room of all: writing tells. What was
    # written goes again at once: kept, it would be room for the next try on a disk that is full.
    set -- $(df -P / 2>/dev/null)
    percent=${12:-}
    { printf '%65536s' '' >"$base/.room" || [ ! -d "$base" ] || percent=100; } 2>/dev/null
    { printf '' >"$base/.room"; } 2>/dev/null
    [ -z "$percent" ] || say "node disk-percent ${percent%\%}"
    total= free=
    while read -r key value rest; do
        case $key in
        MemTotal:) total=$value ;;
        MemAvailable:) free=$value && break ;;
        esac
    done </proc/meminfo
    [ -z "$free" ] || say "node memory-free-percent $((free * 100 / (total + 1)))"
    read -r load rest </proc/loadavg && say "node load $load"
    for folder in "$base"/vips/*; do
        [ -e "$folder/address" ] || continue
        if is_active keepalived.service; then say "node vrrp runs"; else say "node vrrp stopped"; fi
        break
    done
}

# Without bash `nc` opens connections. Busybox's knows no `-z`: it runs a program once it is connected.
dialler=
if [ -z "$in_bash" ] && command -v nc >/dev/null; then
    case $(nc -z 2>&1 </dev/null) in
    *"invalid option"* | *"unrecognized option"*) dialler=busybox ;;
    *) dialler=nc ;;
    esac
fi

trap clean EXIT
trap 'clean; exit 0' HUP INT TERM PIPE
run=$(mktemp -d /run/sandtable-observe.XXXXXX) || exit 1
mkfifo "$run/addresses" "$run/never"
exec 9<>"$run/never"

ip -4 -o monitor address </dev/null >"$run/addresses" 2>/dev/null &
children="$children $!"
addresses <"$run/addresses" &
children="$children $!"
keeper </dev/null >/dev/null 2>&1 &
keeper=$!

who=r number=0 sockets=none tries= hears=no round=0 asks=0 units= beat= beats=0 look=no seen_at=0 again_from=0 close_until=$stirred_rounds
: >"$run/stir"
# Whoever looks once wants two answers soon, so the first round asks twice.
times='1 2'
say "hello 1 $(date +%s)"
while [ "$round" -lt "$rounds_max" ]; do
    round=$((round + 1)) pause=0.5 turn=own
    # Who was frozen takes a while to find out what others did meanwhile: two good answers in one moment say nothing then.
    if [ "$seen_at" -gt 0 ] && [ $((${EPOCHSECONDS:-$seen_at} - seen_at)) -gt 6 ]; then
        again_from=$((round + 3))
        stirred
    fi
    seen_at=${EPOCHSECONDS:-0}
    [ "$round" -gt 1 ] || pause=0.3 turn=all
    if [ -s "$run/stir" ]; then
        : >"$run/stir"
        close_until=$((round + stirred_rounds))
    fi
    calm=1
    if [ "$round" -gt "$close_until" ]; then
        calm=2
        [ $((round % 5)) = 0 ] || turn=none
    fi
    if [ "$turn" != none ]; then
        asks=$((asks + 1))
        learn_units
    fi
    if [ "$turn" = own ]; then services 0; else services "$turn"; fi
    [ $((round % (2 * calm * calm))) != 1 ] || sockets
    if [ "$look" = yes ] || [ $((round % (5 * calm))) = 1 ]; then
        look=no
        node
    fi
    if [ "$round" = 1 ] && [ -n "$peers" ] && [ -n "$in_bash" ] && listen_for_peers; then hears=yes; fi
    for _ in $times; do flows all; done
    half_second 1
    hear_pulse
    half_second 2
    half_second 3
    hear_pulse
    late
    times=1
    if [ "$hears" = yes ] && [ $((round % 2)) = 1 ]; then
        set -- $(nft list set inet "$table" heard 2>/dev/null)
        say "heard $*"
    fi
    say "alive $round"
    nap "$pause"
done
say "bye"
