at={{ "http://" ~ ("127.0.0.1" if main.address == "0.0.0.0" else main.address) ~ ":" ~ main.port }}
answer=$(curl -s --noproxy '*' --max-time 4 -w '\n%{http_code}' "$at/api/status") || { echo "does not answer"; exit 1; }
case ${answer##*
} in
    200) echo "serves, its database is $(printf '%s' "$answer" | sed -n 's/.*"database": "\([^"]*\)".*/\1/p')" ;;
    503) echo "answers without its database: $(printf '%s' "$answer" | sed -n 's/.*"error": "\(.*\)"}.*/\1/p')"; exit 2 ;;
    *) echo "answers with ${answer##*
}"; exit 1 ;;
esac
