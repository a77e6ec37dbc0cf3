//! Services: install, start, reconfigure, remove, each as one script that can be run twice.
//!
//! What a change asks for is kept on the node until it is done: a script that was cut off is made good by the next one.

use super::{
    Place, ProvisionError, Script, firewall,
    scene::{Setup, opened},
    script::Draft,
    slug,
};
use crate::{
    catalog::{Landing, OnChange, Port, Protocol, Scripts},
    model::{Relation, ServiceName},
};
use std::net::Ipv4Addr;

/// Where a node keeps what it must know of its services.
pub const SERVICES_FOLDER: &str = "/var/lib/sandtable/services";

/// How long packages and files may take, in seconds.
const INSTALL_SECS: u32 = 900;
/// How long a service that is ready may take until it listens, in seconds.
const LISTEN_SECS: u32 = 15;
/// What a script may take beyond the waiting that its recipe asks for, in seconds.
const SLACK_SECS: u32 = 180;

/// Whether a service is the first of its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// It is: it begins the cluster.
    First,
    /// It joins, or is alone.
    Next,
}

/// Packages, folders, files, settings, checks and the firewall; not started.
///
/// # Errors
/// Where the recipe cannot do it with these values.
pub fn install(setup: &Setup<'_>) -> Result<Script, ProvisionError> {
    let mut draft = Draft::new();
    put_up(setup, &mut draft)?;
    Ok(draft.finish(format!("install {}", setup.service), INSTALL_SECS))
}

/// Starts it and waits until it is ready and listens where it is drawn.
///
/// # Errors
/// As [`install`].
pub fn start(setup: &Setup<'_>, how: As) -> Result<Script, ProvisionError> {
    let mut draft = Draft::new();
    home(setup.service, &mut draft);
    let secs = begin_it(setup, how, &mut draft)?;
    Ok(draft.finish(format!("start {}", setup.service), secs))
}

/// As [`install`], then restarts it, reloads it or leaves it alone, as what changed asks for.
///
/// # Errors
/// As [`install`].
pub fn reconfigure(setup: &Setup<'_>) -> Result<Script, ProvisionError> {
    let mut draft = Draft::new();
    put_up(setup, &mut draft)?;
    let secs = begin_it(setup, As::Next, &mut draft)?;
    Ok(draft.finish(format!("reconfigure {}", setup.service), INSTALL_SECS + secs))
}

/// Promotes a replica while it runs, then as [`reconfigure`] with the files of a primary; without a restart, because the script of the
/// recipe has changed the running server already.
///
/// # Errors
/// As [`install`].
pub fn promote(setup: &Setup<'_>, template: &str) -> Result<Script, ProvisionError> {
    let mut draft = Draft::new();
    home(setup.service, &mut draft);
    keep(setup, "promote", Some(template), &mut draft)?;
    draft.lines("service_owes");
    draft.call("run", ["promote"]);
    put_up(setup, &mut draft)?;
    draft.lines("service_promoted");
    let secs = begin_it(setup, As::Next, &mut draft)?;
    Ok(draft.finish(format!("promote {}", setup.service), INSTALL_SECS + secs))
}

/// Stops it and takes away what it left. Without a setup, what the node itself knows of it goes: its units and files.
///
/// # Errors
/// As [`install`].
pub fn remove(service: &ServiceName, setup: Option<&Setup<'_>>) -> Result<Script, ProvisionError> {
    let mut draft = Draft::new();
    home(service, &mut draft);
    if let Some(setup) = setup {
        keep(setup, "remove", setup.folder.recipe.scripts.remove.as_deref(), &mut draft)?;
    }
    draft.lines("service_remove");
    draft.call("gone", [fragment(service).as_str(), "nothing"]);
    draft.call("rm", ["-rf", &format!("{}/{}", super::scene::TLS_FOLDER, slug(service))]);
    draft.lines("firewall");
    Ok(draft.finish(format!("remove {service}"), INSTALL_SECS))
}

/// The script of a recipe by itself, such as `position`; `None` where the recipe has none.
///
/// # Errors
/// As [`install`].
pub fn value(setup: &Setup<'_>, name: &'static str, template: Option<&str>) -> Result<Option<Script>, ProvisionError> {
    if template.is_none() {
        return Ok(None);
    }
    let mut draft = Draft::new();
    home(setup.service, &mut draft);
    keep(setup, name, template, &mut draft)?;
    draft.call("value_of", [name]);
    Ok(Some(draft.finish(format!("{name} of {}", setup.service), INSTALL_SECS)))
}

/// A command for a shell that ends with 0 where a service has worked once. Labs of before the file have only the other.
pub fn has_started(service: &ServiceName) -> String {
    let home = format!("{SERVICES_FOLDER}/{}", slug(service));
    format!("[ -e {home}/started ] || [ -e {home}/after-done ]")
}

/// What [`ask_health`] prints before the exit code.
pub const HEALTH: &str = "::health ";

