//! Whether a machine is ready for VirtualBox, and what to do where it is not. Looks only.

use super::{
    Options, VirtualBox,
    command::Place,
    error::CallError,
    find::System,
    ranges,
    room::Host,
    version::{Known, NEWEST_KNOWN, OLDEST, Version},
};
use crate::{
    host::ssh::{LoginKey, RemoteCommand},
    model::{NetworkKind, NetworkSpec},
    plan::LabId,
    provider::{
        doctor::{Check, State},
        settings::{Setting, Settings},
    },
};
use ipnet::Ipv4Net;
use std::{path::Path, time::Duration};

impl Facts {
    /// Whether host-only interfaces cannot be made because a kernel module is missing.
    pub(super) fn lacks_network_driver(&self) -> bool {
        self.has_network_driver == Some(false)
    }
}

fn check(title: &'static str, state: State, found: impl Into<String>, next: impl Into<String>) -> Check {
    Check { title, state, found: found.into(), next: next.into() }
}

/// Facts about the machine that VirtualBox runs on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    has_driver: Option<bool>,
    has_network_driver: Option<bool>,
    kvm_users: Option<u32>,
    is_arm: bool,
}

/// Looks at this machine's VirtualBox, or another's, and at what would keep these networks from being made.
pub async fn doctor(host: Option<&str>, networks: &[NetworkSpec], settings: &Settings) -> Vec<Check> {
    // Which lab it is for makes no difference: nothing of a lab is looked at.
    match VirtualBox::open(host, LabId::of_file(Path::new("/")), None, settings) {
        Ok(opened) => opened.doctor(networks).await,
        Err(error) => vec![Check::bad("VBoxManage", error.why, error.next)],
    }
}

impl VirtualBox {
    /// Looks at everything that a deployment needs. `networks` are those that it would make.
    pub async fn doctor(&self, networks: &[NetworkSpec]) -> Vec<Check> {
        let (version, system) = match self.manage.about().await {
            Ok(about) => about,
            Err(error) => return vec![missing(&error)],
        };
        let mut checks = vec![of_version(version)];
        let facts = self.facts().await;
        checks.extend(of_driver(&facts, system));
        checks.extend(of_kvm(&facts, version));
        checks.extend(of_arch(&facts, version));
        if ranges::applies(system, version) {
            let host_only = networks.iter().filter(|network| network.kind == NetworkKind::HostOnly);
            let subnets: Vec<Ipv4Net> = host_only.filter_map(|network| network.subnet).collect();
            checks.push(of_ranges(&self.networks_file().await, &subnets));
        }
        checks.extend(self.host_has().await.into_iter().flat_map(|host| of_host(&host, facts.is_arm)));
        checks.extend(self.of_disk().await);
        checks.push(match self.manage.ask(&["list", "vms"]).await {
            Ok(vms) => {
                // Labs' own nodes are no images.
                let is_lab = |uuid: &str| super::names::is_node(uuid);
                let count = super::parse::machines(&vms).iter().filter(|(_, uuid)| !is_lab(uuid)).count();
                if count > 0 {
                    check("images", State::Good, format!("VirtualBox has {count} machines to clone from"), "")
                } else {
                    check(
                        "images",
                        State::Doubtful,
                        "VirtualBox has no machine to clone from",
                        "Make the image first, or name a cloud image's file in the layout: see docs/virtualbox.md",
                    )
                }
            }
            Err(error) => check("images", State::Bad, error.to_string(), "VBoxManage list vms"),
        });
        checks.push(of_login(&self.options));
        checks
    }

    /// How much room the disk has on which machines are made; asked here only.
    async fn of_disk(&self) -> Option<Check> {
        let Place::Here(_) = self.manage.place() else { return None };
        let folder = super::parse::machine_folder(&self.manage.ask(&["list", "systemproperties"]).await.ok()?)?;
        let free_mib = crate::host::machine::disk_free_mib(Path::new(&folder))?;
        let found = format!("{free_mib} MiB are free where machines are made ({folder})");
        let next = "Make room, or move it: VBoxManage setproperty machinefolder FOLDER";
        Some(if free_mib < 5 * 1024 { check("disk", State::Doubtful, found, next) } else { check("disk", State::Good, found, "") })
    }

