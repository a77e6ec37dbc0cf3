curl -s -f -o /dev/null --noproxy '*' --max-time 2 {{ "http://" ~ ("127.0.0.1" if main.address == "0.0.0.0" else main.address) ~ ":" ~ main.port ~ "/healthz" }} || { echo "does not answer"; exit 1; }
