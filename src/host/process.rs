//! Programs: run with a list of arguments, a deadline and a bound on what they may say.
//!
//! No shell reads the arguments. A program that is late or not wanted any more is ended together with what it started. Programs
//! run in a UTF-8 locale with English messages ([`super::locale`]), because what they say is read by programs.

use super::locale;
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// The most that is kept of a program's output, in bytes; the rest is read and dropped.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How often a program that has closed nothing is looked at: whether it ended, whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long to read on after a program has ended: what it started may hold its output open for ever.
const DRAIN: Duration = Duration::from_millis(300);

/// A program to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its file, or its name to be looked up in PATH.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// What is added to the environment, beside the locale ([`super::locale`]).
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// How long it may take; then it is ended.
    pub timeout: Duration,
}

impl Program {
    /// A program with arguments, reading nothing.
    pub fn new(path: impl Into<PathBuf>, args: impl IntoIterator<Item = impl Into<OsString>>, timeout: Duration) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { path: path.into(), args, environment: Vec::new(), stdin: Vec::new(), timeout }
    }
}

/// What a program came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; 128 and the signal where it was killed.
    pub code: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
    /// Whether part of either was dropped.
    pub is_cut: bool,
    /// How long it took.
    pub took: Duration,
}

/// Why a program could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not there.
    #[error("{} is not installed, or not in PATH", .0.display())]
    Missing(PathBuf),
    /// It cannot be started.
    #[error("cannot start {}: {source}", path.display())]
    Start {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It was late, and ended.
    #[error("{} gave no answer within {} s", path.display(), timeout.as_secs())]
    Late {
        /// Which.
        path: PathBuf,
        /// How long it had.
        timeout: Duration,
    },
    /// Nobody wanted it any more, and it was ended.
    #[error("{} was cancelled", .0.display())]
    Cancelled(PathBuf),
}

/// A word to say that something is not wanted any more. Its clones are the same word.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Says it.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was said.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Runs a program to its end, and waits.
///
/// # Errors
/// Where it cannot be started, is late, or was cancelled; it has then been ended.
pub fn run(program: &Program, cancel: &Cancel) -> Result<Ran, ProcessError> {
    let started = Instant::now();
    let mut child = spawn(program)?;
    let (sender, parts) = mpsc::channel();
    if let Some(stdin) = child.stdin.take() {
        write_aside(stdin, program.stdin.clone());
    }
    let pipes: [Option<Box<dyn Read + Send>>; 2] =
        [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
    for (which, pipe) in pipes.into_iter().enumerate() {
        if let Some(pipe) = pipe {
            read_aside(which, pipe, sender.clone());
        }
    }
    drop(sender);
    let mut ran = Ran::default();
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        let left = program.timeout.saturating_sub(started.elapsed());
        match parts.recv_timeout(left.min(LOOK_EVERY)) {
            Ok((which, bytes)) => take(&mut ran, which, &bytes),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if ended.is_none() {
                    ended = child.try_wait().ok().flatten().map(|status| (status, Instant::now()));
                }
                if ended.is_some_and(|(_, since)| since.elapsed() > DRAIN) {
                    break;
                }
            }
        }
        if ended.is_none() && (cancel.is_cancelled() || started.elapsed() >= program.timeout) {
            end(&mut child);
            return Err(if cancel.is_cancelled() {
                ProcessError::Cancelled(program.path.clone())
            } else {
                ProcessError::Late { path: program.path.clone(), timeout: program.timeout }
            });
        }
    }
    // Its output is closed, so it is at its end, or as good as.
    let status = match ended {
        Some((status, _)) => status,
        None => wait_until(&mut child, program, started, cancel)?,
    };
    ran.code = code_of(status);
    ran.took = started.elapsed();
    Ok(ran)
}

/// [`run`] on a thread of its own. Dropping the future cancels the program.
pub async fn run_aside(program: Program, name: &str) -> Result<Ran, ProcessError> {
    struct OnDrop(Cancel);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.cancel();
        }
    }
    let cancel = Cancel::default();
    let word = OnDrop(cancel.clone());
    let (answer, answered) = tokio::sync::oneshot::channel();
    let path = program.path.clone();
    let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _gone = answer.send(run(&program, &cancel));
    });
    if let Err(source) = started {
        return Err(ProcessError::Start { path, source });
    }
    let result = answered.await.unwrap_or(Err(ProcessError::Cancelled(path)));
    drop(word);
    result
}

/// The file of a program that is looked up in PATH; `None` where there is none.
pub fn in_path(name: &str) -> Option<PathBuf> {
    let endings: &[&str] = if cfg!(windows) { &[".exe", ""] } else { &[""] };
    let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let files = folders.iter().flat_map(|folder| endings.iter().map(move |ending| folder.join(format!("{name}{ending}"))));
    files.into_iter().find(|file| is_program(file))
}

/// Whether a file can be run.
pub fn is_program(file: &Path) -> bool {
    let Ok(about) = std::fs::metadata(file) else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    about.is_file() && may_run
}

fn spawn(program: &Program) -> Result<Child, ProcessError> {
    let mut command = Command::new(&program.path);
    command.args(&program.args).envs(locale::environment(locale::here())).envs(program.environment.iter().cloned());
    command.stdin(if program.stdin.is_empty() { Stdio::null() } else { Stdio::piped() }).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: it can be ended with all that it starts, and Ctrl+C in our terminal is for us to judge.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => ProcessError::Missing(program.path.clone()),
        _ => ProcessError::Start { path: program.path.clone(), source },
    })
}

