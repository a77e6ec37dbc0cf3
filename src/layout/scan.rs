//! From text to a [`Tree`]: the grammar of the part of RON that layout files use, and the bounds.
//!
//! Never panics, never recurses (an explicit stack, as deep as [`DEPTH_MAX`]), and stops at the first byte that cannot be
//! right. Doubled keys and too large counts are found here, before anything is built.

use super::tree::{Item, ItemId, Label, NO_ITEM, Shape, Span, Tree, field_name, text_of, unescape};
use std::collections::HashSet;

/// The largest layout file, in bytes.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The deepest nesting of brackets; a lab of today nests eight deep.
pub const DEPTH_MAX: usize = 32;
/// The most values of any sort in one file.
pub const VALUES_MAX: usize = 8_000_000;
/// The most nodes in one lab.
pub const NODES_MAX: usize = 200_000;
/// The most entries of any other list or map.
pub const ENTRIES_MAX: usize = 1_000_000;
/// The extensions of RON that a layout file may enable; both are what the reader does anyway.
const EXTENSIONS: [&str; 2] = ["implicit_some", "unwrap_newtypes"];

/// Why a text is not a tree: what, where, and in which value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanError {
    pub(super) at: u32,
    pub(super) inside: ItemId,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// A bracket that is open, and what has been seen in it.
struct Open {
    id: ItemId,
    last: ItemId,
    /// Whether a value has just ended, so that a comma or the end must follow.
    after_value: bool,
    /// For round brackets: whether it is known yet if they hold fields or values.
    decided: bool,
}

pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    pub(super) tree: Tree,
    open: Vec<Open>,
    /// Where the last `#![enable(…)]` ends; 0 without one.
    header_end: usize,
}

