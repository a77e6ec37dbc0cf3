//! Breaking and mending: the journal first, then below the guests where the hypervisor can, else inside the nodes.
//!
//! Every fault has its end: a timer of the node's own inside, and a small process of ours for what lies below, so that nothing
//! stays broken because somebody is gone. Mending what is mended is no error.

use super::{
    clock,
    core::Core,
    journal::{self, Entry, Faults, Where},
    watch::Watch,
};
use crate::{
    catalog::Catalog,
    host::guard,
    model::{ActiveFault, EventKind, Fault, Health, NodeName, Observed, Power, Prediction},
    provider::{FaultDuration, FaultSelection, InjectOptions, ProviderError, REAL_FAULT_SECS, Retry, machines::Reach, transport::Command},
    provision::{
        Ending, Place, Script, ending,
        inject::{Act, Facts, NoScript, inside, start_all, undo},
        needs::needs,
    },
    sim::{World, blast_radius},
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::sleep};

/// How long a node that was turned on or let run may take to answer.
const BACK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a killed service stays broken before its being well counts as over, in milliseconds: what was seen before is old then.
const KILL_MS: u64 = 5000;

/// What is broken, as the journal says.
pub(super) fn active(core: &Core) -> Result<Vec<ActiveFault>, ProviderError> {
    Ok(Faults::read(&core.folder)?.active(core.now_ms(), (core.clock)()))
}

/// A killed service that is well again is over its fault, as systemd has started it.
pub(super) fn forget_over(core: &Core, seen: &Observed) {
    let is_over = |fault: &ActiveFault| {
        let Fault::Kill(at) = &fault.fault else { return false };
        let service = seen.nodes.get(&at.node).and_then(|node| node.services.get(&at.service));
        let is_old = seen.at_ms.saturating_sub(fault.since_ms) > KILL_MS;
        is_old && service.is_some_and(|service| service.health == Health::Healthy && service.since_ms > fault.since_ms)
    };
    let over: Vec<u64> = seen.faults.iter().filter(|fault| is_over(fault)).map(|fault| fault.id).collect();
    if !over.is_empty() {
        // Where another holds the lock now, the next look forgets it.
        let _later = journal::change(core, |faults| faults.entries.retain(|entry| !over.contains(&entry.id)));
    }
}

/// Breaks something.
pub(super) async fn inject(watch: &Watch, fault: &Fault, options: InjectOptions) -> Result<u64, ProviderError> {
    let core = watch.core();
    let (_, seen) = watch.known().await?;
    check(fault, &seen)?;
    let secs = match options.duration {
        FaultDuration::Usual => REAL_FAULT_SECS,
        FaultDuration::Secs(secs) => secs.max(1),
    };
    let until_wall_ms = (core.clock)().saturating_add(u64::from(secs) * 1000);
    let since_ms = core.now_ms();
    let id = journal::change(core, |faults| {
        faults.count += 1;
        let id = faults.count;
        if !fault.is_over_at_once() {
            faults.entries.push(Entry { id, fault: fault.clone(), since_ms, until_wall_ms, by: options.by, at: Where::Unknown });
        }
        id
    })?;
    if !fault.is_over_at_once() {
        guard::start(core.folder.path());
    }
    let broken = break_it(core, fault, id, secs, &seen).await;
    core.changed_below();
    match broken {
        Ok(at) => {
            journal::change(core, |faults| faults.entries.iter_mut().filter(|entry| entry.id == id).for_each(|entry| entry.at = at))?;
            if fault.is_over_at_once() {
                watch.shared.book().tell(since_ms, crate::fault::told_about(fault), EventKind::Injected, fault.to_string());
            }
            Ok(id)
        }
        Err(error) => {
            // What was done by halves is undone; where that fails too, the journal keeps it for the next to try.
            let entry = Entry { id, fault: fault.clone(), since_ms, until_wall_ms, by: options.by, at: Where::Unknown };
            let held = held(core, &entry)?;
            if heal_entry(core, &entry, &seen, held).await.is_ok() {
                journal::change(core, |faults| faults.entries.retain(|entry| entry.id != id))?;
            }
            Err(error)
        }
    }
}

