//! Runs VBoxManage: arguments as lists, a UTF-8 locale, a deadline for each call, retries where somebody else had the machine, and
//! an account of every call.
//!
//! A call that is late is nearly always done: while all processors are busy, one VBoxManage in a hundred waits ten seconds at its own
//! end, with its answer not yet written, because a thread of its misses the word to end (seen with 7.2.22, in `RTReqPoolRelease`).
//! So what only asks is asked a second time beside the first, and a change is looked for meanwhile; it is never made twice.
//!
//! In the C locale VBoxManage ends its output at the first letter that is not ASCII, and does not start where the home folder has
//! one (seen with 7.2.22), so it always gets a UTF-8 locale ([`crate::host::locale`]).
//!
//! It decides nothing. Locks: [`VBoxManage::alone`] for clones, imports and networks (parallel imports fail in VirtualBox, issue
//! 80), [`VBoxManage::machine`] for changes of one machine. What only reads needs none.

use super::{
    error::{CallError, Kind, classify, complains, gist},
    find::System,
    version::Version,
};
use crate::host::{
    locale,
    process::{Program, run_aside},
    ssh::{RemoteCommand, Ssh},
};
use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex as Lock, MutexGuard, OnceCell, OwnedMutexGuard, Semaphore};

/// How many calls run at a time. `VBoxSVC` bears 16 at once (seen, cold, with 7.2.22); more only wait in it.
const AT_ONCE: usize = 8;
/// How often something is asked while VBoxManage itself breaks.
const ASKS: u32 = 3;
/// How often a call is tried, and how long to wait between, growing up to the most. In all that is twice the ten seconds for which
/// a VBoxManage that is late at its end still holds a machine, though whoever called it was killed.
const TRIES: u32 = 13;
/// Likewise where VirtualBox has to notice that a program ended: a minute. On a busy machine half of one was not enough.
const TRIES_ENDING: u32 = 30;
const PAUSE: Duration = Duration::from_millis(150);
const PAUSE_MOST: Duration = Duration::from_millis(2400);
/// From when on a call is late: after this, or so many times as long as calls usually take here. Of another machine little is known.
const LATE: Duration = Duration::from_millis(500);
const LATE_THERE: Duration = Duration::from_secs(10);
const LATE_SHARE: u64 = 4;
/// The longest time between two looks for a change whose call is late. The first comes when it is late, each after twice the time.
const LOOK_MOST: Duration = Duration::from_secs(4);

/// How long calls may take. With all processors busy, VBoxManage at times takes ten seconds more to find `VBoxSVC` (seen with
/// 7.2.22), so nothing is below a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Asks, or changes settings.
    Short,
    /// Starts a machine, takes a snapshot, deletes disks.
    Long,
    /// Copies disks.
    Copy,
}

impl Patience {
    fn limit(self, short: Duration) -> Duration {
        match self {
            Self::Short => short,
            Self::Long => short * 5,
            Self::Copy => short * 60,
        }
    }
}

/// Where VBoxManage is.
#[derive(Clone)]
pub enum Place {
    /// On this machine.
    Here(PathBuf),
    /// On another one, by its name or path there.
    There(Ssh, String),
}

/// How many calls of one sort were made, and how long they took together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u32,
    /// How many of them failed.
    pub failed: u32,
    /// How long, together. Calls run side by side, so this may be longer than it took.
    pub took: Duration,
}

/// VBoxManage, somewhere.
pub struct VBoxManage {
    place: Place,
    limit: Duration,
    permits: Semaphore,
    alone: Lock<()>,
    machines: Mutex<HashMap<String, Arc<Lock<()>>>>,
    tally: Mutex<BTreeMap<String, Tally>>,
    about: OnceCell<(Version, System)>,
    /// The locale for calls on another machine.
    locale_there: OnceCell<String>,
    /// How long calls that ask usually take, in milliseconds.
    usual_ms: AtomicU64,
}

