//! Whether what is to be made can be made here, asked before the first change: an image for each node, and free host ports.

use super::{IncusMachines, answers::Alias};
use crate::{
    model::{Forward, MachineSpec},
    provider::{ProviderError, Retry, machines::Machines as _},
};
use std::{
    collections::BTreeSet,
    io::ErrorKind,
    net::{SocketAddrV4, TcpListener},
};

const WHAT: &str = "check what the new machines need";

impl IncusMachines {
    pub(super) async fn check_capacity(&self, specs: &[&MachineSpec]) -> Result<(), ProviderError> {
        if specs.is_empty() {
            return Ok(());
        }
        let aliases: Vec<Alias> = self.api.read("/1.0/images/aliases?recursion=1").await.map_err(|error| error.explain(WHAT, None))?;
        for spec in specs {
            self.image_of(spec, &aliases).map_err(|(why, next)| refused(why, next))?;
        }
        // A remote daemon listens on its own machine's ports, which nobody here can try.
        if self.name.contains(':') {
            return Ok(());
        }
        let below = self.look().await?;
        let mut own = BTreeSet::new();
        for machine in below.machines.values() {
            own.extend(machine.spec.iter().flat_map(sockets));
        }
        match specs.iter().flat_map(|spec| sockets(spec)).find(|at| !own.contains(at) && is_taken(*at)) {
            None => Ok(()),
            Some(at) => Err(refused(
                format!("port {} of this machine ({}) is to be forwarded, and another program listens there", at.port(), at.ip()),
                format!("Draw another host port, or stop what listens there: ss -tlnp 'sport = :{}'", at.port()),
            )),
        }
    }
}

fn sockets(spec: &MachineSpec) -> impl Iterator<Item = SocketAddrV4> {
    spec.adapters.iter().flat_map(|adapter| &adapter.forwards).map(|Forward { host, address, .. }| SocketAddrV4::new(*address, *host))
}

/// Whether somebody listens there; what cannot be tried counts as free.
fn is_taken(at: SocketAddrV4) -> bool {
    TcpListener::bind(at).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

fn refused(why: String, next: String) -> ProviderError {
    ProviderError { what: WHAT.to_owned(), node: None, why, next, retry: Retry::Useless }
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
