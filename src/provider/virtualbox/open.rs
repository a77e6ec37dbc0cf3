//! Where VirtualBox is: on this machine, or on another one that the user's own ssh knows.
//!
//! What ssh knows of the other machine (its address, port, user, keys, and which host keys it may show) is asked of ssh itself, so
//! a name that works with `ssh` works here. A machine whose host key is not known is not spoken to.

use super::{Files, Options, Place, VBoxManage, VirtualBox, cannot, find};
use crate::{
    host::{
        process::{Cancel, Program, run},
        ssh::{Become, Host, HostKey, HostKeys, LoginKey, Ssh},
    },
    plan::LabId,
    provider::{
        ProviderError,
        settings::{Setting, Settings as Set},
    },
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a call that only asks may take where nothing is set; others may take a multiple of it. `VBoxSVC` under load has been seen to take ten seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// How long ssh's own programs may take; they only read files.
const ASK_LIMIT: Duration = Duration::from_secs(20);
/// How long a connection to another machine may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// What VBoxManage is called on another machine.
const THERE: &str = "VBoxManage";

impl VirtualBox {
    /// A lab at this machine's VirtualBox, or at another's: `USER@HOST:PORT` as ssh takes it, user and port if need be.
    ///
    /// # Errors
    /// Where there is no VBoxManage here, or ssh does not know the other machine.
    pub fn open(host: Option<&str>, lab: LabId, files: Option<Files>, settings: &Set) -> Result<Self, ProviderError> {
        Ok(Self::new(open_manage(host, settings)?, lab, Options { files, ..Options::of(settings) }))
    }
}

/// This machine's VBoxManage, or another's.
///
/// # Errors
/// As [`VirtualBox::open`].
pub fn open_manage(host: Option<&str>, settings: &Set) -> Result<VBoxManage, ProviderError> {
    let place = match host {
        None => Place::Here(
            find::find(settings.path(Setting::VBoxManage)).map_err(|missing| cannot("open virtualbox", None, missing.why, missing.next))?,
        ),
        Some(host) => Place::There(Ssh::new(known_to_ssh(host, settings.path(Setting::SshConfig).as_deref())?), THERE.to_owned()),
    };
    Ok(VBoxManage::at(place, settings.limit(Setting::VBoxManageSeconds).unwrap_or(LIMIT)))
}

/// User, host and port of a text; what it does not say is ssh's to know.
fn parted(text: &str) -> (Option<&str>, &str, Option<u16>) {
    let (user, rest) = text.split_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let port = rest.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    // More colons than one: an IPv6 address without brackets.
    match port.filter(|(host, _)| !host.contains(':') || host.ends_with(']')) {
        Some((host, port)) => (user, host.trim_matches(['[', ']']), Some(port)),
        None => (user, rest.trim_matches(['[', ']']), None),
    }
}

fn known_to_ssh(text: &str, config: Option<&Path>) -> Result<Host, ProviderError> {
    let what = format!("open virtualbox:ssh://{text}");
    let (user, name, port) = parted(text);
    let mut args: Vec<std::ffi::OsString> = Vec::new();
    if let Some(file) = config {
        args.extend(["-F".into(), file.into()]);
    }
    args.push("-G".into());
    args.extend(port.into_iter().flat_map(|port| ["-p".into(), port.to_string().into()]));
    args.extend(user.into_iter().flat_map(|user| ["-l".into(), user.into()]));
    args.extend(["--".into(), name.into()]);
    let asked = run(&Program::new("ssh", args, ASK_LIMIT), &Cancel::default());
    let said = asked.map_err(|error| cannot(&what, None, error.to_string(), "Install OpenSSH's client: it knows the user's machines."))?;
    let settings = Settings::read(&String::from_utf8_lossy(&said.stdout));
    if said.code != 0 || settings.one("hostname").is_none() {
        let why = String::from_utf8_lossy(&said.stderr).trim().to_owned();
        return Err(cannot(&what, None, format!("ssh does not know {name}: {why}"), format!("Try it first: ssh {name}")));
    }
    let address = settings.one("hostname").unwrap_or(name).to_owned();
    let port = settings.one("port").and_then(|port| port.parse().ok()).unwrap_or(22);
    let keys = host_keys(&settings, settings.one("hostkeyalias").unwrap_or(&address), port);
    if keys.is_empty() {
        let why = format!("the host key of {address} is not known");
        return Err(cannot(&what, None, why, format!("Log in once and look at the key that it shows: ssh -p {port} {name}")));
    }
    let key = settings.files("identityfile").into_iter().find(|file| file.is_file()).map_or(LoginKey::Agent, LoginKey::File);
    Ok(Host {
        name: name.to_owned(),
        user: settings.one("user").unwrap_or("root").to_owned(),
        address,
        port,
        key,
        host_keys: HostKeys::Known(keys),
        becomes: Become::Nobody,
        connect_timeout: CONNECT_LIMIT,
        through: through(&settings, &what, config)?,
    })
}

/// The machines that ssh goes through on its way, the nearest last (`ProxyJump`).
fn through(settings: &Settings, what: &str, config: Option<&Path>) -> Result<Option<Arc<Host>>, ProviderError> {
    let said = |word| settings.one(word).filter(|value| !value.eq_ignore_ascii_case("none"));
    if let Some(command) = said("proxycommand") {
        return Err(cannot(
            what,
            None,
            format!("ssh reaches it by a program ({command})"),
            "Use ProxyJump in ssh's configuration instead.",
        ));
    }
    let mut way: Option<Arc<Host>> = None;
    for name in said("proxyjump").into_iter().flat_map(|names| names.split(',')) {
        let host = known_to_ssh(name.trim(), config)?;
        way = Some(Arc::new(Host { through: host.through.clone().or(way), ..host }));
    }
    Ok(way)
}

/// The keys in the files that ssh keeps of other machines; names in them may be hashed, so ssh's own program looks them up.
fn host_keys(settings: &Settings, name: &str, port: u16) -> Vec<HostKey> {
    let wanted = if port == 22 { name.to_owned() } else { format!("[{name}]:{port}") };
    let files = ["userknownhostsfile", "globalknownhostsfile"].map(|files| settings.files(files)).into_iter().flatten();
    let looks = files.filter(|file| file.is_file()).filter_map(|file| {
        let args = ["-F".into(), wanted.clone().into(), "-f".into(), file.into_os_string()];
        run(&Program::new("ssh-keygen", args, ASK_LIMIT), &Cancel::default()).ok()
    });
    let found: Vec<HostKey> = looks.flat_map(|said| known(&String::from_utf8_lossy(&said.stdout))).collect();
    found
}

/// The keys in lines of a file of known hosts: names, kind, key. Those that are revoked or an authority's are no host's own.
fn known(text: &str) -> Vec<HostKey> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '@']));
    lines.filter_map(|line| HostKey::parse(line.split_once(' ')?.1)).collect()
}

