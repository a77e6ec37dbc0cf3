//! The pulse of requests: after each second in which some came in, dots run the way that a request goes, from outside over
//! VIPs and nodes to whatever they depend on. It shows what was measured and invents nothing: without requests it is still.

use super::layers::Frame;
use crate::{
    look::duration_secs,
    model::Health,
    picture::{Detail, End, Scene},
    ui::theme,
};
use egui::{Color32, Painter, Ui};
use std::collections::BTreeSet;

/// Requests from outside in one stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// When the stretch ended, in milliseconds of the lab's clock.
    pub at_ms: u64,
    /// Those that were answered well.
    pub good: u32,
    /// Those that were not.
    pub failed: u32,
}

/// The most flows that pulse at once: more are no help to the eye.
const FLOWS_MAX: usize = 200;
/// From one frame of the pulse to the next, in seconds.
const FRAME_SECS: f32 = 0.066;
/// A stream of requests that goes on as it was pulses this often, in milliseconds of the lab's clock; each second after a
/// change.
const STEADY_EVERY_MS: u64 = 5_000;
/// How long after a change each second pulses, in milliseconds.
const LIVELY_MS: u64 = 5_000;
/// A dot's radius, in points.
const RADIUS: f32 = 3.5;

/// A flow on the way of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leg {
    flow: u32,
    /// How many flows a request goes before this one.
    after: u16,
    /// Whether requests get through it.
    passes: bool,
}

/// What runs along the flows right now.
#[derive(Debug, Default)]
pub struct Pulse {
    seen: Option<Requests>,
    /// When requests began or stopped to fail, and when the last pulse began, in milliseconds of the lab's clock.
    changed_ms: u64,
    pulsed_ms: u64,
    began: f64,
    legs: Vec<Leg>,
}

impl Pulse {
    /// Begins with new requests, and paints the dots that are under way. Asks for frames only while some are seen.
    pub fn show(&mut self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, requests: Option<Requests>) {
        let (now, secs) = (ui.input(|input| input.time), theme::duration(ui.ctx(), duration_secs::LEG));
        let Some(requests) = requests.filter(|_| secs > 0.0) else {
            self.legs.clear();
            self.seen = None;
            return;
        };
        if self.is_due(requests) {
            self.legs = legs(frame.artist.scene, requests);
            self.began = now;
        }
        if self.legs.is_empty() || frame.artist.detail > Detail::Name {
            return;
        }
        let time = super::as_f32(now - self.began) / secs;
        let last = self.legs.iter().map(|leg| leg.after).max().unwrap_or(0);
        if time >= f32::from(last) + 1.0 {
            self.legs.clear();
            return;
        }
        if self.paint(painter, frame, time) == Seen::Some {
            ui.ctx().request_repaint_after_secs(FRAME_SECS);
        }
    }

    /// Takes over the last requests, and tells whether they are to be shown as a pulse.
    fn is_due(&mut self, requests: Requests) -> bool {
        let Some(before) = self.seen.replace(requests) else {
            self.changed_ms = requests.at_ms;
            return false;
        };
        if before.at_ms == requests.at_ms || requests.good + requests.failed == 0 {
            return false;
        }
        let sort = |of: Requests| (of.good > 0, of.failed > 0);
        if sort(before) != sort(requests) {
            self.changed_ms = requests.at_ms;
        }
        let lively = requests.at_ms.saturating_sub(self.changed_ms) <= LIVELY_MS;
        let due = lively || requests.at_ms.saturating_sub(self.pulsed_ms) >= STEADY_EVERY_MS;
        if due {
            self.pulsed_ms = requests.at_ms;
        }
        due
    }

    fn paint(&self, painter: &Painter, frame: &Frame<'_>, time: f32) -> Seen {
        let (scene, palette, stand) = (frame.artist.scene, frame.artist.palette, frame.stand);
        let shown = stand.shown();
        let mut seen = Seen::None;
        for leg in &self.legs {
            let Some(curve) = scene.flows.get(leg.flow as usize).and_then(|item| item.curve) else { continue };
            if !curve.bounds().touches(&shown) {
                continue;
            }
            seen = Seen::Some;
            let part = time - f32::from(leg.after);
            if !(0.0..1.0).contains(&part) {
                continue;
            }
            // What does not get through stops half way and fades.
            let (along, strength) = if leg.passes { (part, 1.0) } else { (part.min(0.5), (2.0 - 2.0 * part).min(1.0)) };
            let color: Color32 = if leg.passes { palette.good.into() } else { palette.bad.into() };
            let at = stand.camera.screen_from_lab(stand.viewport.min, curve.at(along));
            painter.circle_filled(at, RADIUS * 1.8, color.gamma_multiply(0.25 * strength));
            painter.circle_filled(at, RADIUS, color.gamma_multiply(strength));
        }
        seen
    }
}

