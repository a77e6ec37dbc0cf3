#!/bin/sh
# Only the first user namespace may set the clock; elsewhere chrony watches it and leaves it to the host.
set -eu
read -r inside outside count < /proc/self/uid_map
watch=-x
[ "$inside $outside $count" != "0 0 4294967295" ] || watch=
case ${1:-} in
    which) if [ -n "$watch" ]; then echo watches; else echo sets; fi ;;
    *) mkdir -p /run/chrony; chown {{ paths.user }}:{{ paths.user }} /run/chrony; chmod 0750 /run/chrony
        exec chronyd -n $watch -f {{ paths.etc }}/{{ service.slug }}.conf ;;
esac