/// What `ssh -G` says: a word and its value in each line; some words come more than once.
struct Settings(BTreeMap<String, Vec<String>>);

impl Settings {
    fn read(text: &str) -> Self {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (word, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            all.entry(word.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        Self(all)
    }

    fn one(&self, word: &str) -> Option<&str> {
        self.0.get(word)?.first().map(String::as_str)
    }

    /// Files that a word names; `~` is the user's folder.
    fn files(&self, word: &str) -> Vec<PathBuf> {
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()).unwrap_or_default();
        let names = self.0.get(word).into_iter().flatten().flat_map(|value| value.split_whitespace());
        names.map(|name| name.strip_prefix("~/").map_or_else(|| PathBuf::from(name), |rest| home.join(rest))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_apart() {
        assert_eq!(parted("desk"), (None, "desk", None));
        assert_eq!(parted("me@desk.example.org:2222"), (Some("me"), "desk.example.org", Some(2222)));
        assert_eq!(parted("[fe80::1]:22"), (None, "fe80::1", Some(22)));
        assert_eq!(parted("fe80::1"), (None, "fe80::1", None));
    }

    #[test]
    fn ssh_and_its_files_are_read() {
        let settings = Settings::read("hostname 127.0.0.1\nport 2200\nidentityfile ~/.ssh/a\nidentityfile /k\nuserknownhostsfile /a /b\n");
        assert_eq!((settings.one("hostname"), settings.one("port"), settings.one("proxyjump")), (Some("127.0.0.1"), Some("2200"), None));
        assert_eq!(settings.files("userknownhostsfile"), [PathBuf::from("/a"), PathBuf::from("/b")]);
        let keys = settings.files("identityfile");
        assert!(keys[0].ends_with(".ssh/a") && keys[0].is_absolute() && keys[1] == Path::new("/k"), "{keys:?}");
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2WcNSGu4PqGZkKLSs8c1oPj7bB3S6BF+jYWOAQjcbv";
        let text = format!("# Host desk found: line 1\ndesk {key}\n@revoked desk {key}\n|1|x=|y= {key} me@here\nnonsense\n");
        assert_eq!(known(&text).iter().map(ToString::to_string).collect::<Vec<_>>(), [key, key]);
    }
}
