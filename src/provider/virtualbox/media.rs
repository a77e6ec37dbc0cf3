//! Disks and folders that a machine leaves behind, and where they may be looked for. Paths of this lab only.

use super::{
    VirtualBox,
    command::Patience,
    error::CallError,
    names,
    parse::{self, Medium},
};
use crate::{host::ssh::RemoteCommand, model::NodeName, plan::LabId};
use std::{collections::BTreeSet, path::Path, time::Duration};

/// What every path of this lab's machines has in it, with plain slashes.
fn marker(lab: &LabId) -> String {
    format!("{}/", names::group(lab))
}

/// The machine's folder name in a path of this lab's; `None` for other paths.
fn machine_of(lab: &LabId, path: &str) -> Option<String> {
    let plain = path.replace('\\', "/");
    let (_, rest) = plain.split_once(&marker(lab))?;
    rest.split_once('/').map(|(machine, _)| machine.to_owned())
}

/// Nodes whose disks VirtualBox knows. Those that have no machine were deleted half-way.
pub(super) fn orphans(lab: &LabId, media: &[Medium]) -> BTreeSet<NodeName> {
    let machines = media.iter().filter_map(|medium| machine_of(lab, &medium.location));
    machines.filter_map(|machine| names::node_of(lab, &machine)?.parse().ok()).collect()
}

/// The disks in a machine's folder.
pub(super) fn of_machine<'a>(lab: &LabId, machine: &str, media: &'a [Medium]) -> Vec<&'a Medium> {
    media.iter().filter(|medium| machine_of(lab, &medium.location).as_deref() == Some(machine)).collect()
}

/// The disks in a folder of ours, named by how its path goes on in the folder of all machines.
pub(super) fn in_folder<'a>(folder: &str, media: &'a [Medium]) -> Vec<&'a Medium> {
    let inside = format!("{folder}/");
    media.iter().filter(|medium| medium.location.replace('\\', "/").contains(&inside)).collect()
}

/// A disk that is a clone's of one of these, and none of them: whoever has it must go first.
pub(super) fn dependent<'a>(own: &[&Medium], media: &'a [Medium]) -> Option<&'a Medium> {
    let is_own = |uuid: &str| own.iter().any(|medium| medium.uuid == uuid);
    media.iter().find(|medium| !is_own(&medium.uuid) && medium.parent.as_deref().is_some_and(is_own))
}

/// Names of machines that have a folder: in their lab's group, and in the folder of all machines, where clones are before they come into
/// it.
#[derive(Debug, Default)]
pub(super) struct Folders {
    grouped: BTreeSet<String>,
    loose: BTreeSet<String>,
}

impl Folders {
    /// The nodes that they are of, beside all machines that VirtualBox knows.
    pub(super) fn nodes(self, lab: &LabId, vms: &[(String, String)]) -> BTreeSet<NodeName> {
        let loose = self.loose.into_iter().filter(|name| !vms.iter().any(|(other, _)| other == name));
        self.grouped.into_iter().chain(loose).filter_map(|name| names::node_of(lab, &name)?.parse().ok()).collect()
    }
}

/// Removes a lab's folder and the one that all labs share. Not empty, or not there: others' then.
fn remove_empty(lab: Option<&Path>) {
    for folder in lab.into_iter().flat_map(|lab| lab.ancestors().take(2)) {
        let _others = std::fs::remove_dir(folder);
    }
}

impl VirtualBox {
    /// Closes and deletes a machine's disks, children before parents, until none is left or none can be closed any more.
    pub(super) async fn close_media(&self, machine: &str) -> Result<(), CallError> {
        self.close_media_in(&format!("{}{machine}", marker(&self.lab))).await
    }

