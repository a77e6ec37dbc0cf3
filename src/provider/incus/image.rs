//! Making an image with what labs need: a distribution's base and the packages of the catalog's recipes, because nodes of a lab
//! often have no way to the internet.
//!
//! What goes in is decided here (pure); `assets/image/build.sh` puts it together, with the packages that this machine's own
//! package manager gets. It writes nowhere but in the cache folder and to the daemon.

use super::{
    Settings,
    answers::{Alias, Image},
    api::{Api, encoded},
    error::ApiError,
    images, names, remote,
};
use crate::{
    catalog::Recipes,
    host::locale,
    model::{Family, Lab, PackageName, VersionPattern},
    plan::LabId,
    provider::{Done, ProviderError, Retry},
};
use hyper::{Method, body::Bytes};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::mpsc,
};

/// What is in every node.
const BASE: &str = include_str!("../../../assets/image/base.packages");
/// The files of the build: each its name and text.
const BUILD: [(&str, &str); 4] = [
    ("build.sh", include_str!("../../../assets/image/build.sh")),
    ("finish.sh", include_str!("../../../assets/image/finish.sh")),
    ("hostname.tpl", include_str!("../../../assets/image/hostname.tpl")),
    ("hosts.tpl", include_str!("../../../assets/image/hosts.tpl")),
];
/// What is needed wherever a VIP is.
const FOR_VIPS: &str = "keepalived";
/// The image's property that says what it was made of.
const CONTENTS: &str = "sandtable.contents";
/// The alias of the image that has the packages of all recipes.
pub const ALIAS_OF_ALL: &str = "sandtable-all";
/// How long a build may take.
const BUILD_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// How long the daemon may take to read an image.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// How much of an image is sent at once, in bytes.
const PIECE: usize = 256 * 1024;

/// What an image is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The alias that it gets.
    pub alias: String,
    /// Packages beside the base.
    pub packages: BTreeSet<String>,
    /// Versions that are pinned.
    pub pins: BTreeMap<PackageName, VersionPattern>,
}

impl Contents {
    /// What one lab needs.
    pub fn of_lab(lab: &Lab, id: &LabId, recipes: &Recipes) -> Self {
        let kinds = lab.nodes.values().flat_map(|node| node.services.values()).map(|service| service.kind.as_str());
        let mut packages: BTreeSet<String> = kinds.flat_map(|kind| packages_of(recipes, kind)).collect();
        if !lab.vips.is_empty() {
            packages.insert(FOR_VIPS.to_owned());
        }
        let pins = lab.pins.iter().map(|(name, version)| (name.clone(), version.clone())).collect();
        Self { alias: names::image(id), packages, pins }
    }

    /// What all recipes need, for labs of any kind.
    pub fn of_all(recipes: &Recipes) -> Self {
        let mut packages: BTreeSet<String> = recipes.iter().flat_map(|(kind, _)| packages_of(recipes, kind.as_str())).collect();
        packages.insert(FOR_VIPS.to_owned());
        Self { alias: ALIAS_OF_ALL.to_owned(), packages, pins: BTreeMap::new() }
    }

    /// What it is made of, in short: equal contents, equal text.
    fn mark(&self, system: &System) -> String {
        let packages: Vec<&str> = self.packages.iter().map(String::as_str).collect();
        let mut texts = vec![system.suite.as_str(), BASE];
        texts.extend(BUILD.map(|(_, text)| text));
        texts.extend(packages);
        let preferences = self.preferences();
        texts.extend((!preferences.is_empty()).then_some(preferences.as_str()));
        format!("{:016x}", names::hash(&texts))
    }

    /// What is pinned, as apt_preferences(5).
    fn preferences(&self) -> String {
        let one = |(name, version)| format!("Package: {name}\nPin: version {version}\nPin-Priority: 1001\n\n");
        self.pins.iter().map(one).collect()
    }

    /// The packages as apt is asked for them: with the version that is pinned, so that none comes in another.
    fn asked(&self) -> Vec<String> {
        let pin = |name: &str| self.pins.iter().find(|(pinned, _)| pinned.as_str() == name).map(|(_, version)| version);
        let one = |name: &String| pin(name).map_or_else(|| name.clone(), |version| format!("{name}={version}"));
        self.packages.iter().map(one).collect()
    }
}

