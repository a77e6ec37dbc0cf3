//! Two flows with the same ends and different ports are told apart wherever flows are named: mini-cloud has such a pair.

use super::cli_commands::sandtable;
use super::sim_support::deployed;
use sandtable::{
    catalog::Catalog,
    export::Topology,
    layout::{positions, template},
    model::*,
    picture::{Mode, Overlay, Scene, States},
    plan::LabId,
    probe,
    rules::{Context, Finding, check},
};
use std::sync::Arc;

const PAGE: &str = "outside -> lb/haproxy:8404";
const SITE: &str = "outside -> lb/haproxy";

/// The mini-cloud, with the second flow of the pair led to a port where nothing listens.
fn wrong() -> (String, Lab) {
    let text = template("mini-cloud").unwrap().text.replace("port: 8404", "port: 8405");
    let lab = sandtable::layout::read(&text).unwrap();
    (text, lab)
}

fn id(text: &str) -> FlowId {
    text.parse().unwrap()
}

fn misses(lab: &Lab) -> Vec<Arc<Finding>> {
    let mut findings = check(lab, Catalog::embedded(), &Context::default());
    findings.retain(|finding| finding.rule == "flow-misses-bind-address");
    findings
}

#[test]
fn a_finding_stands_at_the_line_of_its_flow() {
    let (text, lab) = wrong();
    let findings = misses(&lab);
    assert_eq!(findings.iter().map(|one| one.subject.to_string()).collect::<Vec<_>>(), ["outside -> lb/haproxy:8405"]);
    let line = 1 + text.lines().position(|line| line.contains("port: 8405")).unwrap();
    let place = positions(&text).place(&findings[0].path(findings[0].subject.path(&lab)));
    assert_eq!(usize::try_from(place.line).unwrap(), line);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.ron");
    std::fs::write(&path, &text).unwrap();
    let output = sandtable(&["check", "--format", "json", path.to_str().unwrap()]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = json["findings"].as_array().unwrap().iter().find(|one| one["rule"] == "flow-misses-bind-address").unwrap();
    assert_eq!(found["subject"], serde_json::json!(["flow", "outside", "lb/haproxy", "port", "8405"]));
    assert_eq!(found["line"], line);
}

#[test]
fn a_badge_and_a_health_are_on_their_own_flow() {
    let (_, lab) = wrong();
    let place = |text: &str| lab.flow_place(&id(text)).unwrap();
    let (site, page) = (place(SITE), place("outside -> lb/haproxy:8405"));
    assert_eq!((site, page), (0, 1));
    let scene = Scene::new(&lab, Catalog::embedded());
    let findings = misses(&lab);
    let shown = |overlay: &Overlay<'_>| States::new(&scene, &lab, overlay, &States::default()).flows;
    let badges = shown(&Overlay { findings: &findings, ..Overlay::default() });
    assert!(badges[site].badge.is_none() && badges[page].badge.is_some());
    let highlight = [Subject::Flow(id("outside -> lb/haproxy:8405"))];
    let dimmed = shown(&Overlay { highlight: &highlight, ..Overlay::default() });
    assert!(dimmed[site].dimmed && !dimmed[page].dimmed);
    // In whatever order they were observed.
    let mut observed = Observed::default();
    for (flow, health) in [(page, Health::Down), (site, Health::Healthy)] {
        let id = FlowId::from(&lab.flows[flow]);
        let is_open = health == Health::Healthy;
        observed.flows.push(ObservedFlow { id, health, forward: is_open, backward: is_open, latency_ms: None, reason: String::new() });
    }
    let seen = shown(&Overlay { mode: Mode::Run, observed: Some(&observed), ..Overlay::default() });
    assert_eq!((seen[site].health, seen[page].health), (Some(Health::Healthy), Some(Health::Down)));
    let verdicts = probe::judge(&lab, &observed);
    assert_eq!((verdicts[site].health, verdicts[page].health), (Health::Healthy, Health::Down));
    let links = Topology::seen(&lab, Catalog::embedded(), &observed).lines();
    let of = |port: &str| links.iter().find(|line| line.contains(&format!("from=outside to=lb/haproxy{port} "))).unwrap();
    assert!(of("").ends_with("state=up") && of(" port=8405").ends_with("state=down"), "{links:#?}");
}

#[test]
fn the_simulator_tries_each_on_its_own_port() {
    let (_, lab) = wrong();
    let observed = deployed(&lab, 1).observe();
    let health = |text: &str| observed.flows.iter().find(|flow| flow.id == id(text)).unwrap().health;
    assert_eq!((health(SITE), health("outside -> lb/haproxy:8405")), (Health::Healthy, Health::Down));
    let unplannable = sandtable::plan::desired(&lab, Catalog::embedded(), &LabId::of_file(std::path::Path::new("/lab.ron"))).unplannable;
    assert!(unplannable.iter().all(|one| one.subject != Subject::Flow(id(SITE))), "{unplannable:?}");
}

#[test]
fn a_rename_keeps_them_apart() {
    let mut lab = template("mini-cloud").unwrap().lab.clone();
    let accepted = |on: &str| Acceptance { rule: "flow-not-allowed".into(), on: on.into(), because: "a test".into(), says: None };
    lab.accepted = vec![accepted(SITE), accepted(PAGE)];
    lab.apply(&[Edit::RenameNode { from: "lb".parse().unwrap(), to: "edge".parse().unwrap() }]).unwrap();
    let names: Vec<&str> = lab.accepted.iter().map(|one| one.on.as_str()).collect();
    assert_eq!(names, ["outside -> edge/haproxy", "outside -> edge/haproxy:8404"]);
    assert_eq!(names.iter().map(|name| lab.flow_place(&id(name))).collect::<Vec<_>>(), [Some(0), Some(1)]);
}

/// What an acceptance of the finding on the second flow comes to, by how it names that flow.
fn accepted_as(on: &str, ports: &[Option<u16>]) -> (usize, Vec<String>) {
    let (_, mut lab) = wrong();
    let flow = lab.flows.remove(1);
    lab.flows.remove(0);
    lab.flows.extend(ports.iter().map(|port| Flow { port: *port, ..flow.clone() }));
    lab.accepted.retain(|acceptance| acceptance.rule != "flow-misses-bind-address");
    lab.accepted.push(Acceptance { rule: "flow-misses-bind-address".into(), on: on.into(), because: "a test".into(), says: None });
    let findings = check(&lab, Catalog::embedded(), &Context::default());
    let open = findings.iter().filter(|one| one.rule == "flow-misses-bind-address" && one.accepted.is_none()).count();
    (open, findings.iter().filter(|one| one.rule == "unused-acceptance").map(|one| one.message.clone()).collect())
}

#[test]
fn an_acceptance_may_leave_the_port_out_where_that_is_clear() {
    let none = Vec::<String>::new();
    assert_eq!(accepted_as("outside -> lb/haproxy:8405", &[None, Some(8405)]), (0, none.clone()));
    assert_eq!(accepted_as("outside -> lb/haproxy", &[Some(8405)]), (0, none), "files from before have it so");
    let unused = |ids: &str| {
        vec![format!(
            "flow-misses-bind-address on outside -> lb/haproxy is accepted, but there is no such finding; 2 flows have these ends, name one of them: {ids}"
        )]
    };
    let (site, wrong) = ("\"outside -> lb/haproxy\"", "\"outside -> lb/haproxy:8405\"");
    assert_eq!(accepted_as("outside -> lb/haproxy", &[None, Some(8405)]), (1, unused(&format!("{site}, {wrong}"))));
    let other = "\"outside -> lb/haproxy:8404\"";
    assert_eq!(accepted_as("outside -> lb/haproxy", &[Some(8404), Some(8405)]), (1, unused(&format!("{other}, {wrong}"))));
}
