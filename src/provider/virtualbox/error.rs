//! What went wrong with a call, told from VBoxManage's own words, and what to do about each.
//!
//! The words are those of 7.2.22 as recorded in `tests/virtualbox/transcripts`. An exit code says little: some failures end with
//! 0, some successes with 1. So callers look at what is there afterwards, and use this to say why it is not as it should be.

use super::version::Version;
use crate::{
    host::{process::ProcessError, ssh::SshError},
    model::NodeName,
    provider::{ProviderError, Retry},
};

/// What sort of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What is named does not exist.
    NotFound,
    /// Somebody else works on the machine at this moment.
    Locked,
    /// Whoever worked on the machine has ended, and VirtualBox has not noticed yet.
    SessionEnding,
    /// VirtualBox's service is just starting or ending.
    NotReady,
    /// Something depends on it: a disk with clones, a controller.
    InUse,
    /// A disk is being read or written by another task.
    MediumBusy,
    /// VirtualBox does not allow this range of addresses.
    RangeDenied,
    /// VirtualBox cannot read the machine's settings file.
    Inaccessible,
    /// VirtualBox may not do it, or the user may not.
    Denied,
    /// The name is taken.
    NameTaken,
    /// VirtualBox's kernel modules are not there.
    DriverMissing,
    /// Something else holds the processor's virtualisation.
    VirtualisationTaken,
    /// The host's interface does not exist.
    NoInterface,
    /// The machine is in a state in which this cannot be done.
    WrongState,
    /// This VirtualBox does not know the command.
    Unsupported,
    /// What was asked for is not allowed: too much memory, a wrong address.
    Invalid,
    /// The disk is full, or a file cannot be written.
    File,
    /// No answer within the time.
    Late,
    /// VBoxManage itself broke: it was ended by a signal or by an assertion of its own, and nobody knows whether it was done.
    Broken,
    /// The program could not be run.
    NoProgram,
    /// Nobody waits for it any more.
    Cancelled,
    /// Something else.
    Other,
}

