//! A session: connected, its host's key checked, logged in. Blocks; only for threads of [`super::lane`] and [`super::tunnel`].

use super::{Host, HostKey, HostKeys, LoginKey, SshError, tunnel};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use ssh2::{BlockDirections, MethodType, Session};
use std::{
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

/// What a session talks through: a connection of the system's, or one end of a tunnel's.
#[cfg(unix)]
pub(super) type Socket = std::os::fd::OwnedFd;
/// What a session talks through: a connection of the system's, or one end of a tunnel's.
#[cfg(windows)]
pub(super) type Socket = std::os::windows::io::OwnedSocket;

/// A session, and its socket to wait for.
pub(super) struct Connection {
    pub(super) session: Session,
    pub(super) seen: HostKey,
    socket: Socket,
}

/// How often a connection says that it is alive, in seconds.
pub(super) const KEEPALIVE_SECS: u32 = 15;

/// Connects and logs in.
pub(super) fn connect(host: &Host) -> Result<Connection, SshError> {
    let at = format!("{}:{}", host.address, host.port);
    let unreachable = |why: String| SshError::Unreachable { host: host.name.clone(), at: at.clone(), why };
    let socket = match &host.through {
        Some(jump) => tunnel::open(jump, &host.address, host.port)?,
        None => dial(&host.address, host.port, host.connect_timeout).map_err(|error| unreachable(error.to_string()))?.into(),
    };
    let waits = socket.try_clone().map_err(|error| unreachable(error.to_string()))?;
    let mut session = Session::new().map_err(|error| unreachable(error.to_string()))?;
    session.set_timeout(u32::try_from(host.connect_timeout.as_millis()).unwrap_or(u32::MAX));
    session.set_tcp_stream(socket);
    if let HostKeys::Known(keys) = &host.host_keys {
        prefer(&session, keys).map_err(|error| unreachable(error.message().to_owned()))?;
    }
    session.handshake().map_err(|error| unreachable(error.message().to_owned()))?;
    let seen = match session.host_key() {
        Some((bytes, _)) => HostKey::from_wire(bytes),
        None => return Err(unreachable("it shows no host key".into())),
    };
    if let HostKeys::Known(keys) = &host.host_keys
        && !keys.contains(&seen)
    {
        return Err(SshError::OtherKey { host: host.name.clone(), seen: seen.to_string() });
    }
    log_in(&session, host)?;
    session.set_keepalive(true, KEEPALIVE_SECS);
    Ok(Connection { session, seen, socket: waits })
}

/// A server has several keys and shows the one that the client likes best: that must be one that is known.
fn prefer(session: &Session, known: &[HostKey]) -> Result<(), ssh2::Error> {
    let supported = session.supported_algs(MethodType::HostKey)?;
    let is_known = |method: &&str| known.iter().filter_map(HostKey::kind).any(|kind| kind == family(method));
    let wanted: Vec<&str> = supported.iter().copied().filter(is_known).collect();
    if wanted.is_empty() { Ok(()) } else { session.method_pref(MethodType::HostKey, &wanted.join(",")) }
}

/// An RSA key signs with several hashes (RFC 8332) and stays `ssh-rsa`.
fn family(method: &str) -> &str {
    if method.starts_with("rsa-sha2-") { "ssh-rsa" } else { method }
}

fn log_in(session: &Session, host: &Host) -> Result<(), SshError> {
    let refused = |why: String| SshError::Refused { host: host.name.clone(), user: host.user.clone(), why };
    let result = match &host.key {
        LoginKey::Agent => session.userauth_agent(&host.user),
        LoginKey::File(path) => {
            if !path.is_file() {
                return Err(refused(format!("the key {} does not exist", path.display())));
            }
            session.userauth_pubkey_file(&host.user, None, path, None)
        }
        LoginKey::Text(text) => in_memory(session, &host.user, text),
    };
    result.map_err(|error| refused(error.message().to_owned()))
}

#[cfg(unix)]
fn in_memory(session: &Session, user: &str, text: &str) -> Result<(), ssh2::Error> {
    session.userauth_pubkey_memory(user, None, text, None)
}

/// The Windows library reads keys from files only.
#[cfg(windows)]
fn in_memory(session: &Session, user: &str, text: &str) -> Result<(), ssh2::Error> {
    let unreadable = |_| ssh2::Error::new(ssh2::ErrorCode::Session(-16), "no temporary file for the key");
    let file = tempfile::NamedTempFile::new().map_err(unreadable)?;
    std::fs::write(file.path(), text).map_err(unreadable)?;
    session.userauth_pubkey_file(user, None, file.path(), None)
}

fn dial(address: &str, port: u16, timeout: Duration) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for at in (address, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&at, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What else to wait for beside a session's socket.
pub(super) struct Beside<'a> {
    pub(super) socket: &'a Socket,
    pub(super) flags: PollFlags,
}

impl Connection {
    /// Waits until the session may go on, or something beside it happens, at most so long. Being woken for nothing is harmless.
    pub(super) fn wait(&self, beside: Option<&Beside<'_>>, at_most: Duration) {
        let own = match self.session.block_directions() {
            BlockDirections::Outbound => PollFlags::OUT,
            BlockDirections::Both => PollFlags::IN | PollFlags::OUT,
            BlockDirections::Inbound | BlockDirections::None => PollFlags::IN,
        };
        let mut sockets = vec![PollFd::new(&self.socket, own)];
        sockets.extend(beside.map(|beside| PollFd::new(beside.socket, beside.flags)));
        let nanos = i32::try_from(at_most.subsec_nanos()).unwrap_or_default();
        let timeout = Timespec { tv_sec: i64::try_from(at_most.as_secs()).unwrap_or(i64::MAX), tv_nsec: nanos.into() };
        // Interrupted is as good as woken.
        let _woken = poll(&mut sockets, Some(&timeout));
    }

    /// Whether a library call that would block has begun a packet that must be finished by the same call before any other.
    pub(super) fn is_sending(&self) -> bool {
        matches!(self.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn rsa_is_one_family() {
        assert_eq!(super::family("rsa-sha2-512"), "ssh-rsa");
        assert_eq!(super::family("ssh-ed25519"), "ssh-ed25519");
    }
}
