//! Lines being drawn: what a wire, a flow or a link between sites begins at, and what letting go of it means.

use super::{Canvas, CanvasEvent, CanvasInput, gesture::Gesture};
use crate::{
    app::{
        many,
        ops::{self, Act, Refusal},
    },
    model::{Endpoint, NodeName, ServiceRef},
    picture::{Hit, Point},
};
use egui::{PointerButton, Response, Ui};

/// A wire or flow being drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// What it begins at.
    pub source: Source,
    /// Where it begins.
    pub from: Point,
}

/// What a wire or flow begins at.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A node, by number, and the service, where it begins at one.
    Node(u32, Option<ServiceRef>),
    /// The outside.
    Outside,
}

/// How a line that is being drawn is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Held {
    /// By the button: letting go ends it.
    #[default]
    Dragged,
    /// By nothing: it follows the pointer until a click on a target.
    Clicked,
}

impl Canvas {
    /// Whether a line that was begun by a click follows the pointer.
    pub(super) fn is_line_clicked(&self) -> bool {
        self.held == Held::Clicked && matches!(self.gesture, Gesture::Wire(_) | Gesture::Link(..))
    }

    /// A line that was begun by a click: a click on a target ends it as letting go there would. A click on nothing leaves it; one
    /// on where it begins gives it up.
    pub(super) fn aim_line(&mut self, ui: &Ui, response: &Response, at: Point, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        if response.dragged_by(PointerButton::Middle) {
            self.flight = None;
            self.camera = self.camera.panned(ui.input(|input| input.pointer.delta()));
        }
        if !self.may_edit(input) || response.secondary_clicked() {
            self.cancel(input);
            return;
        }
        if !response.clicked_by(PointerButton::Primary) && !response.drag_stopped_by(PointerButton::Primary) {
            return;
        }
        self.pressed = None;
        response.request_focus();
        let hit = self.scene.hit(input.lab, input.catalog, self.aim(at));
        let (act, is_begin) = match &self.gesture {
            Gesture::Wire(wire) => {
                let is_begin = match wire.source {
                    Source::Node(number, _) => hit.as_ref().and_then(Hit::node) == Some(number),
                    Source::Outside => matches!(hit, Some(Hit::Outside | Hit::OutsideHandle)),
                };
                (self.wired(wire, at, input), is_begin)
            }
            Gesture::Link(site, _) => (self.linked(*site, at, input), hit == Some(Hit::SiteHandle(*site))),
            _ => return,
        };
        match act {
            Some(Ok(_)) => self.end(at, input, events),
            Some(Err(refusal)) => self.tell(Err(refusal), input, events),
            None if is_begin => self.cancel(input),
            None => {}
        }
    }

    /// What letting go of a link at a point means; `None`: no other site is there.
    pub(super) fn linked(&self, site: u32, at: Point, input: &CanvasInput<'_>) -> Option<Act> {
        let name = |number: u32| self.scene.sites.get(number as usize).map(|item| &item.name);
        let other = self.scene.site_at(at).filter(|other| *other != site)?;
        Some(ops::add_link(input.lab, name(site)?, name(other)?))
    }

    /// What letting go of a wire at a point means; `None`: nothing is there.
    pub(super) fn wired(&self, wire: &Wire, at: Point, input: &CanvasInput<'_>) -> Option<Act> {
        let (own, service) = match &wire.source {
            Source::Node(number, service) => (Some(*number), service.as_ref()),
            Source::Outside => (None, None),
        };
        let node = own.and_then(|number| self.scene.node(number)).map(|item| &item.name);
        // A line from one of several chosen nodes is drawn from all of them.
        let chosen = service.is_none() && self.chosen.nodes.len() > 1 && own.is_some_and(|own| self.chosen.nodes.contains(&own));
        let nodes: Vec<NodeName> = match chosen {
            true => self.chosen.nodes.iter().filter_map(|number| Some(self.scene.node(*number)?.name.clone())).collect(),
            false => node.cloned().into_iter().collect(),
        };
        let flow = |to: Endpoint| match (own, service) {
            (None, _) => ops::add_flow(input.lab, Endpoint::Outside, to),
            (_, Some(service)) => ops::add_flow(input.lab, Endpoint::Service(service.clone()), to),
            (_, None) => many::add_flows(input.lab, &nodes, &to),
        };
        let hit = self.scene.hit(input.lab, input.catalog, self.aim(at));
        let rail = || self.scene.rail_near(at, 24.0).and_then(|number| self.scene.networks.get(number as usize));
        match hit {
            Some(Hit::Outside | Hit::OutsideHandle) => own.map(|_| flow(Endpoint::Outside)),
            Some(Hit::Service(number, service)) if Some(number) != own => {
                let node = self.scene.node(number)?.name.clone();
                Some(flow(Endpoint::Service(ServiceRef { node, service })))
            }
            Some(Hit::Vip(number)) => {
                let vip = self.scene.vips.get(number as usize)?.name.clone();
                Some(flow(Endpoint::Vip(vip)))
            }
            Some(hit) if hit.node().is_some_and(|number| Some(number) != own) && !matches!(hit, Hit::Adapter(..)) => {
                let target = &self.scene.node(hit.node()?)?.name;
                Some(flow(ops::endpoint_on(input.lab, target)))
            }
            Some(hit) if own.is_some() && hit.node() == own => None,
            _ => rail().map(|rail| match (own, service) {
                (Some(_), None) => many::connect(input.lab, &nodes, &rail.name),
                (_, Some(service)) => Err(Refusal(format!(
                    "a flow from {service} ends at a service, a node, a VIP or the outside; drag from the card's edge to connect {}",
                    service.node
                ))),
                (None, None) => {
                    Err(Refusal("a flow from outside ends at a service, a node or a VIP: a network alone answers nothing".into()))
                }
            }),
        }
    }
}
