//! What the window remembers about its user: theme, motion, scale, recent files, panels, and what is set of providers.
//!
//! The settings file is a list of fields. Each is read by itself: one that is wrong costs only itself, and one of another
//! version is written back as it was.

use crate::look::{Motion, Preference, Scale, size};
use crate::session::{
    ProviderId,
    settings::{Environment, Settings, Stored},
};
use ron::value::RawValue;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned, MapAccess, Visitor},
};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Files that "recent" keeps.
pub const RECENT_MAX: usize = 10;

/// The preferences.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferences {
    /// Which theme.
    pub theme: Preference,
    /// Whether things move.
    pub motion: Motion,
    /// How large the interface is.
    pub scale: Scale,
    /// Files opened or saved, the last first.
    pub recent: Vec<PathBuf>,
    /// Whether the palette is open.
    pub palette_open: bool,
    /// Whether the inspector is open.
    pub inspector_open: bool,
    /// Whether the lower panel is open.
    pub bottom_open: bool,
    /// The provider that was chosen last, by its name.
    pub provider: String,
    /// What is set of providers.
    pub settings: Stored,
    /// Other machines that labs are deployed to.
    pub remotes: Vec<Remote>,
    /// Width and height of panels in points: palette, inspector, lower panel.
    pub panel_sizes: [f32; 3],
    /// How the window was left; `None`: it was never opened.
    pub window: Option<WindowPlace>,
    /// Fields of other versions, as they are written.
    unknown: BTreeMap<String, String>,
}

/// A provider on another machine; written as `--on` takes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remote(ProviderId);

impl Remote {
    /// The provider.
    pub fn on(&self) -> &ProviderId {
        &self.0
    }
}

impl std::str::FromStr for Remote {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse()? {
            on @ (ProviderId::Incus(Some(_)) | ProviderId::VirtualBox(Some(_))) => Ok(Self(on)),
            ProviderId::Sim | ProviderId::Incus(None) | ProviderId::VirtualBox(None) => {
                Err("This machine's providers are always listed.".to_owned())
            }
        }
    }
}

impl Serialize for Remote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Remote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// How the window was left. Full screen is none of it: that ends with the presentation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// Its inner width and height in the desktop's points, while it is not maximized.
    pub size: [f32; 2],
    /// Whether it is maximized.
    pub maximized: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: Preference::System,
            motion: Motion::Full,
            scale: Scale::default(),
            recent: Vec::new(),
            palette_open: true,
            inspector_open: true,
            bottom_open: true,
            provider: "sim".to_owned(),
            settings: Stored::default(),
            remotes: Vec::new(),
            panel_sizes: [size::PALETTE_WIDTH, size::INSPECTOR_WIDTH, 212.0],
            window: None,
            unknown: BTreeMap::new(),
        }
    }
}

/// The fields of the file, in its order.
macro_rules! fields {
    ($($field:ident),+ $(,)?) => {
        impl Preferences {
            fn take(&mut self, mut written: BTreeMap<String, String>) -> Vec<Wrong> {
                let mut wrong = Vec::new();
                $(take(&mut self.$field, stringify!($field), &mut written, &mut wrong);)+
                self.unknown = written;
                wrong
            }

            fn written(&self) -> Vec<(&str, String)> {
                vec![$((stringify!($field), field(&self.$field)),)+]
            }
        }
    };
}

fields!(theme, motion, scale, recent, palette_open, inspector_open, bottom_open, provider, settings, remotes, panel_sizes, window);

/// What of a settings file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field; `None`: the whole text.
    field: Option<&'static str>,
    why: String,
}

