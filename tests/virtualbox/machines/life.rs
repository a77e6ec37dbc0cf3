//! The whole life of the shipped layouts by the program, as far as it goes without starting machines, and what becomes of a lab when
//! calls fail or the program dies.

use super::{change, drift, none, prepare, small};
use crate::support::{Bed, Counter, bare_call, program::Program};
use sandtable::{
    layout::{templates, write},
    model::{DhcpRange, Lab, Network, NetworkKind, NodeName},
    plan::LabId,
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How often a lab is made for the times that are printed: the smallest and the largest often enough for a median.
const RUNS: usize = 3;
const OFTEN: [&str; 2] = ["three-node-lab", "linux-cluster"];
/// Calls that a machine may take, and those that a lab may take whatever its size (15 to 20). A machine is cloned, marked, shaped and
/// looked at; its disk is grown, looked at and marked; its specification is stored. A late call is repeated, so there is room for some.
const CALLS_A_NODE_MAX: f64 = 8.0;
const CALLS_MORE_MAX: f64 = 30.0;

impl Program {
    fn in_bed(bed: &Bed, name: &str, lab: &Lab, manage: &Path) -> Self {
        let mut program = Self::new(bed.folder.path(), name, &write(lab), "virtualbox");
        program.environment.push(("SANDTABLE_VBOXMANAGE", manage.into()));
        program
    }

    fn id(&self) -> LabId {
        LabId::of_file(&self.layout.canonicalize().unwrap())
    }

    fn draws(&self, lab: &Lab) {
        std::fs::write(&self.layout, write(lab)).unwrap();
    }

    /// The steps that a deployment would do, each with its reason.
    fn steps(&self) -> Vec<(String, String)> {
        let plan = self.json(0, "plan", &["--off"]);
        assert_eq!(plan["unplannable"], serde_json::json!([]));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        plan["steps"].as_array().unwrap().iter().map(|step| (text(&step["id"]), text(&step["reason"]))).collect()
    }

    fn deploys(&self) {
        // The changed layouts are not made to be free of errors.
        let done = self.json(0, "deploy", &["--off", "--yes", "--force"]);
        assert_eq!(done["ending"], "done", "{done}");
    }
}

/// Every layout, all its nodes.
pub fn whole_lives() {
    for template in templates() {
        let bed = Bed::new();
        prepare(&bed, &template.lab);
        let before = bed.inventory();
        life(&bed, template.name, template.lab);
        let after = bed.inventory();
        for (list, was) in &before {
            assert_eq!(after[list], *was, "{}: {list} is not as before", template.name);
        }
    }
}

fn life(bed: &Bed, name: &str, mut drawn: Lab) {
    let (counter, program) = bed.counter();
    let lab = Program::in_bed(bed, name, &drawn, &program);
    let (took, made) = timed(bed, name, &drawn, &lab, (&counter, &program));
    let (nodes, calls) = (f64::from(u32::try_from(drawn.nodes.len()).unwrap()), f64::from(u32::try_from(made.len()).unwrap()));
    assert!(calls <= CALLS_A_NODE_MAX * nodes + CALLS_MORE_MAX, "{calls} calls for {nodes} nodes: {:#?}", by_kind(&made));
    assert!(took < Duration::from_secs(120), "{took:?}");
    none("plan again", &lab.steps());
    let status = lab.json(1, "status", &[]);
    let nodes = status["nodes"].as_object().unwrap();
    assert_eq!(nodes.len(), drawn.nodes.len());
    assert!(nodes.values().all(|node| node["power"] == "stopped"), "{status}");

    change(&mut drawn);
    lab.draws(&drawn);
    lab.deploys();
    none("plan after the change", &lab.steps());

    let first = drawn.nodes.keys().next().unwrap().clone();
    drift(bed, &lab.id(), &first);
    let steps = lab.steps();
    assert!(steps.len() == 1 && steps[0].0 == format!("change-machine:{first}"), "{steps:?}");
    assert!(steps[0].1.contains("MiB") && steps[0].1.contains("not drawn"), "{steps:?}");
    lab.deploys();
    none("plan after the drift", &lab.steps());

    kept_and_restored(&lab, &first);
    let started = Instant::now();
    lab.text(0, "destroy", &["--yes"]);
    println!("\nsandtable-figures: virtualbox {name}: destroyed in {:.2} s", started.elapsed().as_secs_f64());
    assert!(lab.text(0, "destroy", &["--yes"]).contains("not deployed"));
}

fn kept_and_restored(lab: &Program, node: &NodeName) {
    assert_eq!(lab.json(0, "snapshot", &[node])["nodes"][node.as_str()][0], format!("{node}-configured"));
    assert!(lab.text(2, "snapshot", &[node]).contains("--replace"), "a snapshot is not replaced without saying so");
    lab.text(0, "restore", &[node, "--yes"]);
    let missing = lab.text(2, "restore", &[node, "nothing", "--yes"]);
    assert!(missing.contains(&format!("it has: {node}-configured")), "{missing}");
    none("plan after the restore", &lab.steps());
}

/// Makes a lab and removes it, and does so by bare calls, in turns; prints the medians. The lab is there afterwards.
fn timed(bed: &Bed, name: &str, drawn: &Lab, lab: &Program, (counter, program): (&Counter, &Path)) -> (Duration, Vec<String>) {
    let (mut ours, mut bares, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let runs = if OFTEN.contains(&name) { RUNS } else { 1 };
    for run in 0..runs {
        if run > 0 {
            lab.text(0, "destroy", &["--yes"]);
        }
        bares.push(bare(bed, drawn, &lab.id(), program));
        let before = counter.count();
        let started = Instant::now();
        lab.deploys();
        ours.push(started.elapsed());
        calls = counter.calls().split_off(before as usize);
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (ours, bare) = (median(&mut ours), median(&mut bares));
    println!(
        "\nsandtable-figures: virtualbox {name}: {} machines made in {:.2} s with {} calls ({:.1} a node); bare calls {:.2} s, ratio {:.2} (medians of {runs})",
        drawn.nodes.len(),
        ours.as_secs_f64(),
        calls.len(),
        calls.len() as f64 / drawn.nodes.len() as f64,
        bare.as_secs_f64(),
        ours.as_secs_f64() / bare.as_secs_f64()
    );
    (ours, calls)
}

/// How often each of these calls was made: by its verb, and by what it asks for.
fn by_kind(calls: &[String]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for call in calls {
        let mut words = call.split(' ');
        let verb = words.next().unwrap_or_default();
        let kind = match verb {
            "list" => words.next().map_or_else(|| verb.to_owned(), |list| format!("{verb} {list}")),
            "modifymedium" | "showmediuminfo" => verb.to_owned(),
            _ => words.nth(1).map_or_else(|| verb.to_owned(), |option| format!("{verb} {option}")),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// The same by a script's bare calls, in the same order and parallelism: what is there is asked at once, networks are noted side by
/// side, then the image is looked at, clones are made one after the other, and the rest of each machine beside the others.
fn bare(bed: &Bed, drawn: &Lab, id: &LabId, program: &Path) -> Duration {
    let call = |args: &[&str]| bare_call(program, args);
    let clones = Mutex::new(());
    let image = drawn.nodes.values().find_map(|node| drawn.image_of(node)).unwrap();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for asked in [["list", "vms"], ["list", "hdds"], ["list", "systemproperties"], ["getextradata", "global"]] {
            let call = &call;
            scope.spawn(move || if asked[0] == "list" { call(&asked) } else { call(&[asked[0], asked[1], "enumerate"]) });
        }
    });
    std::thread::scope(|scope| {
        for (name, network) in &drawn.networks {
            let call = &call;
            scope.spawn(move || {
                if network.kind == NetworkKind::HostOnly {
                    call(&["list", "hostonlyifs"]);
                }
                call(&["setextradata", "global", &format!("bare/{name}"), id.as_str()]);
            });
        }
    });
    call(&["showvminfo", &image.name, "--machinereadable"]);
    std::thread::scope(|scope| {
        for (name, node) in &drawn.nodes {
            let (clones, call, image) = (&clones, &call, drawn.image_of(node).unwrap());
            scope.spawn(move || {
                let machine = format!("bare-{name}");
                let snapshot = image.snapshot.as_deref().unwrap_or("base");
                {
                    let _one = clones.lock();
                    let clone = ["clonevm", &image.name, "--snapshot", snapshot, "--options=Link", "--name", &machine, "--register"];
                    call(&clone.into_iter().chain(["--groups", "/bare"]).collect::<Vec<_>>());
                }
                call(&["setextradata", &machine, "lab", id.as_str()]);
                let mut args = vec!["modifyvm".to_owned(), machine.clone(), "--natpf1".into(), "delete".into(), "ssh".into()];
                for (slot, adapter) in (1..).zip(&node.adapters) {
                    args.extend([format!("--nic{slot}"), "intnet".into(), format!("--intnet{slot}"), adapter.network.to_string()]);
                }
                call(&args.iter().map(String::as_str).collect::<Vec<_>>());
                let shown = call(&["showvminfo", &machine, "--machinereadable"]);
                let disk = shown.split_once("\"SATA-ImageUUID-0-0\"=\"").unwrap().1.split('"').next().unwrap();
                call(&["modifymedium", "disk", disk, "--resize", "10240"]);
                call(&["setextradata", &machine, "made", id.as_str()]);
            });
        }
    });
    let took = started.elapsed();
    for name in drawn.nodes.keys() {
        bed.call(&["unregistervm", &format!("bare-{name}"), "--delete"]);
    }
    for name in drawn.networks.keys() {
        bed.call(&["setextradata", "global", &format!("bare/{name}")]);
    }
    let _empty = std::fs::remove_dir(bed.home.join("machines/bare"));
    took
}

/// A host-only interface needs the kernel's module, which is not here: that is said, and what was made goes again.
pub fn what_needs_the_kernel_is_said() {
    let bed = Bed::new();
    bed.image("image", "base");
    let before = bed.inventory();
    let mut drawn = small();
    drawn.networks.insert("lan".parse().unwrap(), Network::with_subnet(NetworkKind::HostOnly, "192.168.63.0/24".parse().unwrap()));
    let lab = Program::in_bed(&bed, "lan", &drawn, &bed.manage);
    let said = lab.text(3, "deploy", &["--off", "--force"]);
    assert!(said.contains("vboxnetctl") && said.contains("modprobe"), "{said}");
    lab.text(0, "destroy", &["--yes"]);
    assert_eq!(bed.inventory(), before);
}

/// VirtualBox says that networks are removed, and has them still: that is not believed, and they go with the next try.
pub fn what_is_said_to_be_removed_is_looked_for() {
    let bed = Bed::new();
    bed.image("image", "base");
    let mut drawn = small();
    drawn.networks.insert("shared".parse().unwrap(), Network::with_subnet(NetworkKind::NatNetwork, "10.78.0.0/24".parse().unwrap()));
    let mut served = Network::with_subnet(NetworkKind::Internal, "10.79.0.0/24".parse().unwrap());
    served.dhcp = Some(DhcpRange { from: "10.79.0.100".parse().unwrap(), to: "10.79.0.200".parse().unwrap() });
    drawn.networks.insert("served".parse().unwrap(), served);
    let before = bed.inventory();
    let lab = Program::in_bed(&bed, "liar", &drawn, &bed.manage);
    for what in ["natnetwork remove", "dhcpserver remove"] {
        lab.deploys();
        let liar = Program::in_bed(&bed, "liar", &drawn, &bed.liar(what));
        let said = liar.text(3, "destroy", &["--yes"]);
        assert!(said.contains(&format!("{what} was said to be done, and it is still there")), "{said}");
        lab.text(0, "destroy", &["--yes"]);
        assert_eq!(bed.inventory(), before, "{what}");
    }
}

/// For calls of a deployment: one fails, is done and fails all the same, hangs, or says that it is done and did nothing; or the
/// program is killed there, before the call or after it. The next deployment mends it, and destroying leaves nothing.
pub fn whatever_fails_is_mended() {
    let bed = Bed::new();
    bed.image("image", "base");
    let mut drawn = small();
    drawn.networks.insert("shared".parse().unwrap(), Network::with_subnet(NetworkKind::NatNetwork, "10.78.0.0/24".parse().unwrap()));
    let before = bed.inventory();
    let (counter, program) = bed.counter();
    let whole = Program::in_bed(&bed, "planted", &drawn, &program);
    whole.deploys();
    let deploying = counter.count();
    whole.text(0, "destroy", &["--yes"]);
    let destroying = counter.count() - deploying;
    let lab = Program::in_bed(&bed, "planted", &drawn, &bed.manage);
    let ways = [
        ("fail", "echo 'VBoxManage: error: planted' >&2; exit 1"),
        ("done and failed", "real \"$@\"; echo 'VBoxManage: error: planted' >&2; exit 1"),
        ("lie", "exit 0"),
        ("hang", "exec sleep 600"),
        ("killed before", "kill -9 $PPID; exit 1"),
        ("killed after", "real \"$@\"; kill -9 $PPID"),
    ];
    // All of them take the better part of an hour; a number here takes every so manieth, each way beginning at another.
    let every = std::env::var("SANDTABLE_PLANT_EVERY").ok().and_then(|every| every.parse().ok()).unwrap_or(1_usize);
    // Some of the ways, where one of them is looked into.
    let wanted = std::env::var("SANDTABLE_PLANT_WAYS").ok();
    let is_wanted = |way: &str| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|one| one == way));
    let started = Instant::now();
    let mut tried = 0;
    for (number, (way, instead)) in (0..).zip(ways).filter(|(_, (way, _))| is_wanted(way)) {
        for n in (1 + number % every as u32..=deploying).step_by(every) {
            let broken = |n: u32| {
                let mut broken = Program::in_bed(&bed, "planted", &drawn, &bed.saboteur("saboteur", n, instead));
                broken.environment.push(("SANDTABLE_VBOXMANAGE_SECONDS", "5".into()));
                broken
            };
            println!("{way} at call {n} of {deploying}");
            let _whatever = broken(n).call("deploy", &["--off", "--yes", "--force"]);
            lab.deploys();
            none(&format!("{way} at call {n}: plan"), &lab.steps());
            let _whatever = broken(1 + (n - 1) % destroying).call("destroy", &["--yes"]);
            lab.text(0, "destroy", &["--yes"]);
            assert_eq!(bed.inventory(), before, "{way} at call {n}");
            tried += 1;
        }
    }
    println!(
        "\nsandtable-figures: virtualbox failures planted at every {every}. of {deploying} calls, {}, while deploying and while destroying: {tried} mended in {:.0} s",
        wanted.as_deref().unwrap_or("all ways"),
        started.elapsed().as_secs_f64()
    );
}
