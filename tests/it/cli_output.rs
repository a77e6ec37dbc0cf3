//! What the command line writes: no control characters from what it quotes, one JSON object also for errors, and an end when nobody
//! can be written to.

use std::{
    fs,
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
};

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn layout(&self, name: &str, title: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let text = format!(
            r#"(sandtable: 1, name: "{title}", networks: {{"internet": nat(), "lab": host_only(subnet: "192.168.59.0/24")}},
                nodes: {{"a": (role: app, adapters: [(network: "internet", forwards: [(host: 8090, to: 80)]),
                (network: "lab", address: "192.168.59.31")], services: {{"pages": (kind: "nginx")}})}},
                flows: [(from: "outside", to: "a/pages")])"#
        );
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        command.args(args).current_dir(self.0.path()).env("NO_COLOR", "1").env("SANDTABLE_STATE", self.0.path().join("state"));
        command.stdin(Stdio::null());
        command
    }

    fn call(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

fn is_obeyed(letter: char) -> bool {
    (letter.is_control() && letter != '\n') || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn what_is_quoted_has_no_control_characters() {
    let bench = Bench::new();
    let title = r"Evil \u{1b}[2K\u{1b}]52;c;eA==\u{7} \u{9b}8m \u{202e}lab";
    bench.layout("evil.ron", title);
    fs::write(bench.0.path().join("half\u{1b}[31m.ron"), "(sandtable: 1").unwrap();
    for args in [
        &["check", "evil.ron"] as &[&str],
        &["plan", "evil.ron", "--on", "sim"],
        &["deploy", "evil.ron", "--on", "sim", "--yes"],
        &["status", "evil.ron"],
        &["status", "evil.ron", "--format", "json"],
        &["labs"],
        &["labs", "--format", "json"],
        &["destroy", "evil.ron"],
        &["destroy", "evil.ron", "--yes"],
        &["check", "half\u{1b}[31m.ron"],
        &["check", "half\u{1b}[31m.ron", "--format", "json"],
        &["chek\u{1b}[31m", "evil.ron"],
        &["check", "--form\u{1b}[31mat"],
        &["rules", "no\u{9b}31m"],
    ] {
        let (_, out, err) = bench.call(args);
        assert!(!(out.clone() + &err).chars().any(is_obeyed), "{args:?}: {out:?} {err:?}");
        assert!(!(out + &err).is_empty());
    }
}

#[test]
fn an_error_is_one_json_object() {
    let bench = Bench::new();
    bench.layout("lab.ron", "Lab");
    fs::write(bench.0.path().join("half.ron"), "(sandtable: 1").unwrap();
    for verb in [
        "plan", "deploy", "status", "probe", "heal", "load", "destroy", "topology", "explain", "inject", "recover", "promote", "snapshot",
        "restore",
    ] {
        let more: &[&str] = match verb {
            "explain" => &["a", "outside"],
            "inject" => &["stop", "a/pages"],
            "recover" => &["galera"],
            "promote" => &["db2/db"],
            "restore" => &["a"],
            "heal" => &["--all"],
            _ => &[],
        };
        for file in ["nowhere.ron", "half.ron"] {
            let (code, out, err) = bench.call(&[&[verb, file], more, &["--format", "json"]].concat());
            let object: serde_json::Value =
                serde_json::from_str(&out).unwrap_or_else(|error| panic!("{verb} {file}: {error}: {out} {err}"));
            assert_eq!((code, &object["error"]["kind"], &object["error"]["code"]), (Some(2), &"input".into(), &2.into()), "{verb} {file}");
            assert!(object["error"]["message"].as_str().is_some_and(|message| message.contains(file)), "{object}");
        }
    }
    for usage in
        [&["deplyo", "lab.ron", "--format", "json"] as &[&str], &["check", "--format=json"], &["rules", "nosuch", "--format", "json"]]
    {
        let (code, out, _) = bench.call(usage);
        let object: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &object["error"]["kind"]), (Some(2), &"input".into()), "{usage:?}");
    }
    let (code, out, _) = bench.call(&["check", "half.ron", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, object["error"].is_null(), object["problems"].as_array().map(Vec::len)),
        (Some(2), true, Some(1)),
        "check has its own"
    );
    let (_, out, _) = bench.call(&["check", "half.ron"]);
    assert!(out.contains("1 not readable, 1 error"), "{out}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_no_success() {
    let bench = Bench::new();
    bench.layout("lab.ron", "Lab");
    for args in [
        &["check", "lab.ron"] as &[&str],
        &["check", "lab.ron", "--format", "json"],
        &["export", "lab.ron", "--to", "svg"],
        &["status", "lab.ron"],
        &["rules"],
        &["--help"],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = bench.command(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.matches("No space left").count(), 1, "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_a_command_that_goes_on() {
    let bench = Bench::new();
    bench.layout("lab.ron", "Lab");
    assert_eq!(bench.call(&["deploy", "lab.ron", "--on", "sim"]).0, Some(0));
    for args in [&["load", "lab.ron"] as &[&str], &["load", "lab.ron", "--format", "json"], &["status", "lab.ron", "--watch"]] {
        let mut child = bench.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        assert_eq!(out.read(&mut [0; 1]).unwrap(), 1, "{args:?}");
        drop(out);
        // It says more by itself, requests each second and changes of the lab.
        if args[0] == "status" {
            assert_eq!(bench.call(&["inject", "lab.ron", "stop", "a/pages"]).0, Some(0));
        }
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(141), ""), "{args:?}");
    }
}

/// Watches while a fault is injected and the lab is destroyed, and gives what was written.
fn watched(bench: &Bench, more: &[&str], is_enough: impl Fn(&str) -> bool) -> String {
    let clock = |command: &mut Command| {
        command.env("SANDTABLE_SIM_CLOCK_MS", "1700000000000");
    };
    let call = |args: &[&str]| {
        let mut command = bench.command(args);
        clock(&mut command);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?} {}", String::from_utf8_lossy(&output.stderr));
    };
    call(&["deploy", "lab.ron", "--on", "sim"]);
    let mut command = bench.command(&[&["status", "lab.ron", "--watch"], more].concat());
    clock(&mut command);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut text = lines.next().unwrap().unwrap() + "\n";
    call(&["inject", "lab.ron", "power-off", "a"]);
    while !is_enough(&text) {
        text += &(lines.next().unwrap().unwrap() + "\n");
    }
    call(&["destroy", "lab.ron", "--yes"]);
    while text.matches("is removed").count() < 3 {
        text += &(lines.next().unwrap().unwrap() + "\n");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    text
}

#[test]
fn watching_says_what_becomes_of_machines() {
    let bench = Bench::new();
    bench.layout("lab.ron", "Lab");
    let text = watched(&bench, &[], |text| text.contains("a is off"));
    for line in
        ["command line powered a off", "a is off", "a pages is down: its machine is stopped", "a is removed", "network lab is removed"]
    {
        let has_time = |found: &&str| found.split_whitespace().next().is_some_and(|at| at.parse::<f64>().is_ok());
        assert_eq!(text.lines().filter(|found| found.ends_with(line)).filter(has_time).count(), 1, "{line}: {text}");
    }
}

#[test]
fn watching_as_json_writes_a_line_for_changes() {
    let bench = Bench::new();
    bench.layout("lab.ron", "Lab");
    let text = watched(&bench, &["--format", "json"], |text| text.contains("is off"));
    let reports: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports[0]["changes"], serde_json::json!([]), "the first says what is so, not what changed");
    let changes: Vec<&serde_json::Value> = reports.iter().filter_map(|report| report["changes"].as_array()).flatten().collect();
    let off = changes.iter().find(|change| change["what"] == "is off").unwrap();
    assert!(off["who"] == "a" && off["on"] == "a" && off["at_ms"].is_u64(), "{off}");
    assert!(off["kind"] == "node" && off["author"] == "lab" && off["time_ms"].as_u64() >= Some(1_700_000_000_000), "{off}");
    assert!(changes.iter().any(|change| change["kind"] == "injected" && change["author"] == "command_line"), "{text}");
    assert!(changes.iter().any(|change| change["what"] == "is removed" && change["author"] == "another_process"), "{text}");
    assert!(changes.iter().any(|change| change["who"] == "a" && change["what"] == "is removed"), "{text}");
}

