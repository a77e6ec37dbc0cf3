//! The labs of a state folder: which lab a layout file is, which labs there are, and what becomes of one whose file has moved.
//!
//! The one place where a layout file becomes an identity, for the command line and the window alike. Two copies of a layout never
//! become one lab: a moved file is attached on request only, and only where the old one is gone.

use super::{
    deployed::{DEPLOYED_FILE, Deployed, DeployedError, IDENTITIES_MAX, TRACES, is_ours, is_same_file, keep_layout},
    journal::JOURNAL_FILE,
};
use crate::{
    host::state::{Foreign, LabFolder, Locked, StateError, StateFolder, Wait},
    model::{Lab, nearest},
    plan::LabId,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// A lab's place in the state folder.
#[derive(Debug, Clone)]
pub struct Located {
    /// Its identity.
    pub id: LabId,
    /// Its state folder, which may not exist yet.
    pub folder: LabFolder,
    /// What is deployed; `None`: nothing.
    pub deployed: Option<Deployed>,
}

/// A lab that has a state folder.
#[derive(Debug)]
pub struct Known {
    /// Its identity.
    pub id: LabId,
    /// Its state folder.
    pub folder: LabFolder,
    /// What is deployed, or why that is not known.
    pub deployed: Result<Deployed, DeployedError>,
}

impl Known {
    /// Whether its layout file is where it was; `None`: which file it is, is not known.
    pub fn file_exists(&self) -> Option<bool> {
        self.deployed.as_ref().ok().map(|deployed| deployed.file.exists())
    }
}

/// The canonical path of a layout file, also of one that is gone from an existing folder.
///
/// # Errors
/// Where its folder does not exist either.
pub fn canonical(file: &Path) -> std::io::Result<PathBuf> {
    file.canonicalize().or_else(|error| match (file.parent(), file.file_name()) {
        (Some(folder), Some(name)) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            Ok(folder.canonicalize().map_err(|_| error)?.join(name))
        }
        _ => Err(error),
    })
}

/// The lab of a layout file, by its canonical path: the one that is deployed from there, else the one that would be.
///
/// # Errors
/// Where the record of the lab that the path stands for cannot be read.
pub fn locate(state: &StateFolder, file: &Path) -> Result<Located, DeployedError> {
    let mut free = None;
    for nth in 0..IDENTITIES_MAX {
        let id = LabId::nth_of_file(file, nth);
        let folder = state.lab(id.as_str());
        match Deployed::read(&folder, &id)? {
            Some(deployed) if deployed.file == file => return Ok(Located { id, folder, deployed: Some(deployed) }),
            // A lab that was deployed from this path and has moved away since.
            Some(_) => {}
            None => {
                free = Some(Located { id, folder, deployed: None });
                break;
            }
        }
    }
    for known in all(state)? {
        if let Ok(deployed) = known.deployed
            && deployed.file == file
        {
            return Ok(Located { id: known.id, folder: known.folder, deployed: Some(deployed) });
        }
    }
    free.ok_or_else(|| DeployedError::Attach(format!("too many labs were deployed from {} and moved away", file.display())))
}

/// All labs that have a record, or something in the place of one, by identity.
///
/// # Errors
/// Where the state folder cannot be read.
pub fn all(state: &StateFolder) -> Result<Vec<Known>, DeployedError> {
    let ids = state.labs()?.into_iter().filter_map(|name| LabId::try_from(name).ok());
    let known = ids.filter_map(|id| {
        let folder = state.lab(id.as_str());
        let deployed = Deployed::read(&folder, &id).transpose()?;
        Some(Known { id, folder, deployed })
    });
    Ok(known.collect())
}

/// The lab of an identity, or of the only one that begins so.
///
/// # Errors
/// Where there is none, or several begin so.
pub fn named(state: &StateFolder, name: &str) -> Result<Known, DeployedError> {
    let mut labs = all(state)?;
    let exact = labs.iter().position(|lab| lab.id.as_str() == name);
    let alike: Vec<&str> = labs.iter().map(|lab| lab.id.as_str()).filter(|id| !name.is_empty() && id.starts_with(name)).collect();
    if exact.is_none() && alike.len() > 1 {
        let hint = format!("several begin so: {}", alike.join(", "));
        return Err(DeployedError::Unknown { name: name.to_owned(), hint });
    }
    let mut beginning = labs.iter().enumerate().filter(|(_, lab)| !name.is_empty() && lab.id.as_str().starts_with(name));
    let only = match (beginning.next(), beginning.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    };
    if let Some(at) = exact.or(only) {
        return Ok(labs.swap_remove(at));
    }
    let hint = match nearest(name, &mut labs.iter().map(|lab| lab.id.as_str())) {
        Some(near) => format!("did you mean {near}?"),
        None => "`sandtable labs` lists all".to_owned(),
    };
    Err(DeployedError::Unknown { name: name.to_owned(), hint })
}

