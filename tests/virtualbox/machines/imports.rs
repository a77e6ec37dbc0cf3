//! Machines that somebody made by hand, read into a layout by the program.

use crate::support::Bed;
use sandtable::{
    layout::read,
    model::{Forward, NetworkKind, Role},
};
use std::{net::Ipv4Addr, process::Command};

pub fn program(bed: &Bed, args: &[&str]) -> (Option<i32>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_sandtable"));
    program
        .args(args)
        .env("NO_COLOR", "1")
        .env("SANDTABLE_VBOXMANAGE", &bed.manage)
        .env("SANDTABLE_STATE", bed.folder.path().join("state"));
    let done = program.output().unwrap();
    (done.status.code(), format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)))
}

/// Two machines with adapters of every sort that the bed has, and one that is not asked for.
pub fn machines_become_a_layout() {
    let bed = Bed::new();
    Bed::interface("vboxnet58", "192.168.58.1/24");
    bed.image("web 1", "base");
    bed.call(&["natnetwork", "add", "--netname", "shared", "--network", "10.66.0.0/24", "--enable", "--dhcp", "off"]);
    bed.call(&[
        "dhcpserver",
        "add",
        "--network=shared",
        "--server-ip=10.66.0.3",
        "--netmask=255.255.255.0",
        "--lower-ip=10.66.0.100",
        "--upper-ip=10.66.0.200",
        "--enable",
    ]);
    let nics = [
        "--nic2",
        "hostonly",
        "--hostonlyadapter2",
        "vboxnet58",
        "--macaddress2",
        "080027000002",
        "--nic3",
        "natnetwork",
        "--nat-network3",
        "shared",
    ];
    bed.call(&[["modifyvm", "web 1", "--memory", "512", "--cpus", "2"].as_slice(), &nics].concat());
    for (key, value) in [("MAC", "080027000002"), ("V4/IP", "192.168.58.20")] {
        bed.call(&["guestproperty", "set", "web 1", &format!("/VirtualBox/GuestInfo/Net/1/{key}"), value]);
    }
    bed.image("db-1", "hardened");
    bed.call(&["modifyvm", "db-1", "--natpf1", "delete", "ssh", "--nic1", "intnet", "--intnet1", "back end", "--nic2", "null"]);
    bed.image("other", "base");
    let before = bed.inventory();

    let file = bed.folder.path().join("mine.ron");
    let file = file.to_str().unwrap();
    let (code, said) = program(&bed, &["import", "--on", "virtualbox", "web 1", "db-1", "-o", file, "--name", "Mine"]);
    assert_eq!(code, Some(0), "{said}");
    for part in
        ["2 nodes on 4 networks", "db-1: its address on back-end is not known", "adapter 2 is plugged into null", "draw their services"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let lab = read(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((lab.name.as_str(), lab.nodes.len()), ("Mine", 2));
    let (web, db) = (&lab.nodes["web-1"], &lab.nodes["db-1"]);
    assert_eq!((web.role, web.memory, web.cpus, web.disk), (Role::App, 512, 2, 1));
    assert_eq!(web.adapters[0].forwards, [Forward { host: 2222, to: 22, address: Ipv4Addr::LOCALHOST }]);
    assert_eq!(web.address_on("vboxnet58"), Some(Ipv4Addr::new(192, 168, 58, 20)));
    assert_eq!(lab.networks["vboxnet58"].subnet, "192.168.58.0/24".parse().ok());
    assert_eq!((lab.networks["shared"].kind, lab.networks["shared"].subnet), (NetworkKind::NatNetwork, "10.66.0.0/24".parse().ok()));
    assert_eq!(lab.networks["shared"].dhcp.map(|range| range.to), Some(Ipv4Addr::new(10, 66, 0, 200)));
    assert_eq!((db.role, lab.networks["back-end"].kind), (Role::Database, NetworkKind::Internal));
    assert_eq!(db.image.as_ref().unwrap().snapshot.as_deref(), Some("hardened"));
    let (code, findings) = program(&bed, &["check", file]);
    assert_eq!(code, Some(0), "it has no errors: {findings}");

    // A second time only when asked, all where none is named, and what is not there is said with what is.
    assert!(program(&bed, &["import", "--on", "virtualbox", "-o", file]).1.contains("--force"));
    let (_, all) = program(&bed, &["import", "--on", "virtualbox"]);
    assert!(all.contains("\"other\": (") && all.contains("\"web-1\": ("), "{all}");
    let (code, said) = program(&bed, &["import", "--on", "virtualbox", "nobody"]);
    assert!(code == Some(3) && said.contains("VirtualBox has: web 1, db-1, other"), "{code:?} {said}");
    assert_eq!(program(&bed, &["import", "--on", "sim"]).0, Some(2));
    assert_eq!(bed.inventory(), before, "it only reads");
}
