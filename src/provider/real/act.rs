//! Steps: below the guests by the hypervisor, inside them by scripts. Each can be done twice.

use super::{clock, core::Core, inject::went_on, live::Live, log::StepLog, notes, recover, snapshots, uplink};
use crate::{
    catalog::SecretForm,
    model::{Family, Kind, MachineSpec, NodeName, Power, ServiceName, ServiceRef, ServiceSpec, VipName},
    plan::Action,
    provider::{
        Done, ProviderError, Retry,
        machines::Machine,
        transport::{Command, Line},
    },
    provision::{
        Ending, Place, ProvisionError, Said, Script,
        configure::{Around, configure},
        ending,
        needs::{needs, vip_key},
        scene::{LabWords, Setup},
        service::{self, As},
        slug, vip,
    },
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Lines of a script that may wait to be read.
const LINES_MAX: usize = 256;

/// Who is told what a step is at.
pub(super) type Says = mpsc::Sender<String>;

/// Does one step.
pub(super) async fn act(core: Arc<Core>, live: Arc<dyn Live>, action: Action, says: Says) -> Result<Done, ProviderError> {
    if !core.may_act() {
        return Err(ProviderError {
            what: action.verb().into(),
            node: action.node().cloned(),
            why: "steps are done by who holds the lab's lock".into(),
            next: "Deploy through `sandtable deploy`.".into(),
            retry: Retry::Useless,
        });
    }
    core.start_clock()?;
    let done = step(&core, &live, &action, &says).await;
    core.changed_below();
    if let Some(node) = action.node() {
        live.touched(node);
    }
    done
}

async fn step(core: &Arc<Core>, live: &Arc<dyn Live>, action: &Action, says: &Says) -> Result<Done, ProviderError> {
    match action {
        Action::CreateMachine { node, .. } => {
            core.forget(node);
            below(core, action, says).await
        }
        Action::DeleteMachine { node } => {
            core.forget(node);
            let done = below(core, action, says).await?;
            // Afterwards: what is interrupted is deleted again, and a snapshot that exists keeps its metadata.
            snapshots::forget_all(core, node)?;
            Ok(done)
        }
        Action::CreateNetwork { .. }
        | Action::ChangeNetwork { .. }
        | Action::DeleteNetwork { .. }
        | Action::ChangeMachine { .. }
        | Action::PowerOn { .. }
        | Action::PowerOff { .. } => below(core, action, says).await,
        Action::DeleteSnapshot { node, snapshot } => {
            let done = below(core, action, says).await?;
            snapshots::forget(core, node, snapshot)?;
            Ok(done)
        }
        Action::TakeSnapshot { node, snapshot } => {
            // Before it is taken: without its metadata it could not be restored whole. One that exists keeps the metadata of its time.
            let there = with_snapshots(core, node).await?;
            if !there.snapshots.contains(snapshot) {
                snapshots::keep(core, node, snapshot, &there.notes)?;
            }
            below(core, action, says).await
        }
        Action::RestoreSnapshot { node, snapshot } => {
            let there = with_snapshots(core, node).await?;
            let kept = snapshots::kept(core, node, snapshot)?;
            if there.snapshots.contains(snapshot) {
                // The metadata of today is wrong once the disk is replaced. A node without any is set up again, so a restore that is
                // interrupted leaves no node that only seems to be set up.
                core.machines.note(node, &snapshots::back(&there.notes, &snapshots::Notes::new())).await?;
            }
            let done = below(core, action, says).await?;
            core.forget(node);
            core.changed_below();
            // What is noted on a machine says what is set up inside: that is now as it was then.
            let now = machine(core, node).await?.notes;
            core.machines.note(node, &snapshots::back(&now, &kept)).await?;
            // The memory of a running machine was taken with it, and its clock is the one of that moment.
            if machine(core, node).await?.power == Power::Running {
                went_on(core, node).await;
            }
            Ok(done)
        }
        Action::Configure { node, spec, kinds, vips } => {
            let family = core.family(node).await?;
            let place = Place { node, machine: spec, family };
            let doors = core.machines.doors(spec);
            let packages = packages_of(core, family, kinds, vips);
            // Certificates and package lists are refused by a clock that is wrong, so it comes first.
            let clock = clock::set(core, node).await?;
            let script = configure(place, Around { doors: &doors, packages: &packages });
            let done = run(core, node, &script, Vec::new(), says).await?.or(clock);
            core.machines.note(node, &notes::configured(spec)).await?;
            Ok(done)
        }
        Action::InstallService { node, service, spec } => {
            let done = on_service(core, node, service, spec, says, service::install).await?;
            core.machines.note(node, &notes::installed(service, spec)).await?;
            Ok(done)
        }
        Action::ReconfigureService { node, service, spec } => {
            let done = on_service(core, node, service, spec, says, service::reconfigure).await?;
            core.machines.note(node, &notes::service(service, Some(spec))).await?;
            Ok(done)
        }
        Action::StartService { node, service, bootstrap } => {
            let there = machine(core, node).await?;
            let spec = notes::services(&there).remove(service).ok_or_else(|| not_installed(node, service))?;
            let done = if *bootstrap {
                let at = ServiceRef { node: node.clone(), service: service.clone() };
                recover::begin(core, live, &at, &spec, says).await?
            } else {
                on_service(core, node, service, &spec, says, |setup| service::start(setup, As::Next)).await?
            };
            if notes::start_is_pending(&there, service) {
                core.machines.note(node, &notes::service(service, Some(&spec))).await?;
            }
            Ok(done)
        }
        Action::RemoveService { node, service } => remove(core, node, service, says).await,
        Action::SetVip { node, vip: name, spec } => {
            let machine = machine_of(core, node).await?;
            let place = Place { node, machine: &machine, family: core.family(node).await? };
            let password = core.secret(&vip_key(name), SecretForm::Short)?;
            let below = core.machines.look().await?;
            let takes_part = |(other, machine): (&NodeName, &Machine)| other != node && notes::vips(machine).contains_key(name);
            let others = if below.machines.iter().any(takes_part) { vip::Others::Some } else { vip::Others::None };
            let script = vip::set(place, name, spec, &password, others).map_err(|error| unprovisioned(node, error))?;
            let done = run(core, node, &script, vec![password], says).await?;
            core.machines.note(node, &notes::vip(name, Some(spec))).await?;
            Ok(done)
        }
        Action::RemoveVip { node, vip: name } => {
            let done = run(core, node, &vip::remove(name), Vec::new(), says).await?;
            core.machines.note(node, &notes::vip(name, None)).await?;
            Ok(done)
        }
    }
}

/// The packages of all that is drawn on a node, so that they are fetched once.
fn packages_of(core: &Core, family: Family, kinds: &BTreeSet<Kind>, vips: &BTreeSet<VipName>) -> Vec<String> {
    let of_kind = |kind: &Kind| core.recipes.get(kind)?.recipe.on(family).map(|recipe| recipe.packages.clone());
    let mut packages: BTreeSet<String> = kinds.iter().filter_map(of_kind).flatten().collect();
    if !vips.is_empty() {
        packages.insert(vip::PACKAGE.to_owned());
    }
    packages.into_iter().collect()
}

async fn below(core: &Core, action: &Action, says: &Says) -> Result<Done, ProviderError> {
    let tell = |text: &str| {
        // What it is at may be lost; a step must not wait for somebody who does not read.
        let _lost = says.try_send(text.to_owned());
    };
    core.machines.act(action, &tell).await
}

async fn remove(core: &Arc<Core>, node: &NodeName, service: &ServiceName, says: &Says) -> Result<Done, ProviderError> {
    let done = match noted(core, node, service).await? {
        // A recipe that is gone or broken must not keep a service from being removed.
        Some(spec) if core.recipes.get(&spec.kind).is_some() => {
            on_service(core, node, service, &spec, says, |setup| service::remove(service, Some(setup))).await?
        }
        _ => {
            let script = service::remove(service, None).map_err(|error| unprovisioned(node, error))?;
            run(core, node, &script, Vec::new(), says).await?
        }
    };
    core.machines.note(node, &notes::service(service, None)).await?;
    Ok(done)
}

/// Makes a script about a service and runs it.
pub(super) async fn on_service(
    core: &Arc<Core>,
    node: &NodeName,
    service: &ServiceName,
    spec: &ServiceSpec,
    says: &Says,
    script: impl FnOnce(&Setup<'_>) -> Result<Script, ProvisionError>,
) -> Result<Done, ProviderError> {
    let (script, secrets) = made(core, node, service, spec, script).await?;
    run(core, node, &script, secrets, says).await
}

/// Makes a script about a service. Gives the secrets that its node must not print.
pub(super) async fn made<T>(
    core: &Arc<Core>,
    node: &NodeName,
    service: &ServiceName,
    spec: &ServiceSpec,
    script: impl FnOnce(&Setup<'_>) -> Result<T, ProvisionError>,
) -> Result<(T, Vec<String>), ProviderError> {
    let machine = machine_of(core, node).await?;
    let place = Place { node, machine: &machine, family: core.family(node).await? };
    let refused = |error| unprovisioned(node, error);
    let needs = needs(place, service, spec, core.catalog, core.recipes).map_err(refused)?;
    let values = core.values(&needs)?;
    let folder = core.recipes.get(&spec.kind).ok_or_else(|| not_installed(node, service))?;
    let lab = LabWords { name: &core.name, id: core.id.as_str() };
    let setup = Setup { lab, place, service, spec, catalog: core.catalog, folder, needs: &needs, values: &values };
    let script = script(&setup).map_err(refused)?;
    let secrets = values.secrets.values().map(|secret| secret.value.clone());
    Ok((script, secrets.chain(values.certificate.iter().map(|certificate| certificate.key.clone())).collect()))
}

async fn machine(core: &Core, node: &NodeName) -> Result<Machine, ProviderError> {
    core.machines.machine(node).await?.ok_or_else(|| missing_machine(node))
}

/// A machine with its snapshots, which [`machine`] may leave out.
async fn with_snapshots(core: &Core, node: &NodeName) -> Result<Machine, ProviderError> {
    core.machines.look().await?.machines.remove(node).ok_or_else(|| missing_machine(node))
}

fn missing_machine(node: &NodeName) -> ProviderError {
    ProviderError {
        what: format!("set up {node}"),
        node: Some(node.clone()),
        why: "its machine is not there".into(),
        next: "Deploy again: it is made anew.".into(),
        retry: Retry::Useless,
    }
}

async fn machine_of(core: &Core, node: &NodeName) -> Result<MachineSpec, ProviderError> {
    notes::machine_spec(&machine(core, node).await?).0.ok_or_else(|| ProviderError {
        what: format!("set up {node}"),
        node: Some(node.clone()),
        why: "nothing says how its machine was made".into(),
        next: "Deploy again: it is made anew.".into(),
        retry: Retry::Useless,
    })
}

async fn noted(core: &Core, node: &NodeName, service: &ServiceName) -> Result<Option<ServiceSpec>, ProviderError> {
    Ok(notes::services(&machine(core, node).await?).remove(service))
}

fn not_installed(node: &NodeName, service: &ServiceName) -> ProviderError {
    ProviderError {
        what: format!("start {service} on {node}"),
        node: Some(node.clone()),
        why: "it is not installed there".into(),
        next: "Deploy again: it is installed first.".into(),
        retry: Retry::Useless,
    }
}

fn unprovisioned(node: &NodeName, error: ProvisionError) -> ProviderError {
    ProviderError { what: format!("set up {node}"), node: Some(node.clone()), why: error.why, next: error.next, retry: Retry::Useless }
}

/// Runs a script on a node and keeps its log.
pub(super) async fn run(
    core: &Arc<Core>,
    node: &NodeName,
    script: &Script,
    secrets: Vec<String>,
    says: &Says,
) -> Result<Done, ProviderError> {
    let (mut lines, mut log, mut code) = heard(core, node, script, secrets.clone(), says).await?;
    let missing: Vec<String> = lines.iter().filter_map(|line| missing(line)).flatten().collect();
    if code != 0 && !missing.is_empty() && uplink::fetched(core, node, &missing, says).await? {
        drop(log);
        (lines, log, code) = heard(core, node, script, secrets, says).await?;
    }
    let failed = match ending(lines.iter().map(String::as_str), code) {
        Ending::Changed => return Ok(Done::Changed),
        Ending::Same => return Ok(Done::AlreadySo),
        Ending::Failed(why) => why,
    };
    Err(ProviderError {
        what: format!("{} on {node}", script.title),
        node: Some(node.clone()),
        why: failed,
        next: format!("The whole log is {}.", log.path()),
        // A script always has a last word; one that ends well without it was cut short on the way, and can be run again.
        retry: if code == 0 { Retry::Worth } else { Retry::Useless },
    })
}

/// The packages that a line says are missing.
fn missing(line: &str) -> Option<Vec<String>> {
    let Said::Missing(packages) = Said::of(line) else { return None };
    Some(packages.split_whitespace().map(str::to_owned).collect())
}

/// Runs a script and gives all that it said, without secrets, and its exit code.
pub(super) async fn heard(
    core: &Arc<Core>,
    node: &NodeName,
    script: &Script,
    secrets: Vec<String>,
    says: &Says,
) -> Result<(Vec<String>, StepLog, i32), ProviderError> {
    let transport = core.transport(node).await?;
    let mut log = StepLog::new(Arc::clone(core), node.clone(), slug(&script.title.replace(' ', "-")), secrets);
    let (sender, mut receiver) = mpsc::channel(LINES_MAX);
    let command = Command::script(script.text.clone(), Duration::from_secs(script.timeout_secs.into()));
    let mut lines = Vec::new();
    let listen = async {
        while let Some(line) = receiver.recv().await {
            let (Line::Out(text) | Line::Err(text)) = line;
            let text = log.clean(&text);
            let said = Said::of(&text);
            if let Said::Progress(what) = said {
                let _lost = says.try_send(what.to_owned());
            }
            log.line(&said.told());
            lines.push(text);
        }
    };
    let began = std::time::Instant::now();
    let (code, ()) = tokio::join!(transport.stream(command, sender), listen);
    tracing::debug!(%node, script = script.title, took_ms = began.elapsed().as_millis(), "ran");
    Ok((lines, log, code?))
}
