use super::super::{
    fixture::set_up,
    record,
    tries::{Beyond, tries},
};
use super::*;
use crate::{catalog::Catalog, plan::fixture::mini_cloud};

const WALL_SECS: u64 = 1_800_000_000;

/// A lab, its book, and a clock.
struct Desk {
    book: Book,
    seen: Observed,
    flows: Vec<Flow>,
    now_ms: u64,
}

impl Desk {
    fn new() -> Self {
        let lab = mini_cloud();
        let mut desk = Self { book: Book::default(), seen: set_up(&lab), flows: lab.flows, now_ms: 1000 };
        assert!(desk.learn() && !desk.learn());
        desk
    }

    fn learn(&mut self) -> bool {
        let outside = |_: &Flow| Some("127.0.0.1:8080".parse().unwrap());
        let found = tries(&self.flows, &self.seen, Catalog::embedded(), &Beyond { outside: &outside, beyond: &|_| None });
        self.book.learn(&self.seen, &self.flows, found, &|name| name.to_owned())
    }

    fn say(&mut self, node: &str, lines: &[&str]) {
        for line in lines {
            let numbered = record::read(line).unwrap_or_else(|| panic!("{line}"));
            self.book.take(&node.parse().unwrap(), numbered, self.now_ms, WALL_SECS);
        }
    }

    /// A round in which all is well but what `odd` says otherwise of a service.
    fn round(&mut self, number: u64, odd: &[(&str, &str, &str)]) {
        self.now_ms += 2000;
        let nodes: Vec<(NodeName, Vec<String>, Vec<String>)> = self
            .seen
            .nodes
            .iter()
            .filter(|(_, node)| node.power == Power::Running)
            .map(|(name, node)| {
                let nets = node.spec.iter().flat_map(|spec| &spec.adapters).filter_map(|adapter| adapter.address);
                let nets = nets.enumerate().map(|(slot, net)| format!("eth{slot} {net}")).collect();
                (name.clone(), node.services.keys().map(ToString::to_string).collect(), nets)
            })
            .collect();
        for (node, services, nets) in nodes {
            let vip = if node.as_str() == "db1" && number < 3 { "eth0 192.168.60.30/24" } else { "" };
            if number == 1 {
                self.say(&node, &[&format!("r.{number} addresses {} {vip}", nets.join(" "))]);
            }
            for service in services {
                let answer = odd.iter().find(|(at, name, _)| *at == node.as_str() && *name == service).map_or("0 fine", |(.., said)| *said);
                self.say(&node, &[&format!("h.{number} service {service} {answer}")]);
            }
            self.say(&node, &[&format!("r.{} alive {number}", number + 100)]);
        }
        let answers: Vec<(usize, Start)> = self.book.tries().iter().enumerate().map(|(number, one)| (number, one.from.clone())).collect();
        for (place, from) in answers {
            match from {
                Start::Outside => self.book.take_outside(place, &Answer::Open(Some(900)), self.now_ms),
                Start::Node(node) => self.say(&node, &[&format!("p.{number} flow {place} ok 412")]),
            }
        }
    }

    fn look(&mut self) -> Observed {
        let mut seen = self.seen.clone();
        seen.at_ms = self.now_ms;
        self.book.fill(&mut seen);
        seen
    }

    fn health(&mut self, node: &str, service: &str) -> (Health, String) {
        let seen = self.look();
        let service = &seen.nodes[node].services[service];
        (service.health, service.reason.clone())
    }

    fn flow(&mut self, to: &str) -> ObservedFlow {
        self.look().flows.into_iter().find(|flow| flow.id.to.to_string() == to).unwrap()
    }

    fn texts(&self) -> Vec<String> {
        self.book.events().iter().map(|event| format!("{} {}", event.subject, event.text)).collect()
    }
}

#[test]
fn two_good_rounds_and_all_is_well() {
    let mut desk = Desk::new();
    assert_eq!(desk.health("db1", "galera"), (Health::Unknown, "not heard of yet".into()));
    desk.round(1, &[]);
    let lb = "lb".parse().unwrap();
    assert!(!desk.book.is_known(&lb, desk.now_ms), "one answer is not enough");
    desk.round(2, &[]);
    assert!(desk.book.is_known(&lb, desk.now_ms) && desk.book.knows_flows());
    let seen = desk.look();
    assert!(seen.nodes.values().all(|node| node.health == Health::Healthy), "{seen:?}");
    assert!(seen.flows.iter().all(|flow| flow.health == Health::Healthy && flow.latency_ms.is_some()), "{:?}", seen.flows);
    assert_eq!(seen.vips["database"].holders, ["db1"]);
    assert_eq!(super::super::health(&mini_cloud(), &seen), Health::Healthy);
    assert_eq!(desk.texts(), Vec::<String>::new(), "a first look tells what is so, not what happened");
}

