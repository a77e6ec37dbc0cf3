//! Scripts: how they are put together, carry their files, and say what became of them.

use super::quote::sh;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The functions that every script begins with.
const PRELUDE: &str = include_str!("../../assets/node/prelude.sh");
/// Letters of base64 in a line: whole groups, and short enough for every shell's reader.
const LINE_LETTERS: usize = 1200;
/// How a line of a log begins that says why a script stopped.
pub const FAILED: &str = "failed: ";
/// The word that ends a file inside a script; base64 has no underscore.
const END: &str = "_END_";

/// A script for a node's root shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What it does, in a few words.
    pub title: String,
    /// The text, for `sh -s`.
    pub text: String,
    /// How long it may take, in seconds.
    pub timeout_secs: u32,
}

/// The functions that scripts find in their shell, for scripts that are not made here.
pub fn prelude() -> &'static str {
    PRELUDE
}

/// What became of a script, by what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It ran to its end and changed something.
    Changed,
    /// It ran to its end and all was so already.
    Same,
    /// It stopped, and this is why.
    Failed(String),
}

/// Something that a script said while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// Progress.
    Progress(&'a str),
    /// Why it stopped.
    Failure(&'a str),
    /// It ended where it should not have: exit code and stage.
    Ended(&'a str),
    /// It is done, and changed something.
    Changed,
    /// It is done, and all was so already.
    Same,
    /// Packages that it needs and cannot get, separated by spaces.
    Missing(&'a str),
    /// What a program in it said.
    Else(&'a str),
}

impl<'a> Said<'a> {
    /// Reads a line.
    pub fn of(line: &'a str) -> Self {
        match line.strip_prefix("::").map(|rest| rest.split_once(' ').unwrap_or((rest, ""))) {
            Some(("say", text)) => Self::Progress(text),
            Some(("fail", text)) => Self::Failure(text),
            Some(("ended", text)) => Self::Ended(text),
            Some(("missing", text)) => Self::Missing(text),
            Some(("done", "changed")) => Self::Changed,
            Some(("done", "same")) => Self::Same,
            _ => Self::Else(line),
        }
    }

    /// The line as it stands in a log that people read. A line that begins with [`FAILED`] says why the script stopped.
    pub fn told(self) -> String {
        match self {
            Self::Progress(text) => format!("# {text}"),
            Self::Failure(why) => format!("{FAILED}{why}"),
            Self::Ended(text) => {
                let (code, stage) = text.split_once(' ').unwrap_or((text, "the script"));
                format!("{FAILED}{stage} ended with {code}")
            }
            Self::Missing(packages) => format!("# it needs and cannot get: {packages}"),
            Self::Changed => "# done".to_owned(),
            Self::Same => "# nothing to change".to_owned(),
            Self::Else(line) => line.to_owned(),
        }
    }
}

/// What became of a script: from its lines and its exit code. The last words before a failure that gave no reason stand in
/// for one.
pub fn ending<'a>(lines: impl IntoIterator<Item = &'a str>, code: i32) -> Ending {
    let (mut done, mut failure, mut last, mut stage) = (None, None, "", "");
    for line in lines {
        match Said::of(line) {
            Said::Failure(why) => failure = Some(why),
            Said::Changed => done = Some(Ending::Changed),
            Said::Same => done = Some(Ending::Same),
            Said::Ended(text) => stage = text.split_once(' ').map_or(text, |(_, stage)| stage),
            Said::Else(text) if !text.trim().is_empty() => last = text.trim(),
            Said::Else(_) | Said::Progress(_) | Said::Missing(_) => {}
        }
    }
    match (done, failure) {
        (_, Some(why)) => Ending::Failed(why.to_owned()),
        (Some(done), None) if code == 0 => done,
        _ => {
            let stage = if stage.is_empty() { "the script".to_owned() } else { format!("{stage:?}") };
            let last = if last.is_empty() { String::new() } else { format!(": {last}") };
            Ending::Failed(format!("{stage} ended with {code}{last}"))
        }
    }
}

/// A script in the making. Everything that is added runs in order; arguments are quoted here.
#[derive(Debug, Default)]
pub struct Draft {
    body: String,
}

impl Draft {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls a function or program with arguments.
    pub fn call<T: AsRef<str>>(&mut self, name: &str, arguments: impl IntoIterator<Item = T>) {
        self.body.push_str(name);
        for argument in arguments {
            self.body.push(' ');
            self.body.push_str(&sh(argument.as_ref()));
        }
        self.body.push('\n');
    }

    /// Calls a function that reads a text in base64.
    pub fn call_with<T: AsRef<str>>(&mut self, name: &str, arguments: impl IntoIterator<Item = T>, text: &str) {
        // A node looks for interfaces to be named only where there are some: each look is a process.
        let has_tokens = text.contains("@if-");
        if has_tokens {
            self.body.push_str("has_tokens=yes\n");
        }
        self.call(name, arguments);
        self.body.pop();
        self.body.push_str(&format!(" <<'{END}'\n"));
        let encoded = STANDARD.encode(text);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(LINE_LETTERS));
            self.body.push_str(line);
            self.body.push('\n');
            rest = more;
        }
        self.body.push_str(END);
        self.body.push('\n');
        if has_tokens {
            self.body.push_str("has_tokens=\n");
        }
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.body.push_str(&format!("{name}={}\n", sh(value)));
    }

    /// Adds shell text that was written here, with no value in it.
    pub fn lines(&mut self, text: &'static str) {
        self.body.push_str(text);
        if !text.ends_with('\n') {
            self.body.push('\n');
        }
    }

    /// The script: nothing in it runs before all of it has arrived, and nothing in it reads what is left of it.
    pub fn finish(self, title: impl Into<String>, timeout_secs: u32) -> Script {
        let text = format!("{PRELUDE}\nmain() {{\nbegin\n{}end\n}}\nmain </dev/null\n", self.body);
        Script { title: title.into(), text, timeout_secs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_said_is_read() {
        for (text, code, wanted) in [
            ("::say installing\nnoise\n::done changed", 0, Ending::Changed),
            ("::done same", 0, Ending::Same),
            ("::say x\n::fail no room\n::ended 1 install", 1, Ending::Failed("no room".into())),
            ("E: broken\n::ended 100 installing nginx", 100, Ending::Failed("\"installing nginx\" ended with 100: E: broken".into())),
            ("", 0, Ending::Failed("the script ended with 0".into())),
            ("::done changed\n::ended 1 x", 1, Ending::Failed("\"x\" ended with 1".into())),
            ("", 137, Ending::Failed("the script ended with 137".into())),
        ] {
            assert_eq!(ending(text.lines(), code), wanted, "{text:?}");
        }
    }

    #[test]
    fn a_log_is_for_people() {
        for (line, wanted) in [
            ("::say installing nginx", "# installing nginx"),
            ("Setting up nginx", "Setting up nginx"),
            ("::fail no room", "failed: no room"),
            ("::ended 100 installing nginx", "failed: installing nginx ended with 100"),
            ("::done changed", "# done"),
            ("::done same", "# nothing to change"),
        ] {
            assert_eq!(Said::of(line).told(), wanted);
        }
    }

    #[test]
    fn files_travel_in_base64_and_arguments_in_quotes() {
        let mut draft = Draft::new();
        draft.call("say", ["it's $(x)"]);
        draft.call_with("put", ["/a b", "0644"], &"x".repeat(2000));
        let script = draft.finish("test", 5);
        assert!(script.text.contains("say 'it'\\''s $(x)'\n"));
        assert!(script.text.contains("put '/a b' '0644' <<'_END_'\neHh4"));
        assert!(script.text.lines().all(|line| line.len() <= LINE_LETTERS + 50));
        assert!(script.text.ends_with("_END_\nend\n}\nmain </dev/null\n"));
    }
}
