//! Real Debian guests in a real VirtualBox, on an emulated machine (`tests/virtualbox/emulator`): the application and the database of
//! the three-node lab, set up as drawn, and two databases behind a virtual IP. Started by `./dev test virtualbox-debian`; boots of so
//! large a guest fail at times, so what fails is power-cycled and deployed again.

use super::support::emulated::{self, Clock, Emulated, Watch};
use super::support::program::Program;
use sandtable::{
    layout::{template, write},
    model::{Endpoint, Flow, Lab},
};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

const SUITE: &str = "virtualbox-debian";
const APP: &str = "192.168.56.10";
const DB: &str = "192.168.56.11";
const DB1: &str = "192.168.56.21";
const DB2: &str = "192.168.56.22";
const VIP: &str = "192.168.56.30";
/// How often it is deployed until all is well.
const TRIES: u32 = 5;

/// The three-node lab without its monitor, and of each node's services the one that it is there for.
fn drawn() -> Lab {
    let mut lab = template("three-node-lab").unwrap().lab;
    lab.nodes.retain(|name, _| !name.starts_with("monitor"));
    for node in lab.nodes.values_mut() {
        node.services.retain(|name, _| matches!(name.as_str(), "web" | "db"));
        (node.cpus, node.memory, node.disk) = (1, 640, 2);
    }
    lab.image = Some(ron::from_str(r#"(name: "debian", snapshot: Some("03-hardened-base"), family: debian)"#).unwrap());
    let kept = |end: &Endpoint| match end {
        Endpoint::Service(at) => lab.service(at).is_some(),
        end => end.node().is_none_or(|node| !node.starts_with("monitor")),
    };
    let mut flows = lab.flows.clone();
    flows.retain(|flow| kept(&flow.from) && kept(&flow.to));
    // Without the application between them, the web server is what may open the database's port.
    flows.push(Flow::new("app-node-01/web".parse().unwrap(), "db-node-01/db".parse().unwrap()));
    lab.flows = flows;
    (lab.notes, lab.views, lab.canvas) = (Vec::new(), Vec::new(), Default::default());
    lab
}

/// A database, its replica, and the address that whoever of the two is well holds.
const TWO_DATABASES: &str = r#"#![enable(implicit_some, unwrap_newtypes)]
(
    sandtable: 1,
    name: "Two databases",
    image: (name: "debian", snapshot: "03-hardened-base", family: debian),
    networks: {"lab": host_only(subnet: "192.168.56.0/24")},
    nodes: {
        "db1": (
            role: database,
            cpus: 1,
            memory: 640,
            disk: 2,
            adapters: [(network: "lab", address: "192.168.56.21")],
            services: {"db": (kind: "mariadb", bind: on("lab"))},
        ),
        "db2": (
            role: database,
            cpus: 1,
            memory: 640,
            disk: 2,
            adapters: [(network: "lab", address: "192.168.56.22")],
            services: {"db": (kind: "mariadb", bind: on("lab"), replica_of: "db1/db")},
        ),
    },
    vips: {
        "database": (
            address: "192.168.56.30",
            network: "lab",
            id: 30,
            holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)],
            follows: "db",
            // Here a check takes seconds, and a node that does nothing for some is not gone.
            advertise_ms: 20000,
        ),
    },
)
"#;

/// Deploys until it is done. Says how often it was not, and why.
fn deployed(lab: &Program, emulated: &Emulated) {
    for number in 1..=TRIES {
        let output = lab.call("deploy", &["--yes", "--format", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        if report["ending"] == "done" {
            println!("\nsandtable-figures: {SUITE} deployed at try {number}");
            return;
        }
        println!("\nsandtable-figures: {SUITE} try {number} failed: {report} {}", String::from_utf8_lossy(&output.stderr));
        for machine in emulated.script(&["run", "VBoxManage", "list", "runningvms"]).lines() {
            let uuid = machine.rsplit_once('{').unwrap().1.trim_end_matches('}');
            emulated.script(&["run", "VBoxManage", "controlvm", uuid, "poweroff"]);
        }
    }
    panic!("it was not deployed in {TRIES} tries");
}

/// Whether the application is well, and the database and what leads to it are as said. Who comes from outside comes to another machine
/// than this one, so nobody here tries that.
fn is_well(status: &Value, database: &str) -> bool {
    let service = |node: &str, service: &str| status["nodes"][node]["services"][service]["health"].clone();
    let mut flows = status["flows"].as_array().into_iter().flatten();
    let flow = flows.find(|flow| flow["to"] == "db-node-01/db").map(|flow| &flow["health"]);
    service("app-node-01", "web") == "healthy" && service("db-node-01", "db") == database && flow.is_some_and(|health| health == database)
}

#[test]
fn an_application_and_its_database() {
    emulated::played(SUITE, "debian", |emulated, clock| story(emulated, clock, &write(&drawn()), an_application));
}

/// Not seen to pass yet: both are set up and well, but on a processor that is emulated twice and shared by two the check of a database
/// takes longer than keepalived waits for it. With `--include-ignored`.
#[test]
#[ignore = "its nodes are too slow here for keepalived's checks"]
fn a_virtual_ip_and_two_databases() {
    emulated::played(SUITE, "debian", |emulated, clock| story(emulated, clock, TWO_DATABASES, a_virtual_ip));
}

/// From nothing to nothing. What a lab lives through is begun anew where the emulation ended a machine.
fn story(emulated: &Emulated, clock: &mut Clock, layout: &str, life: impl Fn(&Program, &Emulated, &mut Clock)) {
    let before = emulated.inventory();
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Program::new(folder.path(), "debian", layout, "virtualbox:ssh://emulated");
    lab.environment.extend(emulated.environment());

    for number in 1.. {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| life(&lab, emulated, clock))) else { break };
        // A new emulated machine would cost as much as all of this.
        let ended = emulated.ended();
        if ended.is_empty() || number == TRIES {
            resume_unwind(panic);
        }
        println!("\nsandtable-figures: {SUITE} {number} times a machine ended by itself: {}", ended.join(", "));
        lab.call("heal", &["--all"]);
    }

    lab.text(0, "destroy", &["--yes"]);
    assert_eq!(emulated.inventory(), before, "nothing is left");
    clock.seen("destroyed, and nothing is left");
}