impl VBoxManage {
    /// A VBoxManage at a place; a call that only asks may take `limit`, others longer.
    pub fn at(place: Place, limit: Duration) -> Self {
        Self {
            place,
            limit,
            permits: Semaphore::new(AT_ONCE),
            alone: Lock::default(),
            machines: Mutex::default(),
            tally: Mutex::default(),
            about: OnceCell::new(),
            locale_there: OnceCell::new(),
            usual_ms: AtomicU64::new(0),
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The lock for clones, imports and networks.
    pub async fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }

    /// The lock for changes of a machine.
    pub async fn machine(&self, uuid: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(machines.entry(uuid.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    /// The calls made so far, by what they were.
    pub fn tally(&self) -> BTreeMap<String, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks something. Where the answer is late it is asked a second time beside the first, and the first answer counts; where
    /// VBoxManage itself breaks it is asked anew: asking twice does no harm.
    ///
    /// # Errors
    /// Where VBoxManage fails.
    pub async fn ask(&self, args: &[&str]) -> Result<String, CallError> {
        for _ in 1..ASKS {
            match self.ask_beside(args).await {
                Err(error) if error.kind == Kind::Broken => tracing::debug!(call = verb(args), %error, "asked anew"),
                other => return other,
            }
        }
        self.ask_beside(args).await
    }

    async fn ask_beside(&self, args: &[&str]) -> Result<String, CallError> {
        let started = std::time::Instant::now();
        let first = self.call(args, Patience::Short);
        let again = async {
            tokio::time::sleep(self.late()).await;
            tracing::debug!(call = verb(args), "late, asked again");
            // Those that are late hold places and do nothing.
            self.unbounded(args, Patience::Short).await
        };
        tokio::pin!(first, again);
        let answer = tokio::select! {
            answer = &mut first => match answer {
                Err(error) if error.kind == Kind::Late => again.await,
                other => other,
            },
            answer = &mut again => match answer {
                Ok(text) => Ok(text),
                Err(_) => first.await,
            },
        };
        let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let usual = self.usual_ms.load(Ordering::Relaxed);
        self.usual_ms.store(if usual == 0 { took } else { (usual * 7).saturating_add(took) / 8 }, Ordering::Relaxed);
        answer
    }

    /// Changes something. Where the call is late, it is looked whether the change is there: then it need not be waited for.
    ///
    /// # Errors
    /// As [`VBoxManage::call`].
    pub async fn change<L: Future<Output = Result<bool, CallError>> + Send>(
        &self,
        args: &[&str],
        patience: Patience,
        is_so: impl Fn() -> L + Send,
    ) -> Result<(), CallError> {
        let found = async {
            let mut pause = self.late();
            loop {
                tokio::time::sleep(pause).await;
                if matches!(is_so().await, Ok(true)) {
                    tracing::debug!(call = verb(args), "late, and it is so");
                    return;
                }
                pause = (pause * 2).min(LOOK_MOST.max(self.late()));
            }
        };
        tokio::select! {
            biased;
            done = self.call(args, patience) => done.map(drop),
            () = found => Ok(()),
        }
    }

    fn late(&self) -> Duration {
        let least = if matches!(self.place, Place::There(..)) { LATE_THERE } else { LATE };
        least.max(Duration::from_millis(self.usual_ms.load(Ordering::Relaxed).saturating_mul(LATE_SHARE)))
    }

    /// Calls VBoxManage, again where somebody else had the machine. Gives what it wrote.
    ///
    /// # Errors
    /// Where it fails, or is late: then nobody knows whether it was done, and the caller must look.
    pub async fn call(&self, args: &[&str], patience: Patience) -> Result<String, CallError> {
        let (mut pause, mut tried) = (PAUSE, 0);
        loop {
            tried += 1;
            let tries_max = |error: &CallError| if error.kind == Kind::SessionEnding { TRIES_ENDING } else { TRIES };
            match self.once(args, patience).await {
                Err(error) if error.is_worth_a_retry() && tried < tries_max(&error) => {
                    tracing::debug!(call = verb(args), %error, "tried again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MOST);
                }
                other => return other,
            }
        }
    }

    /// One call, not tried again.
    ///
    /// # Errors
    /// As [`VBoxManage::call`].
    pub async fn once(&self, args: &[&str], patience: Patience) -> Result<String, CallError> {
        let _permit = self.permits.acquire().await.map_err(|_| CallError::new(Kind::Cancelled, "cancelled"))?;
        self.unbounded(args, patience).await
    }

    /// One call that reads something, not tried again.
    ///
    /// # Errors
    /// As [`VBoxManage::call`].
    pub async fn feed(&self, args: &[&str], patience: Patience, stdin: Vec<u8>) -> Result<String, CallError> {
        let _permit = self.permits.acquire().await.map_err(|_| CallError::new(Kind::Cancelled, "cancelled"))?;
        self.fed(args, patience, stdin).await
    }

    async fn unbounded(&self, args: &[&str], patience: Patience) -> Result<String, CallError> {
        self.fed(args, patience, Vec::new()).await
    }

    async fn fed(&self, args: &[&str], patience: Patience, stdin: Vec<u8>) -> Result<String, CallError> {
        let started = std::time::Instant::now();
        let result = self.run(args, patience.limit(self.limit), stdin).await;
        let took = started.elapsed();
        tracing::debug!(call = args.join(" "), ms = took.as_millis(), ok = result.is_ok(), "VBoxManage");
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = tally.entry(verb(args)).or_default();
        entry.count += 1;
        entry.failed += u32::from(result.is_err());
        entry.took += took;
        result
    }

    async fn run(&self, args: &[&str], limit: Duration, stdin: Vec<u8>) -> Result<String, CallError> {
        let (code, stdout, stderr) = match &self.place {
            Place::Here(program) => {
                let ran = run_aside(Program { stdin, ..Program::new(program, args, limit) }, &format!("vboxmanage-{}", verb(args))).await?;
                (ran.code, ran.stdout, ran.stderr)
            }
            Place::There(ssh, program) => {
                let locale = self.locale_there.get_or_init(|| self.ask_locale(ssh)).await;
                let set = locale::environment(locale).into_iter().map(|(name, value)| format!("{name}={value}"));
                let words = [program.as_str()].into_iter().chain(args.iter().copied()).map(str::to_owned);
                let argv = ["env".to_owned()].into_iter().chain(set).chain(words).collect();
                let ran = ssh.run(RemoteCommand { argv, stdin, timeout: limit }).await?;
                if matches!(ran.code, 126 | 127) {
                    return Err(CallError::new(Kind::NoProgram, format!("{program} cannot be run on {}", ssh.host().name)));
                }
                (ran.code, ran.stdout, ran.stderr)
            }
        };
        let stderr = String::from_utf8_lossy(&stderr);
        // A list complains of single things that it cannot read, such as a machine without its settings file, and goes on.
        let is_list = args.first() == Some(&"list");
        if code != 0 || (complains(&stderr) && !is_list) {
            let is_killed = code > 128 && !complains(&stderr);
            let error = CallError::new(if is_killed { Kind::Broken } else { classify(&stderr) }, gist(&stderr));
            tracing::debug!(call = args.join(" "), code, stderr = stderr.trim(), "VBoxManage failed");
            return Err(error);
        }
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    /// The locale to use on another machine; the usual one where it does not list any.
    async fn ask_locale(&self, ssh: &Ssh) -> String {
        let argv = ["locale", "-a"].map(str::to_owned).to_vec();
        let ran = ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: self.limit }).await;
        locale::choose(&ran.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned()).unwrap_or_default())
    }

    /// The version, and the system that it runs on; asked once.
    ///
    /// # Errors
    /// Where VBoxManage cannot be run.
    pub async fn about(&self) -> Result<(Version, System), CallError> {
        let ask = async || {
            let text = self.ask(&["--version"]).await?;
            let version = Version::parse(&text)
                .ok_or_else(|| CallError::new(Kind::NoProgram, format!("it says that its version is {:?}", text.trim())))?;
            let system = match &self.place {
                Place::Here(program) => System::of(program),
                Place::There(ssh, _) => {
                    let argv = ["uname", "-s"].map(str::to_owned).to_vec();
                    let ran = ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: self.limit }).await?;
                    System::called(&String::from_utf8_lossy(&ran.stdout))
                }
            };
            Ok((version, system))
        };
        self.about.get_or_try_init(ask).await.copied()
    }

    /// The version, if it was asked for already.
    pub fn version(&self) -> Option<Version> {
        self.about.get().map(|(version, _)| *version)
    }
}

/// What a call is: its first word, and the second where the first says too little.
fn verb(args: &[&str]) -> String {
    let words = match args {
        [first @ ("snapshot" | "controlvm"), _, action, ..] => [*first, *action],
        [first @ ("list" | "natnetwork" | "dhcpserver" | "hostonlyif" | "hostonlynet"), second, ..] => [*first, *second],
        [first, ..] => [*first, ""],
        [] => ["", ""],
    };
    words.join(" ").trim_end().trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A VBoxManage that does what the test's shell script says; `$n` is the call's number.
    fn fake(script: &str) -> (tempfile::TempDir, VBoxManage) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("VBoxManage");
        let text =
            format!("#!/bin/sh\ncd '{}'\nn=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n > n\n{script}\n", folder.path().display());
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let manage = VBoxManage::at(Place::Here(file), Duration::from_secs(20));
        (folder, manage)
    }

    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn a_lock_is_waited_for_and_other_failures_are_not() {
        let locked = "echo \"VBoxManage: error: The machine 'x' is already locked by a session (or being locked or unlocked)\" >&2; exit 1";
        let (_folder, manage) = fake(&format!("[ $n -ge 3 ] || {{ {locked}; }}; echo done $LC_ALL"));
        let done = format!("done {}\n", crate::host::locale::here());
        assert_eq!(wait(manage.call(&["modifyvm", "x"], Patience::Short)).unwrap(), done);
        let tally = manage.tally();
        assert_eq!((tally["modifyvm"].count, tally["modifyvm"].failed), (3, 2));
        let (_folder, manage) = fake("echo 'VBoxManage: error: Could not find a registered machine' >&2; exit 1");
        assert_eq!(wait(manage.call(&["showvminfo", "x"], Patience::Short)).unwrap_err().kind, Kind::NotFound);
        assert_eq!(manage.tally()["showvminfo"].count, 1);
    }