#[cfg(unix)]
#[test]
fn load_that_is_interrupted_says_its_sums() {
    let bench = Bench::new();
    bench.layout("lab.ron", "Lab");
    assert_eq!(bench.call(&["deploy", "lab.ron", "--on", "sim"]).0, Some(0));
    let mut child = bench.command(&["load", "lab.ron"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut text = vec![0; 1];
    out.read_exact(&mut text).unwrap();
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(rest.contains(" requests, 0 failed"), "{rest}");
}

/// A lab of so many nodes that what its deployment prints fills a pipe.
#[cfg(unix)]
fn large_layout(bench: &Bench) {
    let nodes: String =
        (10..250).map(|number| format!(r#""{}{number}": (role: app, adapters: [(network: "lab")]),"#, "long-name-".repeat(5))).collect();
    let text = format!(r#"(sandtable: 1, name: "Large", networks: {{"lab": internal(subnet: "10.0.0.0/16")}}, nodes: {{{nodes}}})"#);
    fs::write(bench.0.path().join("large.ron"), text).unwrap();
}

#[cfg(unix)]
#[test]
fn a_deployment_that_is_interrupted_ends_its_steps_and_can_be_undone() {
    let bench = Bench::new();
    large_layout(&bench);
    let mut child = bench.command(&["deploy", "large.ron", "--on", "sim"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 1]).unwrap();
    // It waits for this reader long before its last step.
    let id = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
    for line in [
        "stopping after the steps under way",
        "Continue: sandtable deploy large.ron",
        "sandtable deploy large.ron --undo",
        "sandtable destroy large.ron",
    ] {
        assert!(rest.contains(line), "{line}: {rest}");
    }
    let journal = |bench: &Bench| {
        let labs = fs::read_dir(bench.0.path().join("state")).unwrap().map(|entry| entry.unwrap().path().join("journal.jsonl"));
        labs.filter_map(|path| fs::read_to_string(path).ok()).collect::<String>()
    };
    let text = journal(&bench);
    assert_eq!(text.matches("{\"begin\"").count(), text.matches("{\"end\"").count(), "no step is left under way");
    assert!(text.trim_end().ends_with("\"over\""), "the run is over");
    let (code, out, err) = bench.call(&["deploy", "large.ron", "--undo"]);
    assert!(code == Some(0) && out.contains("is as it was"), "without --yes, for it was asked for: {out}{err}");
    assert!(bench.call(&["labs"]).1.contains("No lab is deployed"), "nothing is left");
}

#[test]
fn layouts_that_are_checked_together_share_the_host() {
    let bench = Bench::new();
    for name in ["one.ron", "two.ron"] {
        let text = format!(
            r#"(sandtable: 1, name: "{name}", networks: {{"internet": nat()}}, nodes: {{"a": (role: app,
                adapters: [(network: "internet", forwards: [(host: 8090, to: 80)])])}})"#
        );
        fs::write(bench.0.path().join(name), text).unwrap();
    }
    let (code, out, _) = bench.call(&["check", "one.ron", "two.ron"]);
    assert!(code == Some(0) && out.contains("host port 8090 of a is also forwarded to a of one.ron"), "{out}");
    assert!(!bench.call(&["check", "two.ron"]).1.contains("8090"));
}

#[test]
fn a_plan_of_what_cannot_be_deployed_fails_and_says_why() {
    let bench = Bench::new();
    let path = bench.layout("lab.ron", "Lab");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("\"nginx\"", "\"ngimx\"")).unwrap();
    let (code, out, _) = bench.call(&["plan", "lab.ron", "--on", "sim", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(1));
    assert!(object["unplannable"][0]["why"].as_str().is_some_and(|why| why.contains("did you mean nginx?")), "{object}");
}

#[test]
fn a_layout_with_open_errors_is_deployed_only_by_force() {
    let bench = Bench::new();
    let path = bench.layout("lab.ron", "Lab");
    let clear = fs::read_to_string(&path).unwrap();
    let database = r#"services: {"sql": (kind: "mariadb"), "pages""#;
    let open = clear.replace(r#"services: {"pages""#, database);
    fs::write(&path, &open).unwrap();
    let checked = bench.call(&["check", "lab.ron"]).1;
    let row = checked.lines().find(|line| line.contains("data-service-on-any-address")).unwrap();

    let (code, out, err) = bench.call(&["deploy", "lab.ron", "--on", "sim"]);
    assert_eq!(code, Some(2), "{out}{err}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(out.lines().any(|line| words(line) == words(row)) && row.contains("-> "), "as check prints it: {out}");
    assert!(err.contains("nothing was changed") && err.contains("--force") && !err.contains("does not help"), "{err}");
    assert!(!bench.0.path().join("state").exists(), "nothing is recorded");

    let (code, out, _) = bench.call(&["deploy", "lab.ron", "--on", "sim", "--format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    let error = &object["error"];
    assert_eq!((code, &error["kind"], &error["code"]), (Some(2), &"input".into(), &2.into()), "{object}");
    let (_, out, _) = bench.call(&["check", "lab.ron", "--format", "json"]);
    let checked: serde_json::Value = serde_json::from_str(&out).unwrap();
    let is_error = |finding: &&serde_json::Value| finding["severity"] == "error";
    let errors: Vec<&serde_json::Value> = checked["findings"].as_array().unwrap().iter().filter(is_error).collect();
    assert_eq!(error["findings"].as_array().unwrap().iter().collect::<Vec<_>>(), errors);
    assert!(bench.call(&["plan", "lab.ron", "--on", "sim"]).1.contains("deploy refuses it without --force"));

    let (code, out, err) = bench.call(&["deploy", "lab.ron", "--on", "sim", "--force"]);
    assert!(code == Some(0) && out.contains("data-service-on-any-address") && err.contains("--force"), "{code:?} {out}{err}");
    assert_eq!(bench.call(&["deploy", "lab.ron"]).0, Some(2), "a deployed lab is refused as well");
    assert_eq!(bench.call(&["deploy", "lab.ron", "--undo", "--yes"]).0, Some(0), "undoing deploys no layout");

    let because = "accepted: [(rule: \"data-service-on-any-address\", on: \"a/sql\", because: \"a test\")], flows";
    let accepted = errors.iter().all(|error| error["rule"] == "data-service-on-any-address");
    assert!(accepted, "{errors:?}");
    fs::write(&path, open.replace("flows", because)).unwrap();
    let (code, out, err) = bench.call(&["deploy", "lab.ron", "--on", "sim"]);
    assert_eq!(code, Some(0), "accepted errors block nothing: {out}{err}");
}

#[test]
fn force_does_not_deploy_what_cannot_be_planned() {
    let bench = Bench::new();
    let path = bench.layout("lab.ron", "Lab");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("\"nginx\"", "\"ngimx\"")).unwrap();
    let (code, _, err) = bench.call(&["deploy", "lab.ron", "--on", "sim"]);
    assert!(code == Some(2) && err.contains("--force does not help") && err.contains("did you mean nginx?"), "{err}");
    let (code, _, err) = bench.call(&["deploy", "lab.ron", "--on", "sim", "--force"]);
    assert!(code == Some(2) && err.contains("not ready to be deployed"), "{err}");
}
