//! Stage: services are installed, as drawn, and run; in the order that clusters, replicas, `after` and flows demand.

use super::{
    Action, Change,
    graph::{Demand, Doing, Draft, Point},
    promotion,
    sight::{Fate, Sight, because},
};
use crate::model::{Endpoint, ServiceRef, ServiceSpec, Subject};

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    let mut previous: Option<&ServiceRef> = None;
    for (at, spec) in &sight.desired.services {
        if !sight.desired.machines.contains_key(&at.node) {
            continue;
        }
        let (installed, ready) = doings(sight, at, spec);
        draft.put(Point::Installed(at.clone()), installed);
        draft.put(Point::Ready(at.clone()), ready);
        draft.order(Point::Configured(at.node.clone()), Point::Installed(at.clone()), Demand::Nature);
        draft.order(Point::Installed(at.clone()), Point::Ready(at.clone()), Demand::Nature);
        // A node's package manager does one thing at a time.
        if let Some(previous) = previous.filter(|previous| previous.node == at.node) {
            draft.order(Point::Installed(previous.clone()), Point::Installed(at.clone()), Demand::Nature);
        }
        previous = Some(at);
    }
    after_nodes(sight, draft);
    clusters(sight, draft);
    flows(sight, draft);
}

fn doings(sight: &Sight<'_>, at: &ServiceRef, spec: &ServiceSpec) -> (Option<Doing>, Option<Doing>) {
    let ServiceRef { node, service } = at.clone();
    let doing = |action, change, reason| Some(Doing { action, change, subject: Subject::Service(at.clone()), reason });
    let install = Action::InstallService { node: node.clone(), service: service.clone(), spec: spec.clone() };
    let start = Action::StartService { node: node.clone(), service: service.clone(), bootstrap: bootstraps(sight, at) };
    let Some(there) = sight.service(at).and_then(|service| service.spec.as_ref()) else {
        let installed = doing(install, Change::Create, format!("{at} is missing."));
        return (installed, doing(start, Change::Update, format!("{at} has just been installed.")));
    };
    // What was promoted holds the newest data: it and those that copy from it stay as they are until the layout says so (`refusals`).
    let stays = promotion::drift(at, spec, there).is_some() || promotion::follows_promoted(sight.observed, sight.desired, there);
    let differs = (there != spec && !stays).then(|| because(at, &differences(spec, there)));
    let goes_down = sight.fate(&at.node) == Fate::Bounced;
    if sight.runs(at) && !goes_down {
        let reconfigure = Action::ReconfigureService { node, service, spec: spec.clone() };
        return (None, differs.and_then(|reason| doing(reconfigure, Change::Update, reason)));
    }
    let why = if goes_down {
        format!("{} was turned off to be changed.", at.node)
    } else if sight.service(at).is_some_and(|service| service.start_pending) {
        format!("The start of {at} was not completed.")
    } else {
        format!("{at} is there and does not run.")
    };
    (differs.and_then(|reason| doing(install, Change::Update, reason)), doing(start, Change::Update, why))
}

