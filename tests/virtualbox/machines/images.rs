//! Images that are files, by the program: imported once, cloned, seeded, shared by labs, and gone with the last.

use super::{none, small};
use crate::support::{Bed, program::Program};
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
    let mut content = b"a cloud image ".repeat(100_000);
    content[510..512].copy_from_slice(&[0x55, 0xaa]);
    file.write_all(&content).unwrap();
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
    // An appliance of a machine with one disk that asks for more than a layout can.
    bed.image("origin", "base");
    bed.call(&["sharedfolder", "add", "origin", "--name", "host", "--hostpath", "/"]);
    bed.call(&["modifyvm", "origin", "--clipboard-mode", "bidirectional", "--vrde", "on"]);
    bed.call(&["setextradata", "origin", "VBoxInternal/Devices/x/0/Config/Path", "/etc/shadow"]);
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
    for (file, part) in [("images/missing.vdi", "relative to the layout"), ("images/bad.qcow2", "damaged or cut off")] {
        let (lab, _) = program(&bed, "one", &of_file(file));
        let said = lab.text(3, "deploy", &["--off", "--yes"]);
        assert!(said.contains(part), "{said}");
        lab.text(0, "destroy", &["--yes"]);
    }
    assert_eq!(bed.inventory(), before);
}

fn holds(folder: &Path, words: &[u8]) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => holds(&entry.path(), words),
        kind if kind.is_file() => std::fs::read(entry.path()).unwrap().windows(words.len()).any(|window| window == words),
        _ => false,
    })
}

/// Descriptors, backing files, pipes and links: refused before VirtualBox sees them, quickly, and nothing of the secret is anywhere.
pub fn an_image_reads_no_other_file_of_the_host() {
    let bed = Bed::new();
    let before = bed.inventory();
    let images = bed.folder.path().join("images");
    std::fs::create_dir_all(&images).unwrap();
    let secret = bed.folder.path().join("secret");
    std::fs::write(&secret, b"TOP-SECRET-".repeat(512 * 1024)).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let write = |name: &str, content: &[u8]| std::fs::write(images.join(name), content).unwrap();
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType=\"monolithicFlat\"\n\nRW 8192 FLAT \"{}\" 0\n\n\
         ddb.adapterType = \"ide\"\nddb.geometry.cylinders = \"8\"\nddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\n",
        secret.display()
    );
    write("nice.vmdk", descriptor.as_bytes());
    // The text of an embedded descriptor is as free as that of a descriptor alone.
    let mut sparse = vec![0_u8; 64 * 512];
    sparse[..8].copy_from_slice(b"KDMV\x01\0\0\0");
    sparse[28] = 1;
    sparse[36] = 20;
    sparse[512..512 + descriptor.len()].copy_from_slice(descriptor.as_bytes());
    write("embedded.vmdk", &sparse);
    let mut backed = vec![0_u8; 4096];
    backed[..8].copy_from_slice(b"QFI\xfb\0\0\0\x02");
    backed[14] = 1;
    backed[19] = 4;
    write("backed.qcow2", &backed);
    write("plain.raw", b"a text of 512 bytes".repeat(64).get(..1024).unwrap());
    ran("mkfifo", &[&text(&images.join("pipe.img"))]);
    std::os::unix::fs::symlink(&secret, images.join("link.raw")).unwrap();
    for (file, code, part) in [
        ("images/nice.vmdk", 3, "names other files of this machine"),
        ("images/embedded.vmdk", 3, "which lies in several files"),
        ("images/backed.qcow2", 3, "backing file"),
        ("images/plain.raw", 3, "no disk image"),
        ("images/pipe.img", 3, "not an ordinary file"),
        ("images/link.raw", 2, "--allow-image"),
        ("/dev/zero.img", 2, "cannot be read"),
        ("../../etc/hostname.raw", 2, "cannot be read"),
    ] {
        let (lab, _) = program(&bed, "evil", &of_file(file));
        let said = lab.text(code, "deploy", &["--off", "--yes"]);
        assert!(said.contains(part), "{file}: {said}");
        lab.call("destroy", &["--yes"]);
        assert_eq!(bed.inventory(), before, "{file}");
    }
    assert!(!holds(&bed.folder.path().join("home"), b"TOP-SECRET"));
    // That VirtualBox would have read it is why.
    let copy = text(&bed.folder.path().join("copy.vdi"));
    bed.call(&["clonemedium", "disk", &text(&images.join("nice.vmdk")), &copy, "--format", "VDI"]);
    assert!(std::fs::read(&copy).unwrap().windows(10).any(|window| window == b"TOP-SECRET"));
}

/// A file outside of the layout's folder is said by check and plan, and read once the user has allowed it; other content is asked again.
pub fn an_image_outside_of_the_folder_is_allowed_once() {
    let bed = Bed::new();
    disks(&bed);
    let elsewhere = tempfile::tempdir().unwrap();
    let image = elsewhere.path().canonicalize().unwrap().join("shared.vdi");
    std::fs::copy(bed.folder.path().join("images/cloud.vdi"), &image).unwrap();
    let path = image.to_str().unwrap();
    // The user's VirtualBox has the original: the copy that is imported has an identity of its own.
    bed.call(&["createvm", "--name", "owner", "--ostype", "Debian_64", "--register"]);
    bed.call(&["storagectl", "owner", "--name", "SATA", "--add", "sata"]);
    bed.call(&["storageattach", "owner", "--storagectl", "SATA", "--port", "0", "--device", "0", "--type", "hdd", "--medium", path]);
    let before = bed.inventory();
    let (lab, _) = program(&bed, "one", &of_file(path));
    let found = std::process::Command::new(env!("CARGO_BIN_EXE_sandtable")).arg("check").arg(&lab.layout).output().unwrap();
    assert!(String::from_utf8_lossy(&found.stdout).contains("image-outside-folder"), "{found:?}");
    let plan = lab.text(0, "plan", &["--off"]);
    assert!(plan.contains(&format!("{path} for the disk of n1, n2: outside of the layout's folder")), "{plan}");
    assert_eq!(lab.json(0, "plan", &["--off"])["reads"][0]["path"], path);
    for args in [vec!["--off", "--yes"], vec!["--off", "--yes", "--allow-image", "/etc/hostname"]] {
        let said = lab.text(2, "deploy", &args);
        assert!(said.contains(&format!("--allow-image '{path}'")), "{said}");
    }
    lab.text(0, "deploy", &["--off", "--yes", "--allow-image", path]);
    lab.text(0, "destroy", &["--yes"]);
    lab.text(0, "deploy", &["--off", "--yes"]);
    // What one layout may read, another may not, though the image is there.
    let (other, _) = program(&bed, "other", &of_file(path));
    assert!(other.text(2, "deploy", &["--off", "--yes"]).contains("--allow-image"));
    lab.text(0, "destroy", &["--yes"]);
    let mut content = std::fs::read(&image).unwrap();
    *content.last_mut().unwrap() ^= 1;
    std::fs::write(&image, content).unwrap();
    assert!(lab.text(2, "deploy", &["--off", "--yes"]).contains("--allow-image"));
    lab.call("destroy", &["--yes"]);
    assert_eq!(bed.inventory(), before);
}
