//! An image's file between the layout and VirtualBox: whether this lab may read it, and the checked copy.

use super::{
    Section, format_of, ova,
    stage::{StageError, Staged, stage},
};
use crate::{
    host::{
        allowed::{Allowed, sha256},
        state::LabFolder,
    },
    model::NodeName,
    plan::LabId,
    provider::{ProviderError, Retry},
};
use std::{
    fs::File,
    io::{Seek, SeekFrom},
    path::PathBuf,
};

/// An image's file, open.
pub(in super::super) struct Source {
    /// As the layout names it.
    pub(in super::super) name: String,
    /// Where it is.
    pub(in super::super) path: PathBuf,
    /// How its name leaves the layout's folder.
    pub(in super::super) leaves: Option<String>,
    pub(in super::super) file: File,
    pub(in super::super) length: u64,
}

/// What VirtualBox is given.
pub(in super::super) struct Ready {
    pub(in super::super) staged: Staged,
    /// Whether its firmware is EFI.
    pub(in super::super) is_efi: bool,
}

/// Why a file is not used.
#[derive(Debug)]
pub(in super::super) struct Refused {
    why: String,
    next: String,
}

impl Refused {
    pub(in super::super) fn explain(self, what: &str, node: &NodeName) -> ProviderError {
        ProviderError { what: what.to_owned(), node: Some(node.clone()), why: self.why, next: self.next, retry: Retry::Useless }
    }
}

impl Source {
    fn refused(&self, error: StageError) -> Refused {
        let name = &self.name;
        match error {
            StageError::Refused(why) => Refused {
                why: format!("the image {name} {why}"),
                next: "Use a disk image that holds all of its content itself: VDI, qcow2, raw, or VMDK in one file (streamOptimized, \
                       monolithicSparse)"
                    .to_owned(),
            },
            StageError::System(error) => Refused {
                why: format!("the image {name} cannot be copied into the lab's state folder: {error}"),
                next: "Make room on that disk, or set SANDTABLE_STATE to a folder on another".to_owned(),
            },
        }
    }

    /// Whether the user has allowed this lab to read a file with this content.
    fn permit(&self, lab: &LabId, state: &LabFolder, sum: &str) -> Result<(), Refused> {
        let Some(how) = &self.leaves else { return Ok(()) };
        let (name, path) = (&self.name, self.path.display());
        let is_allowed = Allowed::beside(state.path()).has(lab.as_str(), &self.path, sum).map_err(|error| Refused {
            why: format!("whether the image {name} is allowed cannot be read: {error}"),
            next: "Make that file readable, or remove it and allow images again".to_owned(),
        })?;
        if is_allowed {
            return Ok(());
        }
        Err(Refused {
            why: format!("the image {name} {how}: it is the file {path}, outside of the layout's folder, and nobody has allowed it"),
            next: format!(
                "Where you trust this layout with that file's content, allow it once: sandtable deploy LAYOUT --allow-image '{path}'. Else \
                 name an image in the layout's folder"
            ),
        })
    }

    /// Whether it may be read at all; what is in the layout's folder may.
    pub(in super::super) async fn allowed(self, lab: &LabId, state: &LabFolder) -> Result<(), Refused> {
        if self.leaves.is_none() {
            return Ok(());
        }
        let (lab, state) = (lab.clone(), state.clone());
        aside(move || {
            let mut source = self;
            let sum = source.file.seek(SeekFrom::Start(0)).and_then(|_| sha256(&mut source.file));
            let sum = sum.map_err(|error| source.refused(StageError::Refused(format!("cannot be read: {error}"))))?;
            source.permit(&lab, &state, &sum)
        })
        .await
    }

    /// The part of it that is the disk, where that is one that is accepted, and whether its firmware is EFI.
    fn disk(&mut self) -> Result<((u64, u64), bool), Refused> {
        let (part, is_efi) = if self.name.to_lowercase().ends_with(".ova") {
            let found = ova::appliance(&mut Section::new(&mut self.file, 0, self.length));
            let found = found.map_err(|why| self.refused(StageError::Refused(why)))?;
            (found.disk, found.is_efi)
        } else {
            ((0, self.length), false)
        };
        let found = format_of(&mut Section::new(&mut self.file, part.0, part.1));
        found.map_err(|why| self.refused(StageError::Refused(why)))?;
        Ok((part, is_efi))
    }

    /// Whether it is an image that is accepted. Copies nothing.
    pub(in super::super) async fn usable(self) -> Result<(), Refused> {
        aside(move || {
            let mut source = self;
            source.disk().map(drop)
        })
        .await
    }

    /// The checked copy.
    pub(in super::super) async fn ready(self, lab: &LabId, state: &LabFolder) -> Result<Ready, Refused> {
        let (lab, state) = (lab.clone(), state.clone());
        aside(move || {
            let mut source = self;
            let (part, is_efi) = source.disk()?;
            let staged = stage(&mut source.file, part, state.path()).map_err(|error| source.refused(error))?;
            source.permit(&lab, &state, &staged.sha256)?;
            Ok(Ready { staged, is_efi })
        })
        .await
    }
}

/// Reads and copies files beside all that waits.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Refused {
            why: format!("reading the image broke: {error}"),
            next: "This is a mistake in Sandtable; please report it".to_owned(),
        })
    })
}
