//! What all parts of a real provider share: the machines, the lab's state folder, the catalog, the clock.

use crate::{
    catalog::{Catalog, Recipes},
    host::state::{LabFolder, Locked, StateError, Wait},
    model::{Family, NodeName},
    plan::LabId,
    provider::{
        ProviderError, Retry,
        machines::{Below, Machines},
        sim::WallClock,
        transport::{Command, Transport},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// How long to wait for somebody else who changes the lab.
const LOCK_WAIT: Duration = Duration::from_secs(3);
/// How long a node may take to say what it is. One that has just started may be slow.
const ASK_TIMEOUT: Duration = Duration::from_secs(60);
/// What it is asked, and the word with which its answer ends.
pub(super) const ASK_FAMILY: &str = "cat /etc/os-release 2>/dev/null; echo; echo sandtable:asked";
const ASKED: &str = "sandtable:asked";
/// How old may be what is known of the machines as such; older where the hypervisor tells of changes as they happen.
const BELOW_AGE: Duration = Duration::from_millis(1500);
const BELOW_AGE_TOLD: Duration = Duration::from_secs(5);
/// How much older it may be while it is asked for anew.
const BELOW_AGE_MORE: Duration = Duration::from_millis(3500);
/// What is known serves for so many times as long as it takes to ask.
const LOOK_SHARE: u32 = 5;
/// How long the hypervisor may take until it tells of changes, and how many may wait to be heard.
const TOLD_AFTER: Duration = Duration::from_secs(2);
const TOLD_MAX: usize = 16;
/// When the lab was first deployed, in milliseconds since 1970; behind it [`KEEPS_FAULTS`], but where an earlier version wrote it.
const SINCE_FILE: &str = "since";
/// The word that says that the lab has had a journal of faults since its first step.
const KEEPS_FAULTS: &str = "faults";

/// Who holds the folder's lock.
#[derive(Clone)]
pub enum Hold {
    /// Each change takes it for itself.
    EachChange,
    /// The one who made this provider, for as long as it lives.
    Whole(Arc<Locked>),
}

/// One lab on real machines.
pub struct Core {
    /// What makes its machines.
    pub machines: Arc<dyn Machines>,
    /// Its state folder.
    pub folder: LabFolder,
    /// Its identity.
    pub id: LabId,
    /// Its name, as people wrote it.
    pub name: String,
    /// The kinds of service.
    pub catalog: &'static Catalog,
    /// How they are set up.
    pub recipes: &'static Recipes,
    /// The wall clock.
    pub clock: WallClock,
    /// Where nodes without a way of their own get packages, as lines of apt's sources.list(5); `None`: from their image's sources.
    pub package_source: Option<String>,
    hold: Hold,
    /// Whoever opens a node's uplink closes it before the next does.
    uplinks: Mutex<BTreeMap<NodeName, Arc<tokio::sync::Mutex<()>>>>,
    /// Nodes that have an uplink as last seen, or that one could not be taken from since; `None`: nobody has looked.
    with_uplink: Mutex<Option<BTreeSet<NodeName>>>,
    families: Mutex<BTreeMap<NodeName, Family>>,
    secrets: Mutex<Option<super::secrets::Store>>,
    below: Mutex<Option<(Instant, Arc<Below>)>>,
    /// How long the last look took, in milliseconds.
    look_ms: AtomicU64,
    asks_below: AtomicBool,
    changes_below: AtomicU64,
    is_told: AtomicBool,
    is_old: AtomicBool,
}

/// A lab's clock at a moment of the wall's: milliseconds since it was first deployed; 0 before that.
pub fn lab_clock_ms(folder: &LabFolder, wall_ms: u64) -> u64 {
    since(folder).map_or(0, |since| wall_ms.saturating_sub(since).max(1))
}

/// When a lab's clock was started; `None`: never, or the record cannot be read, and it is started again.
fn since(folder: &LabFolder) -> Option<u64> {
    let bytes = folder.read(SINCE_FILE).ok().flatten()?;
    String::from_utf8(bytes).ok()?.split_whitespace().next()?.parse().ok()
}

/// Whether a lab has a journal of faults for sure: then one that is missing is lost.
pub(super) fn keeps_faults(folder: &LabFolder) -> bool {
    let bytes = folder.read(SINCE_FILE).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&bytes).split_whitespace().nth(1) == Some(KEEPS_FAULTS)
}

impl Core {
    /// What the parts share.
    pub fn new(machines: Arc<dyn Machines>, folder: LabFolder, id: LabId, name: String, clock: WallClock, hold: Hold) -> Self {
        Self {
            machines,
            folder,
            id,
            name,
            catalog: Catalog::embedded(),
            recipes: Recipes::embedded(),
            clock,
            package_source: None,
            hold,
            uplinks: Mutex::default(),
            with_uplink: Mutex::default(),
            families: Mutex::default(),
            secrets: Mutex::default(),
            below: Mutex::default(),
            look_ms: AtomicU64::new(0),
            asks_below: AtomicBool::new(false),
            changes_below: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
            is_old: AtomicBool::new(false),
        }
    }

    /// The clock of [`crate::model::Observed::at_ms`]: milliseconds since the lab was first deployed; 0 before that.
    pub fn now_ms(&self) -> u64 {
        lab_clock_ms(&self.folder, (self.clock)())
    }

    /// Whether the lab's clock was started: by the first step.
    pub(super) fn has_clock(&self) -> bool {
        since(&self.folder).is_some()
    }

    /// Starts the lab's clock, where it does not run yet.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn start_clock(&self) -> Result<(), ProviderError> {
        if since(&self.folder).is_some() {
            return Ok(());
        }
        let now = format!("{} {KEEPS_FAULTS}\n", (self.clock)());
        self.locked(|locked| {
            super::secrets::begin(locked)?;
            super::journal::begin(locked)?;
            locked.write(SINCE_FILE, now.as_bytes())
        })
    }

    /// Whether whoever made this provider holds the lab's lock: only then may steps be done.
    pub fn may_act(&self) -> bool {
        matches!(self.hold, Hold::Whole(_))
    }

    /// Changes the state folder under its lock. Never keep it for as long as a node takes to answer.
    ///
    /// # Errors
    /// Where another holds it for too long, or the disk refuses.
    pub fn locked<R>(&self, change: impl FnOnce(&Locked) -> Result<R, StateError>) -> Result<R, ProviderError> {
        let result = match &self.hold {
            Hold::Whole(locked) => change(locked),
            Hold::EachChange => self.folder.lock(Wait::AtMost(LOCK_WAIT)).and_then(|locked| change(&locked)),
        };
        result.map_err(in_state)
    }

    /// What exists below the guests: whoever watches asks far more often than it changes, so what is older than `BELOW_AGE` is
    /// asked for anew while it still serves, and only what is older by `BELOW_AGE_MORE` is waited for. A hypervisor that
    /// freezes a machine may take seconds to answer. Call it on a runtime.
    ///
    /// # Errors
    /// Where the hypervisor does not say.
    pub async fn below(self: &Arc<Self>) -> Result<Arc<Below>, ProviderError> {
        let known = self.known_below().clone();
        let age = if self.is_told.load(Ordering::Acquire) { BELOW_AGE_TOLD } else { BELOW_AGE };
        // A hypervisor that is slow to answer is asked less often: looking must not be what keeps it busy.
        let looked = Duration::from_millis(self.look_ms.load(Ordering::Acquire)) * LOOK_SHARE;
        let (fresh, serves) = (age.max(looked), (age + BELOW_AGE_MORE).max(looked * 2));
        let Some((at, below)) = known.filter(|(at, _)| at.elapsed() < serves) else { return self.ask_below().await };
        let is_old = at.elapsed() >= fresh || self.is_old.load(Ordering::Acquire);
        if is_old && !self.asks_below.swap(true, Ordering::AcqRel) {
            let core = Arc::clone(self);
            tokio::spawn(async move {
                // What fails here fails again where it is waited for.
                let _later = core.ask_below().await;
                core.asks_below.store(false, Ordering::Release);
            });
        }
        Ok(below)
    }

    /// How many times as long as elsewhere things take here, from 1 to 10: a look below is a matter of a second at most, and nodes
    /// on a hypervisor that is slow to answer are slow as well.
    pub fn slowness(&self) -> u32 {
        let seconds = self.look_ms.load(Ordering::Acquire) / 1000;
        u32::try_from(seconds).unwrap_or(u32::MAX).clamp(1, 10)
    }

    async fn ask_below(&self) -> Result<Arc<Below>, ProviderError> {
        let asked = Instant::now();
        self.is_old.store(false, Ordering::Release);
        let changes = self.changes_below.load(Ordering::Acquire);
        let below = Arc::new(self.machines.look().await?);
        let took_ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.look_ms.store(took_ms, Ordering::Release);
        tracing::trace!(took_ms, "a look below the guests");
        let with_uplink = below.machines.iter().filter(|(_, machine)| machine.has_uplink).map(|(node, _)| node.clone()).collect();
        *self.with_uplink() = Some(with_uplink);
        // What was changed meanwhile may not be in it yet.
        if self.changes_below.load(Ordering::Acquire) == changes {
            *self.known_below() = Some((asked, Arc::clone(&below)));
        }
        Ok(below)
    }

    /// Something was changed below the guests: whoever looks next asks the hypervisor.
    pub fn changed_below(&self) {
        self.changes_below.fetch_add(1, Ordering::AcqRel);
        *self.known_below() = None;
    }

    /// Hands on what the hypervisor tells of changes to these nodes, for as long as it does; meanwhile it is asked less often.
    ///
    /// # Errors
    /// Where it stops telling.
    pub async fn told_below(&self, nodes: &[NodeName]) -> Result<(), ProviderError> {
        self.is_told.store(false, Ordering::Release);
        let (sender, mut changes) = mpsc::channel(TOLD_MAX);
        let hear = async {
            while changes.recv().await.is_some() {
                self.is_old.store(true, Ordering::Release);
            }
        };
        let begin = async {
            // What happens before it listens is not told.
            tokio::time::sleep(TOLD_AFTER).await;
            self.is_told.store(true, Ordering::Release);
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            (ended, ()) = async { tokio::join!(self.machines.follow(nodes, sender), hear) } => ended,
            () = begin => Ok(()),
        };
        self.is_told.store(false, Ordering::Release);
        ended
    }

    fn known_below(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Arc<Below>)>> {
        self.below.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way into a node.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn transport(&self, node: &NodeName) -> Result<Arc<dyn Transport>, ProviderError> {
        self.machines.transport(node).await
    }

    /// What runs on a node, as it says itself; asked once.
    ///
    /// # Errors
    /// Where it does not answer, or is of no family that is known.
    pub async fn family(&self, node: &NodeName) -> Result<Family, ProviderError> {
        if let Some(known) = self.families.lock().unwrap_or_else(PoisonError::into_inner).get(node) {
            return Ok(*known);
        }
        let transport = self.transport(node).await?;
        let output = transport.run(Command::script(ASK_FAMILY, ASK_TIMEOUT)).await?;
        let text = String::from_utf8_lossy(&output.stdout);
        // A busy daemon was seen to lose a command's input or output: without its last word it is no answer.
        if !text.trim_end().ends_with(ASKED) {
            return Err(ProviderError {
                what: format!("find out what runs on {node}"),
                node: Some(node.clone()),
                why: "it was asked and did not say".into(),
                next: "Try again; see whether the node is overloaded.".into(),
                retry: Retry::Worth,
            });
        }
        let family = family_of(&text);
        self.families.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), family);
        Ok(family)
    }

    /// The lock of a node's uplink.
    pub(super) fn uplink_turn(&self, node: &NodeName) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.uplinks.lock().unwrap_or_else(PoisonError::into_inner).entry(node.clone()).or_default())
    }

    /// Nodes that have an uplink, as far as is known without looking: who holds the lab's lock opens and closes them alone.
    pub(super) fn with_uplink(&self) -> MutexGuard<'_, Option<BTreeSet<NodeName>>> {
        self.with_uplink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secrets, once they are read.
    pub(super) fn store(&self) -> MutexGuard<'_, Option<super::secrets::Store>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was found out on a node: it is made anew.
    pub fn forget(&self, node: &NodeName) {
        self.families.lock().unwrap_or_else(PoisonError::into_inner).remove(node);
    }
}

