use super::*;
use crate::model::{AdapterSpec, Forward};
use crate::provider::virtualbox::parse::Nic;

fn wires() -> BTreeMap<NetworkName, Wire> {
    [
        ("internet", Wire::Nat(None)),
        ("lab", Wire::HostOnlyInterface("vboxnet0".into())),
        ("back", Wire::Internal("back.lab-1".into())),
        ("shared", Wire::NatNetwork("shared.lab-1".into())),
        ("wifi", Wire::Bridged("en0: Wi-Fi".into())),
    ]
    .into_iter()
    .map(|(name, wire)| (name.parse().unwrap(), wire))
    .collect()
}

fn spec(networks: &[&str]) -> MachineSpec {
    let adapter = |(number, network): (usize, &&str)| AdapterSpec {
        network: network.parse().unwrap(),
        mac: Mac([2, 0, 0, 0, 0, u8::try_from(number).unwrap()]),
        address: None,
        forwards: Vec::new(),
    };
    MachineSpec {
        cpus: 2,
        memory_mib: 512,
        disk_gib: 10,
        ..crate::testing::machine("n", networks.iter().enumerate().map(adapter).collect())
    }
}

/// A fresh clone: one adapter on NAT with a rule that it has from its image.
fn clone() -> Info {
    let rule = Rule { name: "ssh".into(), protocol: Protocol::Tcp, host: "127.0.0.1:2222".parse().unwrap(), to: 22 };
    let udp = Rule { name: "dns".into(), protocol: Protocol::Udp, host: "0.0.0.0:5353".parse().unwrap(), to: 53 };
    let nic = Nic { plug: Plug::Nat, mac: Mac([8, 0, 0x27, 1, 2, 3]), is_connected: true, card: "virtio".into(), rules: vec![rule, udp] };
    let three = Nic { plug: Plug::Bridged("eth0".into()), rules: Vec::new(), ..nic.clone() };
    Info {
        uuid: "u".into(),
        state: "poweroff".into(),
        cpus: 1,
        memory_mib: 256,
        slots: 8,
        nics: [(1, nic), (3, three)].into(),
        ..Info::default()
    }
}

/// What a machine is like once it was told these arguments.
fn told(mut info: Info, args: &[String]) -> Info {
    let mut args = args.iter();
    while let Some(option) = args.next() {
        let value = args.next().unwrap();
        let stem = option.trim_start_matches("--").trim_end_matches(|letter: char| letter.is_ascii_digit());
        let slot: u32 = option.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(0);
        let empty =
            || Nic { plug: Plug::Other("null".into()), mac: Mac([0; 6]), is_connected: true, card: String::new(), rules: Vec::new() };
        match stem {
            "memory" => info.memory_mib = value.parse().unwrap(),
            "cpus" => info.cpus = value.parse().unwrap(),
            "nic" if value == "none" => drop(info.nics.remove(&slot)),
            "nic" => info.nics.entry(slot).or_insert_with(empty).plug = if value == "nat" { Plug::Nat } else { Plug::Other(value.clone()) },
            "hostonlyadapter" => info.nics.get_mut(&slot).unwrap().plug = Plug::HostOnlyInterface(value.clone()),
            "intnet" => info.nics.get_mut(&slot).unwrap().plug = Plug::Internal(value.clone()),
            "nat-network" => info.nics.get_mut(&slot).unwrap().plug = Plug::NatNetwork(value.clone()),
            "bridgeadapter" => info.nics.get_mut(&slot).unwrap().plug = Plug::Bridged(value.clone()),
            "macaddress" => info.nics.get_mut(&slot).unwrap().mac = crate::provider::virtualbox::parse::mac(value).unwrap(),
            "nictype" => info.nics.get_mut(&slot).unwrap().card = value.clone(),
            "cableconnected" => info.nics.get_mut(&slot).unwrap().is_connected = value == "on",
            "natpf" if value == "delete" => {
                let name = args.next().unwrap();
                info.nics.get_mut(&slot).unwrap().rules.retain(|rule| rule.name != *name);
            }
            "natpf" => {
                let parts: Vec<&str> = value.split(',').collect();
                let host = format!("{}:{}", if parts[2].is_empty() { "0.0.0.0" } else { parts[2] }, parts[3]).parse().unwrap();
                let protocol = if parts[1] == "udp" { Protocol::Udp } else { Protocol::Tcp };
                info.nics.get_mut(&slot).unwrap().rules.push(Rule { name: parts[0].into(), protocol, host, to: parts[5].parse().unwrap() });
            }
            "natdnsproxy" => assert_eq!((value.as_str(), &info.nics[&slot].plug), ("on", &Plug::Nat), "of an adapter that is on NAT"),
            "rtcuseutc" => info.clock_is_local = value != "on",
            other => panic!("{other}"),
        }
    }
    info
}

