//! The whole life of labs in a real VirtualBox, as far as it goes without starting machines. Started by `./dev test virtualbox`,
//! because it needs root and a chroot (`tests/virtualbox/bed`).

mod disks;
mod doors;
mod images;
mod imports;
mod inaccessible;
mod life;
mod names_of_any_language;
mod preflight;

use super::support::{Bed, Guest, deploy, planned, remove, runtime};
use sandtable::{
    host::ssh::LoginKey,
    model::{Fault, Forward, Lab, Network, NetworkKind, Node, NodeName, Role},
    plan::{Action, LabId},
    provider::{
        Done,
        machines::{Machines, Reach},
        virtualbox::{Options, names},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// One test at a time: `VBoxSVC` is slow when both processors are busy, and times are measured.
static ALONE: Mutex<()> = Mutex::new(());

fn id(name: &str) -> LabId {
    LabId::of_file(Path::new(&format!("/labs/{name}.ron")))
}

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

/// The images that a lab clones, and host-only interfaces with its addresses: the namespace cannot make any.
fn prepare(bed: &Bed, lab: &Lab) {
    let images: BTreeSet<(String, String)> = lab
        .nodes
        .values()
        .filter_map(|node| lab.image_of(node))
        .map(|image| (image.name.clone(), image.snapshot.clone().unwrap_or_else(|| "base".into())))
        .collect();
    for (name, snapshot) in images {
        bed.image(&name, &snapshot);
    }
    for subnet in lab.networks.values().filter(|network| network.kind == NetworkKind::HostOnly).filter_map(|network| network.subnet) {
        let host = subnet.hosts().next().unwrap();
        Bed::interface(&format!("vboxnet{}", host.octets()[2]), &format!("{host}/{}", subnet.prefix_len()));
    }
}

fn none<T: std::fmt::Debug>(what: &str, found: &[T]) {
    assert!(found.is_empty(), "{what}: {found:#?}");
}

#[test]
fn the_whole_life_of_each_layout() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    life::whole_lives();
}

#[test]
fn every_format_of_cloud_image_is_cloned_and_goes() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    images::every_format_is_cloned_and_goes();
}

#[test]
fn labs_share_an_image_that_is_a_file() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    images::labs_share_an_image();
}

#[test]
fn an_image_reads_no_other_file_of_the_host() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    images::an_image_reads_no_other_file_of_the_host();
}

#[test]
fn an_image_outside_of_the_folder_is_allowed_once() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    images::an_image_outside_of_the_folder_is_allowed_once();
}

#[test]
fn a_disk_becomes_as_large_as_drawn() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    disks::a_disk_becomes_as_large_as_drawn();
}

#[test]
fn machines_are_in_their_labs_group() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    disks::machines_are_in_their_labs_group();
}

#[test]
fn nothing_of_the_host_is_passed_on() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    disks::nothing_of_the_host_is_passed_on();
}

#[test]
fn machines_made_by_hand_become_a_layout() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    imports::machines_become_a_layout();
}

#[test]
fn names_of_any_language() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    names_of_any_language::every_name_is_read();
}

#[test]
fn inaccessible_machines() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    inaccessible::all_else_goes_on();
}

#[test]
fn machines_unregistered_by_hand() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    inaccessible::an_unregistered_machine_keeps_its_disk_until_that_is_agreed_to();
}

#[test]
fn what_a_plan_lacks_is_found_before_the_first_change() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    preflight::all_that_lacks_is_said_at_once();
}

#[test]
fn what_needs_the_kernels_module_is_said() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    life::what_needs_the_kernel_is_said();
}

#[test]
fn what_is_said_to_be_removed_is_looked_for() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    life::what_is_said_to_be_removed_is_looked_for();
}

#[test]
fn whatever_fails_the_next_deployment_mends() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    life::whatever_fails_is_mended();
}

