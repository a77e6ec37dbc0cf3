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
    Event, Preferences, State, Template, WindowPlace,
    chooser::Desktop,
    files::{self, Folders},
    worker::{Parts, Workers},
};
use crate::picture;
use crate::session::settings::Environment;
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
    let (preferences, damaged) = folders.as_ref().map_or_else(|| (Preferences::default(), None), files::preferences);
    let place = preferences.window.unwrap_or(WindowPlace { size: SIZE, maximized: false });
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Sandtable")
            .with_app_id("sandtable")
            .with_icon(eframe::icon_data::from_png_bytes(ICON).unwrap_or_default())
            .with_inner_size(place.size)
            .with_maximized(place.maximized)
            .with_min_inner_size(theme::WINDOW_MIN),
        renderer: eframe::Renderer::Glow,
        // The window's size is among the preferences: what egui would keep may be the full screen of a presentation.
        persist_window: false,
        ..eframe::NativeOptions::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        let ctx = creation.egui_ctx.clone();
        let mut state = State::new(preferences, templates()).on_machine(crate::app::machine::context()).under(Environment::of_process());
        damaged.map(Event::Failed).into_iter().for_each(|told| drop(state.receive(told)));
        let parts = Parts {
            folders,
            engine: crate::app::engine::all(state.settings()),
            chooser: Box::new(Desktop),
            draw: crate::app::export::export,
            doctor: crate::app::engine::doctor,
        };
        // After a moment, and not at once: of the latter egui makes two frames.
        let wake = move || ctx.request_repaint_after(Duration::from_millis(1));
        let workers = Workers::start(parts, Arc::new(wake))?;
        outline::Outline::install(&creation.egui_ctx);
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
