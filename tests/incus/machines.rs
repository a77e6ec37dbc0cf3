//! The Incus provider against a real daemon: made, looked at, entered, broken, mended, removed, and nothing of others touched.
//!
//! Needs a daemon whose labs nobody misses, so a script starts it inside a private machine: `.ci/incus-test`. The image to make
//! nodes of is named by `SANDTABLE_INCUS_IMAGE`.

use sandtable::{
    model::{AdapterSpec, Fault, Flow, Forward, MachineSpec, NetworkKind, NetworkName, NetworkSpec, NodeName, Power},
    plan::{Action, LabId, hardware_address},
    provider::{
        Done, ProviderError, Retry,
        incus::{IncusMachines, Settings},
        machines::{Below, Machines, Reach},
        transport::{Command, Line, Output},
    },
};
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    process::Command as Process,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

const SECS: Duration = Duration::from_secs(20);

/// Starts a server on port 8000 that answers everybody; the base image has Python without its library.
const SERVER: &str = r#"
cat > /tmp/server.py <<'END'
import socket
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 8000))
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
    connection.close()
END
nohup python3 /tmp/server.py >/dev/null 2>&1 </dev/null &
for try in 1 2 3 4 5 6 7 8 9 10; do ss -ltn | grep -q :8000 && exit 0; sleep 0.2; done
exit 1
"#;

/// One lab of the tests, removed when it is over however it ends.
struct Lab {
    machines: IncusMachines,
    id: LabId,
}

fn image() -> String {
    std::env::var("SANDTABLE_INCUS_IMAGE").unwrap_or_else(|_| "sandtable-debian-12".into())
}

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn network(name: &str) -> NetworkName {
    name.parse().unwrap()
}

