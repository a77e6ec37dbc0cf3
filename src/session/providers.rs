//! The providers of this machine: whether each can be used, and the machines that VirtualBox has.

use super::{
    Check, CheckState, ProviderId, Result, is_ready,
    progress::{call, wait},
};
use crate::{
    model::Lab,
    provider::{
        incus,
        virtualbox::{self, VirtualBox, open_manage},
    },
};
use std::time::Duration;

/// How long a provider may take to say whether it can be used.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether this machine is ready for a provider, check by check.
///
/// # Errors
/// Where the system gives no runtime.
pub fn checks(provider: &ProviderId) -> Result<Vec<Check>> {
    Ok(match provider {
        ProviderId::Sim => vec![Check::good("simulator", "it is built in and needs nothing")],
        ProviderId::Incus(remote) => wait(incus::doctor(remote.as_deref(), &incus::Settings::of_environment()))?,
        ProviderId::VirtualBox(host) => wait(virtualbox::doctor::doctor(host.as_deref(), &[]))?,
    })
}

/// What keeps a provider from being used, found out in a few seconds; `None`: nothing. Whether VirtualBox has an image to clone
/// depends on the layout.
pub fn hindrance(provider: &ProviderId) -> Option<String> {
    match provider {
        ProviderId::Sim => None,
        ProviderId::VirtualBox(_) => {
            virtualbox::find::find().err().map(|missing| format!("VirtualBox is not found: {}. {}", missing.why, missing.next))
        }
        ProviderId::Incus(remote) => {
            let asked = wait(async {
                let settings = incus::Settings::of_environment();
                tokio::time::timeout(ASK_TIMEOUT, incus::doctor(remote.as_deref(), &settings)).await
            });
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
pub fn import_machines(host: Option<&str>, machines: &[String]) -> Result<(Lab, Vec<String>)> {
    let manage = open_manage(host)?;
    let imported = call(VirtualBox::import(&manage, machines))?;
    Ok((imported.lab, imported.unknown))
}
