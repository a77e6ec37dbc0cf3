interface={{ service.slug[:15] }}
handshakes=$(wg show "$interface" latest-handshakes 2> /dev/null) || exit 0
now=$(date +%s)
printf '%s\n' "$handshakes" | awk -v now="$now" '
    NF == 2 { peers++; age = $2 ? now - $2 : -1; if (age < 0) never++; else if (age > oldest) oldest = age }
    END { print "peers", peers + 0; print "peers-without-handshake", never + 0; print "handshake-age-secs", oldest + 0 }'
wg show "$interface" transfer | awk '{ got += $2; sent += $3 } END { print "received-bytes", got + 0; print "sent-bytes", sent + 0 }'
if [ -n "$(ip -d link show "$interface" type wireguard 2> /dev/null)" ]; then echo "in-kernel 1"; else echo "in-kernel 0"; fi
