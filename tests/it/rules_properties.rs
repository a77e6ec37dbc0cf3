//! What holds for every lab and every step: looking again at what was touched finds what looking at everything finds, and
//! a step that is undone, or that fails, leaves the lab as it was.

use proptest::prelude::*;
use sandtable::catalog::Catalog;
use sandtable::model::*;
use sandtable::rules::{Checker, Context, Finding, Vetter};
use sandtable::testing::Seeded;
use std::sync::Arc;

/// Names, addresses and settings from so small a choice that they meet: shared addresses, clusters, allow lists.
struct Close<'a> {
    r: &'a mut Seeded,
}

impl Close<'_> {
    fn name<T: std::str::FromStr>(&mut self, stem: &str, most: usize) -> T
    where
        T::Err: std::fmt::Debug,
    {
        format!("{stem}{}", self.r.below(most)).parse().unwrap()
    }

    fn node_name(&mut self) -> NodeName {
        self.name("n", 7)
    }

    fn network_name(&mut self) -> NetworkName {
        self.name("w", 4)
    }

    fn site(&mut self) -> Option<SiteName> {
        if self.r.chance(30) { Some(self.name("s", 2)) } else { None }
    }

    fn address(&mut self) -> std::net::Ipv4Addr {
        format!("10.0.{}.{}", self.r.below(3), self.r.below(6)).parse().unwrap()
    }

    fn network(&mut self) -> Network {
        let kind = *self.r.pick(&NetworkKind::ALL).unwrap();
        let subnet = format!("10.0.{}.0/{}", self.r.below(3), if self.r.chance(80) { 24 } else { 23 });
        let mut network = Network::new(kind);
        network.subnet = if self.r.chance(80) { Some(subnet.parse().unwrap()) } else { None };
        network.purpose = *self.r.pick(&Purpose::ALL).unwrap();
        network.site = self.site();
        if self.r.chance(20) {
            network.dhcp = Some(DhcpRange { from: "10.0.0.3".parse().unwrap(), to: "10.0.1.4".parse().unwrap() });
        }
        network
    }

    fn adapter(&mut self) -> Adapter {
        let mut adapter = Adapter::on(self.network_name());
        adapter.address = if self.r.chance(80) { Some(self.address()) } else { None };
        adapter.mac = if self.r.chance(20) { Some(Mac([8, 0, 39, 0, 0, u8::try_from(self.r.below(2)).unwrap()])) } else { None };
        if self.r.chance(20) {
            let to = *self.r.pick(&[22, 80, 3306, 8404]).unwrap();
            let address = *self.r.pick(&["127.0.0.1", "0.0.0.0"]).unwrap();
            adapter.forwards.push(Forward { host: if self.r.chance(50) { 80 } else { 8080 }, to, address: address.parse().unwrap() });
        }
        adapter
    }

    fn service(&mut self, primaries: &[ServiceRef]) -> Service {
        let kinds: Vec<&Kind> = Catalog::embedded().iter().map(|(kind, _)| kind).collect();
        let mut service = Service::new((*self.r.pick(&kinds).unwrap()).clone());
        service.bind = match self.r.below(4) {
            0 => Bind::Any,
            1 => Bind::Loopback,
            2 => Bind::Address(self.address()),
            _ => Bind::On(self.network_name()),
        };
        service.allow = match self.r.below(5) {
            0 => Allow::Everyone,
            1 => Allow::Only((0..self.r.below(3)).map(|_| self.peer()).collect()),
            _ => Allow::Drawn,
        };
        service.cluster = if self.r.chance(50) { Some(self.name("c", 2)) } else { None };
        service.replica_of = if self.r.chance(10) { self.r.pick(primaries).cloned() } else { None };
        for (setting, value) in [
            ("tls", Value::Bool(false)),
            ("authoritative", Value::Bool(true)),
            ("stats_public", Value::Bool(true)),
            ("clients", Value::List(vec!["*".into()])),
            ("rules", Value::List(vec!["80:n0/a0".into()])),
            ("services", Value::List(vec!["n0/a0".into()])),
        ] {
            if self.r.chance(15) {
                service.settings.insert(setting.into(), value);
            }
        }
        service
    }

    fn peer(&mut self) -> Peer {
        match self.r.below(4) {
            0 => Peer::Outside,
            1 => Peer::Network(self.network_name()),
            2 => Peer::Subnet("10.0.1.0/24".parse().unwrap()),
            _ => Peer::Node(self.node_name()),
        }
    }

    fn node(&mut self, lab: &Lab) -> Node {
        let primaries: Vec<ServiceRef> =
            lab.services().map(|(node, service, _)| ServiceRef { node: node.clone(), service: service.clone() }).collect();
        let mut node = Node::new(*self.r.pick(&Role::ALL).unwrap());
        node.site = self.site();
        node.adapters = (0..self.r.below(4)).map(|_| self.adapter()).collect();
        for _ in 0..self.r.below(3) {
            let name = self.name("a", 2);
            let service = self.service(&primaries);
            node.services.insert(name, service);
        }
        if self.r.chance(20) {
            node.after = vec![self.node_name()];
        }
        node
    }

    fn end(&mut self) -> Endpoint {
        match self.r.below(8) {
            0 => Endpoint::Outside,
            1 => Endpoint::Node(self.node_name()),
            2 => Endpoint::Vip(self.name("v", 2)),
            _ => Endpoint::Service(ServiceRef { node: self.node_name(), service: self.name("a", 2) }),
        }
    }

    fn flow(&mut self) -> Flow {
        let port = if self.r.chance(20) { Some(443) } else { None };
        Flow { encrypted: self.r.chance(20), optional: self.r.chance(20), port, ..Flow::new(self.end(), self.end()) }
    }

    /// What an acceptance is about: a node, or a flow by its identity or by its ends.
    fn accepted(&mut self, lab: &Lab) -> (&'static str, String) {
        if self.r.chance(40) {
            return ("isolated-node", self.node_name().to_string());
        }
        let rule = *self.r.pick(&["no-path-for-flow", "flow-misses-bind-address", "duplicate-flow"]).unwrap();
        let id = self.r.pick(&lab.flows).map_or_else(|| FlowId::from(&self.flow()), FlowId::from);
        let port = if self.r.chance(50) { None } else { id.port };
        (rule, FlowId { port, ..id }.to_string())
    }

    fn vip(&mut self) -> Vip {
        let holders =
            (0..self.r.below(3)).map(|_| Holder { node: self.node_name(), priority: if self.r.chance(50) { 100 } else { 150 } }).collect();
        Vip {
            address: self.address(),
            network: self.network_name(),
            id: if self.r.chance(50) { 51 } else { 52 },
            holders,
            follows: if self.r.chance(70) { Some(self.name("a", 2)) } else { None },
            advertise_ms: ADVERTISE_MS_DEFAULT,
            preempt: false,
        }
    }

    fn link(&mut self) -> Link {
        let tunnel = if self.r.chance(30) { Some(self.name("a", 2)) } else { None };
        Link { between: (self.name("s", 2), self.name("s", 2)), network: self.network_name(), tunnel }
    }

    fn list<T>(&mut self, length: usize, make: impl FnOnce(&mut Self) -> T) -> (usize, ListEdit<T>) {
        let change = match self.r.below(3) {
            0 => ListEdit::Remove,
            1 => ListEdit::Replace(make(self)),
            _ => ListEdit::Insert(make(self)),
        };
        (self.r.below(length + 1), change)
    }

    /// A step of the sort that people make, or a wild one; it may fail.
    fn step(&mut self, lab: &Lab) -> Vec<Edit> {
        (0..=self.r.below(3)).flat_map(|_| self.edits(lab)).collect()
    }

    fn edits(&mut self, lab: &Lab) -> Vec<Edit> {
        let at = if self.r.chance(50) { Some(self.r.below(6)) } else { None };
        let one = match self.r.below(21) {
            0 => Edit::Network { name: self.network_name(), at, to: Some(self.network()) },
            1 => return cascade::remove_network(lab, &self.network_name()),
            2 | 3 => Edit::Node { name: self.node_name(), at, to: Some(Box::new(self.node(lab))) },
            4 => return cascade::remove_node(lab, &self.node_name()),
            5 | 6 => {
                let node = self.node(lab);
                let service = node.services.values().next().cloned().map(Box::new);
                Edit::Service { node: self.node_name(), name: self.name("a", 2), at, to: service }
            }
            7 => return cascade::remove_service(lab, &ServiceRef { node: self.node_name(), service: self.name("a", 2) }),
            8 | 9 => {
                let node = self.node_name();
                let length = lab.nodes.get(&node).map_or(0, |node| node.adapters.len());
                let (slot, change) = self.list(length, Self::adapter);
                Edit::Adapter { node, slot, change }
            }
            10 | 11 => {
                let (index, change) = self.list(lab.flows.len(), Self::flow);
                Edit::Flow { index, change }
            }
            12 => Edit::Vip { name: self.name("v", 2), at, to: Some(self.vip()) },
            13 => return cascade::remove_vip(lab, &self.name("v", 2)),
            14 => {
                let gateways = vec![self.node_name()];
                Edit::Site { name: self.name("s", 2), at, to: Some(Site { title: String::new(), gateways }) }
            }
            15 => {
                let (index, change) = self.list(lab.links.len(), Self::link);
                Edit::Link { index, change }
            }
            16 => {
                let (rule, on) = self.accepted(lab);
                let accepted = |_: &mut Self| Acceptance { rule: rule.into(), on, because: "meant".into(), says: None };
                let (index, change) = self.list(lab.accepted.len(), accepted);
                Edit::Accept { index, change }
            }
            17 => match self.r.below(4) {
                0 => Edit::RenameNode { from: self.node_name(), to: self.node_name() },
                1 => Edit::RenameNetwork { from: self.network_name(), to: self.network_name() },
                2 => Edit::RenameVip { from: self.name("v", 2), to: self.name("v", 2) },
                _ => Edit::RenameService { node: self.node_name(), from: self.name("a", 2), to: self.name("a", 2) },
            },
            18 => Edit::PlaceNode { name: self.node_name(), at, to: if self.r.chance(70) { Some(Pos(1, 2)) } else { None } },
            19 => Edit::Pin { name: "nginx".parse().unwrap(), at, to: self.r.chance(70).then(|| "1.22.*".parse().unwrap()) },
            _ => Edit::Host(if self.r.chance(50) { Some(Host { memory: 2048, cpus: 2 }) } else { None }),
        };
        vec![one]
    }
}

