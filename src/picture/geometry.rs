//! Where the parts of cards, rails and flows are, from where the cards and rails are. Pure arithmetic.

use super::space::{Curve, Point, Rect, point};
use crate::{
    catalog::{Catalog, Group},
    look::{self, FontFace, Icon, font_size, size},
    model::{Forward, Lab, Node, ServiceName, Vip},
};
use std::net::Ipv4Addr;

/// The edge of a card that a socket is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// Its rail is above.
    Top,
    /// Its rail is below.
    Bottom,
}

/// An adapter on the edge of its node's card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Socket {
    /// The adapter's slot.
    pub slot: usize,
    /// The network, by number.
    pub network: u32,
    /// Which edge it is on.
    pub edge: Edge,
    /// Its middle, on the edge.
    pub at: Point,
    /// Where its drop meets the rail: the rail's middle.
    pub rail_y: f32,
}

/// The shortest that a rail is, in lab units.
pub const RAIL_LENGTH_MIN: f32 = 480.0;
/// How far a rail goes on beyond the outermost card that hangs from it.
const RAIL_MARGIN: f32 = 64.0;
/// From a card's side to what is in it.
pub const CARD_MARGIN: f32 = 12.0;
/// From a chip's left edge to its text.
pub const CHIP_TEXT: f32 = 21.0;
const CHIP_END: f32 = 7.0;
const CHIP_GAP: f32 = 4.0;

/// Puts sockets on the edges of a card: spread evenly over the edge that is nearer to their rails.
pub fn spread_sockets(card: Rect, sockets: &mut [Socket]) {
    let middle = card.center().y;
    for socket in sockets.iter_mut() {
        socket.edge = if socket.rail_y < middle { Edge::Top } else { Edge::Bottom };
    }
    for edge in [Edge::Top, Edge::Bottom] {
        let on_edge = sockets.iter().filter(|socket| socket.edge == edge).count();
        let step = card.width() / (count(on_edge) + 1.0);
        for (n, socket) in sockets.iter_mut().filter(|socket| socket.edge == edge).enumerate() {
            let y = if edge == Edge::Top { card.min.y } else { card.max.y };
            socket.at = point(step.mul_add(count(n) + 1.0, card.min.x), y);
        }
    }
}

/// The bar of a rail that begins at a point and from which cards with these sides hang.
pub fn rail(at: Point, cards: impl Iterator<Item = (f32, f32)>) -> Rect {
    let (mut left, mut right) = (at.x, at.x + RAIL_LENGTH_MIN);
    for (from, to) in cards {
        left = left.min(from - RAIL_MARGIN);
        right = right.max(to + RAIL_MARGIN);
    }
    Rect { min: point(left, at.y), max: point(right, at.y + size::RAIL_HEIGHT) }
}

/// What a chip stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChipOf {
    /// A service.
    Service(ServiceName),
    /// A VIP that the node may hold, by number.
    Vip(usize),
    /// What has no room: so many more.
    More(usize),
}

/// A chip in a card.
#[derive(Debug, Clone, PartialEq)]
pub struct Chip {
    /// What it stands for.
    pub of: ChipOf,
    /// Its icon; `None` for [`ChipOf::More`].
    pub icon: Option<Icon>,
    /// Its text.
    pub text: String,
    /// Where.
    pub rect: Rect,
}

/// What a card has chips for, in their order: the VIPs that it may hold, then its services, those of the base system last.
pub fn chip_order(lab: &Lab, catalog: &Catalog, name: &str, node: &Node) -> Vec<(ChipOf, Icon, String)> {
    let base = |service: &crate::model::Service| catalog.of(service).is_some_and(|entry| entry.group == Group::Base);
    let mut services: Vec<_> = node.services.iter().collect();
    services.sort_by_key(|(_, service)| base(service));
    let icon_of = |service| catalog.of(service).and_then(|entry| Icon::named(&entry.icon)).unwrap_or(Icon::App);
    let services = services.into_iter().map(|(name, service)| (ChipOf::Service(name.clone()), icon_of(service), name.to_string()));
    let holds = |vip: &Vip| vip.holders.iter().any(|holder| holder.node == *name);
    let vips = lab.vips.iter().enumerate().filter(|(_, (_, vip))| holds(vip));
    vips.map(|(number, (name, _))| (ChipOf::Vip(number), Icon::Vip, name.to_string())).chain(services).collect()
}

