//! What an application does with what its flows lead to, as those of the recipes do: it keeps sessions in the first store, logs in at
//! the first database that answers, and asks everything else.

use super::{
    event::Cause,
    network::{Caller, Dial},
    request::{Frame, Next, Signal},
    service::Svc,
    table::ServiceId,
    world::World,
};
use crate::{
    catalog::{Behaviour, Catalog, Entry, Partners, SettingType},
    model::{ServiceRef, ServiceSpec},
};
use serde::{Deserialize, Serialize};

/// What an application's flows lead to, by places among its needs: a store first, databases last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calls {
    /// Whether the first is a store of sessions.
    pub(super) has_store: bool,
    /// How many of the last are databases.
    pub(super) databases: usize,
}

/// A secret with which a service logs in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Login {
    at: Vec<Behaviour>,
    /// What those call it.
    theirs: String,
    /// The secret's name; `None`: the lab's own.
    secret: Option<String>,
}

/// The secrets with which a service logs in where its flows lead, as the catalog has it.
pub(super) fn logins(spec: &ServiceSpec, entry: &Entry) -> Vec<Login> {
    let secrets = entry.settings.iter().filter(|setting| setting.takes == SettingType::Secret);
    let of = secrets.flat_map(|setting| setting.agrees.iter().map(move |agreement| (setting, agreement)));
    let logins = of.filter_map(|(setting, agreement)| {
        let Partners::FlowsTo(at) = &agreement.with else { return None };
        let theirs = agreement.theirs.clone().unwrap_or_else(|| setting.name.clone());
        Some(Login { at: at.clone(), theirs, secret: spec.secrets.get(&setting.name).cloned() })
    });
    logins.collect()
}

impl World {
    /// Orders what an application needs: its store, the rest, and its databases. Only the first store is used.
    pub(super) fn order_calls(&self, service: ServiceId, needs: &mut Vec<usize>) -> Calls {
        let row = &self.services[service];
        let behaviour = |upstream: &usize| {
            let upstream = row.spec.as_ref()?.upstreams.get(*upstream)?;
            let known = upstream.kind.as_ref().and_then(|kind| Catalog::embedded().get(kind)).map(|entry| entry.behaviour);
            known.or_else(|| Some(self.services[self.service_at(&upstream.to.parse::<ServiceRef>().ok()?)?].behaviour))
        };
        let is_store = |upstream: &usize| behaviour(upstream) == Some(Behaviour::Cache);
        let is_database = |upstream: &usize| match behaviour(upstream) {
            Some(Behaviour::Database | Behaviour::Galera) => true,
            // What a balancer leads to speaks HTTP, or is a database.
            Some(Behaviour::Balancer) => true,
            _ => false,
        };
        let store = needs.iter().position(is_store);
        let first = store.and_then(|place| needs.get(place).copied());
        let (databases, others): (Vec<usize>, Vec<usize>) =
            needs.iter().filter(|upstream| !is_store(upstream)).partition(|it| is_database(it));
        let calls = Calls { has_store: first.is_some(), databases: databases.len() };
        *needs = first.into_iter().chain(others).chain(databases).collect();
        calls
    }

    /// An application: its store, whose absence costs sessions only, all that is neither store nor database, and the first database that
    /// takes its connection.
    pub(super) fn use_all(&self, frame: &mut Frame, signal: Signal) -> Next {
        let row = &self.services[frame.service];
        let first_database = row.needs.len().saturating_sub(row.calls.databases);
        let is_database = frame.upstream >= first_database;
        let is_last = frame.upstream + 1 >= row.needs.len();
        match signal.result() {
            None => {}
            Some(Ok(())) if is_database => frame.upstream = row.needs.len(),
            Some(Ok(())) => frame.upstream += 1,
            Some(Err(_)) if row.calls.has_store && frame.upstream == 0 => frame.upstream += 1,
            Some(Err(_)) if is_database && !is_last && is_unconnected(signal) => frame.upstream += 1,
            Some(Err(cause)) => return Next::Answer(Err(cause)),
        }
        match row.needs.get(frame.upstream) {
            Some(upstream) => Next::Call(*upstream),
            // It writes with each request: databases that only read are of no use to it.
            None if frame.asked && !frame.wrote => Next::Answer(Err(Cause::ReadOnly)),
            None => Next::Answer(Ok(())),
        }
    }

