//! Quoting: a value of a layout, written for the place where it lands, or refused.
//!
//! Nothing is ever mangled: what comes out is read back by the landing's own reader as the very value that went in. What a
//! landing cannot carry is an error. The error never holds the value, which may be a secret.

use crate::catalog::Landing;
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Why a value cannot be written where it was to land.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A character that the landing has no way to write.
    #[error("a value holds {character:?}, which {landing} cannot carry")]
    Character {
        /// The character.
        character: char,
        /// The landing's words.
        landing: &'static str,
    },
    /// A dash in front: a program would take it for an option.
    #[error("a value begins with a dash, which {0} cannot carry: it would be read as an option")]
    Dash(&'static str),
}

/// The name of a landing, as in templates.
pub fn name_of(landing: Landing) -> &'static str {
    match landing {
        Landing::Plain => "plain",
        Landing::Line => "line",
        Landing::Sh => "sh",
        Landing::Sql => "sql",
        Landing::Json => "json",
        Landing::Conf => "conf",
        Landing::Php => "php",
        Landing::Unit => "unit",
        Landing::Ldif => "ldif",
    }
}

/// All landings: the one list behind the filters of templates.
pub const LANDINGS: [Landing; 9] =
    [Landing::Plain, Landing::Line, Landing::Sh, Landing::Sql, Landing::Json, Landing::Conf, Landing::Php, Landing::Unit, Landing::Ldif];

fn words(landing: Landing) -> &'static str {
    match landing {
        Landing::Plain => "a plain word",
        Landing::Line => "a single line",
        Landing::Sh => "a word of a shell",
        Landing::Sql => "an SQL string",
        Landing::Json => "a JSON string",
        Landing::Conf => "a quoted string of a configuration file",
        Landing::Php => "a PHP string",
        Landing::Unit => "a line of a systemd unit",
        Landing::Ldif => "an LDIF value",
    }
}

/// Writes a value for a landing.
///
/// # Errors
/// Where the landing cannot carry it.
pub fn quote(landing: Landing, text: &str) -> Result<String, QuoteError> {
    refuse(landing, text)?;
    Ok(match landing {
        Landing::Plain | Landing::Line => text.to_owned(),
        Landing::Sh => sh(text),
        Landing::Sql => format!("'{}'", text.replace('\'', "''")),
        Landing::Json => json(text),
        Landing::Conf => format!("\"{text}\""),
        Landing::Php => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Landing::Unit => text.replace('%', "%%"),
        Landing::Ldif if ldif_is_safe(text) => format!(" {text}"),
        Landing::Ldif => format!(": {}", STANDARD.encode(text)),
    })
}

