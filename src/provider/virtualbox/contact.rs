//! The way into nodes: the first contact with a clone that knows nothing of us, and every later one.
//!
//! First through a forward on loopback to the clone's NAT adapter, with the image's user and key. That path is VirtualBox's own
//! and ends at this machine alone, so the key that the clone shows there is believed once; it is then replaced by new host keys,
//! and from then on no other is accepted. Later by a host-only or bridged address, the forward, or through another node.

use super::{
    SetUp, VirtualBox, Waits, all, cannot,
    command::{Patience, Place},
    error::CallError,
    names,
    parse::Plug,
    shape::{Way, WayKind, Wire},
    sight::{Made, Seen},
};
use crate::{
    host::ssh::{Host, HostKey, HostKeys, Ssh},
    model::{Endpoint, Flow, MachineSpec, NetworkKind, NetworkName, NodeName, Power, ServiceSpec, VipSpec},
    provider::{
        Done, ProviderError,
        machines::{Below, Machine},
        ssh::SshTransport,
        transport::{Command, Transport},
    },
    provision::slug,
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long between two tries to reach a node that boots.
pub(super) const TRY_EVERY: Duration = Duration::from_secs(1);
/// How long a look at all serves whoever wants to get in.
const LOOK_SERVES: Duration = Duration::from_secs(60);
/// How long a command of the first contact may take. A slow machine makes keys for a while.
const COMMAND_LIMIT: Duration = Duration::from_secs(180);
/// How long sshd may take to show its new keys.
const RESTART_LIMIT: Duration = Duration::from_secs(60);
/// How many other nodes are tried as a way through.
const JUMPS_MAX: usize = 3;
/// What is tried when there is no way in.
const FIND: &str = "find the way in";
/// The note that says that a node has its addresses.
pub(super) const CONFIGURED: &str = "configured";

/// The kind of host key that a lab's own ssh service brings.
const GIVEN_KEYS: &str = "ssh-ed25519 ";
/// Gives a clone an identity of its own: host keys and machine-id, both of which it shares with all clones of its image. Prints
/// its public host keys, or nothing where it cannot make any (dropbear makes its own).
const IDENTITY_SCRIPT: &str = r#"set -eu
if [ "$(id -u)" != 0 ]; then echo 'the commands do not run as root' >&2; exit 77; fi
if [ -e /etc/machine-id ] && [ -r /proc/sys/kernel/random/uuid ]; then
    tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id.sandtable
    cat /etc/machine-id.sandtable >/etc/machine-id
    rm -f /etc/machine-id.sandtable
    if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then cat /etc/machine-id >/var/lib/dbus/machine-id; fi
fi
if command -v ssh-keygen >/dev/null 2>&1 && ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
    for old in /etc/ssh/ssh_host_*_key; do
        kind=${old#/etc/ssh/ssh_host_}; kind=${kind%_key}
        rm -f "$old.sandtable" "$old.sandtable.pub"
        ssh-keygen -q -t "$kind" -N '' -C '' -f "$old.sandtable" </dev/null
        mv -f "$old.sandtable" "$old"; mv -f "$old.sandtable.pub" "$old.pub"
    done
    { systemctl restart ssh || systemctl restart sshd || service ssh restart || service sshd restart; } >/dev/null 2>&1
    cat /etc/ssh/ssh_host_*_key.pub
fi
"#;

/// Makes the kinds of host key that are missing, once what sets the machine up at its first start is done. Prints all.
const KEYS_SCRIPT: &str = r#"set -eu
if command -v cloud-init >/dev/null 2>&1; then cloud-init status --wait >/dev/null 2>&1 || true; fi
if command -v ssh-keygen >/dev/null 2>&1; then
    ssh-keygen -A >/dev/null
    { systemctl restart ssh || systemctl restart sshd || service ssh restart || service sshd restart; } >/dev/null 2>&1
    cat /etc/ssh/ssh_host_*_key.pub
fi
"#;

/// Takes an adapter, named by its hardware address, out of use from within; says whether anything still leads through it.
const LEAVE_SCRIPT: &str = r#"set -eu
for card in /sys/class/net/*; do
    if [ "$(cat "$card/address" 2>/dev/null)" = "$1" ]; then
        name=${card##*/}
        ip addr flush dev "$name" 2>/dev/null || true
        ip link set "$name" down 2>/dev/null || true
        if ip route 2>/dev/null | grep -q " dev $name\b"; then echo "routes still lead through $name" >&2; exit 1; fi
    fi
done
"#;

/// What is known of one node that matters for reaching it.
struct Known<'a> {
    node: &'a NodeName,
    made: MachineSpec,
    seen: &'a Seen,
}

