//! Listeners that say who they are, and attempts to connect to them.

use super::spaces::inside;
use sandtable::{catalog::Protocol, reach::Outcome};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    runtime::{Builder, Runtime},
    time::timeout,
};

/// A socket that a service has.
#[derive(Debug, Clone)]
pub struct Socket {
    /// Who listens: what it says to each caller, before the caller's address.
    pub says: String,
    pub protocol: Protocol,
    pub at: SocketAddrV4,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `Err`: an error of the kernel that `reach` has no word for.
    pub outcome: Result<Outcome, String>,
    /// Who answered, and the caller's address as it was seen there.
    pub by: Option<(String, Ipv4Addr)>,
}

/// An attempt.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub protocol: Protocol,
    pub to: SocketAddrV4,
}

/// Sockets that answer while this exists.
pub struct Listeners {
    runtime: Runtime,
}

impl Listeners {
    pub fn new() -> Self {
        Self { runtime: Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap() }
    }

    /// Opens sockets in a namespace; gives back those that could not be opened.
    pub fn open(&self, space: &str, sockets: &[Socket]) -> Vec<String> {
        enum Bound {
            Stream(std::net::TcpListener),
            Datagrams(std::net::UdpSocket),
        }
        let bind = |socket: &Socket| {
            let bound = match socket.protocol {
                Protocol::Tcp => std::net::TcpListener::bind(socket.at).and_then(|bound| {
                    bound.set_nonblocking(true)?;
                    Ok(Bound::Stream(bound))
                }),
                Protocol::Udp => std::net::UdpSocket::bind(socket.at).and_then(|bound| {
                    bound.set_nonblocking(true)?;
                    Ok(Bound::Datagrams(bound))
                }),
            };
            bound.map_err(|error| format!("{} cannot listen on {}: {error}", socket.says, socket.at))
        };
        let bound: Vec<_> = inside(space, || sockets.iter().map(|socket| (socket.says.clone(), bind(socket))).collect());
        let _guard = self.runtime.enter();
        let mut failed = Vec::new();
        for (says, bound) in bound {
            match bound {
                Ok(Bound::Stream(bound)) => drop(self.runtime.spawn(accept(TcpListener::from_std(bound).unwrap(), says))),
                Ok(Bound::Datagrams(bound)) => drop(self.runtime.spawn(reply(UdpSocket::from_std(bound).unwrap(), says))),
                Err(error) => failed.push(error),
            }
        }
        failed
    }
}

async fn accept(listener: TcpListener, says: String) {
    while let Ok((mut stream, from)) = listener.accept().await {
        let text = format!("{says} {}", from.ip());
        tokio::spawn(async move {
            // A caller that is gone already is none of the listener's business.
            let _gone = stream.write_all(text.as_bytes()).await;
        });
    }
}

async fn reply(socket: UdpSocket, says: String) {
    let mut buffer = [0; 16];
    while let Ok((_, from)) = socket.recv_from(&mut buffer).await {
        let _gone = socket.send_to(format!("{says} {}", from.ip()).as_bytes(), from).await;
    }
}

/// Makes all attempts at once from a namespace; each gets this long.
pub fn attempt(space: &str, calls: &[Call], patience: Duration) -> Vec<Answer> {
    inside(space, || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running: Vec<_> = calls.iter().map(|call| tokio::spawn(one(*call, patience))).collect();
            let mut answers = Vec::new();
            for call in running {
                answers.push(call.await.unwrap());
            }
            answers
        })
    })
}

async fn one(call: Call, patience: Duration) -> Answer {
    let tried = match call.protocol {
        Protocol::Tcp => timeout(patience, stream(call.to)).await,
        Protocol::Udp => timeout(patience, datagram(call.to)).await,
    };
    let failed = |outcome| Answer { outcome, by: None };
    match tried {
        Ok(Ok(text)) => {
            let by = text.split_once(' ').and_then(|(who, source)| Some((who.to_owned(), source.parse().ok()?)));
            Answer { outcome: Ok(Outcome::Answered), by }
        }
        Err(_) => failed(Ok(Outcome::TimedOut)),
        Ok(Err(error)) => failed(match error.kind() {
            ErrorKind::ConnectionRefused => Ok(Outcome::Refused),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Ok(Outcome::Unreachable),
            _ => Err(error.to_string()),
        }),
    }
}

async fn stream(to: SocketAddrV4) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(to).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

async fn datagram(to: SocketAddrV4) -> std::io::Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(to).await?;
    socket.send(b"?").await?;
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).await?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}
