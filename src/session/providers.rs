//! The providers of this machine: whether each can be used, and the machines that VirtualBox has.

use super::{
    Check, CheckState, ProviderId, Result, is_ready,
    progress::{call, wait},
};
use crate::{
    model::Lab,
    provider::{
        settings::{Setting, Settings},
        virtualbox::{VirtualBox, find::find, open_manage},
    },
};
use std::time::Duration;

/// How long a provider may take to say whether it can be used.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether this machine is ready for a provider, check by check.
///
/// # Errors
/// Where the system gives no runtime.
pub fn checks(provider: &ProviderId, settings: &Settings) -> Result<Vec<Check>> {
    Ok(wait(provider.doctor(settings))?)
}

/// What keeps a provider from being used, found out in a few seconds; `None`: nothing. Whether VirtualBox has an image to clone
/// depends on the layout.
pub fn hindrance(provider: &ProviderId, settings: &Settings) -> Option<String> {
    match provider {
        ProviderId::Sim => None,
        ProviderId::VirtualBox(_) => find(settings.path(Setting::VBoxManage))
            .err()
            .map(|missing| format!("VirtualBox is not found: {}. {}", missing.why, missing.next)),
        ProviderId::Incus(_) => {
            let asked = wait(async { tokio::time::timeout(ASK_TIMEOUT, provider.doctor(settings)).await });
            match asked {
                Ok(Ok(checks)) if is_ready(&checks) => None,
                Ok(Ok(checks)) => {
                    let bad = checks.into_iter().find(|check| check.state == CheckState::Bad)?;
                    Some(format!("{}. {}", bad.found, bad.next))
                }
                Ok(Err(_)) => Some("The Incus daemon does not answer. See what it says: incus info".to_owned()),
                Err(error) => Some(error.to_string()),
            }
        }
    }
}

/// Reads machines that VirtualBox has, by name or UUID, into a lab; without names all that are not a lab's. Gives also what could
/// not be known of them.
///
/// # Errors
/// Where VirtualBox is missing or fails, or has no such machine.
pub fn import_machines(host: Option<&str>, machines: &[String], settings: &Settings) -> Result<(Lab, Vec<String>)> {
    let manage = open_manage(host, settings)?;
    let imported = call(VirtualBox::import(&manage, machines))?;
    Ok((imported.lab, imported.unknown))
}
