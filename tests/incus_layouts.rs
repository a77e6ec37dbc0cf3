//! The whole life of each shipped layout on real nodes: deployed from nothing, every flow tried, deployed again with nothing to
//! do, destroyed with nothing left. Needs an Incus daemon with an image that has every recipe's packages, so it is a suite of
//! its own, which `./dev test incus` runs inside a private machine. It prints what each part took.

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// How long a deployed lab may take to be seen healthy.
const HEALTHY_WITHIN: Duration = Duration::from_secs(90);

/// A copy of a layout with a state folder of its own.
struct Lab {
    folder: tempfile::TempDir,
    layout: PathBuf,
    /// What the daemon had before.
    before: Vec<String>,
}

/// What the daemon has: instances, networks and images, of whomever.
fn daemon_has() -> Vec<String> {
    let list = |words: &[&str]| {
        let out = Command::new("incus").args(words).stdin(Stdio::null()).output().expect("the incus client runs");
        assert!(out.status.success(), "incus {words:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).lines().map(|line| format!("{} {line}", words[0])).collect::<Vec<_>>()
    };
    let mut all = list(&["list", "-f", "csv", "-c", "n"]);
    all.extend(list(&["network", "list", "-f", "csv", "-c", "nm"]));
    all.extend(list(&["image", "list", "-f", "csv", "-c", "lf"]));
    let mut volumes = list(&["storage", "volume", "list", "default", "-f", "csv", "-c", "tn"]);
    // The daemon unpacks an image into its pool when the first instance is made from it, and keeps that with the image.
    volumes.retain(|volume| !volume.starts_with("storage image,"));
    all.extend(volumes);
    all.sort();
    all
}

impl Lab {
    fn of(layout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join(layout);
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts").join(layout), &to).unwrap();
        Self { layout: to, folder, before: daemon_has() }
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.arg(verb).arg(&self.layout).env("SANDTABLE_STATE", self.folder.path().join("state")).stdin(Stdio::null());
        command
    }

    fn run(&self, verb: &str, words: &[&str]) -> Output {
        self.command(verb).args(words).output().unwrap()
    }

    /// Runs it, demands that it ends well, and gives what it wrote and the seconds that it took.
    fn good(&self, verb: &str, words: &[&str]) -> (String, f64) {
        let start = Instant::now();
        let out = self.run(verb, words);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{verb} {words:?}: {:?}\n{text}\n{}", out.status, String::from_utf8_lossy(&out.stderr));
        (text, start.elapsed().as_secs_f64())
    }

    fn json(&self, verb: &str) -> Value {
        let out = self.run(verb, &["--format", "json"]);
        serde_json::from_slice(&out.stdout).unwrap_or_else(|error| {
            panic!("{verb}: {error}\n{}\n{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
        })
    }

    /// Runs a script on a node past the program, by the daemon's own client.
    fn on(&self, node: &str, script: &str) -> (i32, String) {
        let list = Command::new("incus").args(["list", &format!("user.sandtable.node={node}"), "-f", "csv", "-c", "n"]).output().unwrap();
        let name = String::from_utf8_lossy(&list.stdout).lines().next().unwrap_or_else(|| panic!("{node} is not there")).to_owned();
        let out = Command::new("incus").args(["exec", &name, "--", "sh", "-c", script]).stdin(Stdio::null()).output().unwrap();
        let said = [out.stdout, out.stderr].concat();
        (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
    }

    fn until_healthy(&self) -> f64 {
        let start = Instant::now();
        loop {
            let status = self.json("status");
            if status["healthy"] == Value::Bool(true) {
                return start.elapsed().as_secs_f64();
            }
            assert!(start.elapsed() < HEALTHY_WITHIN, "not healthy: {status:#}");
        }
    }

    fn destroy(&self) -> f64 {
        let (_, took) = self.good("destroy", &["--yes"]);
        assert_eq!(daemon_has(), self.before, "something is left, or something of others is gone");
        took
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // So that one failure is not followed by those of the labs that come after it.
            let _ = self.run("heal", &["--all"]);
            let _ = self.run("destroy", &["--yes"]);
        }
    }
}

fn live(layout: &str) {
    let lab = Lab::of(layout);
    let (_, deploy) = lab.good("deploy", &["--on", "incus", "--yes"]);
    let healthy = lab.until_healthy();
    let probed = lab.json("probe");
    for flow in probed["flows"].as_array().unwrap() {
        assert!(flow["outcome"] == "good" || flow["optional"] == Value::Bool(true), "{flow:#}");
    }
    let start = Instant::now();
    let again = lab.json("deploy");
    let second = start.elapsed().as_secs_f64();
    assert_eq!(again["steps"].as_array().map(Vec::len), Some(0), "the second deployment found something to do: {again:#}");
    let flows = probed["flows"].as_array().map_or(0, Vec::len);
    let destroy = lab.destroy();
    println!(
        "sandtable-figures: incus {layout}: deployed in {deploy:.1} s, seen healthy after {healthy:.1} s more, {flows} flows, \
         second deployment {second:.1} s, destroyed in {destroy:.1} s"
    );
}

#[test]
fn three_node_lab() {
    live("three-node-lab.ron");
}

#[test]
fn mini_cloud() {
    // Somebody's own script for the same lab, in the same run: what a deployment is measured against.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incus/by-hand.sh");
    let out = Command::new(script).stdin(Stdio::null()).output().unwrap();
    let by_hand: f64 = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap_or_else(|_| {
        panic!("the script by hand failed: {}", String::from_utf8_lossy(&out.stderr));
    });
    let lab = Lab::of("mini-cloud.ron");
    let (_, deploy) = lab.good("deploy", &["--on", "incus", "--yes"]);
    lab.until_healthy();
    println!(
        "sandtable-figures: incus mini-cloud from nothing to healthy: sandtable {deploy:.1} s, a script by hand to a good request \
         {by_hand:.1} s, ratio {:.2}",
        deploy / by_hand
    );
    let status = lab.json("status");
    let cluster = &status["clusters"]["galera"];
    assert_eq!(cluster["state"], "whole", "{cluster:#}");
    assert_eq!(cluster["parts"][0].as_array().map(Vec::len), Some(4), "two databases and two arbitrators: {cluster:#}");
    assert_eq!(status["vips"]["database"]["holders"], serde_json::json!(["db1"]));
    // The balancer has no business with the database; an application has, so the same question gets another answer there.
    let asked = |at: &str| format!("timeout 3 bash -c '</dev/tcp/{at}/3306'");
    assert_eq!(lab.on("app1", &asked("192.168.60.30")).0, 0, "app1 reaches the database by its virtual IP");
    for at in ["192.168.70.21", "192.168.70.22"] {
        let (code, said) = lab.on("lb", &asked(at));
        assert_ne!(code, 0, "lb reaches the database at {at}: {said}");
    }
    lab.destroy();
}

#[test]
fn mini_cloud_lives() {
    live("mini-cloud.ron");
}

#[test]
fn shop() {
    live("shop.ron");
}

#[test]
fn multi_site_beam() {
    live("multi-site-beam.ron");
}

#[test]
fn linux_cluster() {
    live("linux-cluster.ron");
}

/// The program is killed each time that a step is done, and begun again: in the end all is there once and well.
#[test]
fn killed_at_every_step() {
    let lab = Lab::of("three-node-lab.ron");
    lab.good("deploy", &["--on", "incus", "--yes"]);
    let whole = daemon_has();
    lab.destroy();
    let (mut kills, start) = (0, Instant::now());
    let complaints = lab.folder.path().join("complaints");
    loop {
        let errors = fs::File::create(&complaints).unwrap();
        let mut child = lab.command("deploy").args(["--on", "incus", "--yes"]).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let mut said = Vec::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // A line for each step done; the last lines say how all of it ended.
        let step = lines.find(|line| {
            said.push(line.clone());
            line.starts_with('[')
        });
        if step.is_none() {
            // What was killed so often may need a moment to be well; whether it is, is asked below.
            let code = child.wait().unwrap().code();
            let complained = fs::read_to_string(&complaints).unwrap();
            assert!(matches!(code, Some(0 | 1)), "the last deployment failed: {code:?}\n{}\n{complained}", said.join("\n"));
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 200, "it does not come to an end");
    }
    lab.until_healthy();
    assert!(kills > 10, "only {kills} steps were seen");
    println!(
        "sandtable-figures: incus three-node-lab killed {kills} times in {:.0} s, then healthy, with what an undisturbed deployment has",
        start.elapsed().as_secs_f64()
    );
    // Names follow from the lab, so what is there twice or is left over would show.
    assert_eq!(daemon_has(), whole);
    assert_eq!(lab.json("deploy")["steps"].as_array().map(Vec::len), Some(0), "something was left to do");
    lab.destroy();
}
