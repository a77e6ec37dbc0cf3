#!/bin/sh
# Written by Sandtable. Runs a program of the newest PostgreSQL on this node.
set -eu
cd /
export LANG=C.UTF-8
newest=
for folder in /usr/bin /usr/lib/postgresql/*/bin; do
    [ ! -x "$folder/postgres" ] || newest=$folder
done
[ -n "$newest" ] || { echo "PostgreSQL is not installed" >&2; exit 1; }
program=$1
shift
exec "$newest/$program" "$@"
