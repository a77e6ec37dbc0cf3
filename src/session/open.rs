//! Opening a lab: from its layout file to its identity, its state folder, its provider and the clock.

use super::{LabHandle, Result, SessionError};
use crate::{
    deploy::{
        DEPLOYED_FILE, Deployed, kept_layout,
        labs::{self, Known, Located},
    },
    host::state::{LabFolder, Locked, StateFolder, Wait},
    model::Lab,
    plan::LabId,
    provider::{
        Provider,
        id::{LabLocation, ProviderId},
        settings::Settings,
        sim::WallClock,
    },
};
use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// The clock on the wall, in milliseconds since 1970.
pub fn wall_clock() -> WallClock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// The provider that a lab is opened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderSelection {
    /// The one that it is deployed on.
    Deployed,
    /// The one that it is deployed on, else this one.
    DeployedOr(ProviderId),
    /// This one: an error if it is deployed on another.
    Exactly(ProviderId),
}

/// An open lab.
pub struct Session {
    /// The lab as it is drawn; from a record, as it was last deployed.
    pub lab: Lab,
    /// Its identity.
    pub id: LabId,
    /// The provider that it is, or would be, deployed on.
    pub provider: ProviderId,
    /// Its layout file, by its canonical path.
    pub file: PathBuf,
    /// Its state folder, which may not exist.
    pub folder: LabFolder,
    state: StateFolder,
    deployed: Option<Deployed>,
    clock: WallClock,
    /// What is set of providers.
    pub(super) settings: Arc<Settings>,
    handle: OnceCell<LabHandle>,
}

/// A lab whose record was written again.
#[derive(Debug)]
pub struct Rebuilt {
    /// The lab.
    pub id: LabId,
    /// How many nodes were found.
    pub nodes: usize,
    /// How many networks were found.
    pub networks: usize,
    /// Where the old record was set aside.
    pub set_aside: Option<PathBuf>,
}

impl Session {
    /// Opens the lab of a layout file.
    ///
    /// # Errors
    /// Where the file does not exist, the lab's record cannot be read, or the provider is another.
    pub fn open(
        state: &StateFolder,
        layout: &Path,
        lab: Lab,
        provider: ProviderSelection,
        clock: WallClock,
        settings: Arc<Settings>,
    ) -> Result<Self> {
        let file = layout.canonicalize().map_err(|error| SessionError::NoFile { file: layout.to_owned(), error })?;
        let located = labs::locate(state, &file)?;
        Self::of(state, located, file, Some(lab), provider, clock, settings)
    }

