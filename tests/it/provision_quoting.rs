//! Scripts for nodes, read by real shells: whatever a layout's names and settings hold, nothing of it is executed. It arrives
//! literally or is refused.

use proptest::prelude::*;
use sandtable::{
    catalog::{Catalog, Landing, Recipes},
    model::{Family, NodeName, ServiceName, ServiceSpec, Value},
    provision::{
        Place,
        needs::{Needs, Values},
        quote::{quote, sh},
        scene::{LabWords, Setup},
        script::Draft,
        slug,
    },
};
use std::{
    collections::BTreeMap,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// The shells of this machine that nodes have; dash is what Debian's `sh` is.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [vec!["dash"], vec!["bash", "--posix"], vec!["busybox", "sh"]];
    let is_there = |shell: &Vec<&str>| Command::new(shell[0]).arg("--help").stdin(Stdio::null()).output().is_ok();
    let found: Vec<_> = all.into_iter().filter(is_there).collect();
    assert!(!found.is_empty(), "this machine has neither dash nor bash");
    found
}

/// Feeds a script to a shell as a transport does, in an empty folder. Gives what it wrote.
fn run(shell: &[&str], script: &str, folder: &Path) -> String {
    let mut child = Command::new(shell[0])
        .args(&shell[1..])
        .arg("-s")
        .current_dir(folder)
        .env("HOME", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
}

fn left_in(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Texts that try to be executed: each would leave a file called `owned`.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("$(touch owned)".to_owned()),
        Just("`touch owned`".to_owned()),
        Just("'; touch owned; '".to_owned()),
        Just("\"; touch owned; \"".to_owned()),
        Just("\ntouch owned\n".to_owned()),
        Just("&& touch owned".to_owned()),
        Just("| touch owned".to_owned()),
        Just("> owned".to_owned()),
        Just("${IFS}".to_owned()),
        Just("-rf".to_owned()),
        Just("--help".to_owned()),
        Just("\\".to_owned()),
        Just("'\\''".to_owned()),
        Just("_END_\n".to_owned()),
        Just("\nEOF\n".to_owned()),
        Just("{{ 7 * 7 }}".to_owned()),
        Just("%n$HOME~*?[a]".to_owned()),
        "[ -~]{0,8}",
        "\\PC{0,4}",
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_word_is_a_word(text in hostile()) {
        let folder = tempfile::tempdir().unwrap();
        for shell in shells() {
            let out = run(&shell, &format!("printf '[%s]' {}", sh(&text)), folder.path());
            prop_assert_eq!(&out, &format!("[{text}]"), "{:?}", shell);
        }
        prop_assert!(left_in(folder.path()).is_empty());
    }

    #[test]
    fn files_and_arguments_arrive_as_they_left(text in hostile()) {
        let folder = tempfile::tempdir().unwrap();
        let mut draft = Draft::new();
        draft.lines("printed() { printf '<%s>' \"$@\"; base64 -d; }");
        draft.call_with("printed", [text.as_str(), "second"], &text);
        let script = draft.finish("test", 5).text;
        // Only the script's own part: what comes before it is functions, what comes after is for a node.
        let body = script.split_once("main() {\nbegin\n").unwrap().1.split_once("end\n}\nmain").unwrap().0;
        for shell in shells() {
            let out = run(&shell, &format!("main() {{\n{body}}}\nmain </dev/null\n"), folder.path());
            prop_assert_eq!(&out, &format!("<{text}><second>{text}"), "{:?}", shell);
        }
        prop_assert!(left_in(folder.path()).is_empty());
    }

    #[test]
    fn slugs_are_one_plain_word(text in hostile()) {
        let slug = slug(&text);
        prop_assert!(!slug.is_empty() && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        prop_assert_eq!(quote(Landing::Plain, &slug).unwrap(), slug);
    }

    #[test]
    fn templates_carry_literally_or_refuse(value in hostile(), name in hostile()) {
        let Ok(service) = name.trim().parse::<ServiceName>() else { return Ok(()) };
        let script = "printf '[%s]' {{ settings.text }}\nprintf '[%s]' {{ service.name }}\nprintf '[%s]' {{ lab.name|json|sh }}\n";
        let files = BTreeMap::from([
            ("recipe.ron".to_owned(), "(families: {debian: (packages: [])}, scripts: (setup: \"setup.sh\"))".to_owned()),
            ("setup.sh".to_owned(), script.to_owned()),
        ]);
        let (_, kind) = Recipes::read("web", files).unwrap().unwrap();
        let node: NodeName = "web".parse().unwrap();
        let machine = sandtable::testing::machine("web", Vec::new());
        let settings = BTreeMap::from([("text".to_owned(), Value::Text(value.clone()))]);
        let spec = ServiceSpec { settings, ..sandtable::testing::service("nginx") };
        let (needs, values) = (Needs::default(), Values::default());
        let setup = Setup {
            lab: LabWords { name: &name, id: "lab-1" }, place: Place { node: &node, machine: &machine, family: Family::Debian },
            service: &service, spec: &spec, catalog: Catalog::embedded(), folder: &kind, needs: &needs, values: &values,
        };
        let Ok(rendered) = setup.renderer().file("setup.sh", Landing::Sh, &setup.scene().unwrap()) else { return Ok(()) };
        let folder = tempfile::tempdir().unwrap();
        for shell in shells() {
            let out = run(&shell, &rendered, folder.path());
            let begins = format!("[{value}][{service}][\"");
            prop_assert!(out.starts_with(&begins), "{:?}: {:?}", shell, out);
            let json = out.strip_prefix(&begins[..begins.len() - 2]).unwrap();
            let json: String = serde_json::from_str(json.strip_prefix('[').unwrap().strip_suffix(']').unwrap()).unwrap();
            prop_assert_eq!(&json, &name);
        }
        prop_assert!(left_in(folder.path()).is_empty());
    }
}

/// The functions of all scripts are read by every shell that a node may have.
#[test]
fn the_prelude_is_read_by_every_shell() {
    for shell in shells() {
        let mut command = Command::new(shell[0]);
        let out = command.args(&shell[1..]).args(["-n", concat!(env!("CARGO_MANIFEST_DIR"), "/assets/node/prelude.sh")]).output().unwrap();
        assert!(out.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

/// A script that was cut off on its way does nothing.
#[test]
fn half_a_script_does_nothing() {
    let mut draft = Draft::new();
    draft.lines("touch owned");
    draft.call_with("cat", [""; 0], "text");
    let whole = draft.finish("test", 5).text;
    let folder = tempfile::tempdir().unwrap();
    let from = whole.find("main() {").unwrap();
    for shell in shells() {
        for cut in (from..whole.len() - "main </dev/null\n".len() + 1).step_by(7) {
            run(&shell, &whole[..cut], folder.path());
        }
    }
    assert!(left_in(folder.path()).is_empty(), "{:?}", left_in(folder.path()));
}
