use super::*;
use crate::{catalog::Protocol, provider::virtualbox::parse::Rule};
use std::path::Path;

fn lab() -> LabId {
    LabId::of_file(Path::new("/labs/a.ron"))
}

/// The recorded machine node1 (NAT with a forward, host-only, nothing, internal, …) as if it were ours.
fn seen(adapters: &[(&str, &str)]) -> Seen {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/transcripts/097-node1-info.txt")).unwrap();
    let info = parse::info(text.split_once("--- stdout\n").unwrap().1).unwrap();
    let adapters = adapters.iter().map(|(network, mac)| AdapterSpec {
        network: network.parse().unwrap(),
        mac: mac.parse().unwrap(),
        address: "192.168.56.10/24".parse().ok(),
        forwards: vec![Forward { host: 2222, to: 22, address: std::net::Ipv4Addr::LOCALHOST }],
    });
    let made = MachineSpec { memory_mib: 512, disk_gib: 10, ..crate::testing::machine("node1", adapters.collect()) };
    let way = Way { port: 22_222, slot: 1, kind: WayKind::Drawn };
    let extra = BTreeMap::from([
        (names::LAB_KEY.to_owned(), lab().to_string()),
        (names::MADE_KEY.to_owned(), serde_json::to_string(&Made { node: "node1".parse().unwrap(), spec: made, way }).unwrap()),
        ("sandtable/note/service.web".to_owned(), "{}".to_owned()),
    ]);
    Seen { info, extra, ..Seen::default() }
}

fn wires() -> BTreeMap<NetworkName, Wire> {
    [("internet", Wire::Nat(None)), ("lab", Wire::HostOnlyInterface("vboxnet0".into())), ("back", Wire::Internal("lab-int-a".into()))]
        .into_iter()
        .map(|(name, wire)| (name.parse().unwrap(), wire))
        .collect()
}

#[test]
fn what_is_there_is_shown_in_the_drawings_words() {
    let seen = seen(&[("internet", "08:00:27:e3:94:1f"), ("lab", "08:00:27:32:08:00")]);
    let spec = seen.spec(&lab(), &wires()).unwrap();
    assert_eq!((spec.cpus, spec.memory_mib), (2, 1024), "what VirtualBox has, not what was asked for");
    let networks: Vec<&str> = spec.adapters.iter().map(|adapter| adapter.network.as_str()).collect();
    assert_eq!(
        networks,
        ["internet", "lab", "no network", "back", "NAT network labnat", "bridged eth0", "generic (not drawn)", "no network", "internet"]
    );
    assert_eq!(spec.adapters[0].forwards, [Forward { host: 2222, to: 22, address: std::net::Ipv4Addr::LOCALHOST }]);
    assert_eq!(spec.adapters[1].address.unwrap().to_string(), "192.168.56.10/24");
    assert_eq!(spec.adapters[3].address, None, "an adapter that was added by hand has no address that we know");
    assert_eq!(seen.notes(), BTreeMap::from([("service.web".to_owned(), "{}".to_owned())]));
}

#[test]
fn a_machine_without_its_mark_has_no_specification() {
    let mut stranger = seen(&[]);
    stranger.extra.insert(names::LAB_KEY.into(), "another-lab".into());
    assert_eq!(stranger.spec(&lab(), &wires()), None);
    let mut half = seen(&[]);
    half.extra.remove(names::MADE_KEY);
    assert_eq!(half.spec(&lab(), &wires()), None);
}

#[test]
fn states_have_their_power() {
    for (state, expected) in [
        ("running", Power::Running),
        ("starting", Power::Running),
        ("paused", Power::Paused),
        ("saved", Power::Stopped),
        ("aborted", Power::Stopped),
        ("gurumeditation", Power::Stopped),
    ] {
        assert_eq!(power(state), expected, "{state}");
    }
}