    /// Opens the lab of a layout file that is gone or cannot be read, as it was last deployed; `None`: it is not deployed.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open_recorded(
        state: &StateFolder,
        file: &Path,
        provider: ProviderSelection,
        clock: WallClock,
        settings: Arc<Settings>,
    ) -> Result<Option<Self>> {
        let located = labs::locate(state, file)?;
        if located.deployed.is_none() {
            return Ok(None);
        }
        Self::of(state, located, file.to_owned(), None, provider, clock, settings).map(Some)
    }

    /// Opens a lab by its identity or the beginning of it, as it was last deployed.
    ///
    /// # Errors
    /// As [`Session::open`]; and where no lab has the identity.
    pub fn open_by_id(
        state: &StateFolder,
        name: &str,
        provider: ProviderSelection,
        clock: WallClock,
        settings: Arc<Settings>,
    ) -> Result<Self> {
        let Known { id, folder, deployed } = labs::named(state, name)?;
        let deployed = deployed?;
        let file = deployed.file.clone();
        Self::of(state, Located { id, folder, deployed: Some(deployed) }, file, None, provider, clock, settings)
    }

    fn of(
        state: &StateFolder,
        located: Located,
        file: PathBuf,
        lab: Option<Lab>,
        provider: ProviderSelection,
        clock: WallClock,
        settings: Arc<Settings>,
    ) -> Result<Self> {
        let Located { id, folder, deployed } = located;
        let known = deployed.as_ref().map(|deployed| deployed.on.clone());
        let provider = match (provider, known) {
            (ProviderSelection::Exactly(asked), Some(known)) if known != asked => {
                return Err(SessionError::DeployedElsewhere { id, known, asked });
            }
            (_, Some(known)) => known,
            (ProviderSelection::Exactly(asked) | ProviderSelection::DeployedOr(asked), None) => asked,
            (ProviderSelection::Deployed, None) => return Err(SessionError::NoProvider),
        };
        let lab = lab.unwrap_or_else(|| {
            let name = deployed.as_ref().map_or("", |deployed| deployed.name.as_str());
            kept_layout(&folder).unwrap_or_else(|| Lab::new(name))
        });
        Ok(Self { lab, id, provider, file, folder, state: state.clone(), deployed, clock, settings, handle: OnceCell::new() })
    }

    /// Writes the lost record of a layout's lab again, from what the provider has with its ownership tag.
    ///
    /// # Errors
    /// Where the record is readable, the provider has nothing of the lab, or the disk refuses.
    pub fn rebuild(
        state: &StateFolder,
        layout: &Path,
        lab: Lab,
        id: Option<&str>,
        provider: ProviderId,
        clock: WallClock,
        settings: Arc<Settings>,
    ) -> Result<Rebuilt> {
        let file = layout.canonicalize().map_err(|error| SessionError::NoFile { file: layout.to_owned(), error })?;
        let id = match id {
            Some(name) => {
                labs::named(state, name).map(|known| known.id).or_else(|error| LabId::try_from(name.to_owned()).map_err(|_| error))?
            }
            None => LabId::of_file(&file),
        };
        let folder = state.lab(id.as_str());
        if let Ok(Some(Deployed { on: provider, file, .. })) = Deployed::read(&folder, &id) {
            return Err(SessionError::NotLost { id, provider, file });
        }
        let located = Located { id, folder, deployed: None };
        let session = Self::of(state, located, file, Some(lab), ProviderSelection::Exactly(provider), clock, settings)?;
        let observed = session.handle()?.observe()?;
        if observed.is_empty() {
            return Err(SessionError::NothingFound { id: session.id, provider: session.provider });
        }
        let locked = session.folder.lock(Wait::No)?;
        let has_record = locked.folder().has(DEPLOYED_FILE);
        let set_aside = if has_record { Some(locked.set_aside(DEPLOYED_FILE)?) } else { None };
        session.record(&locked)?;
        Ok(Rebuilt { id: session.id, nodes: observed.nodes.len(), networks: observed.networks.len(), set_aside })
    }

    /// The time, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    /// Whether the lab has a record of being deployed.
    pub fn is_deployed(&self) -> bool {
        self.deployed.is_some()
    }

    /// Labs that this one may be if it is not deployed: their layout file is gone.
    ///
    /// # Errors
    /// Where the state folder cannot be read.
    pub fn moved(&self) -> Result<Vec<(LabId, Deployed)>> {
        Ok(if self.is_deployed() { Vec::new() } else { labs::moved(&self.state, &self.file, Some(&self.lab))? })
    }

    /// What to do if a lab that was deployed from another file may be this one.
    ///
    /// # Errors
    /// As [`Session::moved`].
    pub fn moved_hint(&self, layout: &Path) -> Result<Option<String>> {
        Ok(labs::moved_hint(layout, &self.moved()?))
    }

    /// What to know of labs whose state cannot be read, if this one is not deployed.
    pub fn unreadable_hint(&self) -> Option<String> {
        if self.is_deployed() { None } else { labs::unreadable_hint(&self.state).ok().flatten() }
    }

    /// The folder that images which are files are named from.
    pub fn layout_folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    /// The lab's provider, to read the lab.
    ///
    /// # Errors
    /// Where this machine has no such provider.
    pub fn handle(&self) -> Result<&LabHandle> {
        if let Some(handle) = self.handle.get() {
            return Ok(handle);
        }
        let provider = self.provider.open(self.location())?;
        Ok(self.handle.get_or_init(|| LabHandle::new(provider)))
    }

    /// Uses a handle that an earlier session of this lab has opened.
    pub fn reuse(&self, handle: LabHandle) {
        let _present = self.handle.set(handle);
    }

    /// The folder locked for this process, and the provider to do steps.
    pub(super) fn lock(&self) -> Result<(Arc<Locked>, Arc<dyn Provider>)> {
        let locked = Arc::new(self.folder.lock(Wait::No)?);
        let provider = self.provider.open_locked(self.location(), &locked)?;
        Ok((locked, provider))
    }

    /// Records that the lab is deployed, before anything is made.
    pub(super) fn record(&self, locked: &Locked) -> Result<()> {
        // A lab whose record was lost may have an identity that its path no longer gives.
        let attached = LabId::of_file(&self.file) != self.id;
        let (file, name, on) = (self.file.clone(), self.lab.name.clone(), self.provider.clone());
        let deployed = Deployed { file, name, on, since_ms: Some((self.clock)()), attached };
        Ok(labs::record(locked, self.deployed.as_ref(), deployed, &self.lab)?)
    }

    fn location(&self) -> LabLocation {
        LabLocation {
            id: self.id.clone(),
            name: self.lab.name.clone(),
            file: self.file.clone(),
            folder: self.folder.clone(),
            clock: Arc::clone(&self.clock),
            settings: Arc::clone(&self.settings),
        }
    }
}
