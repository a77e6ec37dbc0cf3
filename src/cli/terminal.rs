//! Where results are written: lines, tables and JSON, coloured only on a terminal that wants it. All text of the command line
//! passes here, so this is where control characters are taken out of it.

use super::{
    Failure, Result,
    clean::{Colours, clean, clean_json, mark},
};
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
    colours: Colours,
    is_terminal: bool,
    /// The first write that failed.
    failed: Option<io::Error>,
    /// Whether a JSON object was written.
    has_json: bool,
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
        Self::on(colours(&out), out.is_terminal(), Box::new(out))
    }

    pub(super) fn stderr() -> Self {
        let out = io::stderr();
        Self::on(colours(&out), out.is_terminal(), Box::new(out))
    }

    fn on(has_colours: bool, is_terminal: bool, out: Box<dyn Write>) -> Self {
        let colours = if has_colours { Colours::Wanted } else { Colours::None };
        Self { out: BufWriter::new(out), colours, is_terminal, failed: None, has_json: false }
    }

    /// A piece of text in a style.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        if self.colours == Colours::Wanted && style != Style::Plain {
            format!("{}{text}{}", mark(style.code()), mark(Style::Plain.code()))
        } else {
            text.to_owned()
        }
    }

    /// Writes a line. That it could not be written is kept for [`Terminal::flush`].
    pub(super) fn line(&mut self, text: impl fmt::Display) {
        let text = clean(&text.to_string(), self.colours);
        self.write(&text);
    }

    /// Writes a document byte by byte, for a file or a program; on a terminal it is text like all other.
    pub(super) fn document(&mut self, text: &str) {
        if self.is_terminal { self.line(text) } else { self.write(text) }
    }

    fn write(&mut self, text: &str) {
        if self.failed.is_none() {
            self.failed = writeln!(self.out, "{text}").err();
        }
    }

    /// Writes rows with their columns aligned, two blanks between them, none at the end.
    pub(super) fn table(&mut self, rows: &[Vec<(Style, String)>]) {
        // A name with a line feed in it is one cell, and no row of its own.
        let one_line = |row: &Vec<(Style, String)>| row.iter().map(|(style, text)| (*style, text.replace('\n', "\\n"))).collect();
        let rows: Vec<Vec<(Style, String)>> = rows.iter().map(one_line).collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|(_, text)| text.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width_of(column).unwrap_or(0)).collect();
        for row in &rows {
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
        self.write(&clean_json(&text));
        self.has_json = true;
        Ok(())
    }

    /// Writes one JSON object on a line, for a command that writes many.
    ///
    /// # Errors
    /// Where the value is not one that JSON can hold.
    pub(super) fn json_line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        self.write(&clean_json(&text));
        Ok(())
    }

    /// Whether the command's object was written.
    pub(super) fn has_json(&self) -> bool {
        self.has_json
    }

    /// Shows what was written so far, for a command that must not stop halfway: a failed write is reported at the end.
    pub(super) fn show(&mut self) {
        let _said_at_the_end = self.flush();
    }

    /// Writes what is still held back. A command without an end of its own calls this and stops where it fails.
    ///
    /// # Errors
    /// Where this or an earlier write failed.
    pub(super) fn flush(&mut self) -> Result<()> {
        let failed = self.failed.take().or_else(|| self.out.flush().err());
        match failed {
            None => Ok(()),
            Some(error) => {
                // The next flush reports it again.
                self.failed = Some(io::Error::new(error.kind(), error.to_string()));
                Err(Failure::output(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A way out that takes so many bytes and no more.
    struct Narrow(usize, io::ErrorKind);

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(self.1.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_write_that_failed_is_an_error_at_each_flush() {
        let mut terminal = Terminal::on(false, false, Box::new(Narrow(8, io::ErrorKind::StorageFull)));
        terminal.line("four");
        terminal.flush().unwrap();
        terminal.line("and more");
        for _ in 0..2 {
            assert!(matches!(terminal.flush(), Err(Failure::Output(_))));
        }
        let mut terminal = Terminal::on(false, false, Box::new(Narrow(0, io::ErrorKind::BrokenPipe)));
        terminal.line("x");
        assert!(matches!(terminal.flush(), Err(Failure::Closed)));
    }

    #[test]
    fn styles_are_the_only_sequences() {
        let terminal = Terminal::on(true, true, Box::new(io::sink()));
        let text = terminal.paint(Style::Bad, "a\u{1b}[2Jb");
        assert_eq!(clean(&text, Colours::Wanted), "\u{1b}[31ma\\u{1b}[2Jb\u{1b}[0m");
    }
}