/// Labs that a layout which is not deployed may be: their file is gone, and the lab's name or the file's name is the same.
///
/// # Errors
/// Where the state folder cannot be read.
pub fn moved(state: &StateFolder, file: &Path, lab: Option<&Lab>) -> Result<Vec<(LabId, Deployed)>, DeployedError> {
    let is_alike = |deployed: &Deployed| {
        lab.is_some_and(|lab| lab.name == deployed.name) || (file.file_name().is_some() && file.file_name() == deployed.file.file_name())
    };
    let labs = all(state)?.into_iter().filter(|known| known.file_exists() == Some(false));
    let labs = labs.filter_map(|known| Some((known.id, known.deployed.ok()?)));
    Ok(labs.filter(|(_, deployed)| is_alike(deployed)).collect())
}

/// What to know where a layout is not deployed: labs whose record cannot be read, any of which may be attached to it.
///
/// # Errors
/// Where the state folder cannot be read.
pub fn unreadable_hint(state: &StateFolder) -> Result<Option<String>, DeployedError> {
    let ids: Vec<String> = all(state)?.into_iter().filter(|known| known.deployed.is_err()).map(|known| known.id.to_string()).collect();
    Ok((!ids.is_empty()).then(|| format!("the state of {} cannot be read, which may be this lab: sandtable labs", ids.join(", "))))
}

/// What to do about a layout that may be a lab whose file has moved.
pub fn moved_hint(layout: &Path, moved: &[(LabId, Deployed)]) -> Option<String> {
    let (id, deployed) = moved.first()?;
    let more = if moved.len() > 1 { format!(" (and {} more: sandtable labs)", moved.len() - 1) } else { String::new() };
    let layout = layout.display();
    Some(format!(
        "the lab {:?} was deployed on {} from {}, which is gone{more}; if {layout} is that file, attach it: sandtable labs --attach \
         {layout} --lab {id}",
        deployed.name,
        deployed.on,
        deployed.file.display(),
    ))
}

/// Records that a lab is deployed, and the layout that it is deployed as: before anything is made.
///
/// # Errors
/// Where the disk refuses.
pub fn record(locked: &Locked, before: Option<&Deployed>, deployed: Deployed, lab: &Lab) -> Result<(), StateError> {
    let since_ms = before.map_or(deployed.since_ms, |before| before.since_ms);
    let attached = before.map_or(deployed.attached, |before| before.attached);
    Deployed { since_ms, attached, ..deployed }.write(locked)?;
    keep_layout(locked, lab)
}

/// Makes a layout file the one of a lab whose own file is gone.
///
/// # Errors
/// Where the lab's file still exists, the layout is another lab already, or the record cannot be read or written.
pub fn attach(state: &StateFolder, known: Known, file: &Path) -> Result<Deployed, DeployedError> {
    let before = known.deployed?;
    if before.file == file {
        return Ok(before);
    }
    if before.file.exists() && !is_same_file(&before.file, file) {
        return Err(DeployedError::Attach(format!(
            "{} still exists and is the layout of {}; two copies of a layout are two labs: remove that file first, or destroy the lab \
             and deploy this one",
            before.file.display(),
            known.id
        )));
    }
    let there = locate(state, file)?;
    if there.deployed.is_some() {
        return Err(DeployedError::Attach(format!("{} is deployed itself, as {}", file.display(), there.id)));
    }
    let locked = known.folder.lock(Wait::No)?;
    let is_first = LabId::of_file(file) == known.id;
    let deployed = Deployed { file: file.to_owned(), attached: !is_first, ..before };
    deployed.write(&locked)?;
    Ok(deployed)
}

