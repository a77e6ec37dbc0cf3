if [ -n "$(ss -Hltn "sport = :"{{ port.socks }})" ]; then
    echo "the proxy listens"
elif systemctl is-active --quiet {{ unit }}; then
    echo "ssh runs and does not listen yet"
    exit 2
else
    echo "ssh has no connection: $(journalctl -q -n 1 -o cat -t ssh -u {{ unit }} 2> /dev/null | tr -d '\r' | cut -c 1-120)"
    exit 1
fi
