//! Where things are drawn: kept apart from what is meant, so that moving a card changes one line and no rule runs.

use super::IndexMap;
use super::{NetworkName, NodeName, is_default};
use serde::{Deserialize, Serialize};

/// A point of the drawing, in lab units (one unit is one point of the screen at 100 %), x to the right, y down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pos(pub i32, pub i32);

/// Positions. A thing that has none is placed by the picture itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Upper left corners of the networks' rails.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub networks: IndexMap<NetworkName, Pos>,
    /// Upper left corners of the nodes' cards.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub nodes: IndexMap<NodeName, Pos>,
    /// Upper left corner of the outside; `None`: placed by the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Pos>,
}

/// A text on the canvas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Its upper left corner.
    pub at: Pos,
    /// The text; line breaks count.
    pub text: String,
    /// The width at which it wraps, in lab units; 0: not at all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub width: u32,
}

/// A saved view: what a presentation shows on one of its pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Its title.
    pub name: String,
    /// The part of the drawing that it shows: upper left and lower right corner; `None`: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<(Pos, Pos)>,
    /// What stands out, as `Subject` writes it; the rest is dimmed. Empty: nothing is dimmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub highlight: Vec<String>,
    /// What the speaker wants read below it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
