//! One command in one session: what it reads, what it says, its end. Blocks.
//!
//! The command's shell first says its process number, so that a command that is late can be killed over there: closing a channel
//! ends nothing (RFC 4254 has signals, and neither OpenSSH nor dropbear delivers them to what runs under sudo).

use super::{Become, Chunk, Host, RemoteCommand, SshError, connect::Connection, quoted_all};
use ssh2::Channel;
use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

/// How often a silent command is looked at: whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the closing of a channel may take, and the killing of a command.
const CLOSE_MS: u32 = 5_000;
const PID_MARK: &str = "sandtable-pid ";
/// Longer than any first line with the process number; a login that prints more before it is not waited for.
const PID_LINE_BYTES_MAX: usize = 4096;

/// Whether whoever takes a command's words wants more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    More,
    Nothing,
}

/// What a timeout is measured from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    FromStart,
    FromLastWord,
}

/// Why a command did not come to its end, and whether it had been started.
pub(super) struct Broken {
    pub(super) error: SshError,
    pub(super) was_started: bool,
}

/// The command line that is sent. Everything after the shell's own words is carried as arguments, read by nobody.
pub(super) fn command_line(host: &Host, argv: &[String]) -> String {
    let shell = ["sh", "-c", "echo sandtable-pid $$ >&2; exec \"$@\"", "sh"];
    let sudo: &[&str] = if host.becomes == Become::Root { &["sudo", "-n", "--"] } else { &[] };
    quoted_all(sudo.iter().copied().chain(shell).chain(argv.iter().map(String::as_str)))
}

/// Runs a command and hands on what it says.
pub(super) fn run(
    connection: &Connection,
    host: &Host,
    command: &RemoteCommand,
    clock: Clock,
    words: &mut dyn FnMut(Chunk) -> Wants,
    is_wanted: &dyn Fn() -> bool,
) -> Result<i32, Broken> {
    let lost = |error: ssh2::Error| SshError::Lost { host: host.name.clone(), why: error.message().to_owned() };
    let session = &connection.session;
    session.set_blocking(true);
    let before = |error| Broken { error: lost(error), was_started: false };
    let mut channel = session.channel_session().map_err(before)?;
    channel.exec(&command_line(host, &command.argv)).map_err(before)?;
    session.set_blocking(false);
    let mut talk = Talk { pid: Pid::Awaited(Vec::new()), stdin: &command.stdin, sent: 0, is_finished: false };
    let ended = talk.go_on(connection, host, &mut channel, command, clock, words, is_wanted);
    session.set_blocking(true);
    session.set_timeout(CLOSE_MS);
    let code = match ended {
        Ok(()) => finish(&mut channel).map_err(|error| Broken { error: lost(error), was_started: true }),
        Err(error) => {
            // Closing waits for the other side, which waits for the command: so it is killed first.
            if let (Pid::Known(pid), SshError::Late { .. } | SshError::Cancelled { .. }) = (&talk.pid, &error) {
                kill(connection, host, *pid);
            }
            let _gone = channel.close();
            Err(Broken { error, was_started: true })
        }
    };
    session.set_timeout(u32::try_from(host.connect_timeout.as_millis()).unwrap_or(u32::MAX));
    code
}

fn finish(channel: &mut Channel) -> Result<i32, ssh2::Error> {
    channel.close()?;
    channel.wait_close()?;
    if let Ok(signal) = channel.exit_signal()
        && let Some(name) = signal.exit_signal
    {
        return Ok(128 + signal_number(&name));
    }
    channel.exit_status()
}

/// The numbers that every POSIX system gives them.
fn signal_number(name: &str) -> i32 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "SEGV" => 11,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}

/// Kills a command and what it started. (dash 0.5.12 takes no `--` before a group's number.) Where that fails the machine is gone or going, and nobody can do more.
fn kill(connection: &Connection, host: &Host, pid: u32) {
    let script = format!("kill -KILL -{pid} 2>/dev/null; kill -KILL {pid} 2>/dev/null; true");
    let argv = ["sh".to_owned(), "-c".to_owned(), script];
    if let Ok(mut channel) = connection.session.channel_session()
        && channel.exec(&command_line(host, &argv)).is_ok()
    {
        let mut rest = String::new();
        let _said = channel.read_to_string(&mut rest);
        let _closed = channel.close();
    }
}

enum Pid {
    Awaited(Vec<u8>),
    Known(u32),
    Unknown,
}

struct Talk<'a> {
    pid: Pid,
    stdin: &'a [u8],
    sent: usize,
    is_finished: bool,
}

