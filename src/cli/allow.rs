//! Files of this machine that a plan makes disks of: which they are, and the question before one outside of the layout's folder is read.

use super::{Failure, Result, Terminal};
use crate::host::{
    allowed::{Allowed, sha256},
    folder::{Location, locate, open_named},
};
use crate::plan::{Action, Plan};
use crate::session::{ProviderId, Session};
use serde::Serialize;
use std::{
    fmt,
    io::{BufRead, IsTerminal},
    path::PathBuf,
};

/// A file that becomes the disk of nodes.
#[derive(Debug, Serialize)]
pub(super) struct HostFile {
    /// As the layout names it.
    image: String,
    path: PathBuf,
    nodes: Vec<String>,
    /// How its name leaves the layout's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) leaves: Option<String>,
}

impl fmt::Display for HostFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for the disk of {}", self.path.display(), self.nodes.join(", "))?;
        match &self.leaves {
            Some(how) => write!(f, ": outside of the layout's folder, for {} {how}", self.image),
            None => Ok(()),
        }
    }
}

/// The files that machines of a plan are made of. Only VirtualBox takes files.
pub(super) fn host_files(session: &Session, plan: &Plan) -> Vec<HostFile> {
    let mut files: Vec<HostFile> = Vec::new();
    if !matches!(session.provider, ProviderId::VirtualBox(_)) {
        return files;
    }
    for step in &plan.steps {
        let Action::CreateMachine { node, spec } = &step.action else { continue };
        let Some(image) = spec.image.as_ref().and_then(|image| image.file()) else { continue };
        if let Some(known) = files.iter_mut().find(|file| file.image == image) {
            known.nodes.push(node.to_string());
            continue;
        }
        let (path, leaves) = match locate(session.layout_folder(), image) {
            Location::Below(below) => (session.layout_folder().join(below), None),
            Location::Outside { file, how } => (file, Some(how)),
        };
        files.push(HostFile { image: image.to_owned(), path, nodes: vec![node.to_string()], leaves });
    }
    files
}

/// Sees to it that the user has allowed each file outside of the layout's folder: by `--allow-image`, now by an answer, or before.
pub(super) fn permit(session: &Session, plan: &Plan, allow: &[PathBuf], terminal: &mut Terminal) -> Result<()> {
    let permissions = Allowed::beside(session.folder.path());
    let allow: Vec<PathBuf> = allow.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for file in host_files(session, plan).iter().filter(|file| file.leaves.is_some()) {
        let unreadable = |error: std::io::Error| Failure::input(format!("the image {} cannot be read: {error}", file.path.display()));
        let mut named = open_named(session.layout_folder(), &file.image).map_err(unreadable)?;
        let sum = sha256(&mut named.file).map_err(unreadable)?;
        if permissions.has(session.id.as_str(), &named.path, &sum)? {
            continue;
        }
        if !allow.contains(&named.path) {
            ask(file, terminal)?;
        }
        permissions.add(session.id.as_str(), &named.path, &sum)?;
    }
    Ok(())
}

fn ask(file: &HostFile, terminal: &mut Terminal) -> Result<()> {
    let path = file.path.display();
    if !std::io::stdin().is_terminal() {
        return Err(Failure::input(format!(
            "this layout reads {file}. Where you trust it with that file's content, allow it once: --allow-image '{path}'"
        )));
    }
    terminal.line(format_args!("This layout reads {file}."));
    terminal.line(format_args!("Let it read that file, with the content that it has now? [y/N]"));
    terminal.show();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::input("nothing was done")) }
}