/// The chips of a card, as many as fit; the last one counts the rest.
pub fn chips(lab: &Lab, catalog: &Catalog, name: &str, node: &Node, card: Rect) -> Vec<Chip> {
    let all = chip_order(lab, catalog, name, node);
    let right = card.max.x - CARD_MARGIN;
    let mut at = point(card.min.x + CARD_MARGIN, card.max.y - CARD_MARGIN - size::CHIP_HEIGHT);
    let mut chips: Vec<Chip> = Vec::with_capacity(all.len().min(5));
    let in_all = all.len();
    for (n, (of, icon, text)) in all.into_iter().enumerate() {
        let rest = in_all - n - 1;
        let room = right - at.x - if rest > 0 { CHIP_GAP + more_width(rest) } else { 0.0 };
        let text_width_max = if n == 0 { room - CHIP_TEXT - CHIP_END } else { room.min(120.0) - CHIP_TEXT - CHIP_END };
        let cut = look::elide(&text, FontFace::Regular, font_size::SMALL, text_width_max);
        let whole = cut.len() == text.len();
        if !whole && (n > 0 || cut.is_empty()) {
            let hidden = rest + 1;
            chips.push(Chip {
                of: ChipOf::More(hidden),
                icon: None,
                text: format!("+{hidden}"),
                rect: Rect::at(at, more_width(hidden), size::CHIP_HEIGHT),
            });
            break;
        }
        let width = CHIP_TEXT + look::width(&cut, FontFace::Regular, font_size::SMALL) + CHIP_END;
        let text = cut.into_owned();
        chips.push(Chip { of, icon: Some(icon), text, rect: Rect::at(at, width, size::CHIP_HEIGHT) });
        at.x += width + CHIP_GAP;
    }
    chips
}

fn more_width(hidden: usize) -> f32 {
    CHIP_END * 2.0 + look::width(if hidden < 10 { "+0" } else { "+00" }, FontFace::Regular, font_size::SMALL)
}

/// The rectangle of a VIP's token around its middle.
pub fn token(at: Point, vip: &Vip) -> Rect {
    const BESIDE_TEXT: f32 = 38.0;
    let text = look::width(&vip.address.to_string(), FontFace::SemiBold, TOKEN_TEXT);
    Rect::around(at, text + BESIDE_TEXT, size::TOKEN_HEIGHT)
}

/// The size of the address on a token.
pub const TOKEN_TEXT: f32 = 11.5;

/// Which side of a box a flow leaves or enters by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Its upper edge.
    Top,
    /// Its lower edge.
    Bottom,
    /// Its left edge.
    Left,
    /// Its right edge.
    Right,
}

impl Side {
    /// The direction away from the box.
    pub fn outward(self) -> Point {
        match self {
            Self::Top => point(0.0, -1.0),
            Self::Bottom => point(0.0, 1.0),
            Self::Left => point(-1.0, 0.0),
            Self::Right => point(1.0, 0.0),
        }
    }
}

/// The sides by which a flow from one box to another leaves and enters.
pub fn sides(from: &Rect, to: &Rect) -> (Side, Side) {
    const APART: f32 = 16.0;
    if from.max.y + APART <= to.min.y {
        (Side::Bottom, Side::Top)
    } else if to.max.y + APART <= from.min.y {
        (Side::Top, Side::Bottom)
    } else if (from.center().x - to.center().x).abs() > from.width().midpoint(to.width()) + size::CARD_WIDTH {
        // In one row with others between: around them, below.
        (Side::Bottom, Side::Bottom)
    } else if from.center().x <= to.center().x {
        (Side::Right, Side::Left)
    } else {
        (Side::Left, Side::Right)
    }
}

/// Where the nth of several flows on one side of a box meets it. Flows to the left leave left of the middle, flows to the
/// right right of it, so that the drop in the middle stays free.
pub fn port(of: &Rect, side: Side, place: PortPlace) -> Point {
    let center = of.center();
    match side {
        Side::Left | Side::Right => {
            let x = if side == Side::Left { of.min.x } else { of.max.x };
            let room = (of.height() / 2.0 - 10.0).max(0.0);
            point(x, center.y + (12.0 + 10.0 * count(place.nth)).min(room))
        }
        Side::Top | Side::Bottom => {
            let y = if side == Side::Top { of.min.y } else { of.max.y };
            let half = of.width() / 2.0;
            let first = (half * 0.4).min(40.0);
            let room = (half - first - 14.0).max(0.0);
            let step = if place.among > 1 { (room / (count(place.among) - 1.0)).min(14.0) } else { 0.0 };
            point(center.x + place.toward * step.mul_add(count(place.nth), first), y)
        }
    }
}

