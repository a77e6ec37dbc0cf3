//! The runner: begins each step once all that it waits for is done, no more of them at a time than it may, and first those that
//! most is left to do after.

use super::{
    event::{Ending, Event, Failure},
    journal::{Journal, JournalError, Record},
};
use crate::{
    model::{NodeName, Observed, ServiceName},
    plan::{Action, Plan, Step, StepId, undo},
    provider::{Done, Provider, ProviderError, Retry, doctor::State, preflight::Needs},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
};

/// What is said to have failed where something that a plan needs is missing: it is no step of the plan.
pub const PREFLIGHT: &str = "preflight";

/// Waits for a time. An argument, so that tests wait for nothing.
pub type Pause = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The pause that really waits.
pub fn pause_by_timer() -> Pause {
    Arc::new(|time| Box::pin(tokio::time::sleep(time)))
}

/// How a plan is run.
#[derive(Clone)]
pub struct Options {
    /// How many steps may be under way at a time, at least 1; `None`: as many as the provider bears.
    pub parallel: Option<usize>,
    /// How often a step is tried before it has failed, at least 1.
    pub attempts: u32,
    /// The time before the second attempt; each further one waits twice as long.
    pub first_pause: Duration,
    /// How long a step may take.
    pub step_timeout: Duration,
    /// How to wait between attempts.
    pub pause: Pause,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallel: None,
            attempts: 3,
            first_pause: Duration::from_millis(500),
            step_timeout: Duration::from_secs(600),
            pause: pause_by_timer(),
        }
    }
}

/// What a run is told from outside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cancel {
    /// Go on.
    #[default]
    No,
    /// Let end what is under way, and begin nothing else.
    Stop,
    /// Likewise, then undo what was begun.
    Undo,
}

/// Tells a run to stop or to undo.
#[derive(Debug, Clone)]
pub struct Canceller(Arc<watch::Sender<Cancel>>);

impl Canceller {
    /// Tells it. What was told last counts.
    pub fn tell(&self, cancel: Cancel) {
        self.0.send_replace(cancel);
    }
}

/// A canceller and the end that a run listens to.
pub fn canceller() -> (Canceller, watch::Receiver<Cancel>) {
    let (sender, receiver) = watch::channel(Cancel::No);
    (Canceller(Arc::new(sender)), receiver)
}

type Outcome = (Step, Result<Done, ProviderError>);

/// Runs a plan that was made with what the journal has in doubt ([`Journal::unfinished`]). `before` is what was there, for
/// the journal and for undoing. Events are sent to a bounded channel: who
/// does not read slows it down, and who has gone is not missed.
///
/// Dropping the future is a crash: nothing more is done, and the journal says what was under way.
///
/// # Errors
/// Where the journal cannot be kept. Steps that fail are an [`Ending`].
pub async fn run(
    plan: &Plan,
    before: &Observed,
    provider: &Arc<dyn Provider>,
    journal: &mut Journal,
    options: &Options,
    cancel: &watch::Receiver<Cancel>,
    events: &mpsc::Sender<Event>,
) -> Result<Ending, JournalError> {
    let doubted = journal.unfinished();
    if plan.is_empty() && doubted.is_empty() {
        // Nothing to do and nothing in doubt: the journal stays that of the last run that did something. An uplink that an
        // interrupted deployment left open is closed all the same.
        let ending = match provider.provisioned().await {
            Ok(_) => Ending::Done,
            Err(error) => broke(events, "provisioned", &error).await,
        };
        tell(events, Event::Finished(ending.clone())).await;
        return Ok(ending);
    }
    journal.write(Record::Run { before: Box::new(before.clone()), doubted })?;
    let mut with = With { provider, journal, options, events };
    let mut ending = match preflight(plan, before, provider, events).await {
        Some(ending) => ending,
        None => pass(&mut with, plan, cancel).await?,
    };
    if matches!(ending, Ending::Done)
        && let Err(error) = provider.provisioned().await
    {
        ending = broke(events, "provisioned", &error).await;
    }
    let told = *cancel.borrow();
    if told == Cancel::Undo && !matches!(ending, Ending::Done) {
        ending = match provider.observe().await {
            Ok(now) => {
                let back = undo(&with.journal.begun(), before, &now);
                tell(events, Event::Undoing { steps: back.steps.len() }).await;
                // Undoing is not cut short by the word that began it.
                let (_keep, go_on) = canceller();
                match pass(&mut with, &back, &go_on).await? {
                    Ending::Done => Ending::Undone,
                    other => other,
                }
            }
            Err(error) => Ending::Failed(vec![failure(StepId("observe".into()), &error)]),
        };
    }
    if matches!(ending, Ending::Done | Ending::Undone) {
        with.journal.write(Record::Settled)?;
    }
    with.journal.write(Record::Over)?;
    tell(events, Event::Finished(ending.clone())).await;
    Ok(ending)
}

