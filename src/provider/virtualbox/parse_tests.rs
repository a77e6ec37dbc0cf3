use super::*;
use crate::provider::virtualbox::error::{self, Kind};
use proptest::prelude::*;
use std::{fs, path::PathBuf};

/// A call as recorded: number, exit code, arguments, stdout, stderr.
struct Transcript {
    number: u32,
    exit: i32,
    call: String,
    stdout: String,
    stderr: String,
}

fn transcripts() -> Vec<Transcript> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/transcripts");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(number) = name.get(..3).and_then(|number| number.parse().ok()) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        let (call, rest) = text.split_once("\n--- exit: ").unwrap();
        let (exit, rest) = rest.split_once(' ').unwrap();
        let (_, rest) = rest.split_once("--- stdout\n").unwrap();
        let (stdout, stderr) = rest.split_once("--- stderr").unwrap();
        all.push(Transcript {
            number,
            exit: exit.parse().unwrap(),
            call: call.trim_start_matches("$ ").to_owned(),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        });
    }
    assert!(all.len() > 190, "{} transcripts", all.len());
    all
}

fn transcript(number: u32) -> Transcript {
    transcripts().into_iter().find(|transcript| transcript.number == number).unwrap()
}

#[test]
fn every_machine_that_was_shown_is_read() {
    for shown in transcripts().iter().filter(|shown| shown.call.contains("--machinereadable") && shown.call.contains("showvminfo")) {
        let info = info(&shown.stdout);
        assert_eq!(info.is_some(), shown.exit == 0, "{}", shown.number);
        if let Some(info) = info {
            assert!(
                !info.name.is_empty() && info.uuid.len() == 36 && info.memory_mib >= 128 && info.cpus > 0,
                "{}: {info:?}",
                shown.number
            );
            assert!(info.slots == 8 || info.slots == 36, "{}: {}", shown.number, info.slots);
        }
    }
}

#[test]
fn a_machine_is_read_to_its_last_adapter() {
    let node = info(&transcript(97).stdout).unwrap();
    assert_eq!((node.name.as_str(), node.state.as_str(), node.chipset.as_str(), node.slots), ("node1", "poweroff", "ich9", 36));
    assert_eq!((node.memory_mib, node.cpus, node.is_locked, node.disks.len()), (1024, 2, false, 2));
    let plugs: Vec<(u32, Plug)> = node.nics.iter().map(|(slot, nic)| (*slot, nic.plug.clone())).collect();
    assert_eq!(
        plugs,
        [
            (1, Plug::Nat),
            (2, Plug::HostOnlyInterface("vboxnet0".into())),
            (4, Plug::Internal("lab-int-a".into())),
            (5, Plug::NatNetwork("labnat".into())),
            (6, Plug::Bridged("eth0".into())),
            (7, Plug::Other("generic".into())),
            (9, Plug::Nat),
        ]
    );
    let rule = Rule { name: "ssh".into(), protocol: Protocol::Tcp, host: "127.0.0.1:2222".parse().unwrap(), to: 22 };
    assert_eq!(node.nics[&1].rules, [rule]);
    assert!(node.nics[&9].rules.is_empty() && !node.nics[&9].is_connected && node.nics[&1].is_connected);
    assert_eq!((node.nics[&1].mac.to_string().as_str(), node.nics[&5].card.as_str()), ("08:00:27:e3:94:1f", "virtio"));
}

#[test]
fn states_locks_cables_and_snapshots_are_seen() {
    let of = |number| info(&transcript(number).stdout).unwrap();
    assert_eq!((of(318).state.as_str(), of(318).is_locked), ("running", true));
    assert_eq!((of(348).state.as_str(), of(357).state.as_str(), of(357).is_locked), ("paused", "saved", false));
    assert!(of(318).nics[&2].is_connected && !of(333).nics[&2].is_connected);
    assert_eq!((of(83).snapshots, of(83).current_snapshot.as_deref()), (vec!["clean".to_owned()], Some("clean")));
    assert_eq!(of(72).snapshots, [""; 0]);
}

#[test]
fn lists_are_read() {
    assert_eq!(machines(&transcript(317).stdout).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["base", "rec1"]);
    assert_eq!(machines(&transcript(3).stdout), []);
    let disks = media(&transcript(100).stdout);
    assert!(disks.len() >= 5, "{}", disks.len());
    assert_eq!(disks[0].parent, None);
    assert_eq!((disks[1].parent.as_deref(), disks[1].capacity_mib), (Some(disks[0].uuid.as_str()), 2048));
    let interfaces = interfaces(&transcript(305).stdout);
    assert_eq!(interfaces[1], Interface { name: "vboxnet1".into(), address: Some("192.168.57.1/24".parse().unwrap()), is_up: true });
    let bridges = super::interfaces(&transcript(13).stdout);
    assert!(bridges.len() > 2 && bridges[1].address.is_none() && !bridges[1].is_up);
    let nets = nat_networks(&transcript(36).stdout);
    assert_eq!(nets["labnat"], Some("10.99.0.0/24".parse().unwrap()));
    assert_eq!(nets.len(), 2);
    let servers = dhcp_servers(&transcript(42).stdout);
    assert_eq!(servers["intlab"], Some(("10.7.0.100".parse().unwrap(), "10.7.0.200".parse().unwrap())));
    assert_eq!(servers.len(), 2);
    assert_eq!(machine_folder(&transcript(14).stdout).as_deref(), Some("/home/user/VirtualBox VMs"));
    assert_eq!(extra_data(&transcript(79).stdout)["lab/id"], "42");
}