/// A lab built by steps, as far as they succeed.
fn close_lab(seed: u64) -> (Lab, Seeded) {
    let mut r = Seeded::new(seed);
    let mut lab = Lab::new("close");
    let mut close = Close { r: &mut r };
    for index in 0..2 {
        lab.sites.insert(format!("s{index}").parse().unwrap(), Site::default());
    }
    for index in 0..4 {
        lab.networks.insert(format!("w{index}").parse().unwrap(), close.network());
    }
    for index in 0..7 {
        let mut node = close.node(&lab);
        node.after.clear();
        lab.nodes.insert(format!("n{index}").parse().unwrap(), node);
    }
    for _ in 0..12 {
        let flow = close.flow();
        // A flow may lead to a service that was not drawn; such a step is refused.
        let _ = lab.apply(&[Edit::Flow { index: lab.flows.len(), change: ListEdit::Insert(flow) }]);
    }
    assert_eq!(dangling(&lab), []);
    (lab, r)
}

/// The lab with the order of its maps, which equality does not see.
fn as_text(lab: &Lab) -> String {
    ron::to_string(lab).unwrap()
}

/// Findings as text, without their fixes: those are made afresh when somebody asks for them.
fn tell(findings: &[Arc<Finding>]) -> Vec<String> {
    let told = |finding: &Arc<Finding>| {
        let Finding { rule, message, subject, involved, accepted, .. } = &**finding;
        format!("{rule}: {message} {subject} {involved:?} {accepted:?}")
    };
    findings.iter().map(told).collect()
}

