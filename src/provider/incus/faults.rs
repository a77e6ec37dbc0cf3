//! Faults below the guest: the plug, the cable, frozen. Everything else is done inside the node.
//!
//! A cable is pulled at its other end: the node sees its carrier go, as with a real one. Where that end is out of our reach (a
//! daemon elsewhere, a user without the right) the adapter is taken out of the node instead, and put back the same.

use super::{
    IncusMachines,
    answers::{Config, Devices, Instance},
    error::ApiError,
    instances::{INSTANCES, TIMEOUT, device, forwards, forwards_of, spec_of},
    names,
    power::Force,
};
use crate::{
    model::{Fault, NetworkName, NodeName},
    provider::{ProviderError, Retry, machines::Reach},
};
use hyper::Method;
use serde_json::json;
use std::{path::Path, process::Stdio, time::Duration};

/// How long a change of a link may take.
const LINK_TIMEOUT: Duration = Duration::from_secs(5);
/// What is noted of a cable that is pulled at its other end.
const AT_THE_OTHER_END: &str = "link";

/// What a cable is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Up,
    Down,
}

impl IncusMachines {
    pub(super) async fn break_it(&self, fault: &Fault) -> Result<Reach, ProviderError> {
        match fault {
            Fault::PowerOff(node) => {
                let what = format!("pulling the plug of {node}");
                let _one_at_a_time = self.turn(node).await;
                let there = self.instance_there(node, &what).await?;
                self.pull_plug(&there.name).await.map_err(|error| error.explain(what, Some(node)))?;
            }
            Fault::Pause(node) => {
                let what = format!("freezing {node}");
                let _one_at_a_time = self.turn(node).await;
                let there = self.instance_there(node, &what).await?;
                if there.status != "Frozen" {
                    self.set_state(&there.name, "freeze", Force::No).await.map_err(|error| error.explain(what, Some(node)))?;
                }
            }
            Fault::LinkDown(node, network) => {
                for slot in self.slots(node, network, "pulling a cable").await? {
                    let _one_at_a_time = self.turn(node).await;
                    self.pull_cable(node, slot).await?;
                }
            }
            _ => return Ok(Reach::Inside),
        }
        Ok(Reach::Below)
    }

    pub(super) async fn mend_it(&self, fault: &Fault) -> Result<(), ProviderError> {
        match fault {
            Fault::PowerOff(node) => {
                let there = self.instance(node, &format!("turning {node} on")).await?;
                if there.is_some() {
                    self.power_on(node, &|_| ()).await?;
                }
            }
            Fault::Pause(node) => {
                let what = format!("thawing {node}");
                let _one_at_a_time = self.turn(node).await;
                if let Some(there) = self.instance(node, &what).await?.filter(|there| there.status == "Frozen") {
                    self.set_state(&there.name, "unfreeze", Force::No).await.map_err(|error| error.explain(what, Some(node)))?;
                }
            }
            Fault::LinkDown(node, network) => {
                let what = format!("plugging {node} in again");
                let _one_at_a_time = self.turn(node).await;
                let Some(there) = self.instance(node, &what).await? else { return Ok(()) };
                for slot in slots_on(&there, network) {
                    self.plug_in(node, slot, &what).await?;
                }
            }
            // Done inside, so mended inside.
            _ => {}
        }
        Ok(())
    }

    /// The slots of a node's adapters on a network; at least one.
    async fn slots(&self, node: &NodeName, network: &NetworkName, what: &str) -> Result<Vec<usize>, ProviderError> {
        let there = self.instance_there(node, what).await?;
        let slots = slots_on(&there, network);
        if slots.is_empty() {
            return Err(ProviderError {
                what: what.to_owned(),
                node: Some(node.clone()),
                why: format!("it has no adapter on {network}"),
                next: "Name a network that it is plugged into".into(),
                retry: Retry::Useless,
            });
        }
        Ok(slots)
    }

