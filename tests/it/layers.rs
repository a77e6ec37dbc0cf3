//! The layers of ARCHITECTURE.md, checked against the imports.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

struct Layer {
    name: String,
    kind: String,
}

/// The table of ARCHITECTURE.md, in its order.
fn layers() -> Vec<Layer> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        Layer { name: cells[0].to_owned(), kind: cells[2].to_owned() }
    })
    .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The code of a file: without its comments and without what stands behind the first `#[cfg(test)]` module.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let before_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn layer_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?;
    Some(first.trim_end_matches(".rs").to_owned())
}

/// Every layer that a text names behind `crate::`, also in braces: `use crate::{model::Lab, rules}`.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut word, mut first) = (1, String::new(), true);
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => first = true,
                    c if depth == 1 && first && (c.is_alphanumeric() || c == '_') => word.push(c),
                    c if depth == 1 && first && !c.is_whitespace() => first = false,
                    _ => {}
                }
                if (!first || c == ',' || depth == 0) && !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found
}

#[test]
fn arrows_point_one_way() {
    let layers = layers();
    let place: BTreeMap<&str, usize> = layers.iter().enumerate().map(|(n, layer)| (layer.name.as_str(), n)).collect();
    let mut wrong = Vec::new();
    for path in files(&root().join("src")) {
        let Some(from) = layer_of(&path) else { continue };
        if matches!(from.as_str(), "lib" | "main" | "testing") {
            continue;
        }
        let Some(here) = place.get(from.as_str()) else {
            wrong.push(format!("{}: ARCHITECTURE.md does not name the layer {from}", path.display()));
            continue;
        };
        for to in uses(&code(&path)) {
            match place.get(to.as_str()) {
                Some(there) if there > here => wrong.push(format!("{}: {from} uses {to}, which lies below it", path.display())),
                Some(_) if from == "host" && to != "host" => {
                    wrong.push(format!("{}: host uses {to}, and may use nothing of ours", path.display()))
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What window and command line do with a lab is `session`'s, once for both.
#[test]
fn window_and_command_line_only_use_the_session() {
    let mut wrong = Vec::new();
    for path in files(&root().join("src")) {
        let Some(from) = layer_of(&path).filter(|layer| matches!(layer.as_str(), "app" | "cli" | "ui")) else { continue };
        for to in uses(&code(&path)).into_iter().filter(|to| matches!(to.as_str(), "deploy" | "provider")) {
            wrong.push(format!("{}: {from} uses {to}; go through session", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_layer_exists() {
    for layer in layers() {
        let folder = root().join("src").join(&layer.name);
        assert!(folder.is_dir() || folder.with_extension("rs").is_file(), "ARCHITECTURE.md names {}, which does not exist", layer.name);
    }
}

#[test]
fn pure_layers_reach_for_nothing() {
    let forbidden = [
        "std::fs",
        "File::open",
        "std::process",
        "std::thread",
        "std::env::",
        "Instant::now",
        "SystemTime",
        "TcpStream",
        "UdpSocket",
        "tokio::",
        "println!",
        "eprintln!",
        "egui",
        "tracing::",
    ];
    let mut wrong = Vec::new();
    for layer in layers().iter().filter(|layer| layer.kind == "pure") {
        // What is tested may be tested against a real shell; a module of tests in a file of its own is none of the layer's code.
        let of_layer = files(&root().join("src").join(&layer.name));
        for path in of_layer.into_iter().filter(|path| path.file_name().is_none_or(|name| name != "tests.rs")) {
            let code = code(&path);
            for word in forbidden.iter().filter(|word| code.contains(**word)) {
                wrong.push(format!("{}: {} is pure and may not use {word}", path.display(), layer.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_window_knows_egui() {
    for layer in layers().iter().filter(|layer| layer.name != "ui") {
        for path in files(&root().join("src").join(&layer.name)) {
            let code = code(&path);
            assert!(!code.contains("egui::") && !code.contains("eframe::"), "{} uses egui", path.display());
        }
    }
}

#[test]
fn files_stay_small() {
    let mut long = Vec::new();
    for path in files(&root().join("src")) {
        let lines = without_tests(&fs::read_to_string(&path).unwrap()).lines().count();
        if lines > 500 {
            long.push(format!("{}: {lines} lines before its tests", path.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_braces() {
    assert_eq!(uses("use crate::{model::{Lab, Node}, rules};\nuse crate::sim::World;"), ["model", "rules", "sim"]);
}

/// The words of a text that can be names, without those in comments.
fn names(text: &str) -> Vec<&str> {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')).collect()
}

/// The names of the public items that a text defines.
fn defined(text: &str) -> Vec<String> {
    let kinds = ["fn", "struct", "enum", "trait", "const", "static", "type"];
    let public = text.lines().filter(|line| line.trim_start().starts_with("pub"));
    public
        .filter_map(|line| {
            let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').filter(|word| !word.is_empty());
            // `pub const fn name`: the last of these words before the name counts.
            let kind = words.find(|word| kinds.contains(word))?;
            let name = words.next()?;
            if kind == "const" && name == "fn" { words.next().map(str::to_owned) } else { Some(name.to_owned()) }
        })
        .collect()
}

/// Public items of the product that tests alone use, and why they are not the tests' own.
const FOR_TESTS: &[(&str, &str)] = &[
    ("FACTS", "the table of what the simulator takes from protocols; its tests check each source"),
    ("fail_next", "fails steps of a simulated deployment; every other way to fail is a fault of the lab"),
    ("svg_path", "outlines are compared as text"),
    ("contrast", "themes are judged by it"),
    ("fits_tile", "names of kinds and faults are judged by the palette's own measure"),
    ("is_as_new", "compares private indexes"),
    ("run_until", "drives a world without a provider"),
    ("with_subnet", "a network in one line"),
];

/// What stands in a file before the module of its tests. A module of tests that is a file of its own is only declared, and ends nothing.
fn without_tests(text: &str) -> &str {
    let end = text.match_indices("#[cfg(test)]\nmod ").map(|(at, _)| at).find(|at| {
        let declared = text[*at..].lines().nth(1).unwrap_or_default();
        declared.ends_with('{') || declared.ends_with('}')
    });
    end.map_or(text, |end| &text[..end])
}

/// The code of a file without its tests and without what only passes names on.
fn product_code(text: &str) -> String {
    let mut left = String::new();
    let mut passing = false;
    for line in without_tests(text).lines() {
        let trimmed = line.trim_start();
        passing |= trimmed.starts_with("pub use ") || trimmed.starts_with("pub(crate) use ") || trimmed.starts_with("pub(super) use ");
        if !passing {
            left.push_str(line);
            left.push('\n');
        }
        passing &= !line.contains(';');
    }
    left
}

#[test]
fn every_public_item_has_a_user() {
    let only_tests = ["tests.rs", "testing.rs", "fixture.rs", "fakes", "tests", "real_tests.rs", "sim_tests.rs"];
    let product: Vec<(PathBuf, String)> = ["src", "benches"]
        .iter()
        .flat_map(|folder| files(&root().join(folder)))
        .filter(|path| !path.components().any(|part| only_tests.iter().any(|name| part.as_os_str() == *name)))
        .map(|path| {
            let text = product_code(&fs::read_to_string(&path).unwrap());
            (path, text)
        })
        .collect();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, text) in &product {
        for name in names(text) {
            *times.entry(name).or_default() += 1;
        }
    }
    let ours = product.iter().filter(|(path, _)| path.starts_with(root().join("src")));
    let unused: Vec<(&PathBuf, String)> = ours
        .flat_map(|(path, text)| defined(text).into_iter().map(move |name| (path, name)))
        .filter(|(_, name)| times.get(name.as_str()).is_none_or(|times| *times < 2))
        .collect();
    let unknown: Vec<_> = unused.iter().filter(|(_, name)| !FOR_TESTS.iter().any(|(known, _)| known == name)).collect();
    assert!(unknown.is_empty(), "public items that only tests name, or nothing: {unknown:#?}");
    let stale: Vec<_> = FOR_TESTS.iter().filter(|(known, _)| !unused.iter().any(|(_, name)| name == known)).collect();
    assert!(stale.is_empty(), "these have users now: {stale:?}");
}

#[test]
fn what_is_passed_on_is_no_use() {
    let text = "pub use a::{\n    One,\n    Two,\n};\nfn three() { One }\n#[cfg(test)]\nmod tests { Two }\n";
    assert_eq!(product_code(text), "fn three() { One }\n");
}

#[test]
fn public_items_are_found() {
    let text = "pub fn one() {}\n    pub(super) const fn two() {}\npub const THREE: u8 = 3;\nfn four() {}\npub struct Five;\n";
    assert_eq!(defined(text), ["one", "two", "THREE", "Five"]);
    assert_eq!(names("a b // c\n_d1"), ["a", "b", "", "_d1"]);
}
