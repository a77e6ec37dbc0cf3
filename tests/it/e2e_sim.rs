//! The whole job on the simulator, by the command line, each call a process of its own: deploy, look, break, heal, destroy.
//! The simulator's wall clock is the test's, so nothing here waits.

use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

struct Lab {
    folder: tempfile::TempDir,
    layout: &'static str,
    now_ms: u64,
}

impl Lab {
    fn new() -> Self {
        Self::of("mini-cloud.ron")
    }

    fn of(layout: &'static str) -> Self {
        Self::from_folder("layouts", layout)
    }

    fn from_folder(within: &str, layout: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(within).join(layout);
        fs::copy(shipped, folder.path().join(layout)).unwrap();
        Self { folder, layout, now_ms: 1_700_000_000_000 }
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join(self.layout)
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    fn call(&self, command: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_sandtable"))
            .arg(command)
            .arg(self.layout())
            .args(args)
            .env("NO_COLOR", "1")
            .env("SANDTABLE_STATE", self.state())
            .env("SANDTABLE_SIM_CLOCK_MS", self.now_ms.to_string())
            .output()
            .unwrap()
    }

    fn text(&self, code: i32, command: &str, args: &[&str]) -> String {
        let output = self.call(command, args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(output.status.code(), Some(code), "{command} {args:?}\n{out}\n{err}");
        if code > 1 { err } else { out }
    }

    fn json(&self, code: i32, command: &str, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        serde_json::from_str(&self.text(code, command, &args)).unwrap()
    }

    fn holders(&self, code: i32) -> Vec<String> {
        let status = self.json(code, "status", &[]);
        let vips = status["vips"].as_object().unwrap();
        assert_eq!(vips.len(), 1);
        serde_json::from_value(vips.values().next().unwrap()["holders"].clone()).unwrap()
    }
}

const SMALL_SHOP: &str = r#"(
    sandtable: 1,
    name: "Small shop",
    image: (name: "debian-13"),
    networks: {"lan": host_only(subnet: "192.168.56.0/24")},
    nodes: {
        "app1": (role: app, adapters: [(network: "lan", address: "192.168.56.10")], services: {"web": (kind: "apache")}),
        "db1": (role: database, adapters: [(network: "lan", address: "192.168.56.11")], services: {"db": (kind: "mariadb", bind: on("lan"))}),
    },
    flows: [(from: "outside", to: "app1/web"), (from: "app1/web", to: "db1/db")],
)
"#;

/// The lab of the tutorial, deployed and healthy.
fn small_shop() -> Lab {
    let mut lab = Lab::new();
    fs::write(lab.layout(), SMALL_SHOP).unwrap();
    lab.text(0, "deploy", &["--on", "sim"]);
    lab.pass(20_000);
    lab.text(0, "probe", &[]);
    lab
}

#[test]
fn a_lab_whose_requests_have_not_been_answered_since_a_delay_is_not_healthy() {
    let mut lab = small_shop();
    lab.text(0, "inject", &["delay", "app1", "lan", "2000ms"]);
    for _ in 0..12 {
        lab.pass(1_000);
        let probe = lab.text(1, "probe", &[]);
        assert!(probe.contains("1 of 2 flows good"), "{probe}");
        assert_eq!(lab.json(1, "status", &[])["healthy"], false);
    }
    lab.text(0, "heal", &["--all"]);
    lab.pass(15_000);
    lab.text(0, "probe", &[]);
    // A delay that requests survive: the next ones are answered, and the lab is healthy again within a second.
    lab.text(0, "inject", &["delay", "app1", "lan", "20ms"]);
    lab.pass(2_000);
    lab.text(0, "probe", &[]);
    assert_eq!(lab.json(0, "status", &[])["healthy"], true);
}

#[test]
fn a_restore_names_the_faults_that_are_still_active() {
    let mut lab = small_shop();
    lab.text(0, "snapshot", &["db1", "s2"]);
    lab.text(0, "inject", &["stop", "db1/db"]);
    let restored = lab.text(0, "restore", &["db1", "s2", "--yes"]);
    assert!(restored.contains("with fault 1 (stop db1/db) still active") && restored.contains("heal stop db1/db with: "), "{restored}");
    assert!(!restored.contains("as it was"), "{restored}");
    lab.text(0, "heal", &["--all"]);
    lab.pass(20_000);
    let restored = lab.text(0, "restore", &["db1", "s2", "--yes"]);
    assert!(restored.contains("db1 is as it was at s2") && !restored.contains("heal"), "{restored}");
    lab.pass(20_000);
    lab.text(0, "inject", &["power-off", "db1"]);
    let restored = lab.text(0, "restore", &["db1", "s2", "--yes"]);
    assert!(restored.contains("(power-off db1) still active"), "{restored}");
}

#[test]
fn a_database_is_stopped_the_vip_moves_and_requests_go_on() {
    let mut lab = Lab::new();
    let missing = lab.json(1, "status", &[]);
    assert_eq!(missing["nodes"]["db1"]["power"], "missing");
    assert!(!lab.state().join("mini-cloud").exists());

    let planned = lab.json(0, "plan", &["--on", "sim"]);
    assert!(planned["steps"].as_array().unwrap().len() > 30);
    assert_eq!(planned["steps"][0]["action"], "create");
    let deployed = lab.json(0, "deploy", &["--on", "sim"]);
    assert_eq!((&deployed["ending"], &deployed["healthy"]), (&Value::from("done"), &Value::from(true)));
    assert_eq!(lab.json(0, "plan", &[])["steps"], Value::Array(Vec::new()), "a second deployment has nothing to do");
    assert_eq!(lab.holders(0), ["db1"]);
    assert!(lab.text(0, "probe", &[]).contains("the contract is kept"));

    let injected = lab.json(0, "inject", &["stop", "db1/galera"]);
    assert_eq!(injected["id"], 1);
    let says = injected["predicted"]["says"].to_string();
    assert!(says.contains("would move from db1 to db2"), "{says}");
    lab.pass(5_000);
    assert_eq!(lab.holders(1), ["db2"]);
    let before = lab.json(1, "status", &[]);
    assert_eq!(before["faults"][0]["what"], "stop");
    assert!(before["failover"]["first_good_ms"].as_u64().unwrap() < 5_000, "{}", before["failover"]);
    lab.pass(10_000);
    let after = lab.json(1, "status", &[]);
    assert_eq!(after["requests"]["failed"], before["requests"]["failed"], "requests go on");
    assert!(after["requests"]["ok"].as_u64() > before["requests"]["ok"].as_u64());

    assert!(lab.text(0, "heal", &["1"]).contains("healed 1: stop db1/galera"));
    lab.pass(30_000);
    let healed = lab.json(0, "status", &[]);
    assert_eq!(healed["nodes"]["db1"]["services"]["galera"]["health"], "healthy");
    assert_eq!(healed["faults"], Value::Array(Vec::new()));

    let gone = lab.json(0, "destroy", &["--yes"]);
    assert_eq!(gone["left"], false);
    assert_eq!(fs::read_dir(lab.state()).unwrap().count(), 0, "nothing is left in the state folder");
    assert!(lab.text(0, "destroy", &["--yes"]).contains("nothing to destroy"));
}

#[test]
fn a_change_of_the_drawing_changes_what_differs_only() {
    let lab = Lab::new();
    lab.text(0, "deploy", &["--on", "sim"]);
    let text = fs::read_to_string(lab.layout()).unwrap();
    let changed = text.replacen("memory: 512", "memory: 640", 1);
    assert_ne!(text, changed);
    fs::write(lab.layout(), changed).unwrap();
    let planned = lab.json(0, "plan", &[]);
    let steps: Vec<&str> = planned["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
    let node = steps[0].strip_prefix("power-off:").unwrap();
    assert!(steps.iter().all(|step| step.contains(&format!(":{node}"))), "{steps:?}");
    assert!(planned.to_string().contains("has 512 MiB, the layout says 640 MiB"), "{planned}");
    assert!(lab.text(0, "deploy", &[]).contains("healthy"));
    assert!(lab.text(0, "plan", &[]).contains("Nothing to do"));
}

#[test]
fn what_is_removed_is_asked_for_and_undo_brings_back_a_clean_slate() {
    let lab = Lab::new();
    assert!(lab.text(2, "deploy", &["--undo", "--on", "sim"]).contains("no deployment to undo"));
    lab.text(0, "deploy", &["--on", "sim"]);
    assert!(lab.text(2, "destroy", &[]).contains("--yes"), "nobody can be asked");
    assert!(lab.text(2, "deploy", &["--undo"]).contains("--yes"), "a lab that works is not removed without a question");
    lab.text(0, "deploy", &["--undo", "--yes"]);
    assert_eq!(fs::read_dir(lab.state()).unwrap().count(), 0, "what was deployed from nothing is undone to nothing");
}

#[test]
fn a_node_goes_back_to_its_snapshot_and_a_deployment_brings_what_is_new() {
    let mut lab = Lab::new();
    assert!(lab.text(2, "snapshot", &["--on", "sim"]).contains("deploy it first"));
    lab.text(0, "deploy", &["--on", "sim"]);
    let names = |report: &Value, node: &str| serde_json::from_value::<Vec<String>>(report["nodes"][node].clone()).unwrap();
    assert!(lab.text(0, "snapshot", &["--list"]).lines().all(|line| line.ends_with("  none")));
    let taken = lab.json(0, "snapshot", &[]);
    assert_eq!((names(&taken, "app1"), names(&taken, "db1")), (vec!["app1-configured".to_owned()], vec!["db1-configured".to_owned()]));
    let refused = lab.text(2, "snapshot", &["db1"]);
    assert!(refused.contains("db1 has a snapshot \"db1-configured\" already") && refused.contains("--replace"), "{refused}");
    let replaced = lab.text(0, "snapshot", &["db1", "--replace"]);
    assert!(replaced.contains("delete-snapshot:db1@db1-configured") && replaced.contains("keeps db1 as it is now"), "{replaced}");
    assert_eq!(names(&lab.json(0, "snapshot", &["db1", "before"]), "db1"), ["db1-configured", "before"]);

    let text = fs::read_to_string(lab.layout()).unwrap();
    let changed = text.replacen("\"sync\": (", "\"watch\": (kind: \"node-exporter\", bind: on(\"management\")), \"sync\": (", 1);
    assert!(text != changed);
    fs::write(lab.layout(), changed).unwrap();
    lab.text(0, "deploy", &[]);
    let has_exporter = |lab: &Lab| {
        let status: Value = serde_json::from_slice(&lab.call("status", &["--format", "json"]).stdout).unwrap();
        status["nodes"]["app1"]["services"]["watch"].is_object()
    };
    assert!(has_exporter(&lab));
    lab.pass(2_000);
    assert!(lab.text(2, "restore", &["app1", "never-taken"]).contains("it has: app1-configured"));
    assert!(lab.text(2, "restore", &["app1"]).contains("--yes"), "what is lost is asked for");
    let restored = lab.text(0, "restore", &["app1", "--yes"]);
    assert!(restored.contains("restore:app1@app1-configured") && restored.contains("power-on:app1"), "{restored}");
    lab.pass(20_000);
    let planned = lab.json(0, "plan", &[]);
    let steps: Vec<&str> = planned["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
    assert!(steps.contains(&"install:app1/watch"), "what came after the snapshot is gone: {steps:?}");
    lab.text(0, "deploy", &[]);
    lab.pass(20_000);
    assert!(has_exporter(&lab));
    assert_eq!(lab.json(0, "status", &[])["healthy"], true);
    lab.text(0, "snapshot", &["--delete", "app1"]);
    assert_eq!(names(&lab.json(0, "snapshot", &["--list"]), "app1"), Vec::<String>::new());
    assert!(lab.text(3, "shell", &["db1"]).contains("a simulated node runs no programs"));
}

#[test]
fn the_topology_of_a_lab_that_runs_says_what_is_up() {
    let mut lab = Lab::of("multi-site-beam.ron");
    assert!(!lab.text(0, "topology", &[]).contains("state="), "nobody has looked");
    lab.text(0, "deploy", &["--on", "sim"]);
    lab.pass(5_000);
    let well = lab.text(0, "topology", &[]);
    let links = well.lines().filter(|line| line.starts_with("link=")).count();
    assert!(well.ends_with(&format!("links={links} secure=true up={links}\n")), "{well}");
    assert!(well.contains("link=wan from=us-east to=eu-west encrypted=true state=up\n"), "{well}");
    lab.text(0, "inject", &["cut", "gateway-us", "gateway-eu"]);
    lab.pass(30_000);
    let cut = lab.text(1, "topology", &[]);
    assert!(cut.contains("link=wan from=us-east to=eu-west encrypted=true state=down\n"), "{cut}");
    assert!(cut.contains("state=up"), "each site goes on: {cut}");
    assert!(!lab.text(0, "topology", &["--drawn"]).contains("state="));
    lab.text(0, "heal", &["--all"]);
    lab.pass(60_000);
    lab.text(0, "inject", &["power-off", "edge-us-1"]);
    lab.pass(30_000);
    let off = lab.json(1, "topology", &[]);
    assert_eq!(off["sites"][0]["down"], serde_json::json!(["edge-us-1"]));
    let of_it =
        |link: &Value| link["from"].as_str().unwrap().starts_with("edge-us-1/") || link["to"].as_str().unwrap().starts_with("edge-us-1/");
    assert!(off["links"].as_array().unwrap().iter().filter(|link| of_it(link)).all(|link| link["state"] != "up"), "{off:#}");
}

#[test]
fn wrong_names_and_places_are_explained() {
    let lab = Lab::new();
    assert!(lab.text(2, "plan", &[]).contains("--on sim"));
    assert!(lab.text(2, "inject", &["stop", "db1/galera", "--on", "sim"]).contains("not deployed"));
    lab.text(0, "deploy", &["--on", "sim"]);
    assert!(lab.text(2, "inject", &["stpo", "db1/galera"]).contains("did you mean stop?"));
    assert!(lab.text(2, "inject", &["stop", "db9/galera"]).contains("there is no node db9"));
    assert!(lab.text(2, "inject", &["stop", "db1/mysql"]).contains("db1 has"));
    assert!(lab.text(2, "heal", &["7"]).contains("nothing is broken"));
    assert!(lab.text(2, "heal", &[]).contains("--all"));
    let predicted = lab.text(0, "inject", &["--predict", "power-off", "db1"]);
    assert!(predicted.contains("would move from db1 to db2"), "{predicted}");
    assert_eq!(lab.json(0, "status", &[])["faults"], Value::Array(Vec::new()), "a prediction breaks nothing");
}

/// Good requests within the next five seconds.
fn good_requests(lab: &mut Lab) -> u64 {
    let good = |lab: &Lab| {
        let output = lab.call("status", &["--format", "json"]);
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["requests"]["ok"].as_u64().unwrap()
    };
    let before = good(lab);
    lab.pass(5_000);
    good(lab) - before
}

#[test]
fn a_primary_is_lost_a_replica_is_promoted_and_writes_go_on() {
    let mut lab = Lab::from_folder("tests/simulated", "mill-with-replicas.ron");
    lab.text(0, "deploy", &["--on", "sim"]);
    assert!(lab.text(2, "promote", &["sieve/sql"]).contains("stone/sql still takes writes"));
    assert!(lab.text(2, "promote", &["wheel/list"]).contains("replicas that can be promoted: chaff/sql, sieve/sql"));
    assert!(lab.text(2, "promote", &["nowhere/sql"]).contains("there is no service nowhere/sql"));

    lab.text(0, "inject", &["power-off", "stone"]);
    lab.pass(15_000);
    assert_eq!(lab.holders(1), ["sieve"]);
    assert_eq!(good_requests(&mut lab), 0);
    let status = lab.json(1, "status", &[]);
    let app = &status["nodes"]["wheel"]["services"]["list"];
    assert_eq!((&app["health"], &app["reason"]), (&"degraded".into(), &"cannot write: sieve/sql is a read-only replica".into()));
    let flow = |status: &Value| status["flows"].as_array().unwrap().iter().find(|flow| flow["to"] == "vip:store").unwrap().clone();
    assert_eq!(flow(&status)["health"], "degraded");

    let done = lab.json(0, "promote", &["sieve/sql"]);
    assert_eq!((&done["old_primary"], &done["takes_writes"], &done["changed"]), (&"stone/sql".into(), &true.into(), &true.into()));
    assert_eq!((&done["followers"], &done["stale"]), (&serde_json::json!(["chaff/sql"]), &serde_json::json!([])));
    lab.pass(10_000);
    assert!(good_requests(&mut lab) > 50);
    assert_eq!(flow(&lab.json(1, "status", &[]))["health"], "healthy");
    assert!(lab.text(0, "promote", &["sieve/sql"]).contains("was promoted already"));

    // The old primary comes back as a second one, and no deployment demotes the new one.
    lab.text(0, "heal", &["--all"]);
    lab.pass(60_000);
    let status = lab.json(1, "status", &[]);
    for (node, other) in [("stone", "sieve"), ("sieve", "stone")] {
        let reason = &status["nodes"][node]["services"]["sql"]["reason"];
        assert!(reason.as_str().unwrap().contains(&format!("two primaries: {other}/sql takes writes too")), "{status}");
    }
    let planned = lab.json(1, "plan", &[]);
    assert_eq!(planned["steps"], serde_json::json!([]), "{planned}");
    assert!(planned["unplannable"][0]["why"].as_str().unwrap().contains("To keep it as the primary"), "{planned}");
    assert!(lab.text(2, "deploy", &["--yes"]).contains("To keep it as the primary"));

    let text = fs::read_to_string(lab.layout()).unwrap();
    let (stone, sieve) = (
        r#""sql": (kind: "mariadb", bind: on("lab"), secrets"#,
        r#""sql": (kind: "mariadb", bind: on("lab"), replica_of: "stone/sql", secrets"#,
    );
    let promoted = text.replacen(sieve, "SIEVE", 1).replacen(stone, &sieve.replace("stone", "sieve"), 1).replacen("SIEVE", stone, 1);
    fs::write(lab.layout(), promoted.replace(r#"replica_of: "stone/sql""#, r#"replica_of: "sieve/sql""#)).unwrap();
    let steps = lab.json(0, "plan", &[])["steps"].to_string();
    assert!(steps.contains("reconfigure:stone/sql") && !steps.contains("reconfigure:chaff/sql"), "{steps}");
    lab.call("deploy", &["--yes"]);
    lab.pass(30_000);
    assert!(lab.text(0, "plan", &[]).contains("Nothing to do"));
}
