//! Puts values on paper: on one line where they fit, else one a line. Knows RON, and nothing of a lab.

use crate::model::Pos;
use std::{fmt::Write as _, net::Ipv4Addr};

/// Longest line, in bytes, of what is written on one line where it fits.
const WIDTH: usize = 112;

/// How a bracket's contents are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lay {
    /// On one line if they fit, else one a line.
    Fit,
    /// One a line.
    Lines,
}

/// What is being written.
#[derive(Default)]
pub(super) struct Pen {
    out: String,
    line_start: usize,
    indent: usize,
    /// Whether all is being tried on one line.
    flat: bool,
    /// Whether that one line has become too long; what is written meanwhile is thrown away.
    overflow: bool,
    /// Whether nothing stands in the innermost bracket yet.
    first: bool,
}

impl Pen {
    /// A pen before an empty page with room for this many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes), ..Self::default() }
    }

    /// Writes a line as it is, before the first bracket.
    pub(super) fn heading(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
        self.line_start = self.out.len();
    }

    /// What was written, with the last line's end.
    pub(super) fn finish(mut self) -> String {
        self.out.push('\n');
        self.out
    }

    pub(super) fn put(&mut self, text: &str) {
        if self.flat {
            // One byte is left for the comma that may follow.
            self.overflow |= self.out.len() + text.len() - self.line_start >= WIDTH;
            if self.overflow {
                return;
            }
        }
        self.out.push_str(text);
    }

    pub(super) fn show(&mut self, value: impl std::fmt::Display) {
        if !self.overflow {
            // Writing to a String does not fail.
            let _ = write!(self.out, "{value}");
            self.put("");
        }
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.line_start = self.out.len();
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
    }

    pub(super) fn bracket(&mut self, open: &str, close: &str, lay: Lay, body: &dyn Fn(&mut Self)) {
        let outer = std::mem::replace(&mut self.first, true);
        if self.flat {
            self.put(open);
            body(self);
            self.put(close);
        } else if lay == Lay::Lines || !self.try_flat(open, close, body) {
            self.put(open);
            self.indent += 1;
            self.first = true;
            body(self);
            self.indent -= 1;
            if !self.first {
                self.line();
            }
            self.put(close);
        }
        self.first = outer;
    }

    fn try_flat(&mut self, open: &str, close: &str, body: &dyn Fn(&mut Self)) -> bool {
        let mark = self.out.len();
        self.flat = true;
        self.put(open);
        body(self);
        self.put(close);
        self.flat = false;
        let fits = !std::mem::take(&mut self.overflow);
        if !fits {
            self.out.truncate(mark);
        }
        fits
    }

    pub(super) fn item(&mut self, body: &dyn Fn(&mut Self)) {
        if self.flat {
            if !self.first {
                self.put(", ");
            }
            self.first = false;
            body(self);
        } else {
            self.line();
            self.first = false;
            body(self);
            self.out.push(',');
        }
    }

    pub(super) fn field(&mut self, name: &str, body: &dyn Fn(&mut Self)) {
        self.item(&|pen| {
            pen.put(name);
            pen.put(": ");
            body(pen);
        });
    }

    pub(super) fn key(&mut self, name: &str, body: &dyn Fn(&mut Self)) {
        self.item(&|pen| {
            pen.text(name);
            pen.put(": ");
            body(pen);
        });
    }

    pub(super) fn text(&mut self, text: &str) {
        self.put("\"");
        if text.chars().any(needs_escape) {
            let mut escaped = String::with_capacity(text.len() + 8);
            for char in text.chars() {
                match char {
                    '"' => escaped.push_str("\\\""),
                    '\\' => escaped.push_str("\\\\"),
                    '\n' => escaped.push_str("\\n"),
                    '\t' => escaped.push_str("\\t"),
                    '\r' => escaped.push_str("\\r"),
                    char if needs_escape(char) => escaped.push_str(&char.escape_unicode().to_string()),
                    char => escaped.push(char),
                }
            }
            self.put(&escaped);
        } else {
            self.put(text);
        }
        self.put("\"");
    }

    pub(super) fn text_field(&mut self, name: &str, text: &str) {
        self.field(name, &|pen| pen.text(text));
    }

    pub(super) fn number_field<N: std::fmt::Display>(&mut self, name: &str, number: N) {
        self.field(name, &|pen| pen.show(&number));
    }

    pub(super) fn flag(&mut self, name: &str, on: bool) {
        if on {
            self.field(name, &|pen| pen.put("true"));
        }
    }

    pub(super) fn address_field(&mut self, name: &str, address: Ipv4Addr) {
        self.text_field(name, &address.to_string());
    }

    pub(super) fn texts<T: AsRef<str>>(&mut self, texts: &[T]) {
        self.bracket("[", "]", Lay::Fit, &|pen| {
            for text in texts {
                pen.item(&|pen| pen.text(text.as_ref()));
            }
        });
    }

    pub(super) fn pos(&mut self, pos: Pos) {
        self.put("(");
        self.show(pos.0);
        self.put(", ");
        self.show(pos.1);
        self.put(")");
    }
}

/// Characters that a reader of the file could not see, or would see in the wrong place.
fn needs_escape(char: char) -> bool {
    matches!(char, '"' | '\\' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || char.is_control()
}
