//! What a service says that its kind does not have: the one judgement that `check` reports and that `plan` and `deploy`
//! refuse.
//!
//! It looks at one service alone. Whether a service that a setting names exists is asked of the lab, with [`Entry::named`]
//! (`named`).

use super::{Catalog, Entry, Holds, Setting, SettingType};
use crate::model::{Kind, Path, Service, Value, nearest, shortened};
use std::fmt;

/// The most characters of a text of the layout inside a message.
pub(super) const QUOTED_CHARS_MAX: usize = 60;

/// Something that a service says and that its kind does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch<'a> {
    /// The catalog does not have the kind.
    Kind {
        /// The kind that the service names.
        kind: &'a Kind,
        /// The kind that is spelled most alike.
        nearest: Option<String>,
    },
    /// The kind has no setting of this name.
    Setting {
        /// What the service calls it.
        name: &'a str,
        /// The setting that is spelled most alike.
        nearest: Option<String>,
    },
    /// The kind opens no port of this name.
    Port {
        /// What the service calls it; `None` for the main port of a kind that opens none.
        name: Option<&'a str>,
        /// The port that is spelled most alike.
        nearest: Option<String>,
    },
    /// The kind has no setting of this name whose value is made at deployment.
    Secret {
        /// What the service calls it.
        name: &'a str,
        /// The secret that is spelled most alike.
        nearest: Option<String>,
    },
    /// A setting cannot have this value.
    Value {
        /// The setting.
        setting: &'a Setting,
        /// The value; of a list, the text that does not fit.
        value: String,
        /// The place of that text in its list; `None`: all of the value.
        item: Option<usize>,
        /// What the setting takes.
        takes: String,
    },
}

impl fmt::Display for Mismatch<'_> {
    /// What is wrong, to stand after the service's name and a blank.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &str| format!("{:?}", shortened(name, QUOTED_CHARS_MAX));
        let nearest = match self {
            Self::Kind { kind, nearest } => {
                write!(f, "is of the kind {kind}, which the catalog does not have")?;
                nearest
            }
            Self::Setting { name, nearest } => {
                write!(f, "has the setting {}, which its kind does not have", quoted(name))?;
                nearest
            }
            Self::Port { name: Some(name), nearest } => {
                write!(f, "has the port {}, which its kind does not open", quoted(name))?;
                nearest
            }
            Self::Port { name: None, .. } => return f.write_str("has a port, and its kind opens none"),
            Self::Secret { name, nearest } => {
                write!(f, "has the secret {}, which its kind does not have", quoted(name))?;
                nearest
            }
            Self::Value { setting, value, takes, .. } => return write!(f, "has {value} for {}, which takes {takes}", setting.name),
        };
        match nearest {
            Some(near) => write!(f, "; did you mean {near}?"),
            None => Ok(()),
        }
    }
}

impl Catalog {
    /// What is wrong with the kind of a service; `None` for one that the catalog has.
    pub fn unknown_kind<'a>(&self, service: &'a Service) -> Option<Mismatch<'a>> {
        if self.of(service).is_some() {
            return None;
        }
        let nearest = nearest(&service.kind, &mut self.iter().map(|(kind, _)| kind.as_str()));
        Some(Mismatch::Kind { kind: &service.kind, nearest })
    }

    /// What a service says that its kind does not have. Of an unknown kind nothing else can be said.
    pub fn mismatches<'a>(&'a self, service: &'a Service) -> Vec<Mismatch<'a>> {
        let Some(entry) = self.of(service) else { return self.unknown_kind(service).into_iter().collect() };
        let ports = entry.unknown_ports(service);
        let settings = entry.unknown_settings(service).chain(entry.wrong_values(service));
        ports.chain(settings).chain(entry.unknown_secrets(service)).collect()
    }
}

