//! Where results are written: lines, tables and JSON, coloured only on a terminal that wants it.

use serde::Serialize;
use std::{
    fmt,
    io::{self, BufWriter, IsTerminal, Write},
};

/// What a piece of text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
}

impl Style {
    /// SGR parameters (ECMA-48); only the sixteen colours, which every terminal theme keeps readable.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
        }
    }
}

/// One of the program's two ways out.
pub(super) struct Terminal {
    out: BufWriter<Box<dyn Write>>,
    colours: bool,
}

/// Whether a way out takes colours: a terminal, not a dumb one, and nobody has said no (no-color.org).
pub(super) fn colours(out: &impl IsTerminal) -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    out.is_terminal() && !no_color && !dumb
}

impl Terminal {
    pub(super) fn stdout() -> Self {
        let out = io::stdout();
        Self { colours: colours(&out), out: BufWriter::new(Box::new(out)) }
    }

    pub(super) fn stderr() -> Self {
        let out = io::stderr();
        Self { colours: colours(&out), out: BufWriter::new(Box::new(out)) }
    }

    /// A piece of text in a style.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.colours && style != Style::Plain { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
    }

    /// Writes a line. A reader that has gone away (`| head`) is no mistake of ours.
    pub(super) fn line(&mut self, text: impl fmt::Display) {
        let _closed_pipe = writeln!(self.out, "{text}");
    }

    /// Writes rows with their columns aligned, two blanks between them, none at the end.
    pub(super) fn table(&mut self, rows: &[Vec<(Style, String)>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|(_, text)| text.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width_of(column).unwrap_or(0)).collect();
        for row in rows {
            let mut line = String::new();
            let mut owed = 0;
            for ((style, text), width) in row.iter().zip(&widths) {
                if !text.is_empty() {
                    line.push_str(&" ".repeat(owed));
                    line.push_str(&self.paint(*style, text));
                    owed = 0;
                }
                owed += width - text.chars().count() + 2 + if text.is_empty() { text.chars().count() } else { 0 };
            }
            self.line(line);
        }
    }

    /// Writes one JSON object, indented.
    ///
    /// # Errors
    /// Where the value is not one that JSON can hold.
    pub(super) fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(text);
        Ok(())
    }

    pub(super) fn flush(&mut self) {
        let _closed_pipe = self.out.flush();
    }
}
