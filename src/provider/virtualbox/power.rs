//! Power and snapshots. What counts is the state that is seen afterwards.

use super::{
    VirtualBox, cannot,
    command::{Patience, Place},
    error::{CallError, Kind},
    names,
    shape::WayKind,
    sight::{self, Seen},
};
use crate::{
    catalog::Protocol,
    model::{NodeName, Power},
    provider::{Done, ProviderError},
};
use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

/// How often a state is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a machine may stay locked after its end, and how long it may take to begin.
const SETTLE: Duration = Duration::from_secs(60);

/// Whether nothing is being done to a machine any more: no snapshot is taken or merged, and whoever did so has let it go.
fn is_calm(info: &super::parse::Info) -> bool {
    match info.state.as_str() {
        // What runs is held by the process that runs it.
        "running" | "paused" => true,
        "poweroff" | "saved" | "aborted" => !info.is_locked,
        _ => false,
    }
}

/// Whether another program of this machine listens at a TCP port.
pub(super) fn is_taken(address: Ipv4Addr, port: u16) -> bool {
    TcpListener::bind((address, port)).is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

impl VirtualBox {
    async fn waited(&self, uuid: &str, at_most: Duration, is_so: impl Fn(&super::parse::Info) -> bool) -> Result<bool, CallError> {
        let started = Instant::now();
        loop {
            if is_so(&self.info(uuid).await?) {
                return Ok(true);
            }
            if started.elapsed() >= at_most {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) async fn seen_node(&self, node: &NodeName, what: &str) -> Result<Seen, ProviderError> {
        let seen = self.see(&self.uuid(node)).await.map_err(|error| self.failed(what, Some(node), &error))?;
        seen.ok_or_else(|| cannot(what, Some(node), format!("{node} does not exist"), "Deploy the lab"))
    }

    /// Turns a machine on and waits until it takes commands.
    pub(super) async fn power_on(&self, node: &NodeName, says: &(dyn Fn(&str) + Send + Sync)) -> Result<Done, ProviderError> {
        let what = format!("turn {node} on");
        let uuid = self.uuid(node);
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let mut seen = self.seen_node(node, &what).await?;
        let was = seen.power();
        if was != Power::Running {
            let _lock = self.manage.machine(&uuid).await;
            if was == Power::Paused {
                self.manage.call(&["controlvm", &uuid, "resume"], Patience::Short).await.map_err(failed)?;
            } else {
                self.start(node, &mut seen, says, &what).await?;
            }
            if !self.waited(&uuid, SETTLE, |info| sight::power(&info.state) == Power::Running).await.map_err(failed)? {
                let state = self.info(&uuid).await.map_err(failed)?.state;
                return Err(cannot(
                    &what,
                    Some(node),
                    format!("it is {state} after its start"),
                    "See VirtualBox's log in the machine's folder, Logs/VBox.log",
                ));
            }
        }
        let has_grown = seen.extra.contains_key(names::GROWN_KEY);
        self.first_contact(node, seen, says).await?;
        if has_grown {
            self.grow_inside(node, &uuid, says).await.map_err(failed)?;
        }
        Ok(if was == Power::Running { Done::AlreadySo } else { Done::Changed })
    }

    pub(super) async fn start(
        &self,
        node: &NodeName,
        seen: &mut Seen,
        says: &(dyn Fn(&str) + Send + Sync),
        what: &str,
    ) -> Result<(), ProviderError> {
        let uuid = seen.info.uuid.clone();
        let failed = |error: CallError| self.failed(what, Some(node), &error);
        if matches!(seen.info.state.as_str(), "gurumeditation" | "stuck") {
            self.pull_plug(&uuid).await.map_err(failed)?;
        }
        if !self.waited(&uuid, SETTLE, |info| !info.is_locked).await.map_err(failed)? {
            return Err(failed(CallError::new(Kind::Locked, "another program holds the machine")));
        }
        // A saved state holds the hardware as it was: the adapter stays, plugged into nothing, until the machine is off (seen with 7.2.22:
        // "The machine is not mutable").
        if !seen.info.state.contains("saved")
            && let Some(way) = seen.way(&self.lab).filter(|way| way.kind == WayKind::Closed)
            && seen.info.nics.contains_key(&way.slot)
            && seen.made(&self.lab).is_some_and(|made| (way.slot as usize) > made.adapters.len())
        {
            let nic = format!("--nic{}", way.slot);
            self.manage.call(&["modifyvm", &uuid, &nic, "none"], Patience::Short).await.map_err(failed)?;
        }
        self.check_ports(node, seen, what)?;
        says("starting it");
        let is_on = || async { Ok(self.info(&uuid).await?.state == "running") };
        let result = self.manage.change(&["startvm", &uuid, "--type", "headless"], Patience::Long, is_on).await;
        match result {
            Ok(_) => Ok(()),
            // It may be on all the same, for what is said and what is so differ both ways.
            Err(error) => match self.info(&uuid).await {
                Ok(info) if sight::power(&info.state) == Power::Running => Ok(()),
                _ => Err(failed(error)),
            },
        }
    }

    /// Says which of the host's ports is taken: VirtualBox starts the machine all the same, and the forward leads nowhere (seen
    /// with 7.2.22).
    fn check_ports(&self, node: &NodeName, seen: &Seen, what: &str) -> Result<(), ProviderError> {
        if !matches!(self.manage.place(), Place::Here(_)) {
            return Ok(());
        }
        for rule in seen.info.nics.values().flat_map(|nic| &nic.rules) {
            let address = if rule.host.ip().is_unspecified() { Ipv4Addr::LOCALHOST } else { *rule.host.ip() };
            if rule.protocol == Protocol::Tcp && is_taken(address, rule.host.port()) {
                let next = if rule.name == names::WAY_RULE {
                    format!("End what listens there, and try again (it leads to {node}'s ssh)")
                } else {
                    "End what listens there, or draw the forward with another port".to_owned()
                };
                return Err(cannot(what, Some(node), format!("port {} of this machine is taken", rule.host.port()), next));
            }
        }
        Ok(())
    }

    /// The call that opens a window on a machine that runs; closing the window leaves it running.
    pub(super) async fn screen(&self, node: &NodeName) -> Result<Vec<String>, ProviderError> {
        let what = format!("open the console of {node}");
        let Place::Here(program) = self.manage.place() else {
            let next = "Open it there, in VirtualBox's own window";
            return Err(cannot(&what, Some(node), "VirtualBox runs on another machine, and its windows open there", next));
        };
        let seen = self.seen_node(node, &what).await?;
        if !matches!(seen.power(), Power::Running | Power::Paused) {
            return Err(cannot(&what, Some(node), "it is off", "Deploy the lab: that turns its nodes on"));
        }
        let program = program.display().to_string();
        Ok([&program, "startvm", &seen.info.uuid, "--type", "separate"].map(str::to_owned).to_vec())
    }

    /// Shuts a machine down, or pulls its plug where it does not do so by itself.
    pub(super) async fn power_off(&self, node: &NodeName, says: &(dyn Fn(&str) + Send + Sync)) -> Result<Done, ProviderError> {
        let what = format!("turn {node} off");
        let uuid = self.uuid(node);
        let _lock = self.manage.machine(&uuid).await;
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let Some(seen) = self.see(&uuid).await.map_err(failed)? else { return Ok(Done::AlreadySo) };
        if seen.info.state.contains("saved") {
            self.manage.call(&["discardstate", &uuid], Patience::Long).await.map_err(failed)?;
            return Ok(Done::Changed);
        }
        let is_dead = matches!(seen.info.state.as_str(), "gurumeditation" | "stuck");
        if seen.power() == Power::Stopped && !is_dead {
            return Ok(Done::AlreadySo);
        }
        let is_off = |info: &super::parse::Info| sight::power(&info.state) == Power::Stopped && !info.is_locked;
        if seen.power() == Power::Running && !self.options.shutdown_limit.is_zero() {
            says("shutting it down");
            let asked = self.manage.call(&["controlvm", &uuid, "acpipowerbutton"], Patience::Short).await;
            if asked.is_ok() && self.waited(&uuid, self.options.shutdown_limit, is_off).await.map_err(failed)? {
                return Ok(Done::Changed);
            }
        }
        says("pulling its plug");
        self.pull_plug(&uuid).await.map_err(failed)?;
        Ok(Done::Changed)
    }

    /// Ends a machine at once, and waits until nobody has it locked any more: it stays so for a moment (seen with 7.2.22).
    pub(super) async fn pull_plug(&self, uuid: &str) -> Result<(), CallError> {
        let is_off = |info: &super::parse::Info| sight::power(&info.state) == Power::Stopped && !info.is_locked;
        let looks = || async { Ok(is_off(&self.info(uuid).await?)) };
        let pulled = self.manage.change(&["controlvm", uuid, "poweroff"], Patience::Long, looks).await;
        if self.waited(uuid, SETTLE, is_off).await? {
            return Ok(());
        }
        Err(pulled.err().unwrap_or_else(|| CallError::new(Kind::Locked, "it was turned off and is still held")))
    }

    /// Keeps a machine's state under a name. A running one runs on.
    pub(super) async fn take_snapshot(&self, node: &NodeName, snapshot: &str) -> Result<Done, ProviderError> {
        let what = format!("take the snapshot {snapshot} of {node}");
        let seen = self.seen_node(node, &what).await?;
        let is_there = |snapshots: &[String]| snapshots.iter().any(|there| there == snapshot);
        if is_there(&seen.info.snapshots) {
            return Ok(Done::AlreadySo);
        }
        let uuid = &seen.info.uuid;
        let _lock = self.manage.machine(uuid).await;
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let args = ["snapshot", uuid, "take", snapshot, "--description", "made by Sandtable"];
        let is_taken = || async {
            let now = self.info(uuid).await?;
            Ok(is_there(&now.snapshots) && is_calm(&now))
        };
        let taken = self.manage.change(&args, Patience::Long, is_taken).await;
        if is_there(&self.info(uuid).await.map_err(failed)?.snapshots) {
            return Ok(Done::Changed);
        }
        Err(taken
            .err()
            .map_or_else(|| cannot(&what, Some(node), "VirtualBox says that it took it, and it is not there", "Try again"), failed))
    }

    /// Puts a machine back to a snapshot of its own. It is off afterwards, or as it was when the snapshot was taken.
    ///
    /// # Errors
    /// Where there is no such snapshot, told with those that there are.
    pub async fn restore_snapshot(&self, node: &NodeName, snapshot: &str) -> Result<Done, ProviderError> {
        let what = format!("restore the snapshot {snapshot} of {node}");
        let seen = self.seen_node(node, &what).await?;
        if !seen.info.snapshots.iter().any(|there| there == snapshot) {
            let next = if seen.info.snapshots.is_empty() {
                "It has none".to_owned()
            } else {
                format!("It has: {}", seen.info.snapshots.join(", "))
            };
            return Err(cannot(&what, Some(node), format!("{node} has no snapshot {snapshot}"), next));
        }
        let uuid = &seen.info.uuid;
        let _lock = self.manage.machine(uuid).await;
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        // A running machine is not restored (seen with 7.2.22: 342).
        if seen.power() != Power::Stopped {
            self.pull_plug(uuid).await.map_err(failed)?;
        }
        self.manage.call(&["snapshot", uuid, "restore", snapshot], Patience::Long).await.map_err(failed)?;
        // What is noted on a machine is not part of its snapshots, but what it was made as may have been another thing then.
        self.forget_ways();
        Ok(Done::Changed)
    }

    /// Forgets a snapshot. Its disk is merged into what follows, which takes time and room.
    pub(super) async fn delete_snapshot(&self, node: &NodeName, snapshot: &str) -> Result<Done, ProviderError> {
        let what = format!("delete the snapshot {snapshot} of {node}");
        let seen = self.seen_node(node, &what).await?;
        let is_there = |snapshots: &[String]| snapshots.iter().any(|there| there == snapshot);
        if !is_there(&seen.info.snapshots) {
            return Ok(Done::AlreadySo);
        }
        let uuid = &seen.info.uuid;
        let _lock = self.manage.machine(uuid).await;
        let failed = |error: CallError| self.failed(&what, Some(node), &error);
        let is_deleted = || async {
            let now = self.info(uuid).await?;
            Ok(!is_there(&now.snapshots) && is_calm(&now))
        };
        let deleted = self.manage.change(&["snapshot", uuid, "delete", snapshot], Patience::Long, is_deleted).await;
        if !is_there(&self.info(uuid).await.map_err(failed)?.snapshots) {
            return Ok(Done::Changed);
        }
        Err(deleted
            .err()
            .map_or_else(|| cannot(&what, Some(node), "VirtualBox says that it deleted it, and it is still there", "Try again"), failed))
    }
}
