//! What most commands take: a layout, where its lab is deployed, and how the result is written. Declared once, so that the
//! help says the same everywhere.

use super::open::{self, selection};
use super::{Format, Result};
use crate::session::{ProviderId, ProviderSelection, Session};
use std::path::PathBuf;

/// A layout.
#[derive(Debug, clap::Args)]
pub(super) struct Layout {
    /// The layout
    pub(super) layout: PathBuf,
}

/// How results are written.
#[derive(Debug, clap::Args)]
pub(super) struct Written {
    /// How to write the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// A layout and where its lab is deployed.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    #[command(flatten)]
    pub(super) layout: Layout,
    /// Where it is, or would be, deployed; may be left out where it is deployed in one place
    #[arg(long, value_name = "PROVIDER")]
    pub(super) on: Option<ProviderId>,
    #[command(flatten)]
    pub(super) written: Written,
}

/// A lab that runs, by its layout or, whatever has become of that, by its identity.
#[derive(Debug, clap::Args)]
pub(super) struct Running {
    /// The layout
    pub(super) layout: Option<PathBuf>,
    /// The lab by its identity, as `sandtable labs` lists it, or the beginning of one; needs no layout
    #[arg(long, value_name = "ID")]
    pub(super) lab: Option<String>,
    /// Where it is deployed; may be left out where that is known
    #[arg(long, value_name = "PROVIDER")]
    pub(super) on: Option<ProviderId>,
    #[command(flatten)]
    pub(super) written: Written,
}

impl Running {
    /// Opens the lab, from its state where its layout cannot be read, and says so.
    pub(super) fn open(&self) -> Result<Session> {
        let (session, note) = open::open_running(self)?;
        if let Some(note) = note {
            super::note(&note);
        }
        Ok(session)
    }

    /// Opens the lab, which must be deployed.
    pub(super) fn open_deployed(&self) -> Result<Session> {
        let session = self.open()?;
        match &self.layout {
            Some(layout) if !session.is_deployed() => Err(open::not_deployed(&session, layout, self.on.is_some())),
            _ => Ok(session),
        }
    }

    /// How to write the result.
    pub(super) fn format(&self) -> Format {
        self.written.format
    }

    /// The lab as the next command takes it.
    pub(super) fn shown(&self) -> String {
        match (&self.layout, &self.lab) {
            (_, Some(lab)) => format!("--lab {lab}"),
            (Some(layout), None) => layout.display().to_string(),
            (None, None) => "LAYOUT".to_owned(),
        }
    }
}

impl Target {
    /// Opens the lab, deployed or not.
    pub(super) fn open(&self) -> Result<Session> {
        Ok(self.open_with_text()?.0)
    }

    /// Opens the lab, deployed or not. Gives the layout's text too.
    pub(super) fn open_with_text(&self) -> Result<(Session, String)> {
        open::open(&self.layout.layout, selection(self.on.clone(), ProviderSelection::Deployed))
    }

    /// Opens the lab; on the simulator if nothing says otherwise.
    pub(super) fn open_or_sim(&self) -> Result<Session> {
        Ok(open::open(&self.layout.layout, selection(self.on.clone(), ProviderSelection::DeployedOr(ProviderId::Sim)))?.0)
    }

    /// Opens the lab, which must be deployed.
    pub(super) fn open_deployed(&self) -> Result<Session> {
        open::open_deployed(&self.layout.layout, self.on.clone())
    }

    /// How to write the result.
    pub(super) fn format(&self) -> Format {
        self.written.format
    }

    /// The layout's path, for sentences that say what to type next.
    pub(super) fn shown(&self) -> std::path::Display<'_> {
        self.layout.layout.display()
    }
}
