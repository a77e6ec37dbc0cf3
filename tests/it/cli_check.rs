//! `sandtable check`, run as people run it: exit codes, messages, JSON, and no patience lost on what is no layout.

use super::cli_commands::sandtable;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts");
    let mut files: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    files.sort();
    files
}

fn broken(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts_broken/format").join(name).display().to_string()
}

fn layout(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("lab.ron");
    fs::write(&path, format!("(\n  sandtable: 1,\n  name: \"Test\",\n{body})\n")).unwrap();
    path
}

#[test]
fn the_shipped_layouts_are_good() {
    let files = shipped();
    let mut args = vec!["check"];
    args.extend(files.iter().map(String::as_str));
    let output = sandtable(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).starts_with("5 layouts, 0 errors, 0 warnings, 0 advice"), "{}", text(&output.stdout));
    assert!(output.stderr.is_empty());
}

const EXPOSED: &str = "  networks: {\"lab\": host_only(subnet: \"192.168.56.0/24\")},\n  nodes: {\n    \"db1\": (role: database, adapters: [(network: \"lab\", address: \"192.168.56.10\")],\n      services: {\n        \"db\": (kind: \"mariadb\", bind: any),\n      }),\n  },\n";

#[test]
fn a_finding_has_its_line_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = layout(folder.path(), EXPOSED);
    let output = sandtable(&["check", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let found = text(&output.stdout);
    let line = found.lines().find(|line| line.contains("data-service-on-any-address")).unwrap();
    assert!(line.starts_with(&format!("{}:8:9", path.display())), "{line}");
    assert!(line.contains("error") && line.contains("db1/db") && line.contains("-> Bind to lab"), "{line}");
    assert!(found.lines().last().unwrap().starts_with("1 layout, 1 error,"), "{found}");
}

#[test]
fn the_json_is_the_documented_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = layout(folder.path(), EXPOSED);
    let output = sandtable(&["check", "--format", "json", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["layout"], path.to_str().unwrap());
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "data-service-on-any-address").unwrap();
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["subject"], serde_json::json!(["node", "db1", "service", "db"]));
    assert_eq!((finding["line"].as_u64(), finding["column"].as_u64()), (Some(8), Some(9)));
    assert_eq!(finding["fixes"][0], "Bind to lab");
    assert!(finding["accepted"].is_null() && finding["message"].is_string());

    let both = sandtable(&["check", "--format", "json", path.to_str().unwrap(), &broken("unknown-field.ron")]);
    assert_eq!(both.status.code(), Some(2));
    let reports: serde_json::Value = serde_json::from_slice(&both.stdout).unwrap();
    assert_eq!(reports["layouts"].as_array().unwrap().len(), 2);
    assert_eq!(reports["layouts"][1]["problems"][0]["line"], 8);
}

#[test]
fn an_accepted_finding_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let accepted = r#"  accepted: [(rule: "data-service-on-any-address", on: "db1/db", because: "for the test")],"#;
    let path = layout(folder.path(), &format!("{EXPOSED}{accepted}"));
    let output = sandtable(&["check", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("1 accepted"));
}

/// Runs `check` on something that is no layout: exit code 2, and a message on stderr.
fn refused(path: &str) -> String {
    let output = sandtable(&["check", path]);
    assert_eq!(output.status.code(), Some(2), "{path}");
    let message = text(&output.stderr);
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{message}");
    message
}

#[test]
fn fixes_are_applied_only_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = layout(folder.path(), EXPOSED);
    let (name, before) = (path.to_str().unwrap(), fs::read_to_string(&path).unwrap());
    let dry = sandtable(&["check", "--fix", "--dry-run", name]);
    assert!(text(&dry.stdout).contains("would fix") && text(&dry.stdout).contains("-> Bind to lab"), "{}", text(&dry.stdout));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(sandtable(&["check", "--fix=no-such-rule", name]).status.code(), Some(2));
    let other = sandtable(&["check", "--fix=even-voters", name]);
    assert_eq!((other.status.code(), fs::read_to_string(&path).unwrap()), (Some(1), before));
    let fixed = sandtable(&["check", "--fix=data-service-on-any-address", name]);
    assert!(text(&fixed.stdout).contains("fixed"), "{}", text(&fixed.stdout));
    assert_eq!(fixed.status.code(), Some(0), "{}", text(&fixed.stdout));
    assert!(fs::read_to_string(&path).unwrap().contains("bind: on(\"lab\")"));
}

#[test]
fn what_is_no_layout_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let garbage: Vec<u8> = (0..100_000_u32).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap()).collect();
    assert!(refused(&file("garbage.ron", &garbage)).contains("this is not text (UTF-8)"));
    assert!(refused(&file("brackets.ron", &b"(".repeat(1_000_000))).contains("brackets are nested more than 32 deep"));
    assert!(refused(&file("empty.ron", b"")).contains("nothing is here"));
    let large = folder.path().join("large.ron");
    fs::File::create(&large).unwrap().set_len(100 * 1024 * 1024).unwrap();
    assert!(refused(large.to_str().unwrap()).contains("has 100 MiB; at most 64 MiB are read"));
    assert!(refused(folder.path().to_str().unwrap()).contains("is a folder, not a file"));
    assert!(refused(folder.path().join("none.ron").to_str().unwrap()).contains("does not exist"));
    let newer = refused(&broken("newer-version.ron"));
    assert!(newer.contains("version 7") && newer.contains("a newer Sandtable is needed"), "{newer}");
    let unknown = refused(&broken("unknown-field.ron"));
    assert!(unknown.contains("unknown-field.ron:8:54: unknown field \"adress\" (did you mean address?"), "{unknown}");
    #[cfg(unix)]
    assert!(refused("/dev/zero").contains("is not an ordinary file"));
}
