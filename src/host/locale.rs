//! The locale that other programs run in: UTF-8, so that names in any language arrive whole in both directions, with English
//! messages, because what programs say is read by this one.

use std::{
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The locales to choose from, the best first. Which of them exist differs from system to system.
const WANTED: [&str; 4] = ["C.UTF-8", "C.utf8", "en_US.UTF-8", "en_US.utf8"];
/// Where the system does not list its locales: musl and Windows take any name.
const UNLISTED: &str = "C.UTF-8";

/// The locale to use on a machine that lists these (`locale -a`).
pub fn choose(listed: &str) -> String {
    let names: Vec<&str> = listed.lines().map(str::trim).collect();
    let is_english = |name: &&str| {
        let lower = name.to_ascii_lowercase();
        lower.starts_with("en_") && (lower.ends_with(".utf-8") || lower.ends_with(".utf8"))
    };
    let wanted = WANTED.into_iter().find(|wanted| names.contains(wanted));
    wanted.or_else(|| names.iter().copied().find(is_english)).unwrap_or(UNLISTED).to_owned()
}

/// The locale to use on this machine. It is asked for once.
pub fn here() -> &'static str {
    static HERE: OnceLock<String> = OnceLock::new();
    HERE.get_or_init(|| {
        if cfg!(windows) {
            return UNLISTED.to_owned();
        }
        let listed = Command::new("locale").arg("-a").stdin(Stdio::null()).stderr(Stdio::null()).output();
        choose(&listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default())
    })
}

/// The environment that gives a program a locale. `LANGUAGE` goes before `LC_ALL` where messages are chosen.
pub fn environment(locale: &str) -> [(&'static str, &str); 3] {
    [("LANG", locale), ("LC_ALL", locale), ("LANGUAGE", "C")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_utf8_locale_that_exists_is_chosen() {
        assert_eq!(choose("C\nC.utf8\nde_DE.utf8\nen_US.utf8\nPOSIX\n"), "C.utf8");
        assert_eq!(choose("af_ZA.UTF-8\nC\nde_DE.UTF-8\nen_US.UTF-8\n"), "en_US.UTF-8");
        assert_eq!(choose("C\nde_DE.utf8\nen_GB.utf8\n"), "en_GB.utf8");
        assert_eq!(choose("C\nPOSIX\n"), "C.UTF-8");
        assert_eq!(choose(""), "C.UTF-8");
    }

    #[test]
    fn this_machine_has_the_chosen_locale() {
        let name = here().to_ascii_lowercase();
        assert!(name.ends_with("utf-8") || name.ends_with("utf8"), "{name}");
    }
}
