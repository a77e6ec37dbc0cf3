//! The way into a node over ssh: [`Transport`] on [`crate::host::ssh`].
//!
//! It knows several ways to one node (an address, a forwarded port, another node in between) and takes the first that answers;
//! each is checked against the node's own host key, so a wrong machine at the right address is never spoken to.

use super::{
    Answer, ProviderError, Retry,
    transport::{Command, Line, Output, Transport},
};
use crate::{
    host::ssh::{Chunk, HostKey, RemoteCommand, RemoteOutput, Ssh, SshError},
    model::NodeName,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// The longest line that is handed on whole, in bytes; a longer one is handed on in pieces.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// How many chunks of a stream may wait for whoever takes them.
const CHUNKS_MAX: usize = 64;
/// How long a file may take on its way, at the least, and how many bytes get a second more.
const PUT: (Duration, usize) = (Duration::from_secs(60), 256 * 1024);

/// The ways into one node, the best first.
pub struct SshTransport {
    node: NodeName,
    ways: Vec<Ssh>,
    // The way that answered last.
    way: AtomicUsize,
}

impl SshTransport {
    /// A transport over these ways. There must be one at least for it to be of use.
    pub fn new(node: NodeName, ways: Vec<Ssh>) -> Arc<Self> {
        Arc::new(Self { node, ways, way: AtomicUsize::new(0) })
    }

    /// Whether there is a way at all.
    pub fn leads_somewhere(&self) -> bool {
        !self.ways.is_empty()
    }

    /// Connects by the first way that answers, and gives the key that the node showed.
    ///
    /// # Errors
    /// Where none answers: the error of the last one.
    pub async fn meet(&self) -> Result<HostKey, ProviderError> {
        let order = self.order();
        let mut last = None;
        for (number, ssh) in order {
            match ssh.meet().await {
                Err(error) if is_elsewhere(&error) => last = Some(error),
                other => return self.answered(number, "connect", other),
            }
        }
        Err(self.nobody("connect", last))
    }

    /// The program and its arguments that give a person a shell, by the first way that answers, or that run a command.
    ///
    /// # Errors
    /// Where none answers.
    pub async fn shell(&self, command: &[String]) -> Result<Vec<String>, ProviderError> {
        self.meet().await?;
        let way = self.order().into_iter().next();
        way.map(|(_, ssh)| ssh.host().client(command)).ok_or_else(|| self.nobody("open a shell", None))
    }

    /// The ways, the one that answered last first.
    fn order(&self) -> Vec<(usize, &Ssh)> {
        let first = self.way.load(Ordering::Relaxed);
        let mut order: Vec<(usize, &Ssh)> = self.ways.iter().enumerate().collect();
        let turns = first.min(order.len());
        order.rotate_left(turns);
        order
    }

    fn answered<T>(&self, way: usize, what: &str, result: Result<T, SshError>) -> Result<T, ProviderError> {
        self.way.store(way, Ordering::Relaxed);
        result.map_err(|error| failed(&self.node, what, &error))
    }

    fn nobody(&self, what: &str, last: Option<SshError>) -> ProviderError {
        match last {
            Some(error) => failed(&self.node, what, &error),
            None => ProviderError {
                what: what.to_owned(),
                node: Some(self.node.clone()),
                why: format!("no way leads into {}", self.node),
                next: "Give it an adapter on a host-only network, or on one that it shares with a node that has such an adapter".into(),
                retry: Retry::Useless,
            },
        }
    }
}

/// Whether nothing was done there, so that another way may be tried.
fn is_elsewhere(error: &SshError) -> bool {
    matches!(error, SshError::Unreachable { .. } | SshError::OtherKey { .. })
}

/// An error of ssh's as a provider's.
pub fn failed(node: &NodeName, what: &str, error: &SshError) -> ProviderError {
    let (next, retry) = match error {
        SshError::Unreachable { .. } | SshError::Lost { .. } => {
            ("See whether the node runs and has its link; then try again", Retry::Worth)
        }
        SshError::OtherKey { .. } => (
            "Another machine answers there. See who has the node's address or forwarded port; where the node was made anew by hand, deploy again",
            Retry::Useless,
        ),
        SshError::Refused { .. } => (
            "Say which user and key the image has: SANDTABLE_IMAGE_USER and SANDTABLE_IMAGE_KEY, a private key's file without a passphrase",
            Retry::Useless,
        ),
        SshError::Late { .. } => ("The node may be overloaded; try again", Retry::Worth),
        SshError::Cancelled { .. } => ("Try again", Retry::Worth),
        SshError::Busy { .. } => ("Wait until the commands before it are done", Retry::Worth),
    };
    ProviderError { what: what.to_owned(), node: Some(node.clone()), why: error.to_string(), next: next.to_owned(), retry }
}

fn remote(command: &Command) -> RemoteCommand {
    RemoteCommand { argv: command.argv.clone(), stdin: command.stdin.clone(), timeout: command.timeout }
}

fn output(output: RemoteOutput) -> Output {
    Output { code: output.code, stdout: output.stdout, stderr: output.stderr, is_cut: output.is_cut }
}

impl Transport for SshTransport {
    fn run(&self, command: Command) -> Answer<'_, Output> {
        Box::pin(async move {
            let command = remote(&command);
            let mut last = None;
            for (number, ssh) in self.order() {
                match ssh.run(command.clone()).await {
                    Err(error) if is_elsewhere(&error) => last = Some(error),
                    other => return self.answered(number, "run a command", other).map(output),
                }
            }
            Err(self.nobody("run a command", last))
        })
    }

    fn stream(&self, command: Command, lines: mpsc::Sender<Line>) -> Answer<'_, i32> {
        Box::pin(async move {
            let command = remote(&command);
            let mut last = None;
            for (number, ssh) in self.order() {
                let (chunks, taken) = mpsc::channel(CHUNKS_MAX);
                let (ended, ()) = tokio::join!(ssh.stream(command.clone(), chunks), hand_on(taken, &lines));
                match ended {
                    Err(error) if is_elsewhere(&error) => last = Some(error),
                    other => return self.answered(number, "follow a command", other),
                }
            }
            Err(self.nobody("follow a command", last))
        })
    }

    fn put<'a>(&'a self, path: &'a str, mode: u32, bytes: &'a [u8]) -> Answer<'a, ()> {
        Box::pin(async move {
            // Beside the target and then renamed: whole or not at all. The size proves that all of it came.
            let script = "set -e; umask 077; t=\"$1.sandtable-$$\"; trap 'rm -f \"$t\"' EXIT; cat >\"$t\"; \
                          [ \"$(wc -c <\"$t\")\" -eq \"$3\" ]; chmod \"$2\" \"$t\"; mv -f \"$t\" \"$1\"";
            let argv = ["sh", "-c", script, "sh", path].map(str::to_owned).into_iter();
            let argv = argv.chain([format!("{mode:o}"), bytes.len().to_string()]).collect();
            let timeout = PUT.0 + Duration::from_secs((bytes.len() / PUT.1) as u64);
            let done = self.run(Command { argv, stdin: bytes.to_vec(), timeout }).await?;
            if done.code == 0 {
                return Ok(());
            }
            Err(ProviderError {
                what: format!("write {path}"),
                node: Some(self.node.clone()),
                why: format!("{} (exit code {})", String::from_utf8_lossy(&done.stderr).trim(), done.code),
                next: "See whether the folder exists and the disk has room".into(),
                retry: Retry::Worth,
            })
        })
    }
}

