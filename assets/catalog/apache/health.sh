answer=$(curl -s -k --noproxy '*' --max-time 4 -w '\n%{http_code}' {{ ("https://" if settings.tls else "http://") ~ ("127.0.0.1" if main.address == "0.0.0.0" else main.address) ~ ":" ~ main.port ~ "/status.php" }}) || { echo "does not answer"; exit 1; }
case ${answer##*
} in
    200)
        case $answer in
            *'"sessions":"gone"'*) echo "serves without its sessions"; exit 2 ;;
            *) echo "serves, its database is $(printf '%s' "$answer" | sed -n 's/.*"database":"\([^"]*\)".*/\1/p')" ;;
        esac
        ;;
    503) echo "answers without its database: $(printf '%s' "$answer" | sed -n 's/.*"error":"\([^"]*\)".*/\1/p')"; exit 2 ;;
    *) echo "answers with ${answer##*
}"; exit 1 ;;
esac
