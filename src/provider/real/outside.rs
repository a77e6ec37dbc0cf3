//! Flows that start outside of the lab, tried from this machine, and where requests come in.

use super::watch::Shared;
use crate::{
    catalog::{Audience, Behaviour, Catalog, ForwardRule, Protocol, Secrecy},
    model::{Endpoint, Flow, FlowId, Kind, Observed, ServiceSpec, Value},
    probe::{
        CONNECT_SECS, SHELL_SECS,
        record::Answer,
        tries::{How, Start, Try},
    },
};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, sleep, timeout},
};

/// Time between two rounds, and between the first two.
const EVERY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_millis(200));
/// How long somebody outside waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A connection that is closed within this time leads to nothing.
const CLOSES_WITHIN: Duration = Duration::from_millis(150);
/// Asks for the address of `localhost` (RFC 1035, section 4), which a resolver knows without asking others (RFC 6761, section 6.3).
const NAME_QUESTION: &[u8] = b"\x53\x54\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01";
/// A client's question for the time (RFC 5905, section 7.3): version 4, mode 3, all else zero.
const TIME_QUESTION_HEAD: u8 = 0x23;
const TIME_QUESTION_BYTES: usize = 48;
/// Flows to ssh servers are tried so seldom, in rounds: the servers log strangers.
const GREET_ROUNDS: u32 = 5;

/// How something is asked for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// HTTP.
    Plain,
    /// HTTP over TLS.
    Tls,
    /// Names, by datagrams.
    Names,
    /// The time, by datagrams.
    Clock,
}

/// A flow from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outside {
    /// Its number among the tries.
    pub(super) number: usize,
    /// Its identity.
    pub(super) id: FlowId,
    /// How it is tried.
    pub(super) how: How,
    /// What is dialled.
    pub(super) at: SocketAddrV4,
    /// How it is asked; `None`: all that can be had is a connection.
    pub(super) serves: Option<Serves>,
}

impl Outside {
    /// How often it is tried, in seconds; `None`: it takes requests of users, which come as the load says.
    pub(super) fn every_secs(&self) -> Option<u32> {
        match (self.serves, self.how) {
            (Some(Serves::Plain | Serves::Tls), _) => None,
            (_, How::Greet) => Some(SHELL_SECS),
            _ => Some(CONNECT_SECS),
        }
    }
}

/// The flows that start outside, of all tries.
pub(super) fn of(tries: &[Try], flows: &[Flow], seen: &Observed, catalog: &Catalog) -> Vec<Outside> {
    let outside = tries.iter().enumerate().filter(|(_, one)| one.from == Start::Outside);
    outside
        .filter_map(|(number, one)| {
            let flow = flows.get(one.flow)?;
            let served = served(flow, seen, catalog);
            let is_shell = served.is_some_and(|(spec, _)| behaviour(spec, catalog) == Some(Behaviour::Shell));
            let how = if is_shell { How::Greet } else { one.how };
            let at = one.at.socket()?;
            let serves = served.and_then(|(spec, port)| serves(spec, port, catalog));
            // Forwards of a hypervisor carry connections, and no datagrams.
            let serves = serves.filter(|serves| matches!(serves, Serves::Plain | Serves::Tls) || !at.ip().is_loopback());
            Some(Outside { number, id: flow.into(), how, at, serves })
        })
        .collect()
}

fn behaviour(spec: &ServiceSpec, catalog: &Catalog) -> Option<Behaviour> {
    Some(catalog.get(&spec.kind)?.behaviour)
}

/// What answers at the end of a flow, and its own port there; `None`: nothing that is known.
fn served<'a>(flow: &Flow, seen: &'a Observed, catalog: &Catalog) -> Option<(&'a ServiceSpec, u16)> {
    let (node, spec) = match &flow.to {
        Endpoint::Service(to) => {
            let node = seen.nodes.get(&to.node)?;
            (node, node.services.get(&to.service)?.spec.as_ref())
        }
        // What a VIP leads to is the same kind of service on each of its holders.
        Endpoint::Vip(vip) => seen.nodes.values().find_map(|node| {
            let follows = node.vips.get(vip)?.follows.as_ref();
            Some((node, follows.and_then(|follows| node.services.get(follows)?.spec.as_ref())))
        })?,
        Endpoint::Node(to) => (seen.nodes.get(to)?, None),
        Endpoint::Outside => return None,
    };
    let port = flow.port.or_else(|| main_port(spec?, catalog).or_else(|| rules(spec?, catalog).next().map(|rule| rule.port)))?;
    let specs = || node.services.values().filter_map(|service| service.spec.as_ref());
    let rule = specs().flat_map(|spec| rules(spec, catalog)).find(|rule| rule.port == port);
    if let Some(rule) = rule {
        let target = seen.nodes.get(&rule.to.node)?.services.get(&rule.to.service)?.spec.as_ref()?;
        return Some((target, main_port(target, catalog)?));
    }
    let listens = |spec: &&ServiceSpec| spec.listen.values().flatten().any(|at| at.port() == port);
    spec.filter(listens).or_else(|| specs().find(listens)).map(|spec| (spec, port))
}

