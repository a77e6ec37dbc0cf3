//! Reads the calls out of a script, in the form in which `provision::script::Draft` writes them.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Functions that scripts call without an argument.
const BARE: [&str; 14] = [
    "service_begin",
    "service_kept",
    "service_owes",
    "service_promoted",
    "service_started",
    "service_remove",
    "firewall",
    "packages",
    "pinned",
    "units_stop",
    "keepalived_on",
    "keepalived_off",
    "start_all",
    "uplink_down",
];
/// How the body of a script begins.
const BODY: &str = "\nmain() {\nbegin\n";
const TEXT_BEGIN: &str = " <<'_END_'";
const TEXT_END: &str = "_END_";
/// The ways to set up a network that scripts carry; a fake node has the first.
const BRANCHES: [&str; 4] = ["networkd)", "netplan)", "ifupdown)", "networkmanager)"];

/// One call of a function, or a variable that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    /// The text that the function reads.
    pub(super) text: String,
}

/// The calls of a script in order; `None` where it is no script with a body. Shell text in between is skipped: functions, comments and
/// branches that a fake node does not take.
pub(super) fn calls(script: &str) -> Option<Vec<Call>> {
    let (_, body) = script.rsplit_once(BODY)?;
    let mut found = Vec::new();
    let mut taken = true;
    let mut lines = body.lines();
    while let Some(line) = lines.next() {
        if BRANCHES.contains(&line) {
            taken = line == BRANCHES[0];
        } else if line == ";;" || line.starts_with("*) ") {
            taken = true;
        } else if line == r#"rm -rf "$home""# {
            found.push(Call { name: "rm_home".into(), arguments: Vec::new(), text: String::new() });
        } else if let Some(mut call) = read(line.strip_suffix(TEXT_BEGIN).unwrap_or(line)) {
            if line.ends_with(TEXT_BEGIN) {
                let encoded: String = lines.by_ref().take_while(|line| *line != TEXT_END).collect();
                call.text = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
            }
            if taken {
                found.push(call);
            }
        }
    }
    Some(found)
}

/// Reads `NAME 'ARGUMENT'…`, a bare name or `home='…'`.
fn read(line: &str) -> Option<Call> {
    let call = |name: &str, arguments| Some(Call { name: name.to_owned(), arguments, text: String::new() });
    if BARE.contains(&line) {
        return call(line, Vec::new());
    }
    if let Some(home) = line.strip_prefix("home=") {
        return call("home", words(home)?);
    }
    let (name, rest) = line.split_once(' ')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    call(name, words(rest).filter(|_| is_name)?)
}

/// Words that are quoted as `provision::quote::sh` quotes them; `None` where something is not.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let mut word = String::new();
        loop {
            let (part, after) = rest.strip_prefix('\'')?.split_once('\'')?;
            word.push_str(part);
            let Some(more) = after.strip_prefix("\\'") else {
                rest = after;
                break;
            };
            word.push('\'');
            rest = more;
        }
        words.push(word);
        if rest.is_empty() {
            return Some(words);
        }
        rest = rest.strip_prefix(' ')?;
    }
}

#[test]
fn calls_are_read_and_shell_text_is_skipped() {
    let script = |body: &str| format!("x() {{ :; }}{BODY}{body}end\n}}\nmain </dev/null\n");
    let text = script(
        "home='/a'\nfault() {\n    put 'inner' 'x'\n}\nnetplan)\nput 'no'\n;;\nput 'it'\\''s' '' <<'_END_'\naGkK\n_END_\nfirewall\nrm -rf $x\n",
    );
    let found: Vec<_> = calls(&text).unwrap().into_iter().map(|call| (call.name, call.arguments.join("|"), call.text)).collect();
    let expected = [("home", "/a", ""), ("put", "it's|", "hi\n"), ("firewall", "", "")];
    assert_eq!(found, expected.map(|(name, arguments, text)| (name.to_owned(), arguments.to_owned(), text.to_owned())));
    assert_eq!(calls("date +%s\n"), None);
}
