//! Disks that grow, are pulled out, or cannot grow; groups; and what a base passes on to its clones.

use super::{id, image, node, none, small};
use crate::support::{Bed, deploy, planned, remove, runtime};
use sandtable::{
    catalog::Catalog,
    model::Lab,
    plan::{Action, LabId, desired, refusals},
    provider::{machines::Machines, virtualbox::names},
};

fn with_disk(gib: u32) -> Lab {
    let mut lab = small();
    lab.nodes["n1"].disk = gib;
    lab
}

/// What VirtualBox says of a node's disk: its UUID and capacity.
fn disk(bed: &Bed, id: &LabId, node: &str) -> (String, String) {
    let shown = bed.call(&["showvminfo", &names::uuid(id, node), "--machinereadable"]);
    let uuid = shown.lines().find_map(|line| line.strip_prefix("\"SATA-ImageUUID-0-0\"=\"")).unwrap_or_else(|| panic!("{shown}"));
    let uuid = uuid.trim_end_matches('"').to_owned();
    let about = bed.call(&["showmediuminfo", "disk", &uuid]);
    let capacity = about.lines().find_map(|line| line.strip_prefix("Capacity:")).unwrap().trim().to_owned();
    (uuid, capacity)
}

/// Layouts ask for a larger disk, a smaller one, and what somebody pulled out by hand.
pub fn a_disk_becomes_as_large_as_drawn() {
    let (bed, id) = (Bed::new(), id("growth"));
    bed.image("image", "base");
    let before = bed.inventory();
    runtime().block_on(async {
        let lab = bed.lab(&id);
        none("deploy", &deploy(&with_disk(10), &id, &lab).await);
        assert_eq!(disk(&bed, &id, "n1").1, "10240 MBytes");
        let larger = with_disk(20);
        let steps = planned(&larger, &id, &lab).await.unwrap();
        let reasons: Vec<&str> = steps.iter().map(|step| step.reason.as_str()).collect();
        assert_eq!(reasons, ["n1 has a disk of 10 GiB, the layout says 20 GiB."]);

        // Who says that it is done and does nothing is not believed.
        let liar = bed.lab_with(&id, &bed.liar("modifymedium disk"), std::time::Duration::from_secs(60));
        let failed = deploy(&larger, &id, &liar).await;
        assert!(failed.iter().any(|error| error.why.contains("stays at 10240 MiB")), "{failed:?}");
        assert_eq!(planned(&larger, &id, &lab).await.unwrap().len(), 1, "the plan looks at the disk");

        none("deploy larger", &deploy(&larger, &id, &lab).await);
        assert_eq!(disk(&bed, &id, "n1").1, "20480 MBytes");
        none("plan again", &planned(&larger, &id, &lab).await.unwrap());

        // A snapshot of the node is in nobody's way, and stays as large as it was.
        lab.act(&Action::TakeSnapshot { node: node("n1"), snapshot: "small".into() }, &|_| {}).await.unwrap();
        none("deploy above a snapshot", &deploy(&with_disk(30), &id, &lab).await);
        assert_eq!(disk(&bed, &id, "n1").1, "30720 MBytes");
        lab.act(&Action::RestoreSnapshot { node: node("n1"), snapshot: "small".into() }, &|_| {}).await.unwrap();
        assert_eq!(planned(&with_disk(30), &id, &lab).await.unwrap().len(), 1, "its disk is as it was then");
        none("deploy after a snapshot", &deploy(&with_disk(30), &id, &lab).await);
        assert_eq!(disk(&bed, &id, "n1").1, "30720 MBytes");
        lab.act(&Action::DeleteSnapshot { node: node("n1"), snapshot: "small".into() }, &|_| {}).await.unwrap();

        // A smaller disk is refused, and nothing is planned for it.
        let smaller = with_disk(10);
        let wanted = desired(&smaller, Catalog::embedded(), &id);
        let refused = refusals(&wanted, &crate::support::observed(lab.look().await.unwrap()));
        assert!(refused.len() == 1 && refused[0].why.contains("cannot shrink"), "{refused:?}");
        none("plan a smaller disk", &planned(&smaller, &id, &lab).await.unwrap());

        // Pulled out by hand: seen, and plugged in again with all that is on it.
        let machine = names::uuid(&id, "n1");
        let (uuid, _) = disk(&bed, &id, "n1");
        let out = ["storageattach", &machine, "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", "none"];
        bed.call(&out);
        let steps = planned(&with_disk(30), &id, &lab).await.unwrap();
        assert!(steps.iter().any(|step| step.reason.contains("no disk")), "{steps:?}");
        none("plug it in", &deploy(&with_disk(30), &id, &lab).await);
        assert_eq!(disk(&bed, &id, "n1"), (uuid, "30720 MBytes".to_owned()));
        none("destroy", &remove(&lab).await);
    });
    assert_eq!(bed.inventory(), before);
}

