//! What can be broken below the guests: power, pause, cables, and a cut where VirtualBox can make one.
//!
//! A cut is made by moving one side's adapters to another internal network. That also parts them from everyone else there, the
//! host included, so it is only done where nobody else is: on internal networks whose nodes all belong to one side or the other.
//! VirtualBox can neither lose nor delay packets, nor drop those of one direction: that is done inside the nodes.

use super::{
    VirtualBox, Waits, all, cannot,
    command::Patience,
    error::CallError,
    names,
    parse::Plug,
    shape::{Wire, cold_plug, hot_plug},
    sight::Seen,
};
use crate::{
    model::{Fault, NetworkName, NodeName, Power},
    plan::LabId,
    provider::{ProviderError, machines::Reach},
};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a cable is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cable {
    In,
    Out,
}

impl VirtualBox {
    pub(super) async fn break_it(&self, fault: &Fault) -> Result<Reach, ProviderError> {
        match fault {
            Fault::PowerOff(node) => {
                let what = format!("pull {node}'s plug");
                let seen = self.seen_node(node, &what).await?;
                if seen.power() != Power::Stopped {
                    let _lock = self.manage.machine(&seen.info.uuid).await;
                    self.pull_plug(&seen.info.uuid).await.map_err(|error| self.failed(&what, Some(node), &error))?;
                }
                Ok(Reach::Below)
            }
            Fault::Pause(node) => self.freeze(node).await.map(|()| Reach::Below),
            Fault::LinkDown(node, network) => self.set_cable(node, network, Cable::Out).await.map(|()| Reach::Below),
            Fault::Cut(one, other) => self.cut(one, other).await,
            // All else is made inside the node.
            _ => Ok(Reach::Inside),
        }
    }

    pub(super) async fn mend_it(&self, fault: &Fault) -> Result<(), ProviderError> {
        match fault {
            Fault::PowerOff(node) => self.power_on(node, &|_| {}).await.map(drop),
            Fault::Pause(node) => self.thaw(node).await,
            Fault::LinkDown(node, network) => self.set_cable(node, network, Cable::In).await,
            Fault::Cut(_, other) => self.join(other).await,
            _ => Ok(()),
        }
    }

    async fn freeze(&self, node: &NodeName) -> Result<(), ProviderError> {
        let what = format!("freeze {node}");
        let seen = self.seen_node(node, &what).await?;
        match seen.power() {
            Power::Paused => return Ok(()),
            Power::Stopped | Power::Missing => return Err(cannot(&what, Some(node), "it is off", "Turn it on first")),
            Power::Running => {}
        }
        let _lock = self.manage.machine(&seen.info.uuid).await;
        let paused = self.manage.call(&["controlvm", &seen.info.uuid, "pause"], Patience::Short).await;
        let now = self.seen_node(node, &what).await?;
        if now.power() == Power::Paused {
            return Ok(());
        }
        Err(paused.err().map_or_else(
            || cannot(&what, Some(node), format!("it is {}", now.info.state), "Try again"),
            |error| self.failed(&what, Some(node), &error),
        ))
    }

    async fn thaw(&self, node: &NodeName) -> Result<(), ProviderError> {
        let what = format!("let {node} go on");
        let Some(seen) = self.see(&self.uuid(node)).await.map_err(|error| self.failed(&what, Some(node), &error))? else { return Ok(()) };
        if seen.power() != Power::Paused {
            return Ok(());
        }
        let _lock = self.manage.machine(&seen.info.uuid).await;
        self.manage
            .call(&["controlvm", &seen.info.uuid, "resume"], Patience::Short)
            .await
            .map_err(|error| self.failed(&what, Some(node), &error))?;
        Ok(())
    }

    /// Pulls a node's cables to a network, or plugs them in; works on a machine that is off as well.
    async fn set_cable(&self, node: &NodeName, network: &NetworkName, cable: Cable) -> Result<(), ProviderError> {
        let what = format!("{} {node}'s cable to {network}", if cable == Cable::In { "plug in" } else { "pull" });
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let seen = match (self.see(&self.uuid(node)).await.map_err(failed)?, cable) {
            (Some(seen), _) => seen,
            (None, Cable::In) => return Ok(()),
            (None, Cable::Out) => return Err(cannot(&what, Some(node), format!("{node} does not exist"), "Deploy the lab")),
        };
        let wires = self.wires().await.map_err(failed)?;
        let slots = slots_on(&self.lab, &seen, network, &wires);
        if slots.is_empty() && cable == Cable::Out {
            return Err(cannot(&what, Some(node), format!("{node} has no adapter on {network}"), "Choose a network that it is on"));
        }
        let _lock = self.manage.machine(&seen.info.uuid).await;
        let word = if cable == Cable::In { "on" } else { "off" };
        for slot in &slots {
            let (verb, option) = match seen.power() {
                Power::Running | Power::Paused => ("controlvm", format!("setlinkstate{slot}")),
                Power::Stopped | Power::Missing => ("modifyvm", format!("--cableconnected{slot}")),
            };
            self.manage.call(&[verb, &seen.info.uuid, &option, word], Patience::Short).await.map_err(failed)?;
        }
        // `setlinkstate7` on a machine without such an adapter succeeds (seen with 7.2.22).
        let now = self.info(&seen.info.uuid).await.map_err(failed)?;
        let is_so = |slot: &u32| now.nics.get(slot).is_some_and(|nic| nic.is_connected == (cable == Cable::In));
        if slots.iter().all(is_so) {
            Ok(())
        } else {
            Err(cannot(&what, Some(node), "VirtualBox says that it did, and it is not so", "Try again"))
        }
    }

