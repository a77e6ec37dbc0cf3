//! Promotion of a replica: the specifications that it and those that follow it get, and why it may not be promoted.
//!
//! Who copies from whom is taken from the drawing with the roles changed, all else from what is deployed: a promotion deploys nothing
//! else. It runs nothing.

use super::{Desired, LabId, Unplannable};
use crate::{
    catalog::{Catalog, Promoting},
    model::{Edit, Health, Lab, Observed, ObservedService, Power, Relation, Service, ServiceRef, ServiceSpec, Subject, Value},
};

/// The setting that keeps a database from taking writes.
const READ_ONLY: &str = "read_only";

/// What a promotion does.
#[derive(Debug, Clone, PartialEq)]
pub struct Promotion {
    /// The replica.
    pub at: ServiceRef,
    /// What it copied from.
    pub primary: ServiceRef,
    /// How it is set up as a primary.
    pub spec: ServiceSpec,
    /// The other replicas of the old primary that run, and how each is set up to copy from the new one.
    pub followers: Vec<(ServiceRef, ServiceSpec)>,
    /// The other replicas that do not run: they go on copying from the old primary until the next deployment.
    pub stale: Vec<ServiceRef>,
}

/// Whether a promotion may lead to two primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldPrimary {
    /// It must be down.
    Down,
    /// It may still take writes.
    Any,
}

/// What the promotion of a replica comes to; `None`: it was promoted already.
///
/// # Errors
/// Where it is no replica that can be promoted, does not run, or its primary may still take writes.
pub fn promotion(
    lab: &Lab,
    catalog: &Catalog,
    id: &LabId,
    observed: &Observed,
    at: &ServiceRef,
    old: OldPrimary,
) -> Result<Option<Promotion>, Unplannable> {
    let refuse = |why: String| Err(Unplannable { subject: Subject::Service(at.clone()), why });
    let Some((there, spec)) = service(observed, at) else {
        return refuse(format!("{at} is not deployed; deploy the lab first"));
    };
    match catalog.get(&spec.kind).map(|entry| &entry.promotes) {
        Some(Promoting::ByScript) => {}
        Some(Promoting::Not(why)) => return refuse(format!("{at} cannot be promoted. {why}")),
        Some(Promoting::NoReplicas) | None => return refuse(format!("{at} cannot be promoted: the kind {} has no replicas", spec.kind)),
    }
    let Some(primary) = spec.replica_of.clone() else {
        return if spec.promoted_from.is_some() { Ok(None) } else { refuse(format!("{at} is no replica: it takes writes already")) };
    };
    if !is_on(observed, at) || there.health == Health::Down {
        return refuse(format!("{at} does not run, so it cannot take over; start it first"));
    }
    match takes_writes(observed, &primary) {
        _ if old == OldPrimary::Any => {}
        Some(false) => {}
        Some(true) => {
            return refuse(format!(
                "{primary} still takes writes: with {at} promoted there would be two primaries (split brain), and their data would \
                 differ. Stop {primary} first, or promote with --force"
            ));
        }
        None => {
            return refuse(format!(
                "it is not known whether {primary} still takes writes, because it does not report: two primaries would be a split brain. \
                 Turn {} off first, or promote with --force",
                primary.node
            ));
        }
    }
    let wanted = redrawn(lab, catalog, id, at);
    let (followers, stale) = followers(observed, &wanted, at, &primary);
    let mut settings = spec.settings.clone();
    if let Some(setting) = settings.get_mut(READ_ONLY) {
        *setting = Value::Bool(false);
    }
    let spec = ServiceSpec { promoted_from: Some(primary.clone()), settings, ..with_roles(spec, wanted.services.get(at), None) };
    Ok(Some(Promotion { at: at.clone(), primary, spec, followers, stale }))
}

/// The edits that draw a replica as the primary: those that copied from its primary, and that one, copy from it.
pub fn drawn_as_primary(lab: &Lab, at: &ServiceRef) -> Vec<Edit> {
    let Some(primary) = lab.service(at).and_then(|service| service.replica_of.clone()) else { return Vec::new() };
    let edits = lab.services().filter_map(|(node, name, service)| {
        let here = ServiceRef { node: node.clone(), service: name.clone() };
        let changed = if here == *at {
            let mut promoted = Service { replica_of: None, ..service.clone() };
            promoted.settings.retain(|name, value| name.as_str() != READ_ONLY || *value != Value::Bool(true));
            promoted
        } else if here == primary || service.replica_of.as_ref() == Some(&primary) {
            Service { replica_of: Some(at.clone()), ..service.clone() }
        } else {
            return None;
        };
        Some(Edit::Service { node: node.clone(), name: name.clone(), at: None, to: Some(Box::new(changed)) })
    });
    edits.collect()
}

