# garbd has no checker of its own: a file that its start script cannot read, or that names nobody, is what goes wrong.
sh -n {{ paths.conf }} || fail "The arbitrator's file is no shell text."
# shellcheck disable=SC1090
(set +u; . {{ paths.conf }}; [ -n "$GALERA_NODES" ] && [ -n "$GALERA_GROUP" ]) || fail "The arbitrator is in a cluster with nobody; draw databases in its cluster."