fn packages_of(recipes: &Recipes, kind: &str) -> Vec<String> {
    // What can be built here is Debian's; images of other families come from elsewhere.
    recipes.get(kind).and_then(|folder| folder.recipe.on(Family::Debian)).map(|family| family.packages.clone()).unwrap_or_default()
}

/// The distribution that this machine builds from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct System {
    /// Its code name.
    suite: String,
    /// Its package sources, one a line.
    sources: String,
}

/// The code name in `/etc/os-release`, for Debian and what is made like it.
fn suite_of(os_release: &str) -> Option<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim().trim_matches('"').to_owned())
    };
    let like = format!("{} {}", value("ID")?, value("ID_LIKE").unwrap_or_default());
    let suite = value("VERSION_CODENAME")?;
    let plain = !suite.is_empty() && suite.bytes().all(|letter| letter.is_ascii_lowercase());
    (plain && like.split(' ').any(|word| word == "debian" || word == "ubuntu")).then_some(suite)
}

/// The distribution's own sources among all that apt knows, as `SITE|SUITE|COMPONENT|ORIGIN` lines; others' and backports are
/// left out, so that an image holds what the distribution released.
fn sources_of(targets: &str, suite: &str) -> String {
    let mut lines = BTreeSet::new();
    for line in targets.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [uri, release, component, origin] = fields.as_slice() else { continue };
        let is_released = *release == suite || ["updates", "security"].iter().any(|part| *release == format!("{suite}-{part}"));
        if is_released && matches!(*origin, "Debian" | "Ubuntu") && uri.contains("://") {
            lines.insert(format!("deb {uri} {release} {component}\n"));
        }
    }
    lines.into_iter().collect()
}

/// Where what images are made of is kept for this user; `None`: there is no home folder.
pub fn cache_of_user() -> Option<PathBuf> {
    Some(directories::BaseDirs::new()?.cache_dir().join("sandtable").join("images"))
}

/// Makes an image at a daemon, where there is none of the same contents. `cache` outlives the call: it keeps the base system, so
/// that a second image only adds what it needs.
///
/// # Errors
/// Where tools or rights are missing (and it says which), a package is, or the daemon refuses.
pub async fn make(
    (remote, settings): (Option<&str>, &Settings),
    contents: &Contents,
    cache: &Path,
    says: &(dyn Fn(&str) + Send + Sync),
) -> Result<Done, ProviderError> {
    let what = format!("making the image {}", contents.alias);
    let explain = |error: ApiError| error.explain(what.clone(), None);
    let api = Api::new(remote::find(remote, settings).map_err(explain)?);
    let system = system(&what).await?;
    let mark = contents.mark(&system);
    let there = image_of(&api, &contents.alias).await.map_err(explain)?;
    if there.as_ref().and_then(|image| image.properties.get(CONTENTS)).is_some_and(|made| *made == mark) {
        return Ok(Done::AlreadySo);
    }
    if there.as_ref().is_some_and(|image| !image.properties.contains_key(CONTENTS)) {
        return Err(ProviderError {
            what,
            node: None,
            why: format!("the alias {} belongs to an image that was not made by `sandtable image`", contents.alias),
            next: format!("Rename it: incus image alias rename {} OTHER", contents.alias),
            retry: Retry::Useless,
        });
    }
    let missing = images::tools_missing();
    if !missing.is_empty() || !images::is_root() {
        let (why, next) = images::how_to_build(&missing, images::is_root());
        return Err(ProviderError { what, node: None, why, next, retry: Retry::Useless });
    }
    let built = build(contents, &system, cache, &what, says).await?;
    says("handing it to Incus");
    let fingerprint = import(&api, &built, contents, &mark).await.map_err(explain)?;
    point(&api, &contents.alias, &fingerprint, there.is_some()).await.map_err(explain)?;
    if let Some(old) = there {
        // Nodes keep what they were made of; the image itself is of no further use.
        let removed = api.run(Method::DELETE, &format!("/1.0/images/{}", old.fingerprint), json!({}), IMPORT_TIMEOUT).await;
        removed.map_err(explain)?;
    }
    Ok(Done::Changed)
}

