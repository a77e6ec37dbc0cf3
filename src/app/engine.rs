//! The engine behind the window: the providers of this machine, and the exporter of pictures.

use super::{
    ProviderChoice,
    job::{Cancel, Engine, Job, Report, Sight},
};
use crate::model::Lab;

/// What does jobs.
pub fn all() -> Box<dyn Engine> {
    Box::new(None)
}

struct None;

impl Engine for None {
    fn providers(&mut self) -> Vec<ProviderChoice> {
        Vec::new()
    }
    fn work(&mut self, _: &Job, _: &Cancel, _: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
        anyhow::bail!("no provider is built in")
    }
    fn look(&mut self, _: &str, _: &Lab) -> anyhow::Result<Option<Sight>> {
        Ok(Option::None)
    }
}

/// Draws a picture file.
pub fn draw(_: &std::path::Path, _: &Lab, _: crate::look::Appearance) -> anyhow::Result<Vec<u8>> {
    anyhow::bail!("no exporter is built in")
}
