//! ssh: commands on another machine, whose key is always checked.
//!
//! The library below blocks and does not bear that threads share a session, so a named thread owns each session and one command
//! runs in it at a time; a host has a few of them, opened when they are needed, and one more for each stream. Threads are fed by
//! a bounded queue. A host may be reached through another one, as deep as need be. A command that is late or not wanted any more
//! is killed on the other machine. Arguments are lists: [`quoted`] makes the one text that ssh can carry.

mod client;
mod connect;
mod exec;
mod lane;
mod tunnel;

pub use lane::Ssh;

use base64::Engine;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// The most that is kept of a command's output, in bytes; the rest is read and dropped.
pub const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A key to log in with.
#[derive(Clone, PartialEq, Eq)]
pub enum LoginKey {
    /// A private key's file, not encrypted.
    File(PathBuf),
    /// A private key as OpenSSH writes it, not encrypted.
    Text(String),
    /// Whatever the user's ssh agent has.
    Agent,
}

impl std::fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Agent => f.write_str("Agent"),
        }
    }
}

/// Which keys a host may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeys {
    /// One of these and no other.
    Known(Vec<HostKey>),
    /// Any: for the very first contact with a machine that we have just made, over a path that only we have.
    First,
}

/// A host's public key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HostKey(Vec<u8>);

impl HostKey {
    /// A key as it is on the wire (RFC 4253, section 6.6).
    pub fn from_wire(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// A key as OpenSSH writes it: `ssh-ed25519 AAAA…`, with or without a comment.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let kind = words.next()?;
        let key = Self(base64::engine::general_purpose::STANDARD.decode(words.next()?).ok()?);
        (key.kind() == Some(kind)).then_some(key)
    }

    /// What kind of key: `ssh-ed25519`.
    pub fn kind(&self) -> Option<&str> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        std::str::from_utf8(rest.get(..length)?).ok()
    }
}

impl std::fmt::Display for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind().unwrap_or("unknown"), base64::engine::general_purpose::STANDARD.encode(&self.0))
    }
}

impl std::fmt::Debug for HostKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Whether commands are given to another user there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Become {
    /// To the one who logs in.
    Nobody,
    /// To root, through `sudo -n`.
    Root,
}

/// A machine that answers ssh, and how to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// What people call it; it is part of threads' names and of errors.
    pub name: String,
    /// Its address or name, as whoever connects to it knows it.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// With what.
    pub key: LoginKey,
    /// Which keys it may show.
    pub host_keys: HostKeys,
    /// For whom commands are run.
    pub becomes: Become,
    /// How long a connection and a login may take.
    pub connect_timeout: Duration,
    /// The machine that it is reached through.
    pub through: Option<Arc<Host>>,
}

/// A command for another machine. Arguments are a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// How long it may take; for a stream, how long it may be silent. Then it is killed.
    pub timeout: Duration,
}

/// What a command came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteOutput {
    /// Its exit code; 128 and the signal where it was killed.
    pub code: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
    /// Whether part of either was dropped.
    pub is_cut: bool,
}

/// A part of what a streamed command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// On its output.
    Out(Vec<u8>),
    /// On its error output.
    Err(Vec<u8>),
}

/// Why something could not be done over ssh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// Nobody answers there, or not with ssh.
    #[error("{host} does not answer at {at}: {why}")]
    Unreachable {
        /// Which machine.
        host: String,
        /// Its address and port.
        at: String,
        /// What the system or the library says.
        why: String,
    },
    /// It shows another key than the known ones.
    #[error("{host} shows another host key than the one that is known: {seen}")]
    OtherKey {
        /// Which machine.
        host: String,
        /// The key that it shows.
        seen: String,
    },
    /// The login was refused.
    #[error("{host} does not let {user} in: {why}")]
    Refused {
        /// Which machine.
        host: String,
        /// Who tried.
        user: String,
        /// What the library says.
        why: String,
    },
    /// The connection broke; what was under way there may or may not have been done.
    #[error("the connection to {host} broke: {why}")]
    Lost {
        /// Which machine.
        host: String,
        /// What the library says.
        why: String,
    },
    /// The command was late, or silent for too long, and was killed.
    #[error("the command on {host} gave no answer within {timeout:?}")]
    Late {
        /// Which machine.
        host: String,
        /// How long it had.
        timeout: Duration,
    },
    /// Nobody wanted it any more.
    #[error("the command on {host} was cancelled")]
    Cancelled {
        /// Which machine.
        host: String,
    },
    /// Too much waits for that machine already, or this one has no thread left.
    #[error("{host} has too many commands waiting")]
    Busy {
        /// Which machine.
        host: String,
    },
}

/// Text that a POSIX shell reads as this one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | ',' | '=' | '@' | '+');
    if !word.is_empty() && word.chars().all(plain) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Text that a POSIX shell reads as these words.
pub fn quoted_all<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_read_back() {
        let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJgm2wD2Ys1Sw2NfGk3y1Z9m2Jq3z7rVbq3nXv7T0m2d somebody@somewhere";
        let key = HostKey::parse(line).unwrap();
        assert_eq!(key.kind(), Some("ssh-ed25519"));
        assert_eq!(format!("{key} somebody@somewhere"), line);
        for wrong in ["", "ssh-ed25519", "ssh-rsa AAAAC3NzaC1lZDI1NTE5", "ssh-ed25519 ???", "ssh-ed25519 AAAA"] {
            assert_eq!(HostKey::parse(wrong), None, "{wrong:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        use proptest::prelude::*;
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 64, ..Default::default() });
        let word = proptest::string::string_regex("[ -~\\n\\t'\"$`\\\\éø;*?~=-]{0,40}").unwrap();
        runner
            .run(&proptest::collection::vec(word, 0..4), |words| {
                let script = format!("for w in {}; do printf '%s\\0' \"$w\"; done", quoted_all(words.iter().map(String::as_str)));
                let program = crate::host::process::Program::new("sh", ["-c", &script], Duration::from_secs(20));
                let ran = crate::host::process::run(&program, &Default::default()).unwrap();
                let expected: String = words.iter().map(|word| format!("{word}\0")).collect();
                prop_assert_eq!(String::from_utf8(ran.stdout).unwrap(), expected);
                Ok(())
            })
            .unwrap();
    }

    #[test]
    fn a_key_in_memory_is_not_printed() {
        assert_eq!(format!("{:?}", LoginKey::Text("secret".into())), "Text(..)");
    }
}
