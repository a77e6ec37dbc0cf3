//! Where a layout is deployed: its identity, its state folder and its provider, for all commands that touch what runs.

use super::args::Running;
use super::input::{Loaded, load, read_layout};
use super::{Failure, Result};
use crate::deploy::{
    Deployed, kept_layout,
    labs::{self, Located},
};
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

/// A lab and where it is, or would be, deployed.
pub(super) struct Place {
    pub(super) lab: Lab,
    /// The text of the layout; empty where the lab comes from its state.
    pub(super) text: String,
    pub(super) id: LabId,
    pub(super) on: On,
    pub(super) folder: LabFolder,
    pub(super) is_deployed: bool,
    deployed: Option<Deployed>,
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
        let Loaded { lab, text } = read_layout(layout)?;
        let file = layout.canonicalize().map_err(|error| Failure::input(format!("{}: {error}", layout.display())))?;
        let located = labs::locate(&StateFolder::of_user()?, &file)?;
        Ok(Self { text, ..Self::at(located, file, lab, on, otherwise)? })
    }

    fn at(located: Located, file: PathBuf, lab: Lab, on: Option<On>, otherwise: Option<On>) -> Result<Self> {
        let Located { id, folder, deployed } = located;
        let known = deployed.as_ref().map(|deployed| deployed.on.clone());
        // One lab has one state: deploying it elsewhere would orphan what runs.
        if let (Some(known), Some(on)) = (&known, on.as_ref().filter(|on| known.as_ref() != Some(on))) {
            return Err(Failure::input(format!(
                "the lab is deployed on {known}, not on {on}; destroy it there first: sandtable destroy --lab {id}"
            )));
        }
        let on = on
            .or(known)
            .or(otherwise)
            .ok_or_else(|| Failure::input("the lab is not deployed; say where: --on sim, --on incus or --on virtualbox"))?;
        Ok(Self { lab, text: String::new(), id, on, folder, is_deployed: deployed.is_some(), deployed, file, clock: wall_clock()? })
    }

    /// Opens the place of a layout that must be deployed.
    pub(super) fn open_deployed(layout: &Path, on: Option<On>) -> Result<Self> {
        let is_unsaid = on.is_none();
        let place = Self::open_or(layout, on, On::Sim)?;
        if place.is_deployed { Ok(place) } else { Err(place.not_deployed(layout, is_unsaid)) }
    }

    /// Why something that needs a deployed lab is refused, and what to do.
    pub(super) fn not_deployed(&self, layout: &Path, is_unsaid: bool) -> Failure {
        if let Ok(moved) = self.moved()
            && let Some(hint) = labs::moved_hint(layout, &moved)
        {
            return Failure::input(format!("the lab is not deployed from this file; {hint}"));
        }
        let unreadable = self.unreadable().map_or_else(String::new, |hint| format!("; {hint}"));
        let on = if is_unsaid { "PROVIDER".to_owned() } else { self.on.to_string() };
        let at = if is_unsaid { String::new() } else { format!(" on {on}") };
        Failure::input(format!("the lab is not deployed{at}; deploy it first: sandtable deploy {} --on {on}{unreadable}", layout.display()))
    }

    /// Opens the place of a lab from its state: its layout may be gone or unreadable. Then it is as it was last deployed, and a
    /// sentence says so.
    pub(super) fn from_state(which: &Running, otherwise: On) -> Result<(Self, Option<String>)> {
        let state = StateFolder::of_user()?;
        let on = which.on.clone();
        let layout = match (&which.layout, &which.lab) {
            (Some(layout), None) => layout,
            (None, Some(name)) => {
                let known = labs::named(&state, name)?;
                let deployed = known.deployed?;
                let (lab, file) = (Self::kept(&known.folder, &deployed), deployed.file.clone());
                let located = Located { id: known.id, folder: known.folder, deployed: Some(deployed) };
                return Ok((Self::at(located, file, lab, on, None)?, None));
            }
            (Some(_), Some(_)) => return Err(Failure::input("say which lab either by its layout or by --lab")),
            (None, None) => return Err(Failure::input("say which lab: by its layout, or by --lab; `sandtable labs` lists them")),
        };
        let Ok(file) = labs::canonical(layout) else {
            return Err(Failure::input(format!("{} does not exist; `sandtable labs` lists what is deployed", layout.display())));
        };
        match load(layout) {
            Ok(loaded) => Ok((Self::at(labs::locate(&state, &file)?, file, loaded.lab, on, Some(otherwise))?, None)),
            Err(unreadable) => {
                let located = labs::locate(&state, &file)?;
                let Some(deployed) = &located.deployed else {
                    let moved = labs::moved(&state, &file, None)?;
                    let hint = labs::moved_hint(layout, &moved).or(labs::unreadable_hint(&state)?);
                    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                    return Err(Failure::input(unreadable.describe(layout) + &hint));
                };
                let lab = Self::kept(&located.folder, deployed);
                let first = unreadable.describe(layout).lines().next().unwrap_or_default().to_owned();
                let note = format!("{first}; going by the layout as it was last deployed");
                Ok((Self::at(located, file, lab, on, None)?, Some(note)))
            }
        }
    }

    /// The layout as it was last deployed; without one, an empty lab of the right name.
    fn kept(folder: &LabFolder, deployed: &Deployed) -> Lab {
        kept_layout(folder).unwrap_or_else(|| Lab::new(&deployed.name))
    }

    /// The place of a lab whose record is lost.
    pub(super) fn rebuilt(id: LabId, folder: LabFolder, file: PathBuf, lab: Lab, on: On) -> Result<Self> {
        Self::at(Located { id, folder, deployed: None }, file, lab, Some(on), None)
    }

    /// Labs whose state cannot be read and which may be this one, where it is not deployed.
    pub(super) fn unreadable(&self) -> Option<String> {
        if self.is_deployed {
            return None;
        }
        labs::unreadable_hint(&StateFolder::of_user().ok()?).ok().flatten()
    }

    /// Labs that this one may be, where it is not deployed: their layout file is gone.
    pub(super) fn moved(&self) -> Result<Vec<(LabId, Deployed)>> {
        if self.is_deployed {
            return Ok(Vec::new());
        }
        Ok(labs::moved(&StateFolder::of_user()?, &self.file, Some(&self.lab))?)
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
        let locked = Arc::new(self.folder.lock(Wait::No)?);
        let provider = self.on.acting(self.lot(), &locked).map_err(provider_failed)?;
        Ok((locked, provider))
    }

    /// Records that the lab is deployed, before anything is made.
    pub(super) fn record(&self, locked: &Locked) -> Result<()> {
        // A lab whose record was lost may have an identity that its path no longer gives.
        let attached = LabId::of_file(&self.file) != self.id;
        let (file, name, on) = (self.file.clone(), self.lab.name.clone(), self.on.clone());
        let deployed = Deployed { file, name, on, since_ms: Some((self.clock)()), attached };
        Ok(labs::record(locked, self.deployed.as_ref(), deployed, &self.lab)?)
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

pub(super) fn wall_clock() -> Result<WallClock> {
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