fn differences(drawn: &ServiceSpec, there: &ServiceSpec) -> Vec<String> {
    let mut reasons = Vec::new();
    if drawn.kind != there.kind {
        reasons.push(format!("is a {}, the layout says {}", there.kind, drawn.kind));
    }
    if drawn.listen != there.listen {
        let list = |spec: &ServiceSpec| {
            let all = spec.listen.values().flatten().map(ToString::to_string).collect::<Vec<_>>();
            if all.is_empty() { "nowhere".to_owned() } else { format!("on {}", all.join(", ")) }
        };
        reasons.push(format!("listens {}, the layout says {}", list(there), list(drawn)));
    }
    if drawn.allow != there.allow {
        let list = |spec: &ServiceSpec| match &spec.allow {
            None => "everyone".to_owned(),
            Some(subnets) if subnets.is_empty() => "nobody".to_owned(),
            Some(subnets) => subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        reasons.push(format!("lets in {}, the layout says {}", list(there), list(drawn)));
    }
    if drawn.cluster != there.cluster {
        let list = |spec: &ServiceSpec| match &spec.cluster {
            None => "alone".to_owned(),
            Some((name, members)) => {
                let members = members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("in {name} with {}", if members.is_empty() { "nobody" } else { &members })
            }
        };
        reasons.push(format!("works {}, the layout says {}", list(there), list(drawn)));
    }
    if drawn.replica_of != there.replica_of {
        let primary = |spec: &ServiceSpec| spec.replica_of.as_ref().map_or_else(|| "no service".to_owned(), ToString::to_string);
        reasons.push(format!("copies from {}, the layout says {}", primary(there), primary(drawn)));
    }
    if let (None, Some(primary)) = (&drawn.promoted_from, &there.promoted_from) {
        reasons.push(format!("was promoted in place of {primary}, and is drawn as the primary now"));
    }
    if drawn.upstreams != there.upstreams {
        let list = |spec: &ServiceSpec| {
            let all = spec.upstreams.iter().map(|upstream| format!("{} at {}", upstream.to, upstream.at)).collect::<Vec<_>>();
            if all.is_empty() { "no service".to_owned() } else { all.join(", ") }
        };
        let (now, wanted) = (list(there), list(drawn));
        reasons.push(match now == wanted {
            true => format!("has settings for {now} that differ from the layout: its kind, its encryption or its health path"),
            false => format!("talks to {now}, the layout says {wanted}"),
        });
    }
    if drawn.peers != there.peers {
        let list = |spec: &ServiceSpec| {
            let all = spec.peers.iter().map(|peer| format!("{} at {}", peer.at, peer.place())).collect::<Vec<_>>();
            if all.is_empty() { "no service".to_owned() } else { all.join(", ") }
        };
        let (now, wanted) = (list(there), list(drawn));
        reasons.push(match now == wanted {
            true => format!("has settings for {now} that differ from the layout"),
            false => format!("knows {now}, the layout says {wanted}"),
        });
    }
    let names = drawn.settings.keys().chain(there.settings.keys()).collect::<std::collections::BTreeSet<_>>();
    for name in names {
        let (now, wanted) = (there.settings.get(name), drawn.settings.get(name));
        if now != wanted {
            let text = |value: Option<&crate::model::Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            reasons.push(format!("has {name} at {}, the layout says {}", text(now), text(wanted)));
        }
    }
    if drawn.secrets != there.secrets {
        reasons.push("has secrets that differ from the layout".into());
    }
    reasons
}

/// Members of a cluster in the order in which they come: those that vote and keep data, those that only vote, the rest.
fn in_order(sight: &Sight<'_>, members: &[ServiceRef]) -> Vec<ServiceRef> {
    let rank = |at: &ServiceRef| match sight.lab.service(at).and_then(|service| sight.catalog.of(service)) {
        Some(entry) if entry.behaviour.votes() && entry.keeps_data => 0,
        Some(entry) if entry.behaviour.votes() => 1,
        _ => 2,
    };
    let mut members = members.to_vec();
    members.sort_by_key(rank);
    members
}

fn votes(sight: &Sight<'_>, at: &ServiceRef) -> bool {
    sight.lab.service(at).and_then(|service| sight.catalog.behaviour(service)).is_some_and(crate::catalog::Behaviour::votes)
}

fn keeps_data(sight: &Sight<'_>, at: &ServiceRef) -> bool {
    sight.lab.service(at).is_some_and(|service| sight.catalog.keeps_data(service))
}

/// Whether a service, once it is started, is the first of a cluster that nobody else keeps up.
fn bootstraps(sight: &Sight<'_>, at: &ServiceRef) -> bool {
    let Some(service) = sight.lab.service(at) else { return false };
    let Some(cluster) = service.cluster.as_ref().filter(|_| votes(sight, at) && sight.catalog.keeps_data(service)) else { return false };
    let members = sight.clusters.get(cluster).map_or(&[][..], Vec::as_slice);
    let keepers: Vec<ServiceRef> = in_order(sight, members).into_iter().filter(|member| keeps_data(sight, member)).collect();
    keepers.first() == Some(at) && !keepers.iter().any(|member| member != at && sight.runs(member))
}

fn clusters(sight: &Sight<'_>, draft: &mut Draft) {
    for members in sight.clusters.values() {
        let voters: Vec<ServiceRef> = in_order(sight, members).into_iter().filter(|at| votes(sight, at)).collect();
        // One after the other: each takes its data from those before it, and what must go down does not go down together.
        for (before, after) in voters.iter().zip(voters.iter().skip(1)) {
            draft.order(Point::Ready(before.clone()), Point::Ready(after.clone()), Demand::Cluster);
            let goes_down = matches!(sight.fate(&after.node), Fate::Bounced | Fate::Replaced);
            if before.node != after.node && goes_down {
                draft.order(Point::Ready(before.clone()), Point::Down(after.node.clone()), Demand::Cluster);
            }
            // Another version of its packages restarts it.
            if before.node != after.node && sight.repins(&after.node) && sight.runs(after) {
                draft.order(Point::Ready(before.clone()), Point::Configured(after.node.clone()), Demand::Cluster);
            }
        }
    }
    for first in sight.desired.services.keys().filter(|at| bootstraps(sight, at)) {
        // Who begins a cluster asks the other keepers of its data whether they have one: set up, they answer at once, be it with
        // a no; before that their firewall is silent.
        let cluster = sight.lab.service(first).and_then(|service| service.cluster.as_ref());
        let members = cluster.and_then(|cluster| sight.clusters.get(cluster)).map_or(&[][..], Vec::as_slice);
        for other in members.iter().filter(|at| *at != first && keeps_data(sight, at)) {
            draft.order(Point::Installed(other.clone()), Point::Ready(first.clone()), Demand::Cluster);
        }
    }
    for (node, name, service) in sight.lab.services() {
        if let Some(primary) = &service.replica_of {
            let replica = ServiceRef { node: node.clone(), service: name.clone() };
            draft.order(Point::Ready(primary.clone()), Point::Ready(replica), Demand::Cluster);
        }
    }
}

/// Nodes that others are drawn after: up once their services are ready.
fn after_nodes(sight: &Sight<'_>, draft: &mut Draft) {
    let waited_for: std::collections::BTreeSet<_> = sight.lab.nodes.values().flat_map(|node| &node.after).collect();
    for name in waited_for {
        let Some(node) = sight.lab.nodes.get(name) else { continue };
        draft.put(Point::Up(name.clone()), None);
        draft.order(Point::Configured(name.clone()), Point::Up(name.clone()), Demand::Nature);
        for service in node.services.keys() {
            let at = ServiceRef { node: name.clone(), service: service.clone() };
            draft.order(Point::Ready(at), Point::Up(name.clone()), Demand::Nature);
        }
    }
    for (name, node) in &sight.lab.nodes {
        for before in &node.after {
            for service in node.services.keys() {
                let at = ServiceRef { node: name.clone(), service: service.clone() };
                draft.order(Point::Up(before.clone()), Point::Ready(at), Demand::Drawn);
            }
        }
    }
}

fn flows(sight: &Sight<'_>, draft: &mut Draft) {
    for at in sight.desired.services.keys() {
        let Some(entry) = sight.lab.service(at).and_then(|service| sight.catalog.of(service)) else { continue };
        for flow in sight.contract.flows_of(at, entry).into_iter().filter(|flow| !flow.optional) {
            match &flow.to {
                Endpoint::Service(to) => draft.order(Point::Ready(to.clone()), Point::Ready(at.clone()), Demand::Flow),
                Endpoint::Vip(vip) => {
                    // Once the first of its holders is there, somebody answers.
                    if let Some((_, holder)) = sight.desired.vips.keys().find(|(name, _)| name == vip) {
                        draft.order(Point::Takes(vip.clone(), holder.clone()), Point::Ready(at.clone()), Demand::Flow);
                    }
                }
                Endpoint::Outside | Endpoint::Node(_) => {}
            }
        }
    }
}
