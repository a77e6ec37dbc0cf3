//! State on disk, as the command line meets it: damaged, lost, left behind by a layout file that moved. Nothing that may run is ever
//! called nothing.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const LAYOUT: &str = r#"(
    sandtable: 1,
    name: "Desk",
    image: (name: "debian-12", snapshot: "base"),
    networks: {"internet": nat(), "lab": host_only(subnet: "192.168.59.0/24")},
    nodes: {
        "web": (role: app, adapters: [(network: "internet"), (network: "lab", address: "192.168.59.31")], services: {"pages": (kind: "nginx"), "ssh": (kind: "sshd", bind: on("lab"))}),
        "db": (role: database, adapters: [(network: "lab", address: "192.168.59.32")], services: {"sql": (kind: "mariadb", bind: on("lab")), "ssh": (kind: "sshd", bind: on("lab"))}),
    },
    flows: [(from: "outside", to: "web/pages")],
)
"#;

struct Desk {
    folder: tempfile::TempDir,
    now_ms: u64,
}

impl Desk {
    fn deployed() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), now_ms: 1_700_000_000_000 };
        fs::write(desk.at("lab.ron"), LAYOUT).unwrap();
        desk.text(0, &["deploy", "lab.ron", "--on", "sim"]);
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn call(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.args(args).current_dir(self.folder.path()).env("NO_COLOR", "1").env("SANDTABLE_STATE", self.at("state"));
        command.env("SANDTABLE_SIM_CLOCK_MS", self.now_ms.to_string()).stdin(std::process::Stdio::null());
        command.output().unwrap()
    }

    /// What is said on both ways out.
    fn text(&self, code: i32, args: &[&str]) -> String {
        let output = self.call(args);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}");
        text
    }

    fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.call(&[args, &["--format", "json"]].concat());
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}\n{out}\n{err}"))
    }

    /// The state folder of the only lab.
    fn state(&self) -> PathBuf {
        let labs: Vec<_> = fs::read_dir(self.at("state")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(labs.len(), 1, "{labs:?}");
        labs[0].clone()
    }

    fn id(&self) -> String {
        self.state().file_name().unwrap().to_str().unwrap().to_owned()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_world_that_is_missing_is_an_error_of_every_command_and_removes_nothing() {
    let desk = Desk::deployed();
    let world = desk.state().join("sim.json");
    let good = fs::read(&world).unwrap();
    fs::remove_file(&world).unwrap();
    let before = names(&desk.state());
    for args in [
        &["destroy", "lab.ron", "--yes"] as &[&str],
        &["heal", "lab.ron", "--all"],
        &["status", "lab.ron"],
        &["plan", "lab.ron", "--on", "sim"],
        &["deploy", "lab.ron", "--on", "sim", "--yes"],
        &["inject", "lab.ron", "stop", "db/sql"],
        &["topology", "lab.ron"],
    ] {
        let said = desk.text(3, args);
        for part in ["sim.json is missing", "Nothing was changed", &format!("sandtable forget --lab {}", desk.id())] {
            assert!(said.contains(part), "{args:?}: {said}");
        }
        assert_eq!(desk.json(3, args)["error"]["kind"], "state", "{args:?}");
    }
    assert_eq!(names(&desk.state()), before);
    assert!(desk.json(1, &["labs"])["labs"][0]["problem"].as_str().unwrap().contains("sim.json"));
    // Both ways out: the file put back, and the lab given up.
    fs::write(&world, good).unwrap();
    desk.text(0, &["status", "lab.ron"]);
    fs::remove_file(&world).unwrap();
    desk.text(0, &["forget", "--lab", &desk.id(), "--yes"]);
    desk.text(0, &["deploy", "lab.ron", "--on", "sim"]);
}

#[test]
fn the_status_after_a_fault_is_not_older_than_it() {
    let desk = Desk::deployed();
    assert_eq!(desk.json(0, &["status", "lab.ron"])["healthy"], true);
    desk.text(0, &["inject", "lab.ron", "stop", "web/pages"]);
    let status = desk.json(1, &["status", "lab.ron"]);
    let pages = &status["nodes"]["web"]["services"]["pages"];
    assert_eq!((&status["healthy"], &pages["health"], &pages["reason"]), (&false.into(), &"down".into(), &"not running".into()));
    assert_eq!(status["flows"][0]["health"], "down");
    desk.text(0, &["heal", "lab.ron", "--all"]);
}

#[test]
fn a_journal_that_is_missing_is_said_and_the_lab_goes_on() {
    let desk = Desk::deployed();
    fs::remove_file(desk.state().join("journal.jsonl")).unwrap();
    desk.text(0, &["status", "lab.ron"]);
    let said = desk.text(0, &["deploy", "lab.ron"]);
    assert!(said.contains("the journal of deployments is missing"), "{said}");
    assert!(!desk.text(0, &["deploy", "lab.ron"]).contains("journal"), "once");
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_of_every_command_and_removes_nothing() {
    let desk = Desk::deployed();
    let record = desk.state().join("lab.json");
    let good = fs::read(&record).unwrap();
    let before = names(&desk.state());
    for bad in [&good[..20], b"", b"{}", b"\0\0\0\0", br#"{"file":"/elsewhere.ron","name":"Desk","on":"sim"}"#] {
        fs::write(&record, bad).unwrap();
        for args in [
            &["destroy", "lab.ron", "--yes"] as &[&str],
            &["destroy", "lab.ron", "--yes", "--on", "sim"],
            &["heal", "lab.ron", "--all"],
            &["status", "lab.ron"],
            &["plan", "lab.ron", "--on", "sim"],
            &["deploy", "lab.ron", "--on", "sim", "--yes"],
            &["inject", "lab.ron", "stop", "db/sql"],
            &["topology", "lab.ron"],
            &["explain", "lab.ron", "db", "outside"],
        ] {
            let said = desk.text(3, args);
            for part in ["lab.json", "--rebuild", "sandtable forget"] {
                assert!(said.contains(part), "{args:?}: {said}");
            }
            assert_eq!(desk.json(3, args)["error"]["kind"], "state", "{args:?}");
        }
        assert_eq!(names(&desk.state()), before);
        let listed = desk.json(1, &["labs"]);
        assert_eq!(listed["labs"][0]["id"], desk.id());
        assert!(listed["labs"][0]["problem"].as_str().unwrap().contains("lab.json"));
    }
    let said = desk.text(0, &["labs", "--rebuild", "lab.ron", "--on", "sim"]);
    assert!(said.contains("2 nodes and 2 networks") && said.contains("lab.json.damaged"), "{said}");
    assert_eq!(desk.json(0, &["status", "lab.ron"])["deployed"], true);
    desk.text(0, &["destroy", "lab.ron", "--yes"]);
    assert!(names(&desk.at("state")).is_empty(), "what was set aside is Sandtable's too");
}

#[test]
fn an_explanation_says_what_it_was_evaluated_with() {
    let mut desk = Desk::deployed();
    let asks = ["explain", "lab.ron", "outside", "web/pages"];
    assert_eq!(desk.json(0, &asks)["state"], "observed");
    desk.text(0, &["inject", "lab.ron", "power-off", "web"]);
    desk.now_ms += 20_000;
    let answer = desk.json(1, &asks);
    assert_eq!(
        (&answer["state"], &answer["unknown"], &answer["why"]["node"]),
        (&"observed".into(), &serde_json::json!([]), &"web".into()),
        "{answer}"
    );
    assert!(desk.text(1, &asks).contains("observed state of the deployed lab"));
    let drawn = desk.json(0, &[&asks[..], &["--drawn"]].concat());
    assert_eq!(drawn["state"], "layout");
}

#[test]
fn a_lab_is_given_up_only_on_request() {
    let desk = Desk::deployed();
    fs::write(desk.state().join("lab.json"), "{").unwrap();
    let id = desk.id();
    let asked = desk.text(2, &["forget", "--lab", &id]);
    assert!(asked.contains("--yes") && asked.contains("not known where it was deployed"), "{asked}");
    assert!(desk.state().exists());
    assert_eq!(desk.json(0, &["forget", "--lab", &id, "--yes"])["forgotten"], true);
    assert!(desk.text(0, &["labs"]).contains("No lab is deployed"));
    assert!(desk.text(2, &["forget", "--lab", &id, "--yes"]).contains("no deployed lab"));
}

#[test]
fn a_damaged_world_names_its_file_and_the_way_out() {
    let desk = Desk::deployed();
    fs::write(desk.state().join("sim.json"), "{").unwrap();
    for args in [&["destroy", "lab.ron", "--yes"] as &[&str], &["heal", "lab.ron", "--all"], &["status", "lab.ron"]] {
        let said = desk.text(3, args);
        assert!(said.contains("sim.json") && said.contains(&format!("sandtable forget --lab {}", desk.id())), "{said}");
    }
}

#[test]
fn files_that_are_not_ours_stay() {
    let desk = Desk::deployed();
    let thesis = desk.state().join("thesis.txt");
    fs::write(&thesis, "years of work").unwrap();
    let said = desk.text(0, &["destroy", "lab.ron", "--yes"]);
    assert!(said.contains("thesis.txt is not Sandtable's"), "{said}");
    assert_eq!(names(thesis.parent().unwrap()), ["thesis.txt"]);
    assert!(desk.text(0, &["destroy", "lab.ron", "--yes"]).contains("not deployed"));
    desk.text(0, &["deploy", "lab.ron", "--on", "sim"]);
}

#[test]
fn a_damaged_journal_is_kept_and_undo_says_so() {
    let desk = Desk::deployed();
    let journal = desk.state().join("journal.jsonl");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[1] = b'#';
    fs::write(&journal, &bytes).unwrap();
    let said = desk.text(3, &["deploy", "lab.ron", "--undo"]);
    assert!(said.contains("the journal is damaged") && said.contains("journal.jsonl.damaged"), "{said}");
    assert_eq!(fs::read(desk.state().join("journal.jsonl.damaged")).unwrap(), bytes);
    desk.text(3, &["deploy", "lab.ron", "--undo"]);
    desk.text(0, &["deploy", "lab.ron"]);
}

#[test]
fn a_lab_is_healed_and_destroyed_without_a_layout_that_can_be_read() {
    let desk = Desk::deployed();
    desk.text(0, &["inject", "lab.ron", "stop", "db/sql"]);
    fs::write(desk.at("lab.ron"), LAYOUT.to_owned() + "x").unwrap();
    let status = desk.call(&["status", "lab.ron", "--format", "json"]);
    assert!(String::from_utf8_lossy(&status.stderr).contains("as it was last deployed"));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        (&status["lab"], &status["faults"][0]["on"], status["flows"].as_array().unwrap().len()),
        (&"Desk".into(), &"db/sql".into(), 1)
    );
    assert!(desk.text(2, &["plan", "lab.ron"]).contains("lab.ron:"), "a plan needs the layout");
    assert!(desk.text(0, &["heal", "lab.ron", "--all"]).contains("healed 1"));
    fs::remove_file(desk.at("lab.ron")).unwrap();
    assert!(desk.text(0, &["destroy", "lab.ron", "--yes"]).contains("Nothing of Desk is left"));
}

#[test]
fn a_lab_is_reached_by_its_identity() {
    let desk = Desk::deployed();
    desk.text(0, &["inject", "lab.ron", "stop", "db/sql"]);
    fs::remove_file(desk.at("lab.ron")).unwrap();
    let id = desk.id();
    let listed = desk.text(0, &["labs"]);
    for part in [id.as_str(), "Desk", "sim", "layout is gone", "stop db/sql", "--attach LAYOUT"] {
        assert!(listed.contains(part), "{part}: {listed}");
    }
    let lab = &desk.json(0, &["labs"])["labs"][0];
    assert_eq!((&lab["file_exists"], &lab["age_secs"], &lab["provider"]), (&false.into(), &0.into(), &"sim".into()));
    assert!(desk.text(2, &["heal", "--lab", "nosuch", "--all"]).contains("no deployed lab"));
    assert!(desk.text(2, &["heal", "--all"]).contains("sandtable labs"));
    assert!(desk.text(0, &["heal", "--lab", &id, "1"]).contains("healed 1"));
    assert!(String::from_utf8_lossy(&desk.call(&["status", "--lab", &id[..8]]).stdout).starts_with("Desk on sim: "));
    desk.text(0, &["destroy", "--lab", &id, "--yes"]);
}

#[test]
fn a_moved_layout_is_found_attached_and_never_mixed_with_a_copy() {
    let desk = Desk::deployed();
    let id = desk.id();
    fs::copy(desk.at("lab.ron"), desk.at("copy.ron")).unwrap();
    assert!(desk.text(2, &["labs", "--attach", "copy.ron", "--lab", &id]).contains("still exists"));
    fs::rename(desk.at("lab.ron"), desk.at("moved.ron")).unwrap();
    for args in [&["destroy", "moved.ron", "--yes"] as &[&str], &["heal", "moved.ron", "--all"], &["inject", "moved.ron", "stop", "db/sql"]]
    {
        let said = desk.text(2, args);
        assert!(said.contains(&format!("sandtable labs --attach moved.ron --lab {id}")) && !said.contains("nothing to destroy"), "{said}");
    }
    assert!(desk.text(1, &["status", "moved.ron"]).contains("--attach moved.ron"));
    assert!(desk.text(2, &["deploy", "moved.ron", "--on", "sim"]).contains("second lab"));
    desk.text(0, &["labs", "--attach", "moved.ron", "--lab", &id]);
    let record = desk.state().join("lab.json");
    let good = fs::read(&record).unwrap();
    fs::write(&record, "{").unwrap();
    assert!(desk.text(0, &["destroy", "moved.ron", "--yes"]).contains(&format!("the state of {id} cannot be read")), "it may be this one");
    assert!(desk.text(2, &["heal", "moved.ron", "--all"]).contains(&format!("the state of {id} cannot be read")));
    fs::write(&record, good).unwrap();
    assert_eq!(desk.json(0, &["plan", "moved.ron"])["steps"], Value::Array(Vec::new()), "the same machines");
    // The old path is free for another lab.
    fs::copy(desk.at("copy.ron"), desk.at("lab.ron")).unwrap();
    desk.text(0, &["deploy", "lab.ron", "--on", "sim"]);
    assert_eq!(desk.json(0, &["labs"])["labs"].as_array().unwrap().len(), 2);
    desk.text(0, &["destroy", "lab.ron", "--yes"]);
    desk.text(0, &["destroy", "moved.ron", "--yes"]);
}

#[test]
fn a_deployment_waits_for_a_node_that_boots() {
    let desk = Desk::deployed();
    desk.text(0, &["inject", "lab.ron", "power-off", "db"]);
    desk.text(0, &["heal", "lab.ron", "--all"]);
    let steps = desk.json(0, &["plan", "lab.ron"])["steps"].clone();
    assert!(
        steps.as_array().unwrap().iter().any(|step| step["id"] == "power-on:db" && step["reason"].as_str().unwrap().contains("wait")),
        "{steps}"
    );
    let deployed = desk.json(0, &["deploy", "lab.ron"]);
    assert_eq!((&deployed["ending"], &deployed["healthy"]), (&"done".into(), &true.into()));
}

#[test]
fn a_state_folder_of_doubtful_ownership_is_refused() {
    let desk = Desk::deployed();
    let with = |state: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        let output = command.args(["labs"]).current_dir(desk.folder.path()).env("SANDTABLE_STATE", state).output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(with(Path::new("state")).contains("absolute path"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        symlink(desk.at("state"), desk.at("link")).unwrap();
        assert!(with(&desk.at("link")).contains("is a symbolic link"));
        fs::set_permissions(desk.at("state"), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(with(&desk.at("state")).contains("chmod go-w"));
    }
}

#[test]
fn a_guard_of_no_lab_ends_without_a_trace() {
    let desk = Desk::deployed();
    for folder in ["", "''", "a/..", "/"] {
        assert_eq!(desk.call(&["guard", folder]).status.code(), Some(2), "{folder:?}");
    }
    let other = desk.at("plain");
    fs::create_dir(&other).unwrap();
    desk.text(0, &["guard", other.to_str().unwrap()]);
    assert!(names(&other).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_damaged_settings_file_stops_no_command_of_a_simulated_lab() {
    let desk = Desk::deployed();
    let config = desk.at("config/sandtable");
    fs::create_dir_all(&config).unwrap();
    let call = |code: i32, args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.args(args).current_dir(desk.folder.path()).env("NO_COLOR", "1").env("SANDTABLE_STATE", desk.at("state"));
        command.env("SANDTABLE_SIM_CLOCK_MS", "1700000020000").env("XDG_CONFIG_HOME", desk.at("config"));
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    };
    for text in ["(theme: dark, scale", "(theme: 5)", "(recent: 7)", "(settings: 7)", "\0\0"] {
        fs::write(config.join("window.ron"), text).unwrap();
        for args in [&["status", "lab.ron"][..], &["heal", "lab.ron", "--all"], &["deploy", "lab.ron"], &["probe", "lab.ron"]] {
            let (out, err) = call(0, args);
            assert!(err.matches("window.ron cannot be read").count() == 1 && !out.contains("window.ron"), "{args:?}\n{out}\n{err}");
        }
        assert_eq!(fs::read_to_string(config.join("window.ron")).unwrap(), text, "it stays as it is");
    }
    fs::write(desk.at("other.ron"), LAYOUT).unwrap();
    for (text, is_refused) in [("(settings: 7)", true), ("(theme: 5)", false)] {
        fs::write(config.join("window.ron"), text).unwrap();
        let doctor = call(1, &["doctor", "--on", "virtualbox"]);
        let says = |part: &str| doctor.0.contains(part);
        assert_eq!(says("window.ron cannot be read"), is_refused, "{doctor:?}");
    }
    let id =
        serde_json::from_str::<Value>(&call(0, &["labs", "--format", "json"]).0).unwrap()["labs"][0]["id"].as_str().unwrap().to_owned();
    fs::write(config.join("window.ron"), "(settings: 7)").unwrap();
    assert!(call(0, &["destroy", "--lab", &id, "--yes"]).0.contains("Nothing of Desk is left"));
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_ends_with_3_and_says_what_to_do() {
    let desk = Desk::deployed();
    // Not even root writes there.
    for args in [
        &["export", "lab.ron", "--to", "svg", "-o", "/proc/self/lab.svg"][..],
        &["new", "Lab", "--from", "mini-cloud", "-o", "/proc/self/lab.ron"],
    ] {
        let text = desk.text(3, args);
        assert!(text.contains("or choose another file"), "{text}");
    }
    fs::write(desk.at("there.svg"), "x").unwrap();
    assert!(desk.text(2, &["export", "lab.ron", "--to", "svg", "-o", "there.svg"]).contains("--force"));
}

#[test]
fn what_cannot_be_done_is_refused_with_advice_that_helps() {
    let desk = Desk::deployed();
    let refused = desk.text(2, &["inject", "lab.ron", "cookie", "web/pages"]);
    assert!(refused.contains("it is not a BEAM node") && !refused.contains("real nodes"), "{refused}");
    let elsewhere = desk.text(2, &["status", "lab.ron", "--on", "incus"]);
    assert!(elsewhere.contains("to move it, destroy it there first") && elsewhere.contains("leave out --on"), "{elsewhere}");
    assert!(desk.text(2, &["snapshot", "lab.ron", "db", "s1", "--delete"]).contains("db has no snapshot"));
    let named = desk.text(2, &["export", "lab.ron", "--to", "png", "-o", "a.svg"]);
    assert!(named.contains("the file's name is that of SVG, and --to makes PNG"), "{named}");
    let injected = desk.text(0, &["inject", "lab.ron", "stop", "web/pages"]);
    assert!(injected.starts_with("Forecast from before the injection:"), "{injected}");
    assert!(!desk.text(0, &["inject", "lab.ron", "stop", "db/sql", "--predict"]).contains("Forecast from before"));
}
