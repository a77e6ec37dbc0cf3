# Redis has no checker of its own; a value that it does not know is told by a server that is stopped at once.
said=$(runuser -u redis -- timeout 2 redis-server {{ paths.conf }} --port 0 --tls-port 0 --bind 127.0.0.1 --unixsocket "" --supervised no --appendonly no --save "" --dir /tmp --pidfile "" --logfile "" --replicaof no one 2>&1) || true
case $said in *"FATAL CONFIG FILE ERROR"* | *"Failed to configure TLS"*) fail "Redis refuses its configuration: $(printf '%s\n' "$said" | grep -A 3 -e FATAL -e 'Failed to configure' | tr '\n' ' ')" ;; esac
