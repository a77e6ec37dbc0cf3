//! What the user sets of providers: stored in the settings file, overridden by environment variables. Data only; who opens a
//! provider hands it down.
//!
//! One table, [`Setting::spec`], feeds the preferences window, the manual and the errors.

use super::{ProviderError, Retry};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

/// The longest time limit, in seconds: a day.
const SECONDS_MAX: u64 = 86_400;
/// The longest value that is stored, in bytes.
const BYTES_MAX: usize = 4096;

/// Something that the user can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// The socket of this machine's Incus daemon.
    IncusSocket,
    /// The folder of the Incus client's remotes and certificates.
    IncusFolder,
    /// The image of all nodes at Incus.
    IncusImage,
    /// The storage pool of nodes' disks at Incus.
    IncusPool,
    /// The program VBoxManage.
    VBoxManage,
    /// How long a call of VBoxManage that only reads may take.
    VBoxManageSeconds,
    /// How long a machine may take until ssh answers.
    BootSeconds,
    /// The configuration of ssh.
    SshConfig,
    /// The user to log in to images as.
    ImageUser,
    /// The private key to log in to images with.
    ImageKey,
    /// Where nodes get packages.
    PackageSource,
    /// The user's terminal emulator.
    Terminal,
}

/// What a setting belongs to: the pages of the preferences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Incus.
    Incus,
    /// VirtualBox.
    VirtualBox,
    /// What is inside nodes, and the way into them.
    Nodes,
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Any line.
    Text,
    /// A name without spaces.
    Name,
    /// An absolute path.
    Path,
    /// A program: an absolute path, or a name in `PATH`.
    Program,
    /// A whole number of seconds.
    Seconds,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// Its name in the settings file.
    pub key: &'static str,
    /// The environment variable that overrides it.
    pub variable: &'static str,
    /// Its label.
    pub title: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What holds where nothing is set.
    pub otherwise: &'static str,
    /// What it belongs to.
    pub section: Section,
    kind: Kind,
}

impl Setting {
    /// All settings, in the order of the preferences.
    pub const ALL: [Self; 12] = [
        Self::IncusSocket,
        Self::IncusFolder,
        Self::IncusImage,
        Self::IncusPool,
        Self::VBoxManage,
        Self::VBoxManageSeconds,
        Self::BootSeconds,
        Self::SshConfig,
        Self::ImageUser,
        Self::ImageKey,
        Self::PackageSource,
        Self::Terminal,
    ];

    /// What is known of it.
    #[rustfmt::skip]
    pub const fn spec(self) -> Spec {
        use Section::{Incus, Nodes, VirtualBox};
        const fn row(section: Section, kind: Kind, [key, variable, title, otherwise, about]: [&'static str; 5]) -> Spec {
            Spec { key, variable, title, about, otherwise, section, kind }
        }
        match self {
            Self::IncusSocket => row(Incus, Kind::Path, ["incus_socket", "INCUS_SOCKET", "Daemon socket",
                "/var/lib/incus/unix.socket", "Where the Incus daemon of this machine listens"]),
            Self::IncusFolder => row(Incus, Kind::Path, ["incus_folder", "INCUS_CONF", "Client folder",
                "The folder incus in the user's configuration", "Remotes and certificates of the Incus client"]),
            Self::IncusImage => row(Incus, Kind::Name, ["incus_image", "SANDTABLE_INCUS_IMAGE", "Image of all nodes",
                "The image that the layout names", "Alias of an image to make all nodes of"]),
            Self::IncusPool => row(Incus, Kind::Name, ["incus_pool", "SANDTABLE_INCUS_POOL", "Storage pool",
                "The pool of the default profile", "Storage pool of the nodes' disks"]),
            Self::VBoxManage => row(VirtualBox, Kind::Program, ["vboxmanage", "SANDTABLE_VBOXMANAGE", "VBoxManage",
                "Searched in PATH and where it is installed", "The program that drives VirtualBox"]),
            Self::VBoxManageSeconds => row(VirtualBox, Kind::Seconds, ["vboxmanage_seconds", "SANDTABLE_VBOXMANAGE_SECONDS", "Call limit",
                "60", "Time limit of a read-only VBoxManage call"]),
            Self::BootSeconds => row(VirtualBox, Kind::Seconds, ["boot_seconds", "SANDTABLE_BOOT_SECONDS", "Boot limit",
                "450", "Time until ssh has to answer on a new machine"]),
            Self::SshConfig => row(VirtualBox, Kind::Path, ["ssh_config", "SANDTABLE_SSH_CONFIG", "ssh configuration",
                "The user's own", "File that says how ssh reaches remote hosts"]),
            Self::ImageUser => row(Nodes, Kind::Name, ["image_user", "SANDTABLE_IMAGE_USER", "Image user",
                "root", "User to log in as on machines made of an image"]),
            Self::ImageKey => row(Nodes, Kind::Path, ["image_key", "SANDTABLE_IMAGE_KEY", "Login key",
                "~/.ssh/id_ed25519, else the ssh agent", "Private key of that user, without a passphrase"]),
            Self::PackageSource => row(Nodes, Kind::Text, ["package_source", "SANDTABLE_PACKAGE_SOURCE", "Package source",
                "The sources of the image", "Line of sources.list(5) for nodes without internet"]),
            Self::Terminal => row(Nodes, Kind::Program, ["terminal", "TERMINAL", "Terminal program",
                "The first known one in PATH", "Opens shells and consoles of nodes"]),
        }
    }

    /// The unit behind the value; empty where it has none.
    pub fn unit(self) -> &'static str {
        match self.spec().kind {
            Kind::Seconds => "s",
            Kind::Text | Kind::Name | Kind::Path | Kind::Program => "",
        }
    }

