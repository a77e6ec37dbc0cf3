//! The way into a node through the daemon: commands over websockets, files over its files API.
//!
//! A command that takes too long is killed with all that it started, found by a mark in their environment: the daemon itself
//! would only kill the first of them.

use super::{
    api::{Api, Operation},
    error::ApiError,
    instances::{INSTANCES, push},
    wire::Socket,
};
use crate::{
    model::NodeName,
    provider::{
        Answer, ProviderError, Retry,
        transport::{Command, Line, OUTPUT_BYTES_MAX, Output, Transport},
    },
};
use futures_util::{SinkExt, StreamExt};
use hyper::{Method, body::Bytes};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

/// How much of what a command reads goes into one message, in bytes.
const PIECE: usize = 64 * 1024;
/// How long a command may take to end once it has closed its outputs.
const END_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that any command may run; each has a shorter time of its own.
const RUNS_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long it may take to kill a command.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest line that is handed on whole, in bytes.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// What marks the processes of one command, in their environment.
const MARK: &str = "SANDTABLE_RUN";
/// Kills what carries a mark, twice over: a process may have made another meanwhile.
const KILL: &str = r#"
for round in 1 2 3; do
    found=$(grep -ls "SANDTABLE_RUN=$0" /proc/[0-9]*/environ) || exit 0
    for file in $found; do
        pid=${file#/proc/}
        kill -KILL "${pid%/environ}" 2>/dev/null
    done
done
"#;

static RUNS: AtomicU64 = AtomicU64::new(1);

/// The way into one node.
#[derive(Clone)]
pub(super) struct Exec {
    pub(super) api: Arc<Api>,
    pub(super) instance: String,
    pub(super) node: NodeName,
}

/// A command under way.
struct Running {
    mark: String,
    /// Waits for its end from its beginning on: the daemon forgets how a command ended after five seconds (Incus 6.0.4), and
    /// whoever reads its output may be slower than that.
    ended: JoinSet<Result<Operation, ApiError>>,
    stdin: Socket,
    stdout: Socket,
    stderr: Socket,
}

/// Whether a command's output is kept or only drained once it is more than is kept.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.bytes.len());
        self.is_cut |= bytes.len() > room;
        self.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }
}

