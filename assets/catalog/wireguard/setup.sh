# What carries the tunnel is found out here: not every kernel has WireGuard, and in a container none can be loaded.
[ -d /sys/module/wireguard ] || modprobe -q wireguard 2> /dev/null || true
if ip link add sandtable-try type wireguard 2> /dev/null; then
    ip link del sandtable-try
    say "the kernel has WireGuard"
elif ! command -v wireguard-go > /dev/null; then
    fail "This kernel has no WireGuard and wireguard-go is not installed; install wireguard-go, or use another kernel."
elif ! (: <> /dev/net/tun) 2> /dev/null; then
    fail "This kernel has no WireGuard, and wireguard-go needs /dev/net/tun, which cannot be opened here; give the node that device."
else
    say "this kernel has no WireGuard: wireguard-go takes its place"
fi
