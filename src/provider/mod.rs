//! Providers: what makes machines and networks, and says what is there.
//!
//! A provider does one step at a time and can do it twice; it decides nothing. It touches only what carries this lab's
//! identity.

pub mod doctor;
pub mod id;
pub mod incus;
pub mod machines;
pub mod preflight;
pub mod real;
pub mod settings;
pub mod sim;
pub mod ssh;
pub mod transport;
pub mod virtualbox;

use crate::{
    model::{ActiveFault, ClusterName, FailoverRuler, Fault, Flow, NodeName, Observed, Prediction, RequestOutage},
    plan::{Action, Promotion},
    sim::{EntryLoad, LoadSecond, LoadTotals},
};
use doctor::Check;
use preflight::Needs;
use std::{future::Future, pin::Pin};

/// What a provider answers, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>;

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It may: something was busy or slow.
    Worth,
    /// It will not: something must be changed first.
    Useless,
}

/// Why a provider could not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct ProviderError {
    /// What was tried, in a few words.
    pub what: String,
    /// On which node, if it was on one.
    pub node: Option<NodeName>,
    /// What went wrong.
    pub why: String,
    /// What to do about it: a sentence.
    pub next: String,
    /// Whether trying again may help.
    pub retry: Retry,
}

/// Whether an action found something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// It did.
    Changed,
    /// All was so already.
    AlreadySo,
}

impl Done {
    /// What two actions together came to.
    pub fn or(self, other: Self) -> Self {
        if self == Self::Changed { self } else { other }
    }
}

/// How long a fault may last before it is healed by itself, whatever has become of who injected it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaultDuration {
    /// As long as the provider thinks right: on real nodes ten minutes, in the simulator until it is healed.
    #[default]
    Usual,
    /// So many seconds, at least one.
    Secs(u32),
}

/// How a fault is injected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InjectOptions {
    /// How long it may last.
    pub duration: FaultDuration,
    /// Who injects it.
    pub by: crate::model::Author,
}

/// How long a fault lasts on real nodes where nobody says otherwise, in seconds.
pub const REAL_FAULT_SECS: u32 = 600;

/// Which faults to heal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultSelection {
    /// This one.
    One(u64),
    /// All that last.
    All,
}

/// The requests from outside, and what became of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// How many come in each second.
    pub per_sec: u32,
    /// All of them.
    pub totals: LoadTotals,
    /// One result each second, oldest first.
    pub seconds: Vec<LoadSecond>,
    /// The same by the flow that they came in by, in the layout's order.
    pub entries: Vec<EntryLoad>,
    /// The last move of a VIP, measured.
    pub failover: Option<FailoverRuler>,
    /// What became of requests since the last fault.
    pub outage: Option<RequestOutage>,
    /// How many each node has answered, where the answer says so.
    pub answered: std::collections::BTreeMap<String, u64>,
}

/// What makes a lab real.
pub trait Provider: Send + Sync {
    /// Its name, as `--on` takes it.
    fn name(&self) -> &str;

    /// What is there now.
    fn observe(&self) -> Answer<'_, Observed>;

    /// Does an action and waits until it is done. Repeating it changes nothing. `says` receives its progress.
    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done>;

    /// What a plan needs of the machine that its nodes would run on, and whether that is there: asked before the first step. What is
    /// bad keeps the plan from being run.
    fn preflight<'a>(&'a self, _needs: &'a Needs) -> Answer<'a, Vec<Check>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// How many of a plan's actions may be under way at a time, at least 1: a few more than this machine has processors, for some only
    /// wait; with many more, the nodes that all others wait for would start no sooner than the rest. `steps`: how many the plan has.
    fn steps_at_once(&self, _steps: usize) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (processors + processors / 2).clamp(3, 8)
    }

    /// All steps of a plan are done: what was there only to set nodes up goes. Doing it twice is doing it once.
    fn provisioned(&self) -> Answer<'_, Done> {
        Box::pin(async { Ok(Done::AlreadySo) })
    }

    /// Says which flows are to be tried again and again; [`Observed::flows`] has them in this order.
    fn watch<'a>(&'a self, flows: &'a [Flow]) -> Answer<'a, ()>;

    /// Waits until what was done has settled: until `is_settled` says so of what is there, or so many milliseconds of the
    /// provider's clock are over. Gives what is there then.
    fn settle<'a>(&'a self, is_settled: &'a (dyn Fn(&Observed) -> bool + Send + Sync), ms_max: u64) -> Answer<'a, Observed>;

    /// Breaks something, and gives the fault's number in this lab.
    fn inject<'a>(&'a self, fault: &'a Fault, options: InjectOptions) -> Answer<'a, u64>;

    /// Mends what was broken, and says what that was.
    fn heal(&self, which: FaultSelection) -> Answer<'_, Vec<ActiveFault>>;

    /// What a fault would take with it that is healed after so many milliseconds (`lasts_ms`: `None`: that is not healed); `None` where
    /// the provider cannot tell without doing it.
    /// Nothing is broken. Fails where the fault cannot fall on what is there.
    fn predict<'a>(&'a self, fault: &'a Fault, lasts_ms: Option<u64>) -> Answer<'a, Option<Prediction>>;

    /// Brings back a cluster that has stopped as a whole: begun anew by the member whose data goes furthest. `says` is told what it
    /// is at. Changes nothing where a part of the cluster works.
    fn recover<'a>(&'a self, cluster: &'a ClusterName, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done>;

    /// Makes a replica the primary, and has the others copy from it. `says` receives its progress. It may still be under way when this
    /// returns; [`Observed`] tells when the service takes writes. Doing it twice is doing it once.
    fn promote<'a>(&'a self, promotion: &'a Promotion, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done>;

    /// The program on this machine, and its arguments, that gives a person a shell on a running node; with a command, what runs it
    /// there and ends with its exit code.
    fn shell<'a>(&'a self, node: &'a NodeName, command: &'a [String]) -> Answer<'a, Vec<String>>;

    /// The program on this machine, and its arguments, that shows a person a running node's screen: what is left where ssh does not
    /// answer.
    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>>;

    /// The requests from outside, and how the last move of a VIP went.
    fn traffic(&self) -> Answer<'_, Traffic>;

    /// Sends so many requests a second from outside from now on, for as long as this provider lives; 0: none. Totals begin anew.
    /// A provider whose load goes on by itself takes no notice.
    fn set_load(&self, _per_sec: u32) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
