//! What the palette gives to the canvas when something is dragged from it.

use crate::model::{Kind, NetworkKind, Role};

/// The payload of a drag from the palette (egui's drag and drop).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaletteDrag {
    /// A node of a role.
    Node(Role),
    /// A network of a kind.
    Network(NetworkKind),
    /// A service of the catalog, for a node.
    Service(Kind),
    /// A flow from outside, to what it is dropped on.
    Outside,
    /// A VIP, for a node or a rail.
    Vip,
    /// A site, around the node that it is dropped on.
    Site,
    /// A note.
    Note,
}