/// Every machine is in its lab's group, its folder below it once, and nothing of either is left.
pub fn machines_are_in_their_labs_group() {
    let (bed, id) = (Bed::new(), id("groups"));
    bed.image("image", "base");
    let before = bed.inventory();
    runtime().block_on(async {
        let lab = bed.lab(&id);
        none("deploy", &deploy(&small(), &id, &lab).await);
        let group = names::group(&id);
        assert!(bed.call(&["list", "groups"]).contains(&format!("\"{group}\"")));
        for node in ["n1", "n2"] {
            let shown = bed.call(&["showvminfo", &names::uuid(&id, node), "--machinereadable"]);
            assert!(shown.contains(&format!("groups=\"{group}\"")), "{shown}");
            let folder = format!("/home/machines{group}/{}/", names::machine(&id, node));
            assert!(shown.lines().any(|line| line.starts_with("CfgFile=") && line.contains(&folder)), "{shown}");
        }
        none("destroy", &remove(&lab).await);

        // A clone whose deployment was ended before it came into the group.
        let loose = names::machine(&id, "n1");
        let cut = ["clonevm", "image", "--name", &loose, "--uuid", &names::uuid(&id, "n1"), "--snapshot", "base", "--options=Link"];
        bed.call(&[cut.as_slice(), &["--register"]].concat());
        none("deploy over it", &deploy(&small(), &id, &lab).await);
        none("destroy", &remove(&lab).await);
        bed.call(&[cut.as_slice(), &["--register"]].concat());
        bed.call(&["unregistervm", &names::uuid(&id, "n1")]);
        assert!(lab.look().await.unwrap().machines[&node("n1")].spec.is_none());
        none("destroy what is left of it", &remove(&lab).await);
    });
    assert_eq!(bed.inventory(), before);
}

/// A base with every way to the host that VirtualBox has: none of them is its clones'.
pub fn nothing_of_the_host_is_passed_on() {
    let (bed, id) = (Bed::new(), id("inherited"));
    let at = |name: &str| bed.folder.path().join(name).to_str().unwrap().to_owned();
    bed.image("image", "bare");
    std::fs::write(at("x.iso"), vec![0; 1 << 20]).unwrap();
    let (iso, serial, trace, movie) = (at("x.iso"), at("serial.log"), at("trace.pcap"), at("movie.webm"));
    bed.call(&["storagectl", "image", "--name", "IDE", "--add", "ide"]);
    let drive = ["storageattach", "image", "--storagectl", "IDE", "--port", "0", "--device", "0", "--type", "dvddrive", "--medium", &iso];
    bed.call(&drive);
    for settings in [
        ["--vrde", "on", "--clipboard-mode", "bidirectional", "--draganddrop", "bidirectional"].as_slice(),
        &["--uart1", "0x3F8", "4", "--uartmode1", "file", &serial],
        &["--lpt1", "0x378", "7", "--lptmode1", "/dev/lp0"],
        &["--nictrace1", "on", "--nictracefile1", &trace],
        &["--recording", "on", "--recordingfile", &movie],
    ] {
        bed.call(&[["modifyvm", "image"].as_slice(), settings].concat());
    }
    bed.call(&["sharedfolder", "add", "image", "--name", "host", "--hostpath", "/", "--automount"]);
    bed.call(&["usbfilter", "add", "0", "--target", "image", "--name", "stick", "--vendorid", "1234"]);
    bed.call(&["bandwidthctl", "image", "add", "net", "--type", "network", "--limit", "20m"]);
    bed.call(&["modifyvm", "image", "--nicbandwidthgroup1", "net"]);
    bed.call(&["setextradata", "image", "VBoxInternal/Devices/x/0/Config/Path", "/etc/shadow"]);
    bed.call(&["snapshot", "image", "take", "base"]);
    runtime().block_on(async {
        let lab = bed.lab(&id);
        none("deploy", &deploy(&Lab { image: Some(image("image", "base")), ..small() }, &id, &lab).await);
        for node in ["n1", "n2"] {
            let uuid = names::uuid(&id, node);
            let shown = bed.call(&["showvminfo", &uuid, "--machinereadable"]);
            for there in [
                "vrde=\"off\"",
                "clipboard=\"disabled\"",
                "draganddrop=\"disabled\"",
                "uartmode1=\"disconnected\"",
                "lpt1=\"off\"",
                "recording_enabled=\"off\"",
                "\"IDE-0-0\"=\"emptydrive\"",
            ] {
                assert!(shown.lines().any(|line| line == there), "{there}: {shown}");
            }
            for gone in ["SharedFolder", "USBFilter", "BandwidthGroup", &iso, &serial] {
                assert!(!shown.contains(gone), "{gone}: {shown}");
            }
            assert!(!bed.call(&["showvminfo", &uuid]).contains("Trace: on"));
            assert!(!bed.call(&["getextradata", &uuid, "enumerate"]).contains("VBoxInternal"));
        }
        none("plan again", &planned(&Lab { image: Some(image("image", "base")), ..small() }, &id, &lab).await.unwrap());
        none("destroy", &remove(&lab).await);
    });
    let shown = bed.call(&["showvminfo", "image", "--machinereadable"]);
    assert!(shown.contains("SharedFolderNameMachineMapping1") && shown.contains(&serial), "the base is only read: {shown}");
}
