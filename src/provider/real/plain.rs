//! A look into nodes when asked, one after the other call, without anything that lives on: for whoever needs no more.
//!
//! It tries no flow and breaks nothing.

use super::{core::Core, live::Live};
use crate::{
    model::{ActiveFault, Fault, Flow, Health, NodeName, Observed, ObservedNode, ObservedVip, Power},
    provider::{Answer, ProviderError, Retry, Traffic, Which, machines::Below, transport::Command},
    provision::slug,
    sim::{Event, Prediction},
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// How long a node may take to answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// What is asked of each node.
const SCRIPT: &str = r#"
for home in /var/lib/sandtable/services/*/; do
    [ -e "$home/name" ] || continue
    slug=${home%/}; slug=${slug##*/}
    if [ -e "$home/health" ]; then
        code=0; why=$(sh "$home/health" 2>/dev/null) || code=$?
    else
        code=0; why=
        while read -r unit; do systemctl is-active --quiet "$unit" || { code=1; why="$unit is not running"; }; done <"$home/units"
    fi
    printf 'service %s %s %s\n' "$slug" "$code" "$(printf '%s' "$why" | tr '\n' ' ')"
done
ss -Hltn 2>/dev/null | while read -r _ _ _ at _; do echo "socket $at"; done
ss -Hlun 2>/dev/null | while read -r _ _ _ at _; do echo "socket $at"; done
ip -o -4 address show 2>/dev/null | while read -r _ _ _ at _; do echo "address $at"; done
"#;

/// The look that needs nothing.
pub struct Plain {
    core: Arc<Core>,
}

impl Plain {
    /// A look at a lab.
    pub fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[derive(Default)]
struct Answers {
    services: BTreeMap<String, (i32, String)>,
    sockets: Vec<(Option<Ipv4Addr>, u16)>,
    addresses: Vec<Ipv4Addr>,
}

fn read(text: &str) -> Answers {
    let mut answers = Answers::default();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "service" => {
                let mut parts = rest.splitn(3, ' ');
                let (Some(slug), Some(code)) = (parts.next(), parts.next().and_then(|code| code.parse().ok())) else { continue };
                answers.services.insert(slug.to_owned(), (code, parts.next().unwrap_or_default().trim().to_owned()));
            }
            "socket" => {
                let Some((address, port)) = rest.rsplit_once(':') else { continue };
                let Ok(port) = port.parse() else { continue };
                let address = address.split('%').next().unwrap_or_default();
                answers.sockets.push((address.parse().ok().filter(|address: &Ipv4Addr| !address.is_unspecified()), port));
            }
            "address" => answers.addresses.extend(rest.split('/').next().and_then(|address| address.parse::<Ipv4Addr>().ok())),
            _ => {}
        }
    }
    answers
}

fn fill(node: &mut ObservedNode, answers: &Answers, now_ms: u64) {
    node.seen_ms = now_ms;
    node.health = Health::Healthy;
    for (name, service) in &mut node.services {
        (service.health, service.reason) = match answers.services.get(&slug(name)) {
            Some((0, _)) => (Health::Healthy, String::new()),
            Some((2, why)) => (Health::Degraded, why.clone()),
            Some((_, why)) => (Health::Down, why.clone()),
            None => (Health::Down, "it is not set up on the node".to_owned()),
        };
        let drawn = service.spec.iter().flat_map(|spec| spec.listen.values().flatten());
        let listens = |at: &&SocketAddrV4| {
            answers.sockets.iter().any(|(address, port)| *port == at.port() && address.is_none_or(|address| address == *at.ip()))
        };
        service.listening = drawn.filter(listens).copied().collect();
        node.health = node.health.worse(service.health);
    }
}

async fn ask(core: Arc<Core>, node: NodeName) -> (NodeName, Option<Answers>) {
    let asked = async {
        let transport = core.transport(&node).await?;
        transport.run(Command::script(SCRIPT, LOOK_TIMEOUT)).await
    };
    let answers = match tokio::time::timeout(LOOK_TIMEOUT, asked).await {
        Ok(Ok(output)) => Some(read(&String::from_utf8_lossy(&output.stdout))),
        Ok(Err(_)) | Err(_) => None,
    };
    (node, answers)
}

impl Live for Plain {
    fn see(&self, _below: Arc<Below>, mut seen: Observed) -> Answer<'_, Observed> {
        Box::pin(async move {
            let mut asked = JoinSet::new();
            for (name, _) in seen.nodes.iter().filter(|(_, node)| node.power == Power::Running && node.configured) {
                asked.spawn(ask(Arc::clone(&self.core), name.clone()));
            }
            let now_ms = seen.at_ms;
            let mut holders: BTreeMap<Ipv4Addr, Vec<NodeName>> = BTreeMap::new();
            while let Some(answered) = asked.join_next().await {
                let Ok((name, Some(answers))) = answered else { continue };
                if let Some(node) = seen.nodes.get_mut(&name) {
                    fill(node, &answers, now_ms);
                }
                for address in answers.addresses {
                    holders.entry(address).or_default().push(name.clone());
                }
            }
            for node in seen.nodes.values_mut().filter(|node| node.power != Power::Running) {
                node.health = Health::Down;
            }
            let drawn: BTreeMap<_, _> =
                seen.nodes.values().flat_map(|node| &node.vips).map(|(name, spec)| (name.clone(), spec.address.addr())).collect();
            for (name, address) in drawn {
                let mut holders = holders.remove(&address).unwrap_or_default();
                holders.sort();
                seen.vips.insert(name, ObservedVip { address: Some(address), holders, since_ms: 0 });
            }
            Ok(seen)
        })
    }

    fn watch<'a>(&'a self, _flows: &'a [Flow]) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn touched(&self, _node: &NodeName) {}

    fn inject<'a>(&'a self, _fault: &'a Fault, _: crate::provider::Lasts) -> Answer<'a, u64> {
        Box::pin(async { Err(cannot("break something")) })
    }

    fn heal(&self, _which: Which) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(async { Err(cannot("mend something")) })
    }

    fn predict<'a>(&'a self, _fault: &'a Fault, _horizon_ms: u64) -> Answer<'a, Option<Prediction>> {
        Box::pin(async { Ok(None) })
    }

    fn traffic(&self) -> Answer<'_, Traffic> {
        Box::pin(async { Ok(Traffic::default()) })
    }

    fn set_load(&self, _per_sec: u32) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn events(&self, _after_ms: u64) -> Answer<'_, Vec<Event>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn cannot(what: &str) -> ProviderError {
    ProviderError {
        what: what.into(),
        node: None,
        why: "this look into the nodes only looks".into(),
        next: "Try it on the simulator.".into(),
        retry: Retry::Useless,
    }
}
