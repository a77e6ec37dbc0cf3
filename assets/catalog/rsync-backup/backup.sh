#!/bin/sh
# Written by Sandtable. Copies folders of other nodes here: each copy is whole, and shares with the one before what did not change.
set -u
into={{ settings.into }}
state=/var/lib/sandtable/{{ service.slug }}
key=/etc/sandtable/{{ service.slug }}/key
exec 9>"$state/lock"
flock -n 9 || { echo "another copy is being made"; exit 1; }
began=$(date +%s)
failed=

copy() { # NODE ADDRESS PORT FOLDER...
    node=$1 at=sandtable-backup@$2
    alias=$(printf %s "$1" | tr '[:upper:]' '[:lower:]')
    remote="ssh -i $key -p $3 -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o StrictHostKeyChecking=yes -o HostKeyAlias=$alias -o UserKnownHostsFile=/etc/sandtable/{{ service.slug }}/known_hosts"
    shift 3
    # What is in memory or in a database's own files is written down first.
    # shellcheck disable=SC2086
    said=$($remote "$at" dump 2>&1 </dev/null) || { failed="$failed$node: ${said:-it cannot be reached}; "; return; }
    to=$into/$node
    mkdir -p -- "$to"
    rm -rf -- "$to"/*.part
    now=$(date -u +%Y-%m-%dT%H-%M-%SZ)
    last=$(find "$to" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*Z' | sort | tail -n 1)
    first=$1
    shift
    # The host is named once; folders that a node does not have are left out.
    sources="$at:$first"
    for more; do sources="$sources :$more"; done
    # shellcheck disable=SC2086
    if said=$(rsync -aR --numeric-ids --delete --ignore-missing-args ${last:+--link-dest="$last"} -e "$remote" $sources "$to/$now.part/" 2>&1 </dev/null); then
        mkdir -p -- "$to/$now.part"
        mv -- "$to/$now.part" "$to/$now"
        ln -sfn -- "$now" "$to/latest"
        find "$to" -mindepth 1 -maxdepth 1 -type d -name '[0-9]*Z' | sort | head -n -{{ settings.keep }} | while IFS= read -r old; do rm -rf -- "$old"; done
    else
        failed="$failed$node: $(printf '%s' "$said" | head -n 1); "
        rm -rf -- "$to/$now.part"
    fi
}

mkdir -p -m 0700 -- "$into"
{% for to in upstreams if to.kind == "sshd" -%}
copy {{ to.node }} {{ to.address }} {{ to.port }}{% for folder in settings.folders %} {{ folder|plain|sh }}{% endfor %}

{% endfor -%}
ended=$(date +%s)
if [ -n "$failed" ]; then
    printf 'failed %s %s %s\n' "$ended" "$((ended - began))" "${failed%; }" >"$state/last"
    echo "failed: ${failed%; }"
    exit 1
fi
printf 'good %s %s\n' "$ended" "$((ended - began))" >"$state/last"
