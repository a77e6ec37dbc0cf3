//! Secrets: kept for this user alone, made once, and never in arguments, metadata, logs, progress or errors.

use super::super::{
    act,
    fakes::{
        Trouble,
        bench::{Bench, Blind, still},
        host::Host,
    },
};
use crate::{
    catalog::SecretForm,
    layout::templates,
    model::Power,
    plan::{Action, fixture},
    provider::Done,
};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::mpsc;

const SECRETS_FILE: &str = "secrets.json";

/// The lines of all secrets of a lab: passwords and private keys, without public halves and certificates.
fn secrets(bench: &Bench) -> BTreeSet<String> {
    let store: Value = serde_json::from_slice(&bench.core.folder.read(SECRETS_FILE).unwrap().unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let passwords = store["secrets"].as_object().unwrap().values().map(|one| text(&one["value"]));
    let keys = store["certificates"].as_object().unwrap().values().map(|one| text(&one["key"]));
    let all: Vec<String> = passwords.chain(keys).chain([text(&store["authority"]["key"])]).collect();
    // The first and the last line of a key are the same in all of them.
    all.iter().flat_map(|secret| secret.lines()).filter(|line| line.len() >= 8 && !line.starts_with("-----")).map(str::to_owned).collect()
}

fn assert_none_in(secrets: &BTreeSet<String>, what: &str, text: &str) {
    for secret in secrets {
        assert!(
            !text.contains(secret.as_str()),
            "{what} has a secret: {}",
            text.lines().find(|line| line.contains(secret.as_str())).unwrap()
        );
    }
}

/// Everything but the file of secrets.
fn state_without_secrets(bench: &Bench) -> String {
    let store = String::from_utf8(bench.core.folder.read(SECRETS_FILE).unwrap().unwrap()).unwrap();
    bench.state().replace(&store, "")
}

/// Each step of a deployment on nodes that print all that they read, once with the script's last call refused and once without. Gives
/// progress and errors.
async fn deployed_in_public(bench: &Bench) -> String {
    let mut said = String::new();
    for step in bench.plan().steps {
        let last_call = match step.action {
            Action::InstallService { .. } => Some("service_kept"),
            Action::StartService { .. } => Some("service_started"),
            Action::SetVip { .. } => Some("keepalived_on"),
            _ => None,
        };
        for refuses in last_call.into_iter().map(Some).chain([None]) {
            for there in bench.machines.host().machines.values_mut() {
                (there.guest.is_talkative, there.guest.refuses) = (true, refuses);
            }
            let (says, mut progress) = mpsc::channel(1024);
            match act::act(Arc::clone(&bench.core), Arc::new(Blind), step.action.clone(), says).await {
                Ok(_) => {}
                Err(error) => said.push_str(&format!("{error} {}\n", error.next)),
            }
            while let Some(text) = progress.recv().await {
                said.push_str(&text);
                said.push('\n');
            }
        }
    }
    said
}

#[test]
fn no_request_log_or_error_of_a_shipped_layout_has_a_secret() {
    still(async {
        for template in templates() {
            let bench = Bench::on(Host::default(), template.lab);
            let said = deployed_in_public(&bench).await;
            assert_eq!(bench.drift(), Vec::<String>::new(), "{}", template.name);
            let secrets = secrets(&bench);
            assert!(!secrets.is_empty(), "{}", template.name);
            let open: Vec<String> = bench.machines.calls().all.iter().map(|call| call.open.clone()).collect();
            assert_none_in(&secrets, "an argument, an action or metadata", &open.join("\n"));
            assert_none_in(&secrets, "progress or an error", &said);
            let logs = state_without_secrets(&bench);
            assert_none_in(&secrets, "a log", &logs);
            assert!(logs.contains("********"), "{}: nodes printed secrets, which were struck out", template.name);
        }
    });
}

#[test]
fn a_lab_has_its_secrets_for_good_and_another_lab_has_others() {
    still(async {
        let bench = Bench::deployed().await;
        let before = secrets(&bench);
        let bench = bench.reopened();
        bench.machines.with("lb", |there| there.notes.clear());
        bench.deploy().await;
        assert_eq!(secrets(&bench), before, "a second process uses the same");
        let other = Bench::new();
        other.deploy().await;
        assert_eq!(secrets(&other).intersection(&before).count(), 0);
    });
}

#[test]
fn a_secret_that_could_not_be_written_is_never_used() {
    still(async {
        let bench = Bench::new();
        // A folder stands where the file goes, as if the disk refused.
        let path = bench.core.folder.path().join(SECRETS_FILE);
        bench.core.start_clock().unwrap();
        assert!(bench.core.secret("a", SecretForm::Password).is_ok());
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir_all(path.join("in the way")).unwrap();
        for _ in 0..2 {
            let error = bench.core.secret("b", SecretForm::Password).unwrap_err();
            assert!(!error.next.is_empty());
        }
        std::fs::remove_dir_all(&path).unwrap();
        let lost = bench.core.secret("b", SecretForm::Password).unwrap_err();
        assert!(lost.why.contains("it is missing"), "{lost}");
        bench.core.locked(|locked| locked.write(SECRETS_FILE, &good)).unwrap();
        let made = bench.core.secret("b", SecretForm::Password).unwrap();
        let bench = bench.reopened();
        assert_eq!(bench.core.secret("b", SecretForm::Password).unwrap(), made, "the next process finds the same");
    });
}

#[test]
fn a_file_of_secrets_that_cannot_be_read_is_no_empty_one() {
    still(async {
        let bench = Bench::deployed().await.reopened();
        let garbage = br#"{"version":1,"secrets":{"a":{"value":"HIDDENHIDDEN"#;
        bench.core.locked(|locked| locked.write(SECRETS_FILE, garbage)).unwrap();
        let action = Action::SetVip {
            node: "db1".parse().unwrap(),
            vip: "database".parse().unwrap(),
            spec: bench.wanted.vips.values().next().unwrap().clone(),
        };
        let error = bench.act(&action).await.unwrap_err();
        assert!(error.to_string().contains(SECRETS_FILE) && !error.to_string().contains("HIDDEN"), "{error}");
        assert_eq!(bench.core.folder.read(SECRETS_FILE).unwrap().unwrap(), garbage, "it is left as it is");
    });
}

#[test]
fn a_log_is_kept_of_a_step_that_failed_and_replaced_when_it_runs_again() {
    still(async {
        let bench = Bench::deployed().await;
        let start = Action::StartService { node: "db1".parse().unwrap(), service: "galera".parse().unwrap(), bootstrap: false };
        let path = bench.core.folder.path().join("logs/db1/start-galera.log");
        bench.machines.with("db1", |there| there.guest.refuses = Some("service_ready"));
        let error = bench.act(&start).await.unwrap_err();
        assert!(error.next.contains(path.to_str().unwrap()), "{}", error.next);
        let log = std::fs::read_to_string(&path).unwrap();
        assert!(log.contains("failed: it does not take"), "{log}");
        bench.machines.fail_next("stream", Trouble::Refused);
        bench.act(&start).await.unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "", "also where nothing was heard");
        bench.machines.no_trouble();
        bench.machines.with("db1", |there| there.guest.refuses = None);
        assert_eq!(bench.act(&start).await, Ok(Done::AlreadySo));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "# nothing to change\n");
        assert_eq!(bench.machines.with("db1", |there| there.power), Power::Running);
        assert_eq!(fixture::mini_cloud().nodes.len(), bench.seen().nodes.len());
    });
}
