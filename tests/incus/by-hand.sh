#!/usr/bin/env bash
# The mini cloud as somebody would script it by hand with the incus client: from nothing to a good request through balancer,
# application, VIP and database, from both applications, and a whole cluster of four. Still less than a deployment brings and looks
# after: no firewall, ssh, backup or file sync. The yardstick that it is measured against, in the same run on the same machine.
# Prints the seconds that it took, then removes what it made. Runs inside a private machine with the image of the suite.
set -euo pipefail
image=${SANDTABLE_INCUS_IMAGE:-sandtable-all}
nodes=(lb app1 app2 db1 db2)
work=$(mktemp -d)
on() { local node=hand-$1; shift; incus exec "$node" -- "$@" </dev/null; }
cleanup() {
    incus delete -f "${nodes[@]/#/hand-}" >/dev/null 2>&1 || true
    for network in handfront handback handmgmt; do incus network delete $network >/dev/null 2>&1 || true; done
    rm -rf "$work"
}
trap cleanup EXIT
started=$(date +%s.%N)

incus network create handfront ipv4.address=192.168.50.1/24 ipv4.nat=false ipv6.address=none >/dev/null
incus network create handback ipv4.address=none ipv6.address=none >/dev/null
incus network create handmgmt ipv4.address=192.168.70.1/24 ipv4.nat=false ipv6.address=none >/dev/null

address() { printf '[Match]\nName=%s\n[Network]\nAddress=%s/24\nLinkLocalAddressing=no\n' "$1" "$2"; }
make() {
    local node=$1 slot=0 network
    shift
    local devices=()
    for pair in "$@"; do
        network=${pair%%=*}
        devices+=(-d "eth$slot,network=$network")
        slot=$((slot + 1))
    done
    incus init "$image" "hand-$node" </dev/null >/dev/null
    slot=0
    for pair in "$@"; do
        network=${pair%%=*}
        incus config device add "hand-$node" "eth$slot" nic network="$network" name="eth$slot" >/dev/null
        address "eth$slot" "${pair#*=}" >"$work/$node-eth$slot.network"
        incus file push "$work/$node-eth$slot.network" "hand-$node/etc/systemd/network/10-eth$slot.network" --mode 0644 >/dev/null
        slot=$((slot + 1))
    done
    incus start "hand-$node" </dev/null
    until on "$node" systemctl is-active multi-user.target >/dev/null 2>&1; do sleep 0.1; done
}
make lb handfront=192.168.50.10 handmgmt=192.168.70.10 &
make app1 handfront=192.168.50.11 handback=192.168.60.11 handmgmt=192.168.70.11 &
make app2 handfront=192.168.50.12 handback=192.168.60.12 handmgmt=192.168.70.12 &
make db1 handback=192.168.60.21 handmgmt=192.168.70.21 &
make db2 handback=192.168.60.22 handmgmt=192.168.70.22 &
wait

timers='evs.keepalive_period=PT0.5S;evs.inactive_check_period=PT0.5S;evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;evs.install_timeout=PT4S'
database() {
    local node=$1 self=$2 peer=$3 priority=$4
    incus file push - "hand-$node/etc/mysql/mariadb.conf.d/60-hand.cnf" --mode 0644 >/dev/null <<EOF
[mysqld]
bind-address = 0.0.0.0
binlog_format = ROW
innodb_autoinc_lock_mode = 2
innodb_buffer_pool_size = 64M
wsrep_on = ON
wsrep_provider = /usr/lib/galera/libgalera_smm.so
wsrep_cluster_name = hand
wsrep_cluster_address = gcomm://192.168.60.21,192.168.60.22
wsrep_node_address = $self
wsrep_sst_method = rsync
wsrep_provider_options = "gmcast.listen_addr=tcp://$self:4567;$timers"
EOF
    printf '#!/bin/sh\nmariadb -N -B -e "show status like '"'wsrep_ready'"'" | grep -q ON\n' | incus file push - "hand-$node/etc/keepalived/check.sh" --mode 0755 -p >/dev/null
    incus file push - "hand-$node/etc/keepalived/keepalived.conf" -p >/dev/null <<EOF
global_defs {
    script_user root
    enable_script_security
}
vrrp_script check {
    script "/etc/keepalived/check.sh"
    interval 1
    fall 2
    rise 2
}
vrrp_instance db {
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 60
    priority $priority
    unicast_src_ip $self
    unicast_peer {
        $peer
    }
    virtual_ipaddress {
        192.168.60.30/24
    }
    track_script {
        check
    }
}
EOF
}
database db1 192.168.60.21 192.168.60.22 110
database db2 192.168.60.22 192.168.60.21 100
on db1 sh -c 'systemctl unmask mariadb 2>/dev/null; galera_new_cluster'
on db1 mariadb -e "create database lab; create table lab.hits(id bigint auto_increment primary key, app varchar(32)); create user lab@'%' identified by 'by-hand'; grant all on lab.* to lab@'%'"
on db2 sh -c 'systemctl unmask mariadb 2>/dev/null; systemctl start mariadb'

cat >"$work/app.py" <<'EOF'
import http.server, pymysql, socket
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code, text = 200, b"ok\n"
        if self.path != "/healthz":
            try:
                database = pymysql.connect(host="192.168.60.30", user="lab", password="by-hand", database="lab", connect_timeout=1, autocommit=True)
                with database.cursor() as cursor:
                    cursor.execute("insert into hits(app) values (%s)", (socket.gethostname(),))
                database.close()
            except pymysql.Error as error:
                code, text = 503, str(error).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Answer).serve_forever()
EOF
application() {
    local node=$1 self=$2
    incus file push "$work/app.py" "hand-$node/opt/app.py" --mode 0644 -p >/dev/null
    on "$node" systemd-run --unit=hand-app python3 /opt/app.py >/dev/null 2>&1
    printf 'GALERA_NODES="192.168.60.21:4567 192.168.60.22:4567"\nGALERA_GROUP="hand"\nGALERA_OPTIONS="gmcast.listen_addr=tcp://%s:4567;%s"\n' "$self" "$timers" |
        incus file push - "hand-$node/etc/default/garb" --mode 0644 >/dev/null
    on "$node" sh -c 'systemctl unmask garb 2>/dev/null; systemctl start garb'
}
application app1 192.168.60.11
application app2 192.168.60.12
for node in db1 db2; do on $node sh -c 'systemctl unmask keepalived 2>/dev/null; systemctl start keepalived'; done
incus file push - hand-lb/etc/haproxy/haproxy.cfg --mode 0644 >/dev/null <<'EOF'
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 10s
frontend www
    bind 192.168.50.10:80
    default_backend apps
backend apps
    option httpchk GET /healthz
    server app1 192.168.50.11:8080 check inter 500ms
    server app2 192.168.50.12:8080 check inter 500ms
EOF
on lb sh -c 'systemctl unmask haproxy 2>/dev/null; systemctl restart haproxy'
answers() { curl -fsS -m 2 -o /dev/null "$1" 2>/dev/null; }
works() {
    answers http://192.168.50.10/ && answers http://192.168.50.11:8080/ && answers http://192.168.50.12:8080/ &&
        [ "$(on db1 mariadb -N -B -e "show status like 'wsrep_cluster_size'" | cut -f 2)" = 4 ]
}
for _ in $(seq 300); do
    if works; then
        awk -v start="$started" -v end="$(date +%s.%N)" 'BEGIN { printf "%.1f\n", end - start }'
        exit 0
    fi
    sleep 0.1
done
echo "no good request came through" >&2
exit 1
