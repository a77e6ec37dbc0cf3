//! A hypervisor with nodes in memory: what is below and inside the machines of real providers, for tests without root, a daemon or waiting.
//!
//! [`FakeMachines`] stands for `Machines`, [`transport::FakeTransport`] for `Transport`. Both pass each call through [`Calls`], which
//! records it and may make it fail. They change only what carries the lab's ownership tag.

pub(crate) mod bench;
pub(crate) mod guest;
pub(crate) mod host;
mod script;
mod transport;

use crate::{
    model::{Endpoint, Fault, Flow, MachineSpec, NodeName},
    plan::Action,
    provider::{
        Answer, Done, ProviderError, Retry,
        machines::{Below, Machine, Machines, Reach, Uplink},
        sim::WallClock,
        transport::Transport,
    },
    provision::firewall::Door,
};
use host::Host;
use std::{
    collections::BTreeMap,
    net::SocketAddrV4,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::Notify;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection is refused: nothing is done.
    Refused,
    /// Nothing is done, and no answer comes in time.
    TimedOut,
    /// All is done, and the answer is lost.
    AnswerLost,
    /// Half of it is done, then the connection is cut.
    CutHalfway,
    /// Nothing is done, and the answer makes no sense.
    Garbage,
}

impl Trouble {
    /// Those that make a call fail.
    pub(crate) const FAILURES: [Self; 5] = [Self::Refused, Self::TimedOut, Self::AnswerLost, Self::CutHalfway, Self::Garbage];

    fn error(self, call: &Call) -> ProviderError {
        let (why, retry) = match self {
            Self::Refused => ("connection refused", Retry::Worth),
            Self::TimedOut => ("no answer in time", Retry::Worth),
            Self::AnswerLost | Self::CutHalfway => ("the connection was cut", Retry::Worth),
            Self::Garbage => ("the answer makes no sense", Retry::Useless),
        };
        ProviderError { what: call.what.into(), node: call.node.clone(), why: why.into(), next: "Try again.".into(), retry }
    }
}

/// One call of a provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The function of the seam.
    pub(crate) what: &'static str,
    pub(crate) node: Option<NodeName>,
    /// What others on the way could read: arguments, notes, actions, paths. Never what a command reads on its input.
    pub(crate) open: String,
    /// What a script is for.
    pub(crate) script: String,
}

type Chooses = Box<dyn FnMut(usize, &Call) -> Option<Trouble> + Send>;

/// The calls so far, and what goes wrong with the next ones.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) all: Vec<Call>,
    chooses: Option<Chooses>,
}

/// What fake machines and transports share.
pub(super) struct Shared {
    owner: String,
    host: Arc<Mutex<Host>>,
    clock: WallClock,
    calls: Mutex<Calls>,
    changed: Notify,
    /// Where this machine reaches the flows that start outside.
    entry: Mutex<Option<SocketAddrV4>>,
}

impl Shared {
    fn host(&self) -> MutexGuard<'_, Host> {
        self.host.lock().unwrap()
    }

    fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    /// Records a call. Gives what goes wrong with it, where that is no failure at once.
    async fn begin(&self, call: Call) -> Result<Option<Trouble>, ProviderError> {
        let trouble = {
            let mut calls = self.calls.lock().unwrap();
            let number = calls.all.len();
            calls.all.push(call.clone());
            calls.chooses.as_mut().and_then(|choose| choose(number, &call))
        };
        match trouble {
            Some(trouble @ (Trouble::Refused | Trouble::TimedOut)) => Err(trouble.error(&call)),
            other => Ok(other),
        }
    }

    /// A call that only asks: whatever goes wrong, nothing is known.
    async fn ask(&self, call: Call) -> Result<(), ProviderError> {
        match self.begin(call.clone()).await? {
            Some(trouble) => Err(trouble.error(&call)),
            None => Ok(()),
        }
    }

    /// A call that changes something at the hypervisor.
    async fn change<T>(&self, call: Call, change: impl FnOnce(&mut Host, Amount) -> Result<T, ProviderError>) -> Result<T, ProviderError> {
        let trouble = self.begin(call.clone()).await?;
        if trouble == Some(Trouble::Garbage) {
            return Err(Trouble::Garbage.error(&call));
        }
        let amount = if trouble == Some(Trouble::CutHalfway) { Amount::Half } else { Amount::All };
        let done = {
            let mut host = self.host();
            let done = change(&mut host, amount);
            host.elect(&self.owner);
            done
        };
        self.changed.notify_waiters();
        match trouble {
            Some(trouble) => Err(trouble.error(&call)),
            None => done,
        }
    }
}

/// How much of a change is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    All,
    Half,
}

/// The machines of one lab on a host that may have others.
#[derive(Clone)]
pub(crate) struct FakeMachines(Arc<Shared>);

impl FakeMachines {
    /// The machines with this ownership tag.
    pub(crate) fn new(owner: &str, host: Arc<Mutex<Host>>, clock: WallClock) -> Self {
        let (calls, changed, entry) = (Mutex::default(), Notify::new(), Mutex::default());
        Self(Arc::new(Shared { owner: owner.to_owned(), host, clock, calls, changed, entry }))
    }

