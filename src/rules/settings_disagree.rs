//! Two services that must have the same setting have different ones.
//!
//! ## Why
//! Some settings are one agreement at two places: the password with which an application logs in is the one that its
//! database knows; members of a cluster all use TLS or none does, and wait equally long before they give up a member;
//! partners of a file sync keep the same folder. The catalog says which. Where the two differ, each service starts, and
//! together they do not work.
//!
//! Sources: MariaDB documentation, Galera Cluster, `socket.ssl` and the `evs.*` parameters; Erlang reference manual,
//! Distributed Erlang.
//!
//! ## Example
//! `app1/todo` names the secret `todo-keys` as its `password`, and `db1/db`, where its flow leads, names `todo-key`.
//!
//! ## Do this instead
//! Give both the same value. For a secret, name the same one.

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "settings-disagree";

    fn grove(first: &str, third: &str) -> crate::model::Lab {
        let member = |name: &str, kind: &str, with: &str| format!(r#""{name}": (role: database, services: {{"g": (kind: "{kind}", cluster: "grove"{with})}}),"#);
        lab(&format!(
            r#"(name: "x", nodes: {{{}{}{}}})"#,
            member("ash", "galera", first),
            member("elm", "galera", ""),
            member("oak", "garbd", third)
        ))
    }

    #[test]
    fn members_of_a_cluster() {
        check(CODE, &grove("", ""), &[]);
        let timers = grove(r#", settings: {"suspect_ms": 3500}"#, "");
        let said = "ash/g has suspect_ms 3500, others of grove have suspect_ms 2000: the member that waits longest stalls all when one fails";
        // Of two, the first is what the others are compared with.
        check(CODE, &timers, &[&said.replace("ash/g has suspect_ms 3500, others of grove have suspect_ms 2000", "elm/g has suspect_ms 2000, others of grove have suspect_ms 3500")]);
        assert_eq!(fixes(CODE, &timers), ["Use suspect_ms 3500 in all of grove"]);
        let password = grove(r#", secrets: {"password": "a"}"#, "");
        check(CODE, &password, &["elm/g has no password, others of grove have the password a: accounts are replicated, so one password is written over the other"]);
        assert_eq!(fixes(CODE, &password), ["Use the password a in all of grove"]);
        let tls = grove("", r#", settings: {"tls": true}"#);
        check(CODE, &tls, &["oak/g has tls true, others of grove have tls false: they do not connect, because one waits for TLS and the other speaks in clear text"]);
        assert_eq!(fixes(CODE, &tls), ["Use tls true in all of grove", "Use tls false in all of grove"]);
    }

    fn login(own: &str, theirs: &str, to: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "app": (role: app, services: {{"todo": (kind: "todo"{own})}}),
                "db": (role: database, services: {{"sql": (kind: "mariadb"{theirs})}}),
            }}, vips: {{"v": (address: "10.1.0.9", network: "lan", id: 1, follows: "sql", holders: [(node: "db", priority: 100)])}}, flows: [(from: "app/todo", to: "{to}")])"#
        ))
    }

    #[test]
    fn both_ends_of_a_login() {
        let named = |name: &str| format!(r#", secrets: {{"password": "{name}"}}"#);
        for to in ["db/sql", "vip:v"] {
            let wrong = login(&named("keys"), &named("key"), to);
            check(CODE, &wrong, &["app/todo has the password keys, db/sql has the password key: the database refuses the login"]);
            assert_eq!(fixes(CODE, &wrong), ["Use the password key in app/todo", "Use the password keys in db/sql"]);
            check(CODE, &login(&named("key"), &named("key"), to), &[]);
            check(CODE, &login("", "", to), &[]);
            check(CODE, &login(&named("key"), "", to), &["app/todo has the password key, db/sql has no password: the database refuses the login"]);
        }
    }

    #[test]
    fn each_agreement_has_a_rule() {
        for (kind, entry) in Catalog::embedded().iter() {
            for setting in &entry.settings {
                for agreement in &setting.agrees {
                    let rule = crate::rules::rule(&agreement.rule);
                    assert!(rule.is_some_and(|rule| matches!(rule.check, crate::rules::Check::Between(..))), "{kind}.{}", setting.name);
                }
            }
        }
    }
}
