//! Flows that start outside of the lab, tried from this machine, and where requests come in.

use super::watch::Shared;
use crate::{
    catalog::{Behaviour, Catalog, Secrecy},
    model::{Endpoint, Flow, Observed, ServiceSpec, Value},
    probe::{
        record::Answer,
        tries::{How, Start, Try},
    },
};
use std::{io::ErrorKind, net::SocketAddrV4, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// Time between two rounds, and between the first two.
const EVERY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(200));
/// How long somebody outside waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A connection that is closed within this time leads to nothing.
const CLOSES_WITHIN: Duration = Duration::from_millis(150);
/// Flows to ssh servers are tried so seldom, in rounds: the servers log strangers.
const GREET_ROUNDS: u32 = 5;

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
    /// How it is tried.
    pub(super) how: How,
    /// What is dialled.
    pub(super) at: SocketAddrV4,
    /// How it serves requests; `None`: it does not.
    pub(super) serves: Option<Serves>,
}

/// The flows that start outside, of all tries.
pub(super) fn of(tries: &[Try], flows: &[Flow], seen: &Observed, catalog: &Catalog) -> Vec<Outside> {
    let outside = tries.iter().enumerate().filter(|(_, one)| one.from == Start::Outside);
    outside
        .filter_map(|(number, one)| {
            let serves = flows.get(one.flow).and_then(|flow| serves(flow, seen, catalog));
            Some(Outside { number, how: one.how, at: one.at.socket()?, serves })
        })
        .collect()
}

/// Whether requests can be sent into a flow: where it leads to the main port of something that answers them.
fn serves(flow: &Flow, seen: &Observed, catalog: &Catalog) -> Option<Serves> {
    let spec = match &flow.to {
        Endpoint::Service(to) => seen.nodes.get(&to.node)?.services.get(&to.service)?.spec.as_ref()?,
        // What a VIP leads to is the same kind of service on each of its holders.
        Endpoint::Vip(vip) => seen.nodes.values().find_map(|node| {
            let follows = node.vips.get(vip)?.follows.as_ref()?;
            node.services.get(follows)?.spec.as_ref()
        })?,
        Endpoint::Node(_) | Endpoint::Outside => return None,
    };
    let entry = catalog.get(&spec.kind)?;
    if !entry.behaviour.answers_requests() {
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
    let mut round = 0_u32;
    loop {
        let mut tasks = tokio::task::JoinSet::new();
        for one in all.iter().filter(|one| one.how != How::Greet || round < 2 || round.is_multiple_of(GREET_ROUNDS)) {
            let (number, how, at) = (one.number, one.how, one.at);
            tasks.spawn(async move { (number, connect(how, at).await) });
        }
        while let Some(done) = tasks.join_next().await {
            let Ok((number, answer)) = done else { continue };
            shared.book().take_outside(number, &answer, shared.core.now_ms());
            shared.heard.notify_waiters();
        }
        sleep(if round == 0 { EVERY.1 } else { EVERY.0 }).await;
        round = round.wrapping_add(1);
    }
}

async fn connect(how: How, at: SocketAddrV4) -> Answer {
    let began = Instant::now();
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => {
            let took = Answer::Open(u32::try_from(began.elapsed().as_micros()).ok());
            if stays_open(how, stream).await { took } else { Answer::Refused }
        }
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Answer::Refused,
            ErrorKind::TimedOut => Answer::Late,
            _ => Answer::NoRoute,
        },
        Err(_) => Answer::Late,
    }
}

/// A port forward of the hypervisor accepts whoever comes, and closes at once where nothing listens behind it.
async fn stays_open(how: How, mut stream: TcpStream) -> bool {
    let mut first = [0; 64];
    match timeout(CLOSES_WITHIN, stream.read(&mut first)).await {
        Ok(Ok(0) | Err(_)) => return false,
        // It waits for us to speak first.
        Err(_) => {}
        Ok(Ok(_)) if how == How::Greet => {
            // A stranger who greets and goes is one line in the server's log, and no error.
            let _gone = stream.write_all(b"SSH-2.0-sandtable\r\n").await;
        }
        Ok(Ok(_)) => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_forward_with_nothing_behind_it_is_no_service() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let std::net::SocketAddr::V4(at) = listener.local_addr().unwrap() else { panic!() };
        let server = tokio::spawn(async move {
            // As the daemon's proxy does where the service is gone.
            drop(listener.accept().await.unwrap());
            // A web server waits for a request.
            let waits = listener.accept().await.unwrap();
            // An ssh server greets, and is greeted.
            let (mut greets, _) = listener.accept().await.unwrap();
            greets.write_all(b"SSH-2.0-server\r\n").await.unwrap();
            let mut said = String::new();
            greets.read_to_string(&mut said).await.unwrap();
            drop(waits);
            said
        });
        assert_eq!(connect(How::Connect, at).await, Answer::Refused);
        assert!(matches!(connect(How::Connect, at).await, Answer::Open(Some(_))));
        assert!(matches!(connect(How::Greet, at).await, Answer::Open(Some(_))));
        assert_eq!(server.await.unwrap(), "SSH-2.0-sandtable\r\n");
        assert_eq!(connect(How::Connect, at).await, Answer::Refused, "nobody listens any more");
    }
}