/// Says what stands against a fault before anything is done.
fn check(fault: &Fault, seen: &Observed) -> Result<(), ProviderError> {
    for name in fault.nodes() {
        match seen.nodes.get(name).map(|node| node.power) {
            Some(Power::Running) => {}
            Some(power) => {
                let next = "Power it on, or heal what turned it off, then try again.";
                return Err(refused(fault, Some(name), format!("{name} is {}", power.title()), next));
            }
            None => return Err(refused(fault, Some(name), format!("there is no machine {name}"), "Deploy the lab first.")),
        }
    }
    Ok(())
}

fn refused(fault: &Fault, node: Option<&NodeName>, why: String, next: &str) -> ProviderError {
    ProviderError { what: fault.to_string(), node: node.cloned(), why, next: next.into(), retry: Retry::Useless }
}

fn no_script(fault: &Fault, error: &NoScript) -> ProviderError {
    refused(fault, None, error.why.clone(), "Choose another fault, or deploy what it is to fall on.")
}

async fn break_it(core: &Arc<Core>, fault: &Fault, id: u64, secs: u32, seen: &Observed) -> Result<Where, ProviderError> {
    if core.machines.break_below(fault).await? == Reach::Below {
        return Ok(Where::Below);
    }
    let expired = match fault {
        Fault::Expire(at) => expired(core, at, seen).await?,
        _ => None,
    };
    let expired = expired.as_ref().map(|(certificate, key)| (certificate.as_str(), key.as_str()));
    let acts = inside(fault, &Facts { seen, id, secs, expired }).map_err(|error| no_script(fault, &error))?;
    let mut tasks = JoinSet::new();
    for Act { node, inject } in acts {
        let (core, what) = (Arc::clone(core), fault.to_string());
        tasks.spawn(async move { run(&core, &node, &inject, &what).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|error| refused(fault, None, error.to_string(), "Report this."))??;
    }
    Ok(Where::Inside)
}

/// A certificate that is out of date, like the one that a service has; `None` where it has none.
async fn expired(core: &Core, at: &crate::model::ServiceRef, seen: &Observed) -> Result<Option<(String, String)>, ProviderError> {
    let Some(node) = seen.nodes.get(&at.node) else { return Ok(None) };
    let (Some(machine), Some(spec)) = (&node.spec, node.services.get(&at.service).and_then(|service| service.spec.as_ref())) else {
        return Ok(None);
    };
    let place = Place { node: &at.node, machine, family: core.family(&at.node).await? };
    let Ok(needs) = needs(place, &at.service, spec, core.catalog, core.recipes) else { return Ok(None) };
    let Some(need) = needs.certificate else { return Ok(None) };
    let old = core.expired(&need)?;
    Ok(Some((old.certificate, old.key)))
}

async fn run(core: &Core, node: &NodeName, script: &Script, what: &str) -> Result<(), ProviderError> {
    let transport = core.transport(node).await?;
    let timeout = Duration::from_secs(u64::from(script.timeout_secs));
    let output = transport.run(Command::script(script.text.as_bytes(), timeout)).await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    match ending(said.lines(), output.code) {
        Ending::Changed | Ending::Same => Ok(()),
        Ending::Failed(why) => Err(ProviderError {
            what: what.to_owned(),
            node: Some(node.clone()),
            why: format!("{node}: {why}"),
            next: "Nothing is left broken there; mend what it says, or choose another fault.".into(),
            retry: Retry::Useless,
        }),
    }
}

/// Mends what was broken, what lies below first: a node that is off answers nobody.
pub(super) async fn heal(watch: &Watch, which: FaultSelection) -> Result<Vec<ActiveFault>, ProviderError> {
    let core = watch.core();
    let mut entries = Faults::read(&core.folder)?.entries;
    match which {
        FaultSelection::All => entries.reverse(),
        FaultSelection::One(id) => entries.retain(|entry| entry.id == id),
    }
    let (below, rest): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.at == Where::Below);
    let mut healed = Vec::new();
    let mut failed = None;
    for entry in below.into_iter().chain(rest) {
        core.changed_below();
        let (_, seen) = watch.known().await?;
        let held = held(core, &entry)?;
        match heal_entry(core, &entry, &seen, held).await {
            Ok(()) => {
                journal::change(core, |faults| faults.entries.retain(|other| other.id != entry.id))?;
                healed.push(entry.shown(core.now_ms(), (core.clock)()));
            }
            // The others are mended all the same; what failed stays in the journal.
            Err(error) => failed = Some(error),
        }
    }
    core.changed_below();
    match failed {
        Some(error) => Err(error),
        None => Ok(healed),
    }
}

