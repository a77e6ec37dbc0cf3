[ "$(REDISCLI_AUTH={{ secrets.password }} timeout 2 redis-cli -s {{ paths.socket }} --no-auth-warning ping 2>/dev/null)" = PONG ]
