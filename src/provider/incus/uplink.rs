//! The way out that a node has only while packages are fetched for it: an adapter on a network of the lab's own that leads out.
//!
//! The network carries the lab's mark and is no drawn one; it goes with its last adapter.

use super::{
    IncusMachines,
    answers::{Config, Instance, Network},
    api::nothing,
    error::ApiError,
    instances::INSTANCES,
    names, subnets,
};
use crate::{
    model::{Mac, NodeName},
    plan::hardware_address,
    provider::{Done, ProviderError, Retry, machines::Uplink},
};
use hyper::Method;
use ipnet::Ipv4Net;
use serde_json::json;
use std::{net::Ipv4Addr, time::Duration};

/// The adapter's device, and its interface in the node.
pub(super) const DEVICE: &str = "uplink";
/// The slot that its hardware address is derived from: no machine has so many.
const SLOT: usize = 1000;
/// How long the daemon may take for the network.
const TIMEOUT: Duration = Duration::from_secs(60);
const NETWORKS: &str = "/1.0/networks";

/// The adapter's device on an instance, where it has one.
pub(super) fn of(instance: &Instance) -> Option<&Config> {
    instance.devices.get(DEVICE)
}

/// An address of the subnet that none of the others has: the first after the daemon's own.
fn free_address(subnet: Ipv4Net, taken: &[Ipv4Addr]) -> Option<Ipv4Net> {
    let address = subnet.hosts().skip(1).find(|address| !taken.contains(address))?;
    Ipv4Net::new(address, subnet.prefix_len()).ok()
}

impl IncusMachines {
    /// Gives a node its uplink, or finds the one that it has.
    pub(super) async fn open_uplink(&self, node: &NodeName) -> Result<Uplink, ProviderError> {
        let what = format!("giving {node} a way to packages");
        let explain = |error: ApiError| error.explain(what.clone(), Some(node));
        // Network and addresses are shared by the nodes of the lab.
        let _one_at_a_time = self.uplinks.lock().await;
        let subnet = self.uplink_network().await?;
        let _turn = self.turn(node).await;
        let there = self.instance_there(node, &what).await?;
        let mac = hardware_address(&self.lab, node, SLOT);
        let gateway = subnets::first_address(subnet);
        let known = of(&there).and_then(|device| device.get("ipv4.address")?.parse::<Ipv4Addr>().ok());
        if let Some(address) = known.and_then(|address| Ipv4Net::new(address, subnet.prefix_len()).ok())
            && subnet.contains(&address)
        {
            return Ok(Uplink { mac, address, gateway });
        }
        let all: Vec<Instance> = self.api.read(&format!("{INSTANCES}?recursion=1")).await.map_err(explain)?;
        let taken: Vec<Ipv4Addr> = all
            .iter()
            .filter(|other| names::is_ours(&other.config, &self.lab))
            .filter_map(|other| of(other)?.get("ipv4.address")?.parse().ok())
            .collect();
        let address = free_address(subnet, &taken).ok_or_else(|| ProviderError {
            what: what.clone(),
            node: Some(node.clone()),
            why: format!("all addresses of {subnet} are taken"),
            next: "Deploy again once the other nodes are set up".into(),
            retry: Retry::Worth,
        })?;
        let device = self.uplink_device(mac, address.addr());
        self.rewire(node, &there, |_, devices| drop(devices.insert(DEVICE.to_owned(), device))).await.map_err(explain)?;
        Ok(Uplink { mac, address, gateway })
    }