/// Runs the client of the daemon, for what the tests do behind the provider's back.
fn incus(args: &[&str]) -> String {
    let output = Process::new("incus").args(args).stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "incus {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the environment says of the daemon.
fn settings() -> Settings {
    (&sandtable::provider::settings::Settings::new(
        Default::default(),
        sandtable::provider::settings::Environment::of_process(),
        Vec::new(),
    ))
        .into()
}

impl Lab {
    fn new(name: &str) -> Self {
        let id = LabId::of_file(Path::new("/tests").join(format!("{name}.ron")).as_path());
        let settings = Settings { image: Some(image()), pool: None, ..settings() };
        let lab = Self { machines: IncusMachines::open(None, id.clone(), settings).unwrap(), id };
        lab.remove();
        lab
    }

    fn remove(&self) {
        for (what, args) in [("instance", &["list", "-f", "json"][..]), ("network", &["network", "list", "-f", "json"][..])] {
            let found: serde_json::Value = serde_json::from_str(&incus(args)).unwrap();
            for one in found.as_array().unwrap() {
                let name = one["name"].as_str().unwrap();
                if one["config"]["user.sandtable.lab"] == self.id.as_str() {
                    match what {
                        "instance" => incus(&["delete", "--force", name]),
                        _ => incus(&["network", "delete", name]),
                    };
                }
            }
        }
    }

    async fn act(&self, action: Action) -> Result<Done, ProviderError> {
        let start = Instant::now();
        let done = self.machines.act(&action, &|said| println!("    {said}")).await;
        println!("  {:>5} ms  {} {}", start.elapsed().as_millis(), action.verb(), action.node().map_or("", |node| node.as_str()));
        done
    }

    /// Does an action twice: the second time there is nothing to do.
    async fn twice(&self, action: Action) {
        assert_eq!(self.act(action.clone()).await, Ok(Done::Changed), "{action:?}");
        assert_eq!(self.act(action.clone()).await, Ok(Done::AlreadySo), "{action:?} again");
    }

    async fn look(&self) -> Below {
        self.machines.look().await.unwrap()
    }

    async fn run(&self, name: &str, script: &str) -> Output {
        let transport = self.machines.transport(&node(name)).await.unwrap();
        transport.run(Command::script(script, SECS)).await.unwrap()
    }

    async fn says(&self, name: &str, script: &str) -> String {
        let output = self.run(name, script).await;
        assert_eq!(output.code, 0, "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn adapter(&self, name: &str, slot: usize, on: &str, address: Option<&str>, forwards: Vec<Forward>) -> AdapterSpec {
        AdapterSpec {
            network: network(on),
            mac: hardware_address(&self.id, name, slot),
            address: address.map(|address| address.parse().unwrap()),
            forwards,
        }
    }

    fn machine(name: &str, adapters: Vec<AdapterSpec>) -> MachineSpec {
        sandtable::testing::machine(name, adapters)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.remove();
    }
}

fn spec(kind: NetworkKind, subnet: Option<&str>) -> NetworkSpec {
    NetworkSpec { kind, subnet: subnet.map(|subnet| subnet.parse().unwrap()), dhcp: None, interface: None }
}

fn create_network(name: &str, kind: NetworkKind, subnet: Option<&str>) -> Action {
    Action::CreateNetwork { network: network(name), spec: spec(kind, subnet) }
}

/// Two nodes on a NAT, a host-only and an internal network.
async fn two_nodes(lab: &Lab, third_byte: u8, port: u16) -> BTreeMap<NodeName, MachineSpec> {
    let front = |last: &str| format!("10.77.{third_byte}.{last}");
    lab.twice(create_network("internet", NetworkKind::Nat, None)).await;
    lab.twice(create_network("front", NetworkKind::HostOnly, Some(&front("0/24")))).await;
    lab.twice(create_network("back", NetworkKind::Internal, Some("10.78.0.0/24"))).await;
    let forward = Forward { host: port, to: 8000, address: Ipv4Addr::LOCALHOST };
    let one = Lab::machine(
        "one",
        vec![
            lab.adapter("one", 0, "internet", None, vec![forward]),
            lab.adapter("one", 1, "front", Some(&front("11/24")), vec![]),
            lab.adapter("one", 2, "back", Some("10.78.0.11/24"), vec![]),
        ],
    );
    let two = Lab::machine(
        "two",
        vec![lab.adapter("two", 0, "internet", None, vec![]), lab.adapter("two", 1, "back", Some("10.78.0.12/24"), vec![])],
    );
    let machines = BTreeMap::from([(node("one"), one), (node("two"), two)]);
    for (name, spec) in &machines {
        lab.twice(Action::CreateMachine { node: name.clone(), spec: spec.clone() }).await;
        lab.twice(Action::PowerOn { node: name.clone() }).await;
    }
    machines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lab_from_nothing_to_nothing() {
    let lab = Lab::new("whole");
    assert_eq!(lab.look().await, Below::default());
    let drawn = two_nodes(&lab, 1, 18_001).await;

    let below = lab.look().await;
    assert_eq!(below.networks.len(), 3);
    assert_eq!(below.networks[&network("internet")], spec(NetworkKind::Nat, None), "as drawn, though it has a subnet now");
    for (name, spec) in &drawn {
        let there = &below.machines[name];
        assert_eq!((there.power, there.spec.as_ref()), (Power::Running, Some(spec)));
        assert!(there.links_up.iter().all(|up| *up) && there.links_up.len() == spec.adapters.len());
    }

    addresses_are_as_drawn(&lab).await;
    commands_and_files(&lab).await;
    notes_are_kept(&lab).await;
    from_outside(&lab).await;
    faults_below(&lab).await;

    // Snapshots, and back.
    lab.twice(Action::TakeSnapshot { node: node("two"), snapshot: "fresh".into() }).await;
    lab.says("two", "echo spoiled > /srv/file").await;
    lab.act(Action::TakeSnapshot { node: node("two"), snapshot: "a-later".into() }).await.unwrap();
    assert_eq!(lab.look().await.machines[&node("two")].snapshots, ["fresh", "a-later"], "oldest first");
    lab.machines.restore_snapshot(&node("two"), "fresh").await.unwrap();
    lab.act(Action::PowerOn { node: node("two") }).await.unwrap();
    assert_eq!(lab.says("two", "ls /srv").await, "");

    // Changed: another adapter's address, more memory, a port less.
    let mut changed = drawn[&node("one")].clone();
    changed.memory_mib = 300;
    changed.adapters[0].forwards.clear();
    lab.twice(Action::PowerOff { node: node("one") }).await;
    lab.twice(Action::ChangeMachine { node: node("one"), spec: changed.clone() }).await;
    assert_eq!(lab.look().await.machines[&node("one")].spec.as_ref(), Some(&changed));
    lab.twice(Action::PowerOn { node: node("one") }).await;
    assert!(TcpStream::connect("127.0.0.1:18001").is_err(), "the forward is gone");

    for name in ["one", "two"] {
        lab.twice(Action::DeleteMachine { node: node(name) }).await;
    }
    for name in ["internet", "front", "back"] {
        lab.twice(Action::DeleteNetwork { network: network(name) }).await;
    }
    assert_eq!(lab.look().await, Below::default());
    assert!(
        !incus(&["list", "-f", "json"]).contains(lab.id.as_str()) && !incus(&["network", "list", "-f", "json"]).contains(lab.id.as_str())
    );
}

async fn addresses_are_as_drawn(lab: &Lab) {
    assert_eq!(lab.says("one", "hostname").await, "one");
    let addresses = lab.says("one", "ip -br -4 address").await;
    assert!(addresses.contains("10.77.1.11/24") && addresses.contains("10.78.0.11/24"), "{addresses}");
    let macs = lab.says("one", "cat /sys/class/net/eth*/address").await;
    let drawn: Vec<String> = (0..3).map(|slot| hardware_address(&lab.id, "one", slot).to_string()).collect();
    assert_eq!(macs.lines().collect::<Vec<_>>(), drawn);
    // The way out leads through NAT alone.
    let leased = "for try in 1 2 3 4 5 6 7 8 9 10; do ip route show default | grep . && break; sleep 1; done";
    let route = lab.says("one", leased).await;
    assert!(route.contains("dev eth0") && route.lines().count() == 1, "{route}");
    assert_eq!(lab.run("one", "ping -c1 -W2 10.78.0.12").await.code, 0, "the internal network joins the nodes");
    let other =
        lab.says("two", &format!("{leased} >/dev/null; ip -4 -o address show dev eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'")).await;
    assert_ne!(lab.run("one", &format!("ping -c1 -W1 {other}")).await.code, 0, "behind NAT each is alone");
}

async fn commands_and_files(lab: &Lab) {
    let one = lab.machines.transport(&node("one")).await.unwrap();
    let run = |argv: &[&str], stdin: &[u8], timeout| Command {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        stdin: stdin.to_vec(),
        timeout,
    };

    let output = one.run(Command::script("cat; echo bad >&2; exit 7", SECS)).await.unwrap();
    assert_eq!((output.code, output.stderr.as_slice()), (7, b"bad\n".as_slice()));
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let echoed = one.run(run(&["cat"], &large, SECS)).await.unwrap();
    assert!(echoed.stdout == large && !echoed.is_cut, "what goes in comes out: {} of {}", echoed.stdout.len(), large.len());
    let much = one.run(run(&["head", "-c", "9000000", "/dev/zero"], b"", SECS)).await.unwrap();
    assert!(much.is_cut && much.code == 0);
    // Nobody reads the arguments but the program.
    let literal = one.run(run(&["printf", "%s|", "$(id)", "a b", "'", "--"], b"", SECS)).await.unwrap();
    assert_eq!(literal.stdout, b"$(id)|a b|'|--|");
    let unread = one.run(run(&["true"], &large, SECS)).await.unwrap();
    assert_eq!(unread.code, 0, "a command need not read what it is given");
    let absent = one.run(run(&["/no/such/program"], b"", SECS)).await;
    assert!(absent.as_ref().is_ok_and(|output| output.code == 127) || absent.is_err(), "{absent:?}");

    let start = Instant::now();
    let late = one.run(run(&["sh", "-c", "sleep 300 & sleep 301"], b"", Duration::from_secs(1))).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5) && late.retry == Retry::Worth, "{late:?}");
    assert_eq!(lab.says("one", "pgrep -c sleep || true").await, "0", "nothing of it is left");

    let (sender, mut lines) = mpsc::channel(16);
    let streaming = one.stream(Command::script("echo a; echo b >&2; printf c; exit 3", SECS), sender);
    let (code, seen) = tokio::join!(streaming, async {
        let mut seen = Vec::new();
        while let Some(line) = lines.recv().await {
            seen.push(line);
        }
        seen
    });
    assert_eq!(code, Ok(3));
    for line in [Line::Out("a".into()), Line::Err("b".into()), Line::Out("c".into())] {
        assert!(seen.contains(&line), "{seen:?}");
    }
    let (sender, mut lines) = mpsc::channel(16);
    let endless = one.stream(Command::script("while :; do echo tick; sleep 0.1; done", SECS), sender);
    let (_, first) = tokio::join!(endless, async {
        let first = lines.recv().await;
        drop(lines);
        first
    });
    assert_eq!(first, Some(Line::Out("tick".into())));
    assert_eq!(lab.says("one", "pgrep -fc 'echo tick' || true").await, "0", "who is not heard is killed");

    one.put("/srv/a file", 0o640, &large).await.unwrap();
    assert_eq!(lab.says("one", "stat -c '%a %U %s' '/srv/a file'; ls -A /srv | grep -c part || true").await, "640 root 3000000\n0");
    assert!(one.put("/no/folder/file", 0o644, b"x").await.is_err());

    let mut times: Vec<u128> = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        one.run(run(&["true"], b"", SECS)).await.unwrap();
        times.push(start.elapsed().as_millis());
    }
    times.sort_unstable();
    println!("  a trivial command: {} ms (median of 20), {} ms at most", times[10], times[19]);
    let start = Instant::now();
    lab.look().await;
    println!("  a look: {} ms", start.elapsed().as_millis());
}

