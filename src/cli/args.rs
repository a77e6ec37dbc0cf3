//! What most commands take: a layout, where its lab is deployed, and how the result is written. Declared once, so that the
//! help says the same everywhere.

use super::place::{On, Place};
use super::{Format, Result};
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
    pub(super) on: Option<On>,
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
    pub(super) on: Option<On>,
    #[command(flatten)]
    pub(super) written: Written,
}

impl Running {
    /// Opens the place, from the lab's state where its layout cannot be read, and says so.
    pub(super) fn open(&self) -> Result<Place> {
        let (place, note) = Place::from_state(self, On::Sim)?;
        if let Some(note) = note {
            super::note(&note);
        }
        Ok(place)
    }

    /// Opens the place, which must be deployed.
    pub(super) fn open_deployed(&self) -> Result<Place> {
        let place = self.open()?;
        match &self.layout {
            Some(layout) if !place.is_deployed => Err(place.not_deployed(layout, self.on.is_none())),
            _ => Ok(place),
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
    /// Opens the place, deployed or not.
    pub(super) fn open(&self) -> Result<Place> {
        Place::open(&self.layout.layout, self.on.clone())
    }

    /// Opens the place; the simulator's where nothing says otherwise.
    pub(super) fn open_or_sim(&self) -> Result<Place> {
        Place::open_or(&self.layout.layout, self.on.clone(), On::Sim)
    }

    /// Opens the place, which must be deployed.
    pub(super) fn open_deployed(&self) -> Result<Place> {
        Place::open_deployed(&self.layout.layout, self.on.clone())
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
