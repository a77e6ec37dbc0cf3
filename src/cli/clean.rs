//! What reaches a terminal: text without control characters. Layouts, file names, programs and daemons are quoted in what the
//! program prints, and a terminal obeys what it is sent (ECMA-48: ESC, CSI, OSC, C1; and bidirectional marks).
//!
//! The program's own colours are marked with a nonce of this process while text is put together, so that only they become
//! escape sequences.

use std::{
    fmt::Write as _,
    hash::{BuildHasher, Hasher},
    io,
    sync::LazyLock,
};

/// Begins and ends a mark of the program's own: noncharacters, which no text needs.
const MARK: char = '\u{fdd0}';
const MARK_END: char = '\u{fdd1}';

/// Unknown outside of this process.
static NONCE: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", std::collections::hash_map::RandomState::new().build_hasher().finish()));

/// Whether a terminal could obey a character, or show text around it in another order. Line ends and tabs are text.
fn is_obeyed(letter: char) -> bool {
    let is_text = matches!(letter, '\n' | '\t');
    let is_bidirectional = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_separator = matches!(letter, '\u{2028}' | '\u{2029}');
    let is_tag = matches!(letter, '\u{e0000}'..='\u{e007f}' | '\u{fdd0}'..='\u{fdef}');
    (letter.is_control() && !is_text) || is_bidirectional || is_separator || is_tag
}

/// A mark for a colour: SGR parameters (ECMA-48).
pub(super) fn mark(parameters: &str) -> String {
    format!("{MARK}{}{parameters}{MARK_END}", *NONCE)
}

/// Text as it may be written: the program's own marks become escape sequences where `colours` are wanted and nothing elsewhere;
/// every other control character is written as Rust writes it in a literal, such as `\u{1b}`.
pub(super) fn clean(text: &str, colours: Colours) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some((parameters, after)) = marked(rest) {
            if colours == Colours::Wanted {
                // Writing to a String does not fail.
                let _ = write!(out, "\u{1b}[{parameters}m");
            }
            rest = after;
            continue;
        }
        match is_obeyed(letter) {
            true => out.extend(letter.escape_default()),
            false => out.push(letter),
        }
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
    }
    out
}

/// Whether a way out takes colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    Wanted,
    None,
}

/// The parameters of a mark of this process that a text begins with, and what follows it.
fn marked(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(MARK)?.strip_prefix(NONCE.as_str())?;
    let (parameters, after) = rest.split_once(MARK_END)?;
    parameters.bytes().all(|letter| letter.is_ascii_digit()).then_some((parameters, after))
}

/// A JSON document without such characters: in JSON all of them stand within texts, where they have an escape.
pub(super) fn clean_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for letter in json.chars() {
        if is_obeyed(letter) {
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(letter);
        }
    }
    out
}

/// Standard error for the log: what is logged quotes what others wrote.
pub(super) struct CleanErrors;

impl io::Write for CleanErrors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        io::Write::write_all(&mut io::stderr(), clean(&text, Colours::None).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::Write::flush(&mut io::stderr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sequences_are_shown_and_not_obeyed() {
        for (text, shown) in [
            ("plain Ä 漢 — text\n\tindented", "plain Ä 漢 — text\n\tindented"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}", "\\u{1b}]52;c;ZXZpbA==\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("a\rb\u{0}c\u{7f}", "a\\rb\\u{0}c\\u{7f}"),
            ("\u{202e}nor.lab", "\\u{202e}nor.lab"),
            ("\u{fdd0}1\u{fdd1}", "\\u{fdd0}1\\u{fdd1}"),
        ] {
            assert_eq!(clean(text, Colours::Wanted), shown);
        }
    }

    #[test]
    fn only_marks_of_this_process_become_colours() {
        let text = format!("{}bad{}", mark("31"), mark("0"));
        assert_eq!(clean(&text, Colours::Wanted), "\u{1b}[31mbad\u{1b}[0m");
        assert_eq!(clean(&text, Colours::None), "bad");
        let forged = mark("31\u{1b}[2J");
        assert!(!clean(&forged, Colours::Wanted).contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_left(text in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f\u{200e}\u{202a}-\u{202e}\u{2066}-\u{2069}a\u{fdd0}\u{fdd1}]*") {
            for colours in [Colours::Wanted, Colours::None] {
                let once = clean(&text, colours);
                prop_assert!(!once.chars().any(is_obeyed), "{once:?}");
                prop_assert_eq!(&clean(&once, colours), &once);
            }
            if !text.chars().any(is_obeyed) {
                prop_assert_eq!(clean(&text, Colours::Wanted), text);
            }
        }

        #[test]
        fn a_json_document_stays_the_same_document(text in any::<String>()) {
            let json = serde_json::to_string_pretty(&serde_json::json!({ "name": text, "nested": [text] })).unwrap();
            let cleaned = clean_json(&json);
            prop_assert!(!cleaned.chars().any(is_obeyed));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&cleaned).unwrap(), serde_json::from_str::<serde_json::Value>(&json).unwrap());
        }
    }
}