/// Makes lines of chunks until there are no more, or nobody takes them: then the chunks' other end is told by its closing.
async fn hand_on(mut taken: mpsc::Receiver<Chunk>, lines: &mpsc::Sender<Line>) {
    let (mut out, mut err) = (Lines::default(), Lines::default());
    loop {
        let chunk = tokio::select! {
            chunk = taken.recv() => chunk,
            () = lines.closed() => return,
        };
        let found: Vec<Line> = match chunk {
            Some(Chunk::Out(bytes)) => out.take(&bytes).into_iter().map(Line::Out).collect(),
            Some(Chunk::Err(bytes)) => err.take(&bytes).into_iter().map(Line::Err).collect(),
            None => break,
        };
        for line in found {
            if lines.send(line).await.is_err() {
                return;
            }
        }
    }
    for line in out.rest().map(Line::Out).into_iter().chain(err.rest().map(Line::Err)) {
        // Nobody may be left to take it.
        let _gone = lines.send(line).await;
    }
}

/// Bytes to lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let mut lines = Vec::new();
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            lines.push(text(line.strip_suffix(b"\n").unwrap_or(&line)));
        }
        if self.0.len() > LINE_BYTES_MAX {
            lines.extend(self.rest());
        }
        lines
    }

    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| text(&rest))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"one\ntw"), ["one"]);
        assert_eq!(lines.take(b"o\r\n\nthr"), ["two", ""]);
        assert_eq!(lines.rest().as_deref(), Some("thr"));
        assert_eq!(lines.rest(), None);
        assert_eq!(lines.take(&vec![b'x'; LINE_BYTES_MAX + 1]).len(), 1, "a line without end is not kept for ever");
    }

    #[test]
    fn no_way_is_said() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let nowhere = SshTransport::new("db1".parse().unwrap(), Vec::new());
        let error = runtime.block_on(nowhere.run(Command::script("true", Duration::from_secs(1)))).unwrap_err();
        assert!(error.why.contains("no way leads into db1"), "{error}");
        assert_eq!(error.retry, Retry::Useless);
    }
}
