//! What a screen reader is told of the window, written to a file: for the test that drives the real window, and for
//! looking into what a widget says of itself. On only where `SANDTABLE_OUTLINE` names a file.
//!
//! It adds nothing to what AccessKit gets, and changes nothing in the window.

use egui::accesskit::{Node, TreeUpdate};
use serde::Serialize;
use std::{fs, path::PathBuf};

/// The environment variable that names the file.
const VARIABLE: &str = "SANDTABLE_OUTLINE";

/// Something in the window that a screen reader can speak of.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Item {
    role: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    value: String,
    /// Left, top, right and bottom, in points of the window.
    rect: [f64; 4],
}

/// Writes the outline whenever it has changed.
pub struct Outline {
    path: PathBuf,
    last: Vec<Item>,
}

impl Outline {
    /// Begins to write, where the environment asks for it.
    pub fn install(ctx: &egui::Context) {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            ctx.enable_accesskit();
            ctx.add_plugin(Self { path: path.into(), last: Vec::new() });
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let beside = self.path.with_extension("part");
        fs::write(&beside, serde_json::to_vec(&self.last)?)?;
        fs::rename(beside, &self.path)
    }
}

impl egui::Plugin for Outline {
    fn debug_name(&self) -> &'static str {
        "outline"
    }

    fn output_hook(&mut self, _: &egui::Context, output: &mut egui::FullOutput) {
        let Some(update) = &output.platform_output.accesskit_update else { return };
        let items = items(update);
        if items != self.last {
            self.last = items;
            if let Err(error) = self.write() {
                tracing::warn!("the outline could not be written to {}: {error}", self.path.display());
            }
        }
    }
}

fn items(update: &TreeUpdate) -> Vec<Item> {
    update.nodes.iter().filter_map(|(_, node)| item(node)).collect()
}

fn item(node: &Node) -> Option<Item> {
    let bounds = node.bounds()?;
    let (name, value) = (node.label().unwrap_or_default(), node.value().unwrap_or_default());
    let speaks = !name.is_empty() || !value.is_empty();
    let rect = [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|edge| (edge * 10.0).round() / 10.0);
    speaks.then(|| Item { role: format!("{:?}", node.role()), name: name.to_owned(), value: value.to_owned(), rect })
}
