//! Faults on real nodes: each injected, seen by whoever watches, and healed; and what was predicted beside what happened. By the
//! program itself, on Incus.
//!
//! Needs a daemon whose labs nobody misses and an image with all packages, so the suite starts it inside a private machine; the
//! image is named by `SANDTABLE_INCUS_IMAGE`.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a fault may take to be seen, and a lab to be well again once it is healed.
const SEEN: Duration = Duration::from_secs(30);
const WELL: Duration = Duration::from_secs(90);
/// How long it must stay well before more is broken on purpose and measured.
const SETTLED: Duration = Duration::from_secs(8);

/// Where a fault is seen.
enum Seen {
    /// In `status --format json`: a path, and a word that stands there then.
    At(&'static [&'static str], &'static str),
    /// On a node, past the program: a script that ends well then, and only then.
    On(&'static str, &'static str),
    /// On a node, past the program: a script that says something else than before.
    Changes(&'static str, &'static str),
}

/// A fault, where it is seen, and what stands against it on this kernel, where it may be refused.
struct Case {
    fault: &'static str,
    seen: Seen,
    or_refused: &'static str,
}

const fn case(fault: &'static str, seen: Seen) -> Case {
    Case { fault, seen, or_refused: "" }
}

const fn refusable(fault: &'static str, seen: Seen, or_refused: &'static str) -> Case {
    Case { fault, seen, or_refused }
}

/// Its first process.
const MAIN_TODO: &str = "systemctl show -P MainPID $(head -n 1 /var/lib/sandtable/services/todo/units)";
const MAIN_HAPROXY: &str = "systemctl show -P MainPID $(head -n 1 /var/lib/sandtable/services/haproxy/units)";
/// Whether something that was never asked for holds 300 MB.
const MEMORY: &str = "ps -C tail -o rss= | awk '$1 > 300000 { found = 1 } END { exit !found }'";
/// Whether a process of a fault uses much of a processor.
const PROCESSOR: &str = "ps -eo pcpu=,args= | grep -v grep | awk '/ hog / && $1 > 5 { found = 1 } END { exit !found }'";
/// Whether a question to a name server is not even refused.
const NO_NAMES: &str = "timeout 2 bash -c '</dev/tcp/127.0.0.1/53' 2>/dev/null; [ $? = 124 ]";
/// Whether what a service shows to whoever connects is out of date.
const OUT_OF_DATE: &str =
    "true | openssl s_client -connect 192.168.56.11:443 2>/dev/null | openssl x509 -noout -checkend 0 | grep -q 'will expire'";

const TODO: &[&str] = &["nodes", "app1", "services", "todo", "health"];
const TO_APP1: Seen = Seen::At(&["flows", "lb/haproxy -> app1/todo", "health"], "down");
const TO_APP2: Seen = Seen::At(&["flows", "lb/haproxy -> app2/todo", "health"], "down");

/// How a round is healed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Healed {
    /// Each fault by its number: the others last until it is their turn.
    OneByOne,
    /// All at once.
    Together,
}

/// On the mini-cloud, in rounds: the faults of one are there side by side, for none of them brings about what another is seen by.
const ROUNDS: &[(Healed, &[Case])] = &[
    (
        Healed::OneByOne,
        &[
            case("stop db1/galera", Seen::At(&["nodes", "db1", "services", "galera", "health"], "down")),
            case("hang app1/todo", Seen::At(TODO, "down")),
            case("one-way lb app2", TO_APP2),
            case("no-dns app1", Seen::On("app1", NO_NAMES)),
        ],
    ),
    (
        Healed::OneByOne,
        &[
            case("kill app1/todo", Seen::Changes("app1", MAIN_TODO)),
            case("restart lb/haproxy", Seen::Changes("lb", MAIN_HAPROXY)),
            case("loss app2 frontend 100%", TO_APP2),
            case("fill-memory app2", Seen::On("app2", MEMORY)),
            case("pause db2", Seen::At(&["nodes", "db2", "power"], "paused")),
        ],
    ),
    (
        Healed::OneByOne,
        &[
            case("block app1/todo", TO_APP1),
            case("link-down app2 frontend", TO_APP2),
            case("hog-cpu app2", Seen::On("app2", PROCESSOR)),
            refusable("delay db2 backend 300ms", Seen::On("db2", "tc qdisc show | grep -q 'netem.*delay 300'"), "no netem"),
            refusable("skew db1 +90s", Seen::At(&["nodes", "db1", "health"], "degraded"), "no clock of its own"),
        ],
    ),
    (
        Healed::Together,
        &[
            case("stop app1/todo", Seen::At(TODO, "down")),
            case("cut lb app2", TO_APP2),
            case("block lb/haproxy", Seen::At(&["flows", "outside -> lb/haproxy", "health"], "down")),
            case("power-off db2", Seen::At(&["nodes", "db2", "power"], "stopped")),
        ],
    ),
];

