//! The path of a connection on the drawing: from card to rail to card, to where it ends or fails.
//!
//! Geometry only, in lab space. Which path it is, `reach` has answered.

use super::{
    scene::Scene,
    space::{Point, Rect, point},
};
use crate::{
    model::Endpoint,
    reach::{Explained, HopLine},
};

/// A piece of the path, in the direction in which it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Leg {
    /// Its corners.
    pub points: Vec<Point>,
    /// Whether it goes through a tunnel.
    pub is_tunnel: bool,
}

/// A path on the drawing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    /// How far it goes.
    pub legs: Vec<Leg>,
    /// The cards that it touches, in order, the caller's first.
    pub cards: Vec<Rect>,
    /// Where it ends or fails; `None`: nothing of it is drawn.
    pub end: Option<Point>,
    /// From there to the target, which it does not reach.
    pub rest: Option<[Point; 2]>,
}

/// Which end of a line stands at a card.
fn edge(card: &Rect, toward: Point) -> Point {
    let center = card.center();
    let (dx, dy) = (toward.x - center.x, toward.y - center.y);
    let part = |half: f32, along: f32| if along.abs() > f32::EPSILON { half / along.abs() } else { f32::INFINITY };
    let scale = part(card.width() / 2.0, dx).min(part(card.height() / 2.0, dy)).min(1.0);
    point(center.x + dx * scale, center.y + dy * scale)
}

fn straight(from: &Rect, to: &Rect) -> [Point; 2] {
    [edge(from, to.center()), edge(to, from.center())]
}

/// From a card straight to the height of a rail, and along it to where another card hangs.
fn by_rail(from: &Rect, [socket, on_rail]: [Point; 2]) -> Vec<Point> {
    let x = from.center().x;
    vec![edge(from, point(x, on_rail.y)), point(x, on_rail.y), on_rail, socket]
}

impl Scene {
    fn card_of(&self, node: &str) -> Option<Rect> {
        self.node(self.node_number(node)?).map(|item| item.card)
    }

    fn card_of_end(&self, end: &str) -> Option<Rect> {
        match end.parse::<Endpoint>().ok()? {
            Endpoint::Outside => self.outside.as_ref().map(|item| item.rect),
            Endpoint::Node(node) => self.card_of(&node),
            Endpoint::Service(at) => self.card_of(&at.node),
            Endpoint::Vip(vip) => self.vips.iter().find(|item| item.name == vip)?.tokens.first().map(|token| token.rect),
        }
    }

    /// Where a node's adapter on a network is on its card, and where it meets the rail.
    fn plug(&self, node: &str, network: &str) -> Option<[Point; 2]> {
        let number = self.network_number(network)?;
        let item = self.node(self.node_number(node)?)?;
        let socket = item.sockets.iter().find(|socket| socket.network == number)?;
        Some([socket.at, point(socket.at.x, socket.rail_y)])
    }

    /// The path of an answered question. What is not on the drawing is left out.
    pub fn trace(&self, answer: &Explained) -> Trace {
        let mut trace = Trace::default();
        let from = self.card_of_end(&answer.from);
        trace.cards.extend(from);
        let failed_at = answer.why.as_ref().and_then(|why| why.node.as_deref());
        let first = answer.hops.first().map(|hop| hop.node.as_str()).or(failed_at);
        // A connection from outside enters at the first node of its path.
        if let (Ok(Endpoint::Outside), Some(from), Some(card)) = (answer.from.parse(), from, first.and_then(|node| self.card_of(node)))
            && !answer.hops.is_empty()
        {
            let plug = first.zip(answer.enters_by.as_deref()).and_then(|(node, network)| self.plug(node, network));
            let points = plug.map_or_else(|| straight(&from, &card).to_vec(), |plug| by_rail(&from, plug));
            trace.legs.push(Leg { points, is_tunnel: false });
            trace.cards.push(card);
        }
        for (place, hop) in answer.hops.iter().enumerate() {
            let later = answer.hops.iter().skip(place + 1).map(|hop| hop.node.as_str()).find(|node| *node != hop.node);
            let Some(leg) = self.leg(hop, later.or(failed_at.filter(|node| *node != hop.node))) else { continue };
            trace.legs.push(leg);
            if let Some(card) = later.and_then(|node| self.card_of(node)) {
                trace.cards.push(card);
            }
        }
        let last = trace.legs.last().and_then(|leg| leg.points.last()).copied();
        trace.end = last.or_else(|| from.map(|card| point(card.max.x, card.center().y)));
        let target = self.card_of_end(&answer.to).filter(|target| !answer.reaches && trace.cards.last() != Some(target));
        if let (Some(target), Some(end)) = (target, trace.end) {
            let start = trace.cards.last().filter(|_| trace.legs.is_empty()).map_or(end, |card| edge(card, target.center()));
            trace.end = Some(start);
            trace.rest = Some([start, edge(&target, start)]);
        }
        trace
    }

