//! Puts the version that `sandtable --version` prints into the program: the package's version, the commit and the features.
//!
//! Never fails for want of git: without it, or outside of a clone of this repository, the commit is left out.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What the program is made of. The script runs again when one of these changes, which recompiles the program anyway; a commit alone
/// recompiles nothing.
const SOURCES: [&str; 6] = ["src", "assets", "layouts", "build.rs", "Cargo.toml", "Cargo.lock"];

fn main() {
    for source in SOURCES {
        println!("cargo:rerun-if-changed={source}");
    }
    println!("cargo:rerun-if-env-changed=SANDTABLE_COMMIT");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    // A package that is built from an archive names its commit itself.
    let commit = env::var("SANDTABLE_COMMIT").ok().filter(|commit| !commit.trim().is_empty()).or_else(|| commit(&root, "git"));
    let features: &[&str] = if env::var_os("CARGO_FEATURE_DESKTOP").is_some() { &["desktop"] } else { &[] };
    let package = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rustc-env=SANDTABLE_VERSION={}", version(&package, commit.as_deref(), features));
}

/// The text behind the program's name.
pub(crate) fn version(package: &str, commit: Option<&str>, features: &[&str]) -> String {
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    match commit {
        Some(commit) => format!("{package} (commit {}; features: {features})", commit.trim()),
        None => format!("{package} (features: {features})"),
    }
}

/// The commit that a folder is at, and whether the sources differ from it. `None`: git is missing, or the folder is no clone of its own.
pub(crate) fn commit(root: &Path, git: &str) -> Option<String> {
    let run = |args: &[&str]| {
        let output = Command::new(git).arg("-C").arg(root).args(args).env("LC_ALL", "C.UTF-8").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // An archive that was unpacked inside another repository has no commit there.
    let top = PathBuf::from(run(&["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let commit = run(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = run(&[&["status", "--porcelain", "--"], SOURCES.as_slice()].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit} with changes") })
}
