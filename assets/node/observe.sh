# What a node says of itself, again and again, over one channel: a record a line.
#
# Before this text stand the variables that differ from node to node, made by `provision::observe`:
#   rounds_max   rounds of two seconds after which it ends by itself
#   targets      flows that start here: `NUMBER tcp|ping ADDRESS PORT` each, `;` after each
#   peers        addresses that get a packet each round, so that both ends know which directions work
# Services and VIPs are found where they were set up, so one that is added later is seen without starting anew.
#
# A record is `WRITER.NUMBER WORD ...`; the number of a writer never falls. No line is longer than 4096 bytes, so that lines of
# several writers never mix in the pipe (pipe(7)). It leaves nothing behind: no process, no file, no rule.
#
# POSIX shell. Run by bash it needs a third of the processes: it waits without `sleep`, ends what takes too long without
# `timeout`, and opens connections by /dev/tcp without `nc`.

set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
here=$$ children= keeper= run= table=sandtable_watch_$$
base=${base:-/var/lib/sandtable}
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
    [ -z "$run" ] || rm -rf "$run"
    [ -z "$table" ] || nft delete table inet "$table" 2>/dev/null
}

say() {
    number=$((number + 1))
    printf '%s.%s %s\n' "$who" "$number" "$*" || exit 0
}

nap() {
    if [ -n "$in_bash" ]; then read -r -t "$1" -u 9 _; else sleep "$1"; fi
}

# Addresses as they come and go: the one thing that cannot wait for the next round.
addresses() {
    who=a number=0
    while read -r first second third fourth fifth rest; do
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
        while kill -0 "$1" 2>/dev/null; do sleep 3; done
        for child in $2 $(cat "$3"/busy.*.pid 2>/dev/null); do kill -- "-$child" 2>/dev/null || kill "$child" 2>/dev/null; done
        rm -rf "$3"
        nft delete table inet "$4" 2>/dev/null' keeper "$here" "$children" "$run" "$table"
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

# How well one service is, and every third time or when that has changed, what else is known of it.
ask() {
    # What it starts stays in its group.
    [ -z "$in_bash" ] || set +m
    for _ in $2; do
        if [ -e "$1/health" ]; then out=$(limited sh "$1/health" 2>&1 </dev/null); else out=$(unit_health "$1" 2>&1 </dev/null); fi
        code=$?
        printf 'h.%s service %s %s %.300s\n' "$round" "${1##*/}" "$code" "${out##*"$line_end"}" || exit 0
    done
    last=
    [ ! -e "$run/code.${1##*/}" ] || read -r last <"$run/code.${1##*/}"
    echo "$code" >"$run/code.${1##*/}"
    if { [ $((round % 3)) = 1 ] || [ "$code" != "$last" ]; } && [ -e "$1/facts" ]; then
        out=$(limited sh "$1/facts" 2>/dev/null </dev/null)
        while [ -n "$out" ]; do
            printf 'h.%s fact %s %.300s\n' "$round" "${1##*/}" "${out%%"$line_end"*}" || exit 0
            case $out in
            *"$line_end"*) out=${out#*"$line_end"} ;;
            *) out= ;;
            esac
        done
    fi
    # Where the folder is gone, so is everybody who would read this.
    { : >"$run/busy.${1##*/}"; } 2>/dev/null
}

# Asks after each service whose turn it is; the one that has not answered for two rounds is ended.
services() {
    place=0
    for folder in "$base"/services/*; do
        [ -e "$folder/name" ] || continue
        place=$((place + 1))
        [ "$1" = all ] || [ $((place % 4)) = "$1" ] || continue
        busy=$run/busy.${folder##*/}
        if [ -s "$busy" ]; then
            read -r since <"$busy"
            [ $((round - since)) -ge 2 ] || continue
            if [ -n "$in_bash" ] && read -r asked <"$busy.pid"; then kill -- "-$asked" 2>/dev/null; fi
            printf 'h.%s service %s 124 no answer within 4 s\n' "$round" "${folder##*/}" || exit 0
        fi
        # Emptied again by the one who asks.
        echo "$round" >"$busy"
        ask "$folder" "$times" &
        echo "$!" >"$busy.pid"
    done
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
        else
            read -r why <"$run/why.$1"
            why="no ${why:-answer}"
        fi
    fi
    printf 'p.%s flow %s %.200s\n' "$round" "$1" "$why"
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
}

flows() {
    left=$targets
    while [ -n "$left" ]; do
        one=${left%%;*} left=${left#*;}
        set -- $one
        case $2 in
        tcp) try "$@" & ;;
        *) ping_once "$@" & ;;
        esac
        tries="$tries $!:$1"
    done
    [ -n "$in_bash" ] || return 0
    for peer in $peers; do
        { echo >"/dev/udp/$peer/9"; } 2>/dev/null
    done
}

# Ends the tries that have no answer yet. What is over has been waited for by bash, so there is nobody to end.
late() {
    for one in $tries; do
        if [ -n "$in_bash" ] && kill -- "-${one%:*}" 2>/dev/null; then
            printf 'p.%s flow %s late\n' "$round" "${one#*:}" || exit 0
        fi
    done
    tries=
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
    say "node clock $(date +%s)"
    set -- $(df -P / 2>/dev/null | tail -n 1)
    [ $# -lt 5 ] || say "node disk-percent ${5%\%}"
    set -- $(grep -hE '^(MemTotal|MemAvailable):' /proc/meminfo)
    [ $# -lt 5 ] || say "node memory-free-percent $((${5:-0} * 100 / (${2:-0} + 1)))"
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

who=r number=0 sockets=none tries= hears=no round=0
# Whoever looks once wants two answers soon, so the first round asks twice.
times='1 2'
say "hello 1 $(date +%s)"
while [ "$round" -lt "$rounds_max" ]; do
    round=$((round + 1)) pause=0.5
    [ "$round" -gt 1 ] || pause=0.3
    if [ "$round" = 1 ]; then services all; else services 0; fi
    [ $((round % 2)) = 0 ] || sockets
    [ $((round % 5)) != 1 ] || node
    if [ "$round" = 1 ] && [ -n "$peers" ] && [ -n "$in_bash" ] && listen_for_peers; then hears=yes; fi
    for _ in $times; do flows; done
    nap "$pause"
    [ "$round" = 1 ] || services 1
    nap "$pause"
    [ "$round" = 1 ] || services 2
    nap "$pause"
    [ "$round" = 1 ] || services 3
    late
    times=1
    [ "$hears" = no ] || [ $((round % 2)) = 0 ] || say "heard $(nft list set inet "$table" heard 2>/dev/null | tr -d '\n\t')"
    say "alive $round"
    nap "$pause"
done
say "bye"