/// Removes a lab's state folder, once nothing of the lab is left or the user gives it up. What Sandtable did not write stays.
///
/// # Errors
/// Where the folder is still in use, or the system refuses.
pub fn forget(locked: Arc<Locked>) -> Result<Foreign, StateError> {
    match Arc::try_unwrap(locked) {
        Ok(locked) => {
            // A call that is interrupted here must leave a lab of which nothing was made, or none: the journal says so first, and
            // the record goes after what it stands for. What cannot be removed is reported by the removal of the folder.
            let _left = locked.write(JOURNAL_FILE, b"");
            for name in TRACES.iter().chain(&[DEPLOYED_FILE]) {
                let _left = locked.remove_file(name);
            }
            locked.remove(&is_ours)
        }
        Err(locked) => Err(StateError::InUse(locked.folder().path().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::id::ProviderId;
    use std::fs;

    struct Bench {
        root: tempfile::TempDir,
        state: StateFolder,
    }

    impl Bench {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let state = StateFolder::at(root.path().join("state"));
            Self { root, state }
        }

        fn layout(&self, name: &str) -> PathBuf {
            let path = self.root.path().canonicalize().unwrap().join(name);
            fs::write(&path, "x").unwrap();
            path
        }

        fn deploy(&self, file: &Path, name: &str) -> LabId {
            let place = locate(&self.state, file).unwrap();
            assert_eq!(place.deployed, None);
            let deployed = Deployed { file: file.to_owned(), name: name.into(), on: ProviderId::Sim, since_ms: None, attached: false };
            let locked = place.folder.lock(Wait::No).unwrap();
            crate::deploy::Journal::open(&locked).unwrap();
            deployed.write(&locked).unwrap();
            place.id
        }
    }

    #[test]
    fn a_moved_file_takes_its_lab_over_on_request_and_the_old_path_is_free_again() {
        let bench = Bench::new();
        let old = bench.layout("a.ron");
        let id = bench.deploy(&old, "A");
        let new = bench.layout("b.ron");
        assert!(moved(&bench.state, &new, Some(&Lab::new("A"))).unwrap().is_empty(), "both files are there: two labs");
        assert_eq!(unreadable_hint(&bench.state).unwrap(), None);
        let refused = attach(&bench.state, named(&bench.state, id.as_str()).unwrap(), &new).unwrap_err();
        assert!(refused.to_string().contains("still exists"), "{refused}");

        fs::remove_file(&old).unwrap();
        let found = moved(&bench.state, &new, Some(&Lab::new("A"))).unwrap();
        assert_eq!(found.len(), 1);
        assert!(moved_hint(&new, &found).unwrap().contains(&format!("--attach {} --lab {id}", new.display())));
        assert!(moved(&bench.state, &new, Some(&Lab::new("B"))).unwrap().is_empty());
        assert_eq!(locate(&bench.state, &new).unwrap().deployed, None, "not before it is asked for");
        attach(&bench.state, named(&bench.state, id.as_str()).unwrap(), &new).unwrap();
        assert_eq!(locate(&bench.state, &new).unwrap().id, id);

        let old = bench.layout("a.ron");
        let other = bench.deploy(&old, "A again");
        assert_ne!(other, id);
        assert_eq!(locate(&bench.state, &old).unwrap().id, other);
        assert_eq!(locate(&bench.state, &new).unwrap().id, id);
        assert_eq!(all(&bench.state).unwrap().len(), 2);
    }

    #[test]
    fn a_file_that_moves_back_is_the_first_again() {
        let bench = Bench::new();
        let old = bench.layout("a.ron");
        let id = bench.deploy(&old, "A");
        let new = bench.root.path().canonicalize().unwrap().join("b.ron");
        fs::rename(&old, &new).unwrap();
        assert!(attach(&bench.state, named(&bench.state, id.as_str()).unwrap(), &new).unwrap().attached);
        fs::rename(&new, &old).unwrap();
        assert!(!attach(&bench.state, named(&bench.state, id.as_str()).unwrap(), &old).unwrap().attached);
        assert_eq!(locate(&bench.state, &old).unwrap().id, id);
    }

    #[test]
    fn a_damaged_record_stands_in_the_list_and_in_the_way() {
        let bench = Bench::new();
        let file = bench.layout("a.ron");
        let id = bench.deploy(&file, "A");
        fs::write(bench.state.lab(id.as_str()).path().join("lab.json"), "{\"fi").unwrap();
        assert!(matches!(locate(&bench.state, &file), Err(DeployedError::Damaged { .. })));
        let known = all(&bench.state).unwrap();
        assert!(known[0].deployed.is_err());
        assert_eq!(known[0].file_exists(), None);
        assert!(unreadable_hint(&bench.state).unwrap().unwrap().contains(id.as_str()));
        let other = bench.layout("b.ron");
        bench.deploy(&other, "B");
        assert!(locate(&bench.state, &other).unwrap().deployed.is_some(), "another lab is not concerned");
    }

    #[test]
    fn labs_are_found_by_the_beginning_of_their_identity() {
        let bench = Bench::new();
        let ids: Vec<LabId> = ["one.ron", "two.ron"].iter().map(|name| bench.deploy(&bench.layout(name), name)).collect();
        assert_eq!(named(&bench.state, "one").unwrap().id, ids[0]);
        let error = named(&bench.state, "").unwrap_err().to_string();
        assert!(error.contains("no deployed lab"), "{error}");
        let error = named(&bench.state, &ids[0].as_str().replace("one", "ome")).unwrap_err().to_string();
        assert!(error.contains(&format!("did you mean {}", ids[0])), "{error}");
    }

    #[test]
    fn a_file_that_is_gone_still_has_a_canonical_path() {
        let bench = Bench::new();
        let file = bench.layout("a.ron");
        assert_eq!(canonical(&file).unwrap(), file);
        fs::remove_file(&file).unwrap();
        assert_eq!(canonical(&file).unwrap(), file);
        assert!(canonical(&file.join("below/it")).is_err());
    }
}
