//! A lab makes backups, and leaves data out.
//!
//! ## Why
//! A lab that makes no backups makes no promise about its data: most are thrown away. One that does means to keep it, and
//! then what no backup takes with it has most likely been forgotten.
//!
//! A backup takes what its setting `services` lists; where that is empty, what is on its own node and on the nodes that
//! its flows lead to. One copy of data that several hold is enough: of one member of a cluster, of the primary or of a
//! replica. Replication alone is no backup, because it also copies mistakes. Caches and collected metrics can be made
//! again and are left out.
//!
//! ## Example
//! `nas1/backup` copies `/home` from `nas1`, and nothing copies the accounts of `dir1/ldap`.
//!
//! ## Do this instead
//! Draw a flow from the backup to the service, or list the service in the backup's settings.

use super::ways::texts;
use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{Edit, Endpoint, Flow, ListEdit, Node, NodeName, Service, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let Some(backup) = facts.backups().first() else { return };
    for (service_name, service) in facts.data_services(node) {
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let is_made_again = matches!(facts.behaviour(service), Some(Behaviour::Cache | Behaviour::Monitor));
        if is_made_again || copies(facts, &at, service).iter().any(|copy| is_taken(facts, copy)) {
            continue;
        }
        let found = report.add(Subject::Service(at.clone()), format!("no backup takes the data of {at}")).involving(Subject::Service(backup.clone()));
        let flow = Flow { optional: true, ..Flow::new(Endpoint::Service(backup.clone()), Endpoint::Service(at.clone())) };
        if lists(facts, backup).next().is_none() {
            found.fix(format!("Let {backup} copy it"), vec![Edit::Flow { index: facts.lab.flows.len(), change: ListEdit::Insert(flow) }]);
        }
    }
}

/// The most members of a cluster that are asked for a copy of their data.
const MEMBERS_MAX: usize = 256;

/// The services that hold the same data, itself among them.
fn copies(facts: &Facts<'_>, at: &ServiceRef, service: &Service) -> Vec<ServiceRef> {
    let primary = service.replica_of.clone().unwrap_or_else(|| at.clone());
    let mut copies: Vec<ServiceRef> = facts.replicas_of(&primary).cloned().collect();
    copies.push(primary);
    copies.push(at.clone());
    let members = service.cluster.iter().flat_map(|cluster| facts.members(cluster)).take(MEMBERS_MAX);
    copies.extend(members.filter(|(_, member)| facts.keeps_data(member)).map(|(member, _)| member.clone()));
    copies
}

fn is_taken(facts: &Facts<'_>, at: &ServiceRef) -> bool {
    facts.is_listed_by_backup(at)
        || facts.has_unlisted_backup(&at.node)
        || facts.flows_of(&at.node).any(|(_, flow)| flow.to.node() == Some(&at.node) && facts.begins_at_backup(&flow.from))
}

/// What a backup says that it takes.
fn lists<'a>(facts: &Facts<'a>, backup: &ServiceRef) -> impl Iterator<Item = &'a str> {
    let value = facts.lab.service(backup).and_then(|service| facts.entry(service)?.value(service, "services"));
    texts(value)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn backing(backup: &str, flows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                "nas1": (role: storage, adapters: [(network: "lan", address: "192.168.56.10")], services: {{{backup}}}),
                "db1": (role: database, adapters: [(network: "lan", address: "192.168.56.11")], services: {{"db": (kind: "mariadb", bind: on("lan"))}}),
                "db2": (role: database, adapters: [(network: "lan", address: "192.168.56.12")], services: {{"db": (kind: "mariadb", bind: on("lan"), replica_of: "db1/db")}}),
                "dir1": (role: directory, adapters: [(network: "lan", address: "192.168.56.13")], services: {{"ldap": (kind: "openldap", bind: on("lan"))}}),
            }}, flows: [{flows}])"#
        ))
    }

    #[test]
    fn data_that_the_backup_leaves_out() {
        let backup = r#""backup": (kind: "rsync-backup")"#;
        let replica = r#"(from: "nas1/backup", to: "db2/db"),"#;
        let all = format!(r#"{replica} (from: "nas1/backup", to: "dir1")"#);
        check("no-backup-for-data", &backing(backup, replica), &["no backup takes the data of dir1/ldap"]);
        assert_eq!(fixes("no-backup-for-data", &backing(backup, replica)), ["Let nas1/backup copy it"]);
        check("no-backup-for-data", &backing(backup, &all), &[]);
        let listed = r#""backup": (kind: "rsync-backup", settings: {"services": ["db1/db"]})"#;
        check("no-backup-for-data", &backing(listed, &all), &["no backup takes the data of dir1/ldap"]);
        check("no-backup-for-data", &backing("", ""), &[]);
    }
}
