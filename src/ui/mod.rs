//! The window: egui on top of `app`. It reads state and sends commands; it never blocks, spawns or changes the lab in
//! place, and repaints nothing while nothing changed.

pub mod atlas;
pub mod canvas;
mod desk;
mod dialog;
mod drop_hint;
mod fit;
mod graph;
pub mod icon;
mod keys;
mod notices;
mod one_press;
mod outline;
pub mod panel;
mod shell;
pub mod theme;
pub mod widget;

pub use desk::{Desk, Memory};
pub use shell::SandtableApp;

use crate::app::{
    Preferences, State, Template, WindowPlace,
    chooser::Desktop,
    files::{self, Folders},
    worker::{Parts, Workers},
};
use crate::picture;
use anyhow::Context as _;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// The window's size at its first start, in points.
const SIZE: [f32; 2] = [1440.0, 900.0];
/// The icon of the window, where the system asks the program for it.
const ICON: &[u8] = include_bytes!("../../dist/icons/128.png");
/// The least size that it can be used in.
const SIZE_MIN: [f32; 2] = [800.0, 560.0];

/// The labs that Sandtable ships with, as the gallery shows them.
pub fn templates() -> Vec<Template> {
    crate::layout::templates()
        .into_iter()
        .map(|it| Template {
            name: it.lab.name.clone(),
            about: it.lab.about.clone(),
            thumbnail: Arc::new(picture::Thumbnail::new(&it.lab)),
            lab: it.lab,
        })
        .collect()
}

/// Opens the window, with a lab where there is a path, and stays until it is closed.
///
/// # Errors
/// Where the system gives no window or no thread.
pub fn run(path: Option<PathBuf>) -> anyhow::Result<()> {
    let began = Instant::now();
    let folders = Folders::of_platform();
    let preferences = folders.as_ref().map_or_else(Preferences::default, files::preferences);
    let place = preferences.window.unwrap_or(WindowPlace { size: SIZE, maximized: false });
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Sandtable")
            .with_app_id("sandtable")
            .with_icon(eframe::icon_data::from_png_bytes(ICON).unwrap_or_default())
            .with_inner_size(place.size)
            .with_maximized(place.maximized)
            .with_min_inner_size(SIZE_MIN),
        renderer: eframe::Renderer::Glow,
        // The window's size is among the preferences: what egui would keep may be the full screen of a presentation.
        persist_window: false,
        ..eframe::NativeOptions::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        let ctx = creation.egui_ctx.clone();
        let parts = Parts { folders, engine: crate::app::engine::all(), chooser: Box::new(Desktop), draw: crate::app::export::export };
        // After a moment, and not at once: of the latter egui makes two frames.
        let wake = move || ctx.request_repaint_after(Duration::from_millis(1));
        let workers = Workers::start(parts, Arc::new(wake))?;
        outline::Outline::install(&creation.egui_ctx);
        let mut state = State::new(preferences, templates()).on_machine(crate::app::machine::context());
        state.run.process = std::process::id();
        let mut app = SandtableApp::new(state, workers).timing_from(began);
        app.prepare(&creation.egui_ctx);
        Ok(Box::new(match path {
            Some(path) => app.opening(path),
            None => app,
        }))
    });
    eframe::run_native("sandtable", options, create).map_err(|error| anyhow::anyhow!("{error}")).context("the window could not be opened")
}