fn write_aside(mut pipe: impl Write + Send + 'static, bytes: Vec<u8>) {
    let writer = thread::Builder::new().name("program-stdin".into()).spawn(move || {
        // A program may end without having read everything.
        let _closed = pipe.write_all(&bytes);
    });
    // Without the thread the pipe closes, and the program reads nothing.
    drop(writer);
}

fn read_aside(which: usize, mut pipe: Box<dyn Read + Send>, parts: mpsc::Sender<(usize, Vec<u8>)>) {
    let name = if which == 0 { "program-stdout" } else { "program-stderr" };
    let reader = thread::Builder::new().name(name.into()).spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    if parts.send((which, buffer.get(..count).unwrap_or_default().to_vec())).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
    drop(reader);
}

fn take(ran: &mut Ran, which: usize, bytes: &[u8]) {
    let kept = if which == 0 { &mut ran.stdout } else { &mut ran.stderr };
    let room = OUTPUT_BYTES_MAX.saturating_sub(kept.len()).min(bytes.len());
    kept.extend_from_slice(bytes.get(..room).unwrap_or_default());
    ran.is_cut |= room < bytes.len();
}

fn wait_until(child: &mut Child, program: &Program, started: Instant, cancel: &Cancel) -> Result<ExitStatus, ProcessError> {
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if cancel.is_cancelled() => {
                end(child);
                return Err(ProcessError::Cancelled(program.path.clone()));
            }
            Ok(None) if started.elapsed() < program.timeout => {
                thread::sleep(pause);
                pause = (pause * 2).min(LOOK_EVERY);
            }
            Ok(None) => {
                end(child);
                return Err(ProcessError::Late { path: program.path.clone(), timeout: program.timeout });
            }
            Err(source) => return Err(ProcessError::Start { path: program.path.clone(), source }),
        }
    }
}

/// Ends a program and what it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _gone = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(windows)]
    {
        let tree = ["/T".to_owned(), "/F".to_owned(), "/PID".to_owned(), child.id().to_string()];
        let _gone = Command::new("taskkill").args(tree).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
    let _gone = child.kill();
    let _reaped = child.wait();
}

#[cfg(unix)]
fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

#[cfg(not(unix))]
fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("sh", ["-c", script], Duration::from_secs(20))
    }

    fn ran(program: &Program) -> Ran {
        run(program, &Cancel::default()).unwrap()
    }

    #[test]
    fn arguments_arrive_as_they_are_and_so_does_what_is_said() {
        let odd = "a b'c\"$(id)\n--x";
        let mut program = Program::new("printf", ["%s|", odd, ""], Duration::from_secs(20));
        assert_eq!(ran(&program).stdout, format!("{odd}||").into_bytes());
        program = shell("cat; echo bad >&2; printf $LC_ALL-$MORE; exit 3");
        program.stdin = vec![b'x'; 300_000];
        program.environment = vec![("MORE".into(), "more".into())];
        let done = ran(&program);
        assert_eq!((done.code, done.stderr.as_slice(), done.is_cut), (3, b"bad\n".as_slice(), false));
        let locale = locale::here();
        assert_eq!(done.stdout.len(), 300_000 + locale.len() + 5);
        assert!(done.stdout.ends_with(format!("{locale}-more").as_bytes()));
        assert_eq!(ran(&shell("printf $LANGUAGE")).stdout, b"C", "messages are English whatever the user reads");
    }

    #[test]
    fn a_late_program_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        let mut program = shell(&format!("(sleep 1; echo still > '{}') & sleep 60", file.display()));
        program.timeout = Duration::from_millis(200);
        assert!(matches!(run(&program, &Cancel::default()), Err(ProcessError::Late { .. })));
        // The grandchild would have written by now, had it lived; waiting for a program is how to wait here.
        ran(&shell("sleep 1.2"));
        assert!(!file.exists());
    }

    #[test]
    fn a_program_can_be_cancelled_and_a_missing_one_is_said() {
        let cancel = Cancel::default();
        cancel.cancel();
        let started = Instant::now();
        assert!(matches!(run(&shell("sleep 60"), &cancel), Err(ProcessError::Cancelled(_))));
        assert!(started.elapsed() < Duration::from_secs(10));
        let missing = Program::new("no-such-program-here", [""; 0], Duration::from_secs(1));
        assert!(matches!(run(&missing, &Cancel::default()), Err(ProcessError::Missing(_))));
        assert!(in_path("sh").is_some() && in_path("no-such-program-here").is_none());
    }

    #[test]
    fn who_holds_the_output_open_is_not_waited_for_and_a_signal_has_its_number() {
        let started = Instant::now();
        let done = ran(&shell("sleep 30 & echo done"));
        assert_eq!(done.stdout, b"done\n");
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(ran(&shell("kill -9 $$")).code, 137);
    }

    #[test]
    fn dropping_the_future_cancels() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        let program = shell(&format!("sleep 1; echo still > '{}'", file.display()));
        runtime.block_on(async {
            let late = tokio::time::timeout(Duration::from_millis(100), run_aside(program, "test-program")).await;
            assert!(late.is_err());
        });
        ran(&shell("sleep 1.2"));
        assert!(!file.exists());
        let echo = runtime.block_on(run_aside(shell("echo hello"), "test-program")).unwrap();
        assert_eq!(echo.stdout, b"hello\n");
    }
}
