//! The rules about flows agree with `reach`: a flow without a finding gets to the service that it names, and one that does not get there
//! has a finding. Asked of labs with static addresses and without tunnels and allow lists (`random_lab`); in those of `wide_lab` they
//! still differ.

use super::random_labs::random_lab;
use sandtable::{
    catalog::{Behaviour, Catalog},
    model::{Endpoint, Flow, Lab, NodeName, Purpose, Subject},
    plan::{LabId, desired},
    reach::{AsDesigned, Design, Explained, NetworkNo, Question, Specs, Target, explain},
    rules::{Context, Finding, check},
};
use std::net::SocketAddr;

/// The rules that say that a flow does not get there.
const RULES: [&str; 4] = ["no-path-for-flow", "no-route-between-sites", "flow-misses-bind-address", "flow-not-allowed"];
/// The rule that says it of the host's forward by which a flow from outside comes.
const FORWARD: &str = "forward-to-closed-port";
/// Random labs that are asked about.
const LABS: u64 = 400;

/// What `reach` says of a flow: to a VIP once for each node that may hold it.
fn answers(lab: &Lab, design: &Design<'_>, specs: Specs<'_>, flow: &Flow) -> Vec<Explained> {
    let question = Question { from: flow.from.clone(), to: Target::Endpoint(flow.to.clone()), port: flow.port };
    let states = match &flow.to {
        Endpoint::Vip(name) => {
            let vip = &lab.vips[name];
            let network = NetworkNo::at(specs.networks.get_index_of(&vip.network).unwrap());
            let held_by = |node: &NodeName| vec![(design.machine(node).unwrap(), network)];
            vip.holders.iter().map(|holder| AsDesigned { holders: [(vip.address, held_by(&holder.node))].into() }).collect()
        }
        _ => vec![design.state.clone()],
    };
    states.iter().filter_map(|state| explain(design, state, &question).ok()).collect()
}

/// Whether the service that a flow names answers; without one, whether anything does.
fn gets_there(lab: &Lab, flow: &Flow, answer: &Explained) -> bool {
    let is_named = |service: &str| match &flow.to {
        Endpoint::Service(at) => at.to_string() == service,
        Endpoint::Vip(vip) => lab.vips[vip].follows.as_ref().is_none_or(|follows| service.ends_with(&format!("/{follows}"))),
        Endpoint::Node(_) | Endpoint::Outside => true,
    };
    // What a gateway leads on comes to a service as well.
    answer.reaches && answer.service.as_deref().is_none_or(is_named)
}

/// A router takes packets for its address on the management network that come by somebody's default route. No rule counts on it.
fn is_router_in_passing(lab: &Lab, flow: &Flow, answer: &Explained) -> bool {
    let node = match &flow.to {
        Endpoint::Service(at) => &at.node,
        Endpoint::Node(node) => node,
        Endpoint::Vip(vip) => &lab.vips[vip].holders[0].node,
        Endpoint::Outside => return false,
    };
    let routes = lab.nodes[node].services.values().any(|service| Catalog::embedded().behaviour(service) == Some(Behaviour::Router));
    let called = answer.address.as_ref().and_then(|at| at.parse::<SocketAddr>().ok());
    let is_managed = |at: SocketAddr| {
        let managed = lab.networks.values().filter(|network| network.purpose == Purpose::Management);
        managed.filter_map(|network| network.subnet).any(|subnet| matches!(at, SocketAddr::V4(at) if subnet.contains(at.ip())))
    };
    routes && called.is_some_and(is_managed)
}

fn said<'a>(findings: &'a [std::sync::Arc<Finding>], flow: &Flow) -> Vec<&'a str> {
    let node = flow.to.node();
    let is_about = |one: &Finding| match &one.subject {
        Subject::Adapter(at, ..) => one.rule == FORWARD && flow.from == Endpoint::Outside && node == Some(at),
        subject => RULES.contains(&one.rule) && *subject == Subject::flow(flow),
    };
    findings.iter().filter(|one| is_about(one)).map(|one| one.message.as_str()).collect()
}

#[test]
fn a_flow_without_a_finding_gets_there_and_no_other() {
    let catalog = Catalog::embedded();
    let (mut asked, mut reached, mut differ) = (0_u32, 0_u32, Vec::new());
    for seed in 0..LABS {
        let lab = random_lab(seed);
        let wanted = desired(&lab, catalog, &LabId::of_file(std::path::Path::new("/labs/random.ron")));
        let specs = wanted.specs();
        let design = Design::of(specs, catalog);
        let findings = check(&lab, catalog, &Context::default());
        for flow in &lab.flows {
            let answers = answers(&lab, &design, specs, flow);
            // A question without a port has no answer from outside.
            if answers.is_empty() || answers.iter().any(|answer| answer.why.as_ref().is_some_and(|why| why.code == "no-port")) {
                continue;
            }
            let cannot_be = wanted.unplannable.iter().find(|one| one.subject == Subject::flow(flow)).map(|one| &one.why);
            let reaches = cannot_be.is_none() && answers.iter().all(|answer| gets_there(&lab, flow, answer));
            let said = said(&findings, flow);
            asked += 1;
            reached += u32::from(reaches);
            // The forward may be of another port than the flow's.
            let is_forward_only = said.iter().all(|message| message.starts_with("host port"));
            let agrees = if reaches { said.is_empty() || is_forward_only } else { !said.is_empty() };
            if !agrees && !answers.iter().any(|answer| is_router_in_passing(&lab, flow, answer)) {
                let why = answers.iter().find_map(|answer| answer.why.as_ref()).map(|why| &why.message);
                differ.push(format!("seed {seed}: {flow}: {why:?} {cannot_be:?}; rules: {said:?}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {asked}:\n{}", differ.len(), differ.join("\n"));
    assert!(reached * 10 > asked && reached * 10 < asked * 9, "{reached} of {asked}");
}