impl Known<'_> {
    fn is_configured(&self) -> bool {
        self.seen.set_up() == SetUp::Yes
    }

    /// Its addresses on networks of a sort.
    fn addresses(&self, wires: &BTreeMap<NetworkName, Wire>, is_wanted: fn(&Wire) -> bool) -> Vec<(NetworkName, Ipv4Addr)> {
        let adapters = self.made.adapters.iter().filter(|adapter| wires.get(&adapter.network).is_some_and(is_wanted));
        adapters.filter_map(|adapter| Some((adapter.network.clone(), adapter.address?.addr()))).collect()
    }
}

fn host_reaches(wire: &Wire) -> bool {
    matches!(wire, Wire::HostOnlyInterface(_) | Wire::HostOnlyNetwork(_) | Wire::Bridged(_))
}

fn joins_nodes(wire: &Wire) -> bool {
    !matches!(wire, Wire::Nat(_))
}

impl VirtualBox {
    fn host(&self, known: &Known<'_>, address: String, port: u16, keys: HostKeys, through: Option<Arc<Host>>) -> Host {
        let (user, key, becomes) = self.login(&known.made);
        Host {
            name: known.node.to_string(),
            address,
            port,
            user,
            key,
            host_keys: keys,
            becomes,
            connect_timeout: self.options.connect_limit,
            through,
        }
    }

    /// The machine that VirtualBox runs on, where that is not this one: everything goes through it.
    fn over_there(&self) -> Option<Arc<Host>> {
        match self.manage.place() {
            Place::Here(_) => None,
            Place::There(ssh, _) => Some(Arc::new(ssh.host().clone())),
        }
    }

    /// Ways that need no other node: by an address that the host reaches, by the forward.
    fn own_ways(&self, known: &Known<'_>, wires: &BTreeMap<NetworkName, Wire>, way: Option<Way>) -> Vec<Host> {
        let keys = known.seen.host_keys();
        let keys = if keys.is_empty() { HostKeys::First } else { HostKeys::Known(keys) };
        let mut ways = Vec::new();
        if known.is_configured() && keys != HostKeys::First {
            for (_, address) in known.addresses(wires, host_reaches) {
                ways.push(self.host(known, address.to_string(), 22, keys.clone(), self.over_there()));
            }
        }
        if let Some(way) = way.filter(|way| way.kind != WayKind::Closed) {
            ways.push(self.host(known, Ipv4Addr::LOCALHOST.to_string(), way.port, keys, self.over_there()));
        }
        ways
    }

