# Not waited for here: a member that finds no working cluster waits for ever, and `ready` says so.
systemctl reset-failed {{ unit }} 2>/dev/null || true
systemctl start --no-block {{ unit }}
