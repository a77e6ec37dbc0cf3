# memcached has no checker; the options are ours alone, so that the program is there is all that can be told before a start.
command -v memcached >/dev/null || fail "memcached is not installed."
