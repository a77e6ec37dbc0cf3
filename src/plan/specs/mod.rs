//! What the drawing asks for, as specifications that can be compared with what is there.
//!
//! Never fails on a half-drawn lab: what cannot be specified is left out and said ([`Unplannable`]), and what depends on
//! nothing of it is specified all the same.

mod machine;
mod routes;
mod service;
mod vip;

pub(super) use service::Contract;

use super::LabId;
use crate::{
    catalog::Catalog,
    model::{Lab, MachineSpec, NetworkName, NetworkSpec, NodeName, ServiceRef, ServiceSpec, Subject, VipName, VipSpec},
    reach::Specs,
};
use indexmap::IndexMap;

/// Something drawn that cannot be deployed yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unplannable {
    /// What.
    pub subject: Subject,
    /// Why, and what to do: a sentence.
    pub why: String,
}

/// Everything that a lab asks for, in the lab's order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// Networks.
    pub networks: IndexMap<NetworkName, NetworkSpec>,
    /// Machines.
    pub machines: IndexMap<NodeName, MachineSpec>,
    /// Services.
    pub services: IndexMap<ServiceRef, ServiceSpec>,
    /// VIPs on their holders, the highest priority of each VIP first.
    pub vips: IndexMap<(VipName, NodeName), VipSpec>,
    /// What is drawn and missing above.
    pub unplannable: Vec<Unplannable>,
}

impl Desired {
    /// The specifications, as `reach` reads them.
    pub fn specs(&self) -> Specs<'_> {
        Specs { networks: &self.networks, machines: &self.machines, services: &self.services, vips: &self.vips }
    }
}

/// The specifications of a lab that is deployed under an identity.
pub fn desired(lab: &Lab, catalog: &Catalog, id: &LabId) -> Desired {
    let mut desired = Desired::default();
    for (name, network) in &lab.networks {
        desired.networks.insert(
            name.clone(),
            NetworkSpec {
                kind: network.kind,
                subnet: network.subnet,
                dhcp: network.dhcp.map(|range| (range.from, range.to)),
                interface: network.interface.clone(),
            },
        );
    }
    let neighbours = machine::Neighbours::of(lab);
    let routes = routes::Routes::of(lab, catalog);
    for (name, node) in &lab.nodes {
        match machine::specify(lab, id, &neighbours, &routes, name, node) {
            Ok(spec) => {
                desired.machines.insert(name.clone(), spec);
            }
            Err(why) => desired.unplannable.push(why),
        }
    }
    let contract = Contract::of(lab, catalog);
    for (node_name, service_name, service) in lab.services() {
        let at = ServiceRef { node: node_name.clone(), service: service_name.clone() };
        match contract.specify(&at, service) {
            Ok(spec) => {
                desired.services.insert(at, spec);
            }
            Err(why) => desired.unplannable.extend(why),
        }
    }
    for (name, vip) in &lab.vips {
        match vip::specify(lab, name, vip) {
            Ok(specs) => desired.vips.extend(specs.into_iter().map(|(node, spec)| ((name.clone(), node), spec))),
            Err(why) => desired.unplannable.push(why),
        }
    }
    desired
}

#[cfg(test)]
mod tests;
