//! Network namespaces: made in one batch, entered by threads, removed at the end whatever happens.

use std::{
    fs::File,
    io::Write,
    os::fd::AsRawFd,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// How the names of all namespaces begin; the process id follows.
const PREFIX: &str = "sandtable-kernel-";
/// Where `ip netns` keeps them.
const FOLDER: &str = "/run/netns";

static LABS: AtomicU32 = AtomicU32::new(0);

/// The namespaces of one lab.
pub struct Spaces {
    prefix: String,
    made: Vec<String>,
}

impl Spaces {
    /// No namespace yet; the names of each lab are its own.
    pub fn new() -> Self {
        Self { prefix: format!("{PREFIX}{}-{}-", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed)), made: Vec::new() }
    }

    /// The namespace with this short name, made at the next [`Spaces::make`].
    pub fn add(&mut self, name: &str) -> String {
        let name = format!("{}{name}", self.prefix);
        self.made.push(name.clone());
        name
    }

    /// Makes all that were added, then their links.
    pub fn make(&self, links: &str) {
        let spaces: String = self.made.iter().map(|name| format!("netns add {name}\n")).collect();
        run(Command::new("ip").args(["-batch", "-"]), &(spaces + links));
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        remove(&self.made);
    }
}

/// Removes namespaces; their links go with them. One that is missing is no error.
fn remove(names: &[String]) {
    let lines: String = names.iter().map(|name| format!("netns del {name}\n")).collect();
    let child =
        Command::new("ip").args(["-force", "-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if let Ok(mut child) = child {
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(lines.as_bytes()));
        let ended = child.wait();
        if !matches!((&written, &ended), (Some(Ok(())), Ok(_))) {
            eprintln!("namespaces are left in {FOLDER}: {written:?}, {ended:?}");
        }
    }
}

/// Removes what a killed run of this test left: namespaces whose process does not exist any more.
pub fn remove_stale() {
    let Ok(entries) = std::fs::read_dir(FOLDER) else { return };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_stale = |name: &String| {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        process.is_some_and(|process| !Path::new("/proc").join(process).exists())
    };
    remove(&names.filter(is_stale).collect::<Vec<_>>());
}

/// Does work in a namespace, on a thread of its own. Programs that it starts run there as well.
pub fn inside<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            enter(name);
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Moves this thread into a namespace.
pub fn enter(name: &str) {
    let file = File::open(Path::new(FOLDER).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    // SAFETY: the descriptor is open for the whole call, and only this thread changes its namespace.
    let code = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(code, 0, "setns {name}: {}", std::io::Error::last_os_error());
}

/// Runs a program with a text as its input.
pub fn run(command: &mut Command, input: &str) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).env("LC_ALL", "C.UTF-8");
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that ends before it has read all of its input says why.
    let _broken_pipe = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}\n{input}", output.status);
}

/// Sets a kernel setting of the namespace that this thread is in.
pub fn set(name: &str, value: &str) {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    std::fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
}