    /// Pulls the cable of a slot. Whoever calls has the node's turn.
    pub(super) async fn pull_cable(&self, node: &NodeName, slot: usize) -> Result<(), ProviderError> {
        let what = format!("pulling a cable of {node}");
        let there = self.instance_there(node, &what).await?;
        let name = device(slot);
        let noted = there.config.get(&format!("{}{name}", names::PULLED)).filter(|noted| !noted.is_empty());
        let other_end = self.other_end(&there, slot);
        let is_in_reach = match &other_end {
            Some(interface) => set_link(interface, Link::Down).await,
            // What is off has no cable to pull; that it is to be pulled is noted, and seen to at its start.
            None if there.status == "Stopped" => true,
            None => false,
        };
        if noted.is_some() && (is_in_reach || !there.devices.contains_key(&name)) {
            return Ok(());
        }
        let note = if is_in_reach { AT_THE_OTHER_END.to_owned() } else { json!(there.devices.get(&name)).to_string() };
        let rewired = self.rewire(node, &there, |config, devices| {
            config.insert(format!("{}{name}", names::PULLED), note.clone());
            // The daemon's forwards end inside the node, behind the cable, and would go on.
            devices.retain(|device, _| !device.starts_with(&forwards_of(slot)));
            if !is_in_reach {
                devices.remove(&name);
            }
        });
        rewired.await.map_err(|error| error.explain(what, Some(node)))
    }

    /// Plugs the cable of a slot in. Whoever calls has the node's turn.
    async fn plug_in(&self, node: &NodeName, slot: usize, what: &str) -> Result<(), ProviderError> {
        let there = self.instance_there(node, what).await?;
        let name = device(slot);
        let key = format!("{}{name}", names::PULLED);
        if let Some(interface) = self.other_end(&there, slot)
            && !set_link(&interface, Link::Up).await
        {
            tracing::debug!(%node, interface, "the other end of the cable is out of reach");
        }
        let Some(noted) = there.config.get(&key).filter(|noted| !noted.is_empty()).cloned() else { return Ok(()) };
        let adapter = spec_of(&there).and_then(|spec| spec.adapters.get(slot).cloned());
        let rewired = self.rewire(node, &there, |config, devices| {
            config.remove(&key);
            if let Ok(nic) = serde_json::from_str::<Config>(&noted) {
                devices.entry(name.clone()).or_insert(nic);
            }
            devices.extend(adapter.iter().flat_map(|adapter| forwards(slot, adapter)));
        });
        rewired.await.map_err(|error| error.explain(what, Some(node)))
    }

    /// Changes an instance's settings and devices where nobody else did meanwhile.
    pub(super) async fn rewire(
        &self,
        node: &NodeName,
        there: &Instance,
        change: impl FnOnce(&mut Config, &mut Devices),
    ) -> Result<(), ApiError> {
        let path = format!("{INSTANCES}/{}", there.name);
        let Some(found) = self.api.find(&path).await? else { return Ok(()) };
        let mut now: Instance = serde_json::from_value(found.value.clone()).map_err(|error| ApiError::Garbled(error.to_string()))?;
        change(&mut now.config, &mut now.devices);
        let mut body = found.value;
        if let Some(map) = body.as_object_mut() {
            map.insert("config".into(), json!(now.config));
            map.insert("devices".into(), json!(now.devices));
        }
        tracing::debug!(%node, "its devices change");
        self.api.run_if(Method::PUT, &path, body, found.etag, TIMEOUT).await.map(|_| ())
    }

    /// The interface of this machine at the other end of a slot's cable, where it is in sight.
    fn other_end(&self, there: &Instance, slot: usize) -> Option<String> {
        if !self.api.is_local() || there.status == "Stopped" {
            return None;
        }
        let name = there.config.get(&format!("volatile.{}.host_name", device(slot)))?;
        let is_one = !name.is_empty() && name.bytes().all(|letter| letter.is_ascii_alphanumeric());
        (is_one && Path::new("/sys/class/net").join(name).exists()).then(|| name.clone())
    }
}

/// The slots of an instance's adapters on a network.
fn slots_on(there: &Instance, network: &NetworkName) -> Vec<usize> {
    let spec = spec_of(there);
    let adapters = spec.iter().flat_map(|spec| &spec.adapters).enumerate();
    adapters.filter(|(_, adapter)| adapter.network == *network).map(|(slot, _)| slot).collect()
}

/// Sets an interface of this machine up or down; tells whether it could.
async fn set_link(interface: &str, link: Link) -> bool {
    let word = match link {
        Link::Up => "up",
        Link::Down => "down",
    };
    let mut command = tokio::process::Command::new("ip");
    command.args(["link", "set", "dev", interface, word]).env("LANG", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true);
    let ended = tokio::time::timeout(LINK_TIMEOUT, command.status()).await;
    matches!(ended, Ok(Ok(status)) if status.success())
}
