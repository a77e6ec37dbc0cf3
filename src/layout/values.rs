//! Values that a field's type allows and no lab can have: port 0, no memory, a priority of nobody.

use crate::model::{Lab, Path};

/// Every value of a lab that no layout file may hold, with where it stands and why. A lab that has one cannot be read
/// back, so what edits a lab refuses them too.
pub fn wrong_values(lab: &Lab) -> Vec<(Path, String)> {
    let mut found = Vec::new();
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
        unless(vip.advertise_ms > 0, &|| at().field("advertise_ms"), "the time between two advertisements is at least 1 ms");
        for (index, holder) in vip.holders.iter().enumerate() {
            let good = (1..=254).contains(&holder.priority);
            unless(good, &|| at().field("holders").index(index).field("priority"), "a priority is a number from 1 to 254");
        }
    }
    found
}