#[test]
fn a_service_that_fails_takes_its_node_and_the_flows_to_it() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    let bad = [("app1", "todo", "1 no database")];
    desk.round(3, &bad);
    assert_eq!(desk.health("app1", "todo").0, Health::Healthy, "once is not enough");
    desk.round(4, &bad);
    desk.round(5, &bad);
    assert_eq!(desk.health("app1", "todo"), (Health::Down, "no database".into()));
    assert_eq!(desk.look().nodes["app1"].health, Health::Down);
    let flow = desk.flow("app1/todo");
    assert_eq!((flow.health, flow.forward, flow.backward), (Health::Down, true, true));
    assert!(flow.reason.contains("answers, but app1/todo is down"), "{}", flow.reason);
    assert_eq!(desk.texts(), ["app1/todo is down: no database"]);
}

#[test]
fn what_is_old_says_nothing_and_what_is_off_is_down() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    desk.now_ms += STALE_MS + 1;
    assert_eq!(desk.health("db1", "galera"), (Health::Unknown, "not heard of for 6 s".into()));
    assert!(desk.look().vips["database"].holders.is_empty());
    assert_eq!(desk.flow("app1/todo").health, Health::Unknown);
    desk.seen.nodes.get_mut("db1").unwrap().power = Power::Stopped;
    assert_eq!(desk.health("db1", "galera"), (Health::Down, "its machine is stopped".into()));
    assert!(desk.texts().contains(&"db1 is stopped now".to_owned()), "{:?}", desk.texts());
}

#[test]
fn a_vip_moves_at_once_and_two_holders_are_two() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    let holders = |desk: &mut Desk| desk.look().vips["database"].holders.iter().map(ToString::to_string).collect::<Vec<_>>();
    desk.now_ms += 50;
    desk.say("db2", &["a.1 address + eth0 192.168.60.30/24"]);
    assert_eq!(holders(&mut desk), ["db2", "db1"], "the one that took it last first");
    desk.say("db1", &["a.1 address - eth0 192.168.60.30/24"]);
    assert_eq!(holders(&mut desk), ["db2"]);
    desk.say("db2", &["a.2 address - eth0 192.168.60.30/24"]);
    assert_eq!(holders(&mut desk), Vec::<String>::new());
    let told = desk.book.events();
    assert_eq!(told.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::TookVip, EventKind::LeftVip, EventKind::LeftVip]);
    assert!(told.iter().all(|event| event.at_ms == desk.now_ms) && desk.look().vips["database"].since_ms == desk.now_ms);
}

#[test]
fn directions_are_told_apart_by_who_hears_whom() {
    let number_of = |desk: &Desk, from: &str, to: &str| {
        let is = |one: &Try| one.from == Start::Node(from.parse().unwrap()) && desk.flows[one.flow].to.to_string() == to;
        desk.book.tries().iter().position(is).unwrap()
    };
    for (heard_there, heard_here, forward, backward, words) in [
        ("192.168.50.10", "", true, false, "answers do not come back"),
        ("", "192.168.50.11", false, true, "packets do not arrive"),
        ("", "", false, false, "no answer in time"),
        ("192.168.50.10", "192.168.50.11", false, false, "somebody drops those to this port"),
    ] {
        let mut desk = Desk::new();
        (1..=2).for_each(|number| desk.round(number, &[]));
        let heard = |list: &str| format!("r.500 heard table inet t {{set heard {{elements = {{ {list} }}}}}}");
        desk.say("app1", &[&heard(heard_there)]);
        desk.say("lb", &[&heard(heard_here)]);
        let number = number_of(&desk, "lb", "app1/todo");
        for _ in 0..2 {
            desk.say("lb", &[&format!("p.9 flow {number} late")]);
        }
        let flow = desk.flow("app1/todo");
        assert_eq!((flow.health, flow.forward, flow.backward), (Health::Down, forward, backward), "{heard_there} {heard_here}");
        assert!(flow.reason.contains(words), "{}", flow.reason);
    }
}

#[test]
fn nodes_have_troubles_of_their_own() {
    for (fact, words) in [
        ("node disk-percent 99", "disk is full (99%)"),
        ("node memory-free-percent 2", "memory is used up (2% left)"),
        ("node clock 1800000090", "clock is 90 s off"),
        ("node clock 1799999910", "clock is 90 s off"),
    ] {
        let mut desk = Desk::new();
        (1..=2).for_each(|number| desk.round(number, &[]));
        desk.say("db2", &[&format!("r.400 {fact}")]);
        let node = &desk.look().nodes["db2"];
        assert!(node.health == Health::Degraded && node.reason.contains(words), "{}", node.reason);
    }
}