/// Another size, another adapter, a forward, a network and a node more, a node less.
fn change(drawn: &mut Lab) {
    let last = drawn.nodes.keys().next_back().unwrap().clone();
    drawn.nodes.shift_remove(&last);
    drawn.flows.retain(|flow| flow.from.node() != Some(&last) && flow.to.node() != Some(&last));
    drawn.vips.clear();
    let extra = Network::with_subnet(NetworkKind::Internal, "10.77.0.0/24".parse().unwrap());
    drawn.networks.insert("extra wire".parse().unwrap(), extra);
    let shared = Network::with_subnet(NetworkKind::NatNetwork, "10.78.0.0/24".parse().unwrap());
    drawn.networks.insert("shared".parse().unwrap(), shared);
    let adapter = |network: &str, address: &str| sandtable::model::Adapter {
        address: address.parse().ok(),
        ..sandtable::model::Adapter::on(network.parse().unwrap())
    };
    let first = drawn.nodes.values_mut().next().unwrap();
    (first.memory, first.cpus) = (first.memory + 64, first.cpus + 1);
    first.adapters.push(adapter("extra wire", "10.77.0.9"));
    let mut fresh = Node::new(Role::Worker);
    fresh.adapters = vec![adapter("extra wire", "10.77.0.10"), adapter("shared", "10.78.0.10")];
    drawn.nodes.insert("fresh".parse().unwrap(), fresh);
    for node in drawn.nodes.values_mut() {
        node.services.clear();
        (node.site, node.after) = (None, Vec::new());
        for adapter in node.adapters.iter_mut().filter(|adapter| !adapter.forwards.is_empty()) {
            adapter.forwards.push(Forward { host: 18_080, to: 8080, address: std::net::Ipv4Addr::LOCALHOST });
        }
    }
    drawn.flows.clear();
    drawn.links.clear();
    drawn.sites.clear();
    drawn.networks.values_mut().for_each(|network| network.site = None);
    (drawn.accepted, drawn.notes, drawn.views) = (Vec::new(), Vec::new(), Vec::new());
    drawn.canvas = Default::default();
}

#[test]
fn ssh_comes_in_by_its_doors() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    doors::ssh_comes_in_by_its_doors(&Bed::new(), &id("doors"), small());
}

/// What somebody does by hand to one machine.
fn drift(bed: &Bed, id: &LabId, node: &NodeName) {
    let machine = names::machine(id, node);
    bed.call(&["modifyvm", &machine, "--memory", "777", "--nic7", "intnet", "--intnet7", "by-hand"]);
}

/// Cables can be pulled while a machine is off as well, and what is done is done once.
#[test]
fn what_is_done_to_machines_that_are_off() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("cables"));
    bed.image("image", "base");
    runtime().block_on(async {
        let (lab, drawn, first) = (bed.lab(&id), small(), node("n1"));
        none("deploy", &deploy(&drawn, &id, &lab).await);
        let spec = lab.look().await.unwrap().machines[&first].spec.clone().unwrap();
        let again = Action::CreateMachine { node: first.clone(), spec };
        assert_eq!(lab.act(&again, &|_| {}).await.unwrap(), Done::AlreadySo);
        let fault = Fault::LinkDown(first.clone(), "wire".parse().unwrap());
        assert_eq!(lab.break_below(&fault).await.unwrap(), Reach::Below);
        assert!(!lab.look().await.unwrap().machines[&first].links_up[0]);
        lab.mend_below(&fault).await.unwrap();
        lab.mend_below(&fault).await.unwrap();
        assert!(lab.look().await.unwrap().machines[&first].links_up[0]);
        assert_eq!(lab.break_below(&Fault::OneWay(first.clone(), node("n2"))).await.unwrap(), Reach::Inside);
        let off = lab.break_below(&Fault::Pause(first)).await.unwrap_err();
        assert!(off.why.contains("off"), "{off}");
        none("destroy", &remove(&lab).await);
    });
}

#[test]
fn a_cut_moves_one_side_and_is_no_difference() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("cut"));
    bed.image("image", "base");
    runtime().block_on(async {
        let (lab, drawn) = (bed.lab(&id), small());
        none("deploy", &deploy(&drawn, &id, &lab).await);
        let cut = Fault::Cut(vec![node("n1")], vec![node("n2")]);
        assert_eq!(lab.break_below(&cut).await.unwrap(), Reach::Below);
        let machine = names::uuid(&id, "n2");
        let shown = bed.call(&["showvminfo", &machine, "--machinereadable"]);
        assert!(shown.contains(&format!("intnet1=\"{}.cut\"", names::network(&id, "wire"))), "{shown}");
        none("plan while it is cut", &planned(&drawn, &id, &lab).await.unwrap());
        lab.mend_below(&cut).await.unwrap();
        lab.mend_below(&cut).await.unwrap();
        assert!(!bed.call(&["showvminfo", &machine, "--machinereadable"]).contains(".cut\""));
        none("destroy", &remove(&lab).await);
    });
}

