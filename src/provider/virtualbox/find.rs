//! Where VBoxManage is: said by a setting, or found on Linux, macOS, Windows and from within WSL.

use crate::host::process::{in_path, is_program};
use std::path::{Path, PathBuf};

/// The environment's name for VBoxManage's file.
pub const VARIABLE: &str = "SANDTABLE_VBOXMANAGE";

/// What sort of system VirtualBox runs on: host-only networking differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Windows, also where it is called from within WSL.
    Windows,
}

impl System {
    /// The system that a VBoxManage on this machine manages.
    pub fn of(program: &Path) -> Self {
        if cfg!(windows) || program.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("exe")) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }

    /// The system that calls itself so (`uname -s`).
    pub fn called(name: &str) -> Self {
        match name.trim() {
            "Darwin" => Self::MacOs,
            "Linux" => Self::Linux,
            _ => Self::Windows,
        }
    }
}

/// VBoxManage on this machine: what the environment says, else where each system has it, else in PATH.
///
/// # Errors
/// Where there is none: a sentence with where it was looked for.
pub fn find() -> Result<PathBuf, String> {
    if let Some(said) = std::env::var_os(VARIABLE).filter(|said| !said.is_empty()) {
        let said = PathBuf::from(said);
        return if is_program(&said) { Ok(said) } else { Err(format!("{VARIABLE} says {}, which is no program", said.display())) };
    }
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let places = places(&variable("VBOX_MSI_INSTALL_PATH").or_else(|| variable("VBOX_INSTALL_PATH")));
    if let Some(found) = places.iter().find(|place| is_program(place)) {
        return Ok(found.clone());
    }
    in_path("VBoxManage").ok_or_else(|| {
        let looked: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        format!("VBoxManage was looked for in PATH and at {}", looked.join(", "))
    })
}

/// Where VirtualBox is installed to. On Debian the one in PATH is a script that warns on its output about missing modules; the
/// program itself stands in the library folder and is quicker.
fn places(installed: &Option<PathBuf>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = installed.iter().map(|folder| folder.join("VBoxManage.exe")).collect();
    places.extend(
        [
            "/usr/lib/virtualbox/VBoxManage",
            "/opt/VirtualBox/VBoxManage",
            "/Applications/VirtualBox.app/Contents/MacOS/VBoxManage",
            "/usr/local/bin/VBoxManage",
            r"C:\Program Files\Oracle\VirtualBox\VBoxManage.exe",
            "/mnt/c/Program Files/Oracle/VirtualBox/VBoxManage.exe",
        ]
        .map(PathBuf::from),
    );
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_told_apart() {
        assert_eq!(System::of(Path::new("/mnt/c/Program Files/Oracle/VirtualBox/VBoxManage.exe")), System::Windows);
        assert_eq!(System::called("Darwin\n"), System::MacOs);
        assert_eq!(System::called("Linux"), System::Linux);
        assert_eq!(System::called("MINGW64_NT-10.0"), System::Windows);
        #[cfg(target_os = "linux")]
        assert_eq!(System::of(Path::new("/usr/lib/virtualbox/VBoxManage")), System::Linux);
    }

    #[test]
    fn where_the_installer_put_it_comes_first() {
        let places = places(&Some(PathBuf::from("D:/VirtualBox")));
        assert_eq!(places.first().unwrap(), &PathBuf::from("D:/VirtualBox/VBoxManage.exe"));
        assert!(places.len() > 5);
    }
}