/// Words, and what they mean; the first that is found counts, so the special ones stand before the general ones.
const WORDS: [(&str, Kind); 50] = [
    ("VERR_VMX_IN_VMX_ROOT_MODE", Kind::VirtualisationTaken),
    ("VERR_SVM_IN_USE", Kind::VirtualisationTaken),
    ("VERR_SVM_HOST_SVME_NOT_ENABLED", Kind::VirtualisationTaken),
    ("VERR_NEM_VM_CREATE_FAILED", Kind::VirtualisationTaken),
    ("VERR_VMX_NO_VMX", Kind::VirtualisationTaken),
    ("VERR_SVM_DISABLED", Kind::VirtualisationTaken),
    ("/dev/vboxnetctl", Kind::DriverMissing),
    ("VERR_VM_DRIVER_NOT_INSTALLED", Kind::DriverMissing),
    ("VERR_VM_DRIVER_VERSION_MISMATCH", Kind::DriverMissing),
    ("VERR_VM_DRIVER_LOAD_ERROR", Kind::DriverMissing),
    ("has terminated unexpectedly during startup", Kind::DriverMissing),
    ("VERR_INTNET_FLT_IF_NOT_FOUND", Kind::NoInterface),
    ("Nonexistent host networking interface", Kind::NoInterface),
    ("The host network interface named", Kind::NoInterface),
    ("The object functionality is limited", Kind::Inaccessible),
    ("The object is not ready", Kind::NotReady),
    ("Failed to create the VirtualBox object", Kind::NotReady),
    // Whoever had the machine last has ended, and VirtualBox is not done with that yet (seen with 7.2.22 on a busy machine).
    ("Failed to assign the machine to the session", Kind::SessionEnding),
    // A session that was lost before anything was changed in it (likewise).
    ("The session is not locked", Kind::SessionEnding),
    // Whoever looked at the machine beside us ended just then (likewise, `showvminfo` beside `setextradata`).
    ("was unlocked unexpectedly", Kind::SessionEnding),
    // The code alone says little: an address on a host-only interface and a file without permission have the same.
    ("VBoxManageHostonly.cpp", Kind::RangeDenied),
    ("is locked for reading by another task", Kind::MediumBusy),
    ("is locked for writing by another task", Kind::MediumBusy),
    ("Failed to lock source media", Kind::MediumBusy),
    ("is already locked", Kind::Locked),
    ("while it is locked", Kind::Locked),
    ("being locked or unlocked", Kind::Locked),
    ("VBOX_E_IPRT_ERROR (0x80bb0005), component SessionMachine", Kind::File),
    ("VERR_DISK_FULL", Kind::File),
    ("No space left", Kind::File),
    ("already exists", Kind::NameTaken),
    ("VERR_ALREADY_EXISTS", Kind::NameTaken),
    ("is already attached", Kind::InUse),
    ("child media", Kind::InUse),
    ("child snapshot", Kind::InUse),
    ("VBOX_E_OBJECT_IN_USE", Kind::InUse),
    ("VBOX_E_OBJECT_NOT_FOUND", Kind::NotFound),
    ("Could not find", Kind::NotFound),
    ("VBOX_E_INVALID_VM_STATE", Kind::WrongState),
    ("is not currently running", Kind::WrongState),
    ("VBOX_E_INVALID_OBJECT_STATE", Kind::Locked),
    ("VBOX_E_NOT_SUPPORTED", Kind::Unsupported),
    ("Invalid command", Kind::Unsupported),
    ("Unknown subcommand", Kind::Unsupported),
    ("NS_ERROR_INVALID_ARG", Kind::Invalid),
    ("VBOX_E_FILE_ERROR", Kind::File),
    ("E_ACCESSDENIED", Kind::Denied),
    // An assertion that fails now and then while a VBoxManage ends (seen once with 7.2.22, on a busy machine). What it says before counts.
    ("illegal refcnt", Kind::Broken),
    // VBoxSVC ended, or was too busy to answer, in the middle of a call (seen once with 7.2.22, `list` on a busy machine).
    ("NS_ERROR_ABORT (0x80004004)", Kind::Broken),
    ("NS_ERROR_CALL_FAILED (0x800706be)", Kind::Broken),
];

/// What a failed call's words mean.
pub fn classify(stderr: &str) -> Kind {
    // `Details:` and `Context:` lines are read as well: the code in them is often all that is special.
    WORDS.iter().find(|(words, _)| stderr.contains(words)).map_or(Kind::Other, |(_, kind)| *kind)
}

/// Whether a call says that it failed, whatever its exit code: `modifyvm --nic9` on a machine with eight slots ends with 0.
pub fn complains(stderr: &str) -> bool {
    stderr.lines().any(|line| line.contains("VBoxManage: error:") || line.contains("VBoxManage.exe: error:"))
}

