//! Clusters as their members' own words put them together: who works with whom, and whether any part may work.

use crate::model::{ClusterName, ClusterState, Health, Observed, ObservedCluster, ObservedService, Power, ServiceRef};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// A member and what it says.
struct Member<'a> {
    at: ServiceRef,
    service: &'a ObservedService,
    is_up: bool,
    /// Words by which others may name it: its node, its host name, its addresses.
    names: Vec<String>,
}

impl Member<'_> {
    fn fact(&self, name: &str) -> Option<&str> {
        self.service.facts.get(name).map(String::as_str)
    }

    /// The group that it says it is in, of those that vote; `None`: it says nothing of the sort.
    fn view(&self) -> Option<String> {
        let view = self.fact("cluster-view")?;
        Some(format!("{} {view}", self.fact("cluster-id").unwrap_or_default()))
    }

    fn may_work(&self) -> bool {
        self.is_up && self.fact("cluster-status").is_none_or(|status| status.eq_ignore_ascii_case("primary"))
    }

    fn names(&self, word: &str) -> bool {
        // Erlang nodes are called NAME@HOST.
        let host = word.rsplit('@').next().unwrap_or(word);
        self.names.iter().any(|name| name == host)
    }
}

/// Every cluster that the specifications name.
pub fn clusters(seen: &Observed) -> BTreeMap<ClusterName, ObservedCluster> {
    let mut members: BTreeMap<ClusterName, Vec<Member<'_>>> = BTreeMap::new();
    for (node, there) in &seen.nodes {
        for (name, service) in &there.services {
            let Some((cluster, _)) = service.spec.as_ref().and_then(|spec| spec.cluster.as_ref()) else { continue };
            let mut names = vec![node.to_string()];
            if let Some(spec) = &there.spec {
                names.push(spec.hostname.clone());
                names.extend(spec.adapters.iter().filter_map(|adapter| adapter.address).map(|net| Ipv4Addr::to_string(&net.addr())));
            }
            let at = ServiceRef { node: node.clone(), service: name.clone() };
            let is_up = there.power == Power::Running && matches!(service.health, Health::Healthy | Health::Degraded);
            members.entry(cluster.clone()).or_default().push(Member { at, service, is_up, names });
        }
    }
    members.into_iter().map(|(name, members)| (name, one(&members))).collect()
}

