#!/bin/sh
# The folder shows what lies encrypted beside it, in a folder of the same name with a dot in front and .encrypted behind.
set -eu
folder={{ settings.folder }}
cipher=$(dirname "$folder")/.$(basename "$folder").encrypted
clear=$(dirname "$folder")/.$(basename "$folder").clear
key=/etc/sandtable/{{ service.slug }}/key

case $1 in
    make)
        [ ! -e "$cipher/gocryptfs.conf" ] || exit 0
        mkdir -p -m 0700 "$cipher"
        gocryptfs -init -q -passfile "$key" -- "$cipher"
        echo made
        ;;
    open) # in the foreground
        umount -l "$folder" 2> /dev/null || true
        mkdir -p "$folder"
        # What was written while it was closed lies there in clear; it is taken in once it is open.
        if [ -n "$(ls -A "$folder")" ]; then
            mkdir -p -m 0700 "$clear"
            find "$folder" -mindepth 1 -maxdepth 1 -exec mv -f -t "$clear" {} +
        fi
        exec gocryptfs -fg -q -allow_other -passfile "$key" -- "$cipher" "$folder"
        ;;
    opened)
        tries=0
        until mountpoint -q "$folder"; do
            [ $((tries += 1)) -lt 100 ] || exit 1
            sleep 0.1
        done
        if [ -d "$clear" ]; then
            cp -a "$clear/." "$folder/"
            rm -rf "$clear"
        fi
        ;;
    close)
        ! mountpoint -q "$folder" || umount "$folder" 2> /dev/null || umount -l "$folder" 2> /dev/null || true
        ;;
esac