/// One flow's place among those that share a side of a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortPlace {
    /// -1 for those that go left, 1 for those that go right.
    pub toward: f32,
    /// Its place from the middle outward, from 0.
    pub nth: usize,
    /// How many go the same way.
    pub among: usize,
}

/// The curve between two ports.
pub fn route(from: (Point, Side), to: (Point, Side)) -> Curve {
    let (start, end) = (from.0, to.0);
    let distance = match (from.1, to.1) {
        (Side::Top | Side::Bottom, Side::Top | Side::Bottom) if from.1 == to.1 => 72.0,
        (Side::Top | Side::Bottom, _) => ((end.y - start.y).abs() * 0.55).clamp(16.0, 140.0),
        (Side::Left | Side::Right, _) => ((end.x - start.x).abs() * 0.4).clamp(8.0, 120.0),
    };
    let reach = |at: Point, side: Side| at + point(side.outward().x * distance, side.outward().y * distance);
    Curve([start, reach(start, from.1), reach(end, to.1), end])
}

/// The part of an address that tells it from the others of its network, such as `.21`.
pub fn short_address(address: Ipv4Addr, prefix: Option<u8>) -> String {
    let [_, b, c, d] = address.octets();
    match prefix {
        Some(prefix) if prefix >= 24 => format!(".{d}"),
        Some(prefix) if prefix >= 16 => format!(".{c}.{d}"),
        Some(_) => format!(".{b}.{c}.{d}"),
        None => address.to_string(),
    }
}

/// What is written beside the drop of a NAT adapter: `:8080 → 80`, and how many more there are.
pub fn forwards_text(forwards: &[Forward]) -> Option<String> {
    let first = forwards.first()?;
    let more = forwards.len() - 1;
    let rest = if more > 0 { format!("  +{more}") } else { String::new() };
    Some(format!(":{} → {}{rest}", first.host, first.to))
}