/// One word of a POSIX shell. The text must hold no zero byte, which no word of a shell can.
pub fn sh(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn refuse(landing: Landing, text: &str) -> Result<(), QuoteError> {
    let landing_words = words(landing);
    if landing == Landing::Plain && text.starts_with('-') {
        return Err(QuoteError::Dash(landing_words));
    }
    match text.chars().find(|character| !carries(landing, *character)) {
        Some(character) => Err(QuoteError::Character { character, landing: landing_words }),
        None => Ok(()),
    }
}

/// Whether a landing can carry a character.
fn carries(landing: Landing, c: char) -> bool {
    match landing {
        Landing::Plain => c.is_ascii_alphanumeric() || "_.:/@+=,-".contains(c),
        Landing::Line => !breaks_line(c),
        // The readers of shells and of LDIF's base64 take all bytes but the one that ends a C string.
        Landing::Sh | Landing::Php | Landing::Ldif => c != '\0',
        // A backslash is an escape for MariaDB and a letter for PostgreSQL: no writing means the same to both.
        Landing::Sql => !breaks_line(c) && c != '\\',
        // The short escapes are alike in JSON, YAML, TOML and Erlang; \uXXXX is not Erlang's.
        Landing::Json => matches!(c, '\n' | '\r' | '\t') || !breaks_line(c),
        // nginx cannot write a dollar, unbound neither a quote nor a backslash, and haproxy expands what looks like a variable.
        Landing::Conf => !breaks_line(c) && !matches!(c, '"' | '\\' | '$' | '`'),
        // Exec lines expand variables and take quotes and backslashes; a template puts its own quotes around a value with blanks.
        Landing::Unit => !breaks_line(c) && !matches!(c, '"' | '\'' | '\\' | '$' | '`'),
    }
}

/// Control characters, and what some readers take for the end of a line or leave out.
fn breaks_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Whether an LDIF value can stand as it is (RFC 2849: SAFE-STRING, and no blank at its end).
fn ldif_is_safe(text: &str) -> bool {
    text.is_ascii() && !text.starts_with([' ', ':', '<']) && !text.ends_with(' ') && !text.contains(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_landing_in_its_own_words() {
        for (landing, text, written) in [
            (Landing::Plain, "a_b.c:d/e@f+g=h,i-j", "a_b.c:d/e@f+g=h,i-j"),
            (Landing::Plain, "", ""),
            (Landing::Line, "two words; $(x) 'q'", "two words; $(x) 'q'"),
            (Landing::Sh, "it's $(x)\n`y`", "'it'\\''s $(x)\n`y`'"),
            (Landing::Sh, "", "''"),
            (Landing::Sql, "O'Brien; --", "'O''Brien; --'"),
            (Landing::Json, "a\"b\\c\nd", "\"a\\\"b\\\\c\\nd\""),
            (Landing::Conf, "two words # no comment", "\"two words # no comment\""),
            (Landing::Php, "it's \\ $x", "'it\\'s \\\\ $x'"),
            (Landing::Unit, "100% sure", "100%% sure"),
            (Landing::Ldif, "Ada", " Ada"),
            (Landing::Ldif, " Ada", ": IEFkYQ=="),
            (Landing::Ldif, "Zoë", ": Wm/Dqw=="),
        ] {
            assert_eq!(quote(landing, text).as_deref(), Ok(written), "{landing:?} {text:?}");
        }
    }

    #[test]
    fn what_cannot_be_carried_is_refused_and_not_shown() {
        for (landing, text) in [
            (Landing::Plain, "two words"),
            // A specifier of systemd.unit(5): plain words stand in units too.
            (Landing::Plain, "%H:22"),
            (Landing::Plain, "-rf"),
            (Landing::Plain, "$(x)"),
            (Landing::Plain, "ö"),
            (Landing::Line, "a\nb"),
            (Landing::Line, "a\u{2028}b"),
            (Landing::Sh, "a\0b"),
            (Landing::Sql, "a\\' OR 1"),
            (Landing::Sql, "a\nb"),
            (Landing::Json, "a\u{1}b"),
            (Landing::Conf, "a\"; include /etc/shadow; #"),
            (Landing::Conf, "${HOME}"),
            (Landing::Php, "\0"),
            (Landing::Unit, "a\nExecStart=/bin/x"),
            (Landing::Unit, "a\\"),
            (Landing::Ldif, "\0"),
        ] {
            let error = quote(landing, text).unwrap_err().to_string();
            assert!(text.len() < 3 || !error.contains(text), "{error}");
        }
    }

    /// Reads back what a POSIX shell would make of single-quoted words.
    fn unquote_sh(text: &str) -> String {
        let inner = text.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
        assert!(!inner.replace("'\\''", "").contains('\''));
        inner.replace("'\\''", "'")
    }

    proptest! {
        #[test]
        fn carried_literally_or_refused(text in "\\PC{0,40}|[ -~]{0,40}|[\\x00-\\x7f]{0,20}") {
            for landing in LANDINGS {
                let Ok(written) = quote(landing, &text) else { continue };
                match landing {
                    Landing::Plain | Landing::Line => prop_assert_eq!(&written, &text),
                    Landing::Sh => prop_assert_eq!(unquote_sh(&written), text.clone()),
                    Landing::Sql => prop_assert_eq!(written[1..written.len() - 1].replace("''", "'"), text.clone()),
                    Landing::Json => prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.clone()),
                    Landing::Conf => prop_assert_eq!(&written[1..written.len() - 1], text.as_str()),
                    Landing::Php => {
                        let inner = &written[1..written.len() - 1];
                        prop_assert_eq!(inner.replace("\\'", "'").replace("\\\\", "\\"), text.clone());
                    }
                    Landing::Unit => prop_assert_eq!(written.replace("%%", "%"), text.clone()),
                    Landing::Ldif => match written.strip_prefix(": ") {
                        Some(encoded) => prop_assert_eq!(STANDARD.decode(encoded).unwrap(), text.as_bytes()),
                        None => prop_assert_eq!(&written[1..], text.as_str()),
                    },
                }
                if !matches!(landing, Landing::Sh | Landing::Php) {
                    prop_assert!(!written.contains('\n'), "{landing:?} {written:?}");
                }
            }
        }
    }
}
