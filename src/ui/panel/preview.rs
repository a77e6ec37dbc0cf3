//! What a fault would take with it, on the canvas, while the pointer rests on what would inject it.

use super::Desk;
use crate::{
    app::{Command, FaultCommand},
    look::duration_secs,
    model::Fault,
};
use egui::{Context, Response};
use std::time::Duration;

/// Which fault's control the pointer is on.
#[derive(Debug, Clone, Default)]
pub struct FaultHover {
    /// In this frame.
    on: Option<Fault>,
    /// Since when, and whether it was told.
    resting: Option<Resting>,
}

#[derive(Debug, Clone)]
struct Resting {
    fault: Fault,
    since: f64,
    is_told: bool,
}

/// Shows what a fault would take with it while the pointer rests on its control.
pub(super) fn of_fault(response: &Response, desk: &mut Desk<'_>, fault: &Fault) {
    if response.hovered() {
        desk.memory.fault_hover.on = Some(fault.clone());
    }
}

/// After all controls of a frame: asks for the forecast once the pointer has rested for a moment, so that passing over controls
/// works out nothing.
pub fn follow_fault_hover(ctx: &Context, desk: &mut Desk<'_>) {
    let now = ctx.input(|input| input.time);
    let on = desk.memory.fault_hover.on.take();
    if desk.memory.fault_hover.resting.as_ref().map(|resting| &resting.fault) != on.as_ref() {
        let resting = on.map(|fault| Resting { fault, since: now, is_told: false });
        let before = std::mem::replace(&mut desk.memory.fault_hover.resting, resting);
        if before.is_some_and(|before| before.is_told) {
            desk.send(Command::Fault(FaultCommand::Preview(None)));
        }
    }
    let Some(resting) = desk.memory.fault_hover.resting.as_mut().filter(|resting| !resting.is_told) else { return };
    let left = f64::from(duration_secs::HOVER) - (now - resting.since);
    if left > 0.0 {
        ctx.request_repaint_after(Duration::from_secs_f64(left));
        return;
    }
    resting.is_told = true;
    let fault = resting.fault.clone();
    desk.send(Command::Fault(FaultCommand::Preview(Some(fault))));
}