/// An amount of memory as a card says it.
pub fn memory_text(memory_mib: u32) -> String {
    if memory_mib >= 1024 && memory_mib.is_multiple_of(1024) {
        format!("{} GB", memory_mib / 1024)
    } else if memory_mib >= 10 * 1024 {
        format!("{:.1} GB", f64::from(memory_mib) / 1024.0)
    } else {
        format!("{memory_mib} MB")
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of things on one card or edge")]
pub(super) fn count(value: usize) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixture;

    fn card() -> Rect {
        Rect::at(point(100.0, 100.0), size::CARD_WIDTH, size::CARD_HEIGHT)
    }

    fn socket(slot: usize, rail_y: f32) -> Socket {
        Socket { slot, network: 0, edge: Edge::Top, at: Point::default(), rail_y }
    }

    #[test]
    fn sockets_face_their_rails_and_share_the_edge() {
        let mut sockets = [socket(0, 0.0), socket(1, 300.0), socket(2, 400.0)];
        spread_sockets(card(), &mut sockets);
        assert_eq!(sockets.map(|socket| socket.edge), [Edge::Top, Edge::Bottom, Edge::Bottom]);
        assert_eq!(sockets[0].at, point(198.0, 100.0), "alone on its edge: in the middle");
        assert!(sockets[1].at.x < sockets[2].at.x);
        assert_eq!(sockets[1].at.y, 188.0);
    }

    #[test]
    fn rails_grow_with_what_hangs_from_them() {
        let short = rail(point(0.0, 0.0), std::iter::empty());
        assert_eq!(short.width(), RAIL_LENGTH_MIN);
        let long = rail(point(0.0, 0.0), [(-100.0, 96.0), (800.0, 996.0)].into_iter());
        assert!(long.min.x < -100.0 && long.max.x > 996.0);
    }

    fn check_chips(services: usize, shown: usize, hidden: usize) {
        let mut lab = fixture::mini_cloud();
        let node = lab.nodes.get_mut("app1").unwrap();
        node.services.clear();
        for n in 0..services {
            node.services.insert(format!("service{n}").parse().unwrap(), crate::model::Service::new("nginx".parse().unwrap()));
        }
        let chips = chips(&lab, Catalog::embedded(), "app1", &lab.nodes["app1"], card());
        let more: usize = chips.iter().filter_map(|chip| if let ChipOf::More(more) = chip.of { Some(more) } else { None }).sum();
        assert_eq!((chips.len() - usize::from(more > 0), more), (shown, hidden), "{services}");
        assert!(chips.iter().all(|chip| card().encloses(&chip.rect)), "{chips:#?}");
    }

    #[test]
    fn chips_stay_in_the_card_and_say_how_many_are_hidden() {
        check_chips(0, 0, 0);
        check_chips(2, 2, 0);
        check_chips(5, 2, 3);
        check_chips(40, 1, 39);
    }

    #[test]
    fn the_chip_of_a_vip_is_never_among_the_hidden() {
        let mut lab = fixture::mini_cloud();
        for n in 0..12 {
            let service = crate::model::Service::new("nginx".parse().unwrap());
            lab.nodes.get_mut("db1").unwrap().services.insert(format!("service{n}").parse().unwrap(), service);
        }
        let chips = chips(&lab, Catalog::embedded(), "db1", &lab.nodes["db1"], card());
        assert!(chips.iter().any(|chip| chip.of == ChipOf::Vip(0)) && matches!(chips.last().unwrap().of, ChipOf::More(_)), "{chips:?}");
    }

    #[test]
    fn a_long_name_alone_is_cut() {
        let mut lab = fixture::mini_cloud();
        let node = lab.nodes.get_mut("app1").unwrap();
        node.services.clear();
        node.services.insert("w".repeat(60).parse().unwrap(), crate::model::Service::new("nginx".parse().unwrap()));
        let chips = chips(&lab, Catalog::embedded(), "app1", &lab.nodes["app1"], card());
        assert_eq!(chips.len(), 1);
        assert!(chips[0].text.ends_with('…') && card().encloses(&chips[0].rect));
    }

    #[test]
    fn flows_leave_toward_what_they_go_to() {
        let below = card().moved(point(300.0, 300.0));
        assert_eq!(sides(&card(), &below), (Side::Bottom, Side::Top));
        assert_eq!(sides(&below, &card()), (Side::Top, Side::Bottom));
        assert_eq!(sides(&card(), &card().moved(point(260.0, 0.0))), (Side::Right, Side::Left));
        assert_eq!(sides(&card(), &card().moved(point(900.0, 0.0))), (Side::Bottom, Side::Bottom));
        let curve = route((point(0.0, 0.0), Side::Bottom), (point(50.0, 100.0), Side::Top));
        assert_eq!(curve.heading(), point(0.0, 1.0), "it arrives from above");
    }

    #[test]
    fn ports_leave_the_middle_free_and_stay_on_the_edge() {
        let card = card();
        for among in [1, 3, 30] {
            for nth in 0..among {
                for toward in [-1.0, 1.0] {
                    let at = port(&card, Side::Top, PortPlace { toward, nth, among });
                    assert!((at.x - card.center().x).abs() > 30.0 && at.x > card.min.x && at.x < card.max.x, "{at:?}");
                }
            }
        }
    }

    #[test]
    fn short_texts() {
        let address = Ipv4Addr::new(192, 168, 60, 21);
        assert_eq!(short_address(address, Some(24)), ".21");
        assert_eq!(short_address(address, Some(16)), ".60.21");
        assert_eq!(short_address(address, None), "192.168.60.21");
        assert_eq!([memory_text(512), memory_text(1024), memory_text(1536), memory_text(16384)], ["512 MB", "1 GB", "1536 MB", "16 GB"]);
        let forward = |host, to| Forward { host, to, address: Ipv4Addr::LOCALHOST };
        assert_eq!(forwards_text(&[forward(8080, 80)]).unwrap(), ":8080 → 80");
        assert_eq!(forwards_text(&[forward(8080, 80), forward(8404, 8404)]).unwrap(), ":8080 → 80  +1");
        assert_eq!(forwards_text(&[]), None);
    }
}
