//! The desktop's own file chooser, where there is one. It blocks, so only the worker that owns it may ask.

use super::{
    FileUse,
    worker::{Chooser, NoChooser},
};
use std::path::{Path, PathBuf};

/// The chooser of the desktop.
#[derive(Debug, Default)]
pub struct Desktop;

impl Chooser for Desktop {
    fn choose(&mut self, what: FileUse, name: &str, folder: Option<PathBuf>) -> Result<Option<PathBuf>, NoChooser> {
        if !is_there() {
            return Err(NoChooser);
        }
        let mut dialog = rfd::FileDialog::new();
        if let Some(folder) = folder {
            dialog = dialog.set_directory(folder);
        }
        Ok(match what {
            FileUse::Open => dialog.set_title("Open a lab").add_filter("Lab", &["ron"]).pick_file(),
            FileUse::Save | FileUse::SaveThen => {
                dialog.set_title("Save the lab").set_file_name(name).add_filter("Lab", &["ron"]).save_file()
            }
            FileUse::Export(format) => {
                dialog.set_title("Export the lab").set_file_name(name).add_filter(format.title(), format.extensions()).save_file()
            }
        })
    }
}

/// Whether the desktop has a file chooser. On Linux rfd 0.17 answers as if the user had cancelled where there is neither a
/// portal that offers one nor zenity, so both are looked for first.
fn is_there() -> bool {
    if cfg!(not(target_os = "linux")) {
        return true;
    }
    let lists = |name: &str| std::env::var_os(name).map(|list| std::env::split_paths(&list).collect::<Vec<_>>()).unwrap_or_default();
    let has_zenity = lists("PATH").iter().any(|folder| folder.join("zenity").is_file());
    let mut data = lists("XDG_DATA_DIRS");
    if data.is_empty() {
        data = vec!["/usr/local/share".into(), "/usr/share".into()];
    }
    has_zenity || (has_session_bus() && has_portal(&data))
}

/// Whether somebody listens on the session bus.
fn has_session_bus() -> bool {
    #[cfg(unix)]
    {
        let address = std::env::var("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
        let named = address.split([';', ',']).find_map(|part| part.strip_prefix("unix:path=")).map(PathBuf::from);
        let usual = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| PathBuf::from(folder).join("bus"));
        named.or(usual).is_some_and(|path| std::os::unix::net::UnixStream::connect(path).is_ok()) || address.contains("unix:abstract=")
    }
    #[cfg(not(unix))]
    false
}

/// Whether a portal is installed that the bus can start, with a backend that offers a file chooser.
fn has_portal(data: &[PathBuf]) -> bool {
    let service = data.iter().any(|folder| folder.join("dbus-1/services/org.freedesktop.portal.Desktop.service").is_file());
    service && data.iter().any(|folder| offers_chooser(&folder.join("xdg-desktop-portal/portals")))
}

fn offers_chooser(portals: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(portals) else { return false };
    entries.flatten().any(|entry| std::fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("impl.portal.FileChooser")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_needs_its_service_and_a_backend_with_a_chooser() {
        let folder = tempfile::tempdir().unwrap();
        let data = [folder.path().to_owned()];
        assert!(!has_portal(&data));
        std::fs::create_dir_all(folder.path().join("dbus-1/services")).unwrap();
        std::fs::write(folder.path().join("dbus-1/services/org.freedesktop.portal.Desktop.service"), "").unwrap();
        let portals = folder.path().join("xdg-desktop-portal/portals");
        std::fs::create_dir_all(&portals).unwrap();
        std::fs::write(portals.join("x.portal"), "Interfaces=org.freedesktop.impl.portal.Inhibit").unwrap();
        assert!(!has_portal(&data));
        std::fs::write(portals.join("y.portal"), "Interfaces=org.freedesktop.impl.portal.FileChooser").unwrap();
        assert!(has_portal(&data));
    }
}