/// The sentences of an error, without what only VirtualBox's developers can use.
pub fn gist(stderr: &str) -> String {
    let lines = stderr.lines().filter_map(|line| {
        let text = line.split_once("VBoxManage: error: ").or_else(|| line.split_once("VBoxManage.exe: error: "))?.1.trim();
        (!text.starts_with("Details:") && !text.starts_with("Context:")).then_some(text)
    });
    let text = lines.collect::<Vec<_>>().join(". ");
    if !text.is_empty() {
        return text;
    }
    let last = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    last.unwrap_or("VBoxManage failed and does not say why").to_owned()
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{gist}")]
pub struct CallError {
    /// What sort of failure.
    pub kind: Kind,
    /// What VBoxManage said of it.
    pub gist: String,
}

impl CallError {
    /// An error of our own making.
    pub fn new(kind: Kind, gist: impl Into<String>) -> Self {
        Self { kind, gist: gist.into() }
    }

    /// Whether trying again may help.
    pub fn is_worth_a_retry(&self) -> bool {
        matches!(self.kind, Kind::Locked | Kind::SessionEnding | Kind::MediumBusy | Kind::NotReady)
    }

    /// The error as a provider's.
    pub fn explain(&self, what: impl Into<String>, node: Option<&NodeName>, version: Option<Version>) -> ProviderError {
        let is_worth = self.is_worth_a_retry() || matches!(self.kind, Kind::Late | Kind::Broken);
        let retry = if is_worth { Retry::Worth } else { Retry::Useless };
        ProviderError { what: what.into(), node: node.cloned(), why: self.gist.clone(), next: self.next(version), retry }
    }

    fn next(&self, version: Option<Version>) -> String {
        match self.kind {
            Kind::NotFound => "See what there is with: VBoxManage list vms",
            Kind::SessionEnding => "VirtualBox holds the machine for a program that has ended; try again, and if it stays so, end VBoxSVC",
            Kind::Locked => "Somebody else works on it, perhaps VirtualBox's own window; close that and try again",
            Kind::NotReady => "Wait a few seconds and try again; if it stays so, end VBoxSVC",
            Kind::InUse => "See what depends on it: clones of the machine must be deleted first",
            Kind::MediumBusy => "Wait until the copy of the disk is done, and try again",
            Kind::RangeDenied => "Allow the range: `sandtable doctor LAYOUT` says which line /etc/vbox/networks.conf lacks",
            Kind::Inaccessible => {
                "See why with: VBoxManage list -l vms; restore the machine's settings file or its disk, or remove the machine: VBoxManage \
                 unregistervm UUID"
            }
            Kind::Denied => "See whether the machine's files belong to the user who runs VirtualBox",
            Kind::NameTaken => "Something of that name exists already and is not this lab's; rename one of the two",
            Kind::DriverMissing => {
                "Load VirtualBox's kernel modules: sudo modprobe -a vboxdrv vboxnetadp vboxnetflt (Debian: install virtualbox-dkms \
                 and the kernel's headers first; elsewhere: sudo /sbin/vboxconfig)"
            }
            Kind::VirtualisationTaken => {
                return version.map_or_else(
                    || "Something else holds the processor's virtualisation: see `sandtable doctor`".to_owned(),
                    |version| version.kvm_advice().to_owned(),
                );
            }
            Kind::NoInterface => "See what there is with: VBoxManage list hostonlyifs (or bridgedifs); deploy again so that it is made",
            Kind::WrongState => "See the machine's state with: VBoxManage list -l runningvms",
            Kind::Unsupported => "This VirtualBox cannot do it; a newer one may",
            Kind::Invalid => "Change what the drawing asks for",
            Kind::File => "See whether the disk has room and the folder can be written to",
            Kind::Late => "VirtualBox may be busy; try again. If it stays so, end VBoxSVC and try again",
            Kind::Broken => "VBoxManage itself broke; try again",
            Kind::NoProgram => "Install VirtualBox, or say where VBoxManage is: SANDTABLE_VBOXMANAGE=/path/to/VBoxManage",
            Kind::Cancelled => "Try again",
            Kind::Other => "See VirtualBox's log in the machine's folder, Logs/VBox.log",
        }
        .to_owned()
    }
}

impl From<ProcessError> for CallError {
    fn from(error: ProcessError) -> Self {
        let kind = match error {
            ProcessError::Missing(_) | ProcessError::Start { .. } => Kind::NoProgram,
            ProcessError::Late { .. } => Kind::Late,
            ProcessError::Cancelled(_) => Kind::Cancelled,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<SshError> for CallError {
    fn from(error: SshError) -> Self {
        let kind = match error {
            SshError::Late { .. } => Kind::Late,
            SshError::Cancelled { .. } => Kind::Cancelled,
            _ => Kind::NoProgram,
        };
        Self::new(kind, error.to_string())
    }
}