    /// Whether a text can be its value; else what would be right.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn check(self, text: &str) -> Result<(), String> {
        if text.len() > BYTES_MAX {
            return Err(format!("At most {BYTES_MAX} bytes."));
        }
        match self.spec().kind {
            Kind::Text if text.contains('\0') => Err("Text without null bytes.".into()),
            Kind::Text => Ok(()),
            Kind::Name if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) || text.starts_with('-') => {
                Err("A name without spaces that does not begin with a hyphen.".into())
            }
            Kind::Name => Ok(()),
            Kind::Path if !PathBuf::from(text).is_absolute() => Err("An absolute path.".into()),
            Kind::Path => Ok(()),
            Kind::Program if text.starts_with('-') => Err("An absolute path, or the name of a program.".into()),
            Kind::Program => Ok(()),
            Kind::Seconds => match text.parse() {
                Ok(1..=SECONDS_MAX) => Ok(()),
                _ => Err(format!("A whole number of seconds from 1 to {SECONDS_MAX}.")),
            },
        }
    }
}

/// What is stored of settings: texts by their keys. Keys of other versions stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stored(BTreeMap<String, String>);

impl Stored {
    /// The stored text.
    pub fn get(&self, setting: Setting) -> Option<&str> {
        self.0.get(setting.spec().key).map(String::as_str)
    }

    /// Stores a text; an empty one unsets it.
    pub fn set(&mut self, setting: Setting, text: &str) {
        let key = setting.spec().key;
        match text.trim() {
            "" => drop(self.0.remove(key)),
            text => drop(self.0.insert(key.to_owned(), text.to_owned())),
        }
    }
}

/// The environment variables that override stored settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<Setting, OsString>);

impl Environment {
    /// Those of this process. An empty variable is none.
    pub fn of_process() -> Self {
        let set = Setting::ALL.into_iter().filter_map(|setting| Some((setting, std::env::var_os(setting.spec().variable)?)));
        set.collect()
    }
}

impl FromIterator<(Setting, OsString)> for Environment {
    fn from_iter<T: IntoIterator<Item = (Setting, OsString)>>(variables: T) -> Self {
        Self(variables.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }
}

/// The settings that hold: stored ones, overridden by the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    stored: Stored,
    environment: Environment,
    /// Other machines that labs are deployed to, as `--on` takes them.
    pub remotes: Vec<super::id::ProviderId>,
    /// Why the stored settings could not be read: then no machine provider is opened with defaults in their place.
    damage: Option<String>,
}

impl Settings {
    /// The settings that hold.
    pub fn new(stored: Stored, environment: Environment, remotes: Vec<super::id::ProviderId>) -> Self {
        Self { stored, environment, remotes, damage: None }
    }

    /// The same, of a file in which the settings could not be read.
    pub fn damaged(self, why: String) -> Self {
        Self { damage: Some(why), ..self }
    }

    /// The value from the environment, for people.
    pub fn overridden(&self, setting: Setting) -> Option<String> {
        self.environment.0.get(&setting).map(|value| value.to_string_lossy().into_owned())
    }

    /// The value; `None`: nothing is set.
    pub fn get(&self, setting: Setting) -> Option<&OsStr> {
        self.environment.0.get(&setting).map(OsString::as_os_str).or_else(|| self.stored.get(setting).map(OsStr::new))
    }

    /// The value as text.
    pub fn text(&self, setting: Setting) -> Option<String> {
        self.get(setting).map(|value| value.to_string_lossy().into_owned())
    }

    /// The value as a path.
    pub fn path(&self, setting: Setting) -> Option<PathBuf> {
        self.get(setting).map(PathBuf::from)
    }

    /// The value as a time limit. A wrong value gives none: [`Settings::check`] comes first.
    pub fn limit(&self, setting: Setting) -> Option<Duration> {
        self.text(setting)?.parse().ok().map(Duration::from_secs)
    }

