//! The way into a fake node. It knows the provider's requests by the functions that make them.

use super::{Amount, Call, FakeMachines, Shared, Trouble, guest::Ran, host::FakeMachine};
use crate::{
    model::{NodeName, Power, ServiceName},
    provider::{
        Answer, ProviderError, Retry,
        real::core::ASK_FAMILY,
        transport::{Command, Line, Output, Transport},
    },
    provision::{clock, observe, service},
};
use std::{fmt::Write as _, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// Between two rounds of a node that is watched.
const ROUND: Duration = Duration::from_secs(2);
/// Rounds that come at once, until everything is known.
const FIRST_ROUNDS: u64 = 3;

/// The way into one node.
pub(super) struct FakeTransport {
    pub(super) shared: Arc<Shared>,
    pub(super) node: NodeName,
}

impl FakeTransport {
    fn call(&self, what: &'static str, command: &Command) -> Call {
        let script = String::from_utf8_lossy(&command.stdin);
        let script = script.rsplit_once("\nmain() {\n").map_or(script.as_ref(), |(_, body)| body).to_owned();
        Call { script, ..FakeMachines::call(what, Some(&self.node), format!("{:?}", command.argv)) }
    }

    fn with<T>(&self, ask: impl FnOnce(&mut FakeMachine) -> T) -> Result<T, ProviderError> {
        let now_ms = self.shared.now_ms();
        let mut host = self.shared.host();
        let found = host.machines.get_mut(&(self.shared.owner.clone(), self.node.clone()));
        let found = found.filter(|there| there.power == Power::Running && !there.is_unreachable);
        let answer = found.map(|there| {
            there.guest.pass(now_ms);
            ask(there)
        });
        host.elect(&self.shared.owner);
        answer.ok_or_else(|| ProviderError {
            what: "run a command".into(),
            node: Some(self.node.clone()),
            why: format!("{} does not answer", self.node),
            next: "See whether the node runs and has its link; then try again".into(),
            retry: Retry::Worth,
        })
    }

    /// Waits as long as a slow node takes; longer than the command may take is an error.
    async fn wait(&self, command: &Command) -> Result<(), ProviderError> {
        let slow = Duration::from_millis(self.with(|there| there.slow_ms)?);
        let call = self.call("run", command);
        timeout(command.timeout, sleep(slow)).await.map_err(|_| Trouble::TimedOut.error(&call))
    }

    /// Runs a command, or as much of it as the connection lasts.
    fn ran(&self, command: &Command, amount: Amount) -> Result<Ran, ProviderError> {
        let text = std::str::from_utf8(&command.stdin).unwrap();
        let now_ms = self.shared.now_ms();
        let ran = self.with(|there| {
            let calls = super::script::calls(text).map_or(0, |calls| calls.len());
            let most = if amount == Amount::All { calls } else { calls / 2 };
            there.guest.run(text, now_ms, most).unwrap_or_else(|| answer(there, text, now_ms))
        });
        self.shared.changed.notify_waiters();
        ran
    }

    /// What a node that is watched says in one round; `None` while it is frozen.
    fn round(&self, text: &str, number: &mut u64, round: u64) -> Result<Option<Vec<String>>, ProviderError> {
        let is_paused = || {
            let host = self.shared.host();
            host.machines.get(&(self.shared.owner.clone(), self.node.clone())).is_some_and(|there| there.power == Power::Paused)
        };
        if is_paused() {
            return Ok(None);
        }
        let now_ms = self.shared.now_ms();
        let mut next = || {
            *number += 1;
            *number
        };
        let mut lines = self.with(|there| {
            let secs = clock_secs(there, now_ms);
            let mut lines = Vec::new();
            if round == 1 {
                lines.push(format!("r.{} hello 1 {secs}", next()));
            }
            let mut addresses = format!("r.{} addresses", next());
            for (slot, address) in there.guest.memory.addresses.iter().enumerate() {
                write!(addresses, " eth{slot} {address}").unwrap();
            }
            lines.push(addresses);
            lines.push(format!("r.{} node clock {secs}", next()));
            lines.push(format!(
                "r.{} node vrrp {}",
                next(),
                if there.guest.memory.active.contains("keepalived.service") { "runs" } else { "stopped" }
            ));
            lines.extend(there.guest.services().iter().map(|slug| format!("h.{round} service {slug} {}", there.guest.health(slug))));
            lines
        })?;
        lines.extend(self.flows(text, round));
        lines.push(format!("r.{} alive {round}", next()));
        Ok(Some(lines))
    }

    /// Tries the flows that a watching script names: a flow is open while a node that runs has the address and its link.
    fn flows(&self, text: &str, round: u64) -> Vec<String> {
        let targets = text.lines().find_map(|line| line.strip_prefix("targets='")?.strip_suffix('\'')).unwrap_or_default();
        let host = self.shared.host();
        let machines: Vec<&FakeMachine> =
            host.machines.iter().filter(|((owner, _), _)| *owner == self.shared.owner).map(|(_, one)| one).collect();
        let is_open = |address: &str| {
            let has = |one: &&&FakeMachine| one.guest.memory.addresses.iter().any(|own| own.split('/').next() == Some(address));
            machines.iter().filter(has).any(|one| one.power == Power::Running && one.links_up.iter().all(|up| *up))
        };
        let tried = targets.split(';').filter_map(|one| {
            let words: Vec<&str> = one.split_whitespace().collect();
            let [number, _, address, ..] = words.as_slice() else { return None };
            Some(format!("p.{round} flow {number} {}", if is_open(address) { "ok 250" } else { "late" }))
        });
        tried.collect()
    }

    async fn watched(&self, command: &Command, lines: &mpsc::Sender<Line>) -> Result<i32, ProviderError> {
        let text = std::str::from_utf8(&command.stdin).unwrap();
        let (mut number, mut round, mut silent) = (0, 0, Duration::ZERO);
        loop {
            let changed = self.shared.changed.notified();
            self.wait(command).await.or_else(|error| if silent > Duration::ZERO { Ok(()) } else { Err(error) })?;
            match self.round(text, &mut number, round + 1)? {
                Some(said) => {
                    (round, silent) = (round + 1, Duration::ZERO);
                    for line in said {
                        if lines.send(Line::Out(line)).await.is_err() {
                            return Ok(130);
                        }
                    }
                }
                None if silent >= command.timeout => return Err(Trouble::TimedOut.error(&self.call("stream", command))),
                None => silent += ROUND,
            }
            if round >= FIRST_ROUNDS {
                let _sooner = timeout(ROUND, changed).await;
            }
        }
    }
}

fn clock_secs(there: &FakeMachine, now_ms: u64) -> u64 {
    now_ms.checked_add_signed(there.guest.clock_ahead_ms).unwrap() / 1000
}

/// Answers what is asked without a script of calls.
fn answer(there: &mut FakeMachine, text: &str, now_ms: u64) -> Ran {
    let ran = |code: i32, line: String| Ran { lines: vec![line], code };
    let shift = clock::shift(0).text;
    let (before, after) = shift.split_once("(0)").unwrap();
    if text == ASK_FAMILY {
        return Ran { lines: vec!["ID=debian".into(), String::new(), "sandtable:asked".into()], code: 0 };
    }
    if text == clock::read().text {
        return ran(0, if there.guest.is_container { clock::OF_HOST.into() } else { clock_secs(there, now_ms).to_string() });
    }
    if let Some(by_secs) = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) {
        there.guest.clock_ahead_ms += by_secs.trim_matches(['(', ')']).parse::<i64>().unwrap() * 1000;
        return ran(0, clock_secs(there, now_ms).to_string());
    }
    for slug in there.guest.services() {
        let name: ServiceName = there.guest.disk.files[&format!("{}/{slug}/name", service::SERVICES_FOLDER)].trim().parse().unwrap();
        if text == service::has_started(&name) {
            let started = format!("{}/{slug}/started", service::SERVICES_FOLDER);
            return ran(i32::from(!there.guest.disk.files.contains_key(&started)), String::new());
        }
        if text == service::ask_health(&name) {
            return ran(0, format!("{}{}", service::HEALTH, there.guest.health(&slug)));
        }
    }
    panic!("the fake node does not know the request {text:?}")
}

