#!/bin/sh
# Written by Sandtable. Run as root before a backup copies /var/lib/redis.
set -eu
REDISCLI_AUTH={{ secrets.password }} redis-cli -s {{ paths.socket }} --no-auth-warning save >/dev/null
