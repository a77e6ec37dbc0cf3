//! The identity of a provider, as `--on` takes it, and how a lab is opened there: the one place that knows all providers.

use super::{
    Answer, Provider, ProviderError, Retry,
    doctor::Check,
    incus::{self, IncusMachines},
    machines::Machines,
    real::{Core, Hold, RealProvider, core::lab_clock_ms, journal::Faults, watch::watch},
    settings::{Section, Setting, Settings},
    sim::{SimProvider, WallClock},
    virtualbox::{self, Files, VirtualBox},
};
use crate::{
    host::state::{LabFolder, Locked},
    model::ActiveFault,
    plan::LabId,
};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

/// A provider, as `--on` takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderId {
    /// The built-in simulator.
    #[default]
    Sim,
    /// An Incus daemon: this machine's, or a remote or cluster that the Incus client knows by this name.
    Incus(Option<String>),
    /// VirtualBox: this machine's, or another's over ssh.
    VirtualBox(Option<String>),
}

impl FromStr for ProviderId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest)));
        let plain =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !name.starts_with('-');
        match (word, rest) {
            ("sim", None) => Ok(Self::Sim),
            ("incus", None) => Ok(Self::Incus(None)),
            ("incus", Some(remote)) if plain(remote) => Ok(Self::Incus(Some(remote.to_owned()))),
            ("incus", Some(remote)) => Err(format!("{remote:?} is no remote; write incus:REMOTE with a name of `incus remote list`")),
            ("virtualbox", None) => Ok(Self::VirtualBox(None)),
            ("virtualbox", Some(rest)) => match rest.strip_prefix("ssh://").filter(|host| is_host(host)) {
                Some(host) => Ok(Self::VirtualBox(Some(host.to_owned()))),
                None => {
                    Err(format!("{rest:?} is no way to another machine; write virtualbox:ssh://HOST or virtualbox:ssh://USER@HOST:PORT"))
                }
            },
            _ => Err(format!("{text:?} is no provider; write sim, incus, incus:REMOTE, virtualbox or virtualbox:ssh://HOST")),
        }
    }
}

/// Whether a text can be a machine to ssh to, with or without a user and a port. What it means is ssh's business.
fn is_host(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.@:[]%".contains(letter))
}

impl ProviderId {
    /// What people call it.
    pub fn title(&self) -> String {
        match self {
            Self::Sim => "Simulator".to_owned(),
            Self::Incus(None) => "Incus".to_owned(),
            Self::Incus(Some(remote)) => format!("Incus {remote}"),
            Self::VirtualBox(None) => "VirtualBox".to_owned(),
            Self::VirtualBox(Some(host)) => format!("VirtualBox {host}"),
        }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sim => f.pad("sim"),
            Self::Incus(None) => f.pad("incus"),
            Self::Incus(Some(remote)) => f.pad(&format!("incus:{remote}")),
            Self::VirtualBox(None) => f.pad("virtualbox"),
            Self::VirtualBox(Some(host)) => f.pad(&format!("virtualbox:ssh://{host}")),
        }
    }
}

/// Where a lab is, or would be, deployed: what a provider has to know of it.
#[derive(Clone)]
pub struct LabLocation {
    /// Its identity.
    pub id: LabId,
    /// Its name, as people wrote it.
    pub name: String,
    /// Its layout's file.
    pub file: PathBuf,
    /// Its state folder.
    pub folder: LabFolder,
    /// The wall clock.
    pub clock: WallClock,
    /// What is set of providers.
    pub settings: Arc<Settings>,
}

impl ProviderId {
    /// The provider, to read the lab, inject and heal.
    ///
    /// # Errors
    /// Where there is no such provider on this machine.
    pub fn open(&self, location: LabLocation) -> Result<Arc<dyn Provider>, ProviderError> {
        if *self == Self::Sim {
            return Ok(Arc::new(SimProvider::new(location.folder, location.clock)));
        }
        self.real(location, Hold::EachChange)
    }

