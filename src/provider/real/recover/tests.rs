//! Recovery on nodes that only answer: which member begins a cluster, and who is started after it.

use super::*;
use crate::{
    host::state::{StateFolder, Wait},
    model::{ActiveFault, Endpoint, Fault, Flow, MachineSpec, Observed},
    plan::{Action, LabId, desired, fixture},
    provider::{
        Answer, Terms, Traffic, Which,
        machines::{Machine, Machines, Reach},
        real::Hold,
        transport::{Line, Output, Transport},
    },
    sim::{Event, Prediction},
};
use std::{collections::BTreeMap, net::SocketAddrV4, sync::Mutex};
use tokio::sync::mpsc;

/// What was done, in order: `NODE WORD`.
type Log = Arc<Mutex<Vec<String>>>;

/// A node whose data goes so far; `None`: its service has never worked.
struct FakeNode {
    name: NodeName,
    position: Option<i64>,
    log: Log,
}

impl Transport for FakeNode {
    fn run(&self, command: Command) -> Answer<'_, Output> {
        let text = String::from_utf8(command.stdin).unwrap();
        let (code, stdout) = if text.contains("os-release") {
            (0, "ID=debian\nsandtable:asked\n")
        } else if text.contains("/started") {
            (i32::from(self.position.is_none()), "")
        } else {
            // Nothing works: the cluster has stopped as a whole.
            (0, "::health 1\n")
        };
        Box::pin(async move { Ok(Output { code, stdout: stdout.into(), ..Output::default() }) })
    }

    fn stream(&self, command: Command, lines: mpsc::Sender<Line>) -> Answer<'_, i32> {
        let text = String::from_utf8(command.stdin).unwrap();
        let body = text.rsplit("\nmain() {\n").next().unwrap().to_owned();
        Box::pin(async move {
            let word =
                [("value_of", "position"), ("service_start 'first'", "first"), ("service_start 'next'", "next"), ("units_stop", "stop")]
                    .into_iter()
                    .find(|(call, _)| body.contains(call))
                    .map_or("else", |(_, word)| word);
            self.log.lock().unwrap().push(format!("{} {word}", self.name));
            if word == "position" {
                lines.send(Line::Out(format!("::value {}", self.position.unwrap_or(-1)))).await.unwrap();
            }
            lines.send(Line::Out("::done changed".into())).await.unwrap();
            Ok(0)
        })
    }

    fn put<'a>(&'a self, _: &'a str, _: u32, _: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

struct FakeMachines {
    below: Below,
    positions: BTreeMap<NodeName, i64>,
    log: Log,
}

impl Machines for FakeMachines {
    fn name(&self) -> &str {
        "fake"
    }

    fn look(&self) -> Answer<'_, Below> {
        Box::pin(async { Ok(self.below.clone()) })
    }

    fn act<'a>(&'a self, _: &'a Action, _: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async { Ok(Done::Changed) })
    }

    fn transport<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Arc<dyn Transport>> {
        let fake = FakeNode { name: node.clone(), position: self.positions.get(node).copied(), log: Arc::clone(&self.log) };
        Box::pin(async move { Ok(Arc::new(fake) as Arc<dyn Transport>) })
    }

    fn shell<'a>(&'a self, _: &'a NodeName, _: &'a [String]) -> Answer<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn console<'a>(&'a self, _: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn note<'a>(&'a self, _: &'a NodeName, _: &'a BTreeMap<String, Option<String>>) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn break_below<'a>(&'a self, _: &'a Fault) -> Answer<'a, Reach> {
        Box::pin(async { Ok(Reach::Inside) })
    }

    fn mend_below<'a>(&'a self, _: &'a Fault) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn outside<'a>(&'a self, _: &'a Flow, _: &'a Below) -> Option<SocketAddrV4> {
        None
    }

    fn beyond<'a>(&'a self, _: &'a Endpoint, _: &'a Below) -> Option<SocketAddrV4> {
        None
    }
}

/// Nobody looks.
struct Blind;

