//! The picture of a lab: where everything stands, what is at a point, and the shapes that draw it.
//!
//! Pure. One description in lab space feeds the screen and the exporters, so a file is what was seen. This layer knows no
//! window, changes no lab and judges nothing: findings, health and plans are given to it as an [`Overlay`].

#[cfg(test)]
use crate::model;

mod bulk;
pub mod draw;
#[cfg(test)]
pub(crate) mod fixture;
mod follow;
pub mod geometry;
mod grid;
mod highlight;
mod hit;
mod outside;
mod overlay;
mod parts;
mod place;
mod routes;
mod scene;
mod shape;
mod space;
mod thumbnail;
mod trace;

pub use grid::{Cell, Grid};
pub use hit::{Aim, HANDLE_RADIUS, Hit, handle};
pub use outside::OutsideItem;
pub use overlay::{Badge, CardState, Changes, Cut, Holders, LinkState, Mode, Overlay, Progress, State, States};
pub use parts::Part;
pub use place::{Places, places};
pub use scene::{End, FlowItem, LinkItem, NetworkItem, NodeItem, NoteItem, Scene, SiteItem, Token, VipItem};
pub use shape::{Anchor, Dash, Detail, LAYERS, Layer, Shape, Shapes, Stroke, Text};
pub use space::{Curve, Point, Rect, distance_to_line, inside, point};
pub use thumbnail::Thumbnail;
pub use trace::{Leg, Trace};
