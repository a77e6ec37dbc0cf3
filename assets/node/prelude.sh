# The functions that every script of Sandtable's finds in its shell. POSIX (dash, busybox): no bashism, no program that a minimal
# image lacks. Nothing here runs by itself; what follows defines `main` and calls it in its last line, so that a script that was
# cut off on its way does nothing.
set -eu
umask 022
export LANG=C LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset CDPATH ENV BASH_ENV || true
# Words for the program go past what a script does with its output.
exec 3>&1

state=/var/lib/sandtable
home=$state/none
units_changed=/run/sandtable-units-changed
work=
source=
stage=start
quiet=no
has_tokens=

# --- What is said. The program reads these lines; all others go to the log only.
say() { printf '::say %s\n' "$*" >&3; }
fail() { printf '::fail %s\n' "$*" >&3; exit 1; }

over() {
    ended=$?
    [ -z "$work" ] || rm -rf "$work"
    [ "$quiet" = no ] || rm -f /usr/sbin/policy-rc.d
    [ "$ended" = 0 ] || printf '::ended %s %s\n' "$ended" "$stage"
}
trap over EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

begin() {
    mkdir -p -m 0755 "$state"
    work=$(mktemp -d /run/sandtable.XXXXXX 2>/dev/null || mktemp -d /tmp/sandtable.XXXXXX)
}
end() {
    if [ -e "$work/changed" ]; then echo '::done changed'; else echo '::done same'; fi
}

# --- What was changed, and what that asks for: restart (the default), reload, the script `after` alone, or nothing. It is kept on the node until it is
# done, so that a script that was cut off is made good by the next one.
changed() {
    : >"$work/changed"
    [ "${1:-restart}" != reload ] || : >"$work/reload"
    [ -d "$home" ] || mkdir -p -m 0755 "$home"
    case ${1:-restart} in
        restart) echo restart >"$home/pending"; rm -f "$home/after-done" ;;
        reload) [ -e "$home/pending" ] || echo reload >"$home/pending"; rm -f "$home/after-done" ;;
        after) rm -f "$home/after-done" ;;
        nothing) ;;
        *) fail "changed takes restart, reload, after or nothing, not $1" ;;
    esac
}