/// The ending where something that is no step has failed.
async fn broke(events: &mpsc::Sender<Event>, what: &str, error: &ProviderError) -> Ending {
    let failed = failure(StepId(what.to_owned()), error);
    tell(events, Event::StepFailed(failed.clone())).await;
    Ending::Failed(vec![failed])
}

/// Looks whether what a plan needs is there. Gives the ending where it is not: nothing is begun then.
async fn preflight(plan: &Plan, before: &Observed, provider: &Arc<dyn Provider>, events: &mpsc::Sender<Event>) -> Option<Ending> {
    if plan.is_empty() {
        return None;
    }
    let checks = match provider.preflight(&Needs::of(plan, before)).await {
        Ok(checks) => checks,
        Err(error) => return Some(broke(events, PREFLIGHT, &error).await),
    };
    let mut failures = Vec::new();
    for check in checks {
        match check.state {
            State::Good => {}
            State::Doubtful => tell(events, Event::Doubted(check)).await,
            State::Bad => {
                let (step, what) = (StepId(PREFLIGHT.to_owned()), format!("look at the {}", check.title));
                let failed = Failure { step, what, node: None, why: check.found, next: check.next };
                tell(events, Event::StepFailed(failed.clone())).await;
                failures.push(failed);
            }
        }
    }
    if failures.is_empty() { None } else { Some(Ending::Failed(failures)) }
}

/// What the passes of a run share.
struct With<'a> {
    provider: &'a Arc<dyn Provider>,
    journal: &'a mut Journal,
    options: &'a Options,
    events: &'a mpsc::Sender<Event>,
}

/// Does the steps of a plan, each after what it waits for.
async fn pass(with: &mut With<'_>, plan: &Plan, cancel: &watch::Receiver<Cancel>) -> Result<Ending, JournalError> {
    let With { provider, journal, options, events } = with;
    let mut waiting = Waiting::of(plan);
    let mut under_way: JoinSet<Outcome> = JoinSet::new();
    let mut failures = Vec::new();
    let at_once = options.parallel.unwrap_or_else(|| provider.steps_at_once(plan.steps.len())).max(1);
    loop {
        let goes_on = failures.is_empty() && *cancel.borrow() == Cancel::No;
        let mut begun: Vec<Step> = Vec::new();
        while goes_on && under_way.len() + begun.len() < at_once {
            let Some(step) = waiting.next() else { break };
            begun.push(step);
        }
        journal.write_all(begun.iter().map(|step| Record::Begin { step: step.id.clone(), action: Box::new(step.action.clone()) }))?;
        for step in begun {
            under_way.spawn(attempt(step, Arc::clone(*provider), (*options).clone(), cancel.clone(), (*events).clone()));
        }
        let Some(first) = under_way.join_next().await else { break };
        let ended: Vec<_> = std::iter::once(first).chain(std::iter::from_fn(|| under_way.try_join_next())).collect();
        journal.write_all(ended.iter().flatten().map(|(step, result)| match result {
            Ok(_) => Record::End { step: step.id.clone() },
            Err(error) => Record::Fail { step: step.id.clone(), why: error.to_string() },
        }))?;
        for outcome in ended {
            if let Some(failed) = take(outcome, &mut waiting, events).await {
                failures.push(failed);
            }
        }
    }
    Ok(if !failures.is_empty() {
        Ending::Failed(failures)
    } else if waiting.is_done() {
        Ending::Done
    } else {
        Ending::Stopped
    })
}

/// Takes the outcome of a step that has ended, and says whether it failed.
async fn take(outcome: Result<Outcome, JoinError>, waiting: &mut Waiting, events: &mpsc::Sender<Event>) -> Option<Failure> {
    // A step that panics is a fault of ours: the run ends as if it had failed, and the journal has it open.
    let Ok((step, result)) = outcome else {
        return Some(Failure {
            step: StepId("unknown".into()),
            what: "a step".into(),
            node: None,
            why: "it ended without an answer".into(),
            next: "Deploy again; interrupted steps are repeated.".into(),
        });
    };
    match result {
        Ok(done) => {
            waiting.done(&step.id);
            tell(events, Event::StepDone { step: step.id, done }).await;
            None
        }
        Err(error) => {
            let failed = failure(step.id, &error);
            tell(events, Event::StepFailed(failed.clone())).await;
            Some(failed)
        }
    }
}