async fn system(what: &str) -> Result<System, ProviderError> {
    let refuse =
        |why: String, next: &str| ProviderError { what: what.to_owned(), node: None, why, next: next.to_owned(), retry: Retry::Useless };
    let elsewhere = "Make the image on a Debian or Ubuntu machine and import it here: incus image import FILE --alias NAME";
    let release = crate::host::file::read_bounded(Path::new("/etc/os-release"), 64 * 1024).unwrap_or_default();
    let suite = suite_of(&String::from_utf8_lossy(&release))
        .ok_or_else(|| refuse("images are made of Debian's or Ubuntu's packages, and this machine has neither".into(), elsewhere))?;
    let mut command = tokio::process::Command::new("apt-get");
    let format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)";
    command
        .args(["indextargets", "--format", format, "Identifier: Packages"])
        .envs(locale::environment(locale::here()))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    let output = output.ok().and_then(Result::ok).filter(|output| output.status.success());
    let targets = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let sources = sources_of(&targets, &suite);
    if sources.is_empty() {
        return Err(refuse(format!("apt knows no source of {suite}'s packages"), "Look at /etc/apt/sources.list.d, then: sudo apt update"));
    }
    Ok(System { suite, sources })
}

/// Puts the image together in the cache folder; gives its file.
async fn build(
    contents: &Contents,
    system: &System,
    cache: &Path,
    what: &str,
    says: &(dyn Fn(&str) + Send + Sync),
) -> Result<tempfile::TempPath, ProviderError> {
    let disk = |error: std::io::Error| ProviderError {
        what: what.to_owned(),
        node: None,
        why: format!("{}: {error}", cache.display()),
        next: "Make room there, or set XDG_CACHE_HOME to a folder with a few GB of room".into(),
        retry: Retry::Useless,
    };
    std::fs::create_dir_all(cache).map_err(disk)?;
    let folder = tempfile::tempdir_in(cache).map_err(disk)?;
    for (name, text) in BUILD {
        std::fs::write(folder.path().join(name), text).map_err(disk)?;
    }
    let sources = folder.path().join("sources.list");
    std::fs::write(&sources, &system.sources).map_err(disk)?;
    let output = tempfile::Builder::new().suffix(".tar.zst").tempfile_in(cache).map_err(disk)?.into_temp_path();
    std::fs::write(folder.path().join("preferences"), contents.preferences()).map_err(disk)?;
    let mut command = tokio::process::Command::new("sh");
    command.arg(folder.path().join("build.sh")).arg(cache).arg(&output).arg(&system.suite).arg(&sources);
    command.arg(BASE.split_whitespace().collect::<Vec<_>>().join(",")).arg(contents.asked().join(","));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(disk)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut complaints: Vec<String> = Vec::new();
    let told = async {
        let Some(stdout) = stdout else { return };
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            says(&line);
        }
    };
    let complained = async {
        let Some(stderr) = stderr else { return };
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            complaints.push(line);
        }
    };
    let ended = tokio::time::timeout(BUILD_TIMEOUT, async { tokio::join!(told, complained, child.wait()).2 }).await;
    let why = match ended {
        Ok(Ok(status)) if status.success() => return Ok(output),
        Ok(Ok(_)) => complaints.iter().rev().take(3).rev().map(String::as_str).collect::<Vec<_>>().join("; "),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("it took longer than {} minutes", BUILD_TIMEOUT.as_secs() / 60),
    };
    Err(ProviderError {
        what: what.to_owned(),
        node: None,
        why,
        next: "See that apt gets these packages on this machine (sudo apt update), then try again".into(),
        retry: Retry::Worth,
    })
}

/// The image behind an alias.
async fn image_of(api: &Api, alias: &str) -> Result<Option<Image>, ApiError> {
    let Some(found) = api.find(&format!("/1.0/images/aliases/{}", encoded(alias))).await? else { return Ok(None) };
    let alias: Alias = serde_json::from_value(found.value).map_err(|error| ApiError::Garbled(error.to_string()))?;
    api.read(&format!("/1.0/images/{}", alias.target)).await.map(Some)
}