/// On three BEAM nodes that trust each other, and a web server.
const ROUNDS_OF_TRUST: &[(Healed, &[Case])] = &[
    (
        Healed::OneByOne,
        &[
            case("cookie one/beam", Seen::At(&["nodes", "one", "services", "beam", "health"], "degraded")),
            case("expire one/web", Seen::At(&["nodes", "one", "services", "web", "health"], "degraded")),
        ],
    ),
    (
        Healed::OneByOne,
        &[
            case("expire one/beam", Seen::At(&["nodes", "one", "services", "beam", "health"], "degraded")),
            case("expire one/web", Seen::On("one", OUT_OF_DATE)),
        ],
    ),
    (
        Healed::OneByOne,
        // Refused where nothing but the pool's own size holds a node to its share.
        &[refusable("fill-disk three", Seen::At(&["nodes", "three", "health"], "degraded"), "shared with others")],
    ),
];

/// What the holder of the database's address was broken by, and what was measured where the same lab had been set up by hand
/// (20 requests a second; requests that failed, and of how many).
const HOLDER_FAILS: &[(&str, &str)] = &[
    ("stop HOLDER/galera", "2.36 s, 33 of 200"),
    ("kill HOLDER/galera", "3.48 s, 22 of 280"),
    ("pause HOLDER", "3.38 s, 20 of 280"),
    ("power-off HOLDER", "3.20 s, 3 of 240"),
    ("link-down HOLDER backend", "5.70 s, 34 of 360"),
];

/// What `status --watch` said last.
#[derive(Default)]
struct Shown {
    status: Option<Value>,
    is_over: bool,
}

type Watched = Arc<(Mutex<Shown>, Condvar)>;

