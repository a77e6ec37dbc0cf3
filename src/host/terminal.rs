//! The user's terminal emulator, with a program in it.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Terminal emulators, in the order in which they are tried, and the arguments that stand before a program's words.
#[cfg(not(any(windows, target_os = "macos")))]
const EMULATORS: [(&str, &[&str]); 11] = [
    ("x-terminal-emulator", &["-e"]),
    ("gnome-terminal", &["--"]),
    ("kgx", &["--"]),
    ("konsole", &["-e"]),
    ("xfce4-terminal", &["-x"]),
    ("kitty", &[]),
    ("alacritty", &["-e"]),
    ("foot", &[]),
    ("wezterm", &["start", "--"]),
    ("ptyxis", &["--"]),
    ("xterm", &["-e"]),
];
#[cfg(windows)]
const EMULATORS: [(&str, &[&str]); 2] = [("wt.exe", &["--"]), ("cmd.exe", &["/c", "start"])];
/// Terminal opens files and takes no words; what is there beside it does.
#[cfg(target_os = "macos")]
const EMULATORS: [(&str, &[&str]); 4] = [("kitty", &[]), ("alacritty", &["-e"]), ("wezterm", &["start", "--"]), ("xterm", &["-e"])];

/// Opens a window of the chosen terminal emulator, or of the first known one, in which a program runs, and does not wait for it.
///
/// # Errors
/// Where none is found, or it does not start.
pub fn open(words: &[String], chosen: Option<&OsStr>) -> io::Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some((emulator, before)) = emulator(chosen, &path) else {
        let typed = super::ssh::quoted_all(words.iter().map(String::as_str));
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("no terminal emulator is found; choose one in the preferences, set TERMINAL to one, or type this into yours: {typed}"),
        ));
    };
    let mut command = Command::new(emulator);
    command.args(before).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    // Somebody has to take its exit code, or it stays in the process table for as long as we run.
    std::thread::Builder::new().name("sandtable terminal".into()).spawn(move || child.wait()).map(drop)
}

/// The one that is chosen, else the first of those known that is in a `PATH`.
fn emulator(chosen: Option<&OsStr>, path: &OsStr) -> Option<(PathBuf, &'static [&'static str])> {
    let find = |name: &OsStr| std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file());
    if let Some(chosen) = chosen {
        let file = if Path::new(chosen).is_absolute() { Some(PathBuf::from(chosen)) } else { find(chosen) };
        let known = EMULATORS.iter().find(|(name, _)| Path::new(chosen).file_name() == Some(OsStr::new(name)));
        return file.map(|file| (file, known.map_or(&["-e"] as &[&str], |(_, before)| before)));
    }
    EMULATORS.iter().find_map(|(name, before)| find(OsStr::new(name)).map(|file| (file, *before)))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_one_comes_first_then_the_first_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().as_os_str();
        assert_eq!(emulator(None, path), None);
        for name in ["xterm", "kitty", "mine"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let (file, before) = emulator(None, path).unwrap();
        assert_eq!((file, before), (folder.path().join("kitty"), &[] as &[&str]));
        let (file, before) = emulator(Some(OsStr::new("xterm")), path).unwrap();
        assert_eq!((file, before), (folder.path().join("xterm"), &["-e"] as &[&str]));
        assert_eq!(emulator(Some(OsStr::new("mine")), path).unwrap().1, ["-e"]);
        assert_eq!(emulator(Some(OsStr::new("not-there")), path), None);
    }
}
