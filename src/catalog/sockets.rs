//! Which sockets a service really has, as its recipe sets it up: what its node's firewall opens, and where it listens.

use super::{Entry, Port, Secrecy};
use crate::model::{ServiceSpec, Value};
use std::net::{Ipv4Addr, SocketAddrV4};

impl Entry {
    /// The ports that a service opens to others: none that a setting keeps closed, none that is only for TLS where TLS is off.
    pub fn opened<'a>(&'a self, spec: &'a ServiceSpec) -> impl Iterator<Item = (&'a Port, &'a [SocketAddrV4])> {
        let open =
            self.ports.iter().filter(|port| self.has_socket(spec, port) && port.opened_by.as_deref().is_none_or(|name| is_on(spec, name)));
        open.filter_map(|port| Some((port, spec.listen.get(&port.name)?.as_slice())))
    }

    /// Where a service listens. A port that a setting keeps closed is open to its own node alone, on 127.0.0.1; one that is only for
    /// TLS has no socket where TLS is off.
    pub fn listening<'a>(&'a self, spec: &'a ServiceSpec) -> impl Iterator<Item = (&'a Port, SocketAddrV4)> {
        let ports = self.ports.iter().filter(|port| self.has_socket(spec, port));
        ports.flat_map(|port| {
            let is_open = port.opened_by.as_deref().is_none_or(|name| is_on(spec, name));
            let all = spec.listen.get(&port.name).map(Vec::as_slice).unwrap_or_default();
            // A service that is on several addresses has one socket on the loopback.
            let most = if is_open { all.len() } else { 1 };
            all.iter().take(most).map(move |at| (port, if is_open { *at } else { SocketAddrV4::new(Ipv4Addr::LOCALHOST, at.port()) }))
        })
    }

    /// Whether clients of a port see the service's certificate.
    pub fn shows_certificate(&self, spec: &ServiceSpec, port: &Port) -> bool {
        match port.secrecy {
            Secrecy::Clear => false,
            Secrecy::Optional => is_on(spec, "tls"),
            Secrecy::Encrypted => true,
        }
    }

    fn has_socket(&self, spec: &ServiceSpec, port: &Port) -> bool {
        port.secrecy != Secrecy::Encrypted || self.setting("tls").is_none() || is_on(spec, "tls")
    }
}

pub(super) fn is_on(spec: &ServiceSpec, name: &str) -> bool {
    matches!(spec.settings.get(name), Some(Value::Bool(true)))
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::Catalog,
        model::{ServiceSpec, Value},
    };

    fn sockets(kind: &str, on: &[&str]) -> (Vec<String>, Vec<String>) {
        let entry = Catalog::embedded().get(kind).unwrap();
        let listen = entry.ports.iter().map(|port| (port.name.clone(), vec![format!("10.0.0.1:{}", port.port).parse().unwrap()]));
        let settings = on.iter().map(|name| ((*name).to_owned(), Value::Bool(true))).collect();
        let spec = ServiceSpec { listen: listen.collect(), settings, ..crate::testing::service(kind) };
        let opened = entry.opened(&spec).flat_map(|(_, all)| all).map(ToString::to_string).collect();
        (opened, entry.listening(&spec).map(|(_, at)| at.to_string()).collect())
    }

    #[test]
    fn a_port_that_a_setting_keeps_closed_is_on_the_loopback() {
        let (opened, listening) = sockets("varnish", &[]);
        assert!(
            listening.contains(&"127.0.0.1:6082".to_owned()) && !opened.iter().any(|at| at.ends_with(":6082")),
            "{opened:?} {listening:?}"
        );
        let (opened, listening) = sockets("varnish", &["admin_public"]);
        assert!(
            listening.contains(&"10.0.0.1:6082".to_owned()) && opened.contains(&"10.0.0.1:6082".to_owned()),
            "{opened:?} {listening:?}"
        );
    }

    #[test]
    fn a_port_for_tls_has_no_socket_without_it() {
        assert_eq!(sockets("nginx", &[]).1, ["10.0.0.1:80"]);
        assert!(sockets("nginx", &["tls"]).1.contains(&"10.0.0.1:443".to_owned()));
        assert_eq!(sockets("sshd", &[]).0, ["10.0.0.1:22"], "it is always encrypted, and no setting turns that off");
    }
}