    /// Likewise, of a folder of ours.
    pub(super) async fn close_media_in(&self, folder: &str) -> Result<(), CallError> {
        loop {
            let media = parse::media(&self.manage.ask(&["list", "hdds"]).await?);
            let left = in_folder(folder, &media);
            if left.is_empty() {
                return Ok(());
            }
            let is_parent = |uuid: &str| media.iter().any(|medium| medium.parent.as_deref() == Some(uuid));
            let leaves: Vec<&&Medium> = left.iter().filter(|medium| !is_parent(&medium.uuid)).collect();
            let mut failure = None;
            for leaf in &leaves {
                let deleted = self.manage.call(&["closemedium", "disk", &leaf.uuid, "--delete"], Patience::Long).await;
                // Its file may be gone already, and then it cannot be deleted, only forgotten.
                if deleted.is_err() {
                    failure = self.manage.call(&["closemedium", "disk", &leaf.uuid], Patience::Long).await.err();
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
            if leaves.is_empty() {
                let names: Vec<&str> = left.iter().map(|medium| medium.location.as_str()).collect();
                return Err(CallError::new(super::error::Kind::InUse, format!("disks have clones: {}", names.join(", "))));
            }
        }
    }

    /// The folder in which a machine's own lies; asked once.
    pub(super) async fn machine_folder(&self, machine: &str) -> Result<Option<String>, CallError> {
        self.folder_at(&format!("{}{machine}", marker(&self.lab))).await
    }

    async fn folder_at(&self, folder: &str) -> Result<Option<String>, CallError> {
        let below = folder;
        let known = self.kept().folder.clone();
        let folder = match known {
            Some(folder) => Some(folder),
            None => parse::machine_folder(&self.manage.ask(&["list", "systemproperties"]).await?),
        };
        self.kept().folder.clone_from(&folder);
        Ok(folder.map(|folder| format!("{}{below}", folder.trim_end_matches(['/', '\\']))))
    }

    /// Folders of machines on this computer. What VirtualBox no longer knows of them would keep them from being made again; on another
    /// computer that is found out when they are.
    pub(super) async fn folders(&self) -> Result<Folders, CallError> {
        let mut found = Folders::default();
        let (super::Place::Here(_), Some(folder)) = (self.manage.place(), self.machine_folder("").await?) else { return Ok(found) };
        let names = |folder: &str| -> BTreeSet<String> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter(|name| names::node_of(&self.lab, name).is_some()).collect()
        };
        found.grouped = names(&folder);
        found.loose = self.folder_at("").await?.map(|root| names(&root)).unwrap_or_default();
        Ok(found)
    }

    /// Removes what a clone that was interrupted before it came into its group has left in the folder of all machines. Gives whether
    /// there was something. A registered machine of that name is somebody else's.
    pub(super) async fn remove_loose(&self, machine: &str, vms: &[(String, String)]) -> Result<bool, CallError> {
        if vms.iter().any(|(name, _)| name == machine) {
            return Ok(false);
        }
        let Some(folder) = self.folder_at(&format!("/{machine}")).await? else { return Ok(false) };
        if let super::Place::Here(_) = self.manage.place()
            && !Path::new(&folder).is_dir()
        {
            return Ok(false);
        }
        self.close_media_in(&folder.replace('\\', "/")).await?;
        match self.manage.place() {
            super::Place::Here(_) => std::fs::remove_dir_all(&folder)
                .map_err(|error| CallError::new(super::error::Kind::File, format!("the folder {folder} cannot be removed: {error}")))?,
            super::Place::There(ssh, _) => {
                let argv = ["rm", "-rf", "--", &folder].map(str::to_owned).to_vec();
                ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: Duration::from_secs(60) }).await?;
            }
        }
        Ok(true)
    }

    /// Whether a node's machine was whole, and then unregistered by hand: its settings file is still there and says so.
    pub(super) async fn is_unregistered(&self, node: &NodeName) -> Result<bool, CallError> {
        let machine = names::machine(&self.lab, node);
        let is_here = matches!(self.manage.place(), super::Place::Here(_));
        let Some(folder) = self.machine_folder(&machine).await?.filter(|_| is_here) else { return Ok(false) };
        let settings = std::fs::read_to_string(Path::new(&folder).join(format!("{machine}.vbox"))).unwrap_or_default();
        Ok(settings.contains(names::MADE_KEY))
    }

    /// Removes the lab's folder where it is empty: VirtualBox leaves it when the last machine goes.
    pub(super) async fn tidy(&self) -> Result<(), CallError> {
        let Some(folder) = self.machine_folder("").await? else { return Ok(()) };
        let folder = folder.trim_end_matches(['/', '\\']);
        match self.manage.place() {
            super::Place::Here(_) => remove_empty(Some(Path::new(folder))),
            super::Place::There(ssh, _) => {
                let argv = ["sh", "-c", "rmdir -- \"$1\" \"${1%/*}\" 2>/dev/null; true", "sh", folder].map(str::to_owned).to_vec();
                ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: Duration::from_secs(60) }).await?;
            }
        }
        Ok(())
    }

    /// Removes the folder of a machine that VirtualBox no longer knows, and the lab's when it is empty. What stays there (settings
    /// of a delete that failed) would keep a new machine from being made.
    pub(super) async fn remove_folder(&self, machine: &str) -> Result<(), CallError> {
        self.remove_folder_at(&format!("{}{machine}", marker(&self.lab))).await
    }

    /// Likewise, of a folder of ours, named by how its path goes on in the folder of all machines.
    pub(super) async fn remove_folder_at(&self, folder: &str) -> Result<(), CallError> {
        let Some(folder) = self.folder_at(folder).await? else { return Ok(()) };
        let failed = |why: String| CallError::new(super::error::Kind::File, format!("the folder {folder} cannot be removed: {why}"));
        match self.manage.place() {
            super::Place::Here(_) => {
                let path = Path::new(&folder);
                if path.is_dir() {
                    std::fs::remove_dir_all(path).map_err(|error| failed(error.to_string()))?;
                }
                remove_empty(path.parent());
                Ok(())
            }
            super::Place::There(ssh, _) => {
                let script = "rm -rf -- \"$1\"; lab=${1%/*}; rmdir -- \"$lab\" \"${lab%/*}\" 2>/dev/null; [ ! -e \"$1\" ]";
                let argv = ["sh", "-c", script, "sh", &folder].map(str::to_owned).to_vec();
                let ran = ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: Duration::from_secs(60) }).await?;
                if ran.code == 0 { Ok(()) } else { Err(failed(String::from_utf8_lossy(&ran.stderr).trim().to_owned())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn medium(uuid: &str, parent: Option<&str>, location: String) -> Medium {
        Medium { uuid: uuid.into(), parent: parent.map(Into::into), location, capacity_mib: 48 }
    }

    #[test]
    fn only_this_labs_paths_count() {
        let lab = LabId::of_file(Path::new("/labs/a.ron"));
        let other = LabId::of_file(Path::new("/labs/b.ron"));
        let at = |lab: &LabId, node: &str, slash: &str| {
            format!("/home/u/VirtualBox VMs/sandtable/{lab}/{node}.{lab}/Snapshots/{{x}}.vdi").replace('/', slash)
        };
        let media = [
            medium("1", None, "/home/u/VirtualBox VMs/base/base.vdi".into()),
            medium("2", Some("1"), at(&lab, "db1", "/")),
            medium("3", Some("1"), at(&lab, "db2", "\\")),
            medium("4", Some("1"), at(&other, "db3", "/")),
            medium("5", Some("2"), "/home/u/clone.vdi".into()),
            medium("6", None, format!("/home/u/VirtualBox VMs/sandtable/{lab}/stray.vdi")),
        ];
        let nodes: Vec<String> = orphans(&lab, &media).iter().map(ToString::to_string).collect();
        assert_eq!(nodes, ["db1", "db2"]);
        let own = of_machine(&lab, &names::machine(&lab, "db1"), &media);
        assert_eq!(own.iter().map(|medium| medium.uuid.as_str()).collect::<Vec<_>>(), ["2"]);
        assert_eq!(dependent(&own, &media).unwrap().uuid, "5");
        assert_eq!(dependent(&of_machine(&lab, &names::machine(&lab, "db2"), &media), &media), None);
    }
}
