//! What a plan lacks is found before anything is made: by `plan`, `deploy` and `doctor` alike.

use super::imports::program;
use crate::support::Bed;
use std::{net::TcpListener, path::Path};

const LAYOUT: &str = r#"#![enable(implicit_some, unwrap_newtypes)]
(
    sandtable: 1,
    name: "Lacking",
    networks: {
        "lab": host_only(subnet: "192.168.61.0/24"),
        "other": host_only(subnet: "10.99.0.0/24"),
        "house": bridged(interface: "wlan9"),
        "out": nat(),
    },
    nodes: {
        "one": (role: worker, image: (name: "nowhere"), adapters: [(network: "lab", address: "192.168.61.120")]),
        "two": (role: worker, image: (name: "here", snapshot: "gone"), adapters: [(network: "other", address: "10.99.0.5")]),
        "three": (role: worker, image: (name: "missing.qcow2"), memory: 4000000, adapters: [(network: "house")]),
        "four": (role: worker, image: (name: "here"), adapters: [(network: "out", forwards: [(host: PORT, to: 80)])]),
    },
)
"#;

pub fn all_that_lacks_is_said_at_once() {
    let bed = Bed::new();
    bed.image("here", "base");
    Bed::interface("vboxnet61", "192.168.61.1/24");
    // As VirtualBox makes one for its first interface.
    let server = ["--network=HostInterfaceNetworking-vboxnet61", "--server-ip=192.168.61.100", "--netmask=255.255.255.0"];
    let range = ["--lower-ip=192.168.61.101", "--upper-ip=192.168.61.254", "--enable"];
    bed.call(&[["dhcpserver", "add"].as_slice(), &server, &range].concat());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = bed.folder.path().join("lacking.ron");
    std::fs::write(&file, LAYOUT.replace("PORT", &taken.local_addr().unwrap().port().to_string())).unwrap();
    let file = file.to_str().unwrap();
    let before = bed.inventory();
    let expected = [
        "one: the image nowhere does not exist",
        "two: the image here has no snapshot gone",
        "missing.qcow2 cannot be read",
        "10.99.0.0/24",
        "no interface wlan9",
        "MiB of memory",
        "is taken by another program",
        "one 192.168.61.120",
        "VBoxManage dhcpserver remove",
    ];
    for (command, exit) in [("plan", 1), ("deploy", 3), ("doctor", 1)] {
        let (code, said) = program(&bed, &[command, file, "--on", "virtualbox"]);
        assert_eq!(code, Some(exit), "{command}: {said}");
        for part in expected {
            assert!(said.contains(part), "{command} does not say {part:?}: {said}");
        }
        if Path::new("/dev/vboxnetctl").exists() {
            continue;
        }
        assert!(said.contains("modprobe"), "{command}: {said}");
    }
    assert_eq!(bed.inventory(), before, "nothing was made");
}