# --- Interfaces, found by their hardware address.
interface_of() {
    for found in /sys/class/net/*; do
        [ -r "$found/address" ] && [ ! -e "$found/bridge" ] && [ ! -e "/proc/net/vlan/${found##*/}" ] || continue
        read -r mac <"$found/address" || continue
        old=$IFS; IFS=:; set -- "$1" $mac; IFS=$old
        if [ "$1" = "${2:-}${3:-}${4:-}${5:-}${6:-}${7:-}" ]; then echo "${found##*/}"; return 0; fi
    done
    return 1
}
# Puts interfaces' names for their tokens in a file of ours.
tokens() {
    [ -n "$has_tokens" ] || return 0
    for token in $(grep -o '@if-[0-9a-f]\{12\}@' "$1" | sort -u); do
        hex=${token#@if-}; hex=${hex%@}
        name=$(interface_of "$hex") || fail "no network card of this node has the hardware address $hex; see whether all adapters are plugged in"
        sed "s/$token/$name/g" "$1" >"$1.named"
        chmod 0600 "$1.named"
        mv -f "$1.named" "$1"
    done
}

# --- Files.
owned() { # PATH MODE OWNER: sets both where they differ
    is=$(stat -c '%a %U:%G' "$1")
    [ "$is" = "${2#0} $3" ] && return 0
    chown "$3" "$1"
    chmod "$2" "$1"
    : >"$work/changed"
}
# Puts a finished file in its place, where it differs. What a change asks for is the last argument.
place() { # FILE PATH MODE OWNER WHAT
    [ ! -d "$2" ] || fail "$2 is a folder on this node, and a file must stand there"
    if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2"; then
        owned "$2" "$3" "$4"
        return 0
    fi
    [ -d "${2%/*}/" ] || mkdir -p "${2%/*}/"
    install -o "${4%:*}" -g "${4#*:}" -m "$3" "$1" "$2.sandtable-new"
    mv -f "$2.sandtable-new" "$2"
    ! command -v restorecon >/dev/null 2>&1 || restorecon -F "$2" || true
    case $2 in */systemd/system/*) : >"$units_changed" ;; esac
    changed "$5"
}
put() { # PATH MODE OWNER WHAT: the content comes in base64
    stage="writing $1"
    [ -e "$work/put" ] || { : >"$work/put"; chmod 0600 "$work/put"; }
    base64 -d >"$work/put"
    tokens "$work/put"
    place "$work/put" "$1" "$2" "$3" "$4"
    [ ! -e "$work/kept" ] || printf '%s\n' "$1" >>"$work/kept"
}
put_text() { # PATH MODE OWNER: for recipes; the content comes as it is
    cat >"$work/text"
    place "$work/text" "$1" "${2:-0644}" "${3:-root:root}" restart
    [ ! -e "$work/kept" ] || printf '%s\n' "$1" >>"$work/kept"
}
gone() { # PATH WHAT: removes a file
    if [ -e "$1" ] || [ -L "$1" ]; then
        case $1 in */systemd/system/*) : >"$units_changed" ;; esac
        rm -f "$1"
        changed "$2"
    fi
}
folder() { # PATH MODE OWNER
    stage="making $1"
    if [ ! -d "$1" ]; then
        mkdir -p "$1"
        : >"$work/changed"
    fi
    owned "$1" "$2" "$3"
}
# Reading all units anew is dear, so it is put off until something is started or removed, and then done once for all scripts that
# changed any. The mark goes first: what changes meanwhile is marked again.
units_reread() {
    [ -e "$units_changed" ] || return 0
    rm -f "$units_changed"
    systemctl daemon-reload
}
# Whether a unit starts with the node: by its links, which costs no process.
unit_enabled() { # UNIT
    case $1 in *.*) unit_file=$1 ;; *) unit_file=$1.service ;; esac
    for link in /etc/systemd/system/*.wants/"$unit_file" /etc/systemd/system/*.requires/"$unit_file"; do
        [ ! -L "$link" ] || return 0
    done
    return 1
}
# What only the next start of the node needs is not read now, and links of the older kind mean nothing to systemd (both would
# read all units anew, each time).
units_enable() { # UNIT...
    for unit; do
        unit_enabled "$unit" || SYSTEMCTL_SKIP_SYSV=1 systemctl enable --no-reload --quiet "$unit" </dev/null 2>&1 || true
    done
}
units_disable() { # UNIT...
    SYSTEMCTL_SKIP_SYSV=1 systemctl disable --no-reload --quiet "$@" </dev/null 2>&1 || true
}
kernel() { # KEY VALUE: a setting of the kernel, now and after a start
    stage="setting $1"
    file=/etc/sysctl.d/90-sandtable-$1.conf
    printf '%s = %s\n' "$1" "$2" >"$work/sysctl"
    place "$work/sysctl" "$file" 0644 root:root nothing
    path=/proc/sys/$(echo "$1" | tr . /)
    read -r is <"$path" 2>/dev/null || is=
    [ "$is" = "$2" ] || echo "$2" >"$path" || fail "this node's kernel does not let $1 be set to $2"
}

# --- One at a time on a node: packages, and what several services share.
alone() {
    if command -v flock >/dev/null 2>&1; then
        exec 9>/run/sandtable.lock
        flock -w 300 9 || fail "another script of Sandtable's has been at work on this node for five minutes"
    fi
}
not_alone() { exec 9>&- || true; }

# --- Versions that packages must have: lines of NAME PATTERN, kept on the node for all scripts.
pins=$state/pins
pinned() { # NAME PATTERN...: all of them; none is none
    stage="pinning packages"
    : >"$work/pins"
    : >"$work/preferences"
    while [ $# -gt 1 ]; do
        printf '%s %s\n' "$1" "$2" >>"$work/pins"
        # apt_preferences(5): above 1000 an older version may take a newer one's place.
        printf 'Package: %s\nPin: version %s\nPin-Priority: 1001\n\n' "$1" "$2" >>"$work/preferences"
        shift 2
    done
    for kept in "$work/pins $pins" "$work/preferences /etc/apt/preferences.d/sandtable"; do
        written=${kept%% *} kept=${kept#* }
        [ -d "${kept%/*}" ] || continue
        if [ -s "$written" ]; then
            place "$written" "$kept" 0644 root:root nothing
        elif [ -e "$kept" ]; then
            rm -f "$kept"
            : >"$work/changed"
        fi
    done
}
pin_of() { # PACKAGE: its pattern, or nothing
    [ ! -s "$pins" ] || sed -n "s/^$1 //p" "$pins"
}
# Those of the pinned packages that are there in another version, as lines of NAME VERSION.
off_pin() {
    [ -s "$pins" ] || return 0
    # shellcheck disable=SC2046 # names of packages are words
    if command -v dpkg-query >/dev/null 2>&1; then
        dpkg-query -W -f='${Package} ${Version} ${db:Status-Status}\n' $(cut -d ' ' -f 1 "$pins") 2>/dev/null | sed -n 's/ installed$//p' >"$work/versions" || true
    else
        rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' $(cut -d ' ' -f 1 "$pins") 2>/dev/null | grep -v ' is not installed$' >"$work/versions" || true
    fi
    while read -r package version; do
        # shellcheck disable=SC2254 # it is a pattern
        case $version in $(pin_of "$package")) ;; *) printf '%s %s\n' "$package" "$version" ;; esac
    done <"$work/versions"
}
# Packages as the package manager is asked for them: with the version that is pinned.
asked() { # SEPARATOR PACKAGE...
    separator=$1
    shift
    for package; do
        pin=$(pin_of "$package")
        printf '%s ' "$package${pin:+$separator$pin}"
    done
}
# Programs that run from files which another version has replaced are started anew.
renewed() {
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null) in *' (deleted)') sed -n 's|.*/\([^/]*\.service\)$|\1|p' "$process/cgroup" 2>/dev/null | tail -n 1 ;; esac
    done | sort -u >"$work/old"
    while read -r unit; do
        say "starting $unit anew: another version of it was installed"
        systemctl try-restart "$unit" </dev/null || fail "$unit does not start in its new version; see journalctl -u $unit on this node"
    done <"$work/old"
}

# --- Packages.
missing_packages() {
    if command -v dpkg-query >/dev/null 2>&1; then
        # A word each, so that no process is needed to find one.
        there=" $(dpkg-query -W -f='${Package} ${db:Status-Status} ' "$@" 2>/dev/null || true)"
        for package; do
            case $there in *" $package installed "*) ;; *) printf '%s ' "$package" ;; esac
        done
    elif command -v rpm >/dev/null 2>&1; then
        for package; do rpm -q --quiet --whatprovides "$package" 2>/dev/null || printf '%s ' "$package"; done
    else
        fail "this node has neither apt nor dnf; use an image of Debian, Ubuntu, Rocky Linux or Fedora"
    fi
    off_pin | while read -r package version; do printf '%s ' "$package"; done
}
packages() {
    stage="looking for packages"
    [ $# -gt 0 ] || [ -s "$pins" ] || return 0
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    alone
    missing=$(missing_packages "$@")
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086 # names of packages are words of letters, digits and dashes
        said=$(asked ' ' $missing)
        say "installing ${said% }"
        stage="installing ${said% }"
        replaced=$(off_pin)
        # shellcheck disable=SC2086
        if command -v apt-get >/dev/null 2>&1; then with_apt $missing; else with_dnf $missing; fi
        : >"$work/changed"
        missing=$(missing_packages "$@")
        # shellcheck disable=SC2086
        [ -z "$missing" ] || out_of_reach $missing
        [ -z "$replaced" ] || renewed
    fi
    not_alone
}
out_of_reach() { # PACKAGE...
    printf '::missing %s\n' "$*" >&3
    here=$(off_pin | tr '\n' ',')
    said=$(asked ' ' "$@")
    fail "no package source within this node's reach has ${said% }${here:+ (here is ${here%,})}; use an image that has it (sandtable image), give the node a network that leads to one${here:+, or pin another version}"
}
with_apt() {
    # Nothing starts before it is configured (Debian's policy-rc.d: 101 means not allowed).
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        quiet=yes
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 0755 /usr/sbin/policy-rc.d
    fi
    got=no
    if apt_install "$@"; then
        got=yes
    elif apt_get update && apt_install "$@"; then
        got=yes
    fi
    [ "$quiet" = no ] || rm -f /usr/sbin/policy-rc.d
    quiet=no
    [ "$got" = yes ] || out_of_reach "$@"
}
# A pattern is apt's business, not this shell's.
apt_install() {
    set -f
    # shellcheck disable=SC2046
    apt_get -y --no-install-recommends --allow-downgrades --allow-change-held-packages \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install $(asked = "$@") </dev/null && got_them=0 || got_them=$?
    set +f
    return "$got_them"
}
# Where a source was given, it alone is asked, and its lists are kept with this script: nothing of it stays.
apt_get() {
    if [ -n "$source" ]; then
        set -- -o Dir::Etc::SourceList="$source" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$work/lists" "$@"
    fi
    apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=10 -o DPkg::Lock::Timeout=120 "$@"
}
package_source() { # lines of sources.list(5) come in base64
    mkdir -p "$work/lists/partial"
    # apt reads its lists as a user of its own.
    chmod 0755 "$work" "$work/lists"
    base64 -d >"$work/sources.list"
    chmod 0644 "$work/sources.list"
    source=$work/sources.list
}
with_dnf() {
    set -f
    # shellcheck disable=SC2046
    dnf -q -y --setopt=install_weak_deps=False --setopt=timeout=10 --setopt=retries=1 --allowerasing install $(asked - "$@") </dev/null && got=yes || got=no
    # A newer version than the pinned one is there.
    # shellcheck disable=SC2046
    [ "$got" = no ] || [ -z "$(off_pin)" ] || dnf -q -y downgrade $(asked - $(off_pin | cut -d ' ' -f 1)) </dev/null || got=no
    set +f
    [ "$got" = yes ] || out_of_reach "$@"
}

# --- The uplink by which packages come: there while they do, and then proven gone. Whose names are asked meanwhile is kept beside.
kept_names=$state/resolv.conf
uplink_up() { # HARDWARE-ADDRESS ADDRESS/PREFIX GATEWAY
    stage="bringing up the way to packages"
    wait_for 15 interface_of "$1" || fail "the adapter that leads to packages does not show up on this node"
    name=$(interface_of "$1")
    ip link set dev "$name" up
    ip -4 address replace "$2" dev "$name"
    ip -4 route replace default via "$3" dev "$name" metric 5
    if [ ! -e "$kept_names" ] && [ ! -L "$kept_names" ]; then
        if [ -e /etc/resolv.conf ] || [ -L /etc/resolv.conf ]; then cp -a /etc/resolv.conf "$kept_names"; else : >"$kept_names"; fi
    fi
    rm -f /etc/resolv.conf
    printf 'nameserver %s\n' "$3" >/etc/resolv.conf
}
uplink_down() {
    if [ -e "$kept_names" ] || [ -L "$kept_names" ]; then
        rm -f /etc/resolv.conf
        cp -a "$kept_names" /etc/resolv.conf
        rm -f "$kept_names"
    fi
}
uplink_gone() { # HARDWARE-ADDRESS ADDRESS GATEWAY
    stage="looking whether the way to packages is gone"
    uplink_down
    no_card() { ! interface_of "$1"; }
    wait_for 15 no_card "$1" || fail "the adapter that led to packages is still plugged into this node"
    ! ip -4 -o address show | grep -F " $2/" || fail "this node still has the address $2 of its way to packages"
    ! ip -4 route show | grep -F " via $3 " || fail "this node still has a route through $3, its way to packages"
    if ip -4 route show default | grep -q .; then
        say "this node has another way out, as drawn"
    elif command -v ping >/dev/null 2>&1; then
        ! ping -n -c 1 -W 1 "$3" >/dev/null 2>&1 || fail "$3, this node's way to packages, still answers"
    fi
}

# --- Waiting, and scripts of recipes.
wait_for() { # SECONDS COMMAND...
    until=$(($(date +%s) + $1))
    shift
    while ! "$@" >"${work:-/tmp}/waited" 2>&1; do
        [ "$(date +%s)" -lt "$until" ] || return 1
        sleep 0.2
    done
}
# Keeps a recipe's script in base64 for `run`, interfaces named.
keep() { # NAME
    # Nobody else may look into the folder.
    base64 -d >"$work/$1"
    tokens "$work/$1"
}
run() { # NAME: in a shell of its own with these functions; what it fails with, this fails with
    stage=$1
    say "$1"
    ( . "$work/$1" )
}
# A recipe's script as a file that a plain shell can run.
alone_standing() { # FROM TO
    {
        printf '#!/bin/sh\nset -eu\nexport LANG=C LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n'
        printf 'say() { printf "%%s\\n" "$*"; }\nfail() { printf "%%s\\n" "$*"; exit 1; }\nchanged() { :; }\n'
        printf 'wait_for() { until=$(($(date +%%s) + $1)); shift; while ! "$@" >/dev/null 2>&1; do [ "$(date +%%s)" -lt "$until" ] || return 1; sleep 0.2; done; }\n'
        cat "$1"
    } >"$2"
}

# --- The firewall: fragments of all services on this node, loaded as one.
firewall() {
    stage="loading the firewall"
    mkdir -p -m 0700 /etc/sandtable/firewall
    alone
    {
        printf 'table inet sandtable\ndelete table inet sandtable\ntable inet sandtable {\n'
        cat /etc/sandtable/firewall/*.nft
        printf '}\n'
    } >"$work/firewall"
    if ! command -v nft >/dev/null 2>&1; then
        fail "nft is not on this node; use an image with nftables"
    elif ! nft list tables >"$work/tables" 2>&1; then
        say "this node's kernel has no nf_tables: its firewall is not loaded, and nothing is closed"
    elif ! grep -qxF 'table inet sandtable' "$work/tables" || ! cmp -s "$work/firewall" /etc/sandtable/firewall.nft; then
        nft -f "$work/firewall" >"$work/nft" 2>&1 || { cat "$work/nft"; fail "the firewall was not taken: $(head -n 1 "$work/nft")"; }
        : >"$work/changed"
    fi
    place "$work/firewall" /etc/sandtable/firewall.nft 0600 root:root nothing
    # Only a node with rules for what passes through passes anything on.
    if grep -q 'hook forward' "$work/firewall"; then kernel net.ipv4.ip_forward 1; else kernel net.ipv4.ip_forward 0; fi
    not_alone
}

# --- Services. `home` is where the node keeps what it must know of one: its units, its files, what is still to be done.
service_begin() {
    mkdir -p -m 0755 "$state" "$state/services"
    mkdir -p -m 0700 "$home"
    : >"$work/kept"
}
# What an earlier drawing put and this one does not is removed.
service_kept() {
    stage="removing what is no longer wanted"
    if [ -e "$home/files" ]; then
        while IFS= read -r path; do
            grep -qxF -- "$path" "$work/kept" || gone "$path" restart
        done <"$home/files"
    fi
    sort -u "$work/kept" >"$home/files"
    rm -f "$work/kept"
}
# Keeps a script of the recipe where observers and keepalived find it.
observed_by() { # NAME
    alone_standing "$work/$1" "$work/standing"
    place "$work/standing" "$home/$1" 0700 root:root nothing
}
masked() { # UNIT...
    for unit; do
        [ "$(readlink "/etc/systemd/system/$unit")" = /dev/null ] && continue
        systemctl mask --no-reload --now "$unit" 2>&1 || true
        : >"$units_changed"
    done
}
service_runs() {
    [ -s "$home/units" ] || return 1
    while read -r unit; do systemctl is-active --quiet "$unit" || return 1; done <"$home/units"
}
units_start() { # SECONDS
    [ -s "$home/units" ] || return 0
    while read -r unit; do
        if ! systemctl is-active --quiet "$unit"; then
            stage="starting $unit"
            say "starting $unit"
            systemctl reset-failed "$unit" >/dev/null 2>&1 || true
            timeout "$1" systemctl start "$unit" </dev/null || explain "$unit"
        fi
        units_enable "$unit"
    done <"$home/units"
}
explain() { # UNIT: why it does not run
    journalctl -u "$1" -n 30 -o cat --no-pager 2>&1 </dev/null | sed 's/^::/ ::/' || true
    why=$(journalctl -u "$1" -n 30 -o cat --no-pager 2>/dev/null </dev/null | grep -v -e '^Failed to start' -e '^Stopp' -e 'Consumed .* CPU' -e 'Main process exited' -e 'Failed with result' | tail -n 1) || true
    fail "$1 does not start${why:+: $why}"
}
units_stop() {
    [ -s "$home/units" ] || return 0
    sed '1!G;h;$!d' "$home/units" >"$work/backwards"
    while read -r unit; do
        case $(systemctl is-active "$unit" 2>/dev/null) in
            inactive | failed | unknown) continue ;;
        esac
        stage="stopping $unit"
        : >"$work/changed"
        # A start that was cut off may still be going on in systemd, and a server that is told to stop in its midst may hang for good
        # (MariaDB does while it opens its socket). It gets the time to come up.
        for _ in $(seq 50); do [ "$(systemctl show -p SubState --value "$unit" 2>/dev/null)" = start ] || break; sleep 0.2; done
        timeout 60 systemctl stop "$unit" </dev/null || { systemctl kill -s KILL "$unit" </dev/null; systemctl stop "$unit" </dev/null; }
    done <"$work/backwards"
}
service_begun() { # next|first SECONDS
    if [ "$1" = first ] && [ -e "$work/bootstrap" ]; then
        run bootstrap
    elif [ -e "$work/start" ]; then
        run start
    fi
    units_start "$2"
}
service_start() { # next|first SECONDS
    stage="starting"
    units_reread
    pending=none
    [ ! -e "$home/pending" ] || read -r pending <"$home/pending"
    if ! service_runs; then
        # One of its units may run already, with the configuration of before.
        [ "$pending" != restart ] || units_stop
        [ ! -s "$home/units" ] || : >"$work/changed"
        service_begun "$1" "$2"
    elif [ "$pending" = restart ]; then
        say "restarting"
        units_stop
        : >"$work/changed"
        service_begun next "$2"
    elif [ "$pending" = reload ]; then
        say "reloading"
        read -r unit <"$home/units"
        systemctl reload-or-restart "$unit" || explain "$unit"
    else
        units_start "$2"
    fi
    rm -f "$home/pending"
}
service_ready() { # SECONDS
    [ -e "$work/ready" ] || return 0
    stage="waiting until it is ready"
    alone_standing "$work/ready" "$work/ready.sh"
    wait_for "$1" sh "$work/ready.sh" || { cat "$work/waited"; fail "it is not ready after $1 s: $(tail -n 1 "$work/waited")"; }
}
listens() { # tcp|udp PORT ADDRESS...
    if [ "$1" = tcp ]; then ss -Hltn "sport = :$2" >"$work/sockets"; else ss -Hlun "sport = :$2" >"$work/sockets"; fi
    port=$2
    shift 2
    for address; do
        grep -qF -e "0.0.0.0:$port " -e "*:$port " -e "[::]:$port " -e " $address:$port " -e "[::ffff:$address]:$port " "$work/sockets" && return 0
    done
    return 1
}
service_listens() { # SECONDS tcp|udp PORT ADDRESS...
    stage="looking whether it listens"
    command -v ss >/dev/null 2>&1 || { say "this node has no ss: nobody looks whether the service listens"; return 0; }
    seconds=$1
    shift
    wait_for "$seconds" listens "$@" || fail "it runs and does not listen on $3:$2 ($1)"
}
# Once after it is ready for the first time, and after each change.
service_after() { # SECONDS
    [ -e "$work/after" ] && [ ! -e "$home/after-done" ] || return 0
    : >"$work/changed"
    run after
    if [ -e "$home/pending" ]; then
        service_start next "$1"
        service_ready "$1"
    fi
    : >"$home/after-done"
}
# It has worked once: a member of a cluster that has may hold data that must not be left behind.
service_started() {
    [ -e "$home/started" ] || : >"$home/started"
}
service_remove() {
    units_stop
    if [ -s "$home/units" ]; then
        while read -r unit; do units_disable "$unit"; done <"$home/units"
        : >"$units_changed"
    fi
    if [ -e "$work/remove" ]; then run remove; fi
    stage="removing its files"
    if [ -e "$home/files" ]; then
        while IFS= read -r path; do gone "$path" nothing; done <"$home/files"
    fi
    units_reread
    if [ -e "$home" ]; then
        : >"$work/changed"
        rm -rf "$home"
    fi
}
# A promotion changes the running server, so the files of its new role need no restart; a change that was pending before still does. What
# takes effect by a reload, such as which replicas may copy, is loaded.
service_owes() {
    [ ! -e "$home/pending" ] || : >"$work/owes"
}
service_promoted() {
    [ -e "$work/owes" ] || if [ -e "$work/reload" ]; then echo reload >"$home/pending"; else rm -f "$home/pending"; fi
}
# How far a member's data goes, for whoever recovers a cluster.
value_of() { # NAME
    stage=$1
    ( . "$work/$1" ) >"$work/value"
    cat "$work/value"
    value=$(tail -n 1 "$work/value")
    case ${value#-} in '' | *[!0-9]*) fail "$1 is no number: $value" ;; esac
    printf '::value %s\n' "$value" >&3
}

# --- The node itself.
named() { # HOSTNAME
    stage="naming the node"
    printf '%s\n' "$1" >"$work/hostname"
    place "$work/hostname" /etc/hostname 0644 root:root nothing
    if [ "$(cat /proc/sys/kernel/hostname)" != "$1" ]; then
        hostname "$1" 2>/dev/null || hostnamectl set-hostname "$1"
        : >"$work/changed"
    fi
}
# Puts our lines between our marks in /etc/hosts and leaves all others, but for a line that gives this node's name a loopback address.
hosts() { # NAME: the lines come in base64
    stage="writing /etc/hosts"
    base64 -d >"$work/lines"
    {
        if [ -e /etc/hosts ]; then sed -e '/^# sandtable: begin$/,/^# sandtable: end$/d' -e '/^127\.0\.1\.1[[:space:]]/d' /etc/hosts; fi
        echo '# sandtable: begin'
        cat "$work/lines"
        echo '# sandtable: end'
    } >"$work/hosts"
    place "$work/hosts" /etc/hosts 0644 root:root nothing
}
# Has a system that is of no known family run a script whenever it starts.
at_each_start() { # FILE
    stage="having $1 run at each start"
    if [ -d /etc/local.d ]; then
        printf '#!/bin/sh\nsh %s\n' "$1" >"$work/start"
        place "$work/start" /etc/local.d/sandtable.start 0755 root:root nothing
        ! command -v rc-update >/dev/null 2>&1 || rc-update add local default || true
        return 0
    fi
    # Second line: what is there already may end with exit.
    {
        if [ -s /etc/rc.local ]; then head -n 1 /etc/rc.local; else echo '#!/bin/sh'; fi
        printf 'sh %s\n' "$1"
        [ ! -e /etc/rc.local ] || tail -n +2 /etc/rc.local | grep -vxF "sh $1" || true
    } >"$work/start"
    place "$work/start" /etc/rc.local 0755 root:root nothing
}
# What sets up this node's network.
network_manager() {
    if systemctl is-active --quiet NetworkManager 2>/dev/null; then
        echo networkmanager
    elif [ -d /etc/netplan ] && command -v netplan >/dev/null 2>&1; then
        echo netplan
    elif [ -e /lib/systemd/systemd-networkd ] || [ -e /usr/lib/systemd/systemd-networkd ]; then
        if [ -e /etc/network/interfaces ] && ! systemctl is-active --quiet systemd-networkd && command -v ifup >/dev/null 2>&1; then echo ifupdown; else echo networkd; fi
    elif [ -e /etc/network/interfaces ]; then
        echo ifupdown
    else
        fail "nothing that is known sets up this node's network; use an image with systemd-networkd, netplan, ifupdown or NetworkManager"
    fi
}
# Takes a file of ours away where it is not among those that stay.
only() { # PATTERN KEPT...
    for found in $1; do
        [ -e "$found" ] || continue
        stays=no
        for kept in $keeps; do [ "$kept" != "$found" ] || stays=yes; done
        [ "$stays" = yes ] || { rm -f "$found"; : >"$work/network-changed"; : >"$work/changed"; }
    done
}
network_file() { # PATH MODE: the content comes in base64
    keeps="$keeps $1"
    base64 -d >"$work/network"
    tokens "$work/network"
    if ! cmp -s "$work/network" "$1"; then
        place "$work/network" "$1" "$2" root:root nothing
        : >"$work/network-changed"
    fi
}
has_address() { # INTERFACE ADDRESS/PREFIX
    ip -o -4 address show dev "$1" | grep -qF " $2 "
}
addressed() { # TOKEN ADDRESS/PREFIX
    hex=${1#@if-}
    name=$(interface_of "${hex%@}") || fail "no network card of this node has the hardware address ${hex%@}; see whether all adapters are plugged in"
    stage="waiting for $2 on $name"
    wait_for 20 has_address "$name" "$2" || fail "$name does not get its address $2"
}
quietly_off() { # UNIT...: what would work against us, where it is there
    for unit; do
        [ -e "/lib/systemd/system/$unit" ] || [ -e "/usr/lib/systemd/system/$unit" ] || [ -e "/etc/systemd/system/$unit" ] || continue
        if unit_enabled "$unit" || systemctl is-active --quiet "$unit" 2>/dev/null; then
            SYSTEMCTL_SKIP_SYSV=1 systemctl disable --no-reload --now --quiet "$unit" 2>&1 || true
            : >"$work/changed"
        fi
    done
}

# --- keepalived.
vip_taken() { # TOKEN ADDRESS/PREFIX: held here, or by another who answers for it
    hex=${1#@if-}
    name=$(interface_of "${hex%@}") || return 1
    has_address "$name" "$2" && return 0
    command -v ping >/dev/null 2>&1 && ping -n -c 1 -W 1 "${2%/*}"
}
vip_awaited() { # TOKEN ADDRESS/PREFIX SECONDS: those who came before hold it, where this node takes no part yet
    ! systemctl is-active --quiet keepalived || [ -e "$home/pending" ] || return 0
    stage="waiting for somebody to hold ${2%/*}"
    wait_for "$3" vip_taken "$1" "$2" || say "nobody holds ${2%/*} yet: what it follows is not well there"
}
keepalived_on() {
    stage="starting keepalived"
    keepalived -t -f /etc/keepalived/keepalived.conf >"$work/keepalived" 2>&1 || { cat "$work/keepalived"; fail "keepalived does not take its configuration: $(grep -v '^$' "$work/keepalived" | head -n 1)"; }
    echo keepalived.service >"$work/units"
    if ! systemctl is-active --quiet keepalived; then
        : >"$work/changed"
        systemctl reset-failed keepalived >/dev/null 2>&1 || true
        systemctl start keepalived </dev/null || explain keepalived
    elif [ -e "$home/pending" ]; then
        systemctl reload keepalived </dev/null || explain keepalived
    fi
    units_enable keepalived.service
    rm -f "$home/pending"
}
keepalived_off() {
    set -- /etc/keepalived/sandtable/*.conf
    if [ -e "$1" ]; then
        systemctl reload keepalived </dev/null || explain keepalived
    elif systemctl is-active --quiet keepalived; then
        stage="stopping keepalived"
        systemctl stop keepalived </dev/null
        units_disable keepalived.service
        : >"$work/changed"
    fi
}