/// Whether any leg can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    None,
    Some,
}

/// The flows that requests from outside go, as far as they get: behind a flow that is down nothing moves.
fn legs(scene: &Scene, requests: Requests) -> Vec<Leg> {
    let mut found: Vec<Leg> = Vec::new();
    let mut known: BTreeSet<u32> = BTreeSet::new();
    let down = |flow: u32| scene.states.flows.get(flow as usize).is_some_and(|state| state.health == Some(Health::Down));
    let outside = (0_u32..).zip(&scene.flows).filter(|(_, item)| item.from == End::Outside).map(|(flow, _)| flow);
    let mut next: Vec<u32> = outside.collect();
    for after in 0..u16::MAX {
        next.retain(|flow| known.insert(*flow));
        if next.is_empty() || found.len() >= FLOWS_MAX {
            break;
        }
        // Where all requests fail and nothing on the way is known to be down, they fail at the door.
        let passes = |flow: u32| !down(flow) && (after > 0 || requests.good > 0);
        found.extend(next.iter().map(|flow| Leg { flow: *flow, after, passes: passes(*flow) }));
        let reached = next.iter().filter(|flow| passes(**flow)).filter_map(|flow| scene.flows.get(*flow as usize)).map(|item| item.to);
        next = reached.flat_map(|end| from(scene, end)).collect();
    }
    found.truncate(FLOWS_MAX);
    found
}

/// The flows that begin at an end: a node's, or those of whoever holds a VIP.
fn from(scene: &Scene, end: End) -> Vec<u32> {
    let of_node = |node: u32| {
        let flows = scene.node(node).map_or(&[][..], |item| &item.flows);
        flows.iter().copied().filter(move |flow| scene.flows.get(*flow as usize).is_some_and(|item| item.from == End::Node(node)))
    };
    match end {
        End::Node(node) => of_node(node).collect(),
        End::Vip(vip) => {
            let tokens = scene.vips.get(vip as usize).map_or(&[][..], |item| &item.tokens);
            tokens.iter().filter_map(|token| token.node).flat_map(of_node).collect()
        }
        End::Outside | End::Nowhere => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, picture::fixture};

    fn told(good: u32, failed: u32, down: &[u32]) -> Vec<(String, u16, bool)> {
        let lab = fixture::mini_cloud();
        let mut scene = Scene::new(&lab, Catalog::embedded());
        for flow in down {
            scene.states.flows[*flow as usize].health = Some(Health::Down);
        }
        let found = legs(&scene, Requests { at_ms: 1000, good, failed });
        found.into_iter().map(|leg| (lab.flows[leg.flow as usize].to_string(), leg.after, leg.passes)).collect()
    }

    #[test]
    fn requests_go_from_outside_to_all_that_they_depend_on() {
        let all = told(20, 0, &[]);
        assert!(all.iter().all(|(_, _, passes)| *passes));
        assert!(all.iter().any(|(flow, after, _)| flow.starts_with("outside") && *after == 0), "{all:?}");
        assert!(all.iter().any(|(_, after, _)| *after >= 1), "{all:?}");
        let names: BTreeSet<&String> = all.iter().map(|(flow, ..)| flow).collect();
        assert_eq!(names.len(), all.len(), "each once");
    }

    #[test]
    fn a_steady_stream_pulses_seldom_and_a_change_at_once() {
        let mut pulse = Pulse::default();
        let mut due = |secs: std::ops::Range<u64>, failed: u32| {
            secs.filter(|sec| pulse.is_due(Requests { at_ms: sec * 1000, good: 10, failed })).collect::<Vec<u64>>()
        };
        assert_eq!(due(0..20, 0), [1, 2, 3, 4, 5, 10, 15]);
        assert_eq!(due(20..27, 3), [20, 21, 22, 23, 24, 25], "requests begin to fail");
    }

    #[test]
    fn nothing_moves_behind_what_is_down() {
        let lab = fixture::mini_cloud();
        let doors: Vec<u32> =
            (0..).zip(&lab.flows).filter(|(_, flow)| flow.from == crate::model::Endpoint::Outside).map(|(n, _)| n).collect();
        let stopped = told(0, 20, &doors);
        assert_eq!(stopped.len(), doors.len());
        assert!(stopped.iter().all(|(_, _, passes)| !passes));
        assert!(told(0, 20, &[]).iter().all(|(_, after, passes)| *after == 0 && !passes), "they fail at the door");
    }
}
