//! Machines whose settings VirtualBox cannot read: a broken file, a folder or a disk that is gone. Ours and others'.

use super::{deploy, id, imports::program, none, planned, remove, runtime, small};
use crate::support::{Bed, carry_out};
use sandtable::{
    model::Power,
    plan::{Change, Step},
    provider::{machines::Machines, virtualbox::names},
};
use std::fs;

pub fn all_else_goes_on() {
    let (bed, id) = (Bed::new(), id("inaccessible"));
    bed.image("image", "base");
    for stranger in ["broken", "gone"] {
        bed.call(&["createvm", "--name", stranger, "--ostype", "Debian_64", "--register"]);
    }
    let machines = bed.home.join("machines");
    let drawn = small();
    runtime().block_on(async {
        none("deploy", &deploy(&drawn, &id, &bed.lab(&id)).await);
        let (one, two) = (names::machine(&id, "n1"), names::machine(&id, "n2"));
        let folder = machines.join("sandtable").join(id.as_str());
        let settings = folder.join(&one).join(format!("{one}.vbox"));
        bed.restart();
        fs::write(machines.join("broken/broken.vbox"), "no settings").unwrap();
        fs::rename(machines.join("gone"), bed.folder.path().join("elsewhere")).unwrap();
        fs::write(&settings, "no settings").unwrap();
        fs::rename(folder.join(&two), bed.folder.path().join("unplugged")).unwrap();

        // It is named, and all else is still known.
        let below = bed.lab(&id).look().await.unwrap();
        let trouble = |node: &str| below.machines[node].trouble.clone().unwrap_or_default();
        assert_eq!(below.machines.len(), 2);
        assert!(trouble("n1").contains("cannot read its settings file") && trouble("n1").contains(&one), "{}", trouble("n1"));
        assert!(trouble("n2").contains("is missing"), "{}", trouble("n2"));
        assert_eq!(below.machines["n1"].power, Power::Stopped);

        // What may be lost is said, and asked about, before it is made again.
        let steps = planned(&drawn, &id, &bed.lab(&id)).await.unwrap();
        let lost = |step: &&Step| step.change == Change::Delete && step.reason.contains("What is on its disk will be lost");
        assert_eq!(steps.iter().filter(lost).count(), 2, "{steps:#?}");
        let lab = bed.lab(&id);
        lab.look().await.unwrap();
        none("make them again", &carry_out(steps, &lab).await);
        none("plan", &planned(&drawn, &id, &bed.lab(&id)).await.unwrap());

        // It can be removed as well.
        bed.restart();
        fs::write(&settings, "no settings").unwrap();
        let lab = bed.lab(&id);
        none("destroy", &remove(&lab).await);
        let left = bed.call(&["list", "vms"]);
        assert!(!left.contains(names::uuid_prefix(&id).as_str()) && !folder.exists(), "{left}");
        assert_eq!(left.matches("<inaccessible>").count(), 2, "others' are not ours to remove: {left}");
    });
    let (code, said) = program(&bed, &["import", "--on", "virtualbox"]);
    assert!(code == Some(0) && said.contains("\"image\": ("), "{code:?} {said}");
    assert_eq!(said.matches("VirtualBox cannot read its settings, so it is left out").count(), 2, "{said}");
    assert!(!said.contains("networks.conf"), "{said}");
}

/// A machine that was unregistered by hand leaves its disk: the plan says what becomes of that.
pub fn an_unregistered_machine_keeps_its_disk_until_that_is_agreed_to() {
    let (bed, id) = (Bed::new(), id("unregistered"));
    bed.image("image", "base");
    let before = bed.inventory();
    runtime().block_on(async {
        none("deploy", &deploy(&small(), &id, &bed.lab(&id)).await);
        bed.call(&["unregistervm", &names::uuid(&id, "n1")]);
        let lab = bed.lab(&id);
        let steps = planned(&small(), &id, &lab).await.unwrap();
        let said: Vec<&str> = steps.iter().filter(|step| step.change == Change::Delete).map(|step| step.reason.as_str()).collect();
        assert_eq!(said, ["its machine is no longer registered in VirtualBox. What is on its disk will be lost."]);
        none("make it again", &carry_out(steps, &lab).await);
        none("plan", &planned(&small(), &id, &lab).await.unwrap());
        none("destroy", &remove(&lab).await);
    });
    assert_eq!(bed.inventory(), before);
}
