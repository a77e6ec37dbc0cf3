//! The layouts that Sandtable ships with, embedded whole.

use super::read;
use crate::model::Lab;

static EMBEDDED: include_dir::Dir<'static> = include_dir::include_dir!("$CARGO_MANIFEST_DIR/layouts");

/// A layout to begin with.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name on the command line: the file's, without the ending.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Its lab.
    pub lab: Lab,
}

/// All templates, by name.
pub fn templates() -> Vec<Template> {
    let mut found: Vec<Template> = EMBEDDED
        .files()
        .filter(|file| file.path().extension().is_some_and(|ending| ending == "ron"))
        .filter_map(|file| {
            let name = file.path().file_stem()?.to_str()?;
            let text = file.contents_utf8()?;
            // A test reads every shipped layout, so what is left out here cannot be shipped.
            Some(Template { name, text, lab: read(text).ok()? })
        })
        .collect();
    found.sort_by_key(|template| template.name);
    found
}

/// A template by its name.
pub fn template(name: &str) -> Option<Template> {
    templates().into_iter().find(|template| template.name == name)
}
