//! Incus' REST API: its envelope, its operations, and a few more tries where the daemon is busy.
//!
//! It knows how the API talks, and nothing of labs.

use super::{
    error::ApiError,
    wire::{Address, Content, Reply, Request, Socket, Wire},
};
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the daemon may take to answer what it answers at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a busy daemon is asked.
const TRIES_MAX: u32 = 8;
/// How long to wait before the second try; twice as long before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(60);

/// What every answer is wrapped in.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_code: u16,
    #[serde(default)]
    metadata: Value,
}

/// Something that the daemon does in the background.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Operation {
    /// Its number.
    pub(super) id: String,
    /// How far it is: 200 done, 400 failed, 401 cancelled, 1xx not over.
    pub(super) status_code: u16,
    /// Why it failed.
    pub(super) err: String,
    /// What it came to, by its kind.
    pub(super) metadata: Value,
}

/// What was read, and the version of it.
pub(super) struct Versioned {
    /// What it is.
    pub(super) value: Value,
    /// Its version, for a change that must not meet another.
    pub(super) etag: Option<String>,
}

/// A daemon's API.
pub(super) struct Api {
    wire: Wire,
    project: Option<String>,
}

impl Api {
    pub(super) fn new(address: Address) -> Self {
        let project = match &address {
            Address::Remote(remote) => remote.project.clone().filter(|project| project != "default"),
            Address::Socket(_) => None,
        };
        Self { wire: Wire::new(address), project }
    }