impl Transport for FakeTransport {
    fn run(&self, command: Command) -> Answer<'_, Output> {
        Box::pin(async move {
            let call = self.call("run", &command);
            let trouble = self.shared.begin(call.clone()).await?;
            if trouble == Some(Trouble::Garbage) {
                return Ok(Output { stdout: b"\xff\xfe\0?".to_vec(), ..Output::default() });
            }
            self.wait(&command).await?;
            let ran = self.ran(&command, if trouble == Some(Trouble::CutHalfway) { Amount::Half } else { Amount::All })?;
            match trouble {
                Some(trouble) => Err(trouble.error(&call)),
                None => Ok(Output { code: ran.code, stdout: (ran.lines.join("\n") + "\n").into_bytes(), ..Output::default() }),
            }
        })
    }

    fn stream(&self, command: Command, lines: mpsc::Sender<Line>) -> Answer<'_, i32> {
        Box::pin(async move {
            let is_watch = command.argv == observe::SHELL;
            let call = self.call(if is_watch { "watch" } else { "stream" }, &command);
            let trouble = self.shared.begin(call.clone()).await?;
            if trouble == Some(Trouble::Garbage) {
                let _gone = lines.send(Line::Out("\u{fffd}\0\u{fffd}".into())).await;
                return Ok(0);
            }
            if is_watch {
                return self.watched(&command, &lines).await;
            }
            self.wait(&command).await?;
            let ran = self.ran(&command, if trouble == Some(Trouble::CutHalfway) { Amount::Half } else { Amount::All })?;
            if trouble.is_some() {
                return Err(trouble.unwrap_or(Trouble::Refused).error(&call));
            }
            for line in ran.lines {
                let _gone = lines.send(Line::Out(line)).await;
            }
            Ok(ran.code)
        })
    }

    fn put<'a>(&'a self, path: &'a str, _: u32, bytes: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.shared.ask(FakeMachines::call("put", Some(&self.node), path.to_owned())).await?;
            self.with(|there| there.guest.disk.files.insert(path.to_owned(), String::from_utf8_lossy(bytes).into_owned())).map(drop)
        })
    }
}
