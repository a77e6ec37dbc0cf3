//! What a gateway does to what passes: lets it through, leads it elsewhere, hides its source (`assets/catalog/gateway`,
//! `assets/catalog/port-forward`).

use super::{
    INTERNET, MachineNo, Map, ServiceNo, State, Why,
    map::{Job, MachineRow},
    trail::Trail,
    walk::{Packet, Sort},
};
use std::net::{Ipv4Addr, SocketAddrV4};

impl Map {
    /// Where a port of the machine's own is led to.
    pub(super) fn led(&self, state: &impl State, row: &MachineRow, port: Option<u16>) -> Option<(ServiceNo, SocketAddrV4)> {
        let port = port?;
        row.leaders.iter().filter(|service| state.runs(**service)).find_map(|service| {
            let Job::Leads { rules } = &self.service(*service)?.job else { return None };
            rules.iter().find(|(from, _)| *from == port).map(|(_, to)| (*service, *to))
        })
    }

    /// Whether a machine lets a packet pass that is neither its own nor for it.
    pub(super) fn passes(
        &self,
        state: &impl State,
        at: MachineNo,
        row: &MachineRow,
        packet: &Packet,
        sort: Sort,
        trail: &Trail,
    ) -> Result<(), Why> {
        let knows = sort == Sort::Answer && trail.passed(at);
        if knows && trail.led.iter().any(|(machine, _)| *machine == at) {
            return Ok(());
        }
        if row.routers.is_empty() {
            return Err(Why::NotRouting(at));
        }
        // While one is stopped it drops all that passes, whatever else the node runs.
        if let Some(stopped) = row.routers.iter().find(|router| !state.runs(**router)) {
            return Err(Why::RouterStopped(*stopped));
        }
        if knows {
            return Ok(());
        }
        let source = packet.source.unwrap_or(INTERNET);
        let lets = row.routers.iter().any(|router| self.router_lets(*router, row, source, packet.to));
        match row.routers.first() {
            Some(router) if !lets => Err(Why::NotRouted(*router, source, packet.to)),
            _ => Ok(()),
        }
    }

    /// What a gateway's rules let pass (`assets/catalog/gateway/forward.nft`).
    fn router_lets(&self, router: ServiceNo, row: &MachineRow, from: Ipv4Addr, to: Ipv4Addr) -> bool {
        let Some(Job::Routes { networks, .. }) = self.service(router).map(|service| &service.job) else { return false };
        let own = |address: Ipv4Addr| networks.iter().find(|net| net.contains(&address)).copied();
        let far = |address: Ipv4Addr| row.far().find(|net| net.contains(&address));
        match (own(from), own(to), far(from), far(to)) {
            (Some(here), Some(there), ..) if here != there => true,
            (Some(_), _, _, Some(_)) | (_, Some(_), Some(_), _) => true,
            (_, _, Some(here), Some(there)) => here != there,
            (Some(_), None, ..) | (_, None, Some(_), None) => !row.drawn_subnets().any(|net| net.contains(&to)),
            _ => false,
        }
    }

    /// Whether a gateway replaces the source of what it sends to an address. It does so for every destination that its rules do not know
    /// as one of the lab: a network on which it has its address from DHCP is such a one.
    pub(super) fn masquerades(&self, row: &MachineRow, source: Ipv4Addr, to: Ipv4Addr) -> bool {
        !to.is_loopback() && !row.drawn_subnets().chain(row.far()).any(|net| net.contains(&to)) && self.hides(row, source)
    }

    /// Whether a gateway hides an address behind it (`assets/catalog/gateway/route.nft`).
    pub(super) fn hides(&self, row: &MachineRow, source: Ipv4Addr) -> bool {
        let ends_here = !row.routes.iter().any(|route| route.to.prefix_len() == 0);
        ends_here
            && row.routers.iter().filter_map(|router| self.service(*router)).any(|service| match &service.job {
                Job::Routes { networks, hides: true } => networks.iter().copied().chain(row.far()).any(|net| net.contains(&source)),
                _ => false,
            })
    }
}