/// The replicas of a lab that can be promoted now, with their primaries.
pub fn promotable<'a>(catalog: &'a Catalog, observed: &'a Observed) -> impl Iterator<Item = (ServiceRef, &'a ServiceRef)> {
    let all = observed.nodes.iter().flat_map(|(node, there)| there.services.iter().map(move |(name, service)| (node, name, service)));
    all.filter_map(move |(node, name, service)| {
        let spec = service.spec.as_ref()?;
        let promotes = catalog.get(&spec.kind).is_some_and(|entry| entry.promotes == Promoting::ByScript);
        let at = ServiceRef { node: node.clone(), service: name.clone() };
        Some((at, spec.replica_of.as_ref().filter(|_| promotes)?))
    })
}

/// Why a promoted service that the layout draws as a replica is left alone, and both ways out.
pub(super) fn drift(at: &ServiceRef, drawn: &ServiceSpec, there: &ServiceSpec) -> Option<String> {
    let (primary, _) = (drawn.replica_of.as_ref()?, there.promoted_from.as_ref()?);
    Some(format!(
        "It was promoted and takes writes, and the layout draws it as a replica of {primary}, whose data may be older. To keep it as the \
         primary, remove replica_of from {at} and write replica_of: \"{at}\" at {primary}, which then copies the data of {at} and loses \
         what only it has. To go back, restore a snapshot of {} from before, or delete the node, deploy, and add it again: what was \
         written since the promotion is lost",
        at.node
    ))
}

/// Whether a service copies from one that was promoted and the layout does not say so yet: it goes on doing so.
pub(super) fn follows_promoted(observed: &Observed, desired: &Desired, there: &ServiceSpec) -> bool {
    let Some(primary) = &there.replica_of else { return false };
    let (Some((_, now)), Some(drawn)) = (service(observed, primary), desired.services.get(primary)) else { return false };
    drift(primary, drawn, now).is_some()
}

fn service<'a>(observed: &'a Observed, at: &ServiceRef) -> Option<(&'a ObservedService, &'a ServiceSpec)> {
    let there = observed.nodes.get(&at.node)?.services.get(&at.service)?;
    Some((there, there.spec.as_ref()?))
}

fn is_on(observed: &Observed, at: &ServiceRef) -> bool {
    observed.nodes.get(&at.node).is_some_and(|node| node.power == Power::Running)
}

/// Whether a primary takes writes now; `None`: its node is on and says nothing.
pub fn takes_writes(observed: &Observed, primary: &ServiceRef) -> Option<bool> {
    let Some((there, _)) = service(observed, primary).filter(|_| is_on(observed, primary)) else { return Some(false) };
    match there.health {
        Health::Healthy | Health::Degraded => Some(true),
        Health::Down => Some(false),
        Health::Unknown => None,
    }
}

/// What the drawing would ask for if it drew this one as the primary.
fn redrawn(lab: &Lab, catalog: &Catalog, id: &LabId, at: &ServiceRef) -> Desired {
    let mut drawn = lab.clone();
    // Edits of services that are there always apply; a lab that lacks them is deployed from another drawing, and keeps its peers.
    let _unchanged = drawn.apply(&drawn_as_primary(lab, at));
    super::desired(&drawn, catalog, id)
}

/// The other replicas of a primary: those that run, with their new specifications, and those that do not.
fn followers(
    observed: &Observed,
    wanted: &Desired,
    at: &ServiceRef,
    primary: &ServiceRef,
) -> (Vec<(ServiceRef, ServiceSpec)>, Vec<ServiceRef>) {
    let (mut followers, mut stale) = (Vec::new(), Vec::new());
    for (node, there) in &observed.nodes {
        for (name, service) in &there.services {
            let here = ServiceRef { node: node.clone(), service: name.clone() };
            let Some(spec) = service.spec.as_ref().filter(|spec| here != *at && spec.replica_of.as_ref() == Some(primary)) else {
                continue;
            };
            match wanted.services.get(&here).filter(|drawn| drawn.replica_of.as_ref() == Some(at)) {
                Some(drawn) if is_on(observed, &here) => followers.push((here, with_roles(spec, Some(drawn), Some(at.clone())))),
                _ => stale.push(here),
            }
        }
    }
    (followers, stale)
}