/// Whether another fault holds the same thing down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Nobodys,
    Anothers,
}

fn held(core: &Core, entry: &Entry) -> Result<Whose, ProviderError> {
    let same = |other: &Entry| other.id != entry.id && other.fault == entry.fault;
    Ok(if Faults::read(&core.folder)?.entries.iter().any(same) { Whose::Anothers } else { Whose::Nobodys })
}

async fn heal_entry(core: &Arc<Core>, entry: &Entry, seen: &Observed, held: Whose) -> Result<(), ProviderError> {
    let fault = &entry.fault;
    if entry.at != Where::Inside && held == Whose::Nobodys {
        core.machines.mend_below(fault).await?;
    }
    if entry.at == Where::Below {
        match (fault, held) {
            (Fault::PowerOff(node), Whose::Nobodys) => started(core, node).await,
            (Fault::Pause(node), Whose::Nobodys) => went_on(core, node).await,
            _ => {}
        }
        return Ok(());
    }
    if let Fault::PowerOff(_) | Fault::Pause(_) = fault {
        return Ok(());
    }
    let mut tasks = JoinSet::new();
    let touched: Vec<&NodeName> = match fault {
        Fault::OneWay(_, to) => vec![to],
        fault => fault.nodes(),
    };
    for node in touched {
        match seen.nodes.get(node).map(|there| there.power) {
            // What is gone has nothing to be undone, and rules and processes end with the machine's power; files that were changed
            // do not, so one that is off keeps its fault until it is on.
            None => continue,
            Some(Power::Running) => {}
            Some(_) if !matches!(fault, Fault::Cookie(_) | Fault::Expire(_) | Fault::FillDisk(_)) => continue,
            Some(power) => {
                return Err(refused(fault, Some(node), format!("{node} is {}", power.title()), "Power it on, then heal again."));
            }
        }
        let (core, node, script, what) = (Arc::clone(core), node.clone(), undo(fault, entry.id), format!("heal {fault}"));
        tasks.spawn(async move { run(&core, &node, &script, &what).await });
    }
    let mut failed = None;
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failed = Some(error),
            Err(error) => failed = Some(refused(fault, None, error.to_string(), "Report this.")),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// A machine that was turned off and is on again: its services start with it, and those that do not are started.
async fn started(core: &Arc<Core>, node: &NodeName) {
    let script = start_all();
    let all = async {
        while run(core, node, &script, "start the services again").await.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    // What does not start is seen by whoever watches.
    let _late = tokio::time::timeout(BACK_TIMEOUT, all).await;
}

/// A machine that was paused goes on with the clock of the moment when it stopped (seen with VirtualBox 7.2.22), so it is set.
pub(super) async fn went_on(core: &Arc<Core>, node: &NodeName) {
    let set = async {
        while clock::set(core, node).await.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    // A clock that stays wrong is seen by whoever watches.
    let _late = tokio::time::timeout(BACK_TIMEOUT * core.slowness(), set).await;
}

/// What a fault would take with it, by a simulated world of the same lab.
pub(super) async fn predict(watch: &Watch, fault: &Fault, lasts_ms: Option<u64>) -> Result<Option<Prediction>, ProviderError> {
    // Who holds a VIP decides what is taken with it.
    let (below, mut seen) = watch.known().await?;
    watch.look(&below, &mut seen).await?;
    let flows = watch.flows();
    let fault = fault.clone();
    let predicted = tokio::task::spawn_blocking(move || {
        let world = World::mirror(Catalog::embedded(), &seen, &flows)?;
        blast_radius(&world, &fault, lasts_ms)
    });
    match predicted.await {
        Ok(Ok(prediction)) => Ok(Some(prediction)),
        // What the simulator cannot tell is not told; the fault may be done all the same.
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}