#[test]
fn a_clone_becomes_what_is_drawn_and_nothing_is_left_to_change() {
    let mut spec = spec(&["lab", "back", "internet", "shared", "wifi"]);
    spec.adapters[2].forwards =
        vec![Forward { host: 8080, to: 80, address: Ipv4Addr::LOCALHOST }, Forward { host: 443, to: 443, address: Ipv4Addr::UNSPECIFIED }];
    let way = Way::of(&spec, &wires(), 22_222);
    assert_eq!(way, Way { port: 22_222, slot: 3, kind: WayKind::Drawn });
    let shape = Shape::of(&spec, &wires(), way).unwrap();
    let now = told(clone(), &shape.changes(&clone()));
    assert_eq!(shape.changes(&now), [""; 0]);
    assert_eq!(now.nics.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(now.nics.values().all(|nic| nic.card == "virtio"), "cards that the image has a driver for");
    assert_eq!(now.nics[&1].rules, [], "the image's own forward would take the port of every clone");
    let rules: Vec<String> = now.nics[&3].rules.iter().map(written).collect();
    assert_eq!(rules, ["sandtable-8080,tcp,127.0.0.1,8080,,80", "sandtable-443,tcp,,443,,443", "sandtable-ssh,tcp,127.0.0.1,22222,,22"]);
}

#[test]
fn a_clone_has_its_clock_in_utc_and_asks_nat_for_names() {
    let spec = spec(&["internet", "lab", "internet"]);
    let shape = Shape::of(&spec, &wires(), Way::of(&spec, &wires(), 22_222)).unwrap();
    let base = Info { clock_is_local: true, ..clone() };
    let options = |args: Vec<String>| args.chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>();
    let changes = options(shape.changes(&base));
    assert_eq!(changes.iter().filter(|option| *option == "--rtcuseutc on").count(), 1);
    assert!(!options(shape.changes(&clone())).iter().any(|option| option.contains("rtcuseutc")));
    // The first adapter is on NAT in the base already, so its plug does not change.
    assert_eq!(changes.iter().filter(|option| option.contains("natdnsproxy")).collect::<Vec<_>>(), ["--natdnsproxy3 on"]);
    assert_eq!(options(shape.unseen(&base)), ["--nictrace1 off", "--nictrace3 off", "--natdnsproxy1 on"]);
    assert_eq!(shape.changes(&told(base.clone(), &shape.changes(&base))), [""; 0]);
    assert_eq!(cold_plug(1, &Plug::Nat), ["--nic1", "nat", "--natdnsproxy1", "on"]);
}

#[test]
fn a_machine_without_nat_has_an_uplink_after_its_adapters_until_that_is_closed() {
    let spec = spec(&["lab"]);
    let way = Way::of(&spec, &wires(), 22_222);
    assert_eq!((way.slot, way.kind), (2, WayKind::Uplink));
    let shape = Shape::of(&spec, &wires(), way).unwrap();
    assert_eq!(shape.slots(), 2);
    let now = told(clone(), &shape.changes(&clone()));
    assert_eq!((now.nics[&2].plug.clone(), now.nics[&2].rules.len()), (Plug::Nat, 1));
    let closed = Shape::of(&spec, &wires(), Way { kind: WayKind::Closed, ..way }).unwrap();
    let later = told(now.clone(), &closed.changes(&now));
    assert_eq!(later.nics.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(closed.changes(&later), [""; 0]);
}

#[test]
fn what_is_on_takes_forwards_and_other_networks_and_says_what_it_does_not_take() {
    let mut drawn = spec(&["internet", "back"]);
    let way = Way::of(&drawn, &wires(), 22_222);
    let made = Shape::of(&drawn, &wires(), way).unwrap();
    let now = told(clone(), &made.changes(&clone()));
    assert_eq!(made.hot_changes(&now).unwrap(), Vec::<Vec<String>>::new());
    drawn.adapters[0].forwards = vec![Forward { host: 8080, to: 80, address: Ipv4Addr::LOCALHOST }];
    let more = Shape::of(&drawn, &wires(), way).unwrap();
    assert_eq!(more.hot_changes(&now).unwrap(), [["natpf1", "sandtable-8080,tcp,127.0.0.1,8080,,80"]]);
    let then = told(now.clone(), &more.changes(&now));
    assert_eq!(made.hot_changes(&then).unwrap(), [["natpf1", "delete", "sandtable-8080"]]);
    drawn.memory_mib = 1024;
    drawn.adapters.push(AdapterSpec { network: "lab".parse().unwrap(), mac: Mac([2, 0, 0, 0, 0, 9]), address: None, forwards: Vec::new() });
    let cold = Shape::of(&drawn, &wires(), way).unwrap().hot_changes(&now).unwrap_err();
    assert_eq!(cold, ["its memory (1024 MiB)", "adapter 3"]);
}

#[test]
fn a_network_that_was_not_made_is_said() {
    let spec = spec(&["nowhere"]);
    assert!(Shape::of(&spec, &wires(), Way::of(&spec, &wires(), 1)).unwrap_err().contains("nowhere"));
}

#[test]
fn a_cut_off_adapter_still_belongs_to_its_network() {
    let back = Wire::Internal("back.lab-1".into());
    assert!(back.holds(&Plug::Internal("back.lab-1".into())) && back.holds(&Plug::Internal("back.lab-1.cut".into())));
    assert!(!back.holds(&Plug::Internal("back.lab-2".into())) && !back.holds(&Plug::Nat));
    assert_eq!(hot_plug(2, &back.plug()), ["nic2", "intnet", "back.lab-1"]);
    assert_eq!(hot_plug(2, &Plug::Nat), ["nic2", "nat"]);
}
