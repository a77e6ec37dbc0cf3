//! Promotion: a replica that takes writes from now on, and the others that follow it. It takes a moment, and is lost if the process ends
//! before it is done.

use super::{
    event::EventKind,
    table::ServiceId,
    time::{MS, Tick},
    world::{SimError, World},
};
use crate::{
    catalog::Catalog,
    model::{ServiceRef, ServiceSpec},
    plan::Promotion,
};

/// How long it takes until what has arrived is applied and writes are taken.
const PROMOTE_US: u64 = 1_000 * MS;
/// How much later the others copy from it.
const FOLLOW_US: u64 = 500 * MS;

impl World {
    /// Begins a promotion. It is done some seconds later, and is told as an event.
    ///
    /// # Errors
    /// Where the replica does not run.
    pub fn promote(&mut self, promotion: &Promotion) -> Result<(), SimError> {
        self.becomes(&promotion.at, &promotion.spec, PROMOTE_US)?;
        for (at, spec) in &promotion.followers {
            // One that does not run now copies from the old primary when it runs again.
            let _stays = self.becomes(at, spec, PROMOTE_US + FOLLOW_US);
        }
        Ok(())
    }

    fn becomes(&mut self, at: &ServiceRef, spec: &ServiceSpec, in_us: u64) -> Result<(), SimError> {
        let service = self.service_named(&at.node, &at.service)?;
        self.works(service).map_err(|cause| SimError::refused(at.to_string(), cause.text()))?;
        let row = &mut self.services[service];
        row.becomes = Some(Box::new(spec.clone()));
        let generation = row.generation;
        self.plan(in_us, Tick::Promoted(service, generation));
        Ok(())
    }

    /// A replica has its new role.
    pub(super) fn promoted(&mut self, service: ServiceId) {
        let Some(spec) = self.services[service].becomes.take() else { return };
        self.set_up(Catalog::embedded(), service, &spec);
        let name = self.services[service].name.clone();
        let text = match &spec.replica_of {
            Some(primary) => format!("{name} copies from {primary} now"),
            None => format!("{name} was promoted and takes writes"),
        };
        self.tell(self.subject(service), EventKind::Promoted, text);
    }
}