impl Entry {
    /// The ports that a service names and its kind does not open.
    pub fn unknown_ports<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = Mismatch<'a>> {
        let main = service.port.filter(|_| self.ports.is_empty()).map(|_| Mismatch::Port { name: None, nearest: None });
        let unknown = service.ports.keys().filter(|name| !self.ports.iter().any(|port| port.name == **name));
        let found = unknown.map(|name| {
            let nearest = nearest(name, &mut self.ports.iter().map(|port| port.name.as_str()));
            Mismatch::Port { name: Some(name), nearest }
        });
        main.into_iter().chain(found)
    }

    /// The settings of a service that its kind does not have.
    pub fn unknown_settings<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = Mismatch<'a>> {
        service.settings.keys().filter(|name| self.setting(name).is_none()).map(|name| {
            let nearest = nearest(name, &mut self.settings.iter().map(|setting| setting.name.as_str()));
            Mismatch::Setting { name, nearest }
        })
    }

    /// The secrets of a service that its kind does not have.
    pub fn unknown_secrets<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = Mismatch<'a>> {
        let secrets = || self.settings.iter().filter(|setting| setting.takes == SettingType::Secret);
        let unknown = service.secrets.keys().filter(move |name| !secrets().any(|setting| setting.name == **name));
        unknown.map(move |name| Mismatch::Secret { name, nearest: nearest(name, &mut secrets().map(|setting| setting.name.as_str())) })
    }

    /// The settings of a service with values that they do not take.
    pub fn wrong_values<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = Mismatch<'a>> {
        let alone = service.settings.iter().filter_map(|(name, value)| self.setting(name)?.mismatch(value));
        alone.chain(self.settings.iter().filter_map(|setting| self.below(service, setting)))
    }

    /// What is wrong with a number that is less than another of the same service which it may not be below. Where neither is the
    /// service's own there is nothing to say.
    fn below<'a>(&'a self, service: &Service, setting: &'a Setting) -> Option<Mismatch<'a>> {
        let least = self.least(service, setting)?;
        let value = self.value(service, &setting.name)?;
        let Value::Number(number) = value else { return None };
        let takes = format!("at least the value of {}, {least}", setting.at_least.as_deref()?);
        (*number < least).then(|| Mismatch::Value { setting, value: number.to_string(), item: None, takes })
    }

    /// The least that a number of a service may be, because another number of the service says so.
    pub fn least(&self, service: &Service, setting: &Setting) -> Option<i64> {
        let name = setting.at_least.as_ref()?;
        match self.value(service, name)? {
            Value::Number(least) => Some(*least),
            _ => None,
        }
    }

    /// The folders that the settings of a service of this kind name, the catalog's own left out.
    pub fn folders<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a Setting, &'a str)> {
        let holding = self.settings.iter().filter(|setting| matches!(setting.holds, Holds::Folder | Holds::Source));
        let valued = holding.filter_map(|setting| Some((setting, service.settings.get(&setting.name)?)));
        valued.flat_map(|(setting, value)| texts(value).iter().map(move |text| (setting, text.as_str())))
    }

    /// The folders that a service works on, those that the catalog gives it included.
    pub fn used_folders<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = (&'a Setting, &'a str)> {
        let holding = self.settings.iter().filter(|setting| matches!(setting.holds, Holds::Folder | Holds::Source));
        let valued = holding.filter_map(|setting| Some((setting, self.value(service, &setting.name)?)));
        valued.flat_map(|(setting, value)| texts(value).iter().map(move |text| (setting, text.as_str())))
    }
}

/// The texts of a value.
pub(super) fn texts(value: &Value) -> &[String] {
    match value {
        Value::Text(text) => std::slice::from_ref(text),
        Value::List(texts) => texts,
        Value::Bool(_) | Value::Number(_) => &[],
    }
}

impl Setting {
    /// Where a value of a service stands, or one of its texts where it is a list.
    pub fn path(&self, item: Option<usize>) -> Path {
        let path = Path::root().field("settings").key(&self.name);
        match item {
            Some(place) => path.index(place),
            None => path,
        }
    }

