# What breaks a node from inside, and what undoes it. Read after the prelude; POSIX.
#
# Each fault has a folder of its own with the script that undoes it. That script is there, and a timer of this node's that runs it
# when the time is up, before anything is broken. It needs nothing of what stands here, and can be run at any time, twice, or
# where nothing was broken.

faults=$state/faults

# One fault: KIND_can says what stands against it, KIND_undo writes what undoes it, KIND_do breaks.
fault() { # ID SECONDS KIND ARGUMENT...
    id=$1 secs=$2 kind=$3
    shift 3
    folder=$faults/$id
    stage="breaking"
    if [ -e "$folder/broken" ]; then return 0; fi
    "${kind}_can" "$@"
    if [ "$kind" = restart ]; then
        restart_do "$@"
        : >"$work/changed"
        return 0
    fi
    mkdir -p -m 0755 "$state"
    mkdir -p -m 0700 "$faults"
    rm -rf "$folder"
    mkdir -m 0700 "$folder"
    undo_begin >"$folder/undo.new"
    "${kind}_undo" "$@" >>"$folder/undo.new"
    undo_end >>"$folder/undo.new"
    mv "$folder/undo.new" "$folder/undo"
    timer
    # Before it is: afterwards there may be no room on the disk.
    : >"$folder/broken"
    # In a shell of its own, so that what was done by halves is undone. There no failure ends it by itself: each says so.
    if ("${kind}_do" "$@"); then
        : >"$work/changed"
    else
        undo_now "$id"
        exit 1
    fi
}

undo_begin() {
    cat <<UNDO
#!/bin/sh
# What undoes fault $id of this lab: $kind.
export LANG=C LC_ALL=C PATH=$PATH
folder=$folder
# Whether another fault does the same to the same. One without its timer ended when this node was turned off.
held() {
    for other in $faults/*/holds; do
        if [ "\$other" = "\$folder/holds" ] || [ ! -e "\$other" ] || ! cmp -s "\$other" "\$folder/holds"; then continue; fi
        number=\${other%/holds}
        ! systemctl is-active --quiet "sandtable-heal-\${number##*/}.timer" || return 0
    done
    return 1
}
UNDO
}
undo_end() {
    cat <<UNDO
rm -rf "\$folder"
systemctl stop sandtable-heal-$id.timer >/dev/null 2>&1
exit 0
UNDO
}
undo_now() { # ID
    [ -e "$faults/$1/undo" ] || return 0
    stage="undoing"
    sh "$faults/$1/undo" >"$work/undone" 2>&1 </dev/null || fail "what was broken cannot be mended: $(tail -n 1 "$work/undone")"
    : >"$work/changed"
}
timer() {
    systemctl stop "sandtable-heal-$id.timer" >/dev/null 2>&1 || true
    systemd-run --quiet --collect --unit="sandtable-heal-$id" --on-active="${secs}s" --timer-property=AccuracySec=1s \
        sh "$folder/undo" </dev/null >"$work/timer" 2>&1 || {
        rm -rf "$folder"
        fail "this node can set no timer that would heal it, so nothing is broken: $(tail -n 1 "$work/timer")"
    }
}
holds() { printf '%s\n' "$*" >"$folder/holds"; }
interface() { interface_of "$1" || fail "no network card of this node has the hardware address $1"; }

# --- Services.
runs_something() {
    [ -s "$1/units" ] || fail "nothing of it runs as a service, so there is nothing to stop"
}
main_unit() { head -n 1 "$1/units"; }
is_up() {
    runs_something "$1"
    systemctl is-active --quiet "$(main_unit "$1")" || fail "it does not run; start it first"
}
start_again() {
    while read -r unit; do
        printf 'held || { systemctl reset-failed %s; systemctl start --no-block %s; } >/dev/null 2>&1\n' "$unit" "$unit"
    done <"$1/units"
}

stop_can() { runs_something "$1"; }
stop_undo() { holds stop "$1"; start_again "$1"; }
stop_do() {
    sed '1!G;h;$!d' "$1/units" >"$work/backwards"
    while read -r unit; do
        timeout 60 systemctl stop "$unit" </dev/null || {
            systemctl kill -s KILL "$unit" </dev/null
            systemctl stop "$unit" </dev/null || fail "$unit cannot be stopped"
        }
    done <"$work/backwards"
}

kill_can() { is_up "$1"; }
kill_undo() { start_again "$1"; }
kill_do() { systemctl kill -s KILL "$(main_unit "$1")" </dev/null || fail "it cannot be killed"; }

