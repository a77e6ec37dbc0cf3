//! Whether what is to be made can be made here, asked before the first change: an image for each node, and free host ports.

use super::{IncusMachines, answers::Alias};
use crate::{
    model::{Forward, MachineSpec},
    provider::{ProviderError, doctor::Check, machines::Machines as _, preflight::Needs},
};
use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::{SocketAddrV4, TcpListener},
};

const WHAT: &str = "check what the new machines need";

impl IncusMachines {
    /// What is missing for the machines that a plan makes and starts.
    pub(super) async fn check_capacity(&self, needs: &Needs) -> Result<Vec<Check>, ProviderError> {
        let new = needs.machines.iter().filter(|(node, _)| needs.cloned.contains(*node) && needs.started.contains(*node));
        let specs: Vec<&MachineSpec> = new.map(|(_, spec)| spec).collect();
        if specs.is_empty() {
            return Ok(Vec::new());
        }
        let mut missing: Vec<Check> = Vec::new();
        let aliases: Vec<Alias> = self.api.read("/1.0/images/aliases?recursion=1").await.map_err(|error| error.explain(WHAT, None))?;
        for (why, next) in specs.iter().filter_map(|spec| self.image_of(spec, &aliases).err()) {
            let check = Check::bad("image", why, next);
            // Nodes of one image lack the same one.
            if !missing.contains(&check) {
                missing.push(check);
            }
        }
        // A remote daemon listens on its own machine's ports, which nobody here can try.
        if self.name.contains(':') {
            return Ok(missing);
        }
        let below = self.look().await?;
        let mut own = BTreeSet::new();
        for machine in below.machines.values() {
            own.extend(machine.spec.iter().flat_map(sockets));
        }
        for at in specs.iter().flat_map(|spec| sockets(spec)).filter(|at| !own.contains(at) && is_taken(*at)) {
            let found = format!("port {} of this machine ({}) is to be forwarded, and another program listens there", at.port(), at.ip());
            let next = format!("Draw another host port, or stop what listens there: ss -tlnp 'sport = :{}'", at.port());
            missing.push(Check::bad("port", found, next));
        }
        Ok(missing)
    }
}

fn sockets(spec: &MachineSpec) -> impl Iterator<Item = SocketAddrV4> {
    spec.adapters.iter().flat_map(|adapter| &adapter.forwards).map(|Forward { host, address, .. }| SocketAddrV4::new(*address, *host))
}

/// Whether somebody listens there; what cannot be tried counts as free.
fn is_taken(at: SocketAddrV4) -> bool {
    TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_while_somebody_listens_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let std::net::SocketAddr::V4(at) = listener.local_addr().unwrap() else { panic!() };
        assert!(is_taken(at));
        drop(listener);
        assert!(!is_taken(at));
    }
}
