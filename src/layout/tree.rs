//! A layout file's text as a tree of spans: what stands where, before anything is built of it.
//!
//! The tree owns no text and copies none: it is a flat list of places. It never judges what a value means.

use crate::model::Segment;
use std::borrow::Cow;

/// A piece of the text, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    /// The piece itself; empty where the span is not of this text.
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A word: `true`, `any`, `None`.
    Word,
    /// A number.
    Number,
    /// A text in quotes, escapes and all.
    Text,
    /// A text between `r#"` and `"#`, with this many `#`.
    RawText(u8),
    /// `[…]`.
    List,
    /// `{key: value}`.
    Map,
    /// `(field: value)`, or `word(field: value)`.
    Fields,
    /// `(value, value)` or `word(value)`; also `()`.
    Tuple,
}

/// What a value is called by what it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing: the document, or an element of a list or tuple.
    None,
    /// A field's name.
    Field(Span),
    /// A key in quotes.
    Key(Span, Shape),
}

impl Label {
    /// Where it stands, if it stands anywhere.
    pub(super) fn span(self) -> Option<Span> {
        match self {
            Self::None => None,
            Self::Field(span) | Self::Key(span, _) => Some(span),
        }
    }
}

/// A place in the tree.
pub(super) type ItemId = u32;

/// No item: the end of a row of children.
pub(super) const NO_ITEM: ItemId = u32::MAX;

/// One value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// All of it; for `word(…)` from the word on.
    pub(super) span: Span,
    /// The word before the bracket; empty for none.
    pub(super) name: Span,
    /// How it is written.
    pub(super) shape: Shape,
    /// What it is called.
    pub(super) label: Label,
    /// Its first child.
    pub(super) first: ItemId,
    /// The next child of what it stands in.
    pub(super) next: ItemId,
    /// How many children it has.
    pub(super) count: u32,
}

/// All values of a text; the first is the document.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub(super) items: Vec<Item>,
}

impl Tree {
    /// A value by its place.
    pub(super) fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.get(id as usize)
    }

    /// The children of a value, in order, with their places.
    pub(super) fn children(&self, id: ItemId) -> Children<'_> {
        Children { tree: self, next: self.item(id).map_or(NO_ITEM, |item| item.first) }
    }

    /// The child that a step leads to.
    pub(super) fn child(&self, text: &str, id: ItemId, step: &Segment) -> Option<ItemId> {
        match step {
            Segment::Index(index) => self.children(id).nth(*index).map(|(id, _)| id),
            Segment::Field(name) => {
                let called = |item: &Item| matches!(item.label, Label::Field(span) if field_name(span.of(text)) == name);
                self.children(id).find(|(_, item)| called(item)).map(|(id, _)| id)
            }
            Segment::Key(name) => {
                let called = |item: &Item| matches!(item.label, Label::Key(span, shape) if text_of(text, span, shape) == *name);
                self.children(id).find(|(_, item)| called(item)).map(|(id, _)| id)
            }
        }
    }
}

/// Walks a row of children.
pub(super) struct Children<'a> {
    tree: &'a Tree,
    next: ItemId,
}

impl<'a> Iterator for Children<'a> {
    type Item = (ItemId, &'a Item);
    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next;
        let item = self.tree.item(id)?;
        self.next = item.next;
        Some((id, item))
    }
}

/// A field's name without the `r#` that lets a keyword be one.
pub(super) fn field_name(written: &str) -> &str {
    written.strip_prefix("r#").unwrap_or(written)
}

/// What a text in quotes says. The scanner has checked its escapes; one that it would refuse stands for itself here.
pub(super) fn text_of(text: &str, span: Span, shape: Shape) -> Cow<'_, str> {
    let written = span.of(text);
    if let Shape::RawText(hashes) = shape {
        let hashes = usize::from(hashes);
        return Cow::Borrowed(written.get(hashes + 2..written.len().saturating_sub(hashes + 1)).unwrap_or(""));
    }
    let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or("");
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let (char, len) = unescape(escape).unwrap_or(('\\', 1));
        plain.push(char);
        rest = escape.get(len..).unwrap_or("");
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character that an escape at the start of a text means, and how many bytes the escape takes. `None`: no escape of RON.
pub(super) fn unescape(escape: &str) -> Option<(char, usize)> {
    let mut chars = escape.chars();
    if chars.next() != Some('\\') {
        return None;
    }
    let simple = |char| Some((char, 2));
    match chars.next()? {
        'n' => simple('\n'),
        't' => simple('\t'),
        'r' => simple('\r'),
        '0' => simple('\0'),
        '\\' => simple('\\'),
        '"' => simple('"'),
        '\'' => simple('\''),
        'x' => {
            let digits = escape.get(2..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            let byte = u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii)?;
            Some((char::from(byte), 4))
        }
        'u' => {
            let digits = escape.get(2..)?.strip_prefix('{')?;
            let len = digits.find('}').filter(|len| (1..=6).contains(len))?;
            let digits = digits.get(..len).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, len + 4))
        }
        _ => None,
    }
}