    /// What is wrong with a value, and what would be right.
    pub fn problem(&self, setting: Setting) -> Option<String> {
        let text = self.text(setting)?;
        // The environment's paths count as they always did: relative ones as well.
        let is_path = matches!(setting.spec().kind, Kind::Path) && self.environment.0.contains_key(&setting);
        setting.check(&text).err().filter(|_| !is_path)
    }

    /// Refuses to open a provider with values that cannot be used.
    ///
    /// # Errors
    /// With the first of them, where it was set, and what would be right; and where the stored settings could not be read.
    pub fn check(&self, provider: &str, section: Section) -> Result<(), ProviderError> {
        if let Some(why) = &self.damage {
            return Err(ProviderError {
                what: format!("open {provider}"),
                node: None,
                why: why.clone(),
                next: "Correct the file, or remove it to use the defaults".to_owned(),
                retry: Retry::Useless,
            });
        }
        let concerns = |setting: &Setting| [section, Section::Nodes].contains(&setting.spec().section);
        let wrong = Setting::ALL.into_iter().filter(concerns).find_map(|setting| Some((setting, self.problem(setting)?)));
        let Some((setting, right)) = wrong else { return Ok(()) };
        let (spec, text) = (setting.spec(), self.text(setting).unwrap_or_default());
        let (name, next) = match self.overridden(setting) {
            Some(_) => (spec.variable, "Set the variable to that, or unset it"),
            None => (spec.key, "Change it in the preferences of the window"),
        };
        Err(ProviderError {
            what: format!("open {provider}"),
            node: None,
            why: format!(
                "{name} is {text:?}; needed: {}{}",
                right.get(..1).unwrap_or_default().to_lowercase(),
                right.get(1..).unwrap_or_default().trim_end_matches('.')
            ),
            next: next.to_owned(),
            retry: Retry::Useless,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_overrides_what_is_stored() {
        let mut stored = Stored::default();
        stored.set(Setting::ImageUser, " debian ");
        stored.set(Setting::BootSeconds, "600");
        let environment: Environment = [(Setting::BootSeconds, "90".into()), (Setting::IncusPool, "".into())].into_iter().collect();
        let settings = Settings::new(stored.clone(), environment, Vec::new());
        assert_eq!(settings.text(Setting::ImageUser).as_deref(), Some("debian"));
        assert_eq!(settings.limit(Setting::BootSeconds), Some(Duration::from_secs(90)));
        assert_eq!((settings.get(Setting::IncusPool), settings.overridden(Setting::ImageUser)), (None, None));
        stored.set(Setting::BootSeconds, " ");
        assert_eq!(stored.get(Setting::BootSeconds), None);
    }

    #[test]
    fn keys_of_other_versions_stay() {
        let mut stored: Stored = ron::from_str(r#"{"from_the_future": "x", "image_user": "root"}"#).unwrap();
        stored.set(Setting::ImageUser, "debian");
        assert_eq!(ron::to_string(&stored).unwrap(), r#"{"from_the_future":"x","image_user":"debian"}"#);
    }

    #[test]
    fn wrong_values_are_refused_with_their_place() {
        let environment = |value: &str| [(Setting::BootSeconds, value.into())].into_iter().collect();
        for wrong in ["0", "soon", "-1", "86401", "1.5"] {
            let settings = Settings::new(Stored::default(), environment(wrong), Vec::new());
            let error = settings.check("virtualbox", Section::VirtualBox).unwrap_err();
            assert!(error.why.contains("SANDTABLE_BOOT_SECONDS") && error.why.contains(wrong) && error.next.contains("unset"), "{error:?}");
            assert!(settings.check("incus", Section::Incus).is_ok(), "another provider's values are none of its business");
        }
        assert!(Settings::new(Stored::default(), environment("90"), Vec::new()).check("virtualbox", Section::VirtualBox).is_ok());
        for (setting, wrong, right) in [
            (Setting::ImageKey, "id_ed25519", "/k"),
            (Setting::ImageUser, "-x", "debian"),
            (Setting::IncusPool, "a b", "fast"),
            (Setting::Terminal, "-e", "kitty"),
        ] {
            assert!(setting.check(wrong).is_err() && setting.check(right).is_ok(), "{setting:?}");
        }
    }

    #[test]
    fn every_setting_has_words_and_names_of_its_own() {
        for (nth, setting) in Setting::ALL.into_iter().enumerate() {
            let spec = setting.spec();
            assert!(!spec.about.is_empty() && !spec.otherwise.is_empty() && spec.title.len() < 24, "{setting:?}");
            for other in &Setting::ALL[nth + 1..] {
                assert!(spec.key != other.spec().key && spec.variable != other.spec().variable && spec.title != other.spec().title);
            }
        }
    }
}
