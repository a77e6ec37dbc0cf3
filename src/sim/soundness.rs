//! Whether a world that was read from somewhere hangs together: every number in it is the number of a row.
//!
//! A world that was made by actions always does; one from a damaged file may not, and must not be run.

use super::{
    table::{ClusterId, Id, MachineId, NetworkId, RequestId, ServiceId, VipId},
    time::Tick,
    world::World,
};

impl World {
    /// Whether this world can be run. To be asked once after it was read; one that cannot is to be thrown away, because
    /// running it would panic.
    pub fn is_sound(&self) -> bool {
        self.sound_clock()
            && self.sound_machines()
            && self.sound_services()
            && self.sound_clusters()
            && self.sound_requests()
            && self.sound_owners()
            && {
                let frozen = self.machines.iter().flat_map(|(_, row)| row.frozen.iter().map(|(_, tick)| *tick));
                self.queue.ticks().chain(frozen).all(|tick| self.sound_tick(tick))
            }
    }

    /// A thousand years are more than any world has lived, and far from where sums of times overflow.
    fn sound_clock(&self) -> bool {
        const YEARS_1000_US: u64 = 1000 * 366 * 24 * 3600 * 1_000_000;
        [self.clock.now_us, self.clock.skipped_us].into_iter().all(|us| us < YEARS_1000_US)
            && self.queue.times_us().all(|us| us < 2 * YEARS_1000_US)
    }

    fn has_machine(&self, id: MachineId) -> bool {
        id.place() < self.machines.len()
    }

    fn has_network(&self, id: NetworkId) -> bool {
        id.place() < self.networks.len()
    }

    fn has_service(&self, id: ServiceId) -> bool {
        id.place() < self.services.len()
    }

    fn has_part(&self, id: VipId) -> bool {
        id.place() < self.vips.len()
    }

    fn has_cluster(&self, id: ClusterId) -> bool {
        id.place() < self.clusters.len()
    }

    fn has_request(&self, id: RequestId) -> bool {
        id.place() < self.requests.len()
    }

    fn sound_machines(&self) -> bool {
        self.machines.iter().all(|(_, row)| {
            row.cards.iter().all(|card| self.has_network(card.network)) && row.services.iter().all(|service| self.has_service(*service))
        }) && self.vips.iter().all(|(_, part)| self.has_machine(part.machine))
    }

    fn sound_services(&self) -> bool {
        self.services.iter().all(|(_, row)| self.has_machine(row.machine) && row.cluster.is_none_or(|cluster| self.has_cluster(cluster)))
    }

    fn sound_clusters(&self) -> bool {
        let all = |services: &[ServiceId]| services.iter().all(|service| self.has_service(*service));
        self.clusters.iter().all(|(_, cluster)| {
            let sound = |voter: &super::cluster::Voter| all(&[voter.service]) && all(&voter.members) && all(&voter.last_primary);
            all(&cluster.members) && cluster.voters.iter().all(sound)
        }) && self.mesh.pairs.iter().all(|pair| all(&[pair.one, pair.other]))
    }

    fn sound_requests(&self) -> bool {
        self.requests.iter().all(|(_, request)| {
            let frames = request.frames.iter().map(|frame| frame.service);
            frames.chain(request.data).chain(request.app).all(|service| self.has_service(service))
        }) && self.load.is_sound(|machine| self.has_machine(machine), |request| self.has_request(request))
    }

    fn sound_owners(&self) -> bool {
        self.owners.is_sound(|machine| self.has_machine(machine))
    }

    fn sound_tick(&self, tick: Tick) -> bool {
        match tick {
            Tick::Booted(machine, _) | Tick::PoweredOff(machine, _) | Tick::Probe(machine) => self.has_machine(machine),
            Tick::Ready(service, _)
            | Tick::Revive(service, _)
            | Tick::StartAgain(service, _)
            | Tick::Transferred(service, _)
            | Tick::Promoted(service, _)
            | Tick::Check(service, ..) => self.has_service(service),
            Tick::Advertise(vip, _) | Tick::MasterDown(vip, _) | Tick::TrackScript(vip, _) | Tick::Heard { at: vip, .. } => {
                self.has_part(vip)
            }
            Tick::Membership(cluster) | Tick::RecoverIfStopped(cluster) => self.has_cluster(cluster),
            Tick::Resume(request, _) => self.has_request(request),
            Tick::ProbeFlows | Tick::Mesh | Tick::Arrival(_) | Tick::TimeIsUp(_) => true,
        }
    }
}