    /// What is wrong with a value. A secret in the layout is another finding: its value fits.
    pub fn mismatch(&self, value: &Value) -> Option<Mismatch<'_>> {
        let quoted = |text: &str| format!("{:?}", shortened(text, QUOTED_CHARS_MAX));
        let fits = match (&self.takes, value) {
            (SettingType::Bool, Value::Bool(_)) | (SettingType::Text, Value::Text(_)) | (SettingType::List, Value::List(_)) => true,
            (SettingType::Number { min, max }, Value::Number(number)) => (min..=max).contains(&number),
            (SettingType::Choice(choices), Value::Text(text)) => choices.contains(text),
            (SettingType::Secret, _) => true,
            _ => false,
        };
        if !fits {
            let value = match value {
                Value::Text(text) => quoted(text),
                Value::List(_) => "a list".to_owned(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
            };
            return Some(Mismatch::Value { setting: self, value, item: None, takes: self.takes.to_string() });
        }
        let (place, text, takes) =
            texts(value).iter().enumerate().find_map(|(place, text)| Some((place, text, self.holds.refuses(text)?)))?;
        let item = matches!(value, Value::List(_)).then_some(place);
        Some(Mismatch::Value { setting: self, value: quoted(text), item, takes: takes.to_owned() })
    }

    /// The value that was probably meant by one that does not fit: the nearest choice or number, a word for yes or no.
    pub fn meant(&self, value: &Value) -> Option<Value> {
        match (&self.takes, value) {
            (SettingType::Number { min, max }, Value::Number(number)) => Some(Value::Number(*number.clamp(min, max))),
            (SettingType::Number { min, max }, Value::Text(text)) => {
                text.trim().parse().ok().filter(|number| (min..=max).contains(&number)).map(Value::Number)
            }
            (SettingType::Bool, Value::Text(text)) => match text.trim().to_lowercase().as_str() {
                "true" | "yes" | "on" => Some(Value::Bool(true)),
                "false" | "no" | "off" => Some(Value::Bool(false)),
                _ => None,
            },
            (SettingType::Choice(choices), Value::Text(text)) => nearest(text, &mut choices.iter().map(String::as_str)).map(Value::Text),
            (SettingType::List, Value::Text(text)) if self.holds.refuses(text).is_none() => Some(Value::List(vec![text.clone()])),
            _ => None,
        }
    }
}

