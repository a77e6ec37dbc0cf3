//! `check --fix` comes to an end: applied again and again, it reaches a layout that it leaves as it is, never goes back to one that it
//! left, and never adds an error.

use super::rules_broken::broken;
use sandtable::catalog::Catalog;
use sandtable::layout::{read, write};
use sandtable::model::{Edit, Lab, ListEdit, ServiceRef, cascade};
use sandtable::rules::{Context, Repaired, Severity, check, repair};
use std::path::Path;

/// The most times that `check --fix` changes a layout before it leaves it as it is.
const ROUNDS_MAX: usize = 3;

/// The shipped layouts, by name.
pub(super) fn shipped() -> Vec<(String, Lab)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let named = |file: &std::path::PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (named(file), read(&std::fs::read_to_string(file).unwrap()).unwrap())).collect()
}

/// A lab after a mistake, with what the mistake was.
pub(super) type Mistaken = (String, Lab);

/// A lab without each of its networks, nodes, services, addresses and VIPs in turn.
pub(super) fn removals(lab: &Lab) -> Vec<Mistaken> {
    let mut steps: Vec<(String, Vec<Edit>)> = Vec::new();
    steps.extend(lab.networks.keys().map(|name| (format!("without network {name}"), cascade::remove_network(lab, name))));
    steps.extend(lab.nodes.keys().map(|name| (format!("without node {name}"), cascade::remove_node(lab, name))));
    steps.extend(lab.vips.keys().map(|name| (format!("without VIP {name}"), cascade::remove_vip(lab, name))));
    for (node, service, _) in lab.services() {
        let at = ServiceRef { node: node.clone(), service: service.clone() };
        steps.push((format!("without service {at}"), cascade::remove_service(lab, &at)));
    }
    for (name, node) in &lab.nodes {
        for (slot, adapter) in node.adapters.iter().enumerate().filter(|(_, adapter)| adapter.address.is_some()) {
            let mut bare = adapter.clone();
            bare.address = None;
            let edit = Edit::Adapter { node: name.clone(), slot, change: ListEdit::Replace(bare) };
            steps.push((format!("without the address of {name} on {}", adapter.network), vec![edit]));
        }
    }
    let apply = |(what, edits): (String, Vec<Edit>)| {
        let mut mistaken = lab.clone();
        mistaken.apply(&edits).unwrap_or_else(|error| panic!("{what}: {error}"));
        (what, mistaken)
    };
    steps.into_iter().map(apply).collect()
}

fn errors(lab: &Lab) -> usize {
    let found = check(lab, Catalog::embedded(), &Context::default());
    found.iter().filter(|finding| finding.severity == Severity::Error && finding.accepted.is_none()).count()
}

/// Why applying fixes again and again does not come to a good end; empty where it does.
fn endless(lab: &Lab) -> Vec<String> {
    let mut lab = lab.clone();
    let mut seen = vec![write(&lab)];
    let mut told: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for round in 1..=ROUNDS_MAX + 1 {
        let before = errors(&lab);
        let done = repair(&mut lab, Catalog::embedded(), &Context::default(), None);
        if done.is_empty() {
            return wrong;
        }
        let line = |one: &Repaired| format!("round {round}: {}: {} -> {}", one.rule, one.message, one.title);
        told.extend(done.iter().map(line));
        if errors(&lab) > before {
            wrong.push(format!("round {round} adds errors:\n      {}", told.join("\n      ")));
        }
        let text = write(&lab);
        if seen.contains(&text) {
            wrong.push(format!("round {round} goes back:\n      {}", told.join("\n      ")));
            return wrong;
        }
        seen.push(text);
    }
    wrong.push(format!("there is no end:\n      {}", told.join("\n      ")));
    wrong
}

fn assert_ends(labs: impl IntoIterator<Item = (String, Lab)>) {
    let wrong: Vec<String> =
        labs.into_iter().flat_map(|(what, lab)| endless(&lab).into_iter().map(move |why| format!("{what}: {why}"))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fixing_a_broken_layout_ends() {
    assert_ends(broken());
}

#[test]
fn fixing_a_shipped_layout_that_lacks_something_ends() {
    let mistaken = |(layout, lab): (String, Lab)| removals(&lab).into_iter().map(move |(what, lab)| (format!("{layout} {what}"), lab));
    assert_ends(shipped().into_iter().flat_map(mistaken));
}