/// The family that an `os-release` names (os-release(5): `ID`, then `ID_LIKE`); without a known name, or without that file, another.
fn family_of(text: &str) -> Family {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches(['"', '\'']).to_owned())
    };
    let known = |word: &str| match word {
        "debian" => Some(Family::Debian),
        "ubuntu" => Some(Family::Ubuntu),
        "fedora" => Some(Family::Fedora),
        "rocky" | "rhel" | "centos" | "almalinux" => Some(Family::Rocky),
        _ => None,
    };
    value("ID").as_deref().and_then(known).or_else(|| value("ID_LIKE")?.split_whitespace().find_map(known)).unwrap_or(Family::Other)
}

pub(super) fn in_state(error: StateError) -> ProviderError {
    let (next, retry) = match &error {
        StateError::InUse(_) => ("Wait until the other sandtable is done, then try again.", Retry::Worth),
        StateError::NoHome | StateError::Io { .. } | StateError::Relative(_) | StateError::Unsafe { .. } => {
            ("See that the disk has room and the state folder is yours, then try again.", Retry::Worth)
        }
    };
    ProviderError { what: "keep the lab's state".into(), node: None, why: error.to_string(), next: next.into(), retry }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_by_their_own_word_then_by_likeness() {
        for (text, family) in [
            ("PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n", Family::Debian),
            ("ID=ubuntu\nID_LIKE=debian\n", Family::Ubuntu),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Family::Rocky),
            ("ID=fedora\n", Family::Fedora),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Family::Ubuntu),
            ("ID=alpine\n", Family::Other),
            ("", Family::Other),
        ] {
            assert_eq!(family_of(text), family, "{text:?}");
        }
    }
}
