//! A cluster has an even number of voters.
//!
//! ## Why
//! Only the part of a cluster that has more than half of the votes goes on. With an even number a cut down the middle
//! leaves two halves, neither of which has a majority: both stop, and the lab stands still although every database is
//! well. One voter more or less costs nothing and avoids it.
//!
//! ## Example
//! Two Galera members and two arbitrators: four voters.
//!
//! ## Do this instead
//! Add an arbitrator, or take one away: members and arbitrators together should be three, five or seven.

use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Adapter, Bind, ClusterName, Edit, Lab, NetworkName, Node, NodeName, Role, Service, ServiceName, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let voters: Vec<(&ServiceRef, &Service)> =
        facts.members(name).filter(|(_, service)| facts.behaviour(service).is_some_and(Behaviour::votes)).collect();
    if voters.is_empty() || voters.len() % 2 == 1 {
        return;
    }
    let half = voters.len() / 2;
    let halves = if half == 1 { "stops both".to_owned() } else { "stops both halves".to_owned() };
    let mut found = report.add(
        Subject::Cluster(name.clone()),
        format!("{name} has {} voters: a {half} : {half} split {halves}", voters.len()),
    );
    for (at, _) in &voters {
        found = found.involving(Subject::Service((*at).clone()));
    }
    let arbitrators = || voters.iter().filter(|(_, service)| facts.behaviour(service) == Some(Behaviour::Arbitrator));
    if let Some((last, _)) = arbitrators().next_back() {
        let remove = Edit::Service { node: last.node.clone(), name: last.service.clone(), at: None, to: None };
        found = found.fix(format!("Remove the arbitrator {last}"), vec![remove]);
    }
    if let Some(edits) = arbitrator(facts, name, &voters) {
        found.fix("Add an arbitrator", edits);
    }
}

/// A new node with an arbitrator, on the first network that all voters share and where administrators get to it.
fn arbitrator(facts: &Facts<'_>, cluster: &ClusterName, voters: &[(&ServiceRef, &Service)]) -> Option<Vec<Edit>> {
    let nodes: Vec<&Node> = voters.iter().filter_map(|(at, _)| facts.lab.nodes.get(&at.node)).collect();
    let first = nodes.first()?;
    let shared = |network: &&NetworkName| facts.joins(network) && nodes.iter().all(|node| node.adapter_on(network).is_some());
    let network = first.adapters.iter().map(|adapter| &adapter.network).find(shared)?;
    let managed = first.adapters.iter().map(|adapter| &adapter.network).find(|network| facts.is_managed(network));
    let (kind, entry) = facts.catalog.iter().find(|(_, entry)| entry.behaviour == Behaviour::Arbitrator)?;
    let name: NodeName = Lab::free_name(Role::Arbitrator.name_stem(), |name| facts.lab.nodes.contains_key(name)).parse().ok()?;
    let mut node = Node::new(Role::Arbitrator);
    let same_site = nodes.iter().all(|node| node.site == first.site);
    node.site = first.site.clone().filter(|_| same_site);
    let mut networks = vec![network];
    networks.extend(managed.filter(|managed| *managed != network && !facts.is_managed(network)));
    node.adapters =
        networks.into_iter().map(|network| Adapter { address: offer::free_address(facts, network), ..Adapter::on(network.clone()) }).collect();
    let service_name: ServiceName = entry.name.parse().ok()?;
    let mut service = Service::new(kind.clone());
    service.bind = Bind::On(network.clone());
    service.cluster = Some(cluster.clone());
    node.services.insert(service_name, service);
    Some(vec![Edit::Node { name, at: None, to: Some(Box::new(node)) }])
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn voters(members: &[&str], arbitrators: &[&str]) -> crate::model::Lab {
        let node = |name: &&str, host: usize, kind: &str| {
            format!(r#""{name}": (role: database, adapters: [(network: "lan", address: "10.1.0.{host}")], services: {{"v": (kind: "{kind}", bind: on("lan"), cluster: "galera")}}),"#)
        };
        let first = members.iter().enumerate().map(|(n, name)| node(name, 20 + n, "galera"));
        let nodes: String = first.chain(arbitrators.iter().enumerate().map(|(n, name)| node(name, 30 + n, "garbd"))).collect();
        lab(&format!(r#"(name: "x", networks: {{"lan": host_only(subnet: "10.1.0.0/24")}}, nodes: {{{nodes}}})"#))
    }

    #[test]
    fn an_even_number() {
        let four = voters(&["db1", "db2"], &["app1", "app2"]);
        check("even-voters", &four, &["galera has 4 voters: a 2 : 2 split stops both halves"]);
        assert_eq!(fixes("even-voters", &four), ["Remove the arbitrator app2/v", "Add an arbitrator"]);
        let two = voters(&["db1", "db2"], &[]);
        check("even-voters", &two, &["galera has 2 voters: a 1 : 1 split stops both"]);
        assert_eq!(fixes("even-voters", &two), ["Add an arbitrator"]);
        check("even-voters", &voters(&["db1", "db2"], &["app1"]), &[]);
        check("even-voters", &voters(&["db1"], &[]), &[]);
    }
}
