//! Checking a lab of 10,000 nodes: whole (aim: 20 ms), and again after one edit (aim: 1 ms).

use criterion::Criterion;
use sandtable::catalog::Catalog;
use sandtable::model::{Adapter, Bind, Edit, Lab, ListEdit, Network, Purpose, Service};
use sandtable::rules::{Checker, Context};
use sandtable::testing::large_lab;
use std::{hint::black_box, time::Duration};

/// Two steps that undo each other, so that each turn of the bench makes one and looks again.
fn steps(lab: &Lab, edit: Edit) -> [Vec<Edit>; 2] {
    let mut other = lab.clone();
    let there = vec![edit];
    let back = other.apply(&there).map(|applied| applied.inverse).unwrap_or_else(|error| panic!("{error}"));
    [there, back]
}

fn edits(lab: &Lab) -> Vec<(&'static str, Edit)> {
    let (node_name, node) = lab.nodes.get_index(lab.nodes.len() / 2 + 7).expect("a node");
    let (service_name, service) = node.services.first().expect("a service");
    let adapter = node.adapters.first().expect("an adapter").clone();
    let (network_name, network) = lab.networks.get_index(lab.networks.len() / 2).expect("a network");
    let loopback = Service { bind: Bind::Loopback, ..service.clone() };
    let flow = lab.flows.get(lab.flows.len() / 2).expect("a flow").clone();
    vec![
        (
            "an adapter's address",
            Edit::Adapter { node: node_name.clone(), slot: 0, change: ListEdit::Replace(Adapter { address: None, ..adapter }) },
        ),
        (
            "a service's bind address",
            Edit::Service { node: node_name.clone(), name: service_name.clone(), at: None, to: Some(Box::new(loopback)) },
        ),
        ("a flow more", Edit::Flow { index: lab.flows.len() / 2, change: ListEdit::Insert(flow) }),
        (
            "a network's purpose",
            Edit::Network { name: network_name.clone(), at: None, to: Some(Network { purpose: Purpose::Storage, ..network.clone() }) },
        ),
    ]
}

/// Measures it.
pub fn rules(c: &mut Criterion) {
    let lab = large_lab(10_000);
    let (catalog, context) = (Catalog::embedded(), Context::default());
    let mut group = c.benchmark_group("check of 10,000 nodes");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.bench_function("whole", |b| b.iter(|| sandtable::rules::check(black_box(&lab), catalog, &context).len()));
    for (what, edit) in edits(&lab) {
        let steps = steps(&lab, edit);
        let mut turned = lab.clone();
        let mut checker = Checker::new(&lab, catalog, &context);
        let mut turn = 0;
        group.bench_function(format!("after {what}"), |b| {
            b.iter(|| {
                let applied = turned.apply(&steps[turn % 2]).unwrap_or_else(|error| panic!("{error}"));
                turn += 1;
                checker.update(&turned, catalog, &applied.touched);
                checker.findings().len()
            });
        });
    }
    group.finish();
}