fn one(members: &[Member<'_>]) -> ObservedCluster {
    // Those that are drawn and not set up yet count too.
    let named = members.iter().filter_map(|member| Some(member.service.spec.as_ref()?.cluster.as_ref()?.1.len() + 1)).max();
    let size = named.unwrap_or(0).max(members.len());
    if members.iter().any(|member| member.view().is_some()) {
        let (state, parts) = voters(members, size);
        return ObservedCluster { state, parts, size, apart: Vec::new() };
    }
    let (state, parts) = mesh(members, size);
    ObservedCluster { state, parts, size, apart: apart(members) }
}

fn voters(members: &[Member<'_>], size: usize) -> (ClusterState, Vec<Vec<ServiceRef>>) {
    let mut parts: Vec<(bool, String, Vec<ServiceRef>)> = Vec::new();
    let up = members.iter().filter(|member| member.service.health == Health::Down || member.is_up);
    for member in up {
        // A member that is down may still say which part it is in: one that may not work.
        let Some(view) = member.view().filter(|_| member.service.health != Health::Unknown) else { continue };
        match parts.iter_mut().find(|(_, known, _)| *known == view) {
            Some((works, _, part)) => {
                *works |= member.may_work();
                part.push(member.at.clone());
            }
            None => parts.push((member.may_work(), view, vec![member.at.clone()])),
        }
    }
    parts.sort_by_key(|(works, view, part)| (!works, std::cmp::Reverse(part.len()), view.clone()));
    let working = parts.iter().filter(|(works, ..)| *works).count();
    // Arbitrators keep nothing and so have no view to tell: one that is well is with those that work.
    if let Some((true, _, part)) = parts.first_mut() {
        part.extend(members.iter().filter(|member| member.view().is_none() && member.is_up).map(|member| member.at.clone()));
        part.sort();
    }
    let state = match (working, parts.as_slice()) {
        (0, _) => ClusterState::Stopped,
        (1, [(_, _, all)]) if all.len() == size && agreed(members, size) => ClusterState::Whole,
        (1, _) => ClusterState::Partial,
        _ => ClusterState::Split,
    };
    (state, parts.into_iter().map(|(_, _, part)| part).collect())
}

/// Whether nobody counts fewer members than there are.
fn agreed(members: &[Member<'_>], size: usize) -> bool {
    let mut sizes = members.iter().filter_map(|member| member.fact("cluster-size")?.parse::<usize>().ok());
    sizes.all(|counted| counted >= size)
}

fn mesh(members: &[Member<'_>], size: usize) -> (ClusterState, Vec<Vec<ServiceRef>>) {
    let mut left: Vec<&Member<'_>> = members.iter().filter(|member| member.is_up).collect();
    let mut parts: Vec<Vec<ServiceRef>> = Vec::new();
    while let Some(first) = left.first().copied() {
        let mut part = vec![first];
        let mut next = 0;
        while let Some(one) = part.get(next).copied() {
            next += 1;
            let found: Vec<&Member<'_>> =
                left.iter().copied().filter(|other| !part.iter().any(|known| known.at == other.at) && meet(one, other)).collect();
            part.extend(found);
        }
        left.retain(|one| !part.iter().any(|known| known.at == one.at));
        let mut names: Vec<ServiceRef> = part.into_iter().map(|member| member.at.clone()).collect();
        names.sort();
        parts.push(names);
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let state = match parts.as_slice() {
        [] => ClusterState::Stopped,
        [all] if all.len() == size => ClusterState::Whole,
        [_] => ClusterState::Partial,
        _ => ClusterState::Split,
    };
    (state, parts)
}

/// The pairs of members that run and do not see each other.
fn apart(members: &[Member<'_>]) -> Vec<(ServiceRef, ServiceRef)> {
    let up: Vec<&Member<'_>> = members.iter().filter(|member| member.is_up).collect();
    let pairs = up.iter().enumerate().flat_map(|(place, one)| up.iter().skip(place + 1).map(move |other| (one, other)));
    pairs.filter(|(one, other)| !meet(one, other)).map(|(one, other)| (one.at.clone(), other.at.clone())).collect()
}

/// Whether one says that it sees the other. Who says nothing of whom it sees is taken to see everybody.
fn meet(one: &Member<'_>, other: &Member<'_>) -> bool {
    let sees = |from: &Member<'_>, to: &Member<'_>| {
        from.fact("sees").map(|list| list.split([' ', ',']).filter(|word| !word.is_empty()).any(|word| to.names(word)))
    };
    match (sees(one, other), sees(other, one)) {
        (Some(there), Some(back)) => there && back,
        (there, back) => there.or(back).unwrap_or(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::fixture::mini_cloud, probe::fixture::set_up};

    fn galera(change: impl Fn(&mut Observed)) -> (ClusterState, Vec<String>) {
        let mut seen = set_up(&mini_cloud());
        for node in ["db1", "db2"] {
            for (fact, value) in [("cluster-view", "4"), ("cluster-id", "abc"), ("cluster-status", "Primary"), ("cluster-size", "4")] {
                set(&mut seen, node, "galera", fact, value);
            }
        }
        change(&mut seen);
        let found = clusters(&seen).remove("galera").unwrap();
        let part = |part: &Vec<ServiceRef>| part.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        (found.state, found.parts.iter().map(part).collect())
    }

    fn set(seen: &mut Observed, node: &str, service: &str, fact: &str, value: &str) {
        service_of(seen, node, service).facts.insert(fact.into(), value.into());
    }

    fn service_of<'a>(seen: &'a mut Observed, node: &str, service: &str) -> &'a mut ObservedService {
        seen.nodes.get_mut(node).unwrap().services.get_mut(service).unwrap()
    }

    #[test]
    fn voters_go_by_the_view_that_they_are_in() {
        let all = "app1/garbd app2/garbd db1/galera db2/galera".to_owned();
        assert_eq!(galera(|_| ()), (ClusterState::Whole, vec![all]));
        let gone = galera(|seen| {
            service_of(seen, "db2", "galera").health = Health::Down;
            service_of(seen, "db2", "galera").facts.clear();
            set(seen, "db1", "galera", "cluster-size", "3");
        });
        assert_eq!(gone, (ClusterState::Partial, vec!["app1/garbd app2/garbd db1/galera".to_owned()]));
        let cut = galera(|seen| {
            service_of(seen, "db2", "galera").health = Health::Down;
            set(seen, "db2", "galera", "cluster-view", "18446744073709551615");
            set(seen, "db2", "galera", "cluster-status", "non-Primary");
        });
        assert_eq!(cut.0, ClusterState::Partial);
        assert_eq!(cut.1[1], "db2/galera");
        let split = galera(|seen| set(seen, "db2", "galera", "cluster-view", "5"));
        assert_eq!(split.0, ClusterState::Split);
        let stopped = galera(|seen| {
            for node in ["db1", "db2"] {
                service_of(seen, node, "galera").health = Health::Down;
            }
        });
        assert_eq!(stopped.0, ClusterState::Stopped);
        let counted = galera(|seen| set(seen, "db1", "galera", "cluster-size", "3"));
        assert_eq!(counted.0, ClusterState::Partial, "one of them counts fewer than there are");
    }

    #[test]
    fn a_mesh_goes_by_who_sees_whom() {
        let with = |facts: &[(&str, &str)]| {
            let mut seen = set_up(&mini_cloud());
            for (node, list) in facts {
                set(&mut seen, node, "sync", "sees", list);
            }
            let found = clusters(&seen).remove("uploads").unwrap();
            (found.state, found.parts.len(), found.apart.len())
        };
        assert_eq!(with(&[]), (ClusterState::Whole, 1, 0), "nobody says anything against it");
        assert_eq!(with(&[("app1", "sync@app2"), ("app2", "192.168.60.11")]), (ClusterState::Whole, 1, 0));
        assert_eq!(with(&[("app1", ""), ("app2", "app1")]), (ClusterState::Split, 2, 1), "one of them sees nobody");
    }
}
