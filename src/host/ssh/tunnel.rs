//! A tunnel: one connection from another machine to a third, carried by a session of its own, as a socket of this machine.

use super::{
    Host, SshError,
    connect::{Beside, Connection, Socket, connect},
};
use rustix::event::PollFlags;
use ssh2::Channel;
use std::{
    io::{ErrorKind, Read, Write},
    thread,
    time::{Duration, Instant},
};

#[cfg(unix)]
type Local = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Local = std::net::TcpStream;

const BUFFER_BYTES: usize = 64 * 1024;
const KEEPALIVE: Duration = Duration::from_secs(super::connect::KEEPALIVE_SECS as u64);

/// Opens a connection from a machine to an address that it can reach; gives our end. The tunnel ends when either end closes.
pub(super) fn open(jump: &Host, address: &str, port: u16) -> Result<Socket, SshError> {
    let at = format!("{address}:{port} through {}", jump.name);
    let failed = |why: String| SshError::Unreachable { host: jump.name.clone(), at: at.clone(), why };
    let connection = connect(jump)?;
    let channel = connection.session.channel_direct_tcpip(address, port, None).map_err(|error| failed(error.message().to_owned()))?;
    let (ours, theirs) = pair().map_err(|error| failed(error.to_string()))?;
    theirs.set_nonblocking(true).map_err(|error| failed(error.to_string()))?;
    let waits: Socket = theirs.try_clone().map_err(|error| failed(error.to_string()))?.into();
    let name = format!("ssh-tunnel-{}", jump.name);
    let started = thread::Builder::new().name(name).spawn(move || Pump { connection, channel, local: theirs, waits }.run());
    started.map_err(|error| failed(error.to_string()))?;
    Ok(ours.into())
}

#[cfg(unix)]
fn pair() -> std::io::Result<(Local, Local)> {
    Local::pair()
}

/// Two ends of a loopback connection; one that somebody else has made in between is not taken.
#[cfg(windows)]
fn pair() -> std::io::Result<(Local, Local)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let ours = Local::connect(listener.local_addr()?)?;
    loop {
        let (theirs, from) = listener.accept()?;
        if from == ours.local_addr()? {
            return Ok((ours, theirs));
        }
    }
}

struct Pump {
    connection: Connection,
    channel: Channel,
    local: Local,
    waits: Socket,
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Way {
    bytes: Vec<u8>,
    is_closed: bool,
}

/// What a try to move bytes came to.
enum Moved {
    Some,
    None,
    Broken,
}

impl Pump {
    fn run(mut self) {
        self.connection.session.set_blocking(false);
        let (mut out, mut back) = (Way::default(), Way::default());
        let mut keepalive = Instant::now();
        loop {
            let mut moved = false;
            for step in [Self::take_local, Self::send_out] {
                match step(&mut self, &mut out) {
                    Moved::Some => moved = true,
                    Moved::None => {}
                    Moved::Broken => return self.close(),
                }
            }
            // A packet that is half sent must be out before anything is read: reading sends as well.
            if out.bytes.is_empty() || !self.connection.is_sending() {
                for step in [Self::take_back, Self::send_local] {
                    match step(&mut self, &mut back) {
                        Moved::Some => moved = true,
                        Moved::None => {}
                        Moved::Broken => return self.close(),
                    }
                }
            }
            if back.is_closed && back.bytes.is_empty() {
                return self.close();
            }
            if moved {
                continue;
            }
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, out.bytes.is_empty() && !out.is_closed);
            flags.set(PollFlags::OUT, !back.bytes.is_empty());
            let beside = (!flags.is_empty()).then_some(Beside { socket: &self.waits, flags });
            self.connection.wait(beside.as_ref(), KEEPALIVE);
            if keepalive.elapsed() >= KEEPALIVE && out.bytes.is_empty() {
                keepalive = Instant::now();
                if self.connection.session.keepalive_send().is_err() {
                    return self.close();
                }
            }
        }
    }

    fn take_local(&mut self, out: &mut Way) -> Moved {
        if !out.bytes.is_empty() || out.is_closed {
            return Moved::None;
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        match self.local.read(&mut buffer) {
            Ok(0) => {
                // Whoever connected has gone: a session that is closed needs no last words.
                out.is_closed = true;
                Moved::Broken
            }
            Ok(count) => {
                buffer.truncate(count);
                out.bytes = buffer;
                Moved::Some
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Moved::None,
            Err(_) => Moved::Broken,
        }
    }

    fn send_out(&mut self, out: &mut Way) -> Moved {
        if out.bytes.is_empty() {
            return Moved::None;
        }
        match self.channel.write(&out.bytes) {
            Ok(count) => {
                out.bytes.drain(..count.min(out.bytes.len()));
                Moved::Some
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Moved::None,
            Err(_) => Moved::Broken,
        }
    }

    fn take_back(&mut self, back: &mut Way) -> Moved {
        if !back.bytes.is_empty() || back.is_closed {
            return Moved::None;
        }
        let mut buffer = vec![0; BUFFER_BYTES];
        match self.channel.read(&mut buffer) {
            Ok(0) => {
                back.is_closed = self.channel.eof();
                Moved::None
            }
            Ok(count) => {
                buffer.truncate(count);
                back.bytes = buffer;
                Moved::Some
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Moved::None,
            Err(_) => Moved::Broken,
        }
    }

    fn send_local(&mut self, back: &mut Way) -> Moved {
        if back.bytes.is_empty() {
            return Moved::None;
        }
        match self.local.write(&back.bytes) {
            Ok(count) => {
                back.bytes.drain(..count.min(back.bytes.len()));
                Moved::Some
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Moved::None,
            Err(_) => Moved::Broken,
        }
    }

    fn close(mut self) {
        self.connection.session.set_blocking(true);
        self.connection.session.set_timeout(1_000);
        let _gone = self.channel.close();
    }
}
