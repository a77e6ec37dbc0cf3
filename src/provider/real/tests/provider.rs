//! The provider as a whole, on its own threads: what it passes on, what it waits for, and what ends with it.

use super::super::{
    RealProvider,
    fakes::{
        FakeMachines, Trouble,
        bench::{Bench, Blind, core_of},
    },
    watch::watch,
};
use crate::{
    model::{Health, Power},
    plan::{Action, fixture},
    provider::{Done, FaultSelection, InjectOptions, Provider, Retry},
};
use std::sync::{Arc, Mutex};

/// A provider on the machines of a deployed lab, which looks into the nodes.
fn provider(bench: Bench) -> (RealProvider, FakeMachines, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let folder = crate::host::state::StateFolder::at(root.path()).lab("lab-1");
    let locked = Arc::new(folder.lock(crate::host::state::Wait::No).unwrap());
    for name in ["secrets.json", "faults.json", "since"] {
        locked.write(name, &bench.core.folder.read(name).unwrap().unwrap()).unwrap();
    }
    let core = core_of(&bench.machines, &locked, fixture::id());
    (RealProvider::new(core, watch).unwrap(), bench.machines.clone(), root)
}

fn real<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

#[test]
fn a_lab_is_observed_broken_and_healed_from_another_runtime() {
    real(async {
        let (provider, machines, _root) = provider(Bench::deployed().await);
        provider.watch(&fixture::mini_cloud().flows).await.unwrap();
        let seen = provider.observe().await.unwrap();
        assert_eq!(seen.nodes["db1"].services["galera"].health, Health::Healthy);
        let settled = provider.settle(&|seen| seen.nodes.len() == 5, 60_000).await.unwrap();
        assert_eq!(settled.nodes.len(), 5);
        let id = provider.inject(&"no-dns db1".parse().unwrap(), InjectOptions::default()).await.unwrap();
        machines.with("db1", |there| assert_eq!(there.guest.memory.faults.len(), 1));
        assert_eq!(provider.heal(FaultSelection::One(id)).await.unwrap().len(), 1);
        assert_eq!(provider.traffic().await.unwrap().per_sec, 0);
        assert!(provider.preflight(&Default::default()).await.unwrap().is_empty());
        assert_eq!(provider.name(), "fake");
    });
}

#[test]
fn what_a_step_says_is_passed_on_and_its_error_too() {
    real(async {
        let (provider, machines, _root) = provider(Bench::deployed().await);
        let said = Mutex::new(Vec::new());
        let says = |text: &str| said.lock().unwrap().push(text.to_owned());
        let off = Action::PowerOff { node: "db1".parse().unwrap() };
        assert_eq!(provider.act(&off, &says).await, Ok(Done::Changed));
        assert_eq!(*said.lock().unwrap(), ["power-off"]);
        assert_eq!(machines.with("db1", |there| there.power), Power::Stopped);
        machines.fail_next("act", Trouble::Refused);
        let error = provider.act(&off, &says).await.unwrap_err();
        assert_eq!((error.why.as_str(), error.retry), ("connection refused", Retry::Worth));
        machines.no_trouble();
        let error = provider.recover(&"galera".parse().unwrap(), &says).await.unwrap_err();
        assert!(error.why.contains("db1 is not on"), "{error}");
    });
}

#[test]
fn shells_and_consoles_are_those_of_the_hypervisor() {
    real(async {
        let (provider, _, _root) = provider(Bench::deployed().await);
        let node = "db1".parse().unwrap();
        assert_eq!(provider.shell(&node, &["id".to_owned()]).await.unwrap(), ["enter", "db1", "id"]);
        assert_eq!(provider.console(&node).await.unwrap(), ["console", "db1"]);
    });
}

#[test]
fn nothing_of_a_provider_is_left_when_it_is_dropped() {
    real(async {
        let (provider, machines, root) = provider(Bench::deployed().await);
        provider.observe().await.unwrap();
        drop(provider);
        let folder = crate::host::state::StateFolder::at(root.path()).lab("lab-1");
        let locked = Arc::new(folder.lock(crate::host::state::Wait::No).unwrap());
        let calls = machines.calls().all.len();
        let core = core_of(&machines, &locked, fixture::id());
        let other = RealProvider::new(core, |_| Arc::new(Blind)).unwrap();
        assert_eq!(machines.calls().all.len(), calls, "no stream goes on, and the lock is free");
        assert_eq!(other.observe().await.unwrap().nodes.len(), 5);
    });
}