/// Two nodes on one internal network.
fn small() -> Lab {
    let mut lab = Lab::new("Small");
    lab.image = Some(image("image", "base"));
    let wire = Network::with_subnet(NetworkKind::Internal, "10.1.0.0/24".parse().unwrap());
    lab.networks.insert("wire".parse().unwrap(), wire);
    for number in 1..=2 {
        let mut node = Node::new(Role::Worker);
        let adapter = sandtable::model::Adapter::on("wire".parse().unwrap());
        node.adapters = vec![sandtable::model::Adapter { address: format!("10.1.0.{}", 10 + number).parse().ok(), ..adapter }];
        lab.nodes.insert(format!("n{number}").parse().unwrap(), node);
    }
    lab
}

fn image(name: &str, snapshot: &str) -> sandtable::model::Image {
    let text = format!("(name: {name:?}, snapshot: Some({snapshot:?}))");
    ron::from_str(&text).unwrap()
}

#[test]
fn two_labs_and_strangers_side_by_side() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = Bed::new();
    let template = sandtable::layout::template("three-node-lab").unwrap();
    prepare(&bed, &template.lab);
    // A stranger's machine that looks like ours in everything but the identity.
    let (one, other) = (id("one"), id("other"));
    let stranger = format!("app-node-01.{one}");
    bed.call(&["createvm", "--name", &stranger, "--ostype", "Debian_64", "--register", "--groups", "/strangers"]);
    bed.call(&["modifyvm", &stranger, "--nic1", "hostonly", "--hostonlyadapter1", "vboxnet56"]);
    bed.call(&["setextradata", &stranger, "sandtable/lab", one.as_str()]);
    bed.call(&["setextradata", "global", "sandtable/unknown", "kept"]);
    let before = bed.inventory();
    let shown = bed.call(&["showvminfo", &stranger, "--machinereadable"]);
    runtime().block_on(async {
        let (first, second) = (bed.lab(&one), bed.lab(&other));
        let (failed, also) = tokio::join!(deploy(&template.lab, &one, &first), deploy(&template.lab, &other, &second));
        none("deploy one", &failed);
        none("deploy the other", &also);
        none("plan one", &planned(&template.lab, &one, &first).await.unwrap());
        none("destroy one", &remove(&first).await);
        none("the other is as it was", &planned(&template.lab, &other, &second).await.unwrap());
        none("destroy the other", &remove(&second).await);
    });
    assert_eq!(bed.inventory(), before);
    // VirtualBox forgets since when a machine that was never started is off.
    let settings = |shown: &str| shown.lines().filter(|line| !line.starts_with("VMStateChangeTime")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(settings(&bed.call(&["showvminfo", &stranger, "--machinereadable"])), settings(&shown));
}

#[test]
fn what_cannot_be_is_said_and_nothing_is_left() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("cannot"));
    bed.image("image", "03-hardened-base");
    let before = bed.inventory();
    runtime().block_on(async {
        let lab = bed.lab(&id);
        let failures = |drawn: Lab| {
            let (lab, id) = (Arc::clone(&lab), id.clone());
            async move {
                let failures = deploy(&drawn, &id, &lab).await;
                none("clean up", &remove(&lab).await);
                failures.into_iter().map(|error| format!("{error}. {}", error.next)).collect::<Vec<_>>().join("\n")
            }
        };
        let said = failures(Lab { image: Some(image("nowhere", "x")), ..small() }).await;
        assert!(said.contains("nowhere does not exist") && said.contains("VirtualBox has: image"), "{said}");
        let said = failures(Lab { image: Some(image("image", "x")), ..small() }).await;
        assert!(said.contains("has no snapshot x") && said.contains("03-hardened-base"), "{said}");
        let said = failures(Lab { image: None, ..small() }).await;
        assert!(said.contains("names no image"), "{said}");
        // Nine adapters; the image's chipset has eight.
        let mut many = Lab { image: Some(image("image", "03-hardened-base")), ..small() };
        let adapter = sandtable::model::Adapter::on("wire".parse().unwrap());
        many.nodes.values_mut().next().unwrap().adapters.extend(std::iter::repeat_n(adapter, 8));
        let said = failures(many).await;
        assert!(said.contains("chipset has 8") && said.contains("ich9"), "{said}");
        // A range that VirtualBox does not allow is told before anything is made; one that it does needs the kernel's module here.
        let host_only = |subnet: &str| {
            let mut lab = Lab { image: Some(image("image", "03-hardened-base")), ..small() };
            lab.networks.insert("lan".parse().unwrap(), Network::with_subnet(NetworkKind::HostOnly, subnet.parse().unwrap()));
            lab
        };
        let said = failures(host_only("10.20.30.0/24")).await;
        assert!(said.contains("* 192.168.56.0/21 10.20.30.0/24"), "{said}");
        let said = failures(host_only("192.168.63.0/24")).await;
        assert!(said.contains("vboxnetctl") && said.contains("modprobe"), "{said}");
    });
    assert_eq!(bed.inventory(), before);
}

