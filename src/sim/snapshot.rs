//! Snapshots of machines: what was installed comes back as it was; what services knew (their place in a cluster's data) is learnt
//! anew from the others, as a real member does that finds itself behind.

use super::{
    event::EventKind,
    machine::Kept,
    time::MS,
    world::{SimError, World},
};
use crate::{
    catalog::Catalog,
    model::{NodeName, Power, Subject},
};

/// Taking, going back to or forgetting one.
const SNAPSHOT_US: u64 = 150 * MS;

impl World {
    pub(super) fn take_snapshot(&mut self, node: &NodeName, snapshot: &str) -> Result<Option<u64>, SimError> {
        let id = self.machine_named(node)?;
        let row = &self.machines[id];
        let Some(spec) = row.spec.clone() else { return Err(SimError::unknown("machine", node.as_str())) };
        if row.snapshots.iter().any(|kept| kept.name == snapshot) {
            return Ok(None);
        }
        let installed = row.services.iter().map(|service| &self.services[*service]);
        let services = installed.filter_map(|service| Some((service.name.clone(), service.spec.clone()?, service.enabled))).collect();
        let parts = self.vips_on(id).into_iter().map(|vip| &self.vips[vip]);
        let vips = parts.filter_map(|part| Some((part.name.clone(), part.spec.clone()?))).collect();
        let addresses = row.cards.iter().map(|card| card.address).collect();
        let kept = Kept { name: snapshot.to_owned(), spec, configured: row.configured, addresses, services, vips };
        self.machines[id].snapshots.push(kept);
        Ok(Some(SNAPSHOT_US))
    }

    pub(super) fn restore_snapshot(&mut self, catalog: &Catalog, node: &NodeName, snapshot: &str) -> Result<Option<u64>, SimError> {
        let id = self.machine_named(node)?;
        let row = &self.machines[id];
        let Some(kept) = row.snapshots.iter().find(|kept| kept.name == snapshot).cloned() else {
            let names: Vec<&str> = row.snapshots.iter().map(|kept| kept.name.as_str()).collect();
            let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(SimError::refused(node.as_str(), format!("it has no snapshot {snapshot}; it has {has}")));
        };
        // A network that was removed since is told before anything is lost.
        let mut cards = self.cards(&kept.spec)?;
        for (card, address) in cards.iter_mut().zip(&kept.addresses) {
            card.address = *address;
        }
        if self.machines[id].power != Power::Stopped {
            self.pull_plug(id);
        }
        for service in self.machines[id].services.clone() {
            if self.services[service].spec.is_some() {
                self.forget_service(service);
            }
        }
        let parts: Vec<_> = self.vips.iter().filter(|(_, part)| part.machine == id).map(|(vip, _)| vip).collect();
        for vip in parts {
            let name = self.vips[vip].name.clone();
            self.vips[vip].spec = kept.vips.iter().find(|(kept, _)| *kept == name).map(|(_, spec)| spec.clone());
        }
        let row = &mut self.machines[id];
        row.spec = Some(kept.spec);
        row.configured = kept.configured;
        row.cards = cards;
        for (name, spec, enabled) in kept.services {
            let service = self.service_row(id, &name);
            self.set_up(catalog, service, &spec);
            self.services[service].enabled = enabled;
        }
        self.update_owner(id);
        self.update_holders();
        self.apply_link_faults();
        self.forget_void_faults();
        self.tell(Subject::Node(node.clone()), EventKind::Machine, format!("went back to {snapshot}"));
        Ok(Some(SNAPSHOT_US))
    }

    pub(super) fn delete_snapshot(&mut self, node: &NodeName, snapshot: &str) -> Result<Option<u64>, SimError> {
        let id = self.machine_named(node)?;
        let row = &mut self.machines[id];
        let before = row.snapshots.len();
        row.snapshots.retain(|kept| kept.name != snapshot);
        Ok((row.snapshots.len() < before).then_some(SNAPSHOT_US))
    }
}
