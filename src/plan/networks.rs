//! Stage: networks are there, and as drawn.

use super::{
    Action, Change,
    graph::{Doing, Draft, Point},
    sight::{Sight, because},
};
use crate::model::{NetworkSpec, Subject};

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    for (name, spec) in &sight.desired.networks {
        let doing = match sight.observed.networks.get(name) {
            None => Some((
                Action::CreateNetwork { network: name.clone(), spec: spec.clone() },
                Change::Create,
                format!("{name} is drawn and does not exist."),
            )),
            Some(there) if there.cut_off => Some((
                Action::CreateNetwork { network: name.clone(), spec: spec.clone() },
                Change::Create,
                format!("Making {name} was cut off."),
            )),
            Some(there) if there.spec != *spec => Some((
                Action::ChangeNetwork { network: name.clone(), spec: spec.clone() },
                Change::Update,
                because(name, &differences(spec, &there.spec)),
            )),
            Some(_) => None,
        };
        let doing = doing.map(|(action, change, reason)| Doing { action, change, subject: Subject::Network(name.clone()), reason });
        draft.put(Point::Wired(name.clone()), doing);
    }
}

fn differences(drawn: &NetworkSpec, there: &NetworkSpec) -> Vec<String> {
    let mut reasons = Vec::new();
    if drawn.kind != there.kind {
        reasons.push(format!("is {}, the layout says {}", there.kind.title(), drawn.kind.title()));
    }
    let subnet = |spec: &NetworkSpec| spec.subnet.map_or_else(|| "no subnet".to_owned(), |subnet| subnet.to_string());
    if drawn.subnet != there.subnet {
        reasons.push(format!("has {}, the layout says {}", subnet(there), subnet(drawn)));
    }
    let dhcp = |spec: &NetworkSpec| spec.dhcp.map_or_else(|| "no DHCP".to_owned(), |(from, to)| format!("DHCP from {from} to {to}"));
    if drawn.dhcp != there.dhcp {
        reasons.push(format!("has {}, the layout says {}", dhcp(there), dhcp(drawn)));
    }
    let interface = |spec: &NetworkSpec| spec.interface.clone().unwrap_or_else(|| "the provider's first interface".to_owned());
    if drawn.interface != there.interface {
        reasons.push(format!("is joined to {}, the layout says {}", interface(there), interface(drawn)));
    }
    reasons
}
