//! In the manner of sagas: every step twice, every step failing, a crash at every boundary, undo from every point.

use super::*;
use crate::{
    catalog::Catalog,
    host::state::StateError,
    model::{ActiveFault, Fault, Flow, Lab, NodeName, Observed, Power},
    plan::{
        Action, Plan, StepId, desired, doubt,
        fixture::{carry_out, id, mini_cloud},
        plan, step_id,
    },
    provider::{Answer, Done, FaultSelection, Provider, ProviderError, Retry, doctor::Check, preflight::Needs},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, mpsc};

/// What goes otherwise than it should, at which call of `act` (from 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Every action is done twice.
    Twice,
    /// This call fails once, and trying again may help.
    FailOnce(usize),
    /// This call fails, and trying again is useless.
    Fail(usize),
    /// This call never answers, and has done nothing.
    HangBefore(usize),
    /// This call never answers, and has done what it should.
    HangAfter(usize),
    /// At this call the run is told to undo.
    Undo(usize),
    /// The machines do not fit.
    Narrow,
    /// What was there only to set nodes up does not go.
    Sticky,
}

struct Ideal {
    world: Mutex<Observed>,
    calls: Mutex<Vec<StepId>>,
    under_way: Mutex<(usize, usize)>,
    trouble: Trouble,
    hangs: Notify,
    canceller: Mutex<Option<Canceller>>,
}

impl Ideal {
    fn new(world: Observed, trouble: Trouble) -> Arc<Self> {
        Arc::new(Self {
            world: Mutex::new(world),
            calls: Mutex::default(),
            under_way: Mutex::default(),
            trouble,
            hangs: Notify::new(),
            canceller: Mutex::default(),
        })
    }

    fn world(&self) -> Observed {
        self.world.lock().unwrap().clone()
    }

    fn error(&self, action: &Action, retry: Retry) -> ProviderError {
        ProviderError {
            what: action.verb().into(),
            node: action.node().cloned(),
            why: "it was told to fail".into(),
            next: "Try again.".into(),
            retry,
        }
    }
}

impl Provider for Ideal {
    fn promote<'a>(&'a self, _: &'a crate::plan::Promotion, _: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async { Ok(Done::AlreadySo) })
    }

    fn recover<'a>(&'a self, _: &'a crate::model::ClusterName, _: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async { Ok(Done::AlreadySo) })
    }

    fn shell<'a>(&'a self, _: &'a NodeName, _: &'a [String]) -> Answer<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn console<'a>(&'a self, _: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn name(&self) -> &'static str {
        "ideal"
    }

    fn observe(&self) -> Answer<'_, Observed> {
        Box::pin(async { Ok(self.world()) })
    }

    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            let call = {
                let mut calls = self.calls.lock().unwrap();
                calls.push(step_id(action));
                calls.len() - 1
            };
            {
                let mut under_way = self.under_way.lock().unwrap();
                under_way.0 += 1;
                under_way.1 = under_way.1.max(under_way.0);
            }
            says("works on it");
            tokio::task::yield_now().await;
            self.under_way.lock().unwrap().0 -= 1;
            match self.trouble {
                Trouble::FailOnce(at) if at == call => return Err(self.error(action, Retry::Worth)),
                Trouble::Fail(at) if at == call => return Err(self.error(action, Retry::Useless)),
                Trouble::HangBefore(at) if at == call => {
                    self.hangs.notify_one();
                    std::future::pending::<()>().await;
                }
                Trouble::Undo(at) if at == call => self.canceller.lock().unwrap().as_ref().unwrap().tell(Cancel::Undo),
                _ => {}
            }
            carry_out(&mut self.world.lock().unwrap(), action);
            if self.trouble == Trouble::Twice {
                carry_out(&mut self.world.lock().unwrap(), action);
            }
            if self.trouble == Trouble::HangAfter(call) {
                self.hangs.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(Done::Changed)
        })
    }

    fn preflight<'a>(&'a self, needs: &'a Needs) -> Answer<'a, Vec<Check>> {
        let narrow = Check::bad("memory", format!("{} machines do not fit", needs.started.len()), "Draw fewer.");
        let half = Check::doubtful("addresses", "one is taken by a machine that is off", "Draw another.");
        Box::pin(
            async move { Ok(if self.trouble == Trouble::Narrow && !needs.started.is_empty() { vec![narrow, half] } else { vec![half] }) },
        )
    }

    fn provisioned(&self) -> Answer<'_, Done> {
        let failed = self.error(&Action::PowerOn { node: "db1".parse().unwrap() }, Retry::Useless);
        Box::pin(async move { if self.trouble == Trouble::Sticky { Err(failed) } else { Ok(Done::AlreadySo) } })
    }

    fn watch<'a>(&'a self, _: &'a [Flow]) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn inject<'a>(&'a self, _: &'a Fault, _: crate::provider::InjectOptions) -> Answer<'a, u64> {
        Box::pin(async { Ok(1) })
    }

    fn heal(&self, _: FaultSelection) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn settle<'a>(&'a self, _: &'a (dyn Fn(&Observed) -> bool + Send + Sync), _: u64) -> Answer<'a, Observed> {
        self.observe()
    }

    fn predict<'a>(&'a self, _: &'a Fault, _: Option<u64>) -> Answer<'a, Option<crate::model::Prediction>> {
        Box::pin(async { Ok(None) })
    }

    fn traffic(&self) -> Answer<'_, crate::provider::Traffic> {
        Box::pin(async { Ok(crate::provider::Traffic::default()) })
    }
}