async fn notes_are_kept(lab: &Lab) {
    let note = |pairs: &[(&str, Option<&str>)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect::<BTreeMap<_, _>>()
    };
    let (one, text) = (node("one"), "{\"a\": \"line\\nwith $(quotes)' and \\\"ü\\\"\"}\n");
    // Side by side, as services of one node are set up.
    let all: Vec<_> = (0..6).map(|n| note(&[(&format!("service.s{n}"), Some(text))])).collect();
    let (a, b, c, d, e, f) = tokio::join!(
        lab.machines.note(&one, &all[0]),
        lab.machines.note(&one, &all[1]),
        lab.machines.note(&one, &all[2]),
        lab.machines.note(&one, &all[3]),
        lab.machines.note(&one, &all[4]),
        lab.machines.note(&one, &all[5])
    );
    for noted in [a, b, c, d, e, f] {
        noted.unwrap();
    }
    let notes = lab.look().await.machines[&one].notes.clone();
    assert_eq!((notes.len(), notes["service.s3"].as_str()), (6, text), "{notes:?}");
    lab.machines.note(&one, &note(&[("service.s3", None), ("service.s4", None)])).await.unwrap();
    assert_eq!(lab.look().await.machines[&one].notes.len(), 4);
}

async fn from_outside(lab: &Lab) {
    lab.says("one", SERVER).await;
    let below = lab.look().await;
    let flow = Flow { port: Some(8000), ..Flow::new(sandtable::model::Endpoint::Outside, "one".parse().unwrap()) };
    let at = lab.machines.outside(&flow, &below).unwrap();
    assert_eq!(at.to_string(), "127.0.0.1:18001");
    assert!(answers(&at.to_string()), "the forward leads to the node");
    assert!(answers("10.77.1.11:8000"), "the host is on the host-only network");
    let host = lab.machines.beyond(&"one".parse().unwrap(), &below).unwrap();
    assert_eq!(lab.run("one", &format!("ping -c1 -W2 {}", host.ip())).await.code, 0);
}