    /// Asked with a shell here or there; on Windows nothing of it exists.
    pub(super) async fn facts(&self) -> Facts {
        let script = "[ -e /dev/vboxdrv ] && echo driver; [ -e /dev/vboxnetctl ] && echo network; uname -s; uname -m; \
                      for m in kvm_intel kvm_amd; do [ -r /sys/module/$m/refcnt ] && echo \"kvm $(cat /sys/module/$m/refcnt)\"; done; true";
        let words = match self.manage.place() {
            Place::Here(_) if cfg!(unix) => {
                let program = crate::host::process::Program::new("sh", ["-c", script], Duration::from_secs(20));
                crate::host::process::run_aside(program, "virtualbox-doctor").await.map(|ran| ran.stdout).ok()
            }
            Place::Here(_) => None,
            Place::There(ssh, _) => {
                let argv = ["sh", "-c", script].map(str::to_owned).to_vec();
                ssh.run(RemoteCommand { argv, stdin: Vec::new(), timeout: Duration::from_secs(60) }).await.map(|ran| ran.stdout).ok()
            }
        };
        words.map(|words| facts_of(&String::from_utf8_lossy(&words))).unwrap_or_default()
    }
}

fn facts_of(words: &str) -> Facts {
    let lines: Vec<&str> = words.lines().map(str::trim).collect();
    let is_linux = lines.contains(&"Linux");
    Facts {
        has_driver: is_linux.then(|| lines.contains(&"driver")),
        has_network_driver: is_linux.then(|| lines.contains(&"network")),
        kvm_users: lines.iter().filter_map(|line| line.strip_prefix("kvm ")?.parse().ok()).max(),
        is_arm: lines.iter().any(|line| matches!(*line, "aarch64" | "arm64")),
    }
}

fn missing(error: &CallError) -> Check {
    let next = error.explain("", None, None).next;
    check("VBoxManage", State::Bad, error.to_string(), next)
}

pub(super) fn of_version(version: Version) -> Check {
    match version.known() {
        Known::Known => check("version", State::Good, format!("VirtualBox {version}"), ""),
        Known::TooOld => check("version", State::Bad, format!("VirtualBox {version} is older than {OLDEST}"), "Install a newer VirtualBox"),
        Known::Unusable(why, next) => check("version", State::Bad, format!("VirtualBox {version} is not supported: {why}"), next),
        Known::Newer => {
            let (major, minor) = NEWEST_KNOWN;
            check(
                "version",
                State::Doubtful,
                format!("VirtualBox {version} is newer than {major}.{minor}, the newest that this Sandtable knows; it may work"),
                "",
            )
        }
    }
}

pub(super) fn of_driver(facts: &Facts, system: System) -> Option<Check> {
    if system != System::Linux {
        return None;
    }
    Some(match (facts.has_driver?, facts.has_network_driver?) {
        (true, true) => check("kernel modules", State::Good, "vboxdrv and vboxnetadp are loaded", ""),
        (true, false) => check(
            "kernel modules",
            State::Doubtful,
            "vboxnetadp is not loaded: no host-only networks can be made",
            "sudo modprobe -a vboxnetadp vboxnetflt",
        ),
        (false, _) => check(
            "kernel modules",
            State::Bad,
            "vboxdrv is not loaded: machines can be made, and not started",
            "sudo modprobe -a vboxdrv vboxnetadp vboxnetflt (Debian: sudo apt-get install virtualbox-dkms linux-headers-$(uname -r) first)",
        ),
    })
}

fn of_kvm(facts: &Facts, version: Version) -> Option<Check> {
    let users = facts.kvm_users?;
    let used = if users > 0 { format!("KVM is loaded and {users} users have it") } else { "KVM is loaded".to_owned() };
    Some(check("KVM", State::Doubtful, format!("{used}; VirtualBox and KVM get in each other's way"), version.kvm_advice()))
}