#[test]
fn a_machine_that_was_just_turned_on_is_booting() {
    let limit = Duration::from_secs(450);
    let is_booting = |state: &str, session: &str, age: u64| {
        let info = Info { state: state.into(), session: session.into(), state_since_secs: Some(1000), ..Info::default() };
        Seen { info, extra: BTreeMap::new(), size: Size::Unknown }.is_booting(1000 + age, limit)
    };
    assert!(is_booting("starting", "headless", 3) && is_booting("running", "headless", 449));
    assert!(!is_booting("running", "headless", 450) && !is_booting("paused", "headless", 3));
    assert!(is_booting("poweroff", "headless", 60), "its process starts before it does");
    assert!(!is_booting("poweroff", "headless", 2), "its process ends after it");
    assert!(!is_booting("poweroff", "", 60) && !is_booting("poweroff", "GUI/Qt", 60));
}

/// Forwards on the adapter that is there to set a node up are shown where they are not ours.
#[test]
fn what_others_forward_through_the_uplink_is_shown() {
    let mut seen = seen(&[("lab", "08:00:27:32:08:00")]);
    let uplink = Way { port: 22_222, slot: 2, kind: WayKind::Uplink };
    let made = Made { node: "node1".parse().unwrap(), spec: seen.made(&lab()).unwrap(), way: uplink };
    seen.extra.insert(names::MADE_KEY.to_owned(), serde_json::to_string(&made).unwrap());
    let nic = |plug| Nic { plug, mac: Mac([8, 0, 0x27, 0, 0, 1]), is_connected: true, card: "virtio".into(), rules: Vec::new() };
    let rule = |name: &str, protocol, host: &str| Rule { name: name.into(), protocol, host: host.parse().unwrap(), to: 22 };
    seen.info.nics = [(1, nic(Plug::HostOnlyInterface("vboxnet0".into()))), (2, nic(Plug::Nat))].into();
    seen.info.nics.get_mut(&2).unwrap().rules = vec![rule(names::WAY_RULE, Protocol::Tcp, "127.0.0.1:22222")];
    assert_eq!(seen.spec(&lab(), &wires()).unwrap().adapters.len(), 1);
    seen.info.nics.get_mut(&2).unwrap().rules.push(rule("dns", Protocol::Udp, "0.0.0.0:5353"));
    let adapters = seen.spec(&lab(), &wires()).unwrap().adapters;
    assert_eq!(adapters.len(), 2);
    assert_eq!(adapters[1].forwards.iter().map(|forward| forward.host).collect::<Vec<_>>(), [5353]);
}

/// Extra data after these were set.
fn set(extra: &mut BTreeMap<String, String>, key: &str, value: Option<&str>) -> usize {
    let sets = parted(extra, key, value);
    for (key, value) in &sets {
        assert!(value.as_ref().is_none_or(|value| value.len() <= VALUE_BYTES_MAX + 10 && value.is_ascii()));
        match value {
            Some(value) => drop(extra.insert(key.clone(), value.clone())),
            None => drop(extra.remove(key)),
        }
    }
    sets.len()
}

#[test]
fn long_values_are_parted_and_nothing_of_them_stays() {
    let mut extra = BTreeMap::new();
    let long = "x".repeat(VALUE_BYTES_MAX * 2 + 7);
    assert_eq!(set(&mut extra, "k", Some(&long)), 3);
    assert_eq!(joined(&extra, "k").unwrap(), long);
    assert_eq!(set(&mut extra, "k", Some(&long)), 0, "what is so is not set again");
    assert_eq!(set(&mut extra, "k", Some("short")), 3);
    assert_eq!(extra, BTreeMap::from([("k".to_owned(), "short".to_owned())]));
    set(&mut extra, "k2", Some(&long));
    set(&mut extra, "k", None);
    assert_eq!(joined(&extra, "k2").unwrap(), long);
    set(&mut extra, "k2", None);
    assert!(extra.is_empty(), "{:?}", extra.keys());
}
