//! Flows that start outside of the lab, tried from this machine, and where requests come in.

use super::watch::Shared;
use crate::{
    catalog::{Behaviour, Catalog, Secrecy},
    model::{Endpoint, Flow, Observed, ServiceSpec, Value},
    probe::{
        record::Answer,
        tries::{Start, Try},
    },
};
use std::{io::ErrorKind, net::SocketAddrV4, sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// Time between two rounds, and between the first two.
const EVERY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(200));
/// How long somebody outside waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Whether requests are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// HTTP.
    Plain,
    /// HTTP over TLS.
    Tls,
}

/// A flow from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outside {
    /// Its number among the tries.
    pub(super) number: usize,
    /// What is dialled.
    pub(super) at: SocketAddrV4,
    /// How it serves requests; `None`: it does not.
    pub(super) serves: Option<Serves>,
}

/// The flows that start outside, of all tries.
pub(super) fn of(tries: &[Try], flows: &[Flow], seen: &Observed, catalog: &Catalog) -> Vec<Outside> {
    let outside = tries.iter().enumerate().filter(|(_, one)| one.from == Start::Outside);
    outside
        .map(|(number, one)| {
            let serves = flows.get(one.flow).and_then(|flow| serves(flow, seen, catalog));
            Outside { number, at: one.at, serves }
        })
        .collect()
}

/// Whether requests can be sent into a flow: where it leads to the main port of something that answers them.
fn serves(flow: &Flow, seen: &Observed, catalog: &Catalog) -> Option<Serves> {
    let Endpoint::Service(to) = &flow.to else { return None };
    let spec = seen.nodes.get(&to.node)?.services.get(&to.service)?.spec.as_ref()?;
    let entry = catalog.get(&spec.kind)?;
    if !matches!(entry.behaviour, Behaviour::Balancer | Behaviour::Web | Behaviour::App | Behaviour::PortForward) {
        return None;
    }
    let is_tls = |spec: &ServiceSpec| matches!(spec.settings.get("tls"), Some(Value::Bool(true)));
    let wanted = |port: &&crate::catalog::Port| match flow.port {
        None => true,
        Some(number) => spec.listen.get(&port.name).is_some_and(|at| at.iter().any(|at| at.port() == number)),
    };
    let Some(port) = entry.ports.iter().find(wanted) else {
        return (entry.behaviour == Behaviour::PortForward).then_some(Serves::Plain);
    };
    if port.audience != crate::catalog::Audience::Clients {
        return None;
    }
    Some(match port.secrecy {
        Secrecy::Encrypted => Serves::Tls,
        Secrecy::Optional if is_tls(spec) => Serves::Tls,
        Secrecy::Optional | Secrecy::Clear => Serves::Plain,
    })
}

/// Tries the flows for as long as somebody wants to know.
pub(super) async fn probe(shared: Arc<Shared>, all: Vec<Outside>) {
    let mut is_first = true;
    loop {
        let mut tasks = tokio::task::JoinSet::new();
        for one in &all {
            let (number, at) = (one.number, one.at);
            tasks.spawn(async move { (number, connect(at).await) });
        }
        while let Some(done) = tasks.join_next().await {
            let Ok((number, answer)) = done else { continue };
            shared.book().take_outside(number, &answer, shared.core.now_ms());
            shared.heard.notify_waiters();
        }
        sleep(if is_first { EVERY.1 } else { EVERY.0 }).await;
        is_first = false;
    }
}

async fn connect(at: SocketAddrV4) -> Answer {
    let began = Instant::now();
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(at)).await {
        Ok(Ok(_)) => Answer::Open(u32::try_from(began.elapsed().as_micros()).ok()),
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Answer::Refused,
            ErrorKind::TimedOut => Answer::Late,
            _ => Answer::NoRoute,
        },
        Err(_) => Answer::Late,
    }
}