/// What was said last, whoever failed while reading it: one failure is told once.
fn held(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Lab {
    folder: tempfile::TempDir,
    watching: Option<Child>,
    shown: Watched,
}

impl Lab {
    /// Deploys a layout, and waits until it is well.
    fn deployed(layout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(layout), folder.path().join("lab.ron")).unwrap();
        let mut lab = Self { folder, watching: None, shown: Watched::default() };
        lab.good(&["deploy", "--on", "incus", "--yes"]);
        let mut watching = lab.command("status").args(["--watch", "--format", "json"]).stdout(Stdio::piped()).spawn().unwrap();
        let (shown, out) = (Arc::clone(&lab.shown), watching.stdout.take().unwrap());
        std::thread::spawn(move || {
            let (latest, told) = &*shown;
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                held(latest).status = Some(line.parse().unwrap());
                told.notify_all();
            }
            held(latest).is_over = true;
            told.notify_all();
        });
        lab.watching = Some(watching);
        lab.until("a lab that was deployed is well", WELL, is_well);
        lab
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join("lab.ron")
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.arg(verb).arg(self.layout()).env("SANDTABLE_STATE", self.folder.path().join("state")).stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        let (verb, rest) = words.split_first().unwrap();
        self.command(verb).args(rest).output().unwrap()
    }

    fn good(&self, words: &[&str]) -> Output {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        output
    }

    fn inject(&self, fault: &str, lasts: &str) -> Output {
        let words: Vec<&str> = ["inject"].into_iter().chain(fault.split(' ')).chain(["--for", lasts, "--format", "json"]).collect();
        self.run(&words)
    }

    /// Waits until what is watched is so, and gives how long that took.
    fn until(&self, what: &str, longest: Duration, is_so: impl Fn(&Value) -> bool) -> Duration {
        let began = Instant::now();
        let (latest, told) = &*self.shown;
        let mut shown = held(latest);
        loop {
            if shown.status.as_ref().is_some_and(&is_so) {
                return began.elapsed();
            }
            assert!(!shown.is_over, "{what}: whoever watches has ended");
            let left = longest.saturating_sub(began.elapsed());
            assert!(!left.is_zero(), "{what}: not so after {longest:?}: {:#}", shown.status.as_ref().unwrap_or(&Value::Null));
            shown = told.wait_timeout(shown, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until all is well and stays so for a while, and gives how long it took to be well for good: whoever was frozen answers
    /// well at first, finds out what the others did meanwhile, and joins them anew.
    fn until_settled(&self, what: &str) -> Duration {
        let began = Instant::now();
        loop {
            self.until(what, WELL.saturating_sub(began.elapsed()), is_well);
            let well_since = Instant::now();
            let (latest, told) = &*self.shown;
            let mut shown = held(latest);
            loop {
                if !shown.status.as_ref().is_some_and(is_well) {
                    break;
                }
                let left = SETTLED.saturating_sub(well_since.elapsed());
                if left.is_zero() {
                    return well_since.duration_since(began);
                }
                shown = told.wait_timeout(shown, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn status(&self) -> Value {
        held(&self.shown.0).status.clone().unwrap()
    }

    /// Runs a script on a node past the program, by the daemon's own client.
    fn on(&self, node: &str, script: &str) -> Output {
        let lab = fs::canonicalize(self.layout()).unwrap();
        let id = sandtable::plan::LabId::of_file(&lab);
        let ours = [format!("user.sandtable.node={node}"), format!("user.sandtable.lab={id}")];
        let list = Command::new("incus").args(["list", "-f", "csv", "-c", "n"]).args(&ours).output().unwrap();
        let name = String::from_utf8_lossy(&list.stdout).lines().next().unwrap_or_else(|| panic!("{node} is not there")).to_owned();
        Command::new("incus").args(["exec", &name, "--", "sh", "-c", script]).stdin(Stdio::null()).output().unwrap()
    }

    /// Breaks what is said side by side, sees that each is broken, heals it, and sees that all is well.
    fn try_round(&self, (healed, cases): &(Healed, &[Case])) {
        let before: Vec<Vec<u8>> = cases.iter().map(|case| self.before(case)).collect();
        std::thread::scope(|threads| {
            for (case, before) in cases.iter().zip(&before) {
                let began = Instant::now();
                let injected = self.inject(case.fault, "5m");
                if !injected.status.success() {
                    self.was_refused(case, &said(&injected));
                    continue;
                }
                let took = began.elapsed();
                threads.spawn(move || {
                    let seen = took + self.until_seen(case, before);
                    let (took, seen) = (took.as_secs_f32(), seen.as_secs_f32());
                    println!("{:<28} broken in {took:>4.1} s, seen after {seen:>4.1} s", case.fault);
                });
            }
        });
        if *healed == Healed::OneByOne {
            for (id, fault) in self.lasting() {
                // A killed service that is well again is over its fault by itself.
                if !fault.starts_with("kill ") {
                    self.good(&["heal", &id.to_string()]);
                    assert!(!self.lasting().contains(&(id, fault)));
                }
            }
        }
        self.good(&["heal", "--all"]);
        assert_eq!(self.lasting(), []);
        let what = cases.iter().map(|case| case.fault).collect::<Vec<_>>().join(", ");
        let well = self.until(&what, WELL, is_well).as_secs_f32();
        println!("    well {well:.1} s after all of these were healed: {what}");
    }

    /// What a script says before anything is broken, where that is what changes; nothing is so that is to be brought about.
    fn before(&self, case: &Case) -> Vec<u8> {
        match case.seen {
            Seen::At(path, word) => assert_ne!(at(&self.status(), path), Some(word), "{}: it is so without the fault", case.fault),
            Seen::On(node, script) => assert!(!self.on(node, script).status.success(), "{}: it is so without the fault", case.fault),
            Seen::Changes(node, script) => return self.on(node, script).stdout,
        }
        Vec::new()
    }

    fn until_seen(&self, case: &Case, before: &[u8]) -> Duration {
        match case.seen {
            Seen::At(path, word) => self.until(case.fault, SEEN, |status| at(status, path) == Some(word)),
            Seen::On(node, script) => past(case.fault, || self.on(node, script).status.success()),
            Seen::Changes(node, script) => past(case.fault, || {
                let now = self.on(node, script).stdout;
                now != before && now != b"0\n"
            }),
        }
    }

    fn was_refused(&self, case: &Case, why: &str) {
        assert!(!case.or_refused.is_empty() && why.contains(case.or_refused), "{}: {why}", case.fault);
        assert!(!self.lasting().iter().any(|(_, fault)| fault == case.fault), "{}: what was refused lasts", case.fault);
        println!("{:<28} refused: {}", case.fault, why.lines().last().unwrap_or_default());
    }

    /// What the journal has: numbers and faults.
    fn lasting(&self) -> Vec<(u64, String)> {
        let entries = self.journal()["entries"].as_array().cloned().unwrap_or_default();
        let fault = |entry: &Value| serde_json::from_value::<sandtable::model::Fault>(entry["fault"].clone()).unwrap().to_string();
        entries.iter().map(|entry| (entry["id"].as_u64().unwrap(), fault(entry))).collect()
    }

    fn journal(&self) -> Value {
        let folders = fs::read_dir(self.folder.path().join("state")).unwrap();
        let text = folders.filter_map(|entry| fs::read(find(&entry.unwrap().path(), "faults.json")?).ok()).next();
        text.map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.run(&["heal", "--all"]);
        if let Some(mut watching) = self.watching.take() {
            let _over = (watching.kill(), watching.wait());
        }
        self.run(&["destroy", "--yes"]);
    }
}

/// A file of this name in a folder or below.
fn find(path: &Path, name: &str) -> Option<PathBuf> {
    if path.is_dir() {
        return fs::read_dir(path).ok()?.filter_map(|entry| find(&entry.ok()?.path(), name)).next();
    }
    path.ends_with(name).then(|| path.to_owned())
}

/// Waits until something is so that nobody tells of.
fn past(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SEEN, "{what}: it is not so after {SEEN:?}");
    }
    began.elapsed()
}

/// A value by its path; a flow is found by its ends.
fn at<'a>(status: &'a Value, path: &[&str]) -> Option<&'a str> {
    let value = path.iter().try_fold(status, |value, word| match value {
        Value::Array(flows) => {
            let ends = |flow: &Value| format!("{} -> {}", flow["from"].as_str().unwrap_or(""), flow["to"].as_str().unwrap_or(""));
            flows.iter().find(|flow| ends(flow) == *word)
        }
        other => other.get(word),
    });
    value?.as_str()
}

fn is_well(status: &Value) -> bool {
    status["healthy"] == true && status["faults"].as_array().is_some_and(Vec::is_empty)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// All on one lab, for each lab takes a while to be there.
#[test]
fn faults_of_the_mini_cloud() {
    let lab = Lab::deployed("layouts/mini-cloud.ron");
    for round in ROUNDS {
        lab.try_round(round);
    }
    what_a_killed_program_broke_is_healed(&lab);
    they_end_by_themselves_although_everybody_is_gone(&lab);
    lab.until_settled("what ended by itself");
    for (fault, by_hand) in HOLDER_FAILS {
        predicted_beside_observed(&lab, fault, by_hand);
    }
}

#[test]
fn faults_of_what_rests_on_trust() {
    let lab = Lab::deployed("tests/incus/trust.ron");
    for round in ROUNDS_OF_TRUST {
        lab.try_round(round);
    }
}

/// The journal is written before anything is broken, so whoever comes after a crash can mend it: programs that were killed once
/// that was written, or once something was seen broken.
fn what_a_killed_program_broke_is_healed(lab: &Lab) {
    let seen = [
        ("stop app1/todo", TODO, "down"),
        ("link-down app2 frontend", &["flows", "lb/haproxy -> app2/todo", "health"], "down"),
        ("power-off db2", &["nodes", "db2", "power"], "stopped"),
    ];
    let unseen: [(&str, &[&str], &str); 2] = [("stop app1/todo", &[], ""), ("power-off db2", &[], "")];
    for faults in [seen.as_slice(), unseen.as_slice()] {
        for (fault, seen, word) in faults {
            let mut child = lab.command("inject").args(fault.split(' ')).args(["--for", "5m"]).stdout(Stdio::null()).spawn().unwrap();
            past(fault, || lab.lasting().iter().any(|(_, lasting)| lasting == fault));
            if !seen.is_empty() {
                lab.until(fault, SEEN, |status| at(status, seen) == Some(word));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let known: Vec<String> = lab.lasting().into_iter().map(|(_, fault)| fault).collect();
        assert_eq!(known, faults.iter().map(|(fault, ..)| *fault).collect::<Vec<_>>(), "what is broken is known");
        lab.good(&["heal", "--all"]);
        assert_eq!(lab.lasting(), [], "what is healed is forgotten");
        let well = lab.until("what killed programs broke", WELL, is_well).as_secs_f32();
        println!("by programs that were killed: {}: well {well:.1} s after they were healed", known.join(", "));
    }
}

fn they_end_by_themselves_although_everybody_is_gone(lab: &Lab) {
    let faults: [(&str, &[&str], &str); 2] = [
        ("stop db2/galera", &["nodes", "db2", "services", "galera", "health"], "down"),
        ("pause app2", &["nodes", "app2", "power"], "paused"),
    ];
    let began = Instant::now();
    std::thread::scope(|threads| {
        for (fault, seen, word) in faults {
            let injected = lab.inject(fault, "12s");
            assert!(injected.status.success(), "{}", said(&injected));
            threads.spawn(move || lab.until(fault, SEEN, |status| at(status, seen) == Some(word)));
        }
    });
    lab.until("what ends by itself", WELL, is_well);
    println!("stop db2/galera, pause app2 for 12 s: well by themselves {:.1} s after they began", began.elapsed().as_secs_f32());
}

/// Requests come in at 20 a second while the holder of the database's address fails.
fn predicted_beside_observed(lab: &Lab, fault: &str, by_hand: &str) {
    let holder = lab.status()["vips"]["database"]["holders"][0].as_str().expect("somebody holds the address").to_owned();
    let fault = fault.replace("HOLDER", &holder);
    let mut load = lab.command("load");
    let load = load.args(["--per-second", "20", "--secs", "25", "--calm", "4", "--format", "json"]);
    let mut load = load.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(load.stdout.take().unwrap()).lines().map(|line| line.unwrap().parse::<Value>().unwrap());
    for _ in 0..2 {
        let second = lines.next().unwrap();
        assert_eq!(second["failed"], 0, "before anything is broken: {second}");
    }
    let injected = lab.inject(&fault, "5m");
    assert!(injected.status.success(), "{}", said(&injected));
    let injected: Value = serde_json::from_slice(&injected.stdout).unwrap();
    let predicted = &injected["predicted"];
    let all: Vec<Value> = lines.collect();
    load.wait().unwrap();
    let (sum, seconds) = all.split_last().unwrap();
    let last: Vec<u64> = seconds.iter().rev().take(2).map(|second| second["failed"].as_u64().unwrap()).collect();
    assert_eq!(last, [0, 0], "{fault}: others took over: {all:?}");
    lab.good(&["heal", "--all"]);
    let well = lab.until_settled(&fault);
    let secs = |value: &Value| value["longest_gap_ms"].as_f64().unwrap() / 1000.0;
    println!(
        "sandtable-figures: incus mini-cloud {fault}: longest gap {:.2} s, {} of {} requests failed; predicted {:.2} s, {} of {}; by hand \
         {by_hand}; well {:.1} s after it was healed",
        secs(sum),
        sum["failed"],
        sum["requests"],
        secs(predicted),
        predicted["requests_failed"],
        predicted["requests"],
        well.as_secs_f32()
    );
}