fn of_arch(facts: &Facts, version: Version) -> Option<Check> {
    let (state, found) = match (facts.is_arm, version.major > 7 || (version.major == 7 && version.minor >= 1)) {
        (false, _) => return None,
        (true, true) => (State::Doubtful, "this is an ARM machine: only images for ARM will start"),
        (true, false) => (State::Bad, "this is an ARM machine, and VirtualBox before 7.1 cannot run anything on it"),
    };
    Some(check("processor", state, found, "Use arm64 images, and say arch: arm64 in the layout's image"))
}

/// Who enters images of the user's own, which says nothing of images that are files: Sandtable has a key of its own for those.
fn of_login(options: &Options) -> Check {
    let how = match &options.key {
        LoginKey::File(file) => format!("the key {}", file.display()),
        _ => "the keys of ssh-agent".to_owned(),
    };
    let found = format!("images are entered as {} with {how}", options.user);
    let next = format!(
        "For another user or key set {} and {} (a private key's file without a passphrase), or the preferences",
        Setting::ImageUser.spec().variable,
        Setting::ImageKey.spec().variable
    );
    check("image login", State::Good, found, next)
}

pub(super) fn of_ranges(file: &str, subnets: &[Ipv4Net]) -> Check {
    match ranges::missing_line(file, subnets) {
        None => {
            let allowed: Vec<String> = ranges::allowed(file).iter().map(ToString::to_string).collect();
            check("host-only addresses", State::Good, format!("VirtualBox allows {}", allowed.join(", ")), "")
        }
        Some(line) => {
            let found = format!("{} lacks a line: {line}", ranges::FILE);
            check("host-only addresses", State::Bad, found, ranges::command(&line))
        }
    }
}

fn of_host(host: &Host, is_arm: bool) -> Vec<Check> {
    let (size, free) = host.memory_mib;
    let found = format!("{free} of {size} MiB are free, {} processors", host.cpus);
    let state = if free < 1024 { State::Doubtful } else { State::Good };
    let next = if free < 1024 { "End other programs: a small lab needs some 2 GiB" } else { "" };
    let mut checks = vec![check("memory", state, found, next)];
    // On ARM the words mean nothing.
    if host.virtualises == Some(false) && !is_arm {
        let next = "Switch VT-x or AMD-V (SVM) on in the firmware's settings; within a virtual machine, let that one pass it on";
        checks.push(check(
            "virtualisation",
            State::Bad,
            "the processors offer no virtualisation: machines can be made, and not started",
            next,
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read() {
        let facts = facts_of("driver\nLinux\nx86_64\nkvm 0\nkvm 3\n");
        assert_eq!(facts, Facts { has_driver: Some(true), has_network_driver: Some(false), kvm_users: Some(3), is_arm: false });
        assert_eq!(facts_of("Darwin\narm64\n"), Facts { is_arm: true, ..Facts::default() });
        let version = Version::parse("7.2.22").unwrap();
        assert_eq!(of_driver(&facts, System::Linux).unwrap().state, State::Doubtful);
        assert_eq!(of_driver(&facts_of("Linux"), System::Linux).unwrap().state, State::Bad);
        assert_eq!(of_driver(&facts, System::MacOs), None);
        assert!(of_kvm(&facts, version).unwrap().found.contains("3 users"));
        assert_eq!(of_arch(&facts_of("Linux\naarch64"), Version::parse("7.0.1").unwrap()).unwrap().state, State::Bad);
        assert_eq!(of_version(Version::parse("7.9.0").unwrap()).state, State::Doubtful);
        assert_eq!(of_version(Version::parse("5.2.0").unwrap()).state, State::Bad);
        let unusable = of_version(Version::parse("7.0.0").unwrap());
        assert!(unusable.state == State::Bad && unusable.found.contains("7.0.0") && unusable.next.contains("7.0.2"), "{unusable:?}");
    }

    #[test]
    fn a_range_that_is_not_allowed_has_its_command() {
        let subnet = |text: &str| text.parse::<Ipv4Net>().unwrap();
        assert_eq!(of_ranges("", &[subnet("192.168.56.0/24")]).state, State::Good);
        let bad = of_ranges("", &[subnet("192.168.50.0/24")]);
        assert!(bad.state == State::Bad && bad.next.contains("192.168.56.0/21 192.168.50.0/24"), "{bad:?}");
    }
}