#[test]
fn what_users_write_changes_nothing_else() {
    let text = "name=\"n\"\nUUID=\"0\"\nVMState=\"poweroff\"\nnic1=\"none\"\nnic2=\"nat\"\nmacaddress2=\"080027AA0001\"\n\
                Forwarding(0)=\"a,b,tcp,,80,,8080\"\nForwarding(1)=\"dns,udp,127.0.0.1,5353,,53\"\nVideoMode=\"720,400,0\"@0,0 1\ndescription=\"x\\\"y\\\\ z\nnic1=\\\"nat\\\"\n\nVMState=\\\"running\\\"\"\n\
                SnapshotName=\"one\"\n";
    let info = info(text).unwrap();
    assert_eq!(
        (info.state.as_str(), info.nics.keys().copied().collect::<Vec<_>>(), info.snapshots.as_slice()),
        ("poweroff", vec![2], ["one".to_owned()].as_slice())
    );
    let tcp = Rule { name: "a,b".into(), protocol: Protocol::Tcp, host: "0.0.0.0:80".parse().unwrap(), to: 8080 };
    let udp = Rule { name: "dns".into(), protocol: Protocol::Udp, host: "127.0.0.1:5353".parse().unwrap(), to: 53 };
    assert_eq!(info.nics[&2].rules, [tcp, udp]);
    assert_eq!(fields(text).last().unwrap().1, "one");
    let description = fields(text).into_iter().find(|(key, _)| key == "description").unwrap().1;
    assert_eq!(description, "x\"y\\ z\nnic1=\"nat\"\n\nVMState=\"running\"");
    let extra = extra_data("Key: a, Value: {\"x\":\"b, Value: c\"}\nmore\nKey: d, Value: \n");
    assert_eq!((extra["a"].as_str(), extra["d"].as_str()), ("{\"x\":\"b, Value: c\"}\nmore", ""));
    assert_eq!(
        machines("\"a \"b\" {x}\" {0a}\nrubbish\n\"<inaccessible>\" {1B}\n"),
        [("a \"b\" {x}".into(), "0a".into()), ("<inaccessible>".into(), "1b".into())]
    );
}

#[test]
fn every_failure_that_was_seen_is_told_apart() {
    let kinds = [
        (25, Kind::NameTaken),
        (28, Kind::DriverMissing),
        (29, Kind::Unsupported),
        (44, Kind::NameTaken),
        (54, Kind::Invalid),
        (59, Kind::NameTaken),
        (66, Kind::NotFound),
        (68, Kind::InUse),
        (73, Kind::NotFound),
        (85, Kind::NotFound),
        (94, Kind::Invalid),
        (95, Kind::NotFound),
        (98, Kind::InUse),
        (99, Kind::InUse),
        (106, Kind::DriverMissing),
        (108, Kind::WrongState),
        (117, Kind::WrongState),
        (119, Kind::MediumBusy),
        (124, Kind::InUse),
        (303, Kind::RangeDenied),
        (372, Kind::Inaccessible),
        (373, Kind::Inaccessible),
        (375, Kind::NotReady),
        (304, Kind::NoInterface),
        (320, Kind::Locked),
        (321, Kind::Locked),
        (322, Kind::Unsupported),
        (323, Kind::Locked),
        (324, Kind::MediumBusy),
        (342, Kind::WrongState),
        (349, Kind::WrongState),
        (354, Kind::NoInterface),
        (358, Kind::WrongState),
    ];
    for (number, kind) in kinds.into_iter().filter(|(number, _)| *number != 29) {
        let failed = transcript(number);
        assert_eq!(error::classify(&failed.stderr), kind, "{number}: {}", failed.stderr);
        let said = error::gist(&failed.stderr);
        assert!(!said.is_empty() && !said.contains("Context:") && !said.contains("NS_ERROR"), "{number}: {said}");
    }
}

