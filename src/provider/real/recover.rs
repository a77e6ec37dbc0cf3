//! Recovery of a cluster that has stopped as a whole, in the order that [`crate::provision::recover`] explains.
//!
//! It refuses where a part of the cluster works, and where a member's data cannot be looked at: that member's may go furthest.

use super::{
    act::{self, Says},
    core::Core,
    live::Live,
    notes,
};
use crate::{
    model::{ClusterName, NodeName, Power, ServiceRef, ServiceSpec},
    provider::{Done, ProviderError, Retry, machines::Below, transport::Command},
    provision::{
        Ending, ending,
        recover::{Position, order, position_of},
        service::{self, As},
    },
};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How long a member may take to say how well it is.
const ASK_TIMEOUT: Duration = Duration::from_secs(20);

/// A member of the cluster, as it was set up.
#[derive(Clone)]
struct Member {
    at: ServiceRef,
    spec: ServiceSpec,
    keeps_data: bool,
}

/// Starts the first member of a cluster. One whose members have worked before has stopped as a whole: it is recovered, so that no
/// member's data is left behind.
pub(super) async fn begin(
    core: &Arc<Core>,
    live: &Arc<dyn Live>,
    at: &ServiceRef,
    spec: &ServiceSpec,
    says: &Says,
) -> Result<Done, ProviderError> {
    let below = core.machines.look().await?;
    let cluster = spec.cluster.as_ref().map(|(name, _)| name);
    let members = cluster.map(|name| members(core, &below, name)).unwrap_or_default();
    let data: Vec<Member> = members.iter().filter(|member| member.keeps_data).cloned().collect();
    let Some(cluster) = cluster.filter(|_| data.len() > 1) else { return first(core, at, spec, says).await };
    if !any_has_worked(core, &data).await {
        return first(core, at, spec, says).await;
    }
    let _lost = says.try_send(format!("{cluster} has stopped as a whole: recovering it"));
    let recovered = recover(Arc::clone(core), Arc::clone(live), cluster.clone(), says.clone()).await.map_err(|error| ProviderError {
        next: format!("{} Or recover the cluster by itself and read what it says: sandtable recover LAYOUT {cluster}", error.next),
        ..error
    })?;
    match recovered {
        Done::Changed => Ok(Done::Changed),
        // A part of it works, without this member.
        Done::AlreadySo => start(core, &members, at, As::Next, says).await,
    }
}

async fn first(core: &Arc<Core>, at: &ServiceRef, spec: &ServiceSpec, says: &Says) -> Result<Done, ProviderError> {
    act::on_service(core, &at.node, &at.service, spec, says, |setup| service::start(setup, As::First)).await
}

/// Whether a member has worked before. One that does not say is no reason to begin a second cluster beside its data.
async fn any_has_worked(core: &Arc<Core>, data: &[Member]) -> bool {
    let mut asked = JoinSet::new();
    for member in data.iter().cloned() {
        let core = Arc::clone(core);
        asked.spawn(async move {
            let transport = core.transport(&member.at.node).await?;
            transport.run(Command::script(service::has_started(&member.at.service), ASK_TIMEOUT)).await
        });
    }
    let mut has_worked = false;
    while let Some(answered) = asked.join_next().await {
        has_worked |= !matches!(answered, Ok(Ok(output)) if output.code == 1);
    }
    has_worked
}

/// Brings a cluster back; nothing is done where a part of it works.
pub(super) async fn recover(core: Arc<Core>, live: Arc<dyn Live>, cluster: ClusterName, says: Says) -> Result<Done, ProviderError> {
    let below = core.machines.look().await?;
    let members = members(&core, &below, &cluster);
    let (data, voters): (Vec<Member>, Vec<Member>) = members.iter().cloned().partition(|member| member.keeps_data);
    if data.is_empty() {
        let known = "no member of it is deployed whose catalog entry says how far its data goes";
        return Err(refused(&cluster, None, known, "See whether the name is right and the lab is deployed (sandtable status)."));
    }
    let is_off = |member: &&Member| below.machines.get(&member.at.node).is_none_or(|machine| machine.power != Power::Running);
    if let Some(off) = data.iter().find(is_off) {
        let why = format!("{} is not on, and its data may go further than the others'", off.at.node);
        return Err(refused(&cluster, Some(&off.at.node), &why, "Turn it on, or heal what turned it off, then recover again."));
    }
    if let Some(works) = first_that_works(&core, &cluster, &data).await? {
        let _lost = says.try_send(format!("{works} works: the cluster is there already"));
        return Ok(Done::AlreadySo);
    }
    let on: Vec<Member> = voters.into_iter().filter(|member| !is_off(&member)).collect();
    for voter in &on {
        let _lost = says.try_send(format!("stopping {}", voter.at));
        act::run(&core, &voter.at.node, &service::stop(&voter.at.service), Vec::new(), &says).await?;
    }
    let positions = positions(&core, &data, &says).await?;
    for one in &positions {
        let _lost = says.try_send(format!("{} has data up to {}", one.at, one.position));
    }
    let mut how = As::First;
    for at in order(positions) {
        let _lost = says.try_send(format!("{} {at}", if how == As::First { "beginning the cluster with" } else { "starting" }));
        start(&core, &members, &at, how, &says).await?;
        live.touched(&at.node);
        how = As::Next;
    }
    for voter in &on {
        let _lost = says.try_send(format!("starting {}", voter.at));
        start(&core, &members, &voter.at, As::Next, &says).await?;
        live.touched(&voter.at.node);
    }
    Ok(Done::Changed)
}

