//! Images that are files, by the program: imported once, cloned, seeded, shared by labs, and gone with the last.

use super::{
    crate::support::{Bed, program::Program},
    none, small,
};
use sandtable::{
    model::{Image, Lab},
    plan::LabId,
    provider::virtualbox::names,
};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

fn ran(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--help").output().is_ok()
}

/// A raw disk whose content can be known again, and the same in each format.
fn disks(bed: &Bed) -> Vec<PathBuf> {
    let at = |name: &str| bed.folder.path().join("images").join(name);
    std::fs::create_dir_all(at("")).unwrap();
    let mut file = std::fs::File::create(at("cloud.raw")).unwrap();
    file.write_all(&b"a cloud image ".repeat(100_000)).unwrap();
    file.set_len(32 * 1024 * 1024).unwrap();
    let raw = at("cloud.raw");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut all = vec![raw.clone()];
    for (format, name) in [("VDI", "cloud.vdi"), ("VMDK", "cloud.vmdk")] {
        bed.call(&["convertfromraw", &text(&raw), &text(&at(name)), "--format", format]);
        all.push(at(name));
    }
    if is_there("qemu-img") {
        for name in ["cloud.qcow2", "ubuntu.img"] {
            ran("qemu-img", &["convert", "-c", "-O", "qcow2", &text(&raw), &text(&at(name))]);
            all.push(at(name));
        }
    } else {
        println!("skipped: qemu-img is not installed, so no qcow2 image is tried (qemu-utils)");
    }
    // An appliance of a machine with one disk.
    bed.image("origin", "base");
    bed.call(&["export", "origin", "-o", &text(&at("box.ova"))]);
    bed.call(&["unregistervm", "origin", "--delete"]);
    all.push(at("box.ova"));
    all
}

fn of_file(file: &str) -> Lab {
    let image: Image = ron::from_str(&format!("(name: {file:?})")).unwrap();
    Lab { image: Some(image), ..small() }
}

fn program(bed: &Bed, name: &str, drawn: &Lab) -> (Program, LabId) {
    let mut program = Program::new(bed.folder.path(), name, &sandtable::layout::write(drawn), "virtualbox");
    program.environment.push(("SANDTABLE_VBOXMANAGE", bed.manage.clone().into()));
    let id = LabId::of_file(&program.layout.canonicalize().unwrap());
    (program, id)
}

fn steps(program: &Program) -> Vec<serde_json::Value> {
    program.json(0, "plan", &["--off"])["steps"].as_array().unwrap().clone()
}

/// The files of a machine's seed, read by another program than the one that wrote them.
fn seed(bed: &Bed, machine: &str) -> Vec<String> {
    let shown = bed.call(&["showvminfo", machine, "--machinereadable"]);
    let seed = shown.split('"').find(|part| part.ends_with("/seed.vdi")).unwrap_or_else(|| panic!("{shown}")).to_owned();
    let raw = bed.folder.path().join("seed.raw");
    let raw = raw.to_str().unwrap();
    let _old = std::fs::remove_file(raw);
    bed.call(&["clonemedium", "disk", &seed, raw, "--format", "RAW"]);
    bed.call(&["closemedium", "disk", raw]);
    let label = ran("mlabel", &["-s", "-i", raw]);
    assert!(label.to_lowercase().contains("cidata"), "{label}");
    ["user-data", "meta-data", "network-config"].map(|name| ran("mtype", &["-i", raw, &format!("::{name}")])).to_vec()
}