/// What calls for one machine side by side said of each other (7.2.22, two processors, busy): nothing was done, and the next try works.
#[test]
fn who_comes_at_the_same_moment_comes_again() {
    let said = [
        ("The machine 'a' already has a lock request pending", "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap"),
        (
            "The machine 'a' is already locked for a session (or being unlocked)",
            "VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap",
        ),
        ("Failed to assign the machine to the session (E_ACCESSDENIED)", "VBOX_E_VM_ERROR (0x80bb0003), component MachineWrap"),
        (
            "The machine 'a' was unlocked unexpectedly while attempting to share its session",
            "VBOX_E_INVALID_SESSION_STATE (0x80bb000b), component MachineWrap",
        ),
        ("The session is not locked (session state: Unlocked)", "NS_ERROR_UNEXPECTED (0x8000ffff), component SessionWrap"),
        ("The object is not ready", "E_ACCESSDENIED (0x80070005), component SessionMachine"),
    ];
    for (text, code) in said {
        let stderr =
            format!("VBoxManage: error: {text}\nVBoxManage: error: Details: code {code}, interface IMachine, callee nsISupports\n");
        assert!(error::CallError::new(error::classify(&stderr), text).is_worth_a_retry(), "{text}");
    }
    // Breaking at its end hides nothing of what it said before.
    let broken = "AddRef: illegal refcnt=3221225469 state=2\n";
    assert_eq!(error::classify(broken), Kind::Broken);
    assert_eq!(error::classify(&format!("{broken}VBoxManage: error: Could not find a registered machine named 'a'\n")), Kind::NotFound);
}

/// The code is the same for an address that is not allowed, a machine whose settings cannot be read, and all else that is denied.
#[test]
fn a_denial_is_told_apart_by_what_was_denied() {
    let denied = "VBoxManage: error: Could not open the medium\nVBoxManage: error: Details: code E_ACCESSDENIED (0x80070005), component \
                  MediumWrap, interface IMedium\nVBoxManage: error: Context: \"OpenMedium()\" at line 1 of file VBoxManageDisk.cpp\n";
    assert_eq!(error::classify(denied), Kind::Denied);
    let next = |number| {
        let stderr = transcript(number).stderr;
        error::CallError::new(error::classify(&stderr), error::gist(&stderr)).explain("x", None, None).next
    };
    assert!(
        next(303).contains("networks.conf") && !next(372).contains("networks.conf") && next(372).contains("unregistervm"),
        "{}",
        next(372)
    );
}

#[test]
fn machines_that_cannot_be_read_are_found_by_their_files() {
    let uuid = "94bbc83a-95b5-4ae0-bd39-e6440875fa88";
    assert_eq!(
        machines(&transcript(371).stdout),
        [
            ("D\u{e9}bian \u{fc}".to_owned(), "7eeedcff-7c0d-427d-b3de-2ce79781029a".to_owned()),
            ("<inaccessible>".to_owned(), uuid.to_owned())
        ]
    );
    let file = "/home/user/VirtualBox VMs/sandtable/x/bad/bad.vbox".to_owned();
    assert_eq!(inaccessible(&transcript(374).stdout), BTreeMap::from([(uuid.to_owned(), file)]));
    assert!(inaccessible(&transcript(6).stdout).is_empty());
}

#[test]
fn moments_are_read() {
    assert_eq!(seconds("2026-11-21T10:15:03.252000000"), Some(1_795_256_103));
    assert_eq!(seconds("1970-01-01T00:00:00"), Some(0));
    assert_eq!(seconds("2000-02-29T23:59:59Z"), Some(951_868_799));
    for bad in ["", "2026", "2026-13-01T00:00:00", "2026-01-01", "1969-01-01T00:00:00", "x-y-zT1:2:3"] {
        assert_eq!(seconds(bad), None, "{bad}");
    }
}

#[test]
fn a_failure_is_known_by_its_words_and_not_by_its_exit_code() {
    for call in transcripts() {
        let complains = error::complains(&call.stderr);
        match call.number {
            // These end with 0 and have not done it.
            51 | 117 => assert!(complains && call.exit == 0, "{}", call.number),
            // A list that complains of one of its machines has the others.
            374 => assert!(complains && call.exit == 0 && call.call.contains(" list "), "{}", call.number),
            _ if call.exit == 0 => assert!(!complains, "{}: {}", call.number, call.stderr),
            // Some failures are an exit code and a usage text.
            _ => {}
        }
    }
}

#[test]
fn no_text_makes_it_panic() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 256, ..Default::default() });
    let all: Vec<String> = transcripts().into_iter().map(|call| call.stdout).filter(|text| text.len() < 6000).collect();
    let strategy = (proptest::sample::select(all), any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[\\PC\"={}\\\\\n:,]{0,12}");
    runner
        .run(&strategy, |(text, from, to, put)| {
            let letters: Vec<char> = text.chars().collect();
            let (from, to) = (from.index(letters.len() + 1), to.index(letters.len() + 1));
            let (from, to) = (from.min(to), from.max(to));
            let damaged: String = letters[..from].iter().chain(&put.chars().collect::<Vec<_>>()).chain(&letters[to..]).collect();
            read_everything(&damaged);
            Ok(())
        })
        .unwrap();
}

fn read_everything(text: &str) {
    let _ = (info(text), machines(text), media(text), interfaces(text), host_only_networks(text), nat_networks(text));
    let _ = (dhcp_servers(text), extra_data(text), machine_folder(text), error::classify(text), error::gist(text));
    let _ = super::super::version::Version::parse(text);
}
