//! Turning nodes on and off, freezing them, and waiting until one takes commands.

use super::{
    IncusMachines,
    api::Operation,
    error::ApiError,
    instances::{INSTANCES, device, spec_of, state_body},
    names,
};
use crate::{
    model::NodeName,
    provider::{
        Done, ProviderError, Retry,
        transport::{Command, Transport},
    },
};
use hyper::Method;
use std::time::Duration;

/// How long a node may take to shut itself down before its plug is pulled.
const GRACE: Duration = Duration::from_secs(20);
/// How long the daemon may take for a change of state.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a node may take until it takes commands.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether a node is asked or its plug is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    /// Its plug is pulled.
    Yes,
    /// It is asked.
    No,
}

/// Waits in the node until its start is over and the addresses given as arguments are there. A node without systemd takes commands at
/// once; one where some unit fails is as ready as it will ever be. Services of ours are not waited for: a member of a cluster may wait
/// for other nodes, which are started after this one.
const READY: &str = r#"
command -v systemctl >/dev/null 2>&1 || exit 0
ours=" $(cat /var/lib/sandtable/services/*/units 2>/dev/null | tr '\n' ' ')"
# Jobs under way, ours (o) and others (x), one a line.
jobs() {
    systemctl list-jobs --no-legend 2>/dev/null | while read -r _ unit _ state; do
        [ "$state" = running ] || continue
        case $ours in *" $unit "* | *" ${unit%.service} "*) echo "o $unit" ;; *) echo "x $unit" ;; esac
    done
}
# Asking again and again takes time from those that start.
wait=10
[ "$ours" = " " ] || wait=1
until=$(($(date +%s) + 50))
while :; do
    # It fails at once while systemd is not there yet, and where it is older than 240 and cannot wait.
    state=$(timeout "$wait" systemctl is-system-running --wait 2>/dev/null)
    [ -n "$state" ] || state=$(systemctl is-system-running 2>/dev/null)
    case $state in running | degraded | maintenance) break ;; esac
    jobs=$(jobs)
    case $jobs in *"x "*) ;; *"o "*) break ;; esac
    [ "$(date +%s)" -lt "$until" ] || { echo "after 50 s it is still starting ($(printf '%s\n' "$jobs" | sed -n 's/^x //p' | tr '\n' ' '))" >&2; exit 1; }
    sleep 0.05
done
command -v ip >/dev/null 2>&1 || exit 0
tries=0
for address; do
    until ip -o -4 address show | grep -qF " $address "; do
        [ $tries -lt 100 ] || exit 0
        tries=$((tries + 1))
        sleep 0.05
    done
done
"#;

impl IncusMachines {
    pub(super) async fn power_on(&self, node: &NodeName, says: &(dyn Fn(&str) + Send + Sync)) -> Result<Done, ProviderError> {
        let what = format!("turning {node} on");
        let there = {
            let _one_at_a_time = self.turn(node).await;
            let there = self.instance_there(node, &what).await?;
            let asked = match there.status.as_str() {
                "Running" => None,
                "Frozen" => Some("unfreeze"),
                _ => Some("start"),
            };
            let Some(asked) = asked else {
                // It may have been started by somebody who did not stay to see it come up.
                self.wait_ready(node, spec_of(&there).as_ref(), &what).await?;
                return Ok(Done::AlreadySo);
            };
            self.set_state(&there.name, asked, Force::No).await.map_err(|error| error.explain(what.clone(), Some(node)))?;
            there
        };
        says("it starts");
        self.wait_ready(node, spec_of(&there).as_ref(), &what).await?;
        self.pull_again(node, &there).await?;
        Ok(Done::Changed)
    }

    async fn wait_ready(&self, node: &NodeName, spec: Option<&crate::model::MachineSpec>, what: &str) -> Result<(), ProviderError> {
        let mut argv: Vec<String> = ["sh", "-c", READY, "ready"].map(str::to_owned).to_vec();
        argv.extend(
            spec.into_iter().flat_map(|spec| &spec.adapters).filter_map(|adapter| adapter.address).map(|address| address.to_string()),
        );
        let output = self.exec(node).run(Command { argv, stdin: Vec::new(), timeout: BOOT_TIMEOUT }).await?;
        if output.code == 0 {
            return Ok(());
        }
        Err(ProviderError {
            what: what.to_owned(),
            node: Some(node.clone()),
            why: format!("it does not come up: {}", String::from_utf8_lossy(&output.stderr).trim()),
            next: "Look at its console: incus console --show-log; its image must hold a POSIX shell".into(),
            retry: Retry::Worth,
        })
    }