hang_can() { is_up "$1"; }
hang_undo() {
    holds hang "$1"
    while read -r unit; do printf 'held || systemctl kill -s CONT %s >/dev/null 2>&1\n' "$unit"; done <"$1/units"
}
hang_do() {
    while read -r unit; do systemctl kill -s STOP "$unit" </dev/null || fail "$unit cannot be frozen"; done <"$1/units"
}

restart_can() { runs_something "$1"; }
restart_do() {
    while read -r unit; do
        timeout 120 systemctl restart "$unit" </dev/null || fail "$unit does not start again"
    done <"$1/units"
}

# --- Files that a service reads: kept beside, and put back.
swapped_undo() { # PATH...
    for path; do
        cp -p "$path" "$folder/kept-${path##*/}"
        # Where another fault has changed the file already, that one has the right content.
        for other in "$faults"/*/holds; do
            if [ "$other" = "$folder/holds" ] || ! cmp -s "$other" "$folder/holds"; then continue; fi
            cp -p "${other%holds}kept-${path##*/}" "$folder/" 2>/dev/null || true
        done
        printf 'held || [ ! -e "$folder/kept-%s" ] || mv -f "$folder/kept-%s" "%s"\n' "${path##*/}" "${path##*/}" "$path"
    done
}
cookie_file() { [ ! -e "$1/files" ] || grep -m 1 'cookie$' "$1/files"; }
cookie_can() {
    is_up "$1"
    [ -n "$(cookie_file "$1")" ] || fail "it is not a BEAM node: it has no cookie"
}
cookie_undo() {
    holds cookie "$1"
    swapped_undo "$(cookie_file "$1")"
    printf 'held || systemctl restart --no-block %s >/dev/null 2>&1\n' "$(main_unit "$1")"
}
cookie_do() {
    # The same owner and mode: only the content is another.
    printf 'NOTTHECOOKIEOFTHISLAB' >"$(cookie_file "$1")" || fail "its cookie cannot be written"
    systemctl restart "$(main_unit "$1")" </dev/null || fail "it does not start with another cookie"
}

keep_text() { base64 -d >"$work/text-$1"; }
expire_can() {
    is_up "$1"
    [ -s "$2/certificate.pem" ] || fail "it has no certificate of this lab's authority"
}
expire_undo() { # HOME FOLDER
    holds expire "$1"
    for path in "$2"/*.pem; do
        case $path in */authority.pem) ;; *) swapped_undo "$path" ;; esac
    done
    printf 'held || systemctl reload-or-restart --no-block %s >/dev/null 2>&1\n' "$(main_unit "$1")"
}
expire_do() {
    for path in "$2"/*.pem; do
        case $path in
        */authority.pem) continue ;;
        */bundle.pem) cat "$work/text-certificate" "$work/text-key" >"$path" ;;
        *key*) cat "$work/text-key" >"$path" ;;
        *) cat "$work/text-certificate" >"$path" ;;
        esac || fail "$path cannot be written"
    done
    systemctl reload-or-restart "$(main_unit "$1")" </dev/null || fail "it does not take another certificate"
}

# --- Packets: a table for each fault, so that healing one heals no other.
packets_can() { nft list tables >/dev/null 2>&1 || fail "this node's kernel has no nf_tables: no packet can be dropped inside it"; }
packets_undo() { printf 'nft delete table inet sandtable_fault_%s 2>/dev/null\n' "$id"; }
packets_do() {
    { printf 'table inet sandtable_fault_%s {\n' "$id"; cat; printf '}\n'; } >"$work/rules"
    nft -f "$work/rules" >"$work/nft" 2>&1 || fail "the rules were not taken: $(head -n 1 "$work/nft")"
}
listed() { printf '%s' "$1"; shift; for one; do printf ', %s' "$one"; done; }

block_can() { packets_can; }
block_undo() { packets_undo; }
block_do() {
    ports=$(listed "$@")
    packets_do <<RULES
    chain input {
        type filter hook input priority -10; policy accept;
        iif != "lo" tcp dport { $ports } drop
        iif != "lo" udp dport { $ports } drop
    }
RULES
}

drop_from_can() { packets_can; }
drop_from_undo() { packets_undo; }
drop_from_do() {
    sources=$(listed "$@")
    packets_do <<RULES
    chain arriving {
        type filter hook prerouting priority -300; policy accept;
        ip saddr { $sources } drop
    }
RULES
}

no_dns_can() { packets_can; }
no_dns_undo() { packets_undo; }
no_dns_do() { # PORT...
    ports=$(listed "$@")
    packets_do <<RULES
    chain output {
        type filter hook output priority -10; policy accept;
        udp dport { $ports } drop
        tcp dport { $ports } drop
    }
RULES
}

