//! Opening a lab for a command: from its layout, or from what its state folder has recorded.

use super::args::Running;
use super::input::{Loaded, load, read_layout};
use super::{Failure, Result};
use crate::host::state::StateFolder;
use crate::session::{self, ProviderId, ProviderSelection, Session, SessionError, WallClock, labs, settings::Settings};
use std::{
    path::Path,
    sync::{Arc, Once},
};

/// The environment's name for the simulator's wall clock, in milliseconds since 1970. It stands still: who sets it moves it
/// from call to call. For tests and recorded demonstrations.
const CLOCK_VARIABLE: &str = "SANDTABLE_SIM_CLOCK_MS";

/// The provider that a command names, else `otherwise`.
pub(super) fn selection(named: Option<ProviderId>, otherwise: ProviderSelection) -> ProviderSelection {
    named.map_or(otherwise, ProviderSelection::Exactly)
}

/// Opens the lab of a layout. Gives the layout's text too.
pub(super) fn open(layout: &Path, provider: ProviderSelection) -> Result<(Session, String)> {
    let Loaded { lab, text } = read_layout(layout)?;
    // What is wrong with the path is an error before what is wrong with the state.
    if let Err(error) = layout.canonicalize() {
        return Err(SessionError::NoFile { file: layout.to_owned(), error }.into());
    }
    Ok((Session::open(&StateFolder::of_user()?, layout, lab, provider, wall_clock()?, settings())?, text))
}

/// Opens the lab of a layout, which must be deployed.
pub(super) fn open_deployed(layout: &Path, named: Option<ProviderId>) -> Result<Session> {
    let is_named = named.is_some();
    let (session, _) = open(layout, selection(named, ProviderSelection::DeployedOr(ProviderId::Sim)))?;
    if session.is_deployed() { Ok(session) } else { Err(not_deployed(&session, layout, is_named)) }
}

/// Why a command that needs a deployed lab is refused, and what to do.
pub(super) fn not_deployed(session: &Session, layout: &Path, is_named: bool) -> Failure {
    if let Ok(Some(hint)) = session.moved_hint(layout) {
        return Failure::input(format!("the lab is not deployed from this file; {hint}"));
    }
    let unreadable = session.unreadable_hint().map_or_else(String::new, |hint| format!("; {hint}"));
    let (provider, at) =
        if is_named { (session.provider.to_string(), format!(" on {}", session.provider)) } else { ("PROVIDER".to_owned(), String::new()) };
    let layout = layout.display();
    Failure::input(format!("the lab is not deployed{at}; deploy it first: sandtable deploy {layout} --on {provider}{unreadable}"))
}

/// Opens a lab that may have lost its layout. If the layout cannot be read, the lab is as it was last deployed, and a note says so.
pub(super) fn open_running(which: &Running) -> Result<(Session, Option<String>)> {
    let state = StateFolder::of_user()?;
    let named = which.on.clone();
    let layout = match (&which.layout, &which.lab) {
        (Some(layout), None) => layout,
        (None, Some(name)) => {
            let provider = selection(named, ProviderSelection::Deployed);
            return Ok((Session::open_by_id(&state, name, provider, wall_clock()?, settings())?, None));
        }
        (Some(_), Some(_)) => return Err(Failure::input("say which lab either by its layout or by --lab")),
        (None, None) => return Err(Failure::input("say which lab: by its layout, or by --lab; `sandtable labs` lists them")),
    };
    let Ok(file) = labs::canonical(layout) else {
        return Err(Failure::input(format!("{} does not exist; `sandtable labs` lists what is deployed", layout.display())));
    };
    match load(layout) {
        Ok(loaded) => {
            let provider = selection(named, ProviderSelection::DeployedOr(ProviderId::Sim));
            Ok((Session::open(&state, &file, loaded.lab, provider, wall_clock()?, settings())?, None))
        }
        Err(unreadable) => {
            let provider = selection(named, ProviderSelection::Deployed);
            let Some(session) = Session::open_recorded(&state, &file, provider, wall_clock()?, settings())? else {
                let moved = labs::moved(&state, &file, None)?;
                let hint = labs::moved_hint(layout, &moved).or(labs::unreadable_hint(&state)?);
                let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                return Err(Failure::input(unreadable.describe(layout) + &hint));
            };
            let first = unreadable.describe(layout).lines().next().unwrap_or_default().to_owned();
            Ok((session, Some(format!("{first}; going by the layout as it was last deployed"))))
        }
    }
}

/// What is set of providers: in the settings file of the window, overridden by the environment. A damaged file is no error here, so that
/// simulated labs can be healed and destroyed: if it hits settings of providers, machine providers refuse to open.
pub(super) fn settings() -> Arc<Settings> {
    static WARNING: Once = Once::new();
    let (settings, damaged) = crate::app::files::provider_settings();
    let Some(damaged) = damaged else { return Arc::new(settings) };
    WARNING.call_once(|| super::note(&format!("{damaged}; correct it, or remove it to begin with the defaults")));
    Arc::new(if damaged.hits_providers { settings.damaged(damaged.to_string()) } else { settings })
}

/// The wall clock, or the one that the environment sets.
pub(super) fn wall_clock() -> Result<WallClock> {
    let Some(text) = std::env::var_os(CLOCK_VARIABLE).filter(|text| !text.is_empty()) else {
        return Ok(session::wall_clock());
    };
    let still_ms: u64 = text
        .to_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Failure::input(format!("{CLOCK_VARIABLE} is {text:?}; set it to milliseconds since 1970, or not at all")))?;
    Ok(Arc::new(move || still_ms))
}