#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Log for Memory {
    fn lines(&mut self, text: &[u8]) -> Result<(), StateError> {
        self.0.lock().unwrap().extend(text);
        Ok(())
    }
}

impl Memory {
    pub(super) fn journal(&self) -> Journal {
        Journal::new(Box::new(self.clone()), &self.0.lock().unwrap())
    }
}

fn quick() -> Options {
    Options { parallel: Some(4), pause: Arc::new(|_| Box::pin(std::future::ready(()))), ..Options::default() }
}

fn planned(lab: &Lab, world: &Observed, journal: &Journal) -> Plan {
    let catalog = Catalog::embedded();
    plan(lab, catalog, &desired(lab, catalog, &id()), &doubt(world.clone(), &journal.unfinished()))
}

struct Ran {
    ending: Option<Ending>,
    events: Vec<Event>,
    calls: Vec<StepId>,
    world: Observed,
    most_at_a_time: usize,
}

/// Deploys as the program does: observe, doubt, plan, run. `ending` is missing where the run was cut off.
fn deploy(lab: &Lab, world: Observed, memory: &Memory, trouble: Trouble) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ideal = Ideal::new(world.clone(), trouble);
    let provider: Arc<dyn Provider> = ideal.clone();
    let mut journal = memory.journal();
    let plan = planned(lab, &world, &journal);
    let (canceller, cancel) = canceller();
    *ideal.canceller.lock().unwrap() = Some(canceller);
    let (sender, mut receiver) = mpsc::channel(16);
    let (ending, events) = runtime.block_on(async {
        let reader = tokio::spawn(async move {
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            events
        });
        let options = quick();
        let ending = tokio::select! {
            biased;
            () = ideal.hangs.notified() => None,
            ending = run(&plan, &world, &provider, &mut journal, &options, &cancel, &sender) => Some(ending.unwrap()),
        };
        drop(sender);
        (ending, if reader.is_finished() { reader.await.unwrap() } else { reader.await.unwrap_or_default() })
    });
    let calls = ideal.calls.lock().unwrap().clone();
    let most_at_a_time = ideal.under_way.lock().unwrap().1;
    Ran { ending, events, calls, world: ideal.world(), most_at_a_time }
}

fn deployed() -> Observed {
    deploy(&mini_cloud(), Observed::default(), &Memory::default(), Trouble::None).world
}

fn steps() -> usize {
    planned(&mini_cloud(), &Observed::default(), &Memory::default().journal()).steps.len()
}

/// A lab that differs from the mini-cloud in every sort of way that can be undone without loss.
fn changed() -> Lab {
    let mut lab = mini_cloud();
    let name = |text: &str| text.parse::<NodeName>().unwrap();
    lab.nodes[&name("db1")].memory = 2048;
    lab.nodes[&name("app1")].services[0].port = Some(9090);
    lab.vips[0].preempt = true;
    lab.nodes[&name("app2")].services.shift_remove("sync");
    lab.flows.retain(|flow| !flow.to_string().contains("sync"));
    let mut more = lab.nodes["app1"].clone();
    more.services.clear();
    more.adapters.truncate(1);
    more.adapters[0].address = Some("192.168.50.40".parse().unwrap());
    lab.nodes.insert(name("app3"), more);
    lab
}

/// What is the same in two worlds that are the same: not when what was seen.
fn shape(world: &Observed) -> Observed {
    let mut world = world.clone();
    world.vips.clear();
    world
}