    /// Ways through other nodes, which share a network with this one.
    fn ways_through(&self, known: &Known<'_>, others: &[Known<'_>], wires: &BTreeMap<NetworkName, Wire>) -> Vec<Host> {
        let keys = known.seen.host_keys();
        if !known.is_configured() || keys.is_empty() {
            return Vec::new();
        }
        let theirs = known.addresses(wires, joins_nodes);
        let running = others.iter().filter(|other| other.seen.power() == Power::Running && !other.seen.host_keys().is_empty());
        let jumps = running.filter_map(|other| {
            let (_, address) = theirs.iter().find(|(network, _)| other.made.adapters.iter().any(|own| own.network == *network))?;
            let jump = self.own_ways(other, wires, other.seen.way(&self.lab)).into_iter().next()?;
            Some(self.host(known, address.to_string(), 22, HostKeys::Known(keys.clone()), Some(Arc::new(jump))))
        });
        jumps.take(JUMPS_MAX).collect()
    }

    /// The transport of a node, made once until something about it changes.
    pub(super) async fn way_in(&self, node: &NodeName) -> Result<Arc<SshTransport>, ProviderError> {
        if let Some(known) = self.kept().transports.get(node) {
            return Ok(Arc::clone(known));
        }
        // Whoever has just looked at all need not look again. What is out of date in it leads nowhere, and is told by the node's key.
        let looked = self.kept().looked.remove(node);
        let seen = match looked.filter(|(at, _)| at.elapsed() < LOOK_SERVES) {
            Some((_, seen)) => seen,
            None => self.seen_node(node, FIND).await?,
        };
        self.way_as_seen(node, &seen).await
    }

    /// The transport of a node as it was seen just now.
    async fn way_as_seen(&self, node: &NodeName, seen: &Seen) -> Result<Arc<SshTransport>, ProviderError> {
        let transport = self.way_with(node, seen, seen.way(&self.lab)).await?;
        self.kept().transports.insert(node.clone(), Arc::clone(&transport));
        Ok(transport)
    }

    /// The transport of a node as seen, with the forward as it is or will be. Others are looked at only where one of them must lend
    /// its way.
    async fn way_with(&self, node: &NodeName, seen: &Seen, way: Option<Way>) -> Result<Arc<SshTransport>, ProviderError> {
        let failed = |error: CallError| self.failed(FIND, Some(node), &error);
        let Some(made) = seen.made(&self.lab) else {
            return Err(cannot(FIND, Some(node), format!("{node} is half made"), "Deploy again"));
        };
        if let Some((why, next)) = self.lost_login(&made) {
            return Err(cannot(FIND, Some(node), why, next));
        }
        let own = Known { node, made, seen };
        let wires = self.wires().await.map_err(failed)?;
        let mut ways = self.own_ways(&own, &wires, way);
        if ways.is_empty() {
            let vms = self.manage.ask(&["list", "vms"]).await.map_err(failed)?;
            let machines = self.see_all(&vms).await.map_err(failed)?;
            let others = machines.iter().filter(|(other, _)| *other != node);
            let others: Vec<Known<'_>> =
                others.filter_map(|(node, seen)| Some(Known { node, made: seen.made(&self.lab)?, seen })).collect();
            ways = self.ways_through(&own, &others, &wires);
        }
        Ok(SshTransport::new(node.clone(), ways.into_iter().map(Ssh::new).collect()))
    }

    /// Waits until a node, seen before its start, answers; the first time it gets an identity of its own.
    pub(super) async fn first_contact(
        &self,
        node: &NodeName,
        mut seen: Seen,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(), ProviderError> {
        let what = format!("make contact with {node}");
        self.forget_ways();
        let transport = self.way_as_seen(node, &seen).await?;
        let shown = self.answers(node, &transport, says).await?;
        // The seed of a cloud image brings one host key, of the kind that a service of the drawing may replace; others are made now.
        let script = match (seen.host_keys().as_slice(), seen.is_seeded(&self.lab)) {
            ([], _) => IDENTITY_SCRIPT,
            ([only], true) if only.to_string().starts_with(GIVEN_KEYS) => KEYS_SCRIPT,
            _ => return Ok(()),
        };
        says("giving it an identity of its own");
        let done = transport.run(Command::script(script, COMMAND_LIMIT)).await?;
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        if done.code != 0 {
            let next = format!(
                "Let the image's user {} run everything by sudo without a password, or say root in {}",
                self.options.user,
                super::Setting::ImageUser.spec().variable
            );
            return Err(cannot(&what, Some(node), format!("{said} (exit code {})", done.code), next));
        }
        let mut keys: Vec<String> =
            String::from_utf8_lossy(&done.stdout).lines().filter_map(HostKey::parse).map(|key| key.to_string()).collect();
        // A service of the kind sshd gives its node a key of this kind from the lab's secrets; by the others it is known all along.
        if keys.iter().any(|key| !key.starts_with(GIVEN_KEYS)) {
            keys.retain(|key| !key.starts_with(GIVEN_KEYS));
        }
        if keys.is_empty() {
            keys.push(shown.to_string());
        }
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let keys = keys.join(",");
        self.set_extra(&seen.info.uuid, &seen.extra, names::HOST_KEYS_KEY, Some(&keys)).await.map_err(failed)?;
        self.forget_ways();
        seen.extra.insert(names::HOST_KEYS_KEY.to_owned(), keys);
        let transport = self.way_as_seen(node, &seen).await?;
        let started = Instant::now();
        loop {
            // The old daemon may still answer for a moment, with the old key.
            match transport.meet().await {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() >= RESTART_LIMIT => return Err(error),
                Err(_) => tokio::time::sleep(TRY_EVERY).await,
            }
        }
    }

    /// Removes the adapters that were only there to set nodes up. Whoever has looked knows without asking again which nodes have one.
    pub(super) async fn close_uplinks(&self) -> Result<Done, ProviderError> {
        let known = self.kept().ways.clone();
        let ways = match known {
            Some(ways) => ways,
            None => {
                self.look_at_all().await.map_err(|error| self.failed("look at VirtualBox", None, &error))?;
                self.kept().ways.clone().unwrap_or_default()
            }
        };
        let open = ways.iter().filter(|(_, (kind, set_up))| *kind == WayKind::Uplink && *set_up == SetUp::Yes);
        let closing = open.map(|(node, _)| Box::pin(self.close_uplink(node)) as Waits<'_, Result<Done, ProviderError>>);
        let mut done = Done::AlreadySo;
        for closed in all(closing.collect()).await {
            if closed? == Done::Changed {
                done = Done::Changed;
            }
        }
        Ok(done)
    }

    /// Removes the adapter that was only there to set a node up, and proves that it is gone. A node that is not set up yet keeps it,
    /// and so does one into which nothing else leads.
    pub(super) async fn close_uplink(&self, node: &NodeName) -> Result<Done, ProviderError> {
        let what = format!("remove the uplink of {node}");
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let seen = self.seen_node(node, &what).await?;
        let is_open = |way: &Way| way.kind == WayKind::Uplink && seen.set_up() == SetUp::Yes;
        let Some(way) = seen.way(&self.lab).filter(is_open) else { return Ok(Done::AlreadySo) };
        let closed = Way { kind: WayKind::Closed, ..way };
        let uuid = &seen.info.uuid;
        if matches!(seen.power(), Power::Running | Power::Paused) {
            let other = self.way_with(node, &seen, Some(closed)).await?;
            if !other.leads_somewhere() {
                tracing::warn!("nothing else leads into {node}, so its uplink stays; an adapter on a host-only network would let it go");
                return Ok(Done::AlreadySo);
            }
            let mac = seen.info.nics.get(&way.slot).map(|nic| nic.mac.to_string()).unwrap_or_default();
            let argv = ["sh", "-c", LEAVE_SCRIPT, "sh", &mac].map(str::to_owned).to_vec();
            let done = other.run(Command { argv, stdin: Vec::new(), timeout: COMMAND_LIMIT }).await?;
            if done.code != 0 {
                return Err(cannot(&what, Some(node), String::from_utf8_lossy(&done.stderr).trim(), "Try again"));
            }
            let (link, nic) = (format!("setlinkstate{}", way.slot), format!("nic{}", way.slot));
            self.manage.call(&["controlvm", uuid, &link, "off"], Patience::Short).await.map_err(failed)?;
            self.manage.call(&["controlvm", uuid, &nic, "null"], Patience::Short).await.map_err(failed)?;
        } else {
            let nic = format!("--nic{}", way.slot);
            self.manage.call(&["modifyvm", uuid, &nic, "none"], Patience::Short).await.map_err(failed)?;
        }
        if let Some(made) = seen.whole(&self.lab) {
            self.write_made(uuid, &seen.extra, &Made { way: closed, ..made }).await.map_err(failed)?;
        }
        self.forget_ways();
        let now = self.info(uuid).await.map_err(failed)?;
        match now.nics.get(&way.slot).map(|nic| &nic.plug) {
            None | Some(Plug::Other(_)) => {
                self.knows_way(node, WayKind::Closed, SetUp::Yes);
                Ok(Done::Changed)
            }
            Some(_) => Err(cannot(&what, Some(node), "VirtualBox says that it is gone, and it is still there", "Try again")),
        }
    }
}

/// Where a service listens, as noted when it was set up.
fn listening(machine: &Machine, service: &str) -> Vec<SocketAddrV4> {
    let noted = machine.notes.get(&format!("service.{}", slug(service))).and_then(|text| serde_json::from_str::<ServiceSpec>(text).ok());
    noted.map(|spec| spec.listen.into_values().flatten().collect()).unwrap_or_default()
}

/// Where this machine reaches a port of a node: by an address on a network that it is on, or by a forward.
fn reached(machine: &Machine, below: &Below, at: SocketAddrV4) -> Option<SocketAddrV4> {
    let spec = machine.spec.as_ref()?;
    let is_reached = |network: &NetworkName| below.networks.get(network).is_some_and(|network| network.kind.host_reaches());
    let on = spec.adapters.iter().filter(|adapter| is_reached(&adapter.network)).filter_map(|adapter| adapter.address);
    let listens_on = |address: &Ipv4Addr| at.ip().is_unspecified() || at.ip() == address;
    if let Some(address) = on.map(|address| address.addr()).find(listens_on) {
        return Some(SocketAddrV4::new(address, at.port()));
    }
    let forwarded = spec.adapters.iter().flat_map(|adapter| &adapter.forwards).find(|forward| forward.to == at.port())?;
    let address = if forwarded.address.is_unspecified() { Ipv4Addr::LOCALHOST } else { forwarded.address };
    Some(SocketAddrV4::new(address, forwarded.host))
}

/// Where this machine reaches the end of a flow.
pub(super) fn outside(flow: &Flow, below: &Below) -> Option<SocketAddrV4> {
    let everywhere = |port| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
    match &flow.to {
        Endpoint::Outside => None,
        Endpoint::Node(node) => reached(below.machines.get(node)?, below, everywhere(flow.port?)),
        Endpoint::Service(at) => {
            let machine = below.machines.get(&at.node)?;
            let listening = listening(machine, &at.service);
            let wanted = listening.iter().filter(|address| flow.port.is_none_or(|port| address.port() == port));
            let found = wanted.filter_map(|address| reached(machine, below, *address)).next();
            found.or_else(|| reached(machine, below, everywhere(flow.port?)))
        }
        Endpoint::Vip(name) => {
            let key = format!("vip.{}", slug(name));
            let (machine, vip) = below
                .machines
                .values()
                .find_map(|machine| Some((machine, serde_json::from_str::<VipSpec>(machine.notes.get(&key)?).ok()?)))?;
            let kind = below.networks.get(&vip.network)?.kind;
            let port = flow.port.or_else(|| listening(machine, vip.follows.as_deref()?).first().map(SocketAddrV4::port))?;
            matches!(kind, NetworkKind::HostOnly | NetworkKind::Bridged).then(|| SocketAddrV4::new(vip.address.addr(), port))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AdapterSpec, Forward, Mac, NetworkSpec};

    fn below() -> Below {
        let network = |kind| NetworkSpec { kind, subnet: None, dhcp: None, interface: None };
        let adapter = |network: &str, address: &str, forwards| AdapterSpec {
            network: network.parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            address: address.parse().ok(),
            forwards,
        };
        let forward = Forward { host: 8080, to: 80, address: Ipv4Addr::UNSPECIFIED };
        let spec = crate::testing::machine(
            "n",
            vec![
                adapter("internet", "", vec![forward]),
                adapter("back", "10.1.0.10/24", Vec::new()),
                adapter("lab", "192.168.56.10/24", Vec::new()),
            ],
        );
        let service = |listen: &str| {
            format!(
                "{{\"kind\":\"nginx\",\"listen\":{{\"http\":[\"{listen}\"]}},\"allow\":null,\"cluster\":null,\"replica_of\":null,\
                 \"upstreams\":[],\"settings\":{{}},\"secrets\":{{}}}}"
            )
        };
        let notes = [("service.any", "0.0.0.0:80"), ("service.inner", "10.1.0.10:3306"), ("service.lan", "192.168.56.10:22")];
        let notes = notes.into_iter().map(|(key, listen)| (key.to_owned(), service(listen))).collect();
        let machine = Machine { power: Power::Running, spec: Some(spec), notes, ..Machine::default() };
        let kinds = [("internet", NetworkKind::Nat), ("back", NetworkKind::Internal), ("lab", NetworkKind::HostOnly)];
        Below {
            networks: kinds.into_iter().map(|(name, kind)| (name.parse().unwrap(), network(kind))).collect(),
            machines: [("n".parse().unwrap(), machine)].into(),
            ..Below::default()
        }
    }

    #[test]
    fn somebody_outside_reaches_what_this_machine_reaches() {
        let at = |to: &str, port: Option<u16>| {
            let flow = Flow { port, ..Flow::new(Endpoint::Outside, to.parse().unwrap()) };
            outside(&flow, &below()).map(|at| at.to_string())
        };
        assert_eq!(at("n/any", None).as_deref(), Some("192.168.56.10:80"));
        assert_eq!(at("n/lan", None).as_deref(), Some("192.168.56.10:22"));
        assert_eq!(at("n/inner", None), None, "an internal network is not this machine's");
        assert_eq!(at("n", Some(443)).as_deref(), Some("192.168.56.10:443"));
        assert_eq!(at("n", None), None);
        assert_eq!(at("missing/web", Some(80)), None);
        let mut without = below();
        without.networks.remove("lab");
        let flow = Flow::new(Endpoint::Outside, "n/any".parse().unwrap());
        assert_eq!(outside(&flow, &without).map(|at| at.to_string()).as_deref(), Some("127.0.0.1:8080"), "by the forward");
    }
}