    /// Whether the daemon is on this machine.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.wire.address(), Address::Socket(_))
    }

    /// Where the daemon is, for people.
    pub(super) fn place(&self) -> String {
        match self.wire.address() {
            Address::Socket(path) => path.display().to_string(),
            Address::Remote(remote) => format!("{} (https://{}:{})", remote.name, remote.host, remote.port),
        }
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        Ok(self.get_versioned(path).await?.value)
    }

    /// Reads something into a type.
    pub(super) async fn read<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        serde_json::from_value(self.get(path).await?).map_err(|error| ApiError::Garbled(format!("{path}: {error}")))
    }

    /// Reads something, or finds that it does not exist.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Versioned>, ApiError> {
        match self.get_versioned(path).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get_versioned(&self, path: &str) -> Result<Versioned, ApiError> {
        let reply = self.ask(Method::GET, path, None, None).await?;
        let etag = reply.etag.clone();
        Ok(Versioned { value: opened(&reply)?.metadata, etag })
    }

    /// Asks for something to be done and waits until it is: at once, or for at most `timeout` where it takes a while.
    pub(super) async fn run(&self, method: Method, path: &str, body: Value, timeout: Duration) -> Result<Operation, ApiError> {
        self.run_if(method, path, body, None, timeout).await
    }

    /// The same, only where the thing still has the version that was read.
    pub(super) async fn run_if(
        &self,
        method: Method,
        path: &str,
        body: Value,
        etag: Option<String>,
        timeout: Duration,
    ) -> Result<Operation, ApiError> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let answer = match self.begin(method.clone(), path, body.clone(), etag.clone()).await {
                Ok(Some(operation)) => self.finish(&operation, timeout).await,
                Ok(None) => Ok(Operation { status_code: 200, ..Operation::default() }),
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if error.is_busy() && attempt < TRIES_MAX => tokio::time::sleep(wait).await,
                answer => return answer,
            }
            wait *= 2;
        }
        Err(ApiError::Slow { what: format!("{method} {path}"), secs: 0 })
    }

    /// Starts something in the background; `None` where it was done at once.
    pub(super) async fn begin(&self, method: Method, path: &str, body: Value, etag: Option<String>) -> Result<Option<Operation>, ApiError> {
        let reply = self.ask(method, path, Some(body), etag).await?;
        let envelope = opened(&reply)?;
        if envelope.kind != "async" {
            return Ok(None);
        }
        let mut operation: Operation = serde_json::from_value(envelope.metadata).unwrap_or_default();
        if operation.id.is_empty() {
            operation.id = envelope.operation.rsplit('/').next().unwrap_or_default().to_owned();
        }
        if operation.id.is_empty() {
            Err(ApiError::Garbled(format!("{path} began an operation without a number")))
        } else {
            Ok(Some(operation))
        }
    }

    /// Waits until an operation is over. One that takes longer is called off.
    pub(super) async fn finish(&self, operation: &Operation, timeout: Duration) -> Result<Operation, ApiError> {
        let id = &operation.id;
        let path = self.in_project(&format!("/1.0/operations/{id}/wait?timeout={}", timeout.as_secs().max(1)));
        // The daemon's own limit comes first; ours is for a daemon that hangs.
        let reply = self.wire.send(request(Method::GET, path, Content::Empty, timeout + ANSWER_TIMEOUT)).await?;
        let done: Operation =
            serde_json::from_value(opened(&reply)?.metadata).map_err(|error| ApiError::Garbled(format!("operation {id}: {error}")))?;
        match done.status_code {
            200 => Ok(done),
            code @ (400 | 401) => Err(ApiError::Refused { status: code, message: done.err }),
            _ => {
                // What cannot be called off ends by itself; either way it took too long for us.
                let _perhaps_too_late = self.ask(Method::DELETE, &format!("/1.0/operations/{id}"), None, None).await;
                Err(ApiError::Slow { what: "what the daemon was asked to do".into(), secs: timeout.as_secs() })
            }
        }
    }

    /// Sends bytes to a path, with further headers.
    pub(super) async fn upload(&self, path: &str, headers: Vec<(&'static str, String)>, bytes: Vec<u8>) -> Result<(), ApiError> {
        let timeout = ANSWER_TIMEOUT + Duration::from_secs(bytes.len() as u64 / 1_000_000);
        let mut message = request(Method::POST, self.in_project(path), Content::Bytes(bytes), timeout);
        message.headers = headers;
        opened(&self.wire.send(message).await?).map(|_| ())
    }

    /// Sends what comes in pieces to a path and waits for what it begins: an image.
    pub(super) async fn upload_pieces(
        &self,
        path: &str,
        headers: Vec<(&'static str, String)>,
        pieces: tokio::sync::mpsc::Receiver<std::io::Result<hyper::body::Bytes>>,
        timeout: Duration,
    ) -> Result<Operation, ApiError> {
        let mut message = request(Method::POST, self.in_project(path), Content::Pieces(pieces), timeout);
        message.headers = headers;
        let envelope = opened(&self.wire.send(message).await?)?;
        let operation: Operation = serde_json::from_value(envelope.metadata).map_err(|error| ApiError::Garbled(error.to_string()))?;
        self.finish(&operation, timeout).await
    }

    /// Opens one of an operation's websockets.
    pub(super) async fn operation_socket(&self, id: &str, secret: &str) -> Result<Socket, ApiError> {
        self.wire.websocket(&self.in_project(&format!("/1.0/operations/{id}/websocket?secret={secret}"))).await
    }

    /// Opens the stream of what happens at the daemon.
    pub(super) async fn events(&self, kinds: &str) -> Result<Socket, ApiError> {
        self.wire.websocket(&self.in_project(&format!("/1.0/events?type={kinds}"))).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>, etag: Option<String>) -> Result<Reply, ApiError> {
        let content = body.map_or(Content::Empty, Content::Json);
        let mut message = request(method, self.in_project(path), content, ANSWER_TIMEOUT);
        message.headers.extend(etag.map(|etag| ("If-Match", etag)));
        self.wire.send(message).await
    }

    fn in_project(&self, path: &str) -> String {
        match &self.project {
            None => path.to_owned(),
            Some(project) => format!("{path}{}project={}", if path.contains('?') { '&' } else { '?' }, encoded(project)),
        }
    }
}

fn request(method: Method, path: String, content: Content, timeout: Duration) -> Request {
    Request { method, path, headers: Vec::new(), content, timeout }
}

/// What a reply holds, or why the daemon refused.
fn opened(reply: &Reply) -> Result<Envelope, ApiError> {
    let envelope: Envelope = serde_json::from_slice(&reply.bytes).map_err(|error| {
        let start: String = String::from_utf8_lossy(&reply.bytes).chars().take(80).collect();
        ApiError::Garbled(format!("{} with {start:?} ({error})", reply.status))
    })?;
    if envelope.kind == "error" || !reply.status.is_success() {
        let status = if envelope.error_code == 0 { reply.status.as_u16() } else { envelope.error_code };
        return Err(ApiError::Refused { status, message: envelope.error });
    }
    Ok(envelope)
}

/// A text as part of a query: all but letters, digits and a few marks is encoded (RFC 3986, section 2).
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A body without content.
pub(super) fn nothing() -> Value {
    json!({})
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;

    fn reply(status: u16, text: &str) -> Reply {
        Reply { status: StatusCode::from_u16(status).unwrap(), etag: None, bytes: text.to_owned().into() }
    }

    /// Answers of Incus 6.0.4.
    #[test]
    fn envelopes_are_opened() {
        let good = opened(&reply(
            200,
            r#"{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":["/1.0"]}"#,
        ));
        assert_eq!(good.unwrap().metadata, json!(["/1.0"]));
        let bad = opened(&reply(
            404,
            r#"{"type":"error","status":"","status_code":0,"operation":"","error_code":404,"error":"Instance not found","metadata":null}"#,
        ));
        let error = bad.unwrap_err();
        assert!(error.is_missing() && error.says("instance not found"), "{error}");
        assert!(matches!(opened(&reply(502, "<html>")).unwrap_err(), ApiError::Garbled(_)));
    }

    #[test]
    fn what_is_part_of_a_query_stays_one_part() {
        assert_eq!(encoded("/etc/a b&c=d"), "/etc/a%20b%26c%3Dd");
        assert_eq!(encoded("ü"), "%C3%BC");
    }
}