#[test]
fn what_does_not_fit_is_refused_before_the_first_step() {
    let ran = deploy(&mini_cloud(), Observed::default(), &Memory::default(), Trouble::Narrow);
    let Some(Ending::Failed(failures)) = &ran.ending else { panic!("{:?}", ran.ending) };
    assert_eq!(failures[0].why, format!("{} machines do not fit", mini_cloud().nodes.len()), "all of them are started");
    assert_eq!((ran.calls.len(), ran.world.is_empty()), (0, true));
    assert!(ran.events.iter().any(|event| matches!(event, Event::StepFailed(_))), "it is told as it happens");
    let again = deploy(&mini_cloud(), deployed(), &Memory::default(), Trouble::Narrow);
    assert_eq!(again.ending, Some(Ending::Done), "nothing is made, so nothing must fit");
}

#[test]
fn a_run_is_over_when_nothing_is_left_that_was_there_only_to_set_nodes_up() {
    let memory = Memory::default();
    let ran = deploy(&mini_cloud(), Observed::default(), &memory, Trouble::Sticky);
    assert!(matches!(&ran.ending, Some(Ending::Failed(failures)) if failures.len() == 1), "{:?}", ran.ending);
    assert_eq!(ran.calls.len(), steps(), "all steps are done");
    let again = deploy(&mini_cloud(), ran.world, &memory, Trouble::None);
    assert_eq!(again.ending, Some(Ending::Done));
    let idle = deploy(&mini_cloud(), again.world, &memory, Trouble::Sticky);
    assert!(matches!(&idle.ending, Some(Ending::Failed(_))), "also where no step is left: {:?}", idle.ending);
    assert_eq!(idle.calls.len(), 0);
}

#[test]
fn a_plan_is_run_in_its_order_and_in_parallel() {
    let ran = deploy(&mini_cloud(), Observed::default(), &Memory::default(), Trouble::None);
    assert_eq!(ran.ending, Some(Ending::Done));
    assert_eq!(ran.calls.len(), steps());
    assert_eq!(ran.most_at_a_time, 4);
    let plan = planned(&mini_cloud(), &Observed::default(), &Memory::default().journal());
    let mut done = BTreeSet::new();
    for event in &ran.events {
        match event {
            Event::StepStarted { step, .. } => {
                let step = plan.steps.iter().find(|one| one.id == *step).unwrap();
                assert!(step.after.iter().all(|before| done.contains(before)), "{} began too early", step.id);
            }
            Event::StepDone { step, .. } => assert!(done.insert(step.clone()), "{step} ended twice"),
            _ => {}
        }
    }
    assert_eq!(ran.events.last(), Some(&Event::Finished(Ending::Done)));
    let again = deploy(&mini_cloud(), ran.world, &Memory::default(), Trouble::None);
    assert_eq!((again.ending, again.calls.len()), (Some(Ending::Done), 0), "the second time there is nothing to do");
}

#[test]
fn every_step_may_be_done_twice() {
    let once = deployed();
    let twice = deploy(&mini_cloud(), Observed::default(), &Memory::default(), Trouble::Twice);
    assert_eq!((twice.ending, twice.world), (Some(Ending::Done), once.clone()));
    let changed_once = deploy(&changed(), once.clone(), &Memory::default(), Trouble::None);
    let changed_twice = deploy(&changed(), once, &Memory::default(), Trouble::Twice);
    assert_eq!(changed_twice.world, changed_once.world);
}

#[test]
fn every_step_may_fail_once() {
    let good = shape(&deployed());
    for at in 0..steps() {
        let ran = deploy(&mini_cloud(), Observed::default(), &Memory::default(), Trouble::FailOnce(at));
        assert_eq!((ran.ending, shape(&ran.world)), (Some(Ending::Done), good.clone()), "call {at}");
        assert_eq!(ran.events.iter().filter(|event| matches!(event, Event::Retrying { .. })).count(), 1);
    }
}

#[test]
fn a_step_that_fails_for_good_ends_the_run_and_the_next_one_goes_on_from_there() {
    let good = shape(&deployed());
    for at in 0..steps() {
        let memory = Memory::default();
        let first = deploy(&mini_cloud(), Observed::default(), &memory, Trouble::Fail(at));
        let Some(Ending::Failed(failures)) = &first.ending else { panic!("call {at}: {:?}", first.ending) };
        assert_eq!((failures[0].why.as_str(), failures[0].next.as_str()), ("it was told to fail", "Try again."));
        assert_eq!(failures[0].step, first.calls[at]);
        let second = deploy(&mini_cloud(), first.world, &memory, Trouble::None);
        assert_eq!((second.ending, shape(&second.world)), (Some(Ending::Done), good.clone()), "call {at}");
    }
}