    /// The provider, to do steps under the lab's lock.
    ///
    /// # Errors
    /// As [`ProviderId::open`].
    pub fn open_locked(&self, location: LabLocation, locked: &Arc<Locked>) -> Result<Arc<dyn Provider>, ProviderError> {
        if *self == Self::Sim {
            return Ok(Arc::new(SimProvider::holding(Arc::clone(locked), location.clock)));
        }
        self.real(location, Hold::Whole(Arc::clone(locked)))
    }

    /// Refuses settings of the provider that cannot be used.
    fn check(&self, settings: &Settings) -> Result<(), ProviderError> {
        match self {
            Self::Sim => Ok(()),
            Self::Incus(_) => settings.check(&self.to_string(), Section::Incus),
            Self::VirtualBox(_) => settings.check(&self.to_string(), Section::VirtualBox),
        }
    }

    /// Whether a lab can run there, and what is missing.
    pub async fn doctor(&self, settings: &Settings) -> Vec<Check> {
        if let Err(error) = self.check(settings) {
            return vec![Check::bad("settings", error.why, error.next)];
        }
        match self {
            Self::Sim => vec![Check::good("simulator", "it is built in and needs nothing")],
            Self::Incus(remote) => incus::doctor(remote.as_deref(), &settings.into()).await,
            Self::VirtualBox(host) => virtualbox::doctor::doctor(host.as_deref(), &[], settings).await,
        }
    }

    /// What is broken on purpose, as the lab's own state says: no hypervisor is asked.
    ///
    /// # Errors
    /// Where the state cannot be read.
    pub fn faults(&self, location: LabLocation) -> Result<Vec<ActiveFault>, ProviderError> {
        match self {
            Self::Sim => SimProvider::new(location.folder, location.clock).faults(),
            Self::Incus(_) | Self::VirtualBox(_) => {
                let wall_ms = (location.clock)();
                Ok(Faults::read(&location.folder)?.active(lab_clock_ms(&location.folder, wall_ms), wall_ms))
            }
        }
    }

    fn real(&self, location: LabLocation, hold: Hold) -> Result<Arc<dyn Provider>, ProviderError> {
        let machines = self.machines(&location)?;
        let mut core = Core::new(machines, location.folder, location.id, location.name, location.clock, hold);
        core.package_source = location.settings.text(Setting::PackageSource);
        Ok(Arc::new(RealProvider::new(core, watch)?))
    }

    fn machines(&self, location: &LabLocation) -> Result<Arc<dyn Machines>, ProviderError> {
        self.check(&location.settings)?;
        match self {
            Self::Incus(remote) => {
                Ok(Arc::new(IncusMachines::open(remote.as_deref(), location.id.clone(), incus::Settings::from(&*location.settings))?))
            }
            Self::VirtualBox(host) => {
                let layout = location.file.parent().map(Path::to_owned).unwrap_or_default();
                let files = Files { layout, state: location.folder.clone() };
                Ok(Arc::new(VirtualBox::open(host.as_deref(), location.id.clone(), Some(files), &location.settings)?))
            }
            Self::Sim => Err(ProviderError {
                what: format!("open {self}"),
                node: None,
                why: "the simulator has no machines".into(),
                next: "This is a mistake in Sandtable; please report it.".into(),
                retry: Retry::Useless,
            }),
        }
    }
}

/// Whether a provider answers: `None` where it does, else what is in the way and what to do.
pub fn hindrance<'a>(provider: &'a dyn Provider) -> Answer<'a, Option<String>> {
    Box::pin(async move {
        Ok(match provider.observe().await {
            Ok(_) => None,
            Err(error) => Some(format!("{error}. {}", error.next)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_in_its_own_words() {
        for text in ["sim", "incus", "incus:cluster-1", "virtualbox", "virtualbox:ssh://desk.example.org", "virtualbox:ssh://me@desk:2222"]
        {
            assert_eq!(text.parse::<ProviderId>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "sim:x",
            "incus:",
            "incus:a b",
            "incus:-x",
            "virtualbox:desk",
            "virtualbox:ssh://",
            "virtualbox:ssh://-x",
            "virtualbox:ssh://a b",
            "virtualbox:ssh://$(id)",
            "aws",
        ] {
            assert!(bad.parse::<ProviderId>().is_err(), "{bad:?}");
        }
    }
}