#[test]
fn what_a_slow_node_says_of_its_clock_comes_late() {
    let mut desk = Desk::new();
    for (number, clock, is_off) in [(1, 0, false), (2, -18, false), (3, -30, true), (4, 9, true)] {
        desk.now_ms += 20_000;
        let clock = WALL_SECS.checked_add_signed(clock).unwrap();
        desk.say("db2", &[&format!("r.{number}0 node clock {clock}"), &format!("r.{number}1 alive {number}")]);
        if number > 1 {
            let node = &desk.look().nodes["db2"];
            assert_eq!(node.reason.contains("clock"), is_off, "round {number}: {}", node.reason);
        }
    }
}

#[test]
fn what_listens_is_shown_with_its_service() {
    let mut desk = Desk::new();
    desk.round(1, &[]);
    desk.say("db1", &["r.300 listening 153CA8C0:0CEA/0A 0100007F:1F90/0A 00000000:0016/0A 153CA8C0:11D7/0A"]);
    let listening: Vec<String> = desk.look().nodes["db1"].services["galera"].listening.iter().map(ToString::to_string).collect();
    assert_eq!(listening, ["192.168.60.21:3306", "192.168.60.21:4567"]);
}

#[test]
fn late_lines_of_an_old_stream_change_nothing() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    desk.say("db2", &["r.500 addresses eth0 192.168.60.22/24 eth0 192.168.60.30/24", "r.499 addresses eth0 192.168.60.22/24"]);
    assert_eq!(desk.look().vips["database"].holders.len(), 2, "the older one is left out");
    desk.say("db2", &["r.1 hello 1 1800000000", "r.2 addresses eth0 192.168.60.22/24"]);
    assert_eq!(desk.look().vips["database"].holders.len(), 1, "a new stream counts anew");
}

#[test]
fn a_frozen_node_that_speaks_runs_again_and_two_hold_the_vip() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    desk.seen.nodes.get_mut("db1").unwrap().power = Power::Paused;
    assert!(desk.look().vips["database"].holders.is_empty());
    desk.say("db1", &["r.900 alive 900"]);
    assert!(desk.look().vips["database"].holders.is_empty(), "that was under way when it was frozen");
    desk.now_ms += 3000;
    desk.say("db2", &["r.900 alive 900", "a.1 address + eth0 192.168.60.30/24"]);
    assert_eq!(desk.look().vips["database"].holders, ["db2"]);
    desk.now_ms += 3000;
    desk.say("db1", &["r.901 alive 901"]);
    desk.say("db2", &["r.901 alive 901"]);
    let seen = desk.look();
    assert_eq!(seen.vips["database"].holders, ["db1", "db2"], "its machine is still said to be paused");
    assert_eq!(seen.nodes["db1"].power, Power::Running);
    assert_eq!(seen.nodes["db1"].services["galera"].health, Health::Unknown, "what was so before it was frozen says nothing");
    desk.say("db1", &["h.902 service galera 0 fine"]);
    assert_eq!(desk.health("db1", "galera").0, Health::Unknown, "once is not enough");
    desk.say("db1", &["h.903 service galera 0 fine"]);
    assert_eq!(desk.health("db1", "galera").0, Health::Healthy);
    desk.now_ms += 6000;
    assert_eq!(desk.look().nodes["db1"].power, Power::Paused, "who says so for long is right");
}

#[test]
fn a_service_that_answers_nothing_at_all_is_down_at_once() {
    let mut desk = Desk::new();
    desk.say("db1", &["h.3 service galera 124 no answer within 4 s"]);
    assert_eq!(desk.health("db1", "galera"), (Health::Down, "no answer within 4 s".into()));
    desk.say("db1", &["h.4 service galera 1 refused"]);
    assert_eq!(desk.health("db1", "galera").1, "refused");
}

#[test]
fn a_flow_is_judged_by_what_the_service_says_now() {
    let mut desk = Desk::new();
    let from_outside = |desk: &mut Desk| {
        let seen = desk.look();
        let flow = seen.flows.into_iter().find(|flow| flow.id.from == Endpoint::Outside).unwrap();
        (flow.health, flow.reason)
    };
    // A forward answers at once and twice, before anything is heard of the service behind it.
    let outside: Vec<usize> = (0..desk.book.tries().len()).filter(|place| desk.book.tries()[*place].from == Start::Outside).collect();
    for place in outside.iter().cycle().take(2 * outside.len()) {
        desk.book.take_outside(*place, &Answer::Open(Some(100)), desk.now_ms);
    }
    let (health, reason) = from_outside(&mut desk);
    assert!(health == Health::Unknown && reason.contains("not been heard of"), "{health:?} {reason}");
    desk.say("lb", &["h.1 service haproxy 124 no answer within 4 s"]);
    let (health, reason) = from_outside(&mut desk);
    assert!(health == Health::Down && reason.contains("answers, but lb/haproxy is down: no answer within 4 s"), "{health:?} {reason}");
}