/// What only one of two has.
fn difference(one: &[String], other: &[String]) -> Vec<String> {
    let only = |sign: char, here: &[String], there: &[String]| -> Vec<String> {
        here.iter().filter(|line| !there.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    [only('-', one, other), only('+', other, one)].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn flows_have_identities_of_their_own_unless_a_rule_says_otherwise(seed in any::<u64>()) {
        let (mut lab, mut r) = close_lab(seed);
        for _ in 0..10 {
            let flow = Close { r: &mut r }.flow();
            let _ = lab.apply(&[Edit::Flow { index: r.below(lab.flows.len() + 1), change: ListEdit::Insert(flow) }]);
        }
        let findings = sandtable::rules::check(&lab, Catalog::embedded(), &Context::default());
        let repeated = findings.iter().filter(|finding| finding.rule == "duplicate-flow").count();
        let ids: std::collections::BTreeSet<FlowId> = lab.flows.iter().map(FlowId::from).collect();
        prop_assert!(repeated > 0 || ids.len() == lab.flows.len(), "{}", as_text(&lab));
        let ends: std::collections::BTreeSet<_> = lab.flows.iter().map(|flow| (&flow.from, &flow.to)).collect();
        prop_assert!(repeated == 0 || ends.len() < lab.flows.len(), "{}", as_text(&lab));
        for (place, flow) in lab.flows.iter().enumerate() {
            let id = FlowId::from(flow);
            prop_assert_eq!(&id.to_string().parse::<FlowId>().unwrap(), &id);
            prop_assert_eq!(lab.flow_place(&id) == Some(place), !lab.flows.iter().skip(place + 1).any(|later| *later == id));
        }
    }

    #[test]
    fn a_name_of_a_flow_is_read_as_it_is_written(seed in any::<u64>()) {
        let lab = sandtable::testing::any_lab(seed, 6);
        for flow in &lab.flows {
            let id = FlowId::from(flow);
            prop_assert_eq!(&id.to_string().parse::<FlowId>().unwrap(), &id);
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<FlowId>(&json).unwrap(), id);
        }
    }

    #[test]
    fn looking_again_finds_what_looking_at_everything_finds(seed in any::<u64>()) {
        let (mut lab, mut r) = close_lab(seed);
        let (catalog, context) = (Catalog::embedded(), Context::default());
        let mut checker = Checker::new(&lab, catalog, &context);
        for _ in 0..25 {
            let step = Close { r: &mut r }.step(&lab);
            let Ok(applied) = lab.apply(&step) else { continue };
            let before = checker.findings().to_vec();
            let changed = checker.update(&lab, catalog, &applied.touched);
            let whole = Checker::new(&lab, catalog, &context);
            let (again, all) = (tell(checker.findings()), tell(whole.findings()));
            prop_assert!(again == all, "{:#?}\nafter {:?}\nin {}", difference(&again, &all), step, as_text(&lab));
            prop_assert!(checker.is_as_new(&whole), "the index differs after {:?}\nin {}", step, as_text(&lab));
            // What went was there, what came is there.
            let after = checker.findings();
            let has = |all: &[Arc<Finding>], one: &Finding| all.iter().any(|other| other.is_same(one));
            prop_assert!(changed.gone.iter().all(|gone| has(&before, gone)));
            prop_assert!(changed.come.iter().all(|come| has(after, come)));
        }
    }

    #[test]
    fn a_step_can_be_undone_and_a_failed_one_does_nothing(seed in any::<u64>()) {
        let (mut lab, mut r) = close_lab(seed);
        for _ in 0..40 {
            let step = Close { r: &mut r }.step(&lab);
            let before = as_text(&lab);
            match lab.apply(&step) {
                Ok(applied) => {
                    prop_assert!(dangling(&lab).is_empty(), "{:?} leaves {:?}", step, dangling(&lab));
                    let after = as_text(&lab);
                    let back = lab.apply(&applied.inverse);
                    prop_assert!(back.is_ok(), "{:?} is undone by {:?}: {:?}", step, applied.inverse, back);
                    prop_assert_eq!(as_text(&lab), before.as_str(), "{:?} undone by {:?}", step, applied.inverse);
                    lab.apply(&back.unwrap().inverse).unwrap();
                    prop_assert_eq!(as_text(&lab), after.as_str(), "{:?} done again", step);
                }
                Err(_) => prop_assert_eq!(as_text(&lab), before.as_str(), "{:?} failed", step),
            }
        }
    }

    #[test]
    fn a_fix_that_passes_clears_its_finding_and_adds_no_error(seed in any::<u64>()) {
        let (lab, _) = close_lab(seed);
        let (catalog, context) = (Catalog::embedded(), Context::default());
        let checker = Checker::new(&lab, catalog, &context);
        let mut vetter = Vetter::new(&checker, &lab);
        let errors = |lab: &Lab| {
            let findings = sandtable::rules::check(lab, catalog, &context);
            findings.iter().filter(|finding| finding.severity == sandtable::rules::Severity::Error).count()
        };
        let before = errors(&lab);
        for finding in checker.findings() {
            let offered = vetter.vetted(catalog, finding);
            prop_assert_eq!(&offered, &checker.vetted(&lab, catalog, finding), "a trial left something behind");
            for fix in offered {
                let mut mended = lab.clone();
                prop_assert!(mended.apply(&fix.edits).is_ok());
                let left = sandtable::rules::check(&mended, catalog, &context);
                prop_assert!(!left.iter().any(|other| other.is_same(finding)), "{} does not clear {}\n{}", fix.title, finding.message, as_text(&lab));
                prop_assert!(errors(&mended) <= before, "{} for {} adds an error\n{}", fix.title, finding.message, as_text(&lab));
            }
        }
    }
}