#[test]
fn a_node_that_somebody_has_cloned_is_not_half_deleted() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("cloned"));
    bed.image("image", "base");
    let before = bed.inventory();
    runtime().block_on(async {
        let (lab, drawn) = (bed.lab(&id), small());
        none("deploy", &deploy(&drawn, &id, &lab).await);
        let machine = names::uuid(&id, "n1");
        bed.call(&["snapshot", &machine, "take", "theirs"]);
        bed.call(&["clonevm", &machine, "--snapshot", "theirs", "--options=Link", "--name", "child", "--register"]);
        let failed = remove(&lab).await;
        assert!(failed.iter().any(|error| error.why.contains("cloned from its own")), "{failed:?}");
        assert!(bed.call(&["list", "vms"]).contains(&machine), "it is as it was");
        bed.call(&["unregistervm", "child", "--delete"]);
        none("destroy", &remove(&lab).await);

        // One that was deleted half-way: unregistered, with disks and settings left.
        none("deploy", &deploy(&drawn, &id, &lab).await);
        bed.call(&["unregistervm", &machine]);
        let left = lab.look().await.unwrap();
        assert!(left.machines[&node("n1")].spec.is_none(), "{left:?}");
        none("deploy again", &deploy(&drawn, &id, &lab).await);
        none("plan again", &planned(&drawn, &id, &lab).await.unwrap());
        bed.call(&["unregistervm", &machine]);
        none("destroy", &remove(&lab).await);
        assert_eq!(lab.look().await.unwrap(), Default::default());
    });
    assert_eq!(bed.inventory(), before);
}

#[test]
fn notes_are_kept_on_machines() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("notes"));
    bed.image("image", "base");
    runtime().block_on(async {
        let (lab, drawn) = (bed.lab(&id), small());
        none("deploy", &deploy(&drawn, &id, &lab).await);
        let long = format!("{{\"é\":\"{} $(id) ' \\\" , Value: x\"}}", "x".repeat(40_000));
        let note = |key: &str, value: Option<&str>| BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]);
        for (key, value) in [("service.web", long.as_str()), ("configured", "{}"), ("service.web", "short"), ("service.web", long.as_str())]
        {
            lab.note(&node("n1"), &note(key, Some(value))).await.unwrap();
            let noted = lab.look().await.unwrap().machines[&node("n1")].notes[key].clone();
            let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|_| text.into());
            assert_eq!(json(&noted), json(value));
        }
        lab.note(&node("n1"), &note("service.web", None)).await.unwrap();
        assert_eq!(lab.look().await.unwrap().machines[&node("n1")].notes.keys().collect::<Vec<_>>(), ["configured"]);
        none("destroy", &remove(&lab).await);
    });
}

/// What a machine without vboxdrv says when it is started, and what it has to say for itself.
#[test]
fn a_machine_that_cannot_start_says_why() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("start"));
    bed.image("image", "base");
    runtime().block_on(async {
        let (lab, drawn) = (bed.lab(&id), small());
        none("deploy", &deploy(&drawn, &id, &lab).await);
        let failed = lab.act(&Action::PowerOn { node: node("n1") }, &|_| {}).await.unwrap_err();
        assert!(failed.next.contains("vboxdrv"), "{failed:?}");
        assert_eq!(lab.act(&Action::PowerOff { node: node("n1") }, &|_| {}).await.unwrap(), Done::AlreadySo);
        let checks = lab.doctor(&[]).await;
        assert!(checks.iter().any(|check| check.title == "version" && check.found.contains("7.2")), "{checks:?}");
        none("destroy", &remove(&lab).await);
    });
}