    /// The applications that keep their sessions in a service.
    pub(super) fn users_of(&self, store: ServiceId) -> Vec<ServiceRef> {
        let name = self.reference(store).to_string();
        let uses = |row: &Svc| {
            let first = row.needs.first().filter(|_| row.calls.has_store);
            first.and_then(|upstream| row.spec.as_ref()?.upstreams.get(*upstream)).is_some_and(|upstream| upstream.to == name)
        };
        self.services.iter().filter(|(_, row)| row.is_installed() && uses(row)).map(|(id, _)| self.reference(id)).collect()
    }

    /// Whether a service that keeps data takes the login of the application that asks it, directly or through a balancer.
    pub(super) fn takes_login(&self, frames: &[Frame], service: ServiceId) -> Result<(), Cause> {
        if !keeps_accounts(&self.services[service]) {
            return Ok(());
        }
        let app = frames.iter().rev().find(|frame| self.services[frame.service].behaviour == Behaviour::App);
        app.map_or(Ok(()), |frame| self.logs_in(frame.service, service))
    }

    fn logs_in(&self, from: ServiceId, to: ServiceId) -> Result<(), Cause> {
        let there = &self.services[to];
        let login = self.services[from].logins.iter().find(|login| login.at.contains(&there.behaviour));
        let held = |login: &Login| there.spec.as_ref().and_then(|spec| spec.secrets.get(&login.theirs)).cloned();
        if login.is_some_and(|login| login.secret != held(login)) { Err(Cause::LoginRefused) } else { Ok(()) }
    }

    /// The same of what answered a call, for its health: where that is a balancer that passes bytes on, of the first of its servers.
    pub(super) fn login_gap(&self, from: ServiceId, to: ServiceId) -> Result<(), Cause> {
        let row = &self.services[to];
        let data = match row.behaviour {
            _ if self.services[from].logins.is_empty() => None,
            Behaviour::Balancer if row.passes_bytes => {
                let at = row.spec.as_ref().and_then(|spec| spec.upstreams.first()).map(|upstream| upstream.at);
                at.and_then(|at| match self.dial(Caller::Machine(row.machine), at) {
                    Dial::Open { service, .. } => Some(service),
                    Dial::Refused(_) | Dial::Unreachable(_) | Dial::Silent(_) => None,
                })
            }
            _ => Some(to),
        };
        data.filter(|data| keeps_accounts(&self.services[*data])).map_or(Ok(()), |data| self.logs_in(from, data))
    }

    /// Which of an application's needs stand in for each other: it wants one of its databases, the first that takes its connection.
    pub(super) fn databases_gap(&self, service: ServiceId) -> Option<super::event::Why> {
        let row = &self.services[service];
        let databases = row.needs.get(row.needs.len().saturating_sub(row.calls.databases)..).unwrap_or_default();
        let mut gap = None;
        for upstream in databases {
            let why = self.upstream_gap(service, *upstream)?;
            // One that takes the connection and refuses the work is the one that it has.
            if matches!(why.cause, Cause::NonPrimary | Cause::Transferring | Cause::Stalled) {
                return Some(why);
            }
            gap = Some(why);
        }
        gap
    }
}

fn keeps_accounts(row: &Svc) -> bool {
    matches!(row.behaviour, Behaviour::Galera | Behaviour::Database | Behaviour::Cache)
}

/// Whether a call of a database came to no connection that can be used, so that the next one is tried.
fn is_unconnected(signal: Signal) -> bool {
    match signal {
        Signal::Unreached(_) | Signal::Late(_) => true,
        Signal::Answered(Err(cause)) => matches!(cause, Cause::Lost | Cause::LoginRefused | Cause::Refused),
        Signal::Enter | Signal::Answered(Ok(())) => false,
    }
}
