//! The rules about flows agree with `reach`: a flow without a finding gets to the service that it names, and one that does not get there
//! has a finding. The rules ask `reach` with a part of the lab, and for some flows not at all; here it is asked with all of it.

use super::random_labs::{random_lab, wide_lab};
use sandtable::{
    catalog::Catalog,
    model::{Endpoint, Flow, Health, Lab, NetworkKind, NodeName, Service, ServiceRef, Subject, Value},
    plan::{LabId, desired, plan},
    reach::{AsDesigned, Design, Explained, NetworkNo, Question, Specs, Target, explain},
    rules::{Context, Finding, check},
    sim::World,
    testing::Seeded,
};

/// The rules that say that a flow does not get there.
const RULES: [&str; 4] = ["no-path-for-flow", "no-route-between-sites", "flow-misses-bind-address", "flow-not-allowed"];
/// The rule that says it of the host's forward by which a flow from outside comes.
const FORWARD: &str = "forward-to-closed-port";
/// Random labs of each sort that are asked about.
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
    // What a port forward leads on is answered by the service that it leads to.
    let leads = |service: &str| answer.hops.iter().any(|hop| hop.step == "leads" && hop.service.as_deref() == Some(service));
    let is_led = || matches!(&flow.to, Endpoint::Service(at) if leads(&at.to_string()));
    answer.reaches && (answer.service.as_deref().is_none_or(is_named) || is_led())
}

/// Whether a caller over a bridged network is kept out because `reach` takes it for the host. It may have another address, so that a list
/// which names a subnet beyond the lab is left alone.
fn may_have_another_address(lab: &Lab, answer: &Explained) -> bool {
    let is_bridged = |name: &String| lab.networks[name.as_str()].kind == NetworkKind::Bridged;
    answer.why.as_ref().is_some_and(|why| why.code == "not-allowed")
        && answer.enters_by.as_ref().is_some_and(is_bridged)
        && answer.hops.iter().all(|hop| hop.step != "hides")
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
    compare(random_lab);
}

#[test]
fn nor_in_labs_with_tunnels_leases_and_allow_lists() {
    compare(wide_lab);
}

/// A random lab in which nodes have clocks, whose main port is closed to others until a setting opens it, and flows lead there without a
/// port.
fn lab_with_clocks(seed: u64) -> Lab {
    let mut lab = random_lab(seed);
    let mut r = Seeded::new(seed);
    let names: Vec<NodeName> = lab.nodes.keys().cloned().collect();
    for name in &names {
        let mut clock = Service::new("chrony".parse().unwrap());
        if r.chance(50) {
            clock.settings.insert("server".to_owned(), Value::Bool(true));
        }
        lab.nodes[name].services.insert("clock".parse().unwrap(), clock);
        let from = &names[r.below(names.len())];
        lab.flows.push(Flow::new(Endpoint::Node(from.clone()), format!("{name}/clock").parse().unwrap()));
    }
    lab
}

#[test]
fn nor_where_a_main_port_is_closed_until_a_setting_opens_it() {
    compare(lab_with_clocks);
}

/// Of the layouts that are shipped or that render all recipes: a flow of which no rule says anything is answered by `reach`, and in the
/// simulator once the lab is deployed.
#[test]
fn what_no_rule_reports_is_answered_in_the_simulator_too() {
    let catalog = Catalog::embedded();
    let mut answered = 0;
    for folder in ["layouts", "tests/recipes"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for file in std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|file| file.extension().is_some_and(|it| it == "ron"))
        {
            let lab = sandtable::layout::read(&std::fs::read_to_string(&file).unwrap()).unwrap();
            let wanted = desired(&lab, catalog, &LabId::of_file(&file));
            let specs = wanted.specs();
            let design = Design::of(specs, catalog);
            let mut world = World::new(1);
            for step in &plan(&lab, catalog, &wanted, &world.observe()).steps {
                world.perform(&step.action, 120_000).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            }
            world.watch(&lab.flows);
            world.run_for(30_000);
            let findings = check(&lab, catalog, &Context::default());
            for (flow, fares) in lab.flows.iter().zip(&world.observe().flows) {
                if !said(&findings, flow).is_empty() || flow.optional {
                    continue;
                }
                let answers = answers(&lab, &design, specs, flow);
                assert!(answers.iter().all(|answer| answer.reaches), "{}: {flow}: {answers:?}", file.display());
                assert_eq!(fares.health, Health::Healthy, "{}: {flow}: {}", file.display(), fares.reason);
                answered += 1;
            }
        }
    }
    assert!(answered > 40, "{answered}");
}

fn compare(make: fn(u64) -> Lab) {
    let catalog = Catalog::embedded();
    let (mut asked, mut reached, mut differ) = (0_u32, 0_u32, Vec::new());
    for seed in 0..LABS {
        let lab = make(seed);
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
            // A service that cannot be planned is reported at the flow because of which it cannot.
            let is_planned = |node: &String| {
                let services = lab.services().filter(|(name, ..)| name.as_str() == node);
                services
                    .into_iter()
                    .all(|(node, service, _)| wanted.services.contains_key(&ServiceRef { node: node.clone(), service: service.clone() }))
            };
            let mut fails_at = answers.iter().filter_map(|answer| answer.why.as_ref()?.node.as_ref());
            if fails_at.any(|node| flow.to.node().is_none_or(|to| to.as_str() != node) && !is_planned(node)) {
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
            if !agrees && !answers.iter().any(|answer| may_have_another_address(&lab, answer)) {
                let why = answers.iter().find_map(|answer| answer.why.as_ref()).map(|why| &why.message);
                differ.push(format!("seed {seed}: {flow}: {why:?} {cannot_be:?}; rules: {said:?}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {asked}:\n{}", differ.len(), differ.join("\n"));
    assert!(reached * 10 > asked && reached * 10 < asked * 9, "{reached} of {asked}");
}
