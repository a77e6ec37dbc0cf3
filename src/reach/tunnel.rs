//! Tunnels, as `assets/catalog/wireguard` sets them up: what they carry, and whether both ends hear each other.

use super::{
    MachineNo, Map, ServiceNo, State, Why,
    map::{Job, MachineRow, PeerRow},
    route::Way,
    trail::Trail,
    walk::{Arrival, Packet, Sort},
};
use crate::model::Ipv4Net;
use std::net::{Ipv4Addr, SocketAddrV4};

/// What is meant for a peer: its own address, the networks behind it, and the routes that lead to it (routes.sh).
pub(super) fn carried<'a>(row: &'a MachineRow, peer: &'a PeerRow) -> impl Iterator<Item = Ipv4Net> + 'a {
    let routes = row.routes.iter().filter(|route| route.through == *peer.address.ip()).map(|route| route.to);
    std::iter::once(Ipv4Net::from(*peer.address.ip())).chain(peer.behind.iter().copied()).chain(routes)
}

impl Map {
    /// Sends a packet through a tunnel: the machine at its far end, and the source that a packet of this machine gets.
    ///
    /// The tunnel fails closed: while it is stopped its routes end in an unreachable one, and nothing goes out in clear.
    #[expect(clippy::too_many_arguments, reason = "a packet, where it is, and what it leaves behind")]
    pub(super) fn through(
        &self,
        state: &impl State,
        at: MachineNo,
        tunnel: ServiceNo,
        peer: usize,
        packet: &mut Packet,
        hides: bool,
        trail: &mut Trail,
    ) -> Result<(MachineNo, Ipv4Addr), Why> {
        if !state.runs(tunnel) {
            return Err(Why::TunnelStopped(tunnel));
        }
        let Some(Job::Tunnels { at: own, peers, .. }) = self.service(tunnel).map(|row| &row.job) else { return Err(Why::NoPeer(tunnel)) };
        let Some(peer) = peers.get(peer) else { return Err(Why::NoPeer(tunnel)) };
        let far = self.tunnel(&peer.at).ok_or(Why::NoPeer(tunnel))?;
        let Some((there, Job::Tunnels { peers, port, .. })) = self.service(far).map(|row| (row.machine, &row.job)) else {
            return Err(Why::NoPeer(tunnel));
        };
        if !state.is_on(there) {
            return Err(Why::MachineOff(there));
        }
        let back = peers.iter().find(|known| known.at == *own).filter(|_| state.runs(far)).ok_or(Why::NoPeer(tunnel))?;
        // A fault that drops what is sent to an end's port leaves it without an answer, whichever end began.
        for end in [tunnel, far] {
            if state.blocks(end) {
                return Err(Why::Blocked(end));
            }
        }
        // What is wrapped goes the open way, there and back; a firewall takes it if either end may begin.
        let mut outer = Packet { source: None, to: *peer.address.ip(), port: None };
        let mut answer = Packet { source: None, to: *back.address.ip(), port: None };
        let mut behind = Trail::default();
        if self.walk(state, at, None, &mut outer, Sort::Wrapped, &mut behind)? != Arrival::Machine(there) {
            return Err(Why::NoPeer(tunnel));
        }
        let crossed = behind.clone();
        if self.walk(state, there, None, &mut answer, Sort::Wrapped, &mut behind)? != Arrival::Machine(at) {
            return Err(Why::NoPeer(tunnel));
        }
        let takes = |machine, number, from: Packet| {
            let address = SocketAddrV4::new(from.to, number);
            self.admits(state, machine, from.source, address)
        };
        takes(there, *port, outer).or_else(|why| takes(at, back.address.port(), answer).map_err(|_| why))?;
        trail.cross_all(&crossed);
        trail.dropped = trail.dropped.or(behind.dropped);
        let ours = outer.source.unwrap_or(*back.address.ip());
        let (Some(near), Some(row)) = (self.machine(at), self.machine(there)) else { return Err(Why::MachineOff(there)) };
        // The tunnel's interface has no address, so masquerading takes the machine's first one.
        let ours = if hides { super::walk::first_address(near).unwrap_or(ours) } else { ours };
        if hides {
            packet.source = Some(ours);
        }
        let source = *packet.source.get_or_insert(ours);
        if !carried(row, back).any(|net| net.contains(&source)) {
            return Err(Why::NotFromThere(far, source));
        }
        // The tunnel's interface has no address, and there the kernel checks the way back strictly even where it is set to be loose
        // (`rp_filter` = 2; `no_addr` in net/ipv4/fib_frontend.c).
        if !matches!(self.decide(row, source, Sort::First), Some(Way::Tunnel(service, _)) if service == far) {
            return Err(Why::OtherWayBack(far, source));
        }
        Ok((there, ours))
    }
}
