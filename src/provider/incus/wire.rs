//! The wire to an Incus daemon: HTTP/1.1 and websockets over its unix socket, or over TLS to a remote one.
//!
//! It moves bytes. It knows no path of the API, retries nothing but a kept connection that turned out to be closed, and never
//! waits without an end.

use super::{error::ApiError, remote::Remote};
use futures_util::stream::poll_fn;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, StatusCode,
    body::{Bytes, Frame},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    sync::mpsc,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long a connection may take to be there.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a daemon may take to be started again, and how often it is tried meanwhile.
const RESTART_TIME: Duration = Duration::from_secs(5);
const RESTART_EVERY: Duration = Duration::from_millis(100);
/// The most that an answer may hold, in bytes: a thousand nodes are a tenth of it.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How many idle connections are kept.
const IDLE_MAX: usize = 8;

/// Where a daemon is.
#[derive(Debug, Clone)]
pub(super) enum Address {
    /// On this machine.
    Socket(PathBuf),
    /// Elsewhere.
    Remote(Box<Remote>),
}

type Body = UnsyncBoxBody<Bytes, io::Error>;
type Idle = SendRequest<Body>;

/// A websocket to the daemon.
pub(super) type Socket = WebSocketStream<Listening>;

/// What a request carries.
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// A JSON document.
    Json(serde_json::Value),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Bytes that come in pieces.
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
}

/// A request.
pub(super) struct Request {
    /// GET, POST …
    pub(super) method: Method,
    /// Path and query, encoded.
    pub(super) path: String,
    /// Further headers.
    pub(super) headers: Vec<(&'static str, String)>,
    /// What it carries.
    pub(super) content: Content,
    /// How long it may take, answer included.
    pub(super) timeout: Duration,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its status.
    pub(super) status: StatusCode,
    /// The version of the thing that was read, where it has one.
    pub(super) etag: Option<String>,
    /// What it holds.
    pub(super) bytes: Bytes,
}

/// Whether a connection that was kept will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Too,
    No,
}

/// A wire to one daemon. Connections are made when they are needed and kept for a while.
pub(super) struct Wire {
    address: Address,
    idle: Mutex<Vec<Idle>>,
}

impl Wire {
    pub(super) fn new(address: Address) -> Self {
        Self { address, idle: Mutex::default() }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request and reads its answer.
    pub(super) async fn send(&self, request: Request) -> Result<Reply, ApiError> {
        let timeout = request.timeout;
        let what = format!("{} {}", request.method, request.path);
        match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(reply) => reply,
            Err(_) => Err(ApiError::Slow { what, secs: timeout.as_secs() }),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Reply, ApiError> {
        let host = self.address.host();
        let mut builder = hyper::Request::builder().method(request.method).uri(&request.path).header("Host", host);
        if matches!(request.content, Content::Json(_)) {
            builder = builder.header("Content-Type", "application/json");
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let message = builder.body(body(request.content)).map_err(|error| ApiError::Garbled(error.to_string()))?;
        let mut sender = self.sender(Kept::Too).await?;
        let answer = match sender.try_send_request(message).await {
            Ok(answer) => answer,
            // A kept connection whose other side went away meanwhile gives the message back unsent.
            Err(mut error) => match error.take_message() {
                Some(message) => {
                    sender = self.sender(Kept::No).await?;
                    sender.send_request(message).await.map_err(|error| ApiError::Broken(error.to_string()))?
                }
                None => return Err(ApiError::Broken(error.into_error().to_string())),
            },
        };
        let (parts, content) = answer.into_parts();
        let etag = parts.headers.get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let bytes =
            Limited::new(content, ANSWER_BYTES_MAX).collect().await.map_err(|error| ApiError::Broken(error.to_string()))?.to_bytes();
        self.keep(sender);
        Ok(Reply { status: parts.status, etag, bytes })
    }

    /// A connection that is free: a kept one, or a new one.
    async fn sender(&self, kept: Kept) -> Result<Idle, ApiError> {
        while let Some(mut kept) = self.take_kept(kept) {
            // One whose other side has gone says so here, before anything is sent.
            if !kept.is_closed() && kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let stream = self.dial().await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| ApiError::Broken(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to Incus ended");
            }
        });
        Ok(sender)
    }

    fn take_kept(&self, kept: Kept) -> Option<Idle> {
        match kept {
            Kept::Too => self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop(),
            Kept::No => None,
        }
    }

    fn keep(&self, sender: Idle) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX && !sender.is_closed() {
            idle.push(sender);
        }
    }

    /// Opens a websocket.
    pub(super) async fn websocket(&self, path: &str) -> Result<Socket, ApiError> {
        let open = async {
            let stream = self.dial().await?;
            let url = format!("ws://{}{path}", self.address.host());
            let (socket, _) = client_async(url, Listening(stream)).await.map_err(|error| ApiError::Broken(error.to_string()))?;
            Ok(socket)
        };
        match tokio::time::timeout(DIAL_TIMEOUT, open).await {
            Ok(socket) => socket,
            Err(_) => Err(ApiError::Slow { what: format!("websocket {path}"), secs: DIAL_TIMEOUT.as_secs() }),
        }
    }

    async fn dial(&self) -> Result<Stream, ApiError> {
        let dial = async {
            match &self.address {
                Address::Socket(path) => connect(path).await,
                Address::Remote(remote) => {
                    let at = (remote.host.as_str(), remote.port);
                    let stream = TcpStream::connect(at).await.map_err(|error| ApiError::remote(remote, &error))?;
                    // Requests are small and wait for their answers.
                    let _slower_otherwise = stream.set_nodelay(true);
                    let connector = TlsConnector::from(remote.tls()?);
                    let stream =
                        connector.connect(remote.server_name()?, stream).await.map_err(|error| ApiError::remote(remote, &error))?;
                    Ok(Stream::Tls(Box::new(stream)))
                }
            }
        };
        match tokio::time::timeout(DIAL_TIMEOUT, dial).await {
            Ok(stream) => stream,
            Err(_) => Err(ApiError::Slow { what: "connecting".into(), secs: DIAL_TIMEOUT.as_secs() }),
        }
    }
}

/// Opens a socket. A daemon that is being started again is waited for: nothing has been asked of it yet.
async fn connect(path: &Path) -> Result<Stream, ApiError> {
    let until = Instant::now() + RESTART_TIME;
    loop {
        match UnixStream::connect(path).await.map_err(|error| ApiError::socket(path, &error)) {
            Err(ApiError::Deaf { .. }) if Instant::now() < until => tokio::time::sleep(RESTART_EVERY).await,
            connected => return connected.map(Stream::Socket),
        }
    }
}

impl Address {
    /// What stands in the Host header.
    fn host(&self) -> &str {
        match self {
            Self::Socket(_) => "incus",
            Self::Remote(remote) => &remote.host,
        }
    }
}

fn body(content: Content) -> Body {
    let whole = |bytes: Vec<u8>| Full::new(Bytes::from(bytes)).map_err(|never| match never {}).boxed_unsync();
    match content {
        Content::Empty => whole(Vec::new()),
        Content::Json(value) => whole(value.to_string().into_bytes()),
        Content::Bytes(bytes) => whole(bytes),
        Content::Pieces(mut pieces) => {
            let frames = poll_fn(move |context| pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data))));
            StreamBody::new(frames).boxed_unsync()
        }
    }
}