/// How long a health script may take before its service counts as one that does not work, in seconds.
const HEALTH_SECS: u32 = 15;

/// A command for a shell that prints [`HEALTH`] and the exit code of a service's health script: 124 where that hangs.
pub fn ask_health(service: &ServiceName) -> String {
    let health = format!("{SERVICES_FOLDER}/{}/health", slug(service));
    format!(
        "if [ -e {health} ]; then timeout {HEALTH_SECS} sh {health} >/dev/null 2>&1 </dev/null; echo \"{HEALTH}$?\"; else echo '{HEALTH}1'; fi\n"
    )
}

/// Stops a service, hard where it does not listen.
pub fn stop(service: &ServiceName) -> Script {
    let mut draft = Draft::new();
    home(service, &mut draft);
    draft.lines("units_stop");
    draft.finish(format!("stop {service}"), SLACK_SECS)
}

/// Its units, the main one first.
///
/// # Errors
/// As [`install`].
pub fn units(setup: &Setup<'_>) -> Result<Vec<String>, ProvisionError> {
    Ok(setup.unit()?.into_iter().chain(setup.family()?.more_units.iter().cloned()).collect())
}

fn home(service: &ServiceName, draft: &mut Draft) {
    draft.set("home", &format!("{SERVICES_FOLDER}/{}", slug(service)));
}

fn fragment(service: &ServiceName) -> String {
    format!("{}/service-{}.nft", firewall::FOLDER, slug(service))
}

/// Everything before the start.
fn put_up(setup: &Setup<'_>, draft: &mut Draft) -> Result<(), ProvisionError> {
    let family = setup.family()?;
    let (recipe, scripts) = (&setup.folder.recipe, &setup.folder.recipe.scripts);
    home(setup.service, draft);
    draft.lines("service_begin");
    draft.call("packages", &family.packages);
    if !family.masks.is_empty() {
        draft.call("masked", &family.masks);
    }
    kernel(setup, draft);
    certificate(setup, draft);
    files(setup, draft)?;
    let units = units(setup)?.iter().map(|unit| format!("{unit}\n")).collect::<String>();
    let name = format!("{}\n", setup.service);
    let home = format!("{SERVICES_FOLDER}/{}", slug(setup.service));
    draft.call_with("put", [&format!("{home}/units"), "0600", "root:root", "nothing"], &units);
    draft.call_with("put", [&format!("{home}/name"), "0600", "root:root", "nothing"], &name);
    primary(setup, &home, draft);
    for (name, template) in [("health", &scripts.health), ("facts", &scripts.facts)] {
        if keep(setup, name, template.as_deref(), draft)? {
            draft.call("observed_by", [name]);
        } else {
            draft.call("gone", [format!("{home}/{name}").as_str(), "nothing"]);
        }
    }
    for (name, template) in [("setup", &scripts.setup), ("check", &scripts.check)] {
        if keep(setup, name, template.as_deref(), draft)? {
            draft.call("run", [name]);
        }
    }
    draft.lines("service_kept");
    let passing = match &recipe.firewall {
        Some(template) => Some(setup.renderer().file(template, Landing::Plain, &setup.scene()?)?),
        None => None,
    };
    let rules = firewall::service(setup.place, setup.catalog, setup.spec, passing.as_deref());
    draft.call_with("put", [fragment(setup.service).as_str(), "0600", "root:root", "nothing"], &rules);
    draft.lines("firewall");
    Ok(())
}

/// Notes what it copies from: where that changes, the running server is told by `after`, whether a file of its own changes or not.
fn primary(setup: &Setup<'_>, home: &str, draft: &mut Draft) {
    let path = format!("{home}/primary");
    match setup.spec.peers.iter().find(|peer| peer.relation == Relation::Primary) {
        Some(peer) => draft.call_with("put", [path.as_str(), "0600", "root:root", "after"], &format!("{} {}\n", peer.at, peer.address)),
        None => draft.call("gone", [path.as_str(), "after"]),
    }
}

/// Settings of the kernel that follow from what the service is.
fn kernel(setup: &Setup<'_>, draft: &mut Draft) {
    let named = |at: &std::net::SocketAddrV4| !at.ip().is_unspecified() && !at.ip().is_loopback();
    if setup.spec.listen.values().flatten().any(named) {
        // A VIP is not always here, and at a node's start a service may be quicker than the address that it listens on: most
        // (nginx, MariaDB, Redis …) end for good where they cannot bind.
        draft.call("kernel", ["net.ipv4.ip_nonlocal_bind", "1"]);
    }
}

fn certificate(setup: &Setup<'_>, draft: &mut Draft) {
    let Some(certificate) = &setup.values.certificate else { return };
    let folder = format!("{}/{}", super::scene::TLS_FOLDER, slug(setup.service));
    let owner = setup.folder.recipe.certificate_owner.as_str();
    draft.call("folder", [folder.as_str(), "0755", "root:root"]);
    let bundle = format!("{}{}", certificate.certificate, certificate.key);
    for (name, mode, owner, text) in [
        ("authority", "0644", "root:root", &certificate.authority),
        ("certificate", "0644", "root:root", &certificate.certificate),
        ("key", "0640", owner, &certificate.key),
        ("bundle", "0640", owner, &bundle),
    ] {
        draft.call_with("put", [&format!("{folder}/{name}.pem"), mode, owner, "restart"], text);
    }
}

