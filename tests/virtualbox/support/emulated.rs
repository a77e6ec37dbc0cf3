//! The emulated machine (`tests/virtualbox/emulator`) with a real VirtualBox whose machines boot, as tests see it.

use super::program::Program;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// How often a node is asked past the program where the connection to it breaks.
const SSH_TRIES: u32 = 3;
/// How long something may take until it is seen. Nodes are emulated twice; what takes a second elsewhere takes half a minute.
const SEEN: Duration = Duration::from_secs(600);

/// How often a story is begun anew because the emulated machine broke.
const STORIES: u32 = 3;
/// What the emulated machine's kernel says when it ends.
const LAST_WORDS: &str = "Kernel panic";

/// Plays a story on a new emulated machine with an image of a guest. Where QEMU's emulation of AMD-V breaks, the machine's kernel ends
/// or a machine in it ends by itself; then the story is played anew on a new one. All else is a failure of ours, and so is what
/// breaks each time.
pub fn played(suite: &'static str, guest: &str, story: impl Fn(&Emulated, &mut Clock)) {
    for number in 1.. {
        let mut clock = Clock::new(suite);
        let emulated = Emulated::up(guest);
        clock.seen("the emulated machine, and an image on it");
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| story(&emulated, &mut clock))) else { return };
        let broken = emulated.broken();
        if broken.is_empty() || number == STORIES {
            resume_unwind(panic);
        }
        println!("\nsandtable-figures: {suite} {number} times the emulation broke, and all is tried anew: {}", broken.join(", "));
    }
}

/// The emulated machine. It forgets everything when it is switched off.
pub struct Emulated {
    bed: PathBuf,
}

impl Emulated {
    /// Starts it, with an image of one of the guests: `tiny` or `debian`.
    pub fn up(guest: &str) -> Self {
        let folder = std::env::var_os("SANDTABLE_BED").expect("SANDTABLE_BED: ./dev test virtualbox-boot sets it");
        let bed = Self { bed: Path::new(&folder).canonicalize().unwrap() };
        // One that was left on has an image already, and perhaps more.
        bed.script(&["down"]);
        bed.script(&["up", guest]);
        bed.script(&["base", guest, "03-hardened-base"]);
        // VirtualBox's own default for an interface that does not exist; it goes where that name becomes a lab's.
        bed.script(&["run", "VBoxManage", "dhcpserver", "remove", "--network=HostInterfaceNetworking-vboxnet0"]);
        bed
    }