/// A deployed specification with the peers and callers of a drawn one.
fn with_roles(spec: &ServiceSpec, drawn: Option<&ServiceSpec>, replica_of: Option<ServiceRef>) -> ServiceSpec {
    let from = drawn.unwrap_or(spec);
    let mut peers = from.peers.clone();
    peers.retain(|peer| peer.relation != Relation::Primary || Some(&peer.at) == replica_of.as_ref());
    ServiceSpec { replica_of, promoted_from: None, peers, allow: from.allow.clone(), ..spec.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> ServiceRef {
        text.parse().unwrap()
    }

    fn id() -> LabId {
        super::super::fixture::id()
    }

    /// A primary with two replicas, deployed and well, and the lab.
    fn mill() -> (Lab, Observed) {
        let node = |name: &str, address: u8, copies: &str| {
            format!(
                r#""{name}": (role: database, adapters: [(network: "lan", address: "10.1.0.{address}")],
                    services: {{"db": (kind: "mariadb", bind: on("lan"){copies})}}),"#
            )
        };
        let replica = r#", replica_of: "db1/db""#;
        let nodes = [node("db1", 11, ""), node("db2", 12, replica), node("db3", 13, replica)].concat();
        let text = format!(r#"(sandtable: 1, name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{{nodes}}})"#);
        let lab = crate::layout::read(&text).unwrap();
        let wanted = super::super::desired(&lab, Catalog::embedded(), &id());
        let mut seen = Observed::default();
        for (at, spec) in wanted.services {
            let node = seen.nodes.entry(at.node).or_default();
            (node.power, node.health) = (Power::Running, Health::Healthy);
            node.services.insert(at.service, ObservedService { spec: Some(spec), health: Health::Healthy, ..Default::default() });
        }
        (lab, seen)
    }

    fn with_primary(health: Health) -> (Lab, Observed) {
        let (lab, mut seen) = mill();
        seen.nodes.get_mut("db1").unwrap().services.get_mut("db").unwrap().health = health;
        (lab, seen)
    }

    fn promoted(lab: &Lab, seen: &Observed, replica: &str, old: OldPrimary) -> Result<Option<Promotion>, String> {
        promotion(lab, Catalog::embedded(), &id(), seen, &at(replica), old).map_err(|refused| refused.why)
    }

    #[test]
    fn a_primary_that_may_take_writes_is_not_replaced_without_force() {
        for (health, why) in [(Health::Healthy, "split brain"), (Health::Degraded, "split brain"), (Health::Unknown, "does not report")] {
            let (lab, seen) = with_primary(health);
            let refused = promoted(&lab, &seen, "db2/db", OldPrimary::Down).unwrap_err();
            assert!(refused.contains(why) && refused.contains("--force"), "{refused}");
            assert!(promoted(&lab, &seen, "db2/db", OldPrimary::Any).unwrap().is_some());
        }
        let (lab, seen) = with_primary(Health::Down);
        assert!(promoted(&lab, &seen, "db2/db", OldPrimary::Down).unwrap().is_some());
        assert!(promoted(&lab, &seen, "db1/db", OldPrimary::Down).unwrap_err().contains("no replica"));
        assert!(promoted(&lab, &seen, "db9/db", OldPrimary::Down).unwrap_err().contains("not deployed"));
    }

    #[test]
    fn the_others_follow_it_and_those_that_are_off_are_stale() {
        let (lab, mut seen) = with_primary(Health::Down);
        let done = promoted(&lab, &seen, "db2/db", OldPrimary::Down).unwrap().unwrap();
        assert_eq!(
            (done.primary.clone(), done.spec.replica_of.clone(), done.spec.promoted_from.clone()),
            (at("db1/db"), None, Some(at("db1/db")))
        );
        assert!(done.spec.peers.iter().all(|peer| peer.relation == Relation::Replica), "{:?}", done.spec.peers);
        let (follower, spec) = &done.followers[0];
        let primary = spec.peers.iter().find(|peer| peer.relation == Relation::Primary).unwrap();
        assert_eq!((follower, &primary.at, spec.replica_of.as_ref()), (&at("db3/db"), &at("db2/db"), Some(&at("db2/db"))));
        seen.nodes.get_mut("db3").unwrap().power = Power::Stopped;
        let done = promoted(&lab, &seen, "db2/db", OldPrimary::Down).unwrap().unwrap();
        assert_eq!((done.followers.len(), done.stale), (0, vec![at("db3/db")]));
    }

    #[test]
    fn what_is_drawn_as_it_was_promoted_needs_no_other_set_up() {
        let (mut lab, seen) = with_primary(Health::Down);
        let done = promoted(&lab, &seen, "db2/db", OldPrimary::Down).unwrap().unwrap();
        lab.apply(&drawn_as_primary(&lab, &at("db2/db"))).unwrap();
        let wanted = super::super::desired(&lab, Catalog::embedded(), &id());
        assert_eq!(wanted.services[&at("db2/db")], ServiceSpec { promoted_from: None, ..done.spec });
        assert_eq!(wanted.services[&at("db3/db")], done.followers[0].1);
        assert_eq!(wanted.services[&at("db1/db")].replica_of, Some(at("db2/db")));
    }

    #[test]
    fn every_kind_with_copies_says_how_one_is_promoted_or_why_not() {
        for (kind, entry) in Catalog::embedded().iter() {
            let copies = entry.copies != crate::catalog::Copying::Never;
            assert_eq!(copies, entry.promotes != Promoting::NoReplicas, "{kind}");
            if let Promoting::Not(why) = &entry.promotes {
                assert!(!why.ends_with('.'), "{kind}: {why}");
            }
            let has_script = crate::catalog::Recipes::embedded().get(kind).is_some_and(|folder| folder.recipe.scripts.promote.is_some());
            assert_eq!(has_script, entry.promotes == Promoting::ByScript, "{kind}");
        }
    }
}
