//! What the product renders for a node, read back from its scripts: files, kernel settings, and what its units run.
//!
//! Nothing is rendered here. The scripts of `provision` carry their files in base64; this reads them as a node would store them.

use base64::Engine as _;
use sandtable::{
    catalog::{Catalog, Recipes},
    model::{Family, Ipv4Net, Lab, MachineSpec, NodeName, ServiceRef},
    plan::Desired,
    provision::{
        Place, Script,
        configure::{Around, configure},
        firewall,
        needs::{Certificate, Needs, Secret, Values, needs},
        scene::{LabWords, Setup, interface_token},
        service::install,
        slug, vip,
    },
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// A node as its scripts leave it.
#[derive(Debug, Default)]
pub struct Rendered {
    files: BTreeMap<String, String>,
    /// Kernel settings, the last one counts.
    pub kernel: BTreeMap<String, String>,
}

/// A tunnel of a node.
#[derive(Debug)]
pub struct Tunnel {
    pub at: ServiceRef,
    /// Its interface.
    pub interface: String,
    /// The script that leads traffic into it.
    pub routes: String,
    /// Peers by their endpoints, with their `AllowedIPs`.
    pub peers: Vec<(SocketAddrV4, Vec<Ipv4Net>)>,
}

/// Renders a node and all of its services.
pub fn render(lab: &Lab, wanted: &Desired, node: &NodeName) -> Rendered {
    let (catalog, recipes) = (Catalog::embedded(), Recipes::embedded());
    let machine = &wanted.machines[node];
    let place = Place { node, machine, family: machine.image.as_ref().map_or(Family::Debian, |image| image.family) };
    let mut rendered = Rendered::default();
    rendered.read(&configure(place, Around { doors: &[], packages: &[] }));
    let here = wanted.services.iter().filter(|(at, _)| at.node == *node);
    for (at, spec) in here {
        let folder = recipes.get(&spec.kind).unwrap_or_else(|| panic!("{at}: no recipe"));
        let needs = needs(place, &at.service, spec, catalog, recipes).unwrap_or_else(|error| panic!("{at}: {error}"));
        let values = values(&needs);
        let lab = LabWords { name: &lab.name, id: "kernel" };
        let setup = Setup { lab, place, service: &at.service, spec, catalog, folder, needs: &needs, values: &values };
        rendered.read(&install(&setup).unwrap_or_else(|error| panic!("{at}: {error}")));
    }
    for ((vip, _), spec) in wanted.vips.iter().filter(|((_, holder), _)| holder == node) {
        rendered.read(&vip::set(place, vip, spec, "secret", vip::Others::None).unwrap_or_else(|error| panic!("{vip}: {error}")));
    }
    rendered.run_units();
    rendered.name_interfaces(machine);
    rendered
}

/// No secret or certificate is used: nothing of the services themselves runs.
fn values(needs: &Needs) -> Values {
    let secret = |key: &str| (key.to_owned(), Secret { value: "c2VjcmV0".to_owned(), public: Some("cHVibGlj".to_owned()) });
    let certificate = || Certificate { certificate: "-".to_owned(), key: "-".to_owned(), authority: "-".to_owned() };
    Values { secrets: needs.keys().into_keys().map(secret).collect(), certificate: needs.certificate.as_ref().map(|_| certificate()) }
}

impl Rendered {
    /// Adds what a script writes and sets.
    fn read(&mut self, script: &Script) {
        let body = script.text.split_once("\nmain() {\n").map_or("", |(_, body)| body);
        let mut lines = body.lines();
        while let Some(line) = lines.next() {
            let words: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
            if line.ends_with("<<'_END_'") {
                let text: String = lines.by_ref().take_while(|line| *line != "_END_").collect();
                let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap();
                let path = if line.starts_with("hosts ") { "/etc/hosts" } else { words[0] };
                self.files.insert(path.to_owned(), text);
            } else if let ("kernel ", [name, value]) = (line.split('\'').next().unwrap_or_default(), words.as_slice()) {
                self.kernel.insert((*name).to_owned(), (*value).to_owned());
            }
        }
    }

    /// Does what the units of gateways and port forwards run at their start.
    fn run_units(&mut self) {
        // `firewall` of the prelude: a node with rules for what passes through it forwards packets.
        let passes = self.files.iter().any(|(path, text)| path.starts_with(firewall::FOLDER) && text.contains("hook forward"));
        self.kernel.insert("net.ipv4.ip_forward".to_owned(), u8::from(passes).to_string());
        let units = self.files.iter().filter(|(path, _)| path.starts_with("/etc/systemd/system/")).map(|(_, text)| text.as_str());
        let set: Vec<(String, String)> = units
            .flat_map(str::lines)
            .filter_map(|line| line.strip_prefix("ExecStart=/usr/sbin/sysctl -q -w ")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        self.kernel.extend(set);
    }

    fn name_interfaces(&mut self, machine: &MachineSpec) {
        for (slot, adapter) in machine.adapters.iter().enumerate() {
            let token = interface_token(adapter.mac);
            for text in self.files.values_mut().filter(|text| text.contains(&token)) {
                *text = text.replace(&token, &interface(slot));
            }
        }
    }

    /// All rules of the node: the firewall as the prelude puts it together, then what the units load.
    pub fn rules(&self) -> String {
        let mut text = "table inet sandtable {\n".to_owned();
        for (_, fragment) in self.files.iter().filter(|(path, _)| path.starts_with(firewall::FOLDER) && path.ends_with(".nft")) {
            text.push_str(fragment);
        }
        text.push_str("}\n");
        let units = self.files.iter().filter(|(path, _)| path.starts_with("/etc/systemd/system/")).map(|(_, text)| text.as_str());
        for path in units.flat_map(str::lines).filter_map(|line| line.strip_prefix("ExecStart=/usr/sbin/nft -f ")) {
            text.push_str(&self.files[path]);
        }
        text
    }

    /// Addresses and routes as lines for `ip -batch`. `leased` answers for the DHCP server: an address, and the way out if it names one.
    pub fn addresses(&self, machine: &MachineSpec, leased: &dyn Fn(usize) -> (Option<Ipv4Net>, Option<Ipv4Addr>)) -> String {
        let (mut addresses, mut routes) = ("link set dev lo up\n".to_owned(), String::new());
        for slot in 0..machine.adapters.len() {
            let (name, text) = (interface(slot), &self.files[&format!("/etc/systemd/network/05-sandtable-{slot}.network")]);
            addresses.push_str(&format!("link set dev {name} up\n"));
            let mut to = "";
            let mut is_reachable = true;
            for line in text.lines() {
                match line.split_once('=') {
                    Some(("Address", address)) => addresses.push_str(&format!("addr add {address} dev {name}\n")),
                    Some(("DHCP", _)) => {
                        let (address, way_out) = leased(slot);
                        addresses.extend(address.map(|address| format!("addr add {address} dev {name}\n")));
                        is_reachable = address.is_some();
                        // systemd-networkd gives routes from DHCP the metric 1024.
                        let metric = 1024 + slot;
                        routes.extend(way_out.map(|through| format!("route add default via {through} dev {name} metric {metric}\n")));
                    }
                    Some(("Destination", destination)) => to = destination,
                    // systemd-networkd holds a route back until its gateway can be reached.
                    Some(("Gateway", through)) if is_reachable => routes.push_str(&format!("route add {to} via {through} dev {name}\n")),
                    _ => {}
                }
            }
        }
        addresses + &routes
    }

    /// The address of a name, as a resolver finds it in the node's `/etc/hosts`.
    pub fn resolve(&self, name: &str) -> Option<Ipv4Addr> {
        let lines = self.files["/etc/hosts"].lines().filter_map(|line| line.split_once(' '));
        lines.filter(|(_, known)| known.eq_ignore_ascii_case(name)).find_map(|(address, _)| address.parse().ok())
    }

    /// The node's tunnels.
    pub fn tunnels(&self, wanted: &Desired, node: &NodeName) -> Vec<Tunnel> {
        let here = wanted.services.iter().filter(|(at, spec)| at.node == *node && spec.kind.as_str() == "wireguard");
        let tunnel = |at: &ServiceRef| {
            let slug = slug(&at.service);
            let interface: String = slug.chars().take(15).collect();
            let routes = self.files[&format!("/etc/sandtable/{slug}/routes")].clone();
            let mut peers: Vec<(SocketAddrV4, Vec<Ipv4Net>)> = Vec::new();
            for line in self.files[&format!("/etc/wireguard/{interface}.conf")].lines() {
                match line.split_once(" = ") {
                    Some(("Endpoint", at)) => peers.push((at.parse().unwrap(), Vec::new())),
                    Some(("AllowedIPs", nets)) => {
                        peers.last_mut().unwrap().1.extend(nets.split(", ").map(|net| net.parse::<Ipv4Net>().unwrap()))
                    }
                    _ => {}
                }
            }
            Tunnel { at: at.clone(), interface, routes, peers }
        };
        here.map(|(at, _)| tunnel(at)).collect()
    }
}

/// The name of the interface in a slot.
pub fn interface(slot: usize) -> String {
    format!("eth{slot}")
}
