//! Texts of a layout inside of messages: a message stays readable whatever a file says.

use std::borrow::Cow;

/// The most characters of a message.
pub const MESSAGE_CHARS_MAX: usize = 500;

/// A text of at most so many characters: the middle of a longer one is left out, because a message says what is wrong at its
/// beginning and what to do at its end.
pub fn shortened(text: &str, chars_max: usize) -> Cow<'_, str> {
    // No text has more characters than bytes.
    if text.len() <= chars_max {
        return Cow::Borrowed(text);
    }
    let kept = chars_max.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let end_of_head = text.char_indices().nth(head).map_or(text.len(), |(at, _)| at);
    let start_of_tail = match tail.checked_sub(1) {
        Some(last) => text.char_indices().rev().nth(last).map_or(0, |(at, _)| at),
        None => text.len(),
    };
    match (text.get(..end_of_head), text.get(start_of_tail..)) {
        (Some(first), Some(last)) if end_of_head < start_of_tail => Cow::Owned(format!("{first}…{last}")),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn the_middle_of_a_long_text_is_left_out() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("abcdefghij", 5), "ab…ij");
        assert_eq!(shortened("abcdefghij", 6), "abc…ij");
        assert_eq!(shortened("äöüäöü", 7), "äöüäöü", "counts characters, not bytes");
        assert_eq!(shortened("äöüäöüß", 4), "äö…ß");
        assert_eq!(shortened("abc", 1), "…");
        assert_eq!(shortened("abc", 0), "…");
        assert_eq!(shortened(&"x".repeat(1_000_000), 500).chars().count(), 500);
    }
}