fn members(core: &Core, below: &Below, cluster: &ClusterName) -> Vec<Member> {
    let mut members = Vec::new();
    for (node, machine) in &below.machines {
        for (service, spec) in notes::services(machine) {
            if spec.cluster.as_ref().is_some_and(|(name, _)| name == cluster) {
                let keeps_data = core.recipes.get(&spec.kind).is_some_and(|folder| folder.recipe.scripts.position.is_some());
                members.push(Member { at: ServiceRef { node: node.clone(), service }, spec, keeps_data });
            }
        }
    }
    members
}

/// The first member that works. One that does not answer may work with the others: then nothing may be stopped.
async fn first_that_works(core: &Arc<Core>, cluster: &ClusterName, data: &[Member]) -> Result<Option<ServiceRef>, ProviderError> {
    let mut asked = JoinSet::new();
    for member in data.iter().cloned() {
        let core = Arc::clone(core);
        asked.spawn(async move { (works(&core, &member.at).await, member.at) });
    }
    let (mut first, mut silent) = (None, None);
    while let Some(answered) = asked.join_next().await {
        match answered.map_err(|_| super::ended())? {
            (Some(true), at) => first = first.or(Some(at)),
            (Some(false), _) => {}
            (None, at) => silent = Some(at),
        }
    }
    match silent {
        Some(at) if first.is_none() => {
            let why = format!("{at} does not answer, and may work");
            let next = "See whether its node is overloaded or unreachable, then recover again.";
            Err(ProviderError { retry: Retry::Worth, ..refused(cluster, Some(&at.node), &why, next) })
        }
        _ => Ok(first),
    }
}

/// Whether a member works, as its health script says; `None`: it did not answer.
async fn works(core: &Core, at: &ServiceRef) -> Option<bool> {
    let transport = core.transport(&at.node).await.ok()?;
    let output = transport.run(Command::script(service::ask_health(&at.service), ASK_TIMEOUT)).await.ok()?;
    let code: i32 = String::from_utf8_lossy(&output.stdout).trim().strip_prefix(service::HEALTH)?.parse().ok()?;
    Some(matches!(code, 0 | 2))
}

async fn positions(core: &Arc<Core>, data: &[Member], says: &Says) -> Result<Vec<Position>, ProviderError> {
    let mut asked = JoinSet::new();
    for member in data {
        let (core, says, member) = (Arc::clone(core), says.clone(), member.clone());
        asked.spawn(async move { position(&core, &member, &says).await });
    }
    let mut positions = Vec::new();
    while let Some(answered) = asked.join_next().await {
        positions.push(answered.map_err(|_| super::ended())??);
    }
    // In the lab's order, so that of two that go equally far always the same begins.
    positions.sort_by(|one: &Position, other| one.at.cmp(&other.at));
    Ok(positions)
}

async fn position(core: &Arc<Core>, member: &Member, says: &Says) -> Result<Position, ProviderError> {
    let ServiceRef { node, service } = &member.at;
    let template = core.recipes.get(&member.spec.kind).and_then(|folder| folder.recipe.scripts.position.clone());
    let made = act::made(core, node, service, &member.spec, |setup| service::value(setup, "position", template.as_deref())).await?;
    let (Some(script), secrets) = made else { return Ok(Position { at: member.at.clone(), position: -1 }) };
    let (lines, log, code) = act::heard(core, node, &script, secrets, says).await?;
    let lines = || lines.iter().map(String::as_str);
    match (ending(lines(), code), position_of(lines())) {
        (Ending::Changed | Ending::Same, Some(position)) => Ok(Position { at: member.at.clone(), position }),
        (Ending::Failed(why), _) => Err(ProviderError {
            what: format!("find out how far the data of {} goes", member.at),
            node: Some(node.clone()),
            why,
            next: format!("The whole log is {}.", log.path()),
            retry: Retry::Useless,
        }),
        (_, None) => Ok(Position { at: member.at.clone(), position: -1 }),
    }
}

async fn start(core: &Arc<Core>, members: &[Member], at: &ServiceRef, how: As, says: &Says) -> Result<Done, ProviderError> {
    let Some(member) = members.iter().find(|member| member.at == *at) else { return Ok(Done::AlreadySo) };
    act::on_service(core, &at.node, &at.service, &member.spec, says, |setup| service::start(setup, how)).await
}

fn refused(cluster: &ClusterName, node: Option<&NodeName>, why: &str, next: &str) -> ProviderError {
    ProviderError {
        what: format!("recover {cluster}"),
        node: node.cloned(),
        why: why.to_owned(),
        next: next.to_owned(),
        retry: Retry::Useless,
    }
}