impl Live for Blind {
    fn see(&self, _: Arc<Below>, seen: Observed) -> Answer<'_, Observed> {
        Box::pin(async move { Ok(seen) })
    }
    fn watch<'a>(&'a self, _: &'a [Flow]) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn touched(&self, _: &NodeName) {}
    fn inject<'a>(&'a self, _: &'a Fault, _: Terms) -> Answer<'a, u64> {
        Box::pin(async { Ok(0) })
    }
    fn heal(&self, _: Which) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn predict<'a>(&'a self, _: &'a Fault, _: Option<u64>) -> Answer<'a, Option<Prediction>> {
        Box::pin(async { Ok(None) })
    }
    fn traffic(&self) -> Answer<'_, Traffic> {
        Box::pin(async { Ok(Traffic::default()) })
    }
    fn set_load(&self, _: u32) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    fn events(&self, _: u64) -> Answer<'_, Vec<Event>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Starts db1/galera of the mini-cloud as the first of its cluster, where its members' data go so far and these nodes are off. Gives
/// what became of it, and what was done.
fn begun(positions: &[(&str, i64)], off: &[&str]) -> (Result<Done, ProviderError>, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let wanted = desired(&fixture::mini_cloud(), crate::catalog::Catalog::embedded(), &fixture::id());
    let mut below = Below::default();
    let machine = |node: &NodeName, spec: &MachineSpec| {
        let power = if off.contains(&node.as_str()) { Power::Stopped } else { Power::Running };
        let mut noted = notes::configured(spec);
        for (at, spec) in wanted.services.iter().filter(|(at, _)| at.node == *node) {
            noted.extend(notes::service(&at.service, Some(spec)));
        }
        let notes = noted.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        Machine { power, spec: Some(spec.clone()), notes, ..Machine::default() }
    };
    below.machines = wanted.machines.iter().map(|(node, spec)| (node.clone(), machine(node, spec))).collect();
    let log = Log::default();
    let positions = positions.iter().map(|(node, position)| (node.parse().unwrap(), *position)).collect();
    let machines = Arc::new(FakeMachines { below, positions, log: Arc::clone(&log) });
    let folder = StateFolder::at(root.path()).lab("lab-1");
    let hold = Hold::Whole(Arc::new(folder.lock(Wait::No).unwrap()));
    let id: LabId = fixture::id();
    let core = Arc::new(Core::new(machines, folder, id, "Mini cloud".into(), Arc::new(|| 1_800_000_000_000), hold));
    let live: Arc<dyn Live> = Arc::new(Blind);
    let at: ServiceRef = "db1/galera".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        let (says, _said) = mpsc::channel(64);
        begin(&core, &live, &at, &wanted.services[&at], &says).await
    });
    let done = log.lock().unwrap().clone();
    (ended, done)
}

#[test]
fn a_new_cluster_is_begun_by_its_first_member() {
    let (ended, done) = begun(&[], &[]);
    assert_eq!((ended, done), (Ok(Done::Changed), vec!["db1 first".to_owned()]));
}

#[test]
fn a_cluster_that_has_worked_is_begun_by_whose_data_goes_furthest() {
    // The arbitrators' nodes are drawn after the databases, so they are still off.
    let (ended, done) = begun(&[("db1", 41), ("db2", 42)], &["app1", "app2", "lb"]);
    assert_eq!(ended, Ok(Done::Changed));
    let mut positions = done[..2].to_vec();
    positions.sort();
    assert_eq!(positions, ["db1 position", "db2 position"]);
    assert_eq!(done[2..], ["db2 first", "db1 next"]);
    // A member that was made anew has nothing that the others must take over.
    let (ended, done) = begun(&[("db2", 7)], &["app1", "app2", "lb"]);
    assert_eq!((ended, &done[2..]), (Ok(Done::Changed), &["db2 first".to_owned(), "db1 next".to_owned()][..]));
}

#[test]
fn arbitrators_that_run_are_stopped_first_and_started_last() {
    let (ended, done) = begun(&[("db1", 5), ("db2", 5)], &[]);
    assert_eq!(ended, Ok(Done::Changed));
    assert_eq!(done[..2], ["app1 stop", "app2 stop"]);
    assert_eq!(done[4..], ["db1 first", "db2 next", "app1 next", "app2 next"]);
}

#[test]
fn data_that_cannot_be_looked_at_is_not_left_behind() {
    let (ended, done) = begun(&[("db1", 41)], &["db2"]);
    let error = ended.unwrap_err();
    assert!(error.why.contains("db2 is not on") && error.next.contains("sandtable recover LAYOUT galera"), "{error:?}");
    assert_eq!(done, Vec::<String>::new(), "nothing is started");
}