/// Each format becomes an image, two nodes are cloned and seeded, and nothing is left afterwards.
pub fn every_format_is_cloned_and_goes() {
    let bed = Bed::new();
    let disks = disks(&bed);
    let before = bed.inventory();
    for disk in &disks {
        let file = format!("images/{}", disk.file_name().unwrap().to_str().unwrap());
        let content = std::fs::read(disk).unwrap();
        let drawn = of_file(&file);
        let (lab, id) = program(&bed, "cloud", &drawn);
        lab.text(0, "deploy", &["--off", "--yes"]);
        none(&format!("{file}: plan again"), &steps(&lab));
        let vms = bed.call(&["list", "vms"]);
        assert_eq!(vms.lines().count(), 3, "{file}: one image and two nodes: {vms}");
        let machine = names::machine(&id, "n1");
        let keys = bed.call(&["getextradata", &machine, names::HOST_KEYS_KEY]);
        let [user, meta, network] = <[String; 3]>::try_from(seed(&bed, &machine)).unwrap();
        let public = keys.trim().strip_prefix("Value: ").unwrap();
        assert!(user.starts_with("#cloud-config\n") && user.contains(public), "{user}");
        assert!(meta.contains("local-hostname: \"n1\""), "{meta}");
        assert!(network.contains("addresses: [\"10.1.0.11/24\"]") && network.contains("dhcp4: true"), "its own and the uplink: {network}");
        let secret = bed.folder.path().join("state").join(id.as_str()).join("login-key");
        let login = ran("ssh-keygen", &["-y", "-f", secret.to_str().unwrap()]);
        assert!(user.contains(login.split_whitespace().nth(1).unwrap()), "the key that lets us in");
        let other = bed.call(&["getextradata", &names::machine(&id, "n2"), names::HOST_KEYS_KEY]);
        assert_ne!(other, keys, "each has its own host key");
        lab.text(0, "destroy", &["--yes"]);
        let after = bed.inventory();
        for (list, was) in &before {
            assert_eq!(after[list], *was, "{file}: {list} is not as before");
        }
        assert_eq!(std::fs::read(disk).unwrap(), content, "{file} is only read");
    }
}

/// The image goes with the last lab that uses it; half of one that a crash has left is made anew.
pub fn labs_share_an_image() {
    let bed = Bed::new();
    disks(&bed);
    let before = bed.inventory();
    let drawn = of_file("images/cloud.vdi");
    let ((one, _), (other, _)) = (program(&bed, "one", &drawn), program(&bed, "other", &drawn));
    let images = || bed.call(&["list", "vms"]).lines().filter(|line| line.contains(".image-")).map(str::to_owned).collect::<Vec<_>>();
    // The program is killed while it imports: at the call that takes the snapshot.
    let sign = bed.folder.path().join("dies");
    let text =
        format!("#!/bin/bash\nif [ \"$1 $3\" = 'snapshot take' ]; then kill -9 $PPID; exit 1; fi\nexec {} \"$@\"\n", bed.manage.display());
    std::fs::write(&sign, text).unwrap();
    ran("chmod", &["+x", sign.to_str().unwrap()]);
    let mut dying = program(&bed, "one", &drawn).0;
    dying.environment.push(("SANDTABLE_VBOXMANAGE", sign.into()));
    assert_eq!(dying.call("deploy", &["--off", "--yes"]).status.code(), None, "it was killed");
    assert_eq!(images().len(), 1, "half of it is there");
    one.text(0, "deploy", &["--off", "--yes"]);
    other.text(0, "deploy", &["--off", "--yes"]);
    assert_eq!(images().len(), 1, "one for both");
    one.text(0, "destroy", &["--yes"]);
    assert_eq!(images().len(), 1, "the other lab still uses it");
    none("the other is as it was", &steps(&other));
    other.text(0, "destroy", &["--yes"]);
    assert_eq!(bed.inventory(), before);

    // What is no image is said with what to do, and leaves nothing.
    std::fs::write(bed.folder.path().join("images/bad.qcow2"), b"QFI\xfb and nothing more").unwrap();
    for (file, part) in [("images/missing.vdi", "relative to the layout"), ("images/bad.qcow2", "qemu-img convert")] {
        let (lab, _) = program(&bed, "one", &of_file(file));
        let said = lab.text(3, "deploy", &["--off", "--yes"]);
        assert!(said.contains(part), "{said}");
        lab.text(0, "destroy", &["--yes"]);
    }
    assert_eq!(bed.inventory(), before);
}