/// Bytes both ways, whatever is below.
pub(super) enum Stream {
    Socket(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Socket(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A stream that is read to its end although the other side takes nothing more.
///
/// The daemon says something, asks whether we are there, and closes without waiting for the answer. The websocket answers before
/// it reads on, and an answer that fails would end the reading: what the daemon had said before would be lost. Whether the other
/// side is gone shows at the end of what it said.
pub(super) struct Listening(Stream);

/// A write as done where the other side is gone.
fn as_taken<T>(written: Poll<io::Result<T>>, all: T) -> Poll<io::Result<T>> {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    match written {
        Poll::Ready(Err(error)) if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected) => {
            Poll::Ready(Ok(all))
        }
        written => written,
    }
}

impl AsyncRead for Listening {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Listening {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        as_taken(Pin::new(&mut self.get_mut().0).poll_write(context, bytes), bytes.len())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        as_taken(Pin::new(&mut self.get_mut().0).poll_flush(context), ())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        as_taken(Pin::new(&mut self.get_mut().0).poll_shutdown(context), ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_tungstenite::{accept_async, tungstenite::Message};

    /// As Incus 6.0.4 does it with a command that is over before anybody reads: a question first, then all, then gone.
    #[tokio::test]
    async fn what_was_said_before_the_other_side_went_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let says = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            for message in [Message::Ping("keepalive".into()), Message::binary("all of it"), Message::text("")] {
                socket.send(message).await.unwrap();
            }
        });
        let mut socket = Wire::new(Address::Socket(path)).websocket("/1.0/operations/x/websocket").await.unwrap();
        says.await.unwrap();
        let mut heard = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            heard.push(message);
        }
        assert_eq!(heard[1..], [Message::binary("all of it"), Message::text("")]);
    }

    #[tokio::test]
    async fn a_daemon_that_is_not_there_is_said_at_once() {
        let wire = Wire::new(Address::Socket("/no/such/socket".into()));
        let request = Request { method: Method::GET, path: "/1.0".into(), headers: vec![], content: Content::Empty, timeout: DIAL_TIMEOUT };
        assert_eq!(wire.send(request).await.unwrap_err(), ApiError::Absent { path: "/no/such/socket".into() });
    }

    #[tokio::test]
    async fn a_daemon_that_hangs_or_goes_away_does_not_hold_us() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let get = |timeout| Request { method: Method::GET, path: "/1.0".into(), headers: vec![], content: Content::Empty, timeout };
        let answers = tokio::spawn(async move {
            for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _read = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                if answer.is_empty() {
                    // It says nothing until we have given up.
                    let _gone = stream.read(&mut request).await;
                }
            }
        });
        let wire = Wire::new(Address::Socket(path));
        let slow = wire.send(get(Duration::from_millis(50))).await.unwrap_err();
        assert!(matches!(slow, ApiError::Slow { .. }), "{slow}");
        // The first connection is closed after its answer; the second request gets a new one.
        for _ in 0..2 {
            assert_eq!(wire.send(get(DIAL_TIMEOUT)).await.unwrap().bytes, "{}");
        }
        answers.await.unwrap();
    }
}
