//! Machines that really boot in a real VirtualBox, on an emulated machine (`tests/virtualbox/emulator`): the program deploys two nodes
//! there over ssh, breaks them and takes them away. Started by `./dev test virtualbox-boot`, because it needs root and ten minutes.
#![cfg(target_os = "linux")]

#[path = "virtualbox_support/program.rs"]
mod program;

use program::Program;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// How long something may take until it is seen. Nodes are emulated twice; what takes a second elsewhere takes half a minute.
const SEEN: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_secs(2);

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

/// The emulated machine. It forgets everything when it is switched off.
struct Emulated {
    bed: PathBuf,
}

impl Emulated {
    fn up() -> Self {
        let folder = std::env::var_os("SANDTABLE_BED").expect("SANDTABLE_BED: ./dev test virtualbox-boot sets it");
        let bed = Self { bed: Path::new(&folder).canonicalize().unwrap() };
        // One that was left on has an image already, and perhaps more.
        bed.script(&["down"]);
        bed.script(&["up"]);
        bed.script(&["base", "tiny", "03-hardened-base"]);
        bed
    }

    fn script(&self, args: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let done = Command::new(script).args(args).env("SANDTABLE_BED", &self.bed).output().unwrap();
        assert!(done.status.success(), "emulator {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Runs a script in a node, past the program: from the emulated machine, to the node's host-only address. Gives what it said and
    /// whether it ended well.
    fn inside(&self, address: &str, script: &str) -> (String, bool) {
        let key = self.bed.join("share/key");
        std::fs::copy(self.bed.join("key"), &key).unwrap();
        let to = format!("root@{address}");
        let words = ["ssh", "-n", "-i", key.to_str().unwrap(), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
        let words: Vec<&str> = ["run"].into_iter().chain(words).chain(["-o", "ConnectTimeout=60", &to, script]).collect();
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let done = Command::new(runner).args(words).env("SANDTABLE_BED", &self.bed).output().unwrap();
        (String::from_utf8_lossy(&done.stdout).into_owned(), done.status.success())
    }

    /// Everything that VirtualBox knows of and keeps on the disk.
    fn inventory(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::new();
        for list in ["vms", "hdds", "natnets", "hostonlyifs", "dhcpservers", "groups"] {
            let mut lines: Vec<String> = self.script(&["run", "VBoxManage", "list", list]).lines().map(str::to_owned).collect();
            lines.sort();
            all.insert(list, lines.join("\n"));
        }
        all.insert("extra data", self.script(&["run", "VBoxManage", "getextradata", "global", "enumerate"]));
        let files = ["run", "find", "/root/VirtualBox VMs", "!", "-name", "*.vbox-prev"];
        let mut files: Vec<String> = self.script(&files).lines().map(str::to_owned).collect();
        files.sort();
        all.insert("files", files.join("\n"));
        all
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let _best = Command::new(script).arg("down").env("SANDTABLE_BED", &self.bed).output();
    }
}

/// Waits until a command's object is as it should be. Gives how long that took.
fn until(program: &Program, command: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Duration {
    let started = Instant::now();
    loop {
        let output = program.call(command, &["--format", "json"]);
        let said: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        if said.as_ref().is_some_and(&is_so) {
            return started.elapsed();
        }
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(started.elapsed() < SEEN, "{what} was not seen: {} {err}", said.unwrap_or_default());
        std::thread::sleep(PAUSE);
    }
}

fn power<'a>(status: &'a Value, node: &str) -> &'a str {
    status["nodes"][node]["power"].as_str().unwrap_or_default()
}

/// Whether both flows are as said.
fn flows(said: &Value, works: bool) -> bool {
    said["flows"]
        .as_array()
        .is_some_and(|flows| flows.len() == 2 && flows.iter().all(|flow| flow["health"] == if works { "healthy" } else { "down" }))
}

/// Prints what was seen and how long it took.
struct Clock(Instant);

impl Clock {
    fn seen(&mut self, what: &str) {
        println!("\nsandtable-figures: virtualbox-boot {what}: {:.0} s", self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }
}

#[test]
fn two_nodes_from_nothing_to_nothing() {
    let mut clock = Clock(Instant::now());
    let emulated = Emulated::up();
    let before = emulated.inventory();
    clock.seen("the emulated machine, and an image on it");
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Program::new(folder.path(), "two", LAYOUT, "virtualbox:ssh://emulated");
    lab.environment.extend([
        ("SANDTABLE_SSH_CONFIG", emulated.bed.join("ssh_config").into()),
        ("SANDTABLE_IMAGE_KEY", emulated.bed.join("key").into()),
        ("SANDTABLE_BOOT_SECONDS", "570".into()),
    ]);

    let deployed = lab.call("deploy", &["--format", "json"]);
    let said = String::from_utf8_lossy(&deployed.stdout).into_owned();
    let report: Value = serde_json::from_str(&said).unwrap_or_default();
    assert_eq!(report["ending"], "done", "{said}{}", String::from_utf8_lossy(&deployed.stderr));
    clock.seen("deployed");
    until(&lab, "status", "the lab is well", |status| status["healthy"] == true && flows(status, true));
    clock.seen("both nodes and both flows are seen to be well");
    assert_eq!(lab.json(0, "plan", &[])["steps"], serde_json::json!([]), "nothing is left to do");
    names_addresses_and_no_way_out(&emulated);
    clock.seen("names, addresses, hosts and routes inside; the database's uplink is gone and leads nowhere");

    lab.text(0, "inject", &["link-down", "db", "wire"]);
    until(&lab, "status", "a pulled link", |status| flows(status, false));
    clock.seen("a link pulled and seen");
    lab.text(0, "heal", &["--all"]);
    until(&lab, "status", "a mended link", |status| flows(status, true));
    clock.seen("mended and seen");

    lab.text(0, "inject", &["pause", "app"]);
    until(&lab, "status", "a paused node", |status| power(status, "app") == "paused");
    clock.seen("a node paused and seen");
    lab.text(0, "heal", &["--all"]);
    until(&lab, "status", "a node that goes on", |status| power(status, "app") == "running" && flows(status, true));
    clock.seen("let go on and seen");

    lab.text(0, "inject", &["power-off", "db"]);
    until(&lab, "status", "a node that is off", |status| power(status, "db") == "stopped");
    clock.seen("a node powered off and seen");
    lab.text(0, "heal", &["--all"]);
    until(&lab, "status", "a node that is back", |status| status["healthy"] == true && flows(status, true));
    clock.seen("powered on, booted and seen to be well");
    names_addresses_and_no_way_out(&emulated);

    assert_eq!(lab.json(0, "snapshot", &["app"])["changed"], true);
    assert!(emulated.inside("192.168.56.10", "touch /root/later; ls /root/later").1);
    lab.text(0, "restore", &["app", "--yes"]);
    let (said, _) = emulated.inside("192.168.56.10", "ls /root/later; hostname; date +%s");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "app", "what came after the snapshot is gone: {said}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(lines[1].parse::<u64>().unwrap().abs_diff(now) < 120, "its clock is right: {said}, now {now}");
    until(&lab, "status", "a restored node", |status| status["healthy"] == true && flows(status, true));
    clock.seen("a snapshot of a running node taken and restored");

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