    fn uplink_device(&self, mac: Mac, address: Ipv4Addr) -> Config {
        let pairs = [
            ("type", "nic".to_owned()),
            ("network", names::uplink(&self.lab)),
            ("name", DEVICE.to_owned()),
            ("hwaddr", mac.to_string()),
            ("ipv4.address", address.to_string()),
            // Out, and to nobody else of the lab.
            ("security.port_isolation", "true".to_owned()),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Takes a node's uplink away and looks that it is gone; with the last one goes its network.
    pub(super) async fn close_uplink(&self, node: &NodeName) -> Result<Done, ProviderError> {
        let what = format!("taking away the uplink of {node}");
        let explain = |error: ApiError| error.explain(what.clone(), Some(node));
        let _one_at_a_time = self.uplinks.lock().await;
        let had_one = {
            let _turn = self.turn(node).await;
            let there = self.instance_there(node, &what).await?;
            let had_one = of(&there).is_some();
            if had_one {
                self.rewire(node, &there, |_, devices| drop(devices.remove(DEVICE))).await.map_err(explain)?;
                if of(&self.instance_there(node, &what).await?).is_some() {
                    return Err(ProviderError {
                        what,
                        node: Some(node.clone()),
                        why: "Incus says that it is gone, and it is still there".into(),
                        next: "Deploy again".into(),
                        retry: Retry::Worth,
                    });
                }
            }
            had_one
        };
        self.drop_uplink_network().await?;
        Ok(if had_one { Done::Changed } else { Done::AlreadySo })
    }

    /// The subnet of the network of uplinks, which is made where it is not there.
    async fn uplink_network(&self) -> Result<Ipv4Net, ProviderError> {
        let what = "making the network that leads to packages";
        let explain = |error: ApiError| error.explain(what, None);
        let bridge = names::uplink(&self.lab);
        let there: Option<Network> = self.find(&format!("{NETWORKS}/{bridge}")).await.map_err(explain)?;
        if let Some(there) = there {
            self.must_be_ours(&there.config, "network", &bridge, what)?;
            if let Some(subnet) = super::networks::subnet_of(&there).filter(|_| !there.used_by.is_empty()) {
                return Ok(subnet);
            }
            // Nobody is plugged in: who made it was cut off, perhaps while the daemon was at it, and then it is there by name alone.
            self.drop_uplink_network().await?;
        }
        let all: Vec<Network> = self.api.read(&format!("{NETWORKS}?recursion=1")).await.map_err(explain)?;
        let taken = self.subnets_taken(&all).await.map_err(explain)?;
        let subnet = subnets::free(&self.lab, DEVICE, &taken).ok_or_else(|| ProviderError {
            what: what.to_owned(),
            node: None,
            why: "no private subnet is free for it".into(),
            next: "Use an image that has the packages: sandtable image LAYOUT --on incus".into(),
            retry: Retry::Useless,
        })?;
        let gateway = subnets::first_address(subnet);
        let body = json!({
            "name": bridge,
            "type": "bridge",
            "description": format!("Sandtable: the way to packages of {}, while nodes are set up", self.lab),
            "config": {
                "ipv4.address": format!("{gateway}/{}", subnet.prefix_len()),
                "ipv4.nat": "true",
                "ipv6.address": "none",
                names::LAB: self.lab.to_string(),
            },
        });
        self.api.run(Method::POST, NETWORKS, body, TIMEOUT).await.map_err(explain)?;
        Ok(subnet)
    }

    /// Removes the network of uplinks where nobody is plugged into it. Whoever calls sees to it that nobody is just about to be.
    pub(super) async fn drop_uplink_network(&self) -> Result<(), ProviderError> {
        let what = "removing the network that leads to packages";
        let explain = |error: ApiError| error.explain(what, None);
        let path = format!("{NETWORKS}/{}", names::uplink(&self.lab));
        let there: Option<Network> = self.find(&path).await.map_err(explain)?;
        let Some(there) = there.filter(|there| names::is_ours(&there.config, &self.lab) && there.used_by.is_empty()) else { return Ok(()) };
        match self.api.run(Method::DELETE, &path, nothing(), TIMEOUT).await {
            Err(error) if !error.is_missing() && !error.says("in use") => Err(explain(error)),
            _ => {
                tracing::debug!(network = there.name, "the network of uplinks is gone");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_gets_an_address_of_its_own() {
        let subnet: Ipv4Net = "10.200.7.0/24".parse().unwrap();
        let first = free_address(subnet, &[]).unwrap();
        assert_eq!(first.to_string(), "10.200.7.2/24", "the first is the daemon's");
        assert_eq!(free_address(subnet, &[first.addr()]).unwrap().to_string(), "10.200.7.3/24");
        assert_eq!(free_address(subnet, &subnet.hosts().collect::<Vec<_>>()), None);
    }
}