    /// What the program must be told to reach it and its guests.
    pub fn environment(&self) -> [(&'static str, OsString); 4] {
        [
            ("SANDTABLE_SSH_CONFIG", self.bed.join("ssh_config").into()),
            ("SANDTABLE_IMAGE_KEY", self.bed.join("key").into()),
            ("SANDTABLE_BOOT_SECONDS", "570".into()),
            // A machine that starts holds VirtualBox for a minute here.
            ("SANDTABLE_VBOXMANAGE_SECONDS", "240".into()),
        ]
    }

    /// Calls the script with words; what it says.
    pub fn script(&self, args: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let done = Command::new(script).args(args).env("SANDTABLE_BED", &self.bed).output().unwrap();
        assert!(done.status.success(), "emulator {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Runs a script in a node, past the program: from the emulated machine, to the node's host-only address. Gives what it said and
    /// whether it ended well.
    pub fn inside(&self, address: &str, script: &str) -> (String, bool) {
        let key = self.bed.join("share/key");
        std::fs::copy(self.bed.join("key"), &key).unwrap();
        let to = format!("root@{address}");
        let words = ["ssh", "-n", "-i", key.to_str().unwrap(), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
        let words: Vec<&str> = ["run"].into_iter().chain(words).chain(["-o", "ConnectTimeout=60", &to, script]).collect();
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let mut tries = 0;
        loop {
            let done = Command::new(&runner).args(&words).env("SANDTABLE_BED", &self.bed).output().unwrap();
            tries += 1;
            if !done.status.success() {
                println!("{address}: {script}: {}: {}", done.status, String::from_utf8_lossy(&done.stderr));
            }
            // ssh(1): 255 is an error of its own, such as a connection that broke.
            if done.status.code() != Some(255) || tries == SSH_TRIES {
                return (String::from_utf8_lossy(&done.stdout).into_owned(), done.status.success());
            }
        }
    }

    /// What of it is broken: its kernel, or machines that ended by themselves.
    pub fn broken(&self) -> Vec<String> {
        // It writes to the disk as it goes; the last words may be cut off anywhere.
        let serial = std::fs::read(self.bed.join("emulated/serial.log")).unwrap_or_default();
        if String::from_utf8_lossy(&serial).contains(LAST_WORDS) {
            return vec!["the emulated machine: kernel panic".into()];
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let answers = Command::new(script).args(["run", "true"]).env("SANDTABLE_BED", &self.bed).output().unwrap();
        if !answers.status.success() {
            return vec!["the emulated machine: it does not answer".into()];
        }
        self.ended()
    }

    /// The machines in it that ended by themselves, and how.
    pub fn ended(&self) -> Vec<String> {
        let mut found = Vec::new();
        for machine in self.script(&["run", "VBoxManage", "list", "vms"]).lines() {
            let (name, uuid) = machine.rsplit_once(" {").unwrap();
            let shown = self.script(&["run", "VBoxManage", "showvminfo", uuid.trim_end_matches('}'), "--machinereadable"]);
            let state = shown.lines().find_map(|line| line.strip_prefix("VMState=")).unwrap_or_default();
            if ["gurumeditation", "aborted", "stuck"].contains(&state.trim_matches('"')) {
                found.push(format!("{name}: {state}"));
            }
        }
        found
    }

    /// Everything that VirtualBox knows of and keeps on the disk.
    pub fn inventory(&self) -> BTreeMap<&'static str, String> {
        let mut all = BTreeMap::new();
        for list in ["vms", "hdds", "natnets", "hostonlyifs", "dhcpservers", "groups"] {
            let mut lines: Vec<String> = self.script(&["run", "VBoxManage", "list", list]).lines().map(str::to_owned).collect();
            lines.sort();
            all.insert(list, lines.join("\n"));
        }
        all.insert("extra data", self.script(&["run", "VBoxManage", "getextradata", "global", "enumerate"]));
        let files = ["run", "find", "/root/VirtualBox VMs", "!", "-name", "*.vbox-prev"];
        let mut files: Vec<String> = self.script(&files).lines().map(str::to_owned).collect();
        files.sort();
        all.insert("files", files.join("\n"));
        all
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtualbox/emulator");
        let _best = Command::new(script).arg("down").env("SANDTABLE_BED", &self.bed).output();
    }
}

/// Somebody who watches a lab: `status --watch`, begun again where it ends. Looking anew each time would keep VirtualBox busy.
pub struct Watch {
    shown: Arc<Shown>,
    thread: Option<JoinHandle<()>>,
}

/// What it said last, and the process that says it.
#[derive(Default)]
struct Shown {
    latest: Mutex<Option<Value>>,
    told: Condvar,
    child: Mutex<Option<Child>>,
    is_over: AtomicBool,
}

impl Watch {
    pub fn of(lab: &Program) -> Self {
        let shown = Arc::new(Shown::default());
        let mut command = lab.command("status", &["--watch", "--format", "json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let theirs = Arc::clone(&shown);
        let thread = std::thread::spawn(move || {
            while !theirs.is_over.load(Ordering::SeqCst) {
                let mut child = command.spawn().unwrap();
                let out = child.stdout.take().unwrap();
                *theirs.child.lock().unwrap() = Some(child);
                // Whoever wants it over may have found none to end.
                if theirs.is_over.load(Ordering::SeqCst) {
                    theirs.child.lock().unwrap().as_mut().map(Child::kill);
                }
                for line in BufReader::new(out).lines().map_while(Result::ok) {
                    *theirs.latest.lock().unwrap() = line.parse().ok();
                    theirs.told.notify_all();
                }
                let _reaped = theirs.child.lock().unwrap().take().map(|mut child| child.wait());
            }
        });
        Self { shown, thread: Some(thread) }
    }

    /// Waits until what is seen is as it should be.
    pub fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let started = Instant::now();
        let mut latest = self.shown.latest.lock().unwrap();
        while !latest.as_ref().is_some_and(&is_so) {
            let left = SEEN.saturating_sub(started.elapsed());
            assert!(!left.is_zero(), "{what} was not seen: {:#}", latest.clone().unwrap_or_default());
            latest = self.shown.told.wait_timeout(latest, left).unwrap().0;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shown.is_over.store(true, Ordering::SeqCst);
        if let Some(child) = self.shown.child.lock().unwrap().as_mut() {
            let _best = child.kill();
        }
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// Prints what was seen and how long it took.
pub struct Clock(&'static str, Instant);

impl Clock {
    pub fn new(suite: &'static str) -> Self {
        Self(suite, Instant::now())
    }

    pub fn seen(&mut self, what: &str) {
        println!("\nsandtable-figures: {} {what}: {:.0} s", self.0, self.1.elapsed().as_secs_f64());
        self.1 = Instant::now();
    }
}