impl Wrong {
    /// Whether settings of providers are lost by it.
    pub fn hits_providers(&self) -> bool {
        self.field.is_none_or(|field| field == "settings")
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{field}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

fn take<T: DeserializeOwned>(field: &mut T, name: &'static str, written: &mut BTreeMap<String, String>, wrong: &mut Vec<Wrong>) {
    let Some(text) = written.remove(name) else { return };
    match ron::from_str(&text) {
        Ok(value) => *field = value,
        Err(error) => wrong.push(Wrong { field: Some(name), why: error.code.to_string() }),
    }
}

fn field<T: Serialize>(value: &T) -> String {
    ron::ser::to_string_pretty(value, ron::ser::PrettyConfig::default()).unwrap_or_default().replace('\n', "\n    ")
}

impl Preferences {
    /// Reads preferences, and says what of the text could not be read: that has its default.
    pub fn read(text: &str) -> (Self, Vec<Wrong>) {
        let mut preferences = Self::default();
        let wrong = match ron::from_str::<Fields>(text) {
            Ok(Fields(written)) => preferences.take(written),
            Err(error) => vec![Wrong { field: None, why: error.to_string() }],
        };
        (preferences, wrong)
    }

    /// As the text of their file.
    pub fn write(&self) -> String {
        let known = self.written();
        let unknown = self.unknown.iter().map(|(name, text)| (name.as_str(), text.clone()));
        let lines: String = known.into_iter().chain(unknown).map(|(name, text)| format!("    {name}: {text},\n")).collect();
        format!("(\n{lines})")
    }

    /// Puts a file in front of the recent ones.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|recent| recent != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT_MAX);
    }

    /// What is set of providers, under an environment.
    pub fn provider_settings(&self, environment: Environment) -> Settings {
        Settings::new(self.settings.clone(), environment, self.remotes.iter().map(|remote| remote.on().clone()).collect())
    }
}

/// All fields of the file, each as it is written.
struct Fields(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("fields in parentheses")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut found = BTreeMap::new();
                while let Some(Name(name)) = map.next_key()? {
                    let value: Box<RawValue> = map.next_value()?;
                    found.insert(name, value.get_ron().trim().to_owned());
                }
                Ok(Fields(found))
            }
        }
        deserializer.deserialize_struct("", &[], Names)
    }
}

/// A field's name.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name(text.to_owned()))
            }
        }
        deserializer.deserialize_identifier(Word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::settings::Setting;

    #[test]
    fn written_preferences_read_back() {
        let mut preferences = Preferences {
            theme: Preference::Dark,
            motion: Motion::Reduced,
            scale: 125.try_into().unwrap(),
            bottom_open: false,
            remotes: vec!["incus:lab-two".parse().unwrap(), "virtualbox:ssh://desk".parse().unwrap()],
            window: Some(WindowPlace { size: [1440.0, 900.0], maximized: true }),
            ..Preferences::default()
        };
        preferences.remember(Path::new("a \"b\".ron"));
        preferences.settings.set(Setting::ImageUser, "debian");
        assert_eq!(Preferences::read(&preferences.write()), (preferences, Vec::new()));
        assert_eq!(Preferences::read("()"), (Preferences::default(), Vec::new()));
    }

    #[test]
    fn fields_of_other_versions_are_written_back() {
        let newer = "(theme: dark, // mine\n from_the_future: Some((a: [1, \"), (\"], b: {\"x\": 'y'})), zoom: 3)";
        let (preferences, wrong) = Preferences::read(newer);
        assert_eq!((preferences.theme, wrong), (Preference::Dark, Vec::new()));
        let written = preferences.write();
        assert!(written.contains("from_the_future: Some((a: [1, \"), (\"], b: {\"x\": 'y'})),"), "{written}");
        assert_eq!(Preferences::read(&written), (preferences, Vec::new()));
    }

    #[test]
    fn what_cannot_be_read_is_told_and_costs_only_itself() {
        let (preferences, wrong) = Preferences::read("(theme: sepia, scale: 900, bottom_open: false, remotes: [\"incus\"])");
        assert!(!preferences.bottom_open);
        assert_eq!((preferences.theme, preferences.scale), (Preference::System, Scale::default()));
        assert!(wrong.len() == 3 && wrong[0].to_string().contains("theme") && wrong[1].to_string().contains("scale"), "{wrong:?}");
        assert!(!wrong.iter().any(Wrong::hits_providers) && Preferences::read("(settings: 7)").1.iter().all(Wrong::hits_providers));
        for garbage in ["(((", "", "theme: dark", "\0"] {
            let (preferences, wrong) = Preferences::read(garbage);
            assert_eq!((preferences, wrong.len()), (Preferences::default(), 1), "{garbage:?}");
            assert!(wrong.iter().all(Wrong::hits_providers), "{garbage:?}");
        }
    }

    #[test]
    fn recent_files_are_unique_bounded_and_last_first() {
        let mut preferences = Preferences::default();
        for n in 0..20 {
            preferences.remember(Path::new(&format!("{n}.ron")));
        }
        preferences.remember(Path::new("15.ron"));
        assert_eq!(preferences.recent.len(), RECENT_MAX);
        assert_eq!(preferences.recent[..2], [PathBuf::from("15.ron"), PathBuf::from("19.ron")]);
    }
}
