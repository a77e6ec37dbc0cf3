//! From a path into the document to the line and column of the file that says it.

use super::de::Part;
use super::problem::{Lines, Place};
use super::tree::{ItemId, Label, Shape, Tree, field_name, text_of};
use crate::model::{Path, Segment};
use std::collections::HashMap;

/// Containers with more children than this are looked up by a table.
const FEW: u32 = 16;

/// Where everything stands in one text.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    text: String,
    tree: Tree,
    lines: Lines,
    table: HashMap<(ItemId, Segment), ItemId>,
}

impl Positions {
    pub(super) fn new(text: &str, tree: Tree) -> Self {
        let mut table = HashMap::new();
        for id in 0..ItemId::try_from(tree.items.len()).unwrap_or(0) {
            if tree.item(id).is_none_or(|item| item.count <= FEW) {
                continue;
            }
            for (index, (child, item)) in tree.children(id).enumerate() {
                let step = match item.label {
                    Label::None => Segment::Index(index),
                    Label::Field(_) => continue,
                    Label::Key(span, shape) => Segment::Key(text_of(text, span, shape).into_owned()),
                };
                table.insert((id, step), child);
            }
        }
        Self { lines: Lines::of(text), text: text.to_owned(), tree, table }
    }

    /// The place of what a path leads to, from its name on. What the file leaves out stands where it would be in.
    pub fn place(&self, path: &Path) -> Place {
        self.item_place(self.find(path), Part::Label)
    }

    /// The place of the value that a path leads to.
    pub(super) fn value_place(&self, path: &Path) -> Place {
        self.item_place(self.find(path), Part::Value)
    }

    pub(super) fn item_place(&self, id: ItemId, part: Part) -> Place {
        let Some(item) = self.tree.item(id) else { return Place::START };
        let label = if part == Part::Label { item.label.span() } else { None };
        self.offset_place(label.unwrap_or(item.span).start)
    }

    pub(super) fn offset_place(&self, at: u32) -> Place {
        self.lines.place(&self.text, at)
    }

    /// The text of a value, cut short.
    pub(super) fn written(&self, id: ItemId) -> String {
        self.tree.item(id).map_or_else(String::new, |item| item.span.of(&self.text).chars().take(60).collect())
    }

    /// The innermost value on the way of a path that is there.
    fn find(&self, path: &Path) -> ItemId {
        let mut id = 0;
        for step in &path.0 {
            let few = self.tree.item(id).is_none_or(|item| item.count <= FEW || item.shape == Shape::Fields);
            let child = if few { self.tree.child(&self.text, id, step) } else { self.table.get(&(id, step.clone())).copied() };
            let Some(child) = child else { break };
            id = child;
        }
        id
    }

    /// The path that leads to a value.
    pub(super) fn path_of(&self, id: ItemId) -> Path {
        let chain = chain(&self.tree, id);
        let steps = chain.windows(2).filter_map(|pair| {
            let [parent, child] = pair else { return None };
            Some(match self.tree.item(*child)?.label {
                Label::Field(span) => Segment::Field(field_name(span.of(&self.text)).to_owned()),
                Label::Key(span, shape) => Segment::Key(text_of(&self.text, span, shape).into_owned()),
                Label::None => Segment::Index(self.tree.children(*parent).position(|(id, _)| id == *child)?),
            })
        });
        Path(steps.collect())
    }
}

/// The values that a value stands in, from the document to itself.
pub(super) fn chain(tree: &Tree, id: ItemId) -> Vec<ItemId> {
    let mut chain = vec![0];
    let mut inside = 0;
    while inside != id {
        // Items are numbered in the order of the text, so the one that holds `id` is the last that does not come after it.
        let Some((next, _)) = tree.children(inside).take_while(|(child, _)| *child <= id).last() else { break };
        chain.push(next);
        inside = next;
    }
    chain
}