    pub(crate) fn host(&self) -> MutexGuard<'_, Host> {
        self.0.host()
    }

    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap()
    }

    /// Chooses what goes wrong with each call from now on.
    pub(crate) fn trouble(&self, choose: impl FnMut(usize, &Call) -> Option<Trouble> + Send + 'static) {
        self.calls().chooses = Some(Box::new(choose));
    }

    /// The next call of this function of the seam goes wrong, and no other.
    pub(crate) fn fail_next(&self, what: &'static str, trouble: Trouble) {
        let mut left = Some(trouble);
        self.trouble(move |_, call| if call.what == what { left.take() } else { None });
    }

    /// All goes well from now on.
    pub(crate) fn no_trouble(&self) {
        self.calls().chooses = None;
    }

    /// Changes one machine from outside, as a person at the hypervisor would.
    pub(crate) fn with<T>(&self, node: &str, change: impl FnOnce(&mut host::FakeMachine) -> T) -> T {
        let changed = {
            let mut host = self.host();
            let changed = change(host.machines.get_mut(&(self.0.owner.clone(), node.parse().unwrap())).unwrap());
            host.elect(&self.0.owner);
            changed
        };
        self.0.changed.notify_waiters();
        changed
    }

    /// Where requests from outside go.
    pub(crate) fn set_entry(&self, entry: SocketAddrV4) {
        *self.0.entry.lock().unwrap() = Some(entry);
    }

    fn call(what: &'static str, node: Option<&NodeName>, open: String) -> Call {
        Call { what, node: node.cloned(), open, script: String::new() }
    }
}

impl Machines for FakeMachines {
    fn name(&self) -> &str {
        "fake"
    }

    fn look(&self) -> Answer<'_, Below> {
        Box::pin(async {
            self.0.ask(Self::call("look", None, String::new())).await?;
            Ok(self.host().below(&self.0.owner))
        })
    }

    fn machine<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Option<Machine>> {
        Box::pin(async move {
            self.0.ask(Self::call("machine", Some(node), String::new())).await?;
            let found = self.host().below(&self.0.owner).machines.remove(node);
            // As the seam allows.
            Ok(found.map(|machine| Machine { snapshots: Vec::new(), ..machine }))
        })
    }

    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            says(action.verb());
            let now_ms = self.0.now_ms();
            let call = Self::call("act", action.node(), format!("{action:?}"));
            self.0.change(call, |host, amount| host.act(&self.0.owner, action, amount, now_ms)).await
        })
    }

    fn transport<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move {
            let fake = transport::FakeTransport { shared: Arc::clone(&self.0), node: node.clone() };
            Ok(Arc::new(fake) as Arc<dyn Transport>)
        })
    }

    fn shell<'a>(&'a self, node: &'a NodeName, command: &'a [String]) -> Answer<'a, Vec<String>> {
        Box::pin(async move { Ok([&["enter".to_owned(), node.to_string()], command].concat()) })
    }

    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(async move { Ok(vec!["console".to_owned(), node.to_string()]) })
    }

    fn note<'a>(&'a self, node: &'a NodeName, notes: &'a BTreeMap<String, Option<String>>) -> Answer<'a, ()> {
        Box::pin(async move {
            let call = Self::call("note", Some(node), format!("{notes:?}"));
            self.0.change(call, |host, amount| if amount == Amount::All { host.note(&self.0.owner, node, notes) } else { Ok(()) }).await
        })
    }

    fn uplink<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Option<Uplink>> {
        Box::pin(
            async move { self.0.change(Self::call("uplink", Some(node), String::new()), |host, _| host.uplink(&self.0.owner, node)).await },
        )
    }

    fn remove_uplink<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Done> {
        Box::pin(async move {
            let call = Self::call("remove_uplink", Some(node), String::new());
            self.0
                .change(
                    call,
                    |host, amount| if amount == Amount::All { host.remove_uplink(&self.0.owner, node) } else { Ok(Done::Changed) },
                )
                .await
        })
    }

    fn provisioned(&self) -> Answer<'_, Done> {
        Box::pin(async {
            self.0.ask(Self::call("provisioned", None, String::new())).await?;
            Ok(Done::AlreadySo)
        })
    }

    fn break_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, Reach> {
        Box::pin(async move {
            let call = Self::call("break_below", None, fault.to_string());
            self.0.change(call, |host, _| host.break_below(&self.0.owner, fault)).await
        })
    }

    fn mend_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, ()> {
        Box::pin(async move {
            let call = Self::call("mend_below", None, fault.to_string());
            self.0.change(call, |host, amount| if amount == Amount::All { host.mend_below(&self.0.owner, fault) } else { Ok(()) }).await
        })
    }

    fn doors(&self, _: &MachineSpec) -> Vec<Door> {
        vec![Door { from: "10.99.0.0/24".parse().unwrap(), port: 22 }]
    }

    fn outside<'a>(&'a self, flow: &'a Flow, _: &'a Below) -> Option<SocketAddrV4> {
        self.0.entry.lock().unwrap().filter(|_| flow.from == Endpoint::Outside)
    }

    fn beyond<'a>(&'a self, _: &'a Endpoint, _: &'a Below) -> Option<SocketAddrV4> {
        None
    }
}