#[test]
fn a_crash_at_any_boundary_is_taken_up_and_nothing_that_ended_is_done_again() {
    let good = shape(&deployed());
    for trouble in (0..steps()).flat_map(|at| [Trouble::HangBefore(at), Trouble::HangAfter(at)]) {
        let memory = Memory::default();
        let first = deploy(&mini_cloud(), Observed::default(), &memory, trouble);
        assert_eq!(first.ending, None, "{trouble:?} cuts it off");
        let journal = memory.journal();
        assert!(journal.is_cut_off());
        let open: BTreeSet<StepId> = journal.unfinished().iter().map(step_id).collect();
        let ended: BTreeSet<StepId> = journal.begun().iter().map(step_id).filter(|step| !open.contains(step)).collect();
        let second = deploy(&mini_cloud(), first.world, &memory, Trouble::None);
        assert_eq!((second.ending, shape(&second.world)), (Some(Ending::Done), good.clone()), "{trouble:?}");
        let again: Vec<_> = second.calls.iter().filter(|step| ended.contains(step)).collect();
        assert_eq!(again, Vec::<&StepId>::new(), "{trouble:?}");
        assert!(memory.journal().unfinished().is_empty(), "{trouble:?}");
        let mut times: BTreeMap<&StepId, usize> = BTreeMap::new();
        second.calls.iter().for_each(|step| *times.entry(step).or_default() += 1);
        assert!(times.values().all(|times| *times == 1), "{trouble:?}");
    }
}

#[test]
fn a_crash_while_something_is_changed_is_taken_up() {
    let before = deployed();
    let good = shape(&deploy(&changed(), before.clone(), &Memory::default(), Trouble::None).world);
    let count = planned(&changed(), &before, &Memory::default().journal()).steps.len();
    for trouble in (0..count).flat_map(|at| [Trouble::HangBefore(at), Trouble::HangAfter(at)]) {
        let memory = Memory::default();
        let first = deploy(&changed(), before.clone(), &memory, trouble);
        let second = deploy(&changed(), first.world, &memory, Trouble::None);
        assert_eq!((second.ending, shape(&second.world)), (Some(Ending::Done), good.clone()), "{trouble:?}");
    }
}

#[test]
fn undo_from_any_point_leaves_a_clean_slate() {
    for at in 0..steps() - 1 {
        let ran = deploy(&mini_cloud(), Observed::default(), &Memory::default(), Trouble::Undo(at));
        if ran.ending == Some(Ending::Done) {
            assert!(at + 5 > steps(), "call {at}: all the rest was under way");
            continue;
        }
        assert_eq!(ran.ending, Some(Ending::Undone), "call {at}");
        assert!(ran.world.is_empty(), "call {at}: {:?}", ran.world.nodes.keys());
    }
}

#[test]
fn undo_of_a_change_brings_back_what_was() {
    let before = deployed();
    let count = planned(&changed(), &before, &Memory::default().journal()).steps.len();
    for at in 0..count - 1 {
        let ran = deploy(&changed(), before.clone(), &Memory::default(), Trouble::Undo(at));
        if ran.ending == Some(Ending::Done) {
            continue;
        }
        assert_eq!(ran.ending, Some(Ending::Undone), "call {at}");
        assert_eq!(shape(&ran.world), shape(&before), "call {at}");
        assert!(ran.world.nodes.values().all(|node| node.power == Power::Running));
    }
}

#[test]
fn a_run_that_is_told_to_stop_begins_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ideal = Ideal::new(Observed::default(), Trouble::None);
    let provider: Arc<dyn Provider> = ideal.clone();
    let memory = Memory::default();
    let mut journal = memory.journal();
    let plan = planned(&mini_cloud(), &Observed::default(), &journal);
    let (canceller, cancel) = canceller();
    canceller.tell(Cancel::Stop);
    let (sender, _receiver) = mpsc::channel(64);
    let ending = runtime.block_on(run(&plan, &Observed::default(), &provider, &mut journal, &quick(), &cancel, &sender)).unwrap();
    assert_eq!((ending, ideal.calls.lock().unwrap().len()), (Ending::Stopped, 0));
    assert!(!memory.journal().is_cut_off());
}
