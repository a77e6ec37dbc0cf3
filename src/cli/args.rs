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
    #[arg(long, value_enum)]
    pub(super) on: Option<On>,
    #[command(flatten)]
    pub(super) written: Written,
}

impl Target {
    /// Opens the place, deployed or not.
    pub(super) fn open(&self) -> Result<Place> {
        Place::open(&self.layout.layout, self.on)
    }

    /// Opens the place; the simulator's where nothing says otherwise.
    pub(super) fn open_or_sim(&self) -> Result<Place> {
        Place::open(&self.layout.layout, self.on.or(Some(On::Sim)))
    }

    /// Opens the place, which must be deployed.
    pub(super) fn open_deployed(&self) -> Result<Place> {
        Place::open_deployed(&self.layout.layout, self.on)
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
