#!/bin/sh
# All that the key of backups opens: `dump`, which has the services of this node write down their data, and rsync that reads.
set -euf
refuse() { echo "refused: $1" >&2; exit 1; }
# Words are split and never looked at again: no shell reads what came from the other side.
# shellcheck disable=SC2086
set -- ${SSH_ORIGINAL_COMMAND:-}
case ${1:-} in
    dump)
        id=$(date +%s%N)-$$
        answer=/run/sandtable-dump/$id
        printf '%s\n' "$id" >/run/sandtable-dump.fifo
        for _ in $(seq 1500); do
            if [ -e "$answer" ]; then
                cat "$answer"
                ! grep -q '^failed' "$answer" || exit 1
                exit 0
            fi
            sleep 0.2
        done
        echo "failed: the services did not write down their data in five minutes"
        exit 1
        ;;
    rsync)
        [ "${2:-}" = --server ] && [ "${3:-}" = --sender ] || refuse "only reading is let through"
        shift 3
        options=
        while [ $# -gt 0 ] && [ "$1" != . ]; do
            case $1 in
                --numeric-ids | --ignore-missing-args) ;;
                --*) refuse "the option $1" ;;
                # `s` would bring arguments that nobody here sees; behind `e.` stand words of the protocol.
                -*) case ${1%%e.*} in *s* | *[!A-Za-z-]*) refuse "the options $1" ;; esac ;;
                *) refuse "$1" ;;
            esac
            options="$options $1"
            shift
        done
        [ $# -gt 1 ] || refuse "no folder was named"
        shift
        for path; do
            case $path in
                *[!A-Za-z0-9._/@%+=:,-]* | *..*) refuse "the path $path" ;;
                /*) ;;
                *) refuse "the path $path" ;;
            esac
        done
        # shellcheck disable=SC2086
        exec /usr/local/lib/sandtable/backup/rsync --server --sender $options . "$@"
        ;;
    *) refuse "this key is for backups" ;;
esac
