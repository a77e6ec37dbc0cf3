//! Making an image with what a lab needs, so that its nodes need no access to the internet.

use super::{Done, Monitor, ProviderId, Result, Session, SessionError, progress::with_messages};
use crate::{
    catalog::Recipes,
    provider::incus::{
        Settings,
        image::{Contents, cache_of_user, make},
    },
};
use std::path::PathBuf;

/// The packages of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// Those that the lab needs.
    OfLab,
    /// Those of all recipes, for labs of any kind.
    OfAllRecipes,
}

/// An image that can be made.
#[derive(Debug)]
pub struct Image {
    contents: Contents,
    remote: Option<String>,
    settings: Settings,
    cache: PathBuf,
}

impl Session {
    /// The image for this lab.
    ///
    /// # Errors
    /// Where the provider has no images of ours, or the user has no home folder.
    pub fn image(&self, packages: Packages) -> Result<Image> {
        let ProviderId::Incus(remote) = &self.provider else { return Err(SessionError::NoImages(self.provider.clone())) };
        let recipes = Recipes::embedded();
        let contents = match packages {
            Packages::OfLab => Contents::of_lab(&self.lab, &self.id, recipes),
            Packages::OfAllRecipes => Contents::of_all(recipes),
        };
        let cache = cache_of_user().ok_or(SessionError::NoHome)?;
        Ok(Image { contents, remote: remote.clone(), settings: Settings::from(&*self.settings), cache })
    }
}

impl Image {
    /// The alias that it gets.
    pub fn alias(&self) -> &str {
        &self.contents.alias
    }

    /// Its packages beside those of the base.
    pub fn packages(&self) -> Vec<&str> {
        self.contents.packages.iter().map(String::as_str).collect()
    }

    /// Makes it, unless one of the same contents exists.
    ///
    /// # Errors
    /// Where tools, rights or packages are missing, or the daemon refuses.
    pub fn make(&self, monitor: &mut Monitor<'_>) -> Result<Done> {
        with_messages(monitor, async |says| make((self.remote.as_deref(), &self.settings), &self.contents, &self.cache, says).await)
    }
}
