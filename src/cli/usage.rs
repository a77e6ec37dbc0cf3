//! What was typed: the nearest command for one that does not exist, and usage errors in words of our own.

use super::{Cli, Failure, Format, Result};
use crate::model::nearest;
use clap::CommandFactory;
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Stands for the minus of a number while the command line is parsed: an option begins with the other one.
const MINUS: char = '\u{2212}';

/// The words of the command line, in which numbers of a fault such as `-600s` are no options.
pub(super) fn minus(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let words: Vec<OsString> = words.collect();
    if words.get(1).is_none_or(|command| command != "inject") {
        return words;
    }
    let with_sign = |word: OsString| match word.to_str().and_then(|text| text.strip_prefix('-')) {
        Some(number) if number.starts_with(|letter: char| letter.is_ascii_digit()) => format!("{MINUS}{number}").into(),
        _ => word,
    };
    words.into_iter().map(with_sign).collect()
}

/// A word of the command line as it was typed.
pub(super) fn typed(word: &str) -> String {
    word.replace(MINUS, "-")
}

/// The layout that the window is to open. A word that is no file is most likely a command in other letters: no window opens for it.
pub(super) fn named_file(layout: Option<PathBuf>) -> Result<Option<PathBuf>> {
    match layout.as_deref().filter(|path| !path.exists()) {
        Some(path) => Err(Failure::input(no_command(path))),
        None => Ok(layout),
    }
}

fn no_command(path: &Path) -> String {
    let word = path.display().to_string();
    let near = nearest_command(&word);
    match near {
        Some(near) => format!("{word} is neither a command nor a file; did you mean `sandtable {near}`?"),
        None => format!("{word} is neither a command nor a file; `sandtable --help` lists the commands, `sandtable new` makes a layout"),
    }
}

fn nearest_command(word: &str) -> Option<String> {
    let cli = Cli::command();
    let shown = cli.get_subcommands().filter(|command| !command.is_hide_set());
    nearest(word, &mut shown.map(clap::Command::get_name))
}

/// A usage error in words. Where the first word is no command, that is what is wrong, whatever follows it.
pub(super) fn in_words(usage: &clap::Error, words: &[OsString]) -> String {
    let cli = Cli::command();
    let first = words.get(1).filter(|word| !word.to_string_lossy().starts_with('-'));
    if let Some(first) =
        first.filter(|first| words.len() > 2 && !cli.get_subcommands().any(|command| OsStr::new(command.get_name()) == *first))
    {
        let path = Path::new(first);
        if !path.exists() {
            return no_command(path);
        }
    }
    let text = usage.render().to_string();
    typed(text.trim_end().trim_start_matches("error: "))
}

/// How the result of a command line that cannot be read was to be written.
pub(super) fn format_of(words: &[OsString]) -> Format {
    let is_json = |pair: &[OsString]| matches!(pair, [option, value] if option == "--format" && value == "json");
    if words.windows(2).any(is_json) || words.iter().any(|word| word == "--format=json") { Format::Json } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        std::iter::once("sandtable").chain(text.split(' ')).map(OsString::from).collect()
    }

    fn says(text: &str) -> String {
        in_words(&super::super::parse(&words(text)).unwrap_err(), &words(text))
    }

    #[test]
    fn a_command_in_other_letters_gets_the_nearest_one() {
        for (typed, near) in [("deplyo lab.ron", "deploy"), ("chek lab.ron --format json", "check"), ("stauts lab.ron --watch", "status")] {
            assert!(says(typed).contains(&format!("did you mean `sandtable {near}`?")), "{}", says(typed));
        }
        assert!(says("xyzzy lab.ron").contains("lists the commands"));
        assert!(says("gaurd lab.ron").contains("lists the commands"), "hidden commands are not offered: {}", says("gaurd lab.ron"));
        assert!(says("check").contains("required"), "{}", says("check"));
        assert!(named_file(Some("chekc".into())).is_err());
    }

    #[test]
    fn a_number_below_zero_is_no_option() {
        let typed_in = |text: &str| minus(words(text).into_iter()).into_iter().map(|word| word.into_string().unwrap()).collect::<Vec<_>>();
        assert_eq!(typed_in("shell a.ron db1 -- head -5").last().unwrap(), "-5", "a command on a node is left as it is");
        let words = typed_in("inject a.ron skew db1 -600s -x --on");
        assert_eq!(words[5], "\u{2212}600s");
        assert_eq!(words[6..], ["-x", "--on"]);
        assert_eq!(typed(&words[5]), "-600s");
    }

    #[test]
    fn programs_get_json_also_for_a_usage_error() {
        assert_eq!(format_of(&words("chek a --format json")), Format::Json);
        assert_eq!(format_of(&words("chek a --format=json")), Format::Json);
        assert_eq!(format_of(&words("chek a --format text")), Format::Text);
    }
}