    async fn cut(&self, one: &[NodeName], other: &[NodeName]) -> Result<Reach, ProviderError> {
        let what = "cut nodes off from each other";
        let failed = |error: CallError| self.failed(what, None, &error);
        let vms = self.manage.ask(&["list", "vms"]).await.map_err(failed)?;
        let (machines, wires) = tokio::try_join!(self.see_all(&vms), self.wires()).map_err(failed)?;
        let on = |network: &NetworkName| -> BTreeSet<&NodeName> {
            machines.iter().filter(|(_, seen)| !slots_on(&self.lab, seen, network, &wires).is_empty()).map(|(node, _)| node).collect()
        };
        let mut shared = Vec::new();
        for (network, wire) in &wires {
            let there = on(network);
            let has = |side: &[NodeName]| side.iter().any(|node| there.contains(node));
            if !has(one) || !has(other) || matches!(wire, Wire::Nat(_)) {
                continue;
            }
            let Wire::Internal(name) = wire else { return Ok(Reach::Inside) };
            if there.iter().any(|node| !one.contains(node) && !other.contains(node)) {
                return Ok(Reach::Inside);
            }
            shared.push((network.clone(), name.clone()));
        }
        // Nodes that reach each other through a third one are not parted by a cable.
        if shared.is_empty() {
            return Ok(Reach::Inside);
        }
        let moves = other.iter().filter_map(|node| machines.get(node)).map(|seen| {
            let slots = shared.iter().flat_map(|(network, name)| {
                slots_on(&self.lab, seen, network, &wires).into_iter().map(|slot| (slot, Plug::Internal(names::cut_off(name))))
            });
            let slots: Vec<(u32, Plug)> = slots.collect();
            Box::pin(async move { self.move_adapters(seen, &slots).await }) as Waits<'_, Result<(), CallError>>
        });
        for moved in all(moves.collect()).await {
            moved.map_err(failed)?;
        }
        Ok(Reach::Below)
    }

    /// Moves nodes back that a cut has moved.
    async fn join(&self, nodes: &[NodeName]) -> Result<(), ProviderError> {
        let what = "join nodes again";
        let failed = |error: CallError| self.failed(what, None, &error);
        let wires = self.wires().await.map_err(failed)?;
        for node in nodes {
            let Some(seen) = self.see(&self.uuid(node)).await.map_err(failed)? else { continue };
            let homes = wires.values().filter_map(|wire| if let Wire::Internal(name) = wire { Some(name) } else { None });
            let away: Vec<(u32, Plug)> = homes
                .flat_map(|home| {
                    let moved = Plug::Internal(names::cut_off(home));
                    seen.info.nics.iter().filter(move |(_, nic)| nic.plug == moved).map(|(slot, _)| (*slot, Plug::Internal(home.clone())))
                })
                .collect();
            self.move_adapters(&seen, &away).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn move_adapters(&self, seen: &Seen, moves: &[(u32, Plug)]) -> Result<(), CallError> {
        let _lock = self.manage.machine(&seen.info.uuid).await;
        for (slot, plug) in moves {
            let (verb, args) = match seen.power() {
                Power::Running | Power::Paused => ("controlvm", hot_plug(*slot, plug)),
                Power::Stopped | Power::Missing => ("modifyvm", cold_plug(*slot, plug)),
            };
            let args: Vec<&str> = [verb, &seen.info.uuid].into_iter().chain(args.iter().map(String::as_str)).collect();
            self.manage.call(&args, Patience::Short).await?;
        }
        Ok(())
    }
}

/// The slots of a machine's drawn adapters on a network.
fn slots_on(lab: &LabId, seen: &Seen, network: &NetworkName, wires: &BTreeMap<NetworkName, Wire>) -> Vec<u32> {
    let (Some(wire), Some(made)) = (wires.get(network), seen.made(lab)) else { return Vec::new() };
    let is_on = |slot: &u32| seen.info.nics.get(slot).is_some_and(|nic| wire.holds(&nic.plug));
    (1..).zip(&made.adapters).filter(|(_, adapter)| adapter.network == *network).map(|(slot, _)| slot).filter(is_on).collect()
}