impl Exec {
    async fn begin(&self, argv: &[String]) -> Result<Running, ApiError> {
        let mark = format!("{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let body = json!({
            "command": argv,
            "environment": {
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LANG": "C.UTF-8",
                "LC_ALL": "C.UTF-8",
                "HOME": "/root",
                "USER": "root",
                MARK: mark,
            },
            "cwd": "/root",
            "interactive": false,
            "wait-for-websocket": true,
            "user": 0,
            "group": 0,
        });
        let path = format!("{INSTANCES}/{}/exec", self.instance);
        let Some(operation) = self.api.begin(Method::POST, &path, body, None).await? else {
            return Err(ApiError::Garbled("a command began no operation".into()));
        };
        let secret = |name: &str| {
            let secret = operation.metadata.get("fds").and_then(|fds| fds.get(name)).and_then(serde_json::Value::as_str);
            secret.map(str::to_owned).ok_or_else(|| ApiError::Garbled(format!("a command has no socket {name}")))
        };
        let (zero, one, two) = (secret("0")?, secret("1")?, secret("2")?);
        let id = operation.id.clone();
        let (stdin, stdout, stderr) = tokio::try_join!(
            self.api.operation_socket(&id, &zero),
            self.api.operation_socket(&id, &one),
            self.api.operation_socket(&id, &two)
        )?;
        let mut ended = JoinSet::new();
        let api = Arc::clone(&self.api);
        ended.spawn(async move { api.finish(&operation, RUNS_MAX).await });
        Ok(Running { mark, ended, stdin, stdout, stderr })
    }

    async fn collect(&self, running: Running, input: Vec<u8>) -> Result<Output, ApiError> {
        let Running { ended, stdin, mut stdout, mut stderr, .. } = running;
        let (mut out, mut err) = (Kept::default(), Kept::default());
        let (fed, code, read_out, read_err) = tokio::join!(
            feed(stdin, input),
            exit_code(ended),
            async {
                while let Some(bytes) = next(&mut stdout).await? {
                    out.take(&bytes);
                }
                Ok::<(), ApiError>(())
            },
            async {
                while let Some(bytes) = next(&mut stderr).await? {
                    err.take(&bytes);
                }
                Ok::<(), ApiError>(())
            }
        );
        // Why a command could not begin is what its operation says; its outputs are only gone then.
        let code = code?;
        read_out?;
        read_err?;
        // A command may end without reading all that it was given: no mistake, where it ended well otherwise.
        if let Err(error) = fed {
            tracing::debug!(%error, "a command did not read all of its input");
        }
        Ok(Output { code, is_cut: out.is_cut || err.is_cut, stdout: out.bytes, stderr: err.bytes })
    }

    /// Kills a command and all that it started. It may be over by now, and its node gone.
    async fn kill(&self, mark: &str) {
        let argv = ["sh", "-c", KILL, mark].map(str::to_owned);
        let killing = async { self.collect(self.begin(&argv).await?, Vec::new()).await };
        match tokio::time::timeout(KILL_TIMEOUT, killing).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, node = %self.node, "a command could not be killed"),
            Err(_) => tracing::debug!(node = %self.node, "killing a command took too long"),
        }
    }

    fn failed(&self, argv: &[String], error: ApiError) -> ProviderError {
        let what = format!("running {} on {}", argv.first().map_or("a command", String::as_str), self.node);
        // As Incus 6.0.4 words it.
        if error.says("not running") || error.says("isn't running") || error.is_missing() {
            return ProviderError {
                what,
                node: Some(self.node.clone()),
                why: "the node does not run".into(),
                next: "`sandtable deploy` turns it on; `sandtable heal` does where a fault turned it off".into(),
                retry: Retry::Useless,
            };
        }
        error.explain(what, Some(&self.node))
    }

    fn slow(&self, argv: &[String], why: String) -> ProviderError {
        ProviderError {
            what: format!("running {} on {}", argv.first().map_or("a command", String::as_str), self.node),
            node: Some(self.node.clone()),
            why,
            next: "Look at what the node is busy with, then try again".into(),
            retry: Retry::Worth,
        }
    }

    async fn run_whole(&self, command: Command) -> Result<Output, ProviderError> {
        let Command { argv, stdin, timeout } = command;
        let started = tokio::time::Instant::now();
        let running = match tokio::time::timeout(timeout, self.begin(&argv)).await {
            Ok(running) => running.map_err(|error| self.failed(&argv, error))?,
            Err(_) => return Err(self.slow(&argv, format!("the node did not begin within {} s", timeout.as_secs_f32()))),
        };
        let mark = running.mark.clone();
        match tokio::time::timeout(timeout.saturating_sub(started.elapsed()), self.collect(running, stdin)).await {
            Ok(output) => output.map_err(|error| self.failed(&argv, error)),
            Err(_) => {
                self.kill(&mark).await;
                Err(self.slow(&argv, format!("it took longer than {} s and was killed", timeout.as_secs_f32())))
            }
        }
    }

    async fn stream_lines(&self, command: Command, lines: mpsc::Sender<Line>) -> Result<i32, ProviderError> {
        let Command { argv, stdin, timeout } = command;
        let Running { mark, ended, stdin: input, mut stdout, mut stderr } = match tokio::time::timeout(timeout, self.begin(&argv)).await {
            Ok(running) => running.map_err(|error| self.failed(&argv, error))?,
            Err(_) => return Err(self.slow(&argv, format!("the node did not begin within {} s", timeout.as_secs_f32()))),
        };
        let feeding = tokio::spawn(feed(input, stdin));
        let pumped = self.pump(&mut stdout, &mut stderr, &lines, timeout).await;
        feeding.abort();
        match pumped {
            Ok(Pumped::Closed) => soon(ended).await.map_err(|error| self.failed(&argv, error)),
            Ok(Pumped::Silent) => {
                self.kill(&mark).await;
                Err(self.slow(&argv, format!("it said nothing for {} s and was killed", timeout.as_secs_f32())))
            }
            Ok(Pumped::Unheard) => {
                self.kill(&mark).await;
                Ok(soon(ended).await.unwrap_or(137))
            }
            // Why a command could not begin is what its operation says; its outputs are only gone then.
            Err(cut) => Err(self.failed(&argv, soon(ended).await.err().unwrap_or(cut))),
        }
    }

    /// Hands on lines until both outputs are closed, nobody listens, or it has been silent for too long.
    async fn pump(
        &self,
        stdout: &mut Socket,
        stderr: &mut Socket,
        lines: &mpsc::Sender<Line>,
        silence: Duration,
    ) -> Result<Pumped, ApiError> {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut out_open, mut err_open) = (true, true);
        while out_open || err_open {
            let sent = tokio::select! {
                () = lines.closed() => return Ok(Pumped::Unheard),
                () = tokio::time::sleep(silence) => return Ok(Pumped::Silent),
                bytes = next(stdout), if out_open => match bytes? {
                    Some(bytes) => hand_on(&mut out, &bytes, lines, Line::Out).await,
                    None => { out_open = false; flush(&mut out, lines, Line::Out).await }
                },
                bytes = next(stderr), if err_open => match bytes? {
                    Some(bytes) => hand_on(&mut err, &bytes, lines, Line::Err).await,
                    None => { err_open = false; flush(&mut err, lines, Line::Err).await }
                },
            };
            if sent.is_err() {
                return Ok(Pumped::Unheard);
            }
        }
        Ok(Pumped::Closed)
    }
}

/// The exit code of a command, once it has ended.
async fn exit_code(mut ended: JoinSet<Result<Operation, ApiError>>) -> Result<i32, ApiError> {
    let Some(Ok(done)) = ended.join_next().await else { return Err(ApiError::Broken("nobody waits for the command".into())) };
    let code = done?.metadata.get("return").and_then(serde_json::Value::as_i64);
    code.and_then(|code| i32::try_from(code).ok()).ok_or_else(|| ApiError::Garbled("a command ended without an exit code".into()))
}