#[test]
fn a_stopped_keepalived_takes_no_part_and_its_node_is_degraded() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    assert!(desk.look().nodes["db2"].vips.contains_key("database"));
    desk.say("db2", &["r.200 node vrrp stopped"]);
    let seen = desk.look();
    let db2 = &seen.nodes["db2"];
    assert!(db2.health == Health::Degraded && db2.reason.contains("keepalived does not run"), "{:?} {}", db2.health, db2.reason);
    assert!(db2.vips.is_empty(), "the plan sets it up again");
    assert_eq!((seen.vips["database"].holders.len(), seen.vips["database"].reason.as_str()), (1, ""));
    desk.say("db2", &["r.201 node vrrp runs"]);
    assert_eq!(desk.look().nodes["db2"].health, Health::Healthy);
    // Nobody holds it: each candidate with its reason.
    desk.say("db2", &["r.202 node vrrp stopped"]);
    desk.say("db1", &["a.1 address - eth0 192.168.60.30/24", "h.3 service galera 124 no answer within 4 s"]);
    let vip = desk.look().vips["database"].clone();
    assert!(vip.holders.is_empty());
    assert_eq!(vip.reason, "db1/galera is down; keepalived does not run on db2");
}

#[test]
fn an_address_on_the_wrong_node_is_named() {
    let mut desk = Desk::new();
    (1..=2).for_each(|number| desk.round(number, &[]));
    desk.say("app1", &["a.1 address + eth1 192.168.60.30/24"]);
    let seen = desk.look();
    let vip = &seen.vips["database"];
    assert_eq!(
        (vip.holders.as_slice(), vip.reason.as_str()),
        (&["app1", "db1"].map(|name| name.parse().unwrap())[..], "app1 is not a candidate for it")
    );
    desk.say("app1", &["a.2 address - eth1 192.168.60.30/24", "a.3 address + eth1 192.168.60.21/24"]);
    desk.say("db1", &["a.1 address - eth0 192.168.60.30/24"]);
    let seen = desk.look();
    let app1 = &seen.nodes["app1"];
    assert_eq!((app1.health, app1.reason.as_str()), (Health::Degraded, "it has 192.168.60.21, the address of db1"));
    assert!(seen.vips["database"].reason.starts_with("app1 has 192.168.60.21, the address of db1"), "{}", seen.vips["database"].reason);
    // On a network that is its own, the same number is another address.
    desk.say("app1", &["a.4 address - eth1 192.168.60.21/24", "a.5 address + eth9 10.9.9.9/24"]);
    assert_eq!(desk.look().nodes["app1"].health, Health::Healthy);
}

#[test]
fn a_flow_from_outside_is_as_good_as_the_answers_there() {
    let mut desk = Desk::new();
    let number = desk.book.tries().iter().position(|one| one.from == Start::Outside).unwrap();
    let to = desk.flows[desk.book.tries()[number].flow].to.to_string();
    for round in 1..4 {
        desk.round(round, &[]);
        desk.book.take_outside(number, &record::Answer::Open(Some(900)), desk.now_ms);
    }
    desk.book.take_request(number, Ok(()), desk.now_ms);
    assert_eq!(desk.flow(&to).health, Health::Healthy);
    desk.book.take_request(number, Err("answered with 503".into()), desk.now_ms);
    let seen = desk.flow(&to);
    assert_eq!((seen.health, seen.reason.as_str()), (Health::Degraded, "some requests fail: answered with 503"));
    desk.now_ms += crate::probe::REQUESTS_COUNT_MS + 1;
    desk.book.take_request(number, Err("no answer in time".into()), desk.now_ms);
    let seen = desk.flow(&to);
    assert_eq!((seen.health, seen.reason.as_str()), (Health::Down, "requests fail: no answer in time"));
    desk.now_ms += crate::probe::REQUESTS_COUNT_MS + 1;
    desk.book.take_outside(number, &record::Answer::Open(Some(900)), desk.now_ms);
    assert_eq!(desk.flow(&to).health, Health::Healthy, "what failed is long ago");
}
