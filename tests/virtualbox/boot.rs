//! Machines that really boot in a real VirtualBox, on an emulated machine (`tests/virtualbox/emulator`): the program deploys two nodes
//! there over ssh, breaks them and takes them away. Started by `./dev test virtualbox-boot`, because it needs root and ten minutes.

use super::support::emulated::{self, Clock, Emulated, Watch};
use super::support::program::Program;
use serde_json::Value;

const LAYOUT: &str = r#"#![enable(implicit_some, unwrap_newtypes)]
(
    sandtable: 1,
    name: "Two nodes",
    image: (name: "tiny", snapshot: "03-hardened-base", family: other),
    networks: {
        "internet": nat(),
        "wire": internal(subnet: "10.1.0.0/24"),
        "lab": host_only(subnet: "192.168.56.0/24"),
    },
    nodes: {
        "app": (
            role: app,
            cpus: 1,
            memory: 192,
            disk: 1,
            adapters: [(network: "internet"), (network: "wire", address: "10.1.0.10"), (network: "lab", address: "192.168.56.10")],
        ),
        "db": (
            role: database,
            cpus: 1,
            memory: 192,
            disk: 1,
            adapters: [(network: "wire", address: "10.1.0.11"), (network: "lab", address: "192.168.56.11")],
        ),
    },
    flows: [(from: "app", to: "db", port: 22), (from: "db", to: "app")],
)
"#;

fn power<'a>(status: &'a Value, node: &str) -> &'a str {
    status["nodes"][node]["power"].as_str().unwrap_or_default()
}

/// Whether both flows are as said.
fn flows(said: &Value, works: bool) -> bool {
    said["flows"]
        .as_array()
        .is_some_and(|flows| flows.len() == 2 && flows.iter().all(|flow| flow["health"] == if works { "healthy" } else { "down" }))
}

#[test]
fn two_nodes_from_nothing_to_nothing() {
    emulated::played("virtualbox-boot", "tiny", story);
}

fn story(emulated: &Emulated, clock: &mut Clock) {
    let before = emulated.inventory();
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Program::new(folder.path(), "two", LAYOUT, "virtualbox:ssh://emulated");
    lab.environment.extend(emulated.environment());

    let deployed = lab.call("deploy", &["--format", "json"]);
    let said = String::from_utf8_lossy(&deployed.stdout).into_owned();
    let report: Value = serde_json::from_str(&said).unwrap_or_default();
    assert_eq!(report["ending"], "done", "{said}{}", String::from_utf8_lossy(&deployed.stderr));
    clock.seen("deployed");
    let watch = Watch::of(&lab);
    watch.until("the lab is well", |status| status["healthy"] == true && flows(status, true));
    clock.seen("both nodes and both flows are seen to be well");
    assert_eq!(lab.json(0, "plan", &[])["steps"], serde_json::json!([]), "nothing is left to do");
    names_addresses_and_no_way_out(emulated);
    clock.seen("names, addresses, hosts and routes inside; the database's uplink is gone and leads nowhere");

    lab.text(0, "inject", &["link-down", "db", "wire"]);
    watch.until("a pulled link", |status| flows(status, false));
    clock.seen("a link pulled and seen");
    lab.text(0, "heal", &["--all"]);
    watch.until("a mended link", |status| flows(status, true));
    clock.seen("mended and seen");

    lab.text(0, "inject", &["pause", "app"]);
    watch.until("a paused node", |status| power(status, "app") == "paused");
    clock.seen("a node paused and seen");
    lab.text(0, "heal", &["--all"]);
    watch.until("a node that goes on", |status| power(status, "app") == "running" && flows(status, true));
    clock.seen("let go on and seen");

    lab.text(0, "inject", &["power-off", "db"]);
    watch.until("a node that is off", |status| power(status, "db") == "stopped");
    clock.seen("a node powered off and seen");
    lab.text(0, "heal", &["--all"]);
    watch.until("a node that is back", |status| status["healthy"] == true && flows(status, true));
    clock.seen("powered on, booted and seen to be well");
    names_addresses_and_no_way_out(emulated);

    assert_eq!(lab.json(0, "snapshot", &["app"])["changed"], true);
    assert!(emulated.inside("192.168.56.10", "touch /root/later; ls /root/later").1);
    lab.text(0, "restore", &["app", "--yes"]);
    let (said, _) = emulated.inside("192.168.56.10", "ls /root/later; hostname; date +%s");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "app", "what came after the snapshot is gone: {said}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(lines[1].parse::<u64>().unwrap().abs_diff(now) < 120, "its clock is right: {said}, now {now}");
    // What was seen before is no proof.
    drop(watch);
    let watch = Watch::of(&lab);
    watch.until("a restored node", |status| status["healthy"] == true && flows(status, true));
    clock.seen("a snapshot of a running node taken and restored");

    drop(watch);
    lab.text(0, "destroy", &["--yes"]);
    assert_eq!(emulated.inventory(), before, "nothing is left");
    assert!(lab.text(0, "destroy", &["--yes"]).contains("not deployed"));
    clock.seen("destroyed, and nothing is left");
}

fn names_addresses_and_no_way_out(emulated: &Emulated) {
    let look = "hostname; ip -o -4 addr show | awk '{ print $4 }'; ip route; cat /etc/hosts";
    let (app, _) = emulated.inside("192.168.56.10", look);
    for expected in ["app\n", "\n10.1.0.10/24\n", "\n192.168.56.10/24\n", "default via 10.0.2.2", "10.1.0.11 db\n"] {
        assert!(app.contains(expected), "{expected:?}: {app}");
    }
    let (db, _) = emulated.inside("192.168.56.11", look);
    for expected in ["db\n", "\n10.1.0.11/24\n", "\n192.168.56.11/24\n", "10.1.0.10 app\n"] {
        assert!(db.contains(expected), "{expected:?}: {db}");
    }
    assert!(!db.contains("10.0.") && !db.contains("default"), "{db}");
    assert!(!emulated.inside("192.168.56.11", "ping -c 1 -W 3 8.8.8.8").1, "the database reaches the outside");
    // By its name, from node to node.
    assert!(emulated.inside("192.168.56.10", "ping -c 2 -W 5 db").1);
    let machines = emulated.script(&["run", "VBoxManage", "list", "vms"]);
    let machine = machines.lines().find_map(|line| line.strip_prefix("\"db.")?.split_once('{')?.1.strip_suffix('}')).unwrap();
    let shown = emulated.script(&["run", "VBoxManage", "showvminfo", machine, "--machinereadable"]);
    assert!(!shown.contains("=\"nat\"") && !shown.contains("Forwarding("), "{shown}");
}
