curl -s -o /dev/null --noproxy '*' --max-time 2 --fail {{ "http://" ~ ("127.0.0.1" if main.address == "0.0.0.0" else main.address) ~ ":" ~ main.port ~ settings.health_path }}