/// The exit code of a command whose outputs are closed: it ends soon.
async fn soon(ended: JoinSet<Result<Operation, ApiError>>) -> Result<i32, ApiError> {
    let slow = |_| ApiError::Slow { what: "a command that has closed its outputs".into(), secs: END_TIMEOUT.as_secs() };
    tokio::time::timeout(END_TIMEOUT, exit_code(ended)).await.map_err(slow)?
}

/// Why lines are no longer handed on.
enum Pumped {
    /// The command closed its outputs.
    Closed,
    /// It has been silent for too long.
    Silent,
    /// Nobody listens.
    Unheard,
}

type Sent = Result<(), mpsc::error::SendError<Line>>;

/// Hands on the lines that are whole and keeps the rest.
async fn hand_on(rest: &mut Vec<u8>, bytes: &[u8], lines: &mpsc::Sender<Line>, line: fn(String) -> Line) -> Sent {
    rest.extend_from_slice(bytes);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let text: Vec<u8> = rest.drain(..=end).collect();
        lines.send(line(String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(&text)).into_owned())).await?;
    }
    // A line without an end is cut, so that a node cannot fill our memory.
    if rest.len() > LINE_BYTES_MAX { flush(rest, lines, line).await } else { Ok(()) }
}

async fn flush(rest: &mut Vec<u8>, lines: &mpsc::Sender<Line>, line: fn(String) -> Line) -> Sent {
    if rest.is_empty() {
        return Ok(());
    }
    let text = std::mem::take(rest);
    lines.send(line(String::from_utf8_lossy(&text).into_owned())).await
}

/// Gives a command what it reads, and an end.
async fn feed(mut socket: Socket, input: Vec<u8>) -> Result<(), ApiError> {
    let broken = |error: tokio_tungstenite::tungstenite::Error| ApiError::Broken(error.to_string());
    let mut rest = Bytes::from(input);
    while !rest.is_empty() {
        let piece = rest.split_to(rest.len().min(PIECE));
        socket.send(Message::Binary(piece)).await.map_err(broken)?;
    }
    // A text message is the daemon's mark of an end (Incus 6.0.4); the socket must stay open until it was read.
    socket.send(Message::text("")).await.map_err(broken)?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            break;
        }
    }
    Ok(())
}

/// What a command wrote next; `None` at its end. The daemon marks each end with a text message (Incus 6.0.4), so an output
/// without one was cut short.
async fn next(socket: &mut Socket) -> Result<Option<Bytes>, ApiError> {
    loop {
        return match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Text(_))) => Ok(None),
            None | Some(Ok(Message::Close(_))) => Err(ApiError::Broken("a command's output ended before its end".into())),
            Some(Err(error)) => Err(ApiError::Broken(format!("a command's output ended before its end: {error}"))),
        };
    }
}

impl Transport for Exec {
    fn run(&self, command: Command) -> Answer<'_, Output> {
        Box::pin(self.run_whole(command))
    }

    fn stream(&self, command: Command, lines: mpsc::Sender<Line>) -> Answer<'_, i32> {
        Box::pin(self.stream_lines(command, lines))
    }

    fn put<'a>(&'a self, path: &'a str, mode: u32, bytes: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            // Under another name first, for a half-written file must not be found under its own.
            let partial = format!("{path}.sandtable-part");
            let what = || format!("writing {path} on {}", self.node);
            push(&self.api, &self.instance, &partial, mode, bytes.to_vec())
                .await
                .map_err(|error| error.explain(what(), Some(&self.node)))?;
            let argv = ["mv", "-f", "--", &partial, path].map(str::to_owned).to_vec();
            let moved = self.run(Command { argv, stdin: Vec::new(), timeout: END_TIMEOUT }).await?;
            if moved.code == 0 {
                return Ok(());
            }
            Err(ProviderError {
                what: what(),
                node: Some(self.node.clone()),
                why: String::from_utf8_lossy(&moved.stderr).trim().to_owned(),
                next: "See that the folder exists and is no folder itself".into(),
                retry: Retry::Useless,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_handed_on_whole() {
        let (sender, mut lines) = mpsc::channel(8);
        let mut rest = Vec::new();
        hand_on(&mut rest, b"one\ntw", &sender, Line::Out).await.unwrap();
        hand_on(&mut rest, b"o\n\nthr", &sender, Line::Out).await.unwrap();
        flush(&mut rest, &sender, Line::Out).await.unwrap();
        flush(&mut rest, &sender, Line::Out).await.unwrap();
        drop(sender);
        let mut seen = Vec::new();
        while let Some(Line::Out(line)) = lines.recv().await {
            seen.push(line);
        }
        assert_eq!(seen, ["one", "two", "", "thr"]);
    }

    #[test]
    fn what_is_too_much_is_dropped_and_said() {
        let mut kept = Kept::default();
        kept.take(&vec![b'x'; OUTPUT_BYTES_MAX]);
        assert!(!kept.is_cut);
        kept.take(b"y");
        assert!(kept.is_cut && kept.bytes.len() == OUTPUT_BYTES_MAX);
    }
}
