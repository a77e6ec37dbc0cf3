//! Errors in words, for the window and the command line.

/// An error with its causes, each said once: many errors quote their cause already.
pub fn in_words(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_cause_is_said_once() {
        let full = || std::io::Error::other("No space left on device");
        let quoted = anyhow::Error::from(full()).context("cannot write a.ron: No space left on device");
        assert_eq!(in_words(&quoted), "cannot write a.ron: No space left on device");
        let error = Err::<(), _>(full()).context("cannot write a.ron").unwrap_err();
        assert_eq!(in_words(&error), "cannot write a.ron: No space left on device");
    }
}