fn answers(at: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&at.parse().unwrap(), Duration::from_secs(2)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut text = [0; 12];
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").is_ok() && stream.read_exact(&mut text).is_ok() && text.starts_with(b"HTTP/1.0 200")
}

async fn faults_below(lab: &Lab) {
    let (one, two) = (node("one"), node("two"));
    let reaches = "ping -c1 -W1 10.78.0.11 >/dev/null";
    // A cable.
    let pulled = Fault::LinkDown(one.clone(), network("back"));
    lab.machines.mend_below(&pulled).await.unwrap();
    for _ in 0..2 {
        let start = Instant::now();
        assert_eq!(lab.machines.break_below(&pulled).await, Ok(Reach::Below));
        println!("  a cable pulled: {} ms", start.elapsed().as_millis());
    }
    assert_eq!(lab.look().await.machines[&one].links_up, [true, true, false]);
    assert_ne!(lab.run("two", reaches).await.code, 0);
    assert_eq!(
        lab.says("one", "cat /sys/class/net/eth2/carrier; ip -4 -o address show dev eth2 | grep -c 10.78.0.11").await,
        "0\n1",
        "no carrier, and its address"
    );
    // It stays pulled when the node is turned off and on.
    lab.act(Action::PowerOff { node: one.clone() }).await.unwrap();
    lab.act(Action::PowerOn { node: one.clone() }).await.unwrap();
    assert_ne!(lab.run("two", reaches).await.code, 0);
    for _ in 0..2 {
        lab.machines.mend_below(&pulled).await.unwrap();
    }
    assert_eq!(lab.look().await.machines[&one].links_up, [true, true, true]);
    assert_eq!(lab.run("two", "for try in 1 2 3 4 5; do ping -c1 -W1 10.78.0.11 >/dev/null && exit 0; done; exit 1").await.code, 0);
    // The forward ends with its cable.
    lab.says("one", SERVER).await;
    let outer = Fault::LinkDown(one.clone(), network("internet"));
    lab.machines.break_below(&outer).await.unwrap();
    assert!(!answers("127.0.0.1:18001"));
    lab.machines.mend_below(&outer).await.unwrap();
    assert!(answers("127.0.0.1:18001"));

    // Frozen.
    let (sender, mut changes) = mpsc::channel(16);
    let nodes = [one.clone(), two.clone()];
    let told = async {
        let change = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await.unwrap();
        drop(changes);
        change
    };
    let paused = Fault::Pause(two.clone());
    let breaking = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..2 {
            assert_eq!(lab.machines.break_below(&paused).await, Ok(Reach::Below));
        }
    };
    let (followed, change, ()) = tokio::join!(lab.machines.follow(&nodes, sender), told, breaking);
    assert_eq!((followed, change), (Ok(()), Some(two.clone())), "told as it happened");
    assert_eq!(lab.look().await.machines[&two].power, Power::Paused);
    for _ in 0..2 {
        lab.machines.mend_below(&paused).await.unwrap();
    }
    assert_eq!(lab.look().await.machines[&two].power, Power::Running);

    // The plug.
    let off = Fault::PowerOff(two.clone());
    for _ in 0..2 {
        assert_eq!(lab.machines.break_below(&off).await, Ok(Reach::Below));
    }
    assert_eq!(lab.look().await.machines[&two].power, Power::Stopped);
    let entered = lab.machines.transport(&two).await.unwrap().run(Command::script("true", SECS)).await.unwrap_err();
    assert_eq!((entered.node.as_ref(), entered.why.as_str()), (Some(&two), "the node does not run"), "{entered:?}");
    lab.machines.note(&two, &BTreeMap::from([("kept".into(), Some("off too".into()))])).await.unwrap();
    for _ in 0..2 {
        lab.machines.mend_below(&off).await.unwrap();
    }
    assert_eq!(lab.look().await.machines[&two].power, Power::Running);
    assert_eq!(lab.machines.break_below(&Fault::OneWay(one, two)).await, Ok(Reach::Inside));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_labs_side_by_side() {
    let (a, b) = (Lab::new("side-a"), Lab::new("side-b"));
    for (lab, byte) in [(&a, 11), (&b, 12)] {
        lab.twice(create_network("internet", NetworkKind::Nat, None)).await;
        lab.twice(create_network("front", NetworkKind::HostOnly, Some(&format!("10.77.{byte}.0/24")))).await;
        let spec = Lab::machine("one", vec![lab.adapter("one", 0, "front", Some(&format!("10.77.{byte}.11/24")), vec![])]);
        lab.twice(Action::CreateMachine { node: node("one"), spec }).await;
        lab.twice(Action::PowerOn { node: node("one") }).await;
    }
    assert_eq!(a.look().await.machines.len(), 1);
    a.says("one", "echo a > /srv/whose").await;
    assert_ne!(b.run("one", "cat /srv/whose").await.code, 0);
    assert_ne!(a.run("one", "ping -c1 -W1 10.77.12.11").await.code, 0, "host-only networks lead nowhere else");
    a.twice(Action::DeleteMachine { node: node("one") }).await;
    assert_eq!(b.look().await.machines[&node("one")].power, Power::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_is_not_touched() {
    let lab = Lab::new("strangers");
    lab.twice(create_network("back", NetworkKind::Internal, None)).await;
    let spec = Lab::machine("one", vec![lab.adapter("one", 0, "back", None, vec![])]);
    lab.twice(Action::CreateMachine { node: node("one"), spec: spec.clone() }).await;
    let listed: serde_json::Value = serde_json::from_str(&incus(&["list", "-f", "json"])).unwrap();
    let ours = listed.as_array().unwrap().iter().find(|one| one["config"]["user.sandtable.lab"] == lab.id.as_str()).unwrap();
    let name = ours["name"].as_str().unwrap().to_owned();
    let bridge = ours["devices"]["eth0"]["network"].as_str().unwrap().to_owned();
    lab.twice(Action::DeleteMachine { node: node("one") }).await;
    lab.twice(Action::DeleteNetwork { network: network("back") }).await;

    // Now somebody else has those names.
    incus(&["network", "create", &bridge, "ipv4.address=none", "ipv6.address=none"]);
    incus(&["init", &image(), &name, "-c", "user.whose=a stranger's"]);
    for action in [
        create_network("back", NetworkKind::Internal, None),
        Action::ChangeNetwork { network: network("back"), spec: self::spec(NetworkKind::Internal, None) },
        Action::DeleteNetwork { network: network("back") },
        Action::CreateMachine { node: node("one"), spec: spec.clone() },
        Action::ChangeMachine { node: node("one"), spec },
        Action::PowerOn { node: node("one") },
        Action::PowerOff { node: node("one") },
        Action::TakeSnapshot { node: node("one"), snapshot: "x".into() },
        Action::DeleteMachine { node: node("one") },
    ] {
        let error = lab.act(action.clone()).await.unwrap_err();
        assert!(error.why.contains("not this lab's") && error.retry == Retry::Useless, "{action:?}: {error:?}");
    }
    for fault in ["power-off one", "pause one", "link-down one back"] {
        assert!(lab.machines.break_below(&fault.parse().unwrap()).await.unwrap_err().why.contains("not this lab's"));
    }
    assert!(lab.machines.note(&node("one"), &BTreeMap::from([("a".into(), Some("b".into()))])).await.is_err());
    assert_eq!(lab.look().await, Below::default());
    let left: serde_json::Value = serde_json::from_str(&incus(&["query", &format!("/1.0/instances/{name}")])).unwrap();
    assert_eq!((left["config"]["user.whose"].as_str(), left["status"].as_str()), (Some("a stranger's"), Some("Stopped")));
    incus(&["delete", &name]);
    incus(&["network", "delete", &bridge]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_said() {
    let mut lab = Lab::new("errors");
    // A network that does not exist, an image that does not, a snapshot that cannot be named.
    let alone = Lab::machine("one", vec![lab.adapter("one", 0, "nowhere", None, vec![])]);
    let error = lab.act(Action::CreateMachine { node: node("one"), spec: alone }).await.unwrap_err();
    assert!(error.why.contains("nowhere") && error.node == Some(node("one")), "{error:?}");
    let bare = Lab::machine("one", vec![]);
    lab.machines = IncusMachines::open(None, lab.id.clone(), Settings { image: Some("no-such".into()), pool: None, ..settings() }).unwrap();
    let error = lab.act(Action::CreateMachine { node: node("one"), spec: bare.clone() }).await.unwrap_err();
    assert!(error.why.contains("no-such") && error.why.contains(&image()) && error.next.contains("sandtable image"), "{error:?}");
    lab.machines =
        IncusMachines::open(None, lab.id.clone(), Settings { image: Some(image()), pool: Some("no-pool".into()), ..settings() }).unwrap();
    let error = lab.act(Action::CreateMachine { node: node("one"), spec: bare.clone() }).await.unwrap_err();
    assert!(error.next.contains("incus storage create"), "{error:?}");
    lab.machines = IncusMachines::open(None, lab.id.clone(), Settings { image: Some(image()), pool: None, ..settings() }).unwrap();
    let error = lab.act(Action::PowerOn { node: node("one") }).await.unwrap_err();
    assert!(error.why.contains("no such machine"), "{error:?}");
    lab.twice(Action::CreateMachine { node: node("one"), spec: bare }).await;
    assert!(lab.act(Action::TakeSnapshot { node: node("one"), snapshot: "a/b c".into() }).await.unwrap_err().why.contains("name"));

    // A port that is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:18099").unwrap();
    lab.twice(create_network("internet", NetworkKind::Nat, None)).await;
    let forward = Forward { host: 18_099, to: 80, address: Ipv4Addr::LOCALHOST };
    let spec = Lab::machine("two", vec![lab.adapter("two", 0, "internet", None, vec![forward])]);
    lab.twice(Action::CreateMachine { node: node("two"), spec }).await;
    let error = lab.act(Action::PowerOn { node: node("two") }).await.unwrap_err();
    println!("  {error:?}");
    assert!(error.next.contains("port"), "{error:?}");
    drop(taken);
    lab.twice(Action::PowerOn { node: node("two") }).await;

    // A bridged network on an interface that is not there, a subnet that something has already.
    let bridged = NetworkSpec { interface: Some("no-such0".into()), ..spec_of_bridged() };
    let error = lab.act(Action::CreateNetwork { network: network("lan"), spec: bridged }).await.unwrap_err();
    assert!(error.why.contains("no-such0"), "{error:?}");
}

fn spec_of_bridged() -> NetworkSpec {
    spec(NetworkKind::Bridged, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_nodes_with_two_adapters_each() {
    let lab = Lab::new("five");
    lab.act(create_network("front", NetworkKind::HostOnly, Some("10.77.21.0/24"))).await.unwrap();
    lab.act(create_network("back", NetworkKind::Internal, Some("10.77.22.0/24"))).await.unwrap();
    let names: Vec<String> = (1..=5).map(|n| format!("n{n}")).collect();
    // The first node of an image waits until it is unpacked; that is not what is measured.
    let first = Lab::machine("warm", vec![]);
    lab.act(Action::CreateMachine { node: node("warm"), spec: first }).await.unwrap();
    let start = Instant::now();
    let make = async |index: usize, name: &str| {
        let adapters = vec![
            lab.adapter(name, 0, "front", Some(&format!("10.77.21.{}/24", 10 + index)), vec![]),
            lab.adapter(name, 1, "back", Some(&format!("10.77.22.{}/24", 10 + index)), vec![]),
        ];
        lab.act(Action::CreateMachine { node: node(name), spec: Lab::machine(name, adapters) }).await.unwrap();
        lab.act(Action::PowerOn { node: node(name) }).await.unwrap();
    };
    tokio::join!(make(0, &names[0]), make(1, &names[1]), make(2, &names[2]), make(3, &names[3]), make(4, &names[4]));
    println!("  five nodes with two adapters made, started and ready: {} ms", start.elapsed().as_millis());
    let start = Instant::now();
    let below = lab.look().await;
    println!("  a look at them: {} ms", start.elapsed().as_millis());
    assert!(names.iter().all(|name| below.machines[&node(name)].power == Power::Running));
    assert_eq!(lab.run("n1", "ping -c1 -W2 10.77.21.14 && ping -c1 -W2 10.77.22.14").await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_is_not_known_is_said() {
    let id = LabId::of_file(Path::new("/tests/absent.ron"));
    let error = match IncusMachines::open(Some("no-such-remote"), id, settings()) {
        Ok(_) => panic!("there is no such remote"),
        Err(error) => error,
    };
    assert!(error.next.contains("incus remote"), "{error:?}");
}

/// The same daemon over TLS, as if it were elsewhere: trusted with a token, its certificate pinned. `INCUS_CONF` is this run's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_remote_over_tls() {
    incus(&["config", "set", "core.https_address=127.0.0.1:18443"]);
    let token = incus(&["config", "trust", "add", "sandtable-test", "-q"]);
    incus(&["remote", "add", "itself", "https://127.0.0.1:18443", "--accept-certificate", "--token", token.trim()]);
    let mut lab = Lab::new("tls");
    lab.machines =
        IncusMachines::open(Some("itself"), lab.id.clone(), Settings { image: Some(image()), pool: None, ..settings() }).unwrap();
    assert_eq!(lab.machines.name(), "incus:itself");
    lab.twice(create_network("back", NetworkKind::Internal, Some("10.78.2.0/24"))).await;
    let spec = Lab::machine("one", vec![lab.adapter("one", 0, "back", Some("10.78.2.11/24"), vec![])]);
    lab.twice(Action::CreateMachine { node: node("one"), spec }).await;
    lab.twice(Action::PowerOn { node: node("one") }).await;
    assert_eq!(lab.says("one", "hostname; cat").await, "one");
    let one = lab.machines.transport(&node("one")).await.unwrap();
    one.put("/srv/file", 0o600, b"over the wire").await.unwrap();
    assert_eq!(lab.says("one", "cat /srv/file").await, "over the wire");
    // The other end of its cables is out of reach, so the adapter is taken out and put back.
    let pulled = Fault::LinkDown(node("one"), network("back"));
    for _ in 0..2 {
        assert_eq!(lab.machines.break_below(&pulled).await, Ok(Reach::Below));
    }
    assert_eq!(lab.look().await.machines[&node("one")].links_up, [false]);
    assert_ne!(lab.run("one", "ip -br -4 address | grep 10.78.2.11").await.code, 0);
    for _ in 0..2 {
        lab.machines.mend_below(&pulled).await.unwrap();
    }
    assert_eq!(lab.look().await.machines[&node("one")].links_up, [true]);
    let back = "for try in 1 2 3 4 5 6 7 8 9 10; do ip -br -4 address | grep -q 10.78.2.11/24 && exit 0; sleep 0.5; done; exit 1";
    assert_eq!(lab.run("one", back).await.code, 0, "its address is back");
    let flow = Flow { port: Some(22), ..Flow::new(sandtable::model::Endpoint::Outside, "one".parse().unwrap()) };
    assert_eq!(lab.machines.outside(&flow, &lab.look().await), None);
    lab.twice(Action::DeleteMachine { node: node("one") }).await;
    lab.twice(Action::DeleteNetwork { network: network("back") }).await;

    // A daemon that shows another certificate is not talked to.
    let folder = std::path::PathBuf::from(std::env::var("INCUS_CONF").unwrap());
    std::fs::copy(folder.join("client.crt"), folder.join("servercerts/itself.crt")).unwrap();
    let machines = IncusMachines::open(Some("itself"), lab.id.clone(), settings()).unwrap();
    let error = machines.look().await.unwrap_err();
    assert!(error.why.contains("another certificate"), "{error:?}");
    incus(&["remote", "remove", "itself"]);
    incus(&["config", "unset", "core.https_address"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_not_finished_is_finished() {
    let lab = Lab::new("half");
    let spec = Lab::machine("one", vec![]);
    let create = Action::CreateMachine { node: node("one"), spec: spec.clone() };
    lab.twice(create.clone()).await;
    // As a crash between making and noting leaves it.
    let listed: serde_json::Value = serde_json::from_str(&incus(&["list", "-f", "json"])).unwrap();
    let ours = listed.as_array().unwrap().iter().find(|one| one["config"]["user.sandtable.lab"] == lab.id.as_str()).unwrap();
    incus(&["config", "unset", ours["name"].as_str().unwrap(), "user.sandtable.spec"]);
    assert_eq!(lab.look().await.machines[&node("one")].spec, None);
    lab.twice(create).await;
    assert_eq!(lab.look().await.machines[&node("one")].spec, Some(spec));
}

/// Whoever is killed while the daemon makes its network leaves a record without a bridge: it is seen, made again, and removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_was_cut_off_is_made_again() {
    let lab = Lab::new("cut-off");
    let create = create_network("back", NetworkKind::HostOnly, Some("10.77.41.0/24"));
    lab.act(create.clone()).await.unwrap();
    let listed: serde_json::Value = serde_json::from_str(&incus(&["network", "list", "-f", "json"])).unwrap();
    let made = listed.as_array().unwrap().iter().find(|one| one["config"]["user.sandtable.lab"] == lab.id.as_str()).unwrap().clone();
    let bridge = made["name"].as_str().unwrap();
    let path = format!("/1.0/networks/{bridge}");
    let status = || incus(&["query", &path]).parse::<serde_json::Value>().unwrap()["status"].as_str().unwrap().to_owned();
    for again in
        [create.clone(), Action::ChangeNetwork { network: network("back"), spec: spec(NetworkKind::HostOnly, Some("10.77.41.0/24")) }]
    {
        cut_off(&made, bridge);
        assert_eq!(status(), "Pending");
        assert_eq!(lab.look().await.cut_off, [network("back")].into(), "what is there is said");
        assert_eq!(lab.act(again.clone()).await, Ok(Done::Changed));
        assert_eq!((status().as_str(), lab.look().await.cut_off.len()), ("Created", 0));
        assert_eq!(lab.act(again).await, Ok(Done::AlreadySo));
    }
    let spec = Lab::machine("one", vec![lab.adapter("one", 0, "back", Some("10.77.41.11/24"), vec![])]);
    lab.act(Action::CreateMachine { node: node("one"), spec }).await.unwrap();
    lab.act(Action::PowerOn { node: node("one") }).await.unwrap();
    lab.act(Action::DeleteMachine { node: node("one") }).await.unwrap();
    cut_off(&made, bridge);
    lab.twice(Action::DeleteNetwork { network: network("back") }).await;
}

/// Asks the daemon for a network anew, and is gone before it is made.
fn cut_off(made: &serde_json::Value, bridge: &str) {
    let body = serde_json::json!({ "name": bridge, "type": "bridge", "config": made["config"] }).to_string();
    let request = format!("POST /1.0/networks HTTP/1.1\r\nHost: incus\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let begun = Instant::now();
    loop {
        incus(&["network", "delete", bridge]);
        let mut socket = std::os::unix::net::UnixStream::connect(std::env::var("INCUS_SOCKET").unwrap()).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        // Until the record is there; making the bridge takes much longer.
        while !Process::new("incus").args(["query", &format!("/1.0/networks/{bridge}")]).output().unwrap().status.success() {
            assert!(begun.elapsed() < SECS, "the daemon does not make it");
        }
        drop(socket);
        // It says what it leaves behind once it has made the bridge and taken it away.
        loop {
            let shown = incus(&["query", &format!("/1.0/networks/{bridge}")]);
            let has_bridge =
                Process::new("incus").args(["query", &format!("/1.0/networks/{bridge}/state")]).output().unwrap().status.success();
            let shown: serde_json::Value = shown.parse().unwrap();
            if shown["status"] == "Created" {
                break;
            }
            if !has_bridge && begun.elapsed() > Duration::from_secs(2) {
                return;
            }
        }
        assert!(begun.elapsed() < SECS, "it was never caught half made");
    }
}

/// Many short commands at once on a machine with no processor to spare: each says all that it has to say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_of_a_command_is_lost() {
    let lab = Lab::new("words");
    lab.act(Action::CreateMachine { node: node("one"), spec: Lab::machine("one", vec![]) }).await.unwrap();
    lab.act(Action::PowerOn { node: node("one") }).await.unwrap();
    lab.says("one", "head -c 300000 /dev/zero | tr '\\0' x > /srv/long").await;
    let busy: Vec<_> = (0..6).map(|_| Process::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap()).collect();
    let start = Instant::now();
    let several = async |first: u32| {
        let one = lab.machines.transport(&node("one")).await.unwrap();
        for number in (first..300).step_by(4) {
            let input = format!("input {number}");
            let script = match number % 3 {
                0 => "cat",
                1 => "cat; echo more >&2",
                _ => "cat; cat /srv/long",
            };
            let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
            let output = one.run(Command { argv, stdin: input.clone().into_bytes(), timeout: Duration::from_secs(60) }).await.unwrap();
            let (expected, said) = (input.len() + if number % 3 == 2 { 300_000 } else { 0 }, output.stdout.len());
            assert!(output.stdout.starts_with(input.as_bytes()) && said == expected, "command {number} said {said} of {expected} bytes");
            assert_eq!(output.stderr, if number % 3 == 1 { b"more\n".as_slice() } else { b"" }, "command {number}");
        }
    };
    tokio::join!(several(0), several(1), several(2), several(3));
    println!("sandtable-figures: incus 300 commands, 4 at a time, on a busy machine: {:.1} s, no word lost", start.elapsed().as_secs_f32());
    for mut process in busy {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_said_and_nothing_is_left() {
    let lab = Lab::new("full");
    let tiny =
        IncusMachines::open(None, lab.id.clone(), Settings { image: Some(image()), pool: Some("tiny-test".into()), ..settings() }).unwrap();
    incus(&["storage", "create", "tiny-test", "btrfs", "size=160MiB"]);
    let create = Action::CreateMachine { node: node("one"), spec: Lab::machine("one", vec![]) };
    let error = tiny.act(&create, &|_| ()).await.unwrap_err();
    assert!(error.next.contains("incus storage") && error.retry == Retry::Useless, "{error:?}");
    assert!(error.why.contains("No space left") && error.why.len() < 600, "{error:?}");
    assert_eq!(lab.look().await, Below::default());
    incus(&["storage", "delete", "tiny-test"]);
}
