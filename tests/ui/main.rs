//! The window without a display (kittest). Modules called `…snapshots`, and `look`, compare images and need a Vulkan driver.

mod canvas_snapshots;
mod flows;
mod look;
mod real_window;
mod support;
mod window;
mod window_snapshots;