fn main_port(spec: &ServiceSpec, catalog: &Catalog) -> Option<u16> {
    let main = catalog.get(&spec.kind)?.ports.first()?;
    spec.listen.get(&main.name)?.first().map(SocketAddrV4::port)
}

/// Which ports a forwarder leads where.
fn rules<'a>(spec: &'a ServiceSpec, catalog: &Catalog) -> impl Iterator<Item = ForwardRule> + use<'a> {
    let forwards = behaviour(spec, catalog) == Some(Behaviour::PortForward);
    let rules = match spec.settings.get("rules") {
        Some(Value::List(rules)) if forwards => rules.as_slice(),
        _ => &[],
    };
    rules.iter().filter_map(|rule| rule.parse().ok())
}

/// How a port of a service is asked: as its recipe serves it.
fn serves(spec: &ServiceSpec, number: u16, catalog: &Catalog) -> Option<Serves> {
    let entry = catalog.get(&spec.kind)?;
    let port = entry.ports.iter().find(|port| spec.listen.get(&port.name).is_some_and(|at| at.iter().any(|at| at.port() == number)))?;
    match (entry.behaviour, port.protocol) {
        (Behaviour::Names, Protocol::Udp) => return Some(Serves::Names),
        (Behaviour::Clock, Protocol::Udp) => return Some(Serves::Clock),
        _ => {}
    }
    let speaks_http = |kind: &Option<Kind>| kind.as_ref().and_then(|kind| catalog.get(kind)).is_none_or(|entry| entry.speaks_http);
    // A balancer of something else passes bytes on.
    let passes_bytes = entry.behaviour == Behaviour::Balancer && spec.upstreams.iter().any(|upstream| !speaks_http(&upstream.kind));
    if !entry.behaviour.answers_requests() || passes_bytes || port.audience != Audience::Clients {
        return None;
    }
    let is_tls = matches!(spec.settings.get("tls"), Some(Value::Bool(true)));
    Some(match port.secrecy {
        Secrecy::Encrypted => Serves::Tls,
        Secrecy::Optional if is_tls => Serves::Tls,
        Secrecy::Optional | Secrecy::Clear => Serves::Plain,
    })
}

/// Tries the flows for as long as somebody wants to know.
pub(super) async fn probe(shared: Arc<Shared>, all: Vec<Outside>) {
    let mut round = 0_u32;
    loop {
        let mut tasks = tokio::task::JoinSet::new();
        for one in all.iter().filter(|one| one.how != How::Greet || round < 2 || round.is_multiple_of(GREET_ROUNDS)) {
            let one = one.clone();
            tasks.spawn(async move { (one.number, try_once(&one).await) });
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

/// Tries a flow once: asks what answers datagrams, and connects to all else.
pub(super) async fn try_once(one: &Outside) -> Answer {
    match one.serves {
        Some(Serves::Names) => ask(NAME_QUESTION, one.at).await,
        Some(Serves::Clock) => {
            let mut question = [0; TIME_QUESTION_BYTES];
            question[0] = TIME_QUESTION_HEAD;
            ask(&question, one.at).await
        }
        Some(Serves::Plain | Serves::Tls) | None => connect(one.how, one.at).await,
    }
}

/// Sends a question as one datagram, and waits for an answer.
async fn ask(question: &[u8], at: SocketAddrV4) -> Answer {
    let began = Instant::now();
    let asked = async {
        let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).await?;
        socket.connect(at).await?;
        socket.send(question).await?;
        socket.recv(&mut [0; 512]).await
    };
    match timeout(CONNECT_TIMEOUT, asked).await {
        Ok(Ok(_)) => Answer::Open(u32::try_from(began.elapsed().as_micros()).ok()),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Answer::Refused,
        Ok(Err(_)) => Answer::NoRoute,
        Err(_) => Answer::Late,
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

    #[tokio::test]
    async fn what_speaks_in_datagrams_is_asked_by_one() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let std::net::SocketAddr::V4(at) = server.local_addr().unwrap() else { panic!() };
        let answering = tokio::spawn(async move {
            let mut asked = [0; 512];
            let mut lengths = Vec::new();
            for _ in 0..2 {
                let (length, from) = server.recv_from(&mut asked).await.unwrap();
                server.send_to(&asked[..length], from).await.unwrap();
                lengths.push((length, asked[0]));
            }
            lengths
        });
        let id: FlowId = "outside -> dir/dns".parse().unwrap();
        let one = |serves| Outside { number: 0, id: id.clone(), how: How::Connect, at, serves: Some(serves) };
        assert!(matches!(try_once(&one(Serves::Names)).await, Answer::Open(Some(_))));
        assert!(matches!(try_once(&one(Serves::Clock)).await, Answer::Open(Some(_))));
        assert_eq!(answering.await.unwrap(), [(27, 0x53), (48, 0x23)]);
        assert_eq!(try_once(&one(Serves::Names)).await, Answer::Refused, "nobody listens any more");
    }
}
