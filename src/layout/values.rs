//! Values that a field's type allows and no lab can have: port 0, no memory, a priority of nobody.

use crate::model::{ADVERTISE_MS_MAX, Allow, Lab, Path, Value};

/// How many of something a lab may have: more than any machine takes, and few enough that each can be compared with each.
struct Limit {
    what: &'static str,
    most: usize,
}

const SITES: Limit = Limit { what: "sites", most: 1024 };
const LINKS: Limit = Limit { what: "links", most: 1024 };
const GATEWAYS: Limit = Limit { what: "gateways", most: 64 };
const ADAPTERS: Limit = Limit { what: "adapters", most: 64 };
const FORWARDS: Limit = Limit { what: "forwards", most: 1024 };
const SERVICES: Limit = Limit { what: "services", most: 256 };
const AFTER: Limit = Limit { what: "nodes to start after", most: 1024 };
const PEERS: Limit = Limit { what: "entries", most: 1024 };
const TEXTS: Limit = Limit { what: "texts", most: 4096 };
const HOLDERS: Limit = Limit { what: "holders", most: 254 };

/// Every list of a lab that has more than its limit, with where it stands and why that is too many.
fn too_long(lab: &Lab) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    let mut limit = |count: usize, limit: &Limit, path: &dyn Fn() -> Path| {
        if count > limit.most {
            found.push((path(), format!("there are {count} {} here; a lab may have {} of them here at most", limit.what, limit.most)));
        }
    };
    let root = Path::root;
    limit(lab.sites.len(), &SITES, &|| root().field("sites"));
    limit(lab.links.len(), &LINKS, &|| root().field("links"));
    for (name, site) in &lab.sites {
        limit(site.gateways.len(), &GATEWAYS, &|| root().field("sites").key(name).field("gateways"));
    }
    for (name, node) in &lab.nodes {
        let at = || root().field("nodes").key(name);
        limit(node.adapters.len(), &ADAPTERS, &|| at().field("adapters"));
        limit(node.services.len(), &SERVICES, &|| at().field("services"));
        limit(node.after.len(), &AFTER, &|| at().field("after"));
        for (slot, adapter) in node.adapters.iter().enumerate() {
            limit(adapter.forwards.len(), &FORWARDS, &|| at().field("adapters").index(slot).field("forwards"));
        }
        for (service_name, service) in &node.services {
            let at = || at().field("services").key(service_name);
            if let Allow::Only(peers) = &service.allow {
                limit(peers.len(), &PEERS, &|| at().field("allow"));
            }
            limit(service.settings.len(), &PEERS, &|| at().field("settings"));
            limit(service.ports.len(), &PEERS, &|| at().field("ports"));
            limit(service.secrets.len(), &PEERS, &|| at().field("secrets"));
            for (setting, value) in &service.settings {
                if let Value::List(texts) = value {
                    limit(texts.len(), &TEXTS, &|| at().field("settings").key(setting));
                }
            }
        }
    }
    for (name, vip) in &lab.vips {
        limit(vip.holders.len(), &HOLDERS, &|| root().field("vips").key(name).field("holders"));
    }
    found
}

/// Every value of a lab that no layout file may hold, with where it stands and why. A lab that has one cannot be read
/// back, so what edits a lab refuses them too.
pub fn wrong_values(lab: &Lab) -> Vec<(Path, String)> {
    let mut found = too_long(lab);
    let mut unless = |good: bool, path: &dyn Fn() -> Path, message: &str| {
        if !good {
            found.push((path(), message.to_owned()));
        }
    };
    const PORT: &str = "a port is a number from 1 to 65535, not 0";
    let root = Path::root;
    if let Some(host) = &lab.host {
        unless(host.memory > 0, &|| root().field("host").field("memory"), "memory is in MiB and at least 1");
        unless(host.cpus > 0, &|| root().field("host").field("cpus"), "a machine has at least 1 processor");
    }
    for (name, network) in &lab.networks {
        if let Some(range) = network.dhcp {
            unless(range.from <= range.to, &|| root().field("networks").key(name).field("dhcp"), "the range ends before it begins");
        }
    }
    for (name, node) in &lab.nodes {
        let at = || root().field("nodes").key(name);
        unless(node.cpus > 0, &|| at().field("cpus"), "a node has at least 1 processor");
        unless(node.memory > 0, &|| at().field("memory"), "memory is in MiB and at least 1");
        unless(node.disk > 0, &|| at().field("disk"), "disk is in GiB and at least 1");
        for (slot, adapter) in node.adapters.iter().enumerate() {
            for (index, forward) in adapter.forwards.iter().enumerate() {
                let at = || at().field("adapters").index(slot).field("forwards").index(index);
                unless(forward.host > 0, &|| at().field("host"), PORT);
                unless(forward.to > 0, &|| at().field("to"), PORT);
            }
        }
        for (service_name, service) in &node.services {
            let at = || at().field("services").key(service_name);
            unless(service.port != Some(0), &|| at().field("port"), PORT);
            for (port_name, port) in &service.ports {
                unless(*port > 0, &|| at().field("ports").key(port_name), PORT);
            }
        }
    }
    for (index, flow) in lab.flows.iter().enumerate() {
        unless(flow.port != Some(0), &|| root().field("flows").index(index).field("port"), PORT);
    }
    for (name, vip) in &lab.vips {
        let at = || root().field("vips").key(name);
        unless(vip.id > 0, &|| at().field("id"), "a virtual router id is a number from 1 to 255, not 0");
        let carried = (1..=ADVERTISE_MS_MAX).contains(&vip.advertise_ms);
        unless(carried, &|| at().field("advertise_ms"), "the time between two advertisements is 1 to 40950 ms: VRRP carries no more");
        for (index, holder) in vip.holders.iter().enumerate() {
            let good = (1..=254).contains(&holder.priority);
            unless(good, &|| at().field("holders").index(index).field("priority"), "a priority is a number from 1 to 254");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Adapter, Node, Role};

    #[test]
    fn a_list_that_no_machine_has_room_for_is_refused() {
        let mut lab = Lab::new("x");
        let mut node = Node::new(Role::App);
        node.adapters = vec![Adapter::on("lan".parse().unwrap()); 65];
        lab.nodes.insert("n".parse().unwrap(), node);
        let said: Vec<String> = wrong_values(&lab).into_iter().map(|(path, why)| format!("{path}: {why}")).collect();
        assert_eq!(said, [r#"nodes["n"].adapters: there are 65 adapters here; a lab may have 64 of them here at most"#]);
        lab.nodes.get_mut("n").unwrap().adapters.pop();
        assert_eq!(wrong_values(&lab), []);
    }
}
