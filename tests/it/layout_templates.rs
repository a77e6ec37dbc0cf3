//! The layouts that Sandtable ships with: whole, placed, worth presenting, and without findings.

use sandtable::catalog::Catalog;
use sandtable::layout::{read, template, templates, write};
use sandtable::model::{Lab, NodeName, Pos, Subject};
use sandtable::rules::{Context, check};
use std::collections::BTreeMap;

const CARD: (i32, i32) = (196, 88);
const CLEAR: i32 = 88;

#[test]
fn all_five_are_there() {
    let names: Vec<&str> = templates().iter().map(|template| template.name).collect();
    assert_eq!(names, ["linux-cluster", "mini-cloud", "multi-site-beam", "shop", "three-node-lab"]);
    assert!(template("mini-cloud").is_some() && template("none").is_none());
}

#[test]
fn each_is_as_saving_would_write_it() {
    for template in templates() {
        let lab = read(template.text).unwrap();
        assert_eq!(write(&lab), template.text, "{}", template.name);
        assert_eq!(lab, template.lab);
    }
}

#[test]
fn each_has_no_findings_but_accepted_ones() {
    for template in templates() {
        let findings = check(&template.lab, Catalog::embedded(), &Context::default());
        let open: Vec<String> = findings
            .iter()
            .filter(|finding| finding.accepted.is_none())
            .map(|finding| format!("{}: {}", finding.rule, finding.message))
            .collect();
        assert_eq!(open, [""; 0], "{}", template.name);
    }
}

#[test]
fn each_kind_of_service_is_in_the_catalog() {
    for template in templates() {
        for (node, name, service) in template.lab.services() {
            let entry = Catalog::embedded().of(service).unwrap_or_else(|| panic!("{}: {node}/{name}", template.name));
            for setting in service.settings.keys().chain(service.secrets.keys()) {
                assert!(entry.setting(setting).is_some(), "{}: {node}/{name} has no setting {setting}", template.name);
            }
        }
    }
}

/// Everything that a highlight may name.
fn subjects(lab: &Lab) -> Vec<Subject> {
    let mut all: Vec<Subject> = lab.sites.keys().cloned().map(Subject::Site).collect();
    all.extend(lab.networks.keys().cloned().map(Subject::Network));
    all.extend(lab.nodes.keys().cloned().map(Subject::Node));
    all.extend(
        lab.services().map(|(node, name, _)| Subject::Service(sandtable::model::ServiceRef { node: node.clone(), service: name.clone() })),
    );
    all.extend(lab.flows.iter().map(Subject::flow));
    all.extend(lab.vips.keys().cloned().map(Subject::Vip));
    all.extend(lab.services().filter_map(|(_, _, service)| service.cluster.clone()).map(Subject::Cluster));
    all.extend(lab.links.iter().map(|link| Subject::Link(link.between.0.clone(), link.between.1.clone())));
    all
}

#[test]
fn each_can_be_presented() {
    for template in templates() {
        let (name, lab) = (template.name, &template.lab);
        assert!(lab.about.ends_with('.') && !lab.notes.is_empty(), "{name}");
        assert!((3..=5).contains(&lab.views.len()), "{name}: {} views", lab.views.len());
        let subjects = subjects(lab);
        for view in &lab.views {
            assert!(!view.name.is_empty() && !view.note.is_empty(), "{name}");
            for highlight in &view.highlight {
                let known = subjects.iter().any(|subject| subject.to_string() == *highlight);
                assert!(known, "{name}: {}: nothing is called {highlight:?}", view.name);
            }
        }
    }
}

#[test]
fn each_is_placed_so_that_nothing_lies_on_another() {
    for template in templates() {
        let (name, lab) = (template.name, &template.lab);
        let cards: BTreeMap<&NodeName, Pos> = lab.canvas.nodes.iter().map(|(node, pos)| (node, *pos)).collect();
        assert!(lab.nodes.keys().all(|node| cards.contains_key(node)), "{name}: a node has no place");
        assert!(lab.networks.keys().all(|network| lab.canvas.networks.contains_key(network)), "{name}: a network has no place");
        for (one, a) in &cards {
            assert!(a.0 % 4 == 0 && a.1 % 4 == 0, "{name}: {one} is off the grid");
            for (other, b) in cards.iter().filter(|(other, _)| *other != one) {
                let apart = (a.0 - b.0).abs() >= CARD.0 + 16 || (a.1 - b.1).abs() >= CARD.1 + 16;
                assert!(apart, "{name}: {one} lies on {other}");
            }
            for adapter in lab.nodes.get(*one).unwrap().adapters.iter() {
                let rail = lab.canvas.networks.get(&adapter.network).unwrap();
                let clear = rail.1 + 6 + CLEAR <= a.1 || a.1 + CARD.1 + CLEAR <= rail.1;
                assert!(clear, "{name}: {one} is too close to {}", adapter.network);
            }
        }
    }
}
