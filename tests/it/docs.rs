//! The manual: generated pages are current, links resolve, quoted messages exist, and the commands of the tour and the tutorial work.
//!
//! `UPDATE_DOCS=1 cargo test --test it docs` writes the generated pages.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents that people read, relative to the root.
fn documents() -> Vec<String> {
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let mut all: Vec<String> = pages.filter(|path| path.ends_with(".md")).collect();
    all.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "assets/catalog/README.md"].map(str::to_owned),
    );
    all.sort();
    all
}

#[test]
fn generated_pages_are_current() {
    for page in ["cli", "faults", "rules", "services"] {
        let output = Command::new(env!("CARGO_BIN_EXE_sandtable")).args(["manual", page]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let current = String::from_utf8(output.stdout).unwrap();
        let path = root().join(format!("docs/{page}.md"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &current).unwrap();
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        let differs = stored.lines().zip(current.lines()).find(|(one, other)| one != other);
        assert!(stored == current, "docs/{page}.md is stale ({differs:?}): UPDATE_DOCS=1 cargo test --test it docs");
    }
}

/// Text without blocks of code, whose brackets are no links.
fn prose(text: &str) -> String {
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of a document's links and pictures.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let targets = text.match_indices("](").filter_map(|(at, found)| text[at + found.len()..].split(')').next());
    targets.map(|target| target.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let anchor = |heading: String| {
        let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    };
    headings.map(anchor).collect()
}

/// The links of a document that lead nowhere.
fn dead_links(document: &str, text: &str) -> Vec<String> {
    let folder = root().join(document).parent().unwrap().to_owned();
    let leads_nowhere = |target: &String| {
        if target.starts_with("https://") || target.starts_with("http://") {
            return false;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = if path.is_empty() { root().join(document) } else { folder.join(path) };
        let in_file = |file: &Path| fs::read_to_string(file).map(|text| anchors(&text)).unwrap_or_default();
        !file.exists() || (!anchor.is_empty() && !in_file(&file).contains(anchor))
    };
    links(text).into_iter().filter(leads_nowhere).map(|target| format!("{document}: {target}")).collect()
}

#[test]
fn every_setting_of_a_provider_is_in_its_page() {
    let page = text_of("docs/preferences.md");
    for setting in sandtable::provider::settings::Setting::ALL {
        let spec = setting.spec();
        let row = page.lines().find(|line| line.contains(&format!("| `{}` | `{}` |", spec.key, spec.variable)));
        assert!(row.is_some_and(|row| row.contains(spec.title)), "{}: {row:?}", spec.key);
    }
}

#[test]
fn links_lead_somewhere() {
    let dead: Vec<String> = documents().iter().flat_map(|document| dead_links(document, &text_of(document))).collect();
    assert_eq!(dead, [""; 0]);
    let text = "[a](docs/none.md) [b](#none) [c](README.md#none) [d](https://example.com) [e](README.md) `[f](x)`\n```\n[g](y)\n```";
    assert_eq!(dead_links("README.md", text).len(), 4, "{:?}", dead_links("README.md", text));
    assert!(anchors("## What was tried?\n### `a-b` c").is_superset(&["what-was-tried".to_owned(), "a-b-c".to_owned()].into()));
}

#[test]
fn every_page_is_linked_from_the_readme_or_the_manual() {
    let linked: BTreeSet<String> = documents()
        .iter()
        .flat_map(|document| {
            let folder = Path::new(document).parent().unwrap().to_owned();
            links(&text_of(document)).into_iter().map(move |target| {
                let path = folder.join(target.split('#').next().unwrap_or_default());
                path.to_str().unwrap().replace("docs/../", "")
            })
        })
        .collect();
    let unlinked: Vec<String> = documents().into_iter().filter(|path| path != "README.md" && !linked.contains(path)).collect();
    assert_eq!(unlinked, [""; 0]);
}

#[test]
fn the_readme_stays_short() {
    let lines = text_of("README.md").lines().count();
    assert!((60..=80).contains(&lines), "{lines} lines");
}

/// The program's sources as one text, in which a message that was broken over lines is whole.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if let Ok(text) = fs::read_to_string(&path) {
            into.push_str(&text);
        }
    }
}

