//! The window: egui on top of `app`. It reads state and sends commands; it never blocks, spawns or changes the lab in
//! place, and repaints nothing while nothing changed.

pub mod icon;
pub mod theme;
pub mod widget;