    /// The first two calls end by a signal, and by an assertion as it was seen.
    #[test]
    fn what_only_asks_is_asked_anew_where_vboxmanage_breaks() {
        let breaks =
            "case $n in 1) kill -ABRT $$ ;; 2) echo 'AddRef: illegal refcnt=3221225469 state=2' >&2; exit 1 ;; esac; echo answer $n";
        let (_folder, manage) = fake(breaks);
        assert_eq!(wait(manage.ask(&["list", "vms"])).unwrap(), "answer 3\n");
        // Whoever changes something must look first.
        let (_folder, manage) = fake(breaks);
        assert_eq!(wait(manage.call(&["modifyvm", "x"], Patience::Short)).unwrap_err().kind, Kind::Broken);
        assert_eq!(manage.tally()["modifyvm"].count, 1);
        let (_folder, manage) = fake("kill -ABRT $$");
        assert_eq!(wait(manage.ask(&["list", "vms"])).unwrap_err().kind, Kind::Broken);
        assert_eq!(manage.tally()["list vms"].count, ASKS);
    }

    /// The first call hangs as VBoxManage does at its end; all others answer.
    #[test]
    fn what_is_late_is_asked_again_and_a_change_is_looked_for() {
        let (_folder, manage) = fake("[ $n -ne 1 ] || { touch there; exec sleep 600; }; echo answer $n");
        let started = std::time::Instant::now();
        assert_eq!(wait(manage.ask(&["list", "vms"])).unwrap(), "answer 2\n");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        let (folder, manage) = fake("[ $n -ne 1 ] || { touch there; exec sleep 600; }; echo answer $n");
        let is_so = || async { Ok(folder.path().join("there").exists()) };
        wait(manage.change(&["modifyvm", "x"], Patience::Short, is_so)).unwrap();
        assert_eq!(manage.tally().get("modifyvm"), None, "it was ended before its own end, and made once");
        assert_eq!(std::fs::read_to_string(folder.path().join("n")).unwrap().trim(), "1");
    }

