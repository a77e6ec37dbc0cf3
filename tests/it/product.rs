//! The program as it is installed: its version, its completions and man pages, and what `dist/install` adds and removes.

use super::cli_commands::{good, sandtable};
use std::process::Command;

#[path = "../../build.rs"]
#[expect(dead_code, reason = "the build script's entry point is not called in tests")]
mod build;

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = good(&["--help"]);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).filter(|name| name != "help").collect()
}

#[test]
fn the_version_names_commit_and_features() {
    let version = good(&["--version"]);
    let rest = version.trim().strip_prefix(concat!("sandtable ", env!("CARGO_PKG_VERSION"), " (")).unwrap_or_else(|| panic!("{version}"));
    let rest = rest.strip_suffix(')').unwrap_or_else(|| panic!("{version}"));
    let (commit, features) = rest.split_once("; ").unwrap_or(("", rest));
    let features = features.strip_prefix("features: ").unwrap_or_else(|| panic!("{version}"));
    assert_eq!(features, if cfg!(feature = "desktop") { "desktop" } else { "none" });
    if let Some(commit) = commit.strip_prefix("commit ").and_then(|commit| commit.split_whitespace().next()) {
        assert!(commit.len() >= 7, "{version}");
    }
    assert_eq!(good(&["-V"]), version);
}

#[test]
fn a_version_without_git_has_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(build::commit(folder.path(), "git"), None, "no clone");
    assert_eq!(build::commit(folder.path(), "sandtable-has-no-such-program"), None, "no git");
    assert_eq!(build::version("0.1.0", None, &[]), "0.1.0 (features: none)");
    assert_eq!(build::version("0.1.0", Some("abc"), &["desktop"]), "0.1.0 (commit abc; features: desktop)");
}

#[test]
fn a_version_from_git_says_whether_sources_differ() {
    let folder = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let name = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"];
        Command::new("git").arg("-C").arg(folder.path()).args(name).args(args).output().is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        // A machine without git has nothing to say here; the test above covers it.
        return;
    }
    std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
    assert!(git(&["add", "."]) && git(&["commit", "-q", "-m", "x"]));
    let commit = build::commit(folder.path(), "git").unwrap();
    assert!(commit.len() >= 7 && commit.chars().all(|char| char.is_ascii_hexdigit()), "{commit}");
    std::fs::write(folder.path().join("notes.txt"), "not compiled").unwrap();
    assert_eq!(build::commit(folder.path(), "git").as_deref(), Some(commit.as_str()));
    std::fs::write(folder.path().join("Cargo.toml"), "changed").unwrap();
    assert_eq!(build::commit(folder.path(), "git"), Some(format!("{commit} with changes")));
    std::fs::create_dir(folder.path().join("inside")).unwrap();
    assert_eq!(build::commit(&folder.path().join("inside"), "git"), None, "an archive inside another repository");
}

#[test]
fn shells_complete_every_command() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = good(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
        assert!(script.contains("predict"), "{shell}");
    }
    let wrong = sandtable(&["completions", "tcsh"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("bash, elvish, fish"), "it lists the shells");
}

#[cfg(unix)]
#[test]
fn bash_reads_its_completions() {
    let script = good(&["completions", "bash"]);
    let test = format!(
        "{script}\nCOMP_WORDS=(sandtable expl) COMP_CWORD=1; _sandtable sandtable expl sandtable; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["-c", &test]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "explain", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("share/man1");
    good(&["man", man.to_str().unwrap()]);
    let page = |name: &str| std::fs::read_to_string(man.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let program = page("sandtable.1");
    assert!(program.contains(".TH sandtable 1") && program.contains("sandtable\\-check(1)"), "{program}");
    for command in commands() {
        let page = page(&format!("sandtable-{command}.1"));
        assert!(page.contains(&format!(".TH sandtable-{command} 1")), "{page}");
    }
    let count = std::fs::read_dir(&man).unwrap().count();
    assert_eq!(count, commands().len() + 1, "hidden commands have none");
}

/// Edges of the icons in pixels: what menus, docks and task switchers ask for.
const ICON_SIZES: [u32; 7] = [16, 24, 32, 48, 64, 128, 256];

/// The icons as pixels show `dist/sandtable.svg`; `UPDATE_DOCS=1` draws them.
#[test]
fn icons_are_drawn_from_their_svg() {
    let dist = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("dist");
    let text = std::fs::read_to_string(dist.join("sandtable.svg")).unwrap();
    let tree = resvg::usvg::Tree::from_str(&text, &resvg::usvg::Options::default()).unwrap();
    for size in ICON_SIZES {
        let mut drawn = resvg::tiny_skia::Pixmap::new(size, size).unwrap();
        let scale = size as f32 / tree.size().width();
        resvg::render(&tree, resvg::tiny_skia::Transform::from_scale(scale, scale), &mut drawn.as_mut());
        let file = dist.join(format!("icons/{size}.png"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, drawn.encode_png().unwrap()).unwrap();
        }
        let stored = image::open(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).into_rgba8();
        let drawn = image::load_from_memory(&drawn.encode_png().unwrap()).unwrap().into_rgba8();
        assert_eq!(stored.dimensions(), (size, size));
        // Another processor may round a pixel of an edge otherwise.
        let differs = stored.as_raw().iter().zip(drawn.as_raw()).any(|(one, other)| one.abs_diff(*other) > 2);
        assert!(!differs, "{} is stale: UPDATE_DOCS=1 cargo test --test it product", file.display());
    }
}

/// Every file below a folder, relative to it.
#[cfg(unix)]
fn files(folder: &std::path::Path) -> Vec<String> {
    let output = Command::new("find").args([".", "!", "-type", "d"]).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn what_is_installed_is_removed() {
    let prefix = tempfile::tempdir().unwrap();
    let foreign = "share/man/man1/other.1";
    std::fs::create_dir_all(prefix.path().join("share/man/man1")).unwrap();
    std::fs::write(prefix.path().join(foreign), "").unwrap();
    let run = |action: &str| {
        let mut install = Command::new("bash");
        install.args(["dist/install", action]).current_dir(env!("CARGO_MANIFEST_DIR"));
        install.env("PREFIX", prefix.path()).env("SANDTABLE_PROGRAM", env!("CARGO_BIN_EXE_sandtable"));
        let output = install.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        files(prefix.path())
    };
    let installed = run("install");
    for file in [
        "bin/sandtable",
        "share/applications/sandtable.desktop",
        "share/metainfo/sandtable.metainfo.xml",
        "share/icons/hicolor/48x48/apps/sandtable.png",
        "share/bash-completion/completions/sandtable",
        "share/zsh/site-functions/_sandtable",
        "share/fish/vendor_completions.d/sandtable.fish",
        "share/man/man1/sandtable.1",
        "share/man/man1/sandtable-check.1",
    ] {
        assert!(installed.contains(&format!("./{file}")), "{file}: {installed:#?}");
    }
    let left: Vec<String> = run("remove").into_iter().filter(|file| !file.ends_with(".cache") && !file.contains("share/mime/")).collect();
    assert_eq!(left, [format!("./{foreign}")]);
}