fn files(setup: &Setup<'_>, draft: &mut Draft) -> Result<(), ProvisionError> {
    let (renderer, scene, recipe) = (setup.renderer(), setup.scene()?, &setup.folder.recipe);
    for folder in &recipe.folders {
        if renderer.holds(folder.when.as_deref(), &scene)? {
            draft.call("folder", [&checked(setup, renderer.text(&folder.path, &scene)?)?, &folder.mode, &folder.owner]);
        }
    }
    for file in &recipe.files {
        let path = checked(setup, renderer.text(&file.to, &scene)?)?;
        let what = match file.on_change {
            OnChange::Restart => "restart",
            OnChange::Reload => "reload",
            OnChange::Nothing => "nothing",
        };
        if !renderer.holds(file.when.as_deref(), &scene)? {
            draft.call("gone", [path.as_str(), what]);
            continue;
        }
        let text = if file.verbatim {
            let missing = || ProvisionError::recipe(&setup.spec.kind, format!("{} is not in its folder", file.template));
            setup.folder.templates.get(&file.template).cloned().ok_or_else(missing)?
        } else {
            renderer.file(&file.template, file.landing, &scene)?
        };
        draft.call_with("put", [path.as_str(), &file.mode, &file.owner, what], &text);
    }
    Ok(())
}

/// A path that a value made part of must not lead elsewhere.
fn checked(setup: &Setup<'_>, path: String) -> Result<String, ProvisionError> {
    if path.starts_with('/') && !path.ends_with('/') && path.split('/').all(|part| part != "..") {
        return Ok(path);
    }
    Err(ProvisionError::recipe(&setup.spec.kind, format!("{path:?} is no path of a file")))
}

/// Carries a script of the recipe; `false` where there is none.
fn keep(setup: &Setup<'_>, name: &'static str, template: Option<&str>, draft: &mut Draft) -> Result<bool, ProvisionError> {
    let Some(template) = template else { return Ok(false) };
    let text = setup.renderer().file(template, Landing::Sh, &setup.scene()?)?;
    draft.call_with("keep", [name], &text);
    Ok(true)
}

/// The start and all that waits for it. Gives the seconds that it may take.
fn begin_it(setup: &Setup<'_>, how: As, draft: &mut Draft) -> Result<u32, ProvisionError> {
    let recipe = &setup.folder.recipe;
    let Scripts { start, bootstrap, ready, after, .. } = &recipe.scripts;
    for (name, template) in [("start", start), ("bootstrap", bootstrap), ("ready", ready), ("after", after)] {
        keep(setup, name, template.as_deref(), draft)?;
    }
    let secs = recipe.ready_secs.to_string();
    draft.call("service_start", [if how == As::First { "first" } else { "next" }, &secs]);
    draft.call("service_ready", [&secs]);
    let listens = setup.renderer().holds(recipe.listens.as_deref(), &setup.scene()?)?;
    for (protocol, number, addresses) in sockets(setup).into_iter().filter(|_| listens) {
        let word = if protocol == Protocol::Udp { "udp" } else { "tcp" };
        let fixed = [LISTEN_SECS.to_string(), word.to_owned(), number.to_string()];
        draft.call("service_listens", fixed.into_iter().chain(addresses.iter().map(ToString::to_string)));
    }
    draft.call("service_after", [&secs]);
    draft.lines("service_started");
    Ok(recipe.ready_secs.saturating_mul(3).saturating_add(SLACK_SECS))
}

/// The main port's socket, where something of ours is to listen there: addresses of the node's own, for a VIP may be elsewhere.
fn sockets(setup: &Setup<'_>) -> Vec<(Protocol, u16, Vec<Ipv4Addr>)> {
    let main = setup.catalog.get(&setup.spec.kind).and_then(|entry| entry.ports.first());
    let is_main = |port: &Port| main.is_some_and(|main| main.name == port.name) && !port.shared;
    let own = own_addresses(setup.place);
    let main = opened(setup.catalog, setup.spec).into_iter().find(|(port, _)| is_main(port));
    let Some((port, sockets)) = main.filter(|_| units(setup).is_ok_and(|units| !units.is_empty())) else { return Vec::new() };
    let Some(number) = sockets.first().map(|at| at.port()) else { return Vec::new() };
    let addresses: Vec<Ipv4Addr> = sockets.iter().map(|at| *at.ip()).filter(|address| own.contains(address)).collect();
    if addresses.is_empty() { Vec::new() } else { vec![(port.protocol, number, addresses)] }
}

fn own_addresses(place: Place<'_>) -> Vec<Ipv4Addr> {
    place.addresses().chain([Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED]).collect()
}