type Scan<T = ()> = Result<T, ScanError>;

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, tree: Tree::default(), open: Vec::new(), header_end: 0 }
    }

    /// Reads all of the text. What was read before an error stays in [`Scanner::tree`].
    pub(super) fn run(&mut self) -> Scan {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.header()?;
        self.blanks()?;
        if self.rest().is_empty() {
            return Err(self.error("nothing is here: a layout file is (sandtable: 1, name: \"…\", …)"));
        }
        self.value(Label::None)?;
        while !self.open.is_empty() {
            self.step()?;
        }
        self.blanks()?;
        if self.rest().is_empty() { Ok(()) } else { Err(self.error("the lab ends before this; nothing may follow its last bracket")) }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    fn span_from(&self, start: usize) -> Span {
        Span { start: u32::try_from(start).unwrap_or(u32::MAX), end: self.offset() }
    }

    fn error(&self, message: impl Into<String>) -> ScanError {
        ScanError { at: self.offset(), inside: self.open.last().map_or(NO_ITEM, |open| open.id), message: message.into(), hint: None }
    }

    fn error_at(&self, at: usize, message: impl Into<String>) -> ScanError {
        ScanError { at: u32::try_from(at).unwrap_or(u32::MAX), ..self.error(message) }
    }

    /// What stands here, for a message.
    fn here(&self) -> String {
        self.rest().chars().next().map_or_else(|| "the end of the file".into(), |char| format!("{char:?}"))
    }

    /// Skips blanks and comments.
    fn blanks(&mut self) -> Scan {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => self.comment()?,
                Some(byte) if !byte.is_ascii() => {
                    // RON takes the blanks of Unicode's Pattern_White_Space.
                    let Some(blank) = self
                        .rest()
                        .chars()
                        .next()
                        .filter(|char| matches!(char, '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'))
                    else {
                        return Ok(());
                    };
                    self.at += blank.len_utf8();
                }
                _ => return Ok(()),
            }
        }
    }

    fn comment(&mut self) -> Scan {
        let start = self.at;
        if self.rest().starts_with("//") {
            self.at = self.rest().find('\n').map_or(self.text.len(), |len| self.at + len);
            return Ok(());
        }
        if !self.rest().starts_with("/*") {
            return Err(self.error("a single '/' means nothing; a comment begins with //"));
        }
        let mut depth = 0_usize;
        while let Some(next) = self.text.as_bytes().get(self.at..self.at + 2) {
            match next {
                b"/*" => {
                    depth += 1;
                    self.at += 2;
                }
                b"*/" => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => self.at += 1,
            }
        }
        Err(self.error_at(start, "this comment has no end; close it with */"))
    }

    /// `#![enable(…)]`, as often as it comes.
    fn header(&mut self) -> Scan {
        loop {
            self.blanks()?;
            if self.peek() != Some(b'#') {
                return Ok(());
            }
            for token in ["#", "!", "[", "enable", "("] {
                self.token(token)?;
            }
            loop {
                self.blanks()?;
                if self.peek() == Some(b')') {
                    break;
                }
                let start = self.at;
                let word = self.word().of(self.text);
                if !EXTENSIONS.contains(&word) {
                    let known = EXTENSIONS.join(" and ");
                    return Err(self.error_at(start, format!("a layout file may enable {known}, not {word:?}")));
                }
                self.blanks()?;
                if self.peek() == Some(b',') {
                    self.at += 1;
                } else {
                    break;
                }
            }
            self.token(")")?;
            self.token("]")?;
            self.header_end = self.at;
        }
    }

    fn token(&mut self, token: &str) -> Scan {
        self.blanks()?;
        if self.rest().starts_with(token) {
            self.at += token.len();
            Ok(())
        } else {
            Err(self.error(format!(
                "expected {token:?} here, found {}; the first line is #![enable(implicit_some, unwrap_newtypes)]",
                self.here()
            )))
        }
    }

    /// Letters, digits and underscores from here on; empty where there are none.
    fn word(&mut self) -> Span {
        let start = self.at;
        if self.rest().starts_with("r#") && self.text.as_bytes().get(self.at + 2).is_some_and(u8::is_ascii_alphabetic) {
            self.at += 2;
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        self.span_from(start)
    }

    /// One step inside the innermost open bracket: a label, a value, a comma or its end.
    fn step(&mut self) -> Scan {
        self.blanks()?;
        let Some(open) = self.open.last() else { return Ok(()) };
        let (id, after_value, decided) = (open.id, open.after_value, open.decided);
        let shape = self.tree.item(id).map_or(Shape::Tuple, |item| item.shape);
        let (end, name) = match shape {
            Shape::List => (b']', "list"),
            Shape::Map => (b'}', "map"),
            _ => (b')', "bracket"),
        };
        match self.peek() {
            None => {
                let start = self.tree.item(id).map_or(0, |item| item.span.start as usize);
                let mut error = self.error(format!("the file ends here, but a {name} is still open; expected '{}'", char::from(end)));
                error.hint =
                    Some(format!("it was opened in line {}", 1 + self.text.get(..start).map_or(0, |text| text.matches('\n').count())));
                return Err(error);
            }
            Some(byte) if byte == end => return self.close(),
            Some(b',') if after_value => {
                self.at += 1;
                if let Some(open) = self.open.last_mut() {
                    open.after_value = false;
                }
                return Ok(());
            }
            Some(_) if after_value => {
                return Err(self.error(format!("expected ',' or '{}' here, found {}", char::from(end), self.here())));
            }
            Some(_) => {}
        }
        let label = match shape {
            Shape::Map => self.key()?,
            Shape::Fields => self.field(id)?,
            Shape::Tuple if !decided => {
                let is_field = self.is_field()?;
                if let Some(open) = self.open.last_mut() {
                    open.decided = true;
                }
                if !is_field {
                    Label::None
                } else {
                    if let Some(item) = self.tree.items.get_mut(id as usize) {
                        item.shape = Shape::Fields;
                    }
                    self.field(id)?
                }
            }
            _ => Label::None,
        };
        self.blanks()?;
        self.value(label)
    }

    /// Whether `word:` stands here.
    fn is_field(&mut self) -> Scan<bool> {
        let start = self.at;
        let word = self.word();
        let is_word = word.start != word.end;
        let is_field = is_word && {
            self.blanks()?;
            self.peek() == Some(b':')
        };
        self.at = start;
        Ok(is_field)
    }

    fn field(&mut self, id: ItemId) -> Scan<Label> {
        let start = self.at;
        let span = self.word();
        if span.start == span.end {
            return Err(self.error(format!("expected the name of a field here, found {}", self.here())));
        }
        let name = field_name(span.of(self.text));
        let doubled =
            self.tree.children(id).any(|(_, item)| matches!(item.label, Label::Field(other) if field_name(other.of(self.text)) == name));
        if doubled {
            return Err(self.error_at(start, format!("the field {name:?} is already there; it may be said once only")));
        }
        // Fields are compared with all before them, so an endless row of them would take for ever.
        if self.tree.item(id).is_some_and(|item| item.count > 100) {
            return Err(self.error_at(start, "nothing in a layout file has so many fields; a map is written in {curly brackets}"));
        }
        self.colon()?;
        Ok(Label::Field(span))
    }

    fn key(&mut self) -> Scan<Label> {
        let (span, shape) = match self.quoted()? {
            Some(quoted) => quoted,
            None => return Err(self.error(format!("expected a name in quotes here, found {}", self.here()))),
        };
        self.colon()?;
        Ok(Label::Key(span, shape))
    }

    fn colon(&mut self) -> Scan {
        self.blanks()?;
        if self.peek() != Some(b':') {
            return Err(self.error(format!("expected ':' here, found {}", self.here())));
        }
        self.at += 1;
        Ok(())
    }

    /// A text in quotes, if one stands here.
    fn quoted(&mut self) -> Scan<Option<(Span, Shape)>> {
        let start = self.at;
        if let Some(hashes) = raw_hashes(self.rest()) {
            let end = format!("\"{}", "#".repeat(usize::from(hashes)));
            let inner = usize::from(hashes) + 2;
            let len = self.rest().get(inner..).and_then(|rest| rest.find(&end));
            let len = len.ok_or_else(|| self.error(format!("this text has no end; close it with {end}")))?;
            self.at += inner + len + end.len();
            return Ok(Some((self.span_from(start), Shape::RawText(hashes))));
        }
        if self.peek() != Some(b'"') {
            return Ok(None);
        }
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Some((self.span_from(start), Shape::Text)));
                }
                Some(b'\\') => match unescape(self.rest()) {
                    Some((_, len)) => self.at += len,
                    None => {
                        return Err(self.error("a text has the escapes \\n \\t \\r \\0 \\\\ \\\" \\' \\x41 and \\u{1F600}, not this one"));
                    }
                },
                Some(_) => self.at += 1,
                None => return Err(self.error_at(start, "this text has no end; close it with a '\"'")),
            }
        }
    }

    fn value(&mut self, label: Label) -> Scan {
        let start = self.at;
        if let Some((span, shape)) = self.quoted()? {
            self.push(Item { span, name: Span::default(), shape, label, first: NO_ITEM, next: NO_ITEM, count: 0 })?;
            return Ok(());
        }
        match self.peek() {
            Some(b'[') => return self.open(start, Span::default(), Shape::List, label),
            Some(b'{') => return self.open(start, Span::default(), Shape::Map, label),
            Some(b'(') => return self.open(start, Span::default(), Shape::Tuple, label),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => {
                self.at += 1;
                while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')) {
                    self.at += 1;
                }
                let span = self.span_from(start);
                return self.push(Item {
                    span,
                    name: Span::default(),
                    shape: Shape::Number,
                    label,
                    first: NO_ITEM,
                    next: NO_ITEM,
                    count: 0,
                });
            }
            _ => {}
        }
        let name = self.word();
        if name.start == name.end {
            return Err(self.error(format!("expected a value here, found {}", self.here())));
        }
        let after_word = self.at;
        self.blanks()?;
        if self.peek() == Some(b'(') {
            return self.open(start, name, Shape::Tuple, label);
        }
        self.at = after_word;
        self.push(Item { span: name, name: Span::default(), shape: Shape::Word, label, first: NO_ITEM, next: NO_ITEM, count: 0 })
    }

    fn open(&mut self, start: usize, name: Span, shape: Shape, label: Label) -> Scan {
        if self.open.len() >= DEPTH_MAX {
            return Err(self.error(format!("brackets are nested more than {DEPTH_MAX} deep here")));
        }
        self.at += 1;
        let id = ItemId::try_from(self.tree.items.len()).unwrap_or(NO_ITEM);
        self.push(Item { span: self.span_from(start), name, shape, label, first: NO_ITEM, next: NO_ITEM, count: 0 })?;
        self.open.push(Open { id, last: NO_ITEM, after_value: false, decided: false });
        Ok(())
    }

    fn close(&mut self) -> Scan {
        self.at += 1;
        let end = self.offset();
        let Some(open) = self.open.pop() else { return Ok(()) };
        if let Some(item) = self.tree.items.get_mut(open.id as usize) {
            item.span.end = end;
        }
        self.no_doubled_key(open.id)
    }

    fn no_doubled_key(&self, id: ItemId) -> Scan {
        let Some(item) = self.tree.item(id).filter(|item| item.shape == Shape::Map) else { return Ok(()) };
        let mut seen = HashSet::with_capacity(item.count as usize);
        for (_, child) in self.tree.children(id) {
            if let Label::Key(span, shape) = child.label
                && !seen.insert(text_of(self.text, span, shape))
            {
                let name = text_of(self.text, span, shape);
                let message = format!("{name:?} is already there; a name may be used once only");
                return Err(ScanError { inside: id, ..self.error_at(span.start as usize, message) });
            }
        }
        Ok(())
    }

    /// Adds a value to the tree, and to the bracket that it stands in.
    fn push(&mut self, item: Item) -> Scan {
        if self.tree.items.len() >= VALUES_MAX {
            return Err(self.error(format!("the file has more than {VALUES_MAX} values")));
        }
        let id = ItemId::try_from(self.tree.items.len()).unwrap_or(NO_ITEM);
        self.tree.items.push(item);
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        open.after_value = true;
        let (parent, last) = (open.id, std::mem::replace(&mut open.last, id));
        if let Some(before) = self.tree.items.get_mut(last as usize) {
            before.next = id;
        }
        let Some(parent) = self.tree.items.get_mut(parent as usize) else { return Ok(()) };
        if parent.first == NO_ITEM {
            parent.first = id;
        }
        parent.count += 1;
        let is_nodes = depth == 2 && matches!(parent.label, Label::Field(span) if span.of(self.text) == "nodes");
        let (most, what) = if is_nodes { (NODES_MAX, "nodes") } else { (ENTRIES_MAX, "entries") };
        if parent.count as usize > most { Err(self.error(format!("more than {most} {what} are too many for one lab"))) } else { Ok(()) }
    }
}

/// How many `#` the raw text has that begins here; `None` where none begins.
fn raw_hashes(rest: &str) -> Option<u8> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    if after.as_bytes().get(hashes) == Some(&b'"') { u8::try_from(hashes).ok() } else { None }
}

/// The comments before the lab's first bracket, line by line.
pub(super) fn leading_comments(text: &str) -> String {
    let mut scanner = Scanner::new(text);
    let mut comments = String::new();
    let mut keep = |from: usize, to: usize| {
        let between = text.get(from..to).unwrap_or("").trim_end();
        for line in between.lines().skip_while(|line| line.trim().is_empty()) {
            comments.push_str(line);
            comments.push('\n');
        }
    };
    if text.starts_with('\u{feff}') {
        scanner.at = '\u{feff}'.len_utf8();
    }
    let start = scanner.at;
    if scanner.blanks().is_err() {
        return comments;
    }
    keep(start, scanner.at);
    let before = scanner.at;
    if scanner.header().is_ok() && scanner.header_end > before {
        keep(scanner.header_end, scanner.at);
    }
    comments
}