impl Talk<'_> {
    #[expect(clippy::too_many_arguments, reason = "the one place where everything about a command comes together")]
    fn go_on(
        &mut self,
        connection: &Connection,
        host: &Host,
        channel: &mut Channel,
        command: &RemoteCommand,
        clock: Clock,
        words: &mut dyn FnMut(Chunk) -> Wants,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(), SshError> {
        let lost = |why: String| SshError::Lost { host: host.name.clone(), why };
        let mut since = Instant::now();
        let mut keepalive = Instant::now();
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let mut moved = self.send(channel).map_err(&lost)?;
            if !moved && self.sent < self.stdin.len() && connection.is_sending() {
                // A packet is half sent: nothing else may be done before it is out.
                connection.wait(None, LOOK_EVERY);
                self.check(host, command, since, is_wanted)?;
                continue;
            }
            for stream in [1, 0] {
                let count = match channel.stream(stream).read(&mut buffer) {
                    Ok(count) => count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                    Err(error) => return Err(lost(error.to_string())),
                };
                let bytes = buffer.get(..count).unwrap_or_default();
                if bytes.is_empty() {
                    continue;
                }
                moved = true;
                if clock == Clock::FromLastWord {
                    since = Instant::now();
                }
                let chunk = if stream == 1 { self.strip_pid(bytes).map(Chunk::Err) } else { Some(Chunk::Out(bytes.to_vec())) };
                if chunk.is_some_and(|chunk| words(chunk) == Wants::Nothing) {
                    return Err(SshError::Cancelled { host: host.name.clone() });
                }
            }
            if !moved && channel.eof() {
                if let Pid::Awaited(rest) = std::mem::replace(&mut self.pid, Pid::Unknown)
                    && !rest.is_empty()
                {
                    let _last = words(Chunk::Err(rest));
                }
                return Ok(());
            }
            self.check(host, command, since, is_wanted)?;
            if !moved {
                connection.wait(None, LOOK_EVERY.min(command.timeout));
                if keepalive.elapsed().as_secs() >= u64::from(super::connect::KEEPALIVE_SECS) {
                    keepalive = Instant::now();
                    connection.session.keepalive_send().map_err(|error| lost(error.message().to_owned())).map(drop)?;
                }
            }
        }
    }

    fn check(&self, host: &Host, command: &RemoteCommand, since: Instant, is_wanted: &dyn Fn() -> bool) -> Result<(), SshError> {
        if !is_wanted() {
            return Err(SshError::Cancelled { host: host.name.clone() });
        }
        if since.elapsed() >= command.timeout {
            return Err(SshError::Late { host: host.name.clone(), timeout: command.timeout });
        }
        Ok(())
    }

    /// Sends more of what it reads, and its end.
    fn send(&mut self, channel: &mut Channel) -> Result<bool, String> {
        let left = self.stdin.get(self.sent..).unwrap_or_default();
        if !left.is_empty() {
            return match channel.write(left) {
                Ok(count) => {
                    self.sent += count;
                    Ok(count > 0)
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
                // It has closed what it reads, and may have much to say yet.
                Err(_) if channel.eof() => {
                    self.sent = self.stdin.len();
                    Ok(true)
                }
                Err(error) => Err(error.to_string()),
            };
        }
        if self.is_finished {
            return Ok(false);
        }
        match channel.send_eof() {
            Ok(()) => self.is_finished = true,
            Err(error) if error.code() == ssh2::ErrorCode::Session(EAGAIN) => return Ok(false),
            // It ended before it had read everything.
            Err(_) if channel.eof() => self.is_finished = true,
            Err(error) => return Err(error.message().to_owned()),
        }
        Ok(true)
    }

    /// Takes the first line off, which has the process number; what comes after is the command's own.
    fn strip_pid(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Pid::Awaited(line) = &mut self.pid else { return Some(bytes.to_vec()) };
        line.extend_from_slice(bytes);
        let all = std::mem::take(line);
        let text = String::from_utf8_lossy(&all);
        if let Some(start) = text.find(PID_MARK)
            && let Some(length) = text.get(start..).and_then(|rest| rest.find('\n'))
            && let Some(number) = text.get(start + PID_MARK.len()..start + length)
        {
            self.pid = number.trim().parse().map_or(Pid::Unknown, Pid::Known);
            // What a login says before it is no word of the command's.
            let rest = text.get(start + length + 1..).unwrap_or_default().as_bytes().to_vec();
            let rest = if matches!(text, std::borrow::Cow::Borrowed(_)) { rest } else { all };
            return (!rest.is_empty()).then_some(rest);
        }
        if all.len() > PID_LINE_BYTES_MAX {
            self.pid = Pid::Unknown;
            return Some(all);
        }
        *line = all;
        None
    }
}

/// libssh2's "would block".
const EAGAIN: i32 = -37;

#[cfg(test)]
mod tests {
    use super::*;

    fn talk() -> Talk<'static> {
        Talk { pid: Pid::Awaited(Vec::new()), stdin: &[], sent: 0, is_finished: true }
    }

    #[test]
    fn the_process_number_is_taken_off() {
        let mut one = talk();
        assert_eq!(one.strip_pid(b"sandtable-"), None);
        assert_eq!(one.strip_pid(b"pid 42\nhello"), Some(b"hello".to_vec()));
        assert!(matches!(one.pid, Pid::Known(42)));
        assert_eq!(one.strip_pid(b" world"), Some(b" world".to_vec()));
        let mut other = talk();
        assert_eq!(other.strip_pid(b"sudo: a password is required\n"), None, "it may still come");
        let long = vec![b'x'; 5000];
        assert!(talk().strip_pid(&long).is_some());
    }
}
