//! Packages that a node needs and cannot get by itself: fetched over an uplink, which goes again at once and is proven gone.

use super::{
    act::{Says, heard},
    core::Core,
};
use crate::{
    model::{NodeName, Power},
    provider::{ProviderError, Retry, machines::Uplink},
    provision::{
        Ending, Script, ending,
        uplink::{fetch, gone},
    },
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::mpsc;

/// Gets packages for a node; `false` where its hypervisor has no way to give it one.
pub(super) async fn fetched(core: &Arc<Core>, node: &NodeName, packages: &[String], says: &Says) -> Result<bool, ProviderError> {
    let turn = core.uplink_turn(node);
    let _one_at_a_time = turn.lock().await;
    let Some(uplink) = core.machines.uplink(node).await? else { return Ok(false) };
    let known = |change: fn(&mut BTreeSet<NodeName>, &NodeName)| {
        if let Some(nodes) = core.with_uplink().as_mut() {
            change(nodes, node);
        }
    };
    known(|nodes, node| {
        nodes.insert(node.clone());
    });
    let _lost = says.try_send(format!("a way to packages is opened for {}", packages.join(" ")));
    let got = ran(core, node, &fetch(packages, uplink, core.package_source.as_deref()), says).await;
    // Whatever became of it, the way does not stay open.
    let closed = close(core, node, uplink, says).await;
    if closed.is_ok() {
        known(|nodes, node| {
            nodes.remove(node);
        });
    }
    got.map_err(|error| {
        let next = "See that packages can be had from where the node is made, or name a source: SANDTABLE_PACKAGE_SOURCE='deb URL SUITE …'. \
                    Or use an image that has them: sandtable image LAYOUT.";
        ProviderError { next: format!("{next} {}", error.next), ..error }
    })?;
    closed?;
    Ok(true)
}

/// Takes away the uplinks that a deployment which was cut off left.
pub(super) async fn close_all(core: &Arc<Core>) -> Result<bool, ProviderError> {
    // Whoever has planned has looked, and what was opened since is known.
    if core.with_uplink().as_ref().is_some_and(BTreeSet::is_empty) {
        return Ok(false);
    }
    let below = core.below().await?;
    let (says, _unheard) = mpsc::channel(1);
    let mut closed = false;
    for (node, machine) in below.machines.iter().filter(|(_, machine)| machine.has_uplink) {
        let turn = core.uplink_turn(node);
        let _one_at_a_time = turn.lock().await;
        // What is off has no route, and its adapter is gone when it comes back.
        let uplink = if machine.power == Power::Running { core.machines.uplink(node).await? } else { None };
        match uplink {
            Some(uplink) => close(core, node, uplink, &says).await?,
            None => drop(core.machines.remove_uplink(node).await?),
        }
        closed = true;
    }
    if closed {
        core.changed_below();
    }
    Ok(closed)
}

/// Takes the adapter away, and has the node look that nothing of it is left.
async fn close(core: &Arc<Core>, node: &NodeName, uplink: Uplink, says: &Says) -> Result<(), ProviderError> {
    core.machines.remove_uplink(node).await?;
    ran(core, node, &gone(uplink), says).await
}

async fn ran(core: &Arc<Core>, node: &NodeName, script: &Script, says: &Says) -> Result<(), ProviderError> {
    let (lines, log, code) = heard(core, node, script, Vec::new(), says).await?;
    match ending(lines.iter().map(String::as_str), code) {
        Ending::Changed | Ending::Same => Ok(()),
        Ending::Failed(why) => Err(ProviderError {
            what: format!("{} on {node}", script.title),
            node: Some(node.clone()),
            why,
            next: format!("The whole log is {}.", log.path()),
            retry: if code == 0 { Retry::Worth } else { Retry::Useless },
        }),
    }
}