# Both ways, each packet for itself. It needs no netem.
loss_can() { packets_can; interface "$1" >/dev/null; }
loss_undo() { packets_undo; }
loss_do() { # MAC PERCENT
    name=$(interface "$1") || exit 1
    # nft takes no comparison that is always true.
    if [ "$2" -ge 100 ]; then chance=; else chance="numgen random mod 100 < $2"; fi
    packets_do <<RULES
    chain arriving {
        type filter hook prerouting priority -300; policy accept;
        iifname "$name" $chance drop
    }
    chain leaving {
        type filter hook postrouting priority 300; policy accept;
        oifname "$name" $chance drop
    }
RULES
}

delay_can() { # MAC MILLISECONDS
    name=$(interface "$1") || exit 1
    command -v tc >/dev/null 2>&1 || fail "this node has no tc (iproute2): its packets cannot be made late"
    tc qdisc show dev "$name" | grep -q 'qdisc netem' || {
        tc qdisc add dev "$name" root netem delay 0ms >"$work/tc" 2>&1 || fail "this node's kernel has no netem, so its packets cannot be made late; loss works here, and delay on a machine whose kernel has netem"
        tc qdisc del dev "$name" root >/dev/null 2>&1
    }
}
# All delays of a card together, for a card has one netem.
delays() { # NAME
    printf 'sum=0; for one in %s/*/delay-%s; do [ ! -e "$one" ] || read -r ms <"$one" && sum=$((sum + ${ms:-0})); ms=0; done\n' "$faults" "$1"
    printf 'if [ "$sum" = 0 ]; then tc qdisc del dev %s root; else tc qdisc replace dev %s root netem delay "${sum}ms"; fi 2>/dev/null\n' "$1" "$1"
}
delay_undo() {
    name=$(interface "$1")
    printf 'rm -f "$folder/delay-%s"\n' "$name"
    delays "$name"
}
delay_do() {
    name=$(interface "$1") || exit 1
    printf '%s\n' "$2" >"$folder/delay-$name"
    delays "$name" >"$work/delays"
    sh "$work/delays" || fail "the delay was not taken"
    tc qdisc show dev "$name" | grep -q 'qdisc netem' || fail "the delay was not taken"
}

