//! The page of the faults, from their one table.

use super::{GENERATED, cell};
use crate::fault::{VERBS, offers};
use crate::layout::templates;
use crate::model::{FAULT_SECS, Fault, FaultTarget, FaultVerb, Subject};

pub(super) fn page() -> String {
    let mut text = format!(
        "# Faults\n\n{GENERATED}\n\n\
         A fault is a verb and its target, in the names of the layout:\n\n\
         ```text\nsandtable inject lab.ron stop db1/galera\n```\n\n\
         `--for TIME` limits how long a fault lasts, from {} second to {} hours, such as `90s` or `5m`. On real nodes a fault heals \
         after 10 minutes if `--for` is not given. `--predict` shows the forecast and injects nothing. `sandtable heal lab.ron --all` \
         removes all faults.\n",
        FAULT_SECS.start(),
        FAULT_SECS.end() / 3600
    );
    for target in FaultTarget::ALL {
        text.push_str(&format!("\n## {}\n\n| fault | in the window | effect | example |\n|---|---|---|---|\n", heading(target)));
        for verb in VERBS.iter().filter(|verb| verb.target == target) {
            let example = example(verb);
            let range = example.as_ref().and_then(Fault::size).map_or_else(String::new, |size| {
                format!(" {}: {} to {} {}.", size.name, size.range.start(), size.range.end(), size.unit)
            });
            let example = example.map_or_else(String::new, |fault| format!("`{fault}`"));
            let effect = cell(&format!("{}{range}", verb.does));
            text.push_str(&format!("| `{} {}` | {} | {effect} | {} |\n", verb.word, verb.takes, verb.title, cell(&example)));
        }
    }
    text
}

fn heading(target: FaultTarget) -> &'static str {
    match target {
        FaultTarget::Service => "Services",
        FaultTarget::Node => "Nodes",
        FaultTarget::Link => "Links",
        FaultTarget::Nodes => "Sets of nodes",
    }
}

/// A fault of this verb in a shipped layout, the smaller layouts first.
fn example(verb: &FaultVerb) -> Option<Fault> {
    let mut templates = templates();
    templates.sort_by_key(|template| (template.name != "mini-cloud", template.lab.nodes.len()));
    templates.into_iter().find_map(|template| {
        let lab = template.lab;
        let pair: Vec<Subject> = lab.nodes.keys().take(2).cloned().map(Subject::Node).collect();
        let services = lab.services().map(|(node, name, _)| {
            vec![Subject::Service(crate::model::ServiceRef { node: node.clone(), service: name.clone() })]
        });
        let nodes = lab.nodes.keys().map(|node| vec![Subject::Node(node.clone())]);
        let selections: Vec<Vec<Subject>> = match verb.target {
            FaultTarget::Service => services.collect(),
            FaultTarget::Node | FaultTarget::Link => nodes.collect(),
            FaultTarget::Nodes => vec![pair],
        };
        selections.iter().find_map(|selection| offers(&lab, selection).into_iter().find(|(of, _)| of.word == verb.word)).map(|(_, fault)| fault)
    })
}
