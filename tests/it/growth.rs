//! What a layout of any sort costs to read and to check: one family of layouts a list that a file can have. Each prints how its
//! time grows when the list doubles (`cargo test --test it growth -- --nocapture`); what is asserted is that what is reported
//! does not grow faster than the list.

use sandtable::catalog::Catalog;
use sandtable::layout::read;
use sandtable::rules::{Context, check};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};

/// A layout of a size.
type Family = (&'static str, fn(usize) -> String);

fn many(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).fold(String::new(), |mut all, index| {
        let _ = write!(all, "{}, ", one(index));
        all
    })
}

fn nodes(all: &str, rest: &str) -> String {
    format!(r#"(sandtable: 1, name: "many", networks: {{"lan": internal(subnet: "10.0.0.0/8")}}, nodes: {{{all}}}, {rest})"#)
}

fn on_lan(index: usize, services: &str) -> String {
    let address = std::net::Ipv4Addr::from(0x0a00_000a + u32::try_from(index).unwrap());
    format!(r#""n{index}": (role: worker, adapters: [(network: "lan", address: "{address}")], services: {{{services}}})"#)
}

const FAMILIES: [Family; 19] = [
    ("flows between nodes that are not there", |n| {
        let long = "a-name-of-a-generated-lab-that-is-rather-long";
        let all = many(n, |index| format!(r#""{long}-{index}": (role: worker)"#));
        nodes(&all, &format!("flows: [{}]", many(n, |index| format!(r#"(from: "{long}-x{index}", to: "{long}-y{index}")"#))))
    }),
    ("acceptances of rules that are not there", |n| {
        nodes("", &format!("accepted: [{}]", many(n, |index| format!(r#"(rule: "none-{index}", on: "x", because: "y")"#))))
    }),
    ("acceptances of one finding", |n| {
        nodes(r#""n": (role: app)"#, &format!("accepted: [{}]", many(n, |_| r#"(rule: "isolated-node", on: "n", because: "y")"#.into())))
    }),
    ("nodes on no network", |n| nodes(&many(n, |index| format!(r#""n{index}": (role: worker)"#)), "")),
    ("flows from each node to each", |n| {
        let side = n.isqrt();
        let all = many(side, |index| on_lan(index, r#""web": (kind: "nginx", bind: on("lan"))"#));
        let flows = many(side * side, |index| format!(r#"(from: "n{}/web", to: "n{}/web")"#, index / side, index % side));
        nodes(&all, &format!("flows: [{flows}]"))
    }),
    ("databases that each node uses", |n| {
        let side = n.isqrt();
        let all =
            many(side, |index| on_lan(index, r#""db": (kind: "mariadb", bind: on("lan")), "php": (kind: "apache", bind: on("lan"))"#));
        let flows = many(side * side, |index| format!(r#"(from: "n{}/php", to: "n{}/db")"#, index / side, index % side));
        nodes(&all, &format!("flows: [{flows}]"))
    }),
    ("nodes that start after each other", |n| {
        let side = n.isqrt();
        let after = |index: usize| many(index, |before| format!(r#""n{before}""#));
        nodes(&many(side, |index| format!(r#""n{index}": (role: worker, after: [{}])"#, after(index))), "")
    }),
    ("nodes with one address", |n| {
        nodes(&many(n, |index| format!(r#""n{index}": (role: worker, adapters: [(network: "lan", address: "10.0.0.20")])"#)), "")
    }),
    ("services with one port", |n| {
        let services = many(200, |index| format!(r#""s{index}": (kind: "nginx", bind: on("lan"))"#));
        nodes(&many(n.div_ceil(200), |index| on_lan(index, &services)), "")
    }),
    ("services of kinds that are not there", |n| nodes(&many(n, |index| on_lan(index, &format!(r#""s": (kind: "ngimx-{index}")"#))), "")),
    ("settings that are not there", |n| {
        let settings = many(200, |index| format!(r#""tls{index}": true"#));
        nodes(&many(n.div_ceil(200), |index| on_lan(index, &format!(r#""s": (kind: "nginx", settings: {{{settings}}})"#))), "")
    }),
    ("forwards of one host port", |n| {
        let all = many(n, |index| format!(r#""n{index}": (role: worker, adapters: [(network: "out", forwards: [(host: 8080, to: 80)])])"#));
        format!(r#"(sandtable: 1, name: "many", networks: {{"out": nat()}}, nodes: {{{all}}})"#)
    }),
    ("networks with one subnet", |n| {
        let all = many(n, |index| format!(r#""w{index}": internal(subnet: "10.1.0.0/24")"#));
        format!(r#"(sandtable: 1, name: "many", networks: {{{all}}})"#)
    }),
    ("virtual IPs with one id", |n| {
        let holders = r#"holders: [(node: "n0", priority: 100)]"#;
        let vips = many(n, |index| format!(r#""v{index}": (address: "10.0.0.9", network: "lan", id: 5, {holders})"#));
        nodes(&on_lan(0, ""), &format!("vips: {{{vips}}}"))
    }),
    ("replicas in a row", |n| {
        let all = many(n, |index| {
            on_lan(index, &format!(r#""db": (kind: "mariadb", bind: on("lan"), replica_of: "n{}/db")"#, index.saturating_sub(1)))
        });
        nodes(&all, "")
    }),
    ("arbitrators and members of one cluster", |n| {
        let kind = |index: usize| if index.is_multiple_of(2) { "galera" } else { "garbd" };
        let all = many(n, |index| on_lan(index, &format!(r#""v": (kind: "{}", bind: on("lan"), cluster: "c")"#, kind(index))));
        nodes(&all, "")
    }),
    ("routers between networks", |n| {
        let networks = many(n, |index| format!(r#""w{index}": internal(subnet: "10.0.0.0/30", purpose: management)"#));
        let all = many(n, |index| {
            let next = (index + 1) % n;
            format!(
                r#""n{index}": (role: gateway, adapters: [(network: "w{index}"), (network: "w{next}")], services: {{"r": (kind: "gateway")}})"#
            )
        });
        format!(r#"(sandtable: 1, name: "many", networks: {{{networks}}}, nodes: {{{all}}})"#)
    }),
    ("backups of each database", |n| {
        let list = many(n.min(4000), |index| format!(r#""n{index}/db""#));
        let all = many(n, |index| on_lan(index, r#""db": (kind: "mariadb", bind: on("lan"))"#));
        let backup = format!(r#""nas": (role: storage, services: {{"b": (kind: "rsync-backup", settings: {{"services": [{list}]}})}})"#);
        nodes(&format!("{all}{backup}"), "")
    }),
    ("names in settings that lead nowhere", |n| {
        let rules = many(n.min(4000), |index| format!(r#""{}:n{index}/web""#, index + 1));
        nodes(&on_lan(0, &format!(r#""f": (kind: "port-forward", settings: {{"rules": [{rules}]}})"#)), "")
    }),
];

/// How many problems or findings a layout has, and how long that took.
fn judge(text: &str) -> (usize, Duration) {
    let start = Instant::now();
    let count = match read(text) {
        Ok(lab) => check(&lab, Catalog::embedded(), &Context::default()).len(),
        Err(problems) => problems.len(),
    };
    (count, start.elapsed())
}

#[test]
fn what_is_reported_grows_with_the_layout() {
    let size: usize = std::env::var("SANDTABLE_GROWTH").ok().and_then(|size| size.parse().ok()).unwrap_or(400);
    for (name, family) in FAMILIES {
        let (few, short) = judge(&family(size));
        let (many, long) = judge(&family(2 * size));
        let ratio = long.as_secs_f64() / short.as_secs_f64().max(1e-6);
        println!("{name}: {size} in {short:.1?} ({few} reported), {} in {long:.1?}: x {ratio:.1}", 2 * size);
        assert!(few > 0, "{name}: nothing is wrong with it");
        assert!(many <= 2 * few + few.div_ceil(10) + 20, "{name}: {few} findings, then {many}");
    }
}