    /// What is late and not there is waited for, and not made a second time.
    #[test]
    fn a_change_that_is_late_and_not_there_is_waited_for() {
        let (folder, manage) = fake("sleep 4; touch there; echo done");
        let looks = std::sync::atomic::AtomicU32::new(0);
        let is_so = || async {
            looks.fetch_add(1, Ordering::Relaxed);
            Ok(false)
        };
        wait(manage.change(&["modifyvm", "x"], Patience::Short, is_so)).unwrap();
        assert!(looks.load(Ordering::Relaxed) >= 1);
        assert_eq!(manage.tally()["modifyvm"].count, 1);
        assert!(folder.path().join("there").exists());
    }

    #[test]
    fn exit_code_0_alone_is_no_success() {
        let (_folder, manage) = fake("echo 'VBoxManage: error: Invalid NIC number 9' >&2");
        assert_eq!(wait(manage.call(&["modifyvm", "x"], Patience::Short)).unwrap_err().gist, "Invalid NIC number 9");
        let (_folder, manage) = fake("echo 'VBoxManage: error: Start tag expected' >&2; echo the rest");
        assert_eq!(wait(manage.ask(&["list", "-l", "vms"])).unwrap(), "the rest\n", "one of a list cannot be read");
        let (_folder, manage) = fake("echo '0%...100%' >&2; echo 7.2.22r1");
        assert_eq!(wait(manage.about()).unwrap().0.to_string(), "7.2.22");
        wait(manage.about()).unwrap();
        assert_eq!(manage.tally()["--version"].count, 1);
    }

    #[test]
    fn calls_have_their_names() {
        assert_eq!(verb(&["list", "vms"]), "list vms");
        assert_eq!(verb(&["controlvm", "x", "setlinkstate2", "on"]), "controlvm setlinkstate");
        assert_eq!(verb(&["snapshot", "x", "take", "y"]), "snapshot take");
        assert_eq!(verb(&["clonevm", "x"]), "clonevm");
        assert_eq!(verb(&[]), "");
    }
}
