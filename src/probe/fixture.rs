//! A lab as if it were set up as drawn and well, for tests.

use crate::{
    catalog::Catalog,
    model::{Health, Lab, Observed, ObservedNode, ObservedService, Power},
    plan::{desired, fixture},
};

pub(crate) fn set_up(lab: &Lab) -> Observed {
    let wanted = desired(lab, Catalog::embedded(), &fixture::id());
    let mut seen = Observed::default();
    for (node, spec) in wanted.machines {
        let links_up = vec![true; spec.adapters.len()];
        let there = ObservedNode { power: Power::Running, spec: Some(spec), configured: true, links_up, ..Default::default() };
        seen.nodes.insert(node, there);
    }
    for (at, spec) in wanted.services {
        let service = ObservedService { spec: Some(spec), health: Health::Healthy, ..Default::default() };
        seen.nodes.get_mut(&at.node).unwrap().services.insert(at.service, service);
    }
    for ((vip, node), spec) in wanted.vips {
        seen.nodes.get_mut(&node).unwrap().vips.insert(vip, spec);
    }
    seen
}