fn whole(text: &str) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\\n") {
        whole.push_str(before);
        rest = after.trim_start();
    }
    whole + rest
}

#[test]
fn quoted_messages_exist() {
    let mut text = String::new();
    sources(&root().join("src"), &mut text);
    let text = whole(&text).replace("\\\"", "\"");
    let page = text_of("docs/troubleshooting.md");
    let messages: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert!(messages.len() >= 20, "{}", messages.len());
    // `…` stands for what differs from case to case.
    let unknown: Vec<&str> = messages.into_iter().filter(|message| message.split('…').any(|part| !text.contains(part.trim()))).collect();
    assert_eq!(unknown, [""; 0], "no source has these messages");
}

#[test]
fn every_variable_is_documented() {
    let mut text = String::new();
    sources(&root().join("src"), &mut text);
    let names = text.match_indices("\"SANDTABLE_").filter_map(|(at, _)| text[at + 1..].split('"').next());
    let names: BTreeSet<&str> = names.filter(|name| name.chars().all(|char| char.is_ascii_uppercase() || char == '_')).collect();
    assert!(names.contains("SANDTABLE_STATE"), "{names:?}");
    // Not for users: a marker of processes, the outline for the window's tests, and what the build script sets.
    let internal = ["SANDTABLE_RUN", "SANDTABLE_OUTLINE", "SANDTABLE_VERSION"];
    let manual: String = documents().iter().map(|document| text_of(document)).collect();
    let missing: Vec<&&str> = names.iter().filter(|name| !internal.contains(name) && !manual.contains(&format!("`{name}"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[cfg(unix)]
mod commands {
    use super::*;

    /// Runs what a document shows: files, edits, commands with their output. See `docs/tutorial.md`.
    struct Run {
        folder: tempfile::TempDir,
        clock_ms: u64,
        commands: usize,
    }

    impl Run {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), clock_ms: 1_000_000, commands: 0 }
        }

        /// A document as it is read: `<!-- file: NAME -->` and `<!-- edit: NAME -->` before a block, `<!-- later: SECONDS -->` for
        /// time that passes, `<!-- exit: CODE -->` before a command that ends with another code than 0.
        fn play(&mut self, document: &str, text: &str) {
            let mut lines = text.lines().enumerate();
            let mut directive: Option<(&str, &str)> = None;
            while let Some((number, line)) = lines.next() {
                let place = format!("{document}:{}", number + 1);
                if let Some(comment) = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")) {
                    let (word, value) = comment.split_once(": ").unwrap_or((comment, ""));
                    match word {
                        "later" => self.clock_ms += 1000 * value.parse::<u64>().unwrap(),
                        "file" | "edit" | "exit" => directive = Some((word, value)),
                        other => panic!("{place}: {other}"),
                    }
                } else if let Some(language) = line.strip_prefix("```") {
                    let block: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
                    match (language, directive.take()) {
                        ("ron", Some(("file", name))) => fs::write(self.folder.path().join(name), block.join("\n") + "\n").unwrap(),
                        ("diff", Some(("edit", name))) => self.edit(&place, name, &block),
                        ("console", Some(("exit", code))) => self.console(&place, &block, code.parse().unwrap()),
                        ("console", None) => self.console(&place, &block, 0),
                        (_, None) => {}
                        (language, Some((word, _))) => panic!("{place}: {word} before a block of {language}"),
                    }
                }
            }
        }

        fn edit(&self, place: &str, name: &str, block: &[&str]) {
            let side = |sign: char| -> String {
                let lines = block.iter().filter(|line| line.starts_with(sign) || line.starts_with(' '));
                lines.map(|line| format!("{}\n", &line[1..])).collect()
            };
            let path = self.folder.path().join(name);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches(&side('-')).count(), 1, "{place}: {name} has these lines once:\n{}\n{text}", side('-'));
            fs::write(&path, text.replace(&side('-'), &side('+'))).unwrap();
        }

        fn console(&mut self, place: &str, block: &[&str], code: i32) {
            let starts: Vec<usize> = (0..block.len()).filter(|at| block[*at].starts_with("$ ")).collect();
            assert_eq!(starts.first(), Some(&0), "{place}: a block begins with a command");
            for (at, start) in starts.iter().enumerate() {
                let end = starts.get(at + 1).copied().unwrap_or(block.len());
                let expected_code = if end == block.len() { code } else { 0 };
                self.command(place, block[*start].trim_start_matches("$ "), &block[start + 1..end], expected_code);
            }
        }

        fn command(&mut self, place: &str, command: &str, expected: &[&str], code: i32) {
            let program = Path::new(env!("CARGO_BIN_EXE_sandtable")).parent().unwrap();
            let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
            let mut run = Command::new("sh");
            run.args(["-c", &format!("{command} 2>&1")]).current_dir(self.folder.path()).env("PATH", path).env("NO_COLOR", "1");
            run.env("SANDTABLE_STATE", self.folder.path().join("state")).env("SANDTABLE_SIM_CLOCK_MS", self.clock_ms.to_string());
            let output = run.stdin(std::process::Stdio::null()).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(code), "{place}: {command}\n{text}");
            let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
            assert!(expected.is_empty() || matches(expected, &lines), "{place}: {command}\nshown: {expected:#?}\nprinted:\n{text}");
            self.commands += 1;
        }
    }

    /// Whether a line is the one that a document shows, where `…` stands for any text.
    fn is_line(shown: &str, printed: &str) -> bool {
        let Some((start, rest)) = shown.split_once('…') else { return shown == printed };
        let Some(left) = printed.strip_prefix(start) else { return false };
        (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| is_line(rest, &left[at..]))
    }

    /// Whether lines are those that a document shows, where a line `…` stands for any number of them.
    fn matches(shown: &[&str], printed: &[&str]) -> bool {
        match (shown.split_first(), printed.split_first()) {
            (None, None) => true,
            (Some((&"…", rest)), _) => (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..])),
            (Some((line, shown)), Some((other, printed))) => is_line(line, other) && matches(shown, printed),
            _ => false,
        }
    }

    #[test]
    fn shown_lines_are_compared() {
        let printed = ["a", "b", "c"];
        for shown in [&["a", "b", "c"][..], &["…"], &["a", "…"], &["…", "c"], &["…", "b", "…"], &["a", "…", "c"]] {
            assert!(matches(shown, &printed), "{shown:?}");
        }
        for shown in [&["a"][..], &["b", "c"], &["…", "b"], &["…", "d", "…"], &["a", "…", "b", "a"]] {
            assert!(!matches(shown, &printed), "{shown:?}");
        }
        assert!(is_line("a … c", "a b c") && is_line("a …", "a b c") && !is_line("a …", "b c") && !is_line("… b", "a b c"));
    }

    #[test]
    fn the_tutorial_works() {
        let mut run = Run::new();
        run.play("docs/tutorial.md", &text_of("docs/tutorial.md"));
        assert!(run.commands >= 20, "{}", run.commands);
    }

    #[test]
    fn the_tour_of_the_readme_works() {
        let mut run = Run::new();
        run.play("README.md", &text_of("README.md"));
        assert!(run.commands >= 8, "{}", run.commands);
    }

    #[test]
    fn the_layout_of_the_format_page_is_sound() {
        let mut run = Run::new();
        run.play("docs/layout-format.md", &text_of("docs/layout-format.md"));
        assert!(run.commands >= 1, "{}", run.commands);
    }
}
