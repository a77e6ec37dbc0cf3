//! Where a layout is deployed: its identity, its state folder and its provider, for all commands that touch what runs.

use super::input::read_layout;
use super::{Failure, Result};
use crate::deploy::Deployed;
use crate::host::state::{LabFolder, Locked, StateFolder, Wait};
use crate::model::Lab;
use crate::plan::LabId;
pub(super) use crate::provider::on::On;
use crate::provider::{Provider, ProviderError, on::Lot, sim::WallClock};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// The environment's name for the simulator's wall clock, in milliseconds since 1970. It stands still: who sets it moves it
/// from call to call. For tests and recorded demonstrations.
const CLOCK_VARIABLE: &str = "SANDTABLE_SIM_CLOCK_MS";

/// A layout and where it is, or would be, deployed.
pub(super) struct Place {
    pub(super) lab: Lab,
    pub(super) id: LabId,
    pub(super) on: On,
    pub(super) folder: LabFolder,
    pub(super) is_deployed: bool,
    file: PathBuf,
    clock: WallClock,
}

impl Place {
    /// Opens the place of a layout. `on` may be left out where the lab is deployed already.
    pub(super) fn open(layout: &Path, on: Option<On>) -> Result<Self> {
        Self::open_any(layout, on, None)
    }

    /// Opens the place of a layout, deployed or not; where nothing says on what, on the last.
    pub(super) fn open_or(layout: &Path, on: Option<On>, otherwise: On) -> Result<Self> {
        Self::open_any(layout, on, Some(otherwise))
    }

    fn open_any(layout: &Path, on: Option<On>, otherwise: Option<On>) -> Result<Self> {
        let lab = read_layout(layout)?.lab;
        let file = layout.canonicalize().map_err(|error| Failure::input(format!("{}: {error}", layout.display())))?;
        let id = LabId::of_file(&file);
        let folder = StateFolder::of_user()?.lab(id.as_str());
        let deployed = Deployed::read(&folder)?;
        if let Some(other) = deployed.as_ref().filter(|deployed| deployed.file != file) {
            return Err(Failure::input(format!("{} belongs to {}, not to this layout", folder.path().display(), other.file.display())));
        }
        let known = match &deployed {
            Some(deployed) => Some(
                deployed
                    .on
                    .parse::<On>()
                    .map_err(|_| Failure::input(format!("the lab runs on {}, which this version does not know", deployed.on)))?,
            ),
            None => None,
        };
        // One lab has one state: deploying it elsewhere would orphan what runs.
        if let (Some(known), Some(on)) = (&known, on.as_ref().filter(|on| known.as_ref() != Some(on))) {
            return Err(Failure::input(format!(
                "the lab is deployed on {known}, not on {on}; destroy it there first: sandtable destroy {}",
                layout.display()
            )));
        }
        let on = on
            .or(known)
            .or(otherwise)
            .ok_or_else(|| Failure::input("the lab is not deployed; say where: --on sim, --on incus or --on virtualbox"))?;
        Ok(Self { lab, id, on, folder, is_deployed: deployed.is_some(), file, clock: wall_clock()? })
    }

    /// Opens the place of a layout that must be deployed.
    pub(super) fn open_deployed(layout: &Path, on: Option<On>) -> Result<Self> {
        let place = Self::open(layout, on)?;
        if place.is_deployed {
            return Ok(place);
        }
        Err(Failure::input(format!(
            "the lab is not deployed on {}; deploy it first: sandtable deploy {} --on {0}",
            place.on,
            layout.display()
        )))
    }

    /// The folder that images which are files are named from.
    pub(super) fn layout_folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    fn lot(&self) -> Lot {
        Lot {
            id: self.id.clone(),
            name: self.lab.name.clone(),
            file: self.file.clone(),
            folder: self.folder.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    /// The provider, for looking, breaking and healing.
    pub(super) fn provider(&self) -> Result<Arc<dyn Provider>> {
        self.on.looking(self.lot()).map_err(provider_failed)
    }

    /// The folder locked for this process, and the provider for doing steps.
    pub(super) fn provider_locked(&self) -> Result<(Arc<Locked>, Arc<dyn Provider>)> {
        let locked = Arc::new(self.folder.lock(Wait::No).map_err(|error| Failure::Provider(error.into()))?);
        let provider = self.on.acting(self.lot(), &locked).map_err(provider_failed)?;
        Ok((locked, provider))
    }

    /// What is remembered of the lab once it is deployed.
    pub(super) fn deployed(&self) -> Deployed {
        Deployed { file: self.file.clone(), name: self.lab.name.clone(), on: self.on.to_string() }
    }
}

/// Runs what waits for a provider.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

/// A provider's error with what to do about it.
pub(super) fn provider_failed(error: ProviderError) -> Failure {
    let next = error.next.clone();
    Failure::Provider(anyhow::anyhow!("{error}. {next}"))
}

fn wall_clock() -> Result<WallClock> {
    let Some(text) = std::env::var_os(CLOCK_VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(Arc::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        }));
    };
    let still_ms: u64 = text
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::input(format!("{CLOCK_VARIABLE} is {text:?}; set it to milliseconds since 1970, or not at all")))?;
    Ok(Arc::new(move || still_ms))
}
