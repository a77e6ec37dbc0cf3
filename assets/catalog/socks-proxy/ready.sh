[ -n "$(ss -Hltn "sport = :"{{ port.socks }})" ] || { journalctl -q -n 1 -o cat -t ssh -u {{ unit }} | tr -d '\r'; exit 1; }