link_down_can() { interface "$1" >/dev/null; }
link_down_undo() {
    name=$(interface "$1")
    holds link "$name"
    # Taking a link down takes its routes with it; where another fault has it down already, that one knows them.
    {
        ip -4 route show dev "$name" | grep -v 'proto kernel' || true
        for other in "$faults"/*/holds; do
            if [ "$other" != "$folder/holds" ] && cmp -s "$other" "$folder/holds"; then cat "${other%holds}routes" 2>/dev/null || true; fi
        done
    } >"$folder/routes"
    printf 'held || {\nip link set dev %s up\n' "$name"
    printf 'while read -r route; do ip -4 route replace $route dev %s 2>/dev/null; done <"$folder/routes"\n}\n' "$name"
}
link_down_do() {
    name=$(interface "$1") || exit 1
    ip link set dev "$name" down || fail "$name cannot be taken down"
}

# --- What a node has only so much of.
# The most that may be written, in KiB, whatever df says: a pool that keeps no quotas, or whose quotas are inconsistent, shows
# the free space of all its nodes as this node's own. A disk as small as the drawn one is the node's own, and may be filled whole.
fill_most() { # DRAWN-KIB USED-KIB SIZE-KIB
    if [ "$3" -le $(($1 + $1 / 4)) ]; then
        echo "$3"
    else
        # du and a quota count alike to within a few percent.
        most=$(($1 - $2 * 9 / 10))
        if [ "$most" -gt 0 ]; then echo "$most"; else echo 0; fi
    fi
}
# What this node may write, and whether its disk is its own: sets `most` and `own`.
fill_limits() { # GIB
    set -- "$1" $(df -Pk "$state" | tail -n 1)
    drawn=$(($1 * 1048576)) size=${3:-0} free=${5:-0} used=0 own=yes
    if [ "$size" -gt $((drawn + drawn / 4)) ]; then
        own=no
        used=$(du -xsk / 2>/dev/null | cut -f 1) || true
    fi
    most=$(fill_most "$drawn" "${used:-0}" "$size")
}
fill_disk_can() { # GIB
    command -v fallocate >/dev/null 2>&1 || fail "this node has no fallocate (util-linux): its disk cannot be filled"
    fill_limits "$1"
    [ "$own" = no ] || return 0
    # Room for the other nodes of the pool stays.
    [ "$free" -ge $((most + 524288)) ] || fail "the pool of this node's disk has $((free / 1024)) MiB left, less than this node may still use ($((most / 1024)) MiB): filling it would fill the other nodes' disks; make room in the pool, or draw a smaller disk"
    # A quota refuses more than the drawn size.
    if fallocate -l "$(($1 * 1280))M" "$state/.sandtable-room" 2>/dev/null; then
        rm -f "$state/.sandtable-room"
        fail "this node's disk is shared with others and has no quota, so filling it would fill theirs; give its pool quotas, or try a machine with a disk of its own"
    fi
    rm -f "$state/.sandtable-room"
}
fill_disk_undo() { printf 'rm -f "$folder"/full.*\n'; }
fill_disk_do() { # GIB
    fill_limits "$1"
    place=0
    # Down to the last block of 4 KiB. With its next commit a file system may let go of what it had set aside, which is filled too.
    for _ in 1 2 3 4 5 6 7 8; do
        set -- $(df -Pk "$state" | tail -n 1)
        size=$((${4:-0} / 4)) filled=$place
        while [ "$place" -lt $((filled + 200)) ]; do
            [ "$size" -le $((most / 4)) ] || size=$((most / 4))
            [ "$size" -ge 1 ] || break
            if fallocate -l "$((size * 4))K" "$folder/full.$((place + 1))" 2>/dev/null; then
                place=$((place + 1)) most=$((most - size * 4))
            else
                rm -f "$folder/full.$((place + 1))"
                size=$((size / 2))
            fi
        done
        [ "$place" -gt "$filled" ] || break
        sync -f "$folder" 2>/dev/null || sync
    done
    [ "$place" -gt 0 ] || fail "there was no room to fill"
    # Written to its drawn size and not full: what is missing is a quota that counts.
    if [ "$own" = no ] && fallocate -l 1M "$folder/full.more" 2>/dev/null; then
        fail "this node's disk is shared with others and takes more than its drawn size, so the quota of its pool does not count (btrfs says 'qgroup data inconsistent' then); on the host run: btrfs quota rescan -w MOUNT, with the pool's mount, and try again"
    fi
    rm -f "$folder/full.more"
}

# A unit of its own, so that ending it ends all of it.
unit_can() { command -v systemd-run >/dev/null 2>&1 || fail "this node has no systemd-run"; }
unit_undo() { printf 'systemctl stop sandtable-fault-%s.service >/dev/null 2>&1\n' "$id"; }
unit_do() {
    systemd-run --quiet --collect --unit="sandtable-fault-$id" "$@" </dev/null >"$work/unit" 2>&1 || fail "$(tail -n 1 "$work/unit")"
}

fill_memory_can() { unit_can; }
fill_memory_undo() { unit_undo; }
fill_memory_do() { # MIB PERCENT-OF-AVAILABLE
    set -- "$1" "$2" $(grep '^MemAvailable:' /proc/meminfo)
    room=$((${4:-0} * $2 / 102400))
    if [ "$room" -gt "$1" ]; then room=$1; fi
    # tail keeps what it cannot show yet: a line without an end.
    unit_do sh -c '{ head -c "$1M" /dev/zero; exec sleep 604800; } | tail >/dev/null' memory "$room"
}

hog_cpu_can() { unit_can; }
hog_cpu_undo() { unit_undo; }
hog_cpu_do() { # PROCESSORS
    unit_do sh -c 'left=$1; while [ "$left" -gt 1 ]; do while :; do :; done & left=$((left - 1)); done; while :; do :; done' hog "$1"
}

skew_can() {
    date -s "@$(date +%s)" >/dev/null 2>&1 || fail "this node has no clock of its own: it is its host's, as in every container; try a virtual machine"
}
skew_undo() { # SECONDS
    printf 'date -s "@$(($(date +%%s) - (%s)))" >/dev/null\n' "$1"
    for unit in chrony.service chronyd.service systemd-timesyncd.service ntpd.service; do
        ! systemctl is-active --quiet "$unit" || printf 'systemctl start --no-block %s >/dev/null 2>&1\n' "$unit"
    done
}
skew_do() {
    for unit in chrony.service chronyd.service systemd-timesyncd.service ntpd.service; do
        ! systemctl is-active --quiet "$unit" || systemctl stop "$unit" </dev/null
    done
    date -s "@$(($(date +%s) + ($1)))" >/dev/null || fail "its clock cannot be set"
}

# --- After a machine was turned off and on: whatever is enabled and does not run.
start_all() {
    for units in "$state"/services/*/units; do
        [ -s "$units" ] || continue
        while read -r unit; do
            systemctl is-active --quiet "$unit" || systemctl start --no-block "$unit" </dev/null || true
        done <"$units"
    done
}