/// A machine that pretends to run, and a real sshd in its place: the first contact, the addresses, the uplink that goes.
#[test]
fn a_stranger_is_met_once_and_known_from_then_on() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (bed, id) = (Bed::new(), id("contact"));
    bed.image("image", "base");
    // The host's own loopback stands in for a host-only network: an address of it can be listened at.
    Bed::interface("vboxnet77", "127.0.77.1/24");
    let mut drawn = small();
    drawn.networks.insert("lan".parse().unwrap(), Network::with_subnet(NetworkKind::HostOnly, "127.0.77.0/24".parse().unwrap()));
    let lan = sandtable::model::Adapter { address: "127.0.77.11".parse().ok(), ..sandtable::model::Adapter::on("lan".parse().unwrap()) };
    drawn.nodes["n1"].adapters.insert(0, lan);
    let login = bed.folder.path().join("login");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&login).status();
    if !made.is_ok_and(|made| made.success()) {
        eprintln!("skipped: ssh-keygen is not installed");
        return;
    }
    let options = Options {
        key: LoginKey::File(login.clone()),
        boot_limit: Duration::from_secs(40),
        shutdown_limit: Duration::ZERO,
        ..Options::default()
    };
    let pretender = bed.pretender();
    runtime().block_on(async {
        let lab = bed.lab_of(&id, &pretender, options.clone());
        none("deploy", &deploy(&drawn, &id, &lab).await);
        let (n1, machine) = (node("n1"), names::uuid(&id, "n1"));
        let shown = bed.call(&["showvminfo", &machine, "--machinereadable"]);
        assert!(shown.contains("nic3=\"nat\""), "an uplink after the drawn adapters");
        let port = shown.split_once("sandtable-ssh,tcp,127.0.0.1,").unwrap().1.split(',').next().unwrap().to_owned();
        let Some(guest) = Guest::new(&[&format!("127.0.0.1:{port}"), "127.0.77.11:22"], &login.with_extension("pub")) else { return };

        // Its own port is taken by what pretends to be it, so it is started by hand.
        std::fs::write(bed.folder.path().join("on").join(&machine), "").unwrap();
        lab.act(&Action::PowerOn { node: n1.clone() }, &|_| {}).await.unwrap();
        let keys = bed.call(&["getextradata", &machine, names::HOST_KEYS_KEY]);
        let now = guest.read("etc/ssh/ssh_host_ed25519_key.pub");
        assert!(keys.contains(now.split_whitespace().nth(1).unwrap()), "{keys}");
        assert_ne!(now, guest.read("image.pub"), "the image's key is every clone's");
        assert_ne!(guest.read("etc/machine-id").trim(), "0123456789abcdef0123456789abcdef");
        assert_eq!(lab.act(&Action::PowerOn { node: n1.clone() }, &|_| {}).await.unwrap(), Done::AlreadySo);
        assert_eq!(guest.read("etc/ssh/ssh_host_ed25519_key.pub"), now, "a second time it is known and left alone");

        let run = |script: &str| sandtable::provider::transport::Command::script(script, Duration::from_secs(30));
        let transport = lab.transport(&n1).await.unwrap();
        let ran = transport.run(run("id -u; echo $SSH_CONNECTION")).await.unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        assert!(said.starts_with("0\n127.0.0.1 ") && said.trim().ends_with(&port), "through the forward: {said}");

        // Before it has its addresses there is no other way in, so the uplink stays.
        assert_eq!(lab.provisioned().await.unwrap(), Done::AlreadySo);
        assert!(bed.call(&["showvminfo", &machine, "--machinereadable"]).contains("nic3=\"nat\""));
        lab.note(&n1, &BTreeMap::from([("configured".to_owned(), Some("{}".to_owned()))])).await.unwrap();
        let ran = lab.transport(&n1).await.unwrap().run(run("echo $SSH_CONNECTION")).await.unwrap();
        assert!(String::from_utf8(ran.stdout).unwrap().contains("127.0.77.11 22"), "by its own address");
        assert_eq!(lab.provisioned().await.unwrap(), Done::Changed);
        assert_eq!(lab.provisioned().await.unwrap(), Done::AlreadySo);
        let shown = bed.call(&["showvminfo", &machine, "--machinereadable"]);
        assert!(shown.contains("nic3=\"null\"") && !shown.contains("sandtable-ssh"), "{shown}");
        none("plan", &planned(&drawn, &id, &lab).await.unwrap());

        // Somebody else at its address is not spoken to.
        drop(guest);
        let Some(_other) = Guest::new(&["127.0.77.11:22"], &login.with_extension("pub")) else { return };
        let lab = bed.lab_of(&id, &pretender, options);
        let refused = lab.transport(&n1).await.unwrap().run(run("true")).await.unwrap_err();
        assert!(refused.why.contains("another host key"), "{refused}");
        none("destroy", &remove(&lab).await);
    });
}

#[test]
fn the_bed_is_a_real_virtualbox() {
    let bed = Bed::new();
    let version = Command::new(&bed.manage).arg("--version").output().unwrap();
    println!("\nsandtable-figures: virtualbox {}", String::from_utf8_lossy(&version.stdout).trim());
}
