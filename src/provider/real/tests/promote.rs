//! Promotion on nodes: what the replica and its followers are set up as, without a restart of the replica.

use super::super::{
    fakes::{
        bench::{Bench, Blind, still},
        host::Host,
    },
    promote::promote,
};
use crate::{
    catalog::Catalog,
    model::{Lab, Power, ServiceRef, ServiceSpec},
    plan::{OldPrimary, Promotion, fixture, promotion},
    provider::{Done, ProviderError},
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A primary of a kind with two replicas.
fn mill(kind: &str) -> Lab {
    let node = |name: &str, address: u8, copies: &str| {
        format!(
            r#""{name}": (role: database, adapters: [(network: "lan", address: "10.1.0.{address}")],
                services: {{"db": (kind: "{kind}", bind: on("lan"){copies})}}),"#
        )
    };
    let replica = r#", replica_of: "db1/db""#;
    let nodes = [node("db1", 11, ""), node("db2", 12, replica), node("db3", 13, replica)].concat();
    let text = format!(r#"(sandtable: 1, name: "mill", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{{nodes}}})"#);
    crate::layout::read(&text).unwrap()
}

/// The mill, deployed, whose primary's node is off.
async fn lost(kind: &str) -> Bench {
    let bench = Bench::on(Host::default(), mill(kind));
    bench.deploy().await;
    bench.machines.with("db1", |there| (there.power, there.guest.memory) = (Power::Stopped, Default::default()));
    bench
}

fn planned(bench: &Bench) -> Option<Promotion> {
    promotion(&bench.lab, Catalog::embedded(), &fixture::id(), &bench.seen(), &"db2/db".parse().unwrap(), OldPrimary::Down).unwrap()
}

async fn promoted(bench: &Bench) -> (Result<Done, ProviderError>, Vec<String>) {
    let (says, mut said) = mpsc::channel(64);
    let done = promote(Arc::clone(&bench.core), Arc::new(Blind), planned(bench).unwrap(), says).await;
    let mut lines = Vec::new();
    while let Some(line) = said.recv().await {
        lines.push(line);
    }
    (done, lines)
}

fn spec(bench: &Bench, node: &str) -> ServiceSpec {
    bench.seen().nodes[node].services["db"].spec.clone().unwrap()
}

fn at(text: &str) -> Option<ServiceRef> {
    Some(text.parse().unwrap())
}

/// What is in a file of a node whose path ends so.
fn file(bench: &Bench, node: &str, end: &str) -> String {
    bench.machines.with(node, |there| there.guest.disk.files.iter().find(|(path, _)| path.ends_with(end)).unwrap().1.clone())
}

#[test]
fn a_replica_takes_writes_without_a_restart_and_the_other_follows_it() {
    still(async {
        let bench = lost("mariadb").await;
        assert!(file(&bench, "db2", "90-sandtable.cnf").contains("read_only = ON"));
        let (done, said) = promoted(&bench).await;
        assert_eq!(done, Ok(Done::Changed));
        let script = said.iter().position(|line| line == "promote").unwrap();
        assert!(said[script..].iter().all(|line| line != "restarting"), "{said:?}");
        assert!(!file(&bench, "db2", "90-sandtable.cnf").contains("read_only"));
        assert_eq!((spec(&bench, "db2").replica_of, spec(&bench, "db2").promoted_from), (None, at("db1/db")));
        assert_eq!(spec(&bench, "db3").replica_of, at("db2/db"));
        assert_eq!(file(&bench, "db3", "/db/primary"), "db2/db 10.1.0.12:3306\n");
        assert!(file(&bench, "db3", "90-sandtable.cnf").contains("read_only = ON"));

        // It is observed as promoted, so it is neither promoted again nor demoted.
        assert_eq!(planned(&bench), None);
        assert!(bench.drift().iter().all(|step| !step.ends_with("/db")), "{:?}", bench.drift());
    });
}

#[test]
fn a_new_primary_loads_which_replicas_may_copy_from_it() {
    still(async {
        let bench = lost("postgresql").await;
        assert!(!file(&bench, "db2", "pg_hba.conf").contains("10.1.0.13"));
        let (done, said) = promoted(&bench).await;
        assert_eq!(done, Ok(Done::Changed));
        assert!(file(&bench, "db2", "pg_hba.conf").contains("10.1.0.13/32"));
        let [script, follower] =
            ["promote", "db3/db copies from db2/db from now on"].map(|line| said.iter().position(|it| it == line).unwrap());
        let primary = &said[script..follower];
        assert!(primary.iter().any(|line| line == "reloading") && primary.iter().all(|line| line != "restarting"), "{said:?}");
    });
}

#[test]
fn a_follower_that_cannot_be_changed_is_stale_and_the_promotion_stands() {
    still(async {
        let bench = lost("mariadb").await;
        bench.machines.with("db3", |there| there.guest.refuses = Some("put"));
        let (done, said) = promoted(&bench).await;
        assert_eq!(done, Ok(Done::Changed));
        assert!(said.iter().any(|line| line.starts_with("db3/db is stale: ")), "{said:?}");
        assert_eq!((spec(&bench, "db2").replica_of, spec(&bench, "db3").replica_of), (None, at("db1/db")));
    });
}
