//! Where VBoxManage is: said by a setting, or found on Linux, macOS and Windows. That of Windows is not used from within WSL.

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
    /// Windows.
    Windows,
}

impl System {
    /// The system of this machine.
    fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }

    /// The system that a VBoxManage on this machine manages.
    pub fn of(program: &Path) -> Self {
        if program.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("exe")) { Self::Windows } else { Self::here() }
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

/// Why there is no VBoxManage to use: a sentence, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Why.
    pub why: String,
    /// What to do.
    pub next: String,
}

impl Missing {
    fn new(why: String) -> Self {
        Self { why, next: format!("Install VirtualBox, or say where it is: {VARIABLE}=/path/to/VBoxManage") }
    }

    /// Folders, disk images and forwarded ports of Windows' VirtualBox are on the other side, under other names.
    fn across_wsl(program: &Path) -> Self {
        Self {
            why: format!("{} is the VirtualBox of Windows, which cannot be used from within WSL", program.display()),
            next: "Use Sandtable on Windows, or reach Windows by its ssh server: --on virtualbox:ssh://HOST".to_owned(),
        }
    }
}

/// VBoxManage on this machine: the one that is set, by a path or a name in PATH, else where its system has it, else in PATH.
///
/// # Errors
/// Where there is none to use.
pub fn find(set: Option<PathBuf>) -> Result<PathBuf, Missing> {
    let system = System::here();
    if let Some(set) = set {
        let found = if set.components().count() == 1 { set.to_str().and_then(in_path) } else { Some(set.clone()) };
        return match found.filter(|found| is_program(found)) {
            Some(found) => usable(found, system),
            None => Err(Missing::new(format!("{VARIABLE} or the preferences say {}, which is no program", set.display()))),
        };
    }
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let places = places(system, &variable("VBOX_MSI_INSTALL_PATH").or_else(|| variable("VBOX_INSTALL_PATH")));
    if let Some(found) = places.iter().find(|place| is_program(place)).cloned().or_else(|| in_path("VBoxManage")) {
        return usable(found, system);
    }
    let beside = Path::new(WINDOWS_FROM_WSL);
    if system == System::Linux && is_program(beside) {
        return Err(Missing::across_wsl(beside));
    }
    let looked: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    Err(Missing::new(format!("VBoxManage was looked for in PATH and at {}", looked.join(", "))))
}

/// A program for Windows runs on Linux within WSL only.
fn usable(program: PathBuf, system: System) -> Result<PathBuf, Missing> {
    if system != System::Windows && System::of(&program) == System::Windows {
        return Err(Missing::across_wsl(&program));
    }
    Ok(program)
}

/// Where Windows' VBoxManage is seen from within WSL.
const WINDOWS_FROM_WSL: &str = "/mnt/c/Program Files/Oracle/VirtualBox/VBoxManage.exe";

/// Where VirtualBox is installed to on a system. On Debian the one in PATH is a script that warns on its output about missing modules;
/// the program itself stands in the library folder and is quicker.
fn places(system: System, installed: &Option<PathBuf>) -> Vec<PathBuf> {
    let usual: &[&str] = match system {
        System::Linux => &["/usr/lib/virtualbox/VBoxManage", "/opt/VirtualBox/VBoxManage"],
        System::MacOs => &["/Applications/VirtualBox.app/Contents/MacOS/VBoxManage", "/usr/local/bin/VBoxManage"],
        System::Windows => &[r"C:\Program Files\Oracle\VirtualBox\VBoxManage.exe"],
    };
    let installed = installed.iter().filter(|_| system == System::Windows).map(|folder| folder.join("VBoxManage.exe"));
    installed.chain(usual.iter().map(PathBuf::from)).collect()
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
        let windows = places(System::Windows, &Some(PathBuf::from("D:/VirtualBox")));
        assert_eq!(windows.first().unwrap(), &PathBuf::from("D:/VirtualBox/VBoxManage.exe"));
        for system in [System::Linux, System::MacOs] {
            let places = places(system, &None);
            assert!(places.len() >= 2 && !places.iter().any(|place| place.display().to_string().contains("C:")), "{places:?}");
        }
    }

    #[test]
    fn the_virtualbox_of_windows_is_refused_from_within_wsl() {
        let windows = PathBuf::from(WINDOWS_FROM_WSL);
        let refused = usable(windows.clone(), System::Linux).unwrap_err();
        assert!(refused.why.contains("within WSL") && refused.next.contains("Sandtable on Windows"), "{refused:?}");
        assert_eq!(usable(windows.clone(), System::Windows), Ok(windows));
        let own = PathBuf::from("/usr/lib/virtualbox/VBoxManage");
        assert_eq!(usable(own.clone(), System::Linux), Ok(own));
    }
}