/// Sends an image; gives its fingerprint.
async fn import(api: &Api, file: &Path, contents: &Contents, mark: &str) -> Result<String, ApiError> {
    let properties = format!("{CONTENTS}={mark}&description={}", encoded(&format!("Sandtable: {}", contents.alias)));
    let headers = vec![
        ("Content-Type", "application/octet-stream".to_owned()),
        ("X-Incus-filename", format!("{}.tar.zst", contents.alias)),
        ("X-Incus-public", "0".to_owned()),
        ("X-Incus-properties", properties),
    ];
    let (sender, pieces) = mpsc::channel(8);
    let path: PathBuf = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || send_file(&path, &sender));
    let imported = api.upload_pieces("/1.0/images", headers, pieces, IMPORT_TIMEOUT).await;
    // The reader ends when its last piece is taken, or when nobody takes any more.
    let _ended = reading.await;
    let operation = imported?;
    let fingerprint = operation.metadata.get("fingerprint").and_then(serde_json::Value::as_str);
    fingerprint.map(str::to_owned).ok_or_else(|| ApiError::Garbled("an image was imported without a fingerprint".into()))
}

fn send_file(path: &Path, pieces: &mpsc::Sender<std::io::Result<Bytes>>) {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) => return drop(pieces.blocking_send(Err(error))),
    };
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut file).take(PIECE as u64).read_to_end(&mut piece);
        let is_over = !matches!(read, Ok(count) if count > 0);
        let sent = match read {
            Ok(0) => return,
            Ok(_) => pieces.blocking_send(Ok(Bytes::from(piece))),
            Err(error) => pieces.blocking_send(Err(error)),
        };
        if is_over || sent.is_err() {
            return;
        }
    }
}

/// Lets an alias name an image.
async fn point(api: &Api, alias: &str, fingerprint: &str, is_known: bool) -> Result<(), ApiError> {
    let (method, path) = if is_known {
        (Method::PUT, format!("/1.0/images/aliases/{}", encoded(alias)))
    } else {
        (Method::POST, "/1.0/images/aliases".to_owned())
    };
    let body = json!({ "name": alias, "target": fingerprint, "type": "container", "description": "made by sandtable image" });
    api.run(method, &path, body, Duration::from_secs(30)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";

    #[test]
    fn the_distribution_is_this_machines() {
        assert_eq!(suite_of(RELEASE).as_deref(), Some("bookworm"));
        assert_eq!(suite_of("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_CODENAME=wilma").as_deref(), Some("wilma"));
        assert_eq!(suite_of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_CODENAME=x"), None);
        assert_eq!(suite_of("ID=debian\nVERSION_CODENAME=\"a b; rm\""), None);
    }

    #[test]
    fn only_the_distributions_releases_are_sources() {
        let targets = "http://mirror.example/debian/|bookworm|main|Debian\nhttp://mirror.example/debian/|bookworm-updates|main|Debian\n\
                       http://mirror.example/debian/|bookworm-backports|main|Debian Backports\nhttp://other.example/|nodistro|main|Other\nnonsense\n";
        let sources = sources_of(targets, "bookworm");
        assert_eq!(sources, "deb http://mirror.example/debian/ bookworm main\ndeb http://mirror.example/debian/ bookworm-updates main\n");
    }

    #[test]
    fn equal_contents_have_equal_marks() {
        let system = System { suite: "bookworm".into(), sources: String::new() };
        let contents = |packages: &[&str]| Contents {
            alias: "a".into(),
            packages: packages.iter().map(|&name| name.to_owned()).collect(),
            pins: BTreeMap::new(),
        };
        assert_eq!(contents(&["nginx", "redis"]).mark(&system), contents(&["redis", "nginx"]).mark(&system));
        assert_ne!(contents(&["nginx"]).mark(&system), contents(&["nginx", "redis"]).mark(&system));
    }

    #[test]
    fn a_lab_gets_what_its_recipes_need() {
        let all = Contents::of_all(Recipes::embedded());
        assert!(all.alias == ALIAS_OF_ALL && all.packages.contains(FOR_VIPS));
        let lab = crate::layout::read_bytes(include_bytes!("../../../layouts/mini-cloud.ron")).unwrap();
        let id = LabId::of_file(Path::new("/labs/mini-cloud.ron"));
        let contents = Contents::of_lab(&lab, &id, Recipes::embedded());
        assert!(contents.packages.is_subset(&all.packages) && contents.packages.contains(FOR_VIPS));
        assert_eq!(contents.alias, format!("sandtable-{id}"));
    }
}
