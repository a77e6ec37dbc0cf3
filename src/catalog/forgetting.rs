//! What a service loses as its process ends.

use super::{Entry, sockets::is_on};
use crate::model::ServiceSpec;
use serde::{Deserialize, Serialize};

/// When a service loses what it keeps as its process ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forgetting {
    /// It keeps it on disk, or keeps nothing.
    #[default]
    Never,
    /// It keeps it in memory only.
    Always,
    /// It keeps it in memory only, unless this setting is on.
    Unless(String),
}

impl Entry {
    /// Whether a service of this kind loses what it keeps as its process ends. A replica copies it again.
    pub fn forgets_all(&self, spec: &ServiceSpec) -> bool {
        let in_memory = match &self.forgets {
            Forgetting::Never => false,
            Forgetting::Always => true,
            Forgetting::Unless(setting) => !is_on(spec, setting),
        };
        in_memory && spec.replica_of.is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::{catalog::Catalog, model::Value};

    #[test]
    fn what_is_in_memory_only_is_lost_unless_it_is_written() {
        let forgets = |kind: &str, persist: bool| {
            let mut spec = crate::testing::service(kind);
            spec.settings.insert("persist".to_owned(), Value::Bool(persist));
            Catalog::embedded().get(kind).unwrap().forgets_all(&spec)
        };
        assert_eq!([forgets("redis", false), forgets("redis", true), forgets("memcached", true)], [true, false, true]);
        assert!(!forgets("mariadb", false));
    }
}