/// Tries a step until it is done, it has failed often enough, or the run is told to stop.
async fn attempt(
    step: Step,
    provider: Arc<dyn Provider>,
    options: Options,
    cancel: watch::Receiver<Cancel>,
    events: mpsc::Sender<Event>,
) -> Outcome {
    let mut number = 1;
    let mut pause = options.first_pause;
    loop {
        tell(&events, Event::StepStarted { step: step.id.clone(), subject: step.subject.clone(), attempt: number }).await;
        let says = |text: &str| {
            // What it is at may be lost; a step must not wait for somebody who does not read.
            let _lost = events.try_send(Event::StepProgress { step: step.id.clone(), says: text.to_owned() });
        };
        let began = std::time::Instant::now();
        let result = match tokio::time::timeout(options.step_timeout, provider.act(&step.action, &says)).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(&step.action, options.step_timeout)),
        };
        tracing::debug!(step = %step.id, took_ms = began.elapsed().as_millis(), "tried");
        let error = match result {
            Ok(done) => return (step, Ok(done)),
            Err(error) => error,
        };
        let give_up = error.retry == Retry::Useless || number >= options.attempts || *cancel.borrow() != Cancel::No;
        if give_up {
            return (step, Err(error));
        }
        let in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tell(&events, Event::Retrying { step: step.id.clone(), why: error.why, in_ms }).await;
        (options.pause)(pause).await;
        number += 1;
        pause = pause.saturating_mul(2);
    }
}

async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    // Nobody listens any more: the run goes on, the journal has it all.
    let _gone = events.send(event).await;
}

fn timed_out(action: &Action, after: Duration) -> ProviderError {
    ProviderError {
        what: action.verb().to_owned(),
        node: action.node().cloned(),
        why: format!("no answer within {} s", after.as_secs()),
        next: "See whether the machine is under load or hangs, then deploy again.".into(),
        retry: Retry::Worth,
    }
}

fn failure(step: StepId, error: &ProviderError) -> Failure {
    Failure { step, what: error.what.clone(), node: error.node.clone(), why: error.why.clone(), next: error.next.clone() }
}

/// How long a step takes beside others, roughly. `joins`: the services that take their data from others before they are ready.
fn weight(action: &Action, joins: &BTreeSet<(&NodeName, &ServiceName)>) -> usize {
    match action {
        // Checks and advertisements come first.
        Action::SetVip { .. } => 4,
        Action::PowerOn { .. } => 3,
        Action::StartService { node, service, bootstrap: false } if joins.contains(&(node, service)) => 6,
        Action::StartService { .. } | Action::ReconfigureService { .. } => 2,
        _ => 1,
    }
}

/// The services of a plan that are installed into a cluster, or to copy another.
fn joins(plan: &Plan) -> BTreeSet<(&NodeName, &ServiceName)> {
    let joining = plan.steps.iter().filter_map(|step| match &step.action {
        Action::InstallService { node, service, spec } if spec.cluster.is_some() || spec.replica_of.is_some() => Some((node, service)),
        _ => None,
    });
    joining.collect()
}

/// The steps that are not begun yet, and what each waits for.
struct Waiting {
    steps: Vec<Option<Step>>,
    open: Vec<usize>,
    then: BTreeMap<StepId, Vec<usize>>,
    /// How long it takes from each to the end of all, roughly: [`weight`] along the longest way.
    tail: Vec<usize>,
    /// Those that wait for nothing: the longest tail first, then as in the plan.
    ready: BTreeSet<(Reverse<usize>, usize)>,
    left: usize,
}

impl Waiting {
    fn of(plan: &Plan) -> Self {
        let mut then: BTreeMap<StepId, Vec<usize>> = BTreeMap::new();
        let known: BTreeSet<&StepId> = plan.steps.iter().map(|step| &step.id).collect();
        let mut open = Vec::with_capacity(plan.steps.len());
        for (index, step) in plan.steps.iter().enumerate() {
            let before = step.after.iter().filter(|id| known.contains(id));
            open.push(before.clone().count());
            for id in before {
                then.entry(id.clone()).or_default().push(index);
            }
        }
        let joins = joins(plan);
        let mut tail = vec![0; plan.steps.len()];
        // In a plan each step stands after all that it waits for.
        for (index, step) in plan.steps.iter().enumerate().rev() {
            let after = then.get(&step.id).into_iter().flatten().filter_map(|next| tail.get(*next));
            let longest: usize = after.max().copied().unwrap_or_default();
            if let Some(own) = tail.get_mut(index) {
                *own = longest + weight(&step.action, &joins);
            }
        }
        let mut all = Self {
            steps: plan.steps.iter().cloned().map(Some).collect(),
            open,
            then,
            tail,
            ready: BTreeSet::new(),
            left: plan.steps.len(),
        };
        for index in 0..plan.steps.len() {
            all.begin_if_open(index);
        }
        all
    }

    fn begin_if_open(&mut self, index: usize) {
        if self.open.get(index) == Some(&0) {
            let tail = self.tail.get(index).copied().unwrap_or_default();
            self.ready.insert((Reverse(tail), index));
        }
    }

    /// A step that waits for nothing: the one with most to come after it, for that decides when all is done.
    fn next(&mut self) -> Option<Step> {
        let (_, index) = self.ready.pop_first()?;
        self.steps.get_mut(index).and_then(Option::take)
    }

    fn done(&mut self, id: &StepId) {
        self.left = self.left.saturating_sub(1);
        for index in self.then.remove(id).unwrap_or_default() {
            if let Some(count) = self.open.get_mut(index) {
                *count = count.saturating_sub(1);
            }
            self.begin_if_open(index);
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }
}