impl fmt::Display for SettingType {
    /// As people are told what a setting takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("true or false"),
            Self::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Text => f.write_str("a text"),
            Self::Choice(choices) => match choices.split_last() {
                Some((last, first)) if !first.is_empty() => write!(f, "{} or {last}", first.join(", ")),
                _ => f.write_str(&choices.concat()),
            },
            Self::List => f.write_str("a list of texts"),
            Self::Secret => f.write_str("the name of a secret"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a service that is written so.
    fn said(text: &str) -> Vec<String> {
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let service: Service = options.from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Catalog::embedded().mismatches(&service).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_kind_a_setting_a_port_or_a_secret_that_is_not_there() {
        assert_eq!(said(r#"(kind: "ngimx")"#), ["is of the kind ngimx, which the catalog does not have; did you mean nginx?"]);
        assert_eq!(
            said(r#"(kind: "postgres", ports: {"x": 1})"#),
            ["is of the kind postgres, which the catalog does not have; did you mean postgresql?"]
        );
        assert_eq!(said(r#"(kind: "zzz")"#), ["is of the kind zzz, which the catalog does not have"]);
        assert_eq!(
            said(r#"(kind: "nginx", settings: {"tlss": true})"#),
            [r#"has the setting "tlss", which its kind does not have; did you mean tls?"#]
        );
        assert_eq!(
            said(r#"(kind: "nginx", ports: {"htpp": 8088})"#),
            [r#"has the port "htpp", which its kind does not open; did you mean http?"#]
        );
        assert_eq!(said(r#"(kind: "gateway", port: 80)"#), ["has a port, and its kind opens none"]);
        assert_eq!(
            said(r#"(kind: "redis", secrets: {"passwort": "x"})"#),
            [r#"has the secret "passwort", which its kind does not have; did you mean password?"#]
        );
        assert_eq!(said(r#"(kind: "redis", secrets: {"tls": "x"})"#), [r#"has the secret "tls", which its kind does not have"#]);
        assert_eq!(said(r#"(kind: "redis", port: 6380, secrets: {"password": "x"}, settings: {"persist": true})"#), [] as [&str; 0]);
    }

    #[test]
    fn a_value_that_its_setting_does_not_take() {
        let value = |kind: &str, settings: &str| said(&format!(r#"(kind: "{kind}", settings: {{{settings}}})"#)).concat();
        assert_eq!(value("nginx", r#""tls": "yes""#), r#"has "yes" for tls, which takes true or false"#);
        assert_eq!(value("haproxy", r#""check_ms": 7"#), "has 7 for check_ms, which takes a whole number from 100 to 60000");
        assert_eq!(
            value("haproxy", r#""balance": "fastest""#),
            r#"has "fastest" for balance, which takes roundrobin, leastconn or source"#
        );
        assert_eq!(value("beam", r#""names": "wide""#), r#"has "wide" for names, which takes long or short"#);
        assert_eq!(value("nfs-server", r#""exports": "/srv""#), r#"has "/srv" for exports, which takes a list of texts"#);
        assert_eq!(
            value("port-forward", r#""rules": ["80:a/b", "web:a/b"]"#),
            r#"has "web:a/b" for rules, which takes PORT:NODE/SERVICE, such as "8080:app1/web""#
        );
        for wrong in ["80", "0:a/b", "70000:a/b", "+80:a/b", "80:a", ":a/b", "80:/b"] {
            assert!(value("port-forward", &format!(r#""rules": ["{wrong}"]"#)).contains("PORT:NODE/SERVICE"), "{wrong}");
        }
        assert_eq!(value("gateway", r#""networks": ["lan"]"#), r#"has "lan" for networks, which takes subnets, such as "10.1.0.0/24""#);
        assert_eq!(
            value("encrypted-folder", r#""folder": "srv/vault""#),
            r#"has "srv/vault" for folder, which takes the path of a folder, such as "/srv/files""#
        );
        assert_eq!(value("encrypted-folder", r#""folder": "/srv/../etc""#).split(',').next(), Some(r#"has "/srv/../etc" for folder"#));
        assert_eq!(value("nginx", r#""admin_to": "web1""#), r#"has "web1" for admin_to, which takes NODE/SERVICE, such as "app1/web""#);
        assert_eq!(value("nginx", r#""admin_to": """#), "");
        assert_eq!(value("nfs-server", r#""clients": ["*", "10.0.0.0/8", "10.1.0.5", "app1"]"#), "");
        assert_eq!(value("mariadb", r#""password": "hunter2""#), "", "that is a finding of its own");
    }

    #[test]
    fn the_value_that_is_meant() {
        let meant =
            |kind: &str, setting: &str, value: Value| Catalog::embedded().get(kind).unwrap().setting(setting).unwrap().meant(&value);
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(meant("nginx", "tls", text("Yes")), Some(Value::Bool(true)));
        assert_eq!(meant("nginx", "tls", text("perhaps")), None);
        assert_eq!(meant("haproxy", "check_ms", Value::Number(7)), Some(Value::Number(100)));
        assert_eq!(meant("haproxy", "check_ms", text("500")), Some(Value::Number(500)));
        assert_eq!(meant("haproxy", "check_ms", text("500ms")), None);
        assert_eq!(meant("haproxy", "balance", text("leastcon")), Some(text("leastconn")));
        assert_eq!(meant("haproxy", "balance", text("fastest")), None);
        assert_eq!(meant("nfs-server", "exports", text("/srv")), Some(Value::List(vec!["/srv".into()])));
    }

    #[test]
    fn the_defaults_of_the_catalog_fit() {
        for (kind, entry) in Catalog::embedded().iter() {
            for setting in &entry.settings {
                let mismatch = setting.default.as_ref().and_then(|default| setting.mismatch(default));
                assert_eq!(mismatch, None, "{kind}.{}", setting.name);
                assert!(
                    !setting.holds.names() || matches!(setting.takes, SettingType::Text | SettingType::List),
                    "{kind}.{}",
                    setting.name
                );
            }
        }
    }
}
