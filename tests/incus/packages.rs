//! A lab of a plain image: its nodes have none of the packages that are drawn, and one has no network that leads anywhere. They get
//! them over an uplink that is gone when the lab is deployed. Needs an Incus daemon with such an image (`SANDTABLE_INCUS_IMAGE`) and
//! packages that can be had from where nodes are made (`SANDTABLE_PACKAGE_SOURCE`): `.ci/incus-test incus_packages`.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// How long a node may take until it has an uplink.
const UPLINK_WITHIN: Duration = Duration::from_secs(120);

struct Lab {
    folder: tempfile::TempDir,
    layout: PathBuf,
}

fn incus(words: &[&str]) -> String {
    let out = Command::new("incus").args(words).stdin(Stdio::null()).output().expect("the incus client runs");
    assert!(out.status.success(), "incus {words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The instances that have an adapter which is not drawn, and the networks that are nobody's drawing.
fn uplinks() -> Vec<String> {
    let json = |words: &[&str]| serde_json::from_str::<Value>(&incus(words)).unwrap();
    let instances = json(&["list", "-f", "json"]);
    let with_uplink = instances.as_array().unwrap().iter().filter(|one| one["devices"].get("uplink").is_some());
    let networks = json(&["network", "list", "-f", "json"]);
    let for_packages = networks.as_array().unwrap().iter().filter(|one| {
        let config = &one["config"];
        config.get("user.sandtable.lab").is_some() && config.get("user.sandtable.network").is_none()
    });
    with_uplink.chain(for_packages).map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

impl Lab {
    fn of(layout: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join(layout);
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts").join(layout), &to).unwrap();
        Self { layout: to, folder }
    }

    fn command(&self, verb: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.arg(verb).arg(&self.layout).args(words);
        command.env("SANDTABLE_STATE", self.folder.path().join("state")).stdin(Stdio::null());
        command
    }

    fn run(&self, verb: &str, words: &[&str]) -> Output {
        self.command(verb, words).output().unwrap()
    }

    fn good(&self, verb: &str, words: &[&str]) -> String {
        let out = self.run(verb, words);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{verb} {words:?}: {:?}\n{text}\n{}", out.status, String::from_utf8_lossy(&out.stderr));
        text
    }

    /// Runs a script on a node past the program; its exit code and what it said.
    fn on(&self, node: &str, script: &str) -> (i32, String) {
        let name = incus(&["list", &format!("user.sandtable.node={node}"), "-f", "csv", "-c", "n"]);
        let out = Command::new("incus").args(["exec", name.trim(), "--", "sh", "-c", script]).stdin(Stdio::null()).output().unwrap();
        (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Where all went well there is nothing left of it by now.
        let _ = self.run("destroy", &["--yes"]);
    }
}

/// A pinned version takes a newer one's place and is what runs; one that nobody has changes nothing.
fn versions(lab: &Lab) {
    let app = |script: &str| lab.on("app-node-01", script).1;
    let there = || app("dpkg-query -W -f='${Version}' nginx");
    let drawn = fs::read_to_string(&lab.layout).unwrap();
    let pin = |version: &str| {
        let (head, rest) = drawn.split_once("    networks:").expect("the layout has networks");
        fs::write(&lab.layout, format!("{head}    pins: {{\"nginx\": \"{version}\"}},\n    networks:{rest}")).unwrap();
    };
    let newer = there();
    let older = newer.strip_suffix("+lab1").expect("the newer of two versions was installed").to_owned();
    let is_healthy = || serde_json::from_str::<Value>(&lab.good("status", &["--format", "json"])).unwrap()["healthy"] == true;

    pin(&older);
    let plan = lab.good("plan", &[]);
    assert!(plan.contains(&format!("the layout says nginx {older}")), "{plan}");
    lab.good("deploy", &["--yes"]);
    assert_eq!(there(), older);
    assert_eq!(app("readlink /proc/$(pgrep -o nginx)/exe").trim(), "/usr/sbin/nginx", "the newer version still runs");
    assert!(is_healthy());
    let again: Value = serde_json::from_str(&lab.good("deploy", &["--format", "json"])).unwrap();
    assert_eq!(again["steps"].as_array().map(Vec::len), Some(0), "{again:#}");
    let policy = app("apt-cache policy nginx");
    assert!(policy.contains(&format!("*** {older} 1001")), "an upgrade by hand would replace it: {policy}");

    pin("9.*");
    let refused = lab.run("deploy", &["--yes"]);
    let said = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("has nginx 9.*") && said.contains(&format!("here is nginx {older}")), "{said}");
    assert_eq!(there(), older);
    assert!(is_healthy(), "what nobody has takes nothing away");

    fs::write(&lab.layout, &drawn).unwrap();
    lab.good("deploy", &["--yes"]);
    assert_eq!(
        (there(), app("ls /etc/apt/preferences.d /var/lib/sandtable/pins 2>/dev/null")),
        (older, "/etc/apt/preferences.d:\n".into())
    );
}

#[test]
fn packages_come_over_an_uplink_that_is_gone_afterwards() {
    let source = std::env::var("SANDTABLE_PACKAGE_SOURCE").expect("SANDTABLE_PACKAGE_SOURCE says where packages are");
    let server = source.split("//").nth(1).and_then(|rest| rest.split('/').next()).expect("the source has a host").to_owned();
    let (host, port) = server.split_once(':').expect("the source has a port");
    let knock = format!("timeout 3 bash -c '</dev/tcp/{host}/{port}'");
    let lab = Lab::of("three-node-lab.ron");
    let start = Instant::now();

    // Cut off while a node has its uplink, a deployment leaves it; the next one takes it away.
    let mut cut = lab.command("deploy", &["--on", "incus", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while uplinks().is_empty() {
        assert!(cut.try_wait().unwrap().is_none() && start.elapsed() < UPLINK_WITHIN, "no node got an uplink");
    }
    cut.kill().unwrap();
    cut.wait().unwrap();
    assert!(!uplinks().is_empty(), "it was cut off too late to leave anything");

    lab.good("deploy", &["--on", "incus", "--yes"]);
    let took = start.elapsed().as_secs_f64();
    assert_eq!(uplinks(), Vec::<String>::new(), "an uplink is left");
    let status: Value = serde_json::from_str(&lab.good("status", &["--format", "json"])).unwrap();
    assert_eq!(status["healthy"], true, "{status:#}");

    let db = |script: &str| lab.on("db-node-01", script);
    assert_eq!(db("dpkg-query -W -f='${db:Status-Status}' mariadb-server"), (0, "installed".into()));
    // The same question answers where there is a way, so that its silence says something.
    let (code, said) = db("timeout 3 bash -c '</dev/tcp/192.168.56.10/80'");
    assert_eq!(code, 0, "the database's node reaches the application's: {said}");
    assert_ne!(db(&knock).0, 0, "the database's node still reaches the packages");
    assert_eq!(db("ip -4 route show default"), (0, String::new()));
    assert_eq!(db("ls /sys/class/net").1.split_whitespace().collect::<Vec<_>>(), ["eth0", "lo"]);
    assert_eq!(db("cat /etc/resolv.conf; ls /var/lib/sandtable/resolv.conf 2>&1 | grep -c .").1.trim(), "1", "names are asked as before");
    let (code, said) = db(&format!("grep -rlF {host} /etc/apt /var/lib/apt"));
    assert_ne!(code, 0, "the source of packages is still known: {said}");

    // One that is left where nothing else is to be done goes as well.
    let name = incus(&["list", "user.sandtable.node=db-node-01", "-f", "csv", "-c", "n"]);
    let networks: Value = serde_json::from_str(&incus(&["network", "list", "-f", "json"])).unwrap();
    let out = networks.as_array().unwrap().iter().find(|one| one["config"]["user.sandtable.network"] == "internet").unwrap();
    let network = format!("network={}", out["name"].as_str().unwrap());
    incus(&["config", "device", "add", name.trim(), "uplink", "nic", &network, "name=uplink"]);
    assert_eq!(uplinks(), [name.trim()]);
    let again: Value = serde_json::from_str(&lab.good("deploy", &["--format", "json"])).unwrap();
    assert_eq!(again["steps"].as_array().map(Vec::len), Some(0), "{again:#}");
    assert_eq!(uplinks(), Vec::<String>::new(), "what was left is still there");
    assert_eq!(db("ls /sys/class/net").1.split_whitespace().collect::<Vec<_>>(), ["eth0", "lo"]);
    versions(&lab);
    assert_eq!(uplinks(), Vec::<String>::new(), "an uplink is left");
    lab.good("destroy", &["--yes"]);
    assert_eq!(uplinks(), Vec::<String>::new());
    assert_eq!(incus(&["list", "-f", "csv", "-c", "n"]).trim(), "", "an instance is left");
    println!("sandtable-figures: incus three-node-lab from a plain image: cut off and deployed in {took:.1} s, no uplink left");
}