/// The address is where the first database is; that one is stopped, and the address moves.
fn a_virtual_ip(lab: &Program, emulated: &Emulated, clock: &mut Clock) {
    deployed(lab, emulated);
    clock.seen("two databases deployed");
    let held_by = |status: &Value, node: &str| status["vips"]["database"]["holders"] == serde_json::json!([node]);
    let watch = Watch::of(lab);
    watch.until("two databases, and the address at the first", |status| status["healthy"] == true && held_by(status, "db1"));
    clock.seen("both databases and the address at the first of them are seen");
    has_address(emulated, DB1, DB2);

    lab.text(0, "inject", &["stop", "db1/db"]);
    watch.until("the address at the second", |status| held_by(status, "db2"));
    clock.seen("the first database stopped, and the address seen to move");
    has_address(emulated, DB2, DB1);
    lab.text(0, "heal", &["--all"]);
    watch.until("both databases again", |status| status["healthy"] == true);
    clock.seen("started and seen");
}

/// One node has the address and the other has not, as they say past the program.
fn has_address(emulated: &Emulated, one: &str, other: &str) {
    let said = [one, other].map(|node| emulated.inside(node, "ip -o -4 addr show").0);
    let has = |text: &String| text.contains(&format!(" {VIP}/"));
    assert!(has(&said[0]) && !has(&said[1]), "{one} should have {VIP}: {said:#?}");
}

/// From a drawing to services that run, one that is stopped, and one that is started.
fn an_application(lab: &Program, emulated: &Emulated, clock: &mut Clock) {
    deployed(lab, emulated);
    clock.seen("deployed");
    let watch = Watch::of(lab);
    watch.until("the lab is well", |status| is_well(status, "healthy"));
    clock.seen("both services and the flow between them are seen to be well");
    assert_eq!(lab.json(0, "plan", &[])["steps"], serde_json::json!([]), "nothing is left to do");

    inside(emulated);
    clock.seen("names, addresses, what listens where, and the firewall");
    who_may_and_who_may_not(emulated);
    clock.seen("the application reaches the database, and nobody else does");

    lab.text(0, "inject", &["stop", "db-node-01/db"]);
    watch.until("a database that is stopped", |status| is_well(status, "down"));
    clock.seen("the database stopped and seen");
    lab.text(0, "heal", &["--all"]);
    watch.until("a database that is back", |status| is_well(status, "healthy"));
    clock.seen("started and seen");
}

/// What is so in both nodes, asked past the program.
fn inside(emulated: &Emulated) {
    let look = "hostname; ip -o -4 addr show | awk '{ print $4 }'; cat /etc/hosts; ss -Hltn | awk '{ print \"listens \" $4 }'; \
                nft list table inet sandtable; systemctl is-active nginx mariadb; ip route";
    let (app, _) = emulated.inside(APP, look);
    for expected in
        ["app-node-01\n", "\n192.168.56.10/24\n", "192.168.56.11 db-node-01", "listens 0.0.0.0:80\n", "policy drop", "tcp dport 80 accept"]
    {
        assert!(app.contains(expected), "{expected:?}: {app}");
    }
    let (db, _) = emulated.inside(DB, look);
    for expected in ["db-node-01\n", "\n192.168.56.11/24\n", "192.168.56.10 app-node-01", "listens 192.168.56.11:3306\n", "policy drop"] {
        assert!(db.contains(expected), "{expected:?}: {db}");
    }
    let rules = db.replace(['{', '}'], "").replace("  ", " ");
    assert!(rules.contains("ip saddr 192.168.56.10 ip daddr 192.168.56.11 tcp dport 3306 accept"), "{db}");
    assert!(!db.contains("listens 0.0.0.0:3306") && !db.contains("default via"), "{db}");
}

fn who_may_and_who_may_not(emulated: &Emulated) {
    let knock = format!("timeout 20 bash -c ': </dev/tcp/{DB}/3306' && echo open");
    assert_eq!(emulated.inside(APP, &knock).0, "open\n", "the application reaches the database");
    let from_the_host = emulated.script(&["run", "bash", "-c", &format!("{knock} || echo shut")]);
    assert_eq!(from_the_host, "shut\n", "the host does not");
    let web = "curl -s -o /dev/null -w '%{http_code}' --max-time 30 http://192.168.56.10/healthz";
    let from_the_database = emulated.inside(DB, web).0;
    assert!(from_the_database.starts_with('2'), "and the application answers: {from_the_database}");
}
