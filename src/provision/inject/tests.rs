//! The scripts in a plain shell, with commands that only keep books: what was broken is as it was once it is undone.

use super::*;
use crate::{plan::fixture::mini_cloud, probe::fixture::set_up};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Commands that keep their state in files under `$BOOKS`.
const FAKES: &[(&str, &str)] = &[
    (
        "nft",
        r#"case $* in
        'list tables') [ ! -e "$BOOKS/no-nft" ] ;;
        '-f '*) name=$(sed -n 's/^table inet \([a-z_0-9]*\) {$/\1/p' "$2"); cp "$2" "$BOOKS/table-$name" ;;
        'delete table inet '*) rm "$BOOKS/table-$4" ;;
        esac"#,
    ),
    (
        "systemctl",
        r#"verb=; unit=
        for word; do case $word in
            -*|KILL|CONT|STOP) [ "$word" != KILL ] && [ "$word" != CONT ] && [ "$word" != STOP ] || signal=$word ;;
            *) if [ -z "$verb" ]; then verb=$word; else unit=$word; fi ;;
        esac; done
        case $unit in *.timer)
            [ "$verb" != is-active ] || { [ -e "$BOOKS/timer-${unit%.timer}" ]; exit; }
            rm -f "$BOOKS/timer-${unit%.timer}"; exit 0 ;;
        esac
        case $verb in
        is-active) [ "$(cat "$BOOKS/unit-$unit" 2>/dev/null)" = active ] || [ "$(cat "$BOOKS/unit-$unit" 2>/dev/null)" = frozen ] ;;
        start) echo active >"$BOOKS/unit-$unit" ;;
        stop) case $unit in sandtable-fault-*) rm -f "$BOOKS/unit-$unit" ;; *) echo inactive >"$BOOKS/unit-$unit" ;; esac ;;
        restart|reload-or-restart) echo active >"$BOOKS/unit-$unit" ;;
        kill) case $signal in KILL) echo failed ;; STOP) echo frozen ;; CONT) echo active ;; esac >"$BOOKS/unit-$unit" ;;
        esac"#,
    ),
    (
        "systemd-run",
        r#"[ ! -e "$BOOKS/no-timers" ] || { echo 'no bus' >&2; exit 1; }
        for word; do case $word in
            --unit=*) unit=${word#--unit=} ;;
            --on-active=*) timer=yes ;;
        esac; done
        if [ -n "${timer-}" ]; then echo "$*" >"$BOOKS/timer-$unit"; else echo active >"$BOOKS/unit-$unit.service"; fi"#,
    ),
    (
        "tc",
        r#"file=$BOOKS/qdisc-${4:-}
        [ ! -e "$BOOKS/no-netem" ] || case $2 in add|replace) echo 'Error: Specified qdisc kind is unknown.' >&2; exit 2 ;; esac
        case $2 in
        show) if [ -e "$file" ]; then cat "$file"; else echo 'qdisc noqueue 0: root'; fi ;;
        add|replace) shift 5; echo "qdisc $*" >"$file" ;;
        del) rm -f "$file" ;;
        esac"#,
    ),
    (
        "ip",
        r#"case $* in
        'link set dev '*) if [ "$5" = down ]; then : >"$BOOKS/down-$4"; rm -f "$BOOKS/routes-$4"; else rm -f "$BOOKS/down-$4"; fi ;;
        '-4 route show dev '*) cat "$BOOKS/routes-$5" ;;
        '-4 route replace '*) shift 3; for last; do :; done; printf '%s\n' "$1 $2 $3" >>"$BOOKS/routes-$last" ;;
        esac"#,
    ),
    (
        "date",
        r#"read -r now <"$BOOKS/clock"
        case $1 in
        -s) [ ! -e "$BOOKS/no-clock" ] || exit 1; echo "${2#@}" >"$BOOKS/clock" ;;
        *) echo "$now" ;;
        esac"#,
    ),
    ("df", r#"echo Filesystem; echo "none $(cat "$BOOKS/disk-kib") 0 $(cat "$BOOKS/free-kib" 2>/dev/null || echo 3000) 1% /""#),
    ("du", r#"printf '%s\t%s\n' "$(cat "$BOOKS/used-kib")" "$2""#),
    (
        "fallocate",
        r#"size=$2; kib=${size%K}; [ "$kib" != "$size" ] || kib=$((${size%M} * 1024))
        read -r room <"$BOOKS/quota-kib"
        # A quota that is inconsistent refuses what is too large by itself, and forgets what it gave.
        [ -e "$BOOKS/forgets" ] || for there in "${3%/*}"/full.*; do [ ! -e "$there" ] || room=$((room - $(cat "$there"))); done
        [ "$kib" -le "$room" ] || exit 1
        echo "$kib" >"$3""#,
    ),
    // What a file system had set aside goes with its next commit.
    (
        "sync",
        r#"[ -e "$BOOKS/set-aside-kib" ] || exit 0
        read -r room <"$BOOKS/quota-kib"; read -r more <"$BOOKS/set-aside-kib"
        rm "$BOOKS/set-aside-kib"; echo $((room + more)) >"$BOOKS/quota-kib""#,
    ),
];

/// A node that is a folder.
struct Node {
    root: tempfile::TempDir,
    shell: &'static str,
}

impl Node {
    fn new(shell: &'static str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let node = Self { root, shell };
        for folder in ["bin", "books", "run", "state/services/galera", "state/services/haproxy", "tls/galera", "net/eth0", "net/eth1"] {
            fs::create_dir_all(node.path(folder)).unwrap();
        }
        for (name, text) in FAKES {
            let path = node.path("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let cookie = node.path("state/erlang.cookie").display().to_string();
        for (path, text) in [
            ("state/services/galera/units", "mariadb.service\nmore@1.service\n"),
            ("state/services/galera/name", "galera\n"),
            ("state/services/galera/files", cookie.as_str()),
            ("state/services/haproxy/units", "haproxy.service\n"),
            ("state/erlang.cookie", "SECRET"),
            ("tls/galera/certificate.pem", "good certificate\n"),
            ("tls/galera/key.pem", "good key\n"),
            ("tls/galera/bundle.pem", "good certificate\ngood key\n"),
            ("tls/galera/authority.pem", "authority\n"),
            ("books/unit-mariadb.service", "active\n"),
            ("books/unit-more@1.service", "active\n"),
            ("books/unit-haproxy.service", "active\n"),
            ("books/routes-eth0", "default via 192.168.60.1\n"),
            ("books/routes-eth1", ""),
            ("books/clock", "1800000000\n"),
            ("books/disk-kib", "9000000\n"),
            ("books/quota-kib", "5000\n"),
        ] {
            fs::write(node.path(path), text).unwrap();
        }
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Every file but those that scripts work in, by name.
    fn state(&self) -> BTreeMap<String, String> {
        fn read(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    read(&path, root, found);
                } else {
                    let name = path.strip_prefix(root).unwrap().display().to_string();
                    found.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
                }
            }
        }
        let mut found = BTreeMap::new();
        read(self.root.path(), self.root.path(), &mut found);
        found
    }

    fn run(&self, script: &Script) -> super::super::Ending {
        let root = self.root.path().display().to_string();
        let text = script
            .text
            .replace("/var/lib/sandtable", &format!("{root}/state"))
            .replace("/etc/sandtable/tls", &format!("{root}/tls"))
            .replace("/sys/class/net", &format!("{root}/net"))
            .replace("/run/sandtable", &format!("{root}/run/sandtable"))
            .replace("PATH=/usr/local/sbin:", &format!("PATH={root}/bin:/usr/local/sbin:"));
        let mut command = Command::new(self.shell);
        if self.shell == "busybox" {
            command.arg("sh");
        }
        let output = command.arg("-c").arg(text).env("BOOKS", self.path("books")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        super::super::ending(said.lines(), output.status.code().unwrap_or(137))
    }
}

fn shells() -> impl Iterator<Item = &'static str> {
    ["dash", "bash", "busybox"].into_iter().filter(|shell| Command::new(shell).arg("-c").arg(":").output().is_ok())
}

fn seen(node: &Node) -> Observed {
    let mut seen = set_up(&mini_cloud());
    let adapters = &seen.nodes["db1"].spec.as_ref().unwrap().adapters;
    for (slot, adapter) in adapters.iter().enumerate() {
        fs::write(node.path(&format!("net/eth{slot}/address")), format!("{}\n", adapter.mac)).unwrap();
    }
    let db1 = seen.nodes.get_mut("db1").unwrap();
    db1.spec.as_mut().unwrap().disk_gib = 8;
    let galera = db1.services.get_mut("galera").unwrap().spec.as_mut().unwrap();
    galera.settings.insert("tls".to_owned(), crate::model::Value::Bool(true));
    seen
}

fn script(text: &str, id: u64, seen: &Observed) -> Script {
    let facts = Facts { seen, id, secs: 600, expired: Some(("old certificate\n", "old key\n")) };
    let acts = inside(&text.parse().unwrap(), &facts).unwrap();
    acts.into_iter().find(|act| act.node.as_str() == "db1").unwrap().inject
}

const ON_DB1: [&str; 15] = [
    "stop db1/galera",
    "kill db1/galera",
    "hang db1/galera",
    "cookie db1/galera",
    "expire db1/galera",
    "block db1/galera",
    "link-down db1 backend",
    "one-way app1 db1",
    "cut app1,app2 db1,db2",
    "loss db1 backend 20%",
    "delay db1 backend 200ms",
    "fill-disk db1",
    "hog-cpu db1",
    "skew db1 -90s",
    "no-dns db1",
];

#[test]
fn what_is_undone_is_as_it_was_and_both_can_be_done_twice() {
    for shell in shells() {
        for text in ON_DB1.into_iter().chain(["fill-memory db1"]) {
            let node = Node::new(shell);
            let seen = seen(&node);
            let before = node.state();
            let inject = script(text, 7, &seen);
            let heal = undo(&text.parse().unwrap(), 7);
            assert_eq!(node.run(&heal), super::super::Ending::Same, "{shell}: {text}: healed before it was broken");
            assert_eq!(node.run(&inject), super::super::Ending::Changed, "{shell}: {text}");
            let broken = node.state();
            assert!(broken.contains_key("books/timer-sandtable-heal-7"), "{shell}: {text}: no timer: {broken:?}");
            assert!(broken.contains_key("state/faults/7/undo"), "{shell}: {text}: {broken:?}");
            assert_eq!(node.run(&inject), super::super::Ending::Same, "{shell}: {text}: twice");
            assert_eq!(node.state(), broken, "{shell}: {text}: twice");
            let changed = broken.iter().any(|(name, text)| {
                !name.starts_with("books/timer")
                    && !name.starts_with("state/faults/7/undo")
                    && !name.ends_with("broken")
                    && before.get(name) != Some(text)
            });
            assert!(changed || before.len() != broken.len(), "{shell}: {text}: nothing is broken");
            assert_eq!(node.run(&heal), super::super::Ending::Changed, "{shell}: {text}");
            assert_eq!(node.state(), before, "{shell}: {text}");
            assert_eq!(node.run(&heal), super::super::Ending::Same, "{shell}: {text}: healed twice");
        }
    }
}

#[test]
fn two_faults_on_one_file_leave_nothing_in_whatever_order_they_are_healed() {
    for text in ["cookie db1/galera", "expire db1/galera"] {
        for order in [[1, 2], [2, 1]] {
            let node = Node::new("dash");
            let seen = seen(&node);
            let before = node.state();
            for id in [1, 2] {
                assert_eq!(node.run(&script(text, id, &seen)), super::super::Ending::Changed, "{text} {id}");
            }
            for id in order {
                assert_eq!(node.run(&undo(&text.parse().unwrap(), id)), super::super::Ending::Changed, "{text} {id}");
            }
            assert_eq!(node.state(), before, "{text}, healed in the order {order:?}");
        }
    }
}

#[test]
fn a_fault_that_ended_with_the_power_of_its_node_holds_nothing_down() {
    let node = Node::new("dash");
    let seen = seen(&node);
    let before = node.state();
    let text = "stop db1/galera";
    node.run(&script(text, 3, &seen));
    // The node was turned off and on: its services start, and its timers are gone.
    fs::remove_file(node.path("books/timer-sandtable-heal-3")).unwrap();
    for unit in ["mariadb.service", "more@1.service"] {
        fs::write(node.path("books").join(format!("unit-{unit}")), "active\n").unwrap();
    }
    node.run(&script(text, 7, &seen));
    assert_ne!(node.state()["books/unit-mariadb.service"], "active\n");
    node.run(&undo(&text.parse().unwrap(), 7));
    assert_eq!(node.state()["books/unit-mariadb.service"], "active\n", "the service starts again");
    node.run(&undo(&text.parse().unwrap(), 3));
    assert_eq!(node.state(), before);
}

#[test]
fn a_loss_of_all_packets_needs_no_chance() {
    let node = Node::new("dash");
    let seen = seen(&node);
    for (text, words) in [("loss db1 backend 100%", "iifname \"eth0\"  drop"), ("loss db1 backend 99%", "mod 100 < 99 drop")] {
        assert_eq!(node.run(&script(text, 7, &seen)), super::super::Ending::Changed);
        let rules = std::fs::read_to_string(node.path("books/table-sandtable_fault_7")).unwrap();
        assert!(rules.contains(words), "{rules}");
        node.run(&undo(&text.parse().unwrap(), 7));
    }
}

#[test]
fn a_disk_is_filled_to_its_last_block() {
    for (kib, set_aside) in [(5000, 0), (5000, 937), (4, 0), (70_003, 4)] {
        let node = Node::new("dash");
        let seen = seen(&node);
        fs::write(node.path("books/quota-kib"), format!("{kib}\n")).unwrap();
        if set_aside > 0 {
            fs::write(node.path("books/set-aside-kib"), format!("{set_aside}\n")).unwrap();
        }
        assert_eq!(node.run(&script("fill-disk db1", 7, &seen)), super::super::Ending::Changed);
        let filled = node.state().into_iter().filter(|(name, _)| name.contains("/7/full."));
        let filled: u64 = filled.map(|(_, kib)| kib.trim().parse::<u64>().unwrap()).sum();
        assert!(kib + set_aside - filled < 4, "of {kib} and {set_aside} KiB {filled} are filled");
    }
}

/// In KiB: what a node of 8 GiB on a pool of 40 GiB writes, by what the pool has free, what its quota leaves and what the node uses.
fn filled_in_a_pool(free: u64, quota: u64, used: u64, forgets: bool) -> (super::super::Ending, u64) {
    let node = Node::new("dash");
    let seen = seen(&node);
    for (file, kib) in [("disk-kib", 40 << 20), ("free-kib", free), ("quota-kib", quota), ("used-kib", used)] {
        fs::write(node.path("books").join(file), format!("{kib}\n")).unwrap();
    }
    if forgets {
        fs::write(node.path("books/forgets"), "").unwrap();
    }
    let ending = node.run(&script("fill-disk db1", 7, &seen));
    let filled = node.state().into_iter().filter(|(name, _)| name.contains("/7/full."));
    (ending, filled.map(|(_, kib)| kib.trim().parse::<u64>().unwrap()).sum())
}

#[test]
fn a_disk_in_a_pool_is_filled_to_its_drawn_size_and_no_further() {
    const GIB: u64 = 1 << 20;
    // The quota counts: it says where the disk ends.
    let (ending, filled) = filled_in_a_pool(30 * GIB, 7 * GIB, GIB, false);
    assert_eq!((ending, filled), (super::super::Ending::Changed, 7 * GIB));
    // A quota that refuses 9 GiB at once and never counts: the node's share is written once, and given back.
    let (ending, filled) = filled_in_a_pool(30 * GIB, 9 * GIB, GIB, true);
    let super::super::Ending::Failed(why) = ending else { panic!("{ending:?}") };
    assert!(why.contains("quota rescan") && filled == 0, "{why} {filled}");
    // The pool has less than the node's share: nothing is written.
    let (ending, filled) = filled_in_a_pool(5 * GIB, 7 * GIB, GIB, false);
    let super::super::Ending::Failed(why) = ending else { panic!("{ending:?}") };
    assert!(why.contains("5120 MiB left") && filled == 0, "{why} {filled}");
}

#[test]
fn the_node_s_own_timer_undoes_it_too() {
    let node = Node::new("dash");
    let seen = seen(&node);
    let before = node.state();
    node.run(&script("stop db1/galera", 3, &seen));
    assert_ne!(node.state(), before);
    let undo = node.path("state/faults/3/undo");
    let status = Command::new("sh").arg(&undo).env("BOOKS", node.path("books")).status().unwrap();
    assert!(status.success());
    assert_eq!(node.state(), before);
}

#[test]
fn what_cannot_be_broken_is_said_and_nothing_is_changed() {
    for (text, file, content, words) in [
        ("delay db1 backend 200ms", "books/no-netem", "", "no netem"),
        ("block db1/galera", "books/no-nft", "", "no nf_tables"),
        ("skew db1 +90s", "books/no-clock", "", "no clock of its own"),
        ("stop db1/galera", "books/no-timers", "", "set no timer"),
        ("kill db1/galera", "books/unit-mariadb.service", "inactive\n", "it does not run"),
        ("hang db1/galera", "state/services/galera/units", "", "nothing to stop"),
        ("cookie db1/galera", "state/services/galera/files", "/etc/my.cnf\n", "no cookie"),
        ("expire db1/galera", "tls/galera/certificate.pem", "", "no certificate"),
        ("link-down db1 backend", "net/eth0/address", "02:00:00:00:00:01\n", "hardware address"),
        ("fill-disk db1", "books/disk-kib", "900000000\n", "shared with others"),
    ] {
        let node = Node::new("dash");
        let seen = seen(&node);
        if text == "fill-disk db1" {
            for (file, kib) in [("quota-kib", "900000000\n"), ("free-kib", "90000000\n"), ("used-kib", "1000000\n")] {
                fs::write(node.path("books").join(file), kib).unwrap();
            }
        }
        fs::write(node.path(file), content).unwrap();
        let before = node.state();
        let super::super::Ending::Failed(why) = node.run(&script(text, 7, &seen)) else { panic!("{text} was done") };
        assert!(why.contains(words), "{text}: {why}");
        assert_eq!(node.state(), before, "{text}");
    }
}

#[test]
fn a_cut_falls_on_both_sides_and_one_way_on_the_one_that_hears() {
    let node = Node::new("dash");
    let seen = seen(&node);
    let facts = Facts { seen: &seen, id: 1, secs: 60, expired: None };
    let nodes = |text: &str| {
        let acts = inside(&text.parse().unwrap(), &facts).unwrap();
        acts.iter().map(|act| act.node.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(nodes("cut app1,app2 db1,db2"), "app1 app2 db1 db2");
    assert_eq!(nodes("one-way app1 db1"), "db1");
    for text in ["power-off db1", "pause db1", "stop db1/nonesuch", "stop db9/galera", "link-down db1 frontend", "expire db1/galera"] {
        assert!(inside(&text.parse().unwrap(), &facts).is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Any faults in any order, healed in any other: the node is as it was.
    #[test]
    fn any_faults_healed_in_any_order_leave_nothing(
        chosen in proptest::sample::subsequence((0..ON_DB1.len()).collect::<Vec<_>>(), 1..5),
        twice in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let node = Node::new("dash");
        let seen = seen(&node);
        let before = node.state();
        let mut faults: Vec<(u64, &str)> = chosen.iter().enumerate().map(|(place, at)| (place as u64 + 1, ON_DB1[*at])).collect();
        if twice {
            // The same again, as a fault of its own: healing one must not heal the other.
            let first = faults[0].1;
            faults.push((99, first));
        }
        // A service that is stopped can be neither killed nor frozen, and one that was killed starts when that is healed.
        let stops = faults.iter().filter(|(_, text)| ["stop", "kill", "hang", "cookie", "expire"].iter().any(|word| text.starts_with(word)));
        prop_assume!(stops.count() <= 1 || faults.iter().all(|(_, text)| !text.starts_with("kill") && !text.starts_with("hang") && !text.starts_with("cookie") && !text.starts_with("expire")));
        for (id, text) in &faults {
            node.run(&script(text, *id, &seen));
        }
        let mut order = faults.clone();
        let mut state = seed;
        for place in (1..order.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            order.swap(place, (state >> 33) as usize % (place + 1));
        }
        for (id, text) in &order {
            node.run(&undo(&text.parse().unwrap(), *id));
        }
        prop_assert_eq!(node.state(), before, "{:?}", faults);
    }
}
