//! What the target's machine does with a packet: its firewall first, then whoever listens.

use super::{MachineNo, Map, ServiceNo, State, Why};
use std::net::{Ipv4Addr, SocketAddrV4};

impl Map {
    /// Who takes a connection at a machine. `from` is its source, where it does not come from the machine itself; inside that, `None`
    /// for a source that nobody knows.
    pub(super) fn deliver(
        &self,
        state: &impl State,
        machine: MachineNo,
        from: Option<Option<Ipv4Addr>>,
        at: SocketAddrV4,
    ) -> Result<ServiceNo, Why> {
        if let Some(source) = from {
            self.admits(state, machine, source, at)?;
        }
        let Some(row) = self.machine(machine) else { return Err(Why::MachineOff(machine)) };
        let bound = |listen: &SocketAddrV4| listen.port() == at.port() && (listen.ip().is_unspecified() || listen.ip() == at.ip());
        let mut there = row.services.iter().copied().filter(|service| self.listening(*service).iter().any(bound)).peekable();
        let stopped = there.peek().copied();
        match there.find(|service| state.runs(*service)) {
            Some(service) => Ok(service),
            None => Err(stopped.map_or(Why::NothingListens(machine, at), Why::Stopped)),
        }
    }

    /// Whether a machine's firewall lets a source in. A source that nobody knows comes from outside: it needs to be open to all.
    pub(super) fn admits(&self, state: &impl State, machine: MachineNo, source: Option<Ipv4Addr>, at: SocketAddrV4) -> Result<(), Why> {
        let Some(row) = self.machine(machine) else { return Err(Why::MachineOff(machine)) };
        let (mut shut, mut admitted) = (None, !row.is_filtered);
        for service in &row.services {
            let Some(known) = self.service(*service) else { continue };
            let opens =
                known.openings.iter().any(|open| open.port == at.port() && open.at.as_ref().is_none_or(|all| all.contains(at.ip())));
            if !opens {
                continue;
            }
            if state.blocks(*service) {
                return Err(Why::Blocked(*service));
            }
            let allows = known
                .allow
                .as_ref()
                .is_none_or(|nets| nets.iter().any(|net| net.prefix_len() == 0 || source.is_some_and(|source| net.contains(&source))));
            if allows {
                admitted = true;
            } else if shut.is_none() {
                shut = Some(*service);
            }
        }
        if admitted {
            return Ok(());
        }
        Err(shut.map_or(Why::Filtered(machine, at.port()), |service| Why::NotAllowed(service, source)))
    }
}
