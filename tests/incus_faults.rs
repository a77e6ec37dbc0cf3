//! Faults on real nodes: each injected, seen by whoever watches, and healed. The mini-cloud on Incus, by the program itself.
//!
//! Needs a daemon whose labs nobody misses and an image with all packages, so the suite starts it inside a private machine; the
//! image is named by `SANDTABLE_INCUS_IMAGE`.

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

/// How long a fault may take to be seen, and a lab to be well again once it is healed.
const SEEN: Duration = Duration::from_secs(25);
const WELL: Duration = Duration::from_secs(90);

/// A fault, and where it is seen: a path into `status --format json`, and words one of which is there then. Nothing to see where
/// the path is empty: what runs goes on.
struct Case {
    fault: &'static str,
    seen: &'static [&'static str],
    words: &'static [&'static str],
    /// What stands against it on this kernel, where it may be refused.
    or_refused: &'static str,
}

const fn case(fault: &'static str, seen: &'static [&'static str], words: &'static [&'static str]) -> Case {
    Case { fault, seen, words, or_refused: "" }
}

const fn refusable(fault: &'static str, seen: &'static [&'static str], words: &'static [&'static str], or_refused: &'static str) -> Case {
    Case { fault, seen, words, or_refused }
}

const CASES: &[Case] = &[
    case("stop db1/galera", &["nodes", "db1", "services", "galera", "health"], &["down"]),
    case("kill app1/todo", &["nodes", "app1", "services", "todo", "health"], &["down", "degraded", "healthy"]),
    case("hang app1/todo", &["nodes", "app1", "services", "todo", "health"], &["down"]),
    case("restart lb/haproxy", &["nodes", "lb", "services", "haproxy", "health"], &["healthy"]),
    case("block app1/todo", &["flows", "lb/haproxy -> app1/todo", "health"], &["down"]),
    case("one-way lb app2", &["flows", "lb/haproxy -> app2/todo", "health"], &["down"]),
    case("cut lb app2", &["flows", "lb/haproxy -> app2/todo", "health"], &["down"]),
    case("loss app2 frontend 100%", &["flows", "lb/haproxy -> app2/todo", "health"], &["down"]),
    refusable("delay app2 frontend 300ms", &[], &[], "no netem"),
    case("link-down app2 frontend", &["flows", "lb/haproxy -> app2/todo", "health"], &["down"]),
    case("pause app2", &["nodes", "app2", "power"], &["paused"]),
    case("power-off app2", &["nodes", "app2", "power"], &["stopped"]),
    refusable("fill-disk app2", &["nodes", "app2", "health"], &["degraded", "down"], "shared with others"),
    case("fill-memory app2", &[], &[]),
    case("hog-cpu app2", &[], &[]),
    refusable("skew app2 +90s", &["nodes", "app2", "health"], &["degraded"], "no clock of its own"),
    case("no-dns app1", &[], &[]),
];

struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts/mini-cloud.ron"), folder.path().join("lab.ron")).unwrap();
        Self { folder }
    }

    fn layout(&self) -> PathBuf {
        self.folder.path().join("lab.ron")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let (command, rest) = arguments.split_first().unwrap();
        Command::new(env!("CARGO_BIN_EXE_sandtable"))
            .arg(command)
            .arg(self.layout())
            .args(rest)
            .env("SANDTABLE_STATE", self.folder.path().join("state"))
            .output()
            .unwrap()
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", "--format", "json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        })
    }

    fn wait_for(&self, longest: Duration, what: &str, is_so: impl Fn(&Value) -> bool) -> Duration {
        let began = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return began.elapsed();
            }
            assert!(began.elapsed() < longest, "{what}, and it is not after {longest:?}: {status:#}");
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.run(&["heal", "--all"]);
        self.run(&["destroy", "--yes"]);
    }
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

#[test]
fn each_fault_is_seen_and_healed() {
    let lab = Lab::new();
    let deployed = lab.run(&["deploy", "--on", "incus", "--yes"]);
    assert!(deployed.status.success(), "{}", said(&deployed));
    lab.wait_for(WELL, "a lab that was deployed is well", is_well);
    for case in CASES {
        let began = Instant::now();
        let words: Vec<&str> = ["inject"].into_iter().chain(case.fault.split(' ')).chain(["--for", "5m"]).collect();
        let injected = lab.run(&words);
        if !injected.status.success() {
            let why = said(&injected);
            assert!(!case.or_refused.is_empty() && why.contains(case.or_refused), "{}: {why}", case.fault);
            assert!(lab.status()["faults"].as_array().unwrap().is_empty(), "{}: what was refused lasts", case.fault);
            println!("{:<28} refused: {}", case.fault, why.trim());
            continue;
        }
        let seen = if case.seen.is_empty() {
            Duration::ZERO
        } else {
            lab.wait_for(SEEN, case.fault, |status| at(status, case.seen).is_some_and(|word| case.words.contains(&word)))
        };
        let healed = lab.run(&["heal", "--all"]);
        assert!(healed.status.success(), "{}: {}", case.fault, said(&healed));
        let well = lab.wait_for(WELL, case.fault, is_well);
        println!(
            "{:<28} seen after {:>5.1} s, well {:>5.1} s after it was healed, {:>5.1} s in all",
            case.fault,
            seen.as_secs_f32(),
            well.as_secs_f32(),
            began.elapsed().as_secs_f32()
        );
    }
}

#[test]
fn a_fault_ends_by_itself_although_everybody_is_gone() {
    let lab = Lab::new();
    let deployed = lab.run(&["deploy", "--on", "incus", "--yes"]);
    assert!(deployed.status.success(), "{}", said(&deployed));
    lab.wait_for(WELL, "a lab that was deployed is well", is_well);
    for (fault, seen, word) in [
        ("stop db2/galera", ["nodes", "db2", "services", "galera", "health"].as_slice(), "down"),
        ("pause app2", ["nodes", "app2", "power"].as_slice(), "paused"),
    ] {
        let words: Vec<&str> = ["inject"].into_iter().chain(fault.split(' ')).chain(["--for", "12s"]).collect();
        let injected = lab.run(&words);
        assert!(injected.status.success(), "{}", said(&injected));
        lab.wait_for(SEEN, fault, |status| at(status, seen) == Some(word));
        let well = lab.wait_for(WELL, fault, is_well);
        println!("{fault:<28} well by itself, {:.1} s after it was seen", well.as_secs_f32());
    }
}