    pub(super) async fn power_off(&self, node: &NodeName) -> Result<Done, ProviderError> {
        let what = format!("turning {node} off");
        let _one_at_a_time = self.turn(node).await;
        let there = self.instance_there(node, &what).await?;
        let asked = match there.status.as_str() {
            "Stopped" => return Ok(Done::AlreadySo),
            // What is frozen cannot shut itself down.
            "Frozen" => Err(ApiError::Broken(String::new())),
            _ => self.set_state(&there.name, "stop", Force::No).await,
        };
        if asked.is_err() {
            self.pull_plug(&there.name).await.map_err(|error| error.explain(what, Some(node)))?;
        }
        Ok(Done::Changed)
    }

    /// Stops an instance at once; one that is off already is no mistake.
    pub(super) async fn pull_plug(&self, name: &str) -> Result<(), ApiError> {
        match self.set_state(name, "stop", Force::Yes).await {
            Err(error) if !error.says("already stopped") && !error.says("isn't running") && !error.says("not running") => Err(error),
            _ => Ok(()),
        }
    }

    /// Brings an instance into another state and waits until it is there.
    pub(super) async fn set_state(&self, name: &str, action: &str, force: Force) -> Result<Operation, ApiError> {
        let path = format!("{INSTANCES}/{name}/state");
        self.api.run(Method::PUT, &path, state_body(action, force, GRACE), TIMEOUT).await
    }

    /// A start plugs all cables in; those that a fault holds down are pulled again.
    async fn pull_again(&self, node: &NodeName, there: &super::answers::Instance) -> Result<(), ProviderError> {
        for slot in 0..there.devices.len() {
            if there.config.get(&format!("{}{}", names::PULLED, device(slot))).is_some_and(|noted| !noted.is_empty()) {
                self.pull_cable(node, slot).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    /// What the script ends with and says, on a node whose systemd has these jobs and where these units are ours.
    fn ready(jobs: &str, units: &str) -> (Option<i32>, String) {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("services/one")).unwrap();
        fs::write(at("services/one/units"), units).unwrap();
        fs::write(at("jobs"), jobs).unwrap();
        // A clock that moves on by 20 s whenever it is read.
        fs::write(at("clock"), "0\n").unwrap();
        for (name, text) in [
            ("systemctl", "case $1 in list-jobs) cat \"$ROOT/jobs\" ;; *) [ -s \"$ROOT/jobs\" ] && echo starting || echo running ;; esac"),
            ("timeout", "shift; exec \"$@\""),
            ("date", "read -r now <\"$ROOT/clock\"; echo $((now + 20)) >\"$ROOT/clock\"; echo \"$now\""),
            ("ip", "echo '2: eth0 inet 10.0.0.1/24 '"),
        ] {
            fs::write(at(name), format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let script = READY.replace("/var/lib/sandtable", &root.path().display().to_string());
        let path = format!("{}:{}", root.path().display(), std::env::var("PATH").unwrap());
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script, "ready", "10.0.0.1/24"]).env("PATH", path).env("ROOT", root.path());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    #[test]
    fn a_node_is_ready_while_its_own_services_wait_for_others() {
        let waiting = "93 mariadb.service start running\n94 multi-user.target start waiting\n";
        assert_eq!(ready("", "mariadb.service\n"), (Some(0), String::new()), "all is over");
        assert_eq!(ready(waiting, "mariadb.service\n").0, Some(0), "a member that waits for its cluster");
        assert_eq!(ready(waiting, "mariadb\n").0, Some(0));
        let (code, said) = ready(waiting, "nginx.service\n");
        assert!(code == Some(1) && said.contains("still starting (mariadb.service )"), "{code:?} {said}");
    }
}