    fn leg(&self, hop: &HopLine, next: Option<&str>) -> Option<Leg> {
        match hop.step {
            "sends" => {
                let network = hop.network.as_deref()?;
                let [from, on_rail] = self.plug(&hop.node, network)?;
                let mut points = vec![from, on_rail];
                if let Some([to, off_rail]) = next.and_then(|next| self.plug(next, network)) {
                    points.extend([off_rail, to]);
                }
                Some(Leg { points, is_tunnel: false })
            }
            "tunnels" => {
                let (from, to) = (self.card_of(&hop.node)?, self.card_of(next?)?);
                Some(Leg { points: straight(&from, &to).to_vec(), is_tunnel: true })
            }
            "leaves" => {
                let mut points = self.plug(&hop.node, hop.network.as_deref()?)?.to_vec();
                if let (Some(outside), Some(last)) = (&self.outside, points.last().copied()) {
                    points.push(edge(&outside.rect, last));
                }
                Some(Leg { points, is_tunnel: false })
            }
            // Translation happens on the way, and the target takes what has arrived.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        model::Lab,
        plan::{LabId, desired, fixture},
        reach::{Design, Question, Target, explain},
    };

    fn traced(lab: &Lab, from: &str, to: &str, port: Option<u16>) -> (Scene, Explained, Trace) {
        let wanted = desired(lab, Catalog::embedded(), &LabId::of_file(std::path::Path::new("/a.ron")));
        let design = Design::of(wanted.specs(), Catalog::embedded());
        let question = Question { from: from.parse().unwrap(), to: Target::Endpoint(to.parse().unwrap()), port };
        let answer = explain(&design, &design.state, &question).unwrap();
        let scene = Scene::new(lab, Catalog::embedded());
        let trace = scene.trace(&answer);
        (scene, answer, trace)
    }

    #[test]
    fn an_answered_connection_runs_from_card_to_card_over_the_rail() {
        let (scene, answer, trace) = traced(&fixture::mini_cloud(), "app1", "db1/galera", None);
        assert!(answer.reaches, "{answer:?}");
        let [leg] = trace.legs.as_slice() else { panic!("{trace:?}") };
        let (from, to) = (scene.plug("app1", "backend").unwrap(), scene.plug("db1", "backend").unwrap());
        assert_eq!(leg.points, [from[0], from[1], to[1], to[0]]);
        assert_eq!(trace.cards, [scene.card_of("app1").unwrap(), scene.card_of("db1").unwrap()]);
        assert_eq!((trace.end, trace.rest), (Some(to[0]), None));
    }

    #[test]
    fn what_comes_from_outside_enters_by_a_rail() {
        let (scene, answer, trace) = traced(&fixture::mini_cloud(), "outside", "lb/haproxy", None);
        assert!(answer.reaches && answer.enters_by.as_deref() == Some("internet"), "{answer:?}");
        let [leg] = trace.legs.as_slice() else { panic!("{trace:?}") };
        let [socket, on_rail] = scene.plug("lb", "internet").unwrap();
        assert_eq!(leg.points.get(2..), Some([on_rail, socket].as_slice()));
        let start = scene.outside.as_ref().unwrap().rect.center().x;
        assert!(leg.points.iter().take(2).all(|at| (at.x - start).abs() < 0.01), "{trace:?}");
    }

    #[test]
    fn what_is_dropped_by_the_target_reaches_its_card() {
        let (scene, answer, trace) = traced(&fixture::mini_cloud(), "lb", "db1", Some(22));
        assert_eq!(answer.outcome, crate::reach::Outcome::TimedOut, "{answer:?}");
        assert_eq!(trace.cards.last(), scene.card_of("db1").as_ref());
        assert_eq!(trace.rest, None, "{trace:?}");
    }

    #[test]
    fn what_finds_no_way_is_led_on_by_a_line_to_the_target() {
        let mut lab = fixture::mini_cloud();
        lab.nodes.get_mut("db1").unwrap().adapters.retain(|adapter| adapter.network.as_str() == "backend");
        let (scene, answer, trace) = traced(&lab, "outside", "db1/galera", None);
        assert!(!answer.reaches && answer.hops.is_empty(), "{answer:?}");
        assert!(trace.legs.is_empty());
        let [start, end] = trace.rest.unwrap();
        assert_eq!(trace.end, Some(start));
        let on_edge = |card: &Rect, at: Point| card.grow(0.5).contains(at) && !card.grow(-0.5).contains(at);
        assert!(on_edge(&scene.outside.as_ref().unwrap().rect, start) && on_edge(&scene.card_of("db1").unwrap(), end));
    }

    #[test]
    fn what_is_not_on_the_drawing_has_no_path() {
        let (_, answer, _) = traced(&fixture::mini_cloud(), "app1", "db1/galera", None);
        assert_eq!(Scene::default().trace(&answer), Trace::default());
    }
}
