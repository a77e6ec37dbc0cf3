//! What VirtualBox and its machine lack for a plan: looked for before the first change, with what to do about each. Changes nothing.

use super::{
    VirtualBox, Waits, all,
    command::Place,
    doctor,
    error::CallError,
    find::System,
    names, networks,
    parse::{self, Interface},
    power::is_taken,
    ranges,
    sight::Made,
    version::Version,
};
use crate::{
    model::{Image, NetworkKind, NetworkName, NetworkSpec, NodeName},
    provider::{
        ProviderError,
        doctor::{Check, State},
        preflight::Needs,
    },
};
use ipnet::Ipv4Net;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// What the checks look at, asked once.
struct Around {
    version: Version,
    system: System,
    facts: doctor::Facts,
    /// Host-only interfaces, and this machine's others.
    host_only: Vec<Interface>,
    others: Vec<Interface>,
    /// Ranges that DHCP servers hand out, by VirtualBox's name for their network.
    dhcp: BTreeMap<String, (Ipv4Addr, Ipv4Addr)>,
    global: BTreeMap<String, String>,
}

impl VirtualBox {
    /// What a plan needs and does not find, and what it finds.
    pub(super) async fn preflight(&self, needs: &Needs) -> Result<Vec<Check>, ProviderError> {
        // What only changes or removes must never be kept from doing so.
        if needs.new_networks.is_empty() && needs.cloned.is_empty() && needs.started.is_empty() {
            return Ok(Vec::new());
        }
        let failed = |error: CallError| self.failed("look at what VirtualBox lacks for the plan", None, &error);
        let around = self.around(needs).await.map_err(failed)?;
        let mut checks: Vec<Check> = [doctor::of_version(around.version)].into();
        if !needs.started.is_empty() {
            checks.extend(doctor::of_driver(&around.facts, around.system).filter(|check| check.state == State::Bad));
            checks.extend(self.memory(needs).await);
        }
        checks.extend(self.images(needs).await);
        checks.extend(self.login_key(needs));
        checks.extend(self.networks(needs, &around).await);
        checks.extend(handed_out(needs, &around));
        checks.extend(self.shared_addresses(needs, &around).await.map_err(failed)?);
        checks.extend(self.ports(needs));
        Ok(checks)
    }

    async fn around(&self, needs: &Needs) -> Result<Around, CallError> {
        let (version, system) = self.manage.about().await?;
        let kinds: BTreeSet<NetworkKind> = needs.networks.values().map(|spec| spec.kind).collect();
        let has_interfaces = kinds.contains(&NetworkKind::HostOnly) && !(system == System::MacOs && version.has_host_only_networks());
        // Only what is needed: each list is a call.
        let list = async |is_needed: bool, what: &str| if is_needed { self.manage.ask(&["list", what]).await } else { Ok(String::new()) };
        let global = async {
            let known = self.kept().global.clone();
            match known {
                Some(known) => Ok(known),
                None => self.global_extra().await,
            }
        };
        let facts = async { Ok(self.facts().await) };
        let (host_only, others, dhcp, global, facts) = tokio::try_join!(
            list(has_interfaces, "hostonlyifs"),
            list(!needs.new_networks.is_empty() && kinds.iter().any(|kind| kind.host_reaches()), "bridgedifs"),
            list(has_interfaces, "dhcpservers"),
            global,
            facts,
        )?;
        Ok(Around {
            version,
            system,
            facts,
            host_only: parse::interfaces(&host_only),
            others: parse::interfaces(&others),
            dhcp: parse::dhcp_enabled(&dhcp),
            global,
        })
    }

    async fn memory(&self, needs: &Needs) -> Option<Check> {
        let host = self.host_has().await?;
        Some(match host.lacks(&needs.started()) {
            Some((why, next)) => Check::bad("memory", why, next),
            None => Check::good("memory", format!("the machines to start fit into the {} MiB that are free", host.memory_mib.1)),
        })
    }

    /// Each image once, told by the first node that is a clone of it.
    async fn images(&self, needs: &Needs) -> Vec<Check> {
        let mut looked: Vec<Option<&Image>> = Vec::new();
        let mut checks = Vec::new();
        for (node, spec) in needs.machines.iter().filter(|(node, _)| needs.cloned.contains(*node)) {
            let image = spec.image.as_ref();
            if looked.contains(&image) {
                continue;
            }
            looked.push(image);
            checks.push(match self.check_image(image, node).await {
                Ok(found) => Check::good("image", found),
                Err(error) => Check::bad("image", format!("{node}: {}", error.why), error.next),
            });
        }
        checks
    }

    /// The key of machines that are there already; new ones would get another.
    fn login_key(&self, needs: &Needs) -> Option<Check> {
        let there = needs.machines.iter().filter(|(node, _)| !needs.cloned.contains(*node));
        let (why, next) = there.filter_map(|(_, spec)| self.lost_login(spec)).next()?;
        Some(Check::bad("login key", why, next))
    }

    async fn networks(&self, needs: &Needs, around: &Around) -> Vec<Check> {
        let new = needs.networks.iter().filter(|(name, _)| needs.new_networks.contains(*name));
        let (mut checks, mut made) = (Vec::new(), Vec::new());
        for (name, spec) in new {
            match spec.kind {
                NetworkKind::HostOnly => {
                    let Some(subnet) = spec.subnet else { continue };
                    checks.extend(collision(name, subnet, around));
                    let is_there = around.host_only.iter().any(|there| there.address.is_some_and(|net| net.trunc() == subnet.trunc()));
                    if !is_there {
                        made.push(subnet);
                    }
                }
                NetworkKind::Bridged => checks.extend(bridge(name, spec, around)),
                NetworkKind::Nat | NetworkKind::NatNetwork | NetworkKind::Internal => {}
            }
        }
        if !made.is_empty() {
            if around.facts.lacks_network_driver() {
                let found = "/dev/vboxnetctl is missing, since vboxnetadp is not loaded: no host-only networks can be made";
                checks.push(Check::bad("kernel modules", found, "sudo modprobe -a vboxnetadp vboxnetflt"));
            }
            if ranges::applies(around.system, around.version) {
                checks.push(doctor::of_ranges(&self.networks_file().await, &made));
            }
        }
        checks
    }

    /// Addresses that nodes of other labs have on a host-only interface that both use.
    async fn shared_addresses(&self, needs: &Needs, around: &Around) -> Result<Vec<Check>, CallError> {
        let shared = networks::others_on(&self.lab, &around.global, |name| interface_of(needs, around, name), needs.networks.keys());
        if shared.is_empty() || needs.cloned.is_empty() {
            return Ok(Vec::new());
        }
        let lists = tokio::try_join!(self.manage.ask(&["list", "vms"]), self.manage.ask(&["list", "runningvms"]))?;
        let (vms, running) = (parse::machines(&lists.0), parse::machines(&lists.1));
        let theirs: Vec<&(String, String)> =
            vms.iter().filter(|(name, _)| shared.keys().any(|lab| name.ends_with(&format!(".{lab}")))).collect();
        let looks = theirs.iter().map(|(_, uuid)| Box::pin(self.made_by_others(uuid)) as Waits<'_, Option<Made>>).collect();
        let mut checks = Vec::new();
        for ((name, uuid), made) in theirs.iter().zip(all(looks).await) {
            let Some(made) = made else { continue };
            let Some((_, pairs)) = shared.iter().find(|(lab, _)| name.ends_with(&format!(".{lab}"))) else { continue };
            for (ours, other) in pairs {
                let on = made.spec.adapters.iter().filter(|adapter| adapter.network == *other).filter_map(|adapter| adapter.address);
                for address in on.map(|net| net.addr()) {
                    let is_running = running.iter().any(|(_, there)| there == uuid);
                    checks.extend(taken_by(needs, ours, address, name, is_running));
                }
            }
        }
        Ok(checks)
    }

    /// How a machine of any lab was made.
    async fn made_by_others(&self, uuid: &str) -> Option<Made> {
        let extra = parse::extra_data(&self.manage.ask(&["getextradata", uuid, "enumerate"]).await.ok()?);
        super::sight::made_in(&extra)
    }

    /// The host's ports that machines forward which are started, where another program listens there.
    fn ports(&self, needs: &Needs) -> Vec<Check> {
        if !matches!(self.manage.place(), Place::Here(_)) {
            return Vec::new();
        }
        let started = needs.machines.iter().filter(|(node, _)| needs.started.contains(*node));
        let forwards =
            started.flat_map(|(node, spec)| spec.adapters.iter().flat_map(move |own| own.forwards.iter().map(move |one| (node, one))));
        let taken = forwards.filter(|(_, forward)| {
            let address = if forward.address.is_unspecified() { Ipv4Addr::LOCALHOST } else { forward.address };
            is_taken(address, forward.host)
        });
        taken
            .map(|(node, forward)| {
                let found = format!("port {} of this machine, which leads to {node}, is taken by another program", forward.host);
                Check::bad("port", found, format!("End what listens there, or draw {node}'s forward with another port"))
            })
            .collect()
    }
}

/// The host-only interface that a network is, where that is there already.
fn interface_of<'a>(needs: &Needs, around: &'a Around, network: &NetworkName) -> Option<&'a Interface> {
    let spec = needs.networks.get(network).filter(|spec| spec.kind == NetworkKind::HostOnly)?;
    let subnet = spec.subnet?.trunc();
    around.host_only.iter().find(|there| there.address.is_some_and(|net| net.trunc() == subnet))
}

/// A host-only network with the addresses of another network of this machine: then this machine reaches only one of the two.
fn collision(name: &NetworkName, subnet: Ipv4Net, around: &Around) -> Option<Check> {
    let overlaps = |there: Ipv4Net| there.contains(&subnet.network()) || subnet.contains(&there.network());
    let is_other = |there: &&Interface| !around.host_only.iter().any(|own| own.name == there.name);
    let found = around.others.iter().filter(is_other).find(|there| there.address.is_some_and(|net| overlaps(net.trunc())))?;
    let net = found.address?.trunc();
    let why = format!("{name} has {}, and this machine is on {net} with {} already", subnet.trunc(), found.name);
    Some(Check::bad("subnet", why, format!("Draw {name} with another subnet, such as 192.168.56.0/24")))
}

fn bridge(name: &NetworkName, spec: &NetworkSpec, around: &Around) -> Option<Check> {
    networks::bridge_of(spec, &around.others).err().map(|(why, next)| Check::bad("bridge", format!("{name}: {why}"), next))
}

/// Drawn addresses that a DHCP server hands out which was there before.
fn handed_out(needs: &Needs, around: &Around) -> Vec<Check> {
    let mut checks = Vec::new();
    for network in needs.networks.keys() {
        let Some(interface) = interface_of(needs, around, network) else { continue };
        // A server on an interface that Sandtable made is as drawn.
        if around.global.contains_key(&names::interface_key(&interface.name)) {
            continue;
        }
        let server = format!("HostInterfaceNetworking-{}", interface.name);
        let Some((from, to)) = around.dhcp.get(&server) else { continue };
        let drawn: Vec<String> = addresses(needs, network)
            .filter(|(_, address)| (from..=to).contains(&address))
            .map(|(node, address)| format!("{node} {address}"))
            .collect();
        if !drawn.is_empty() {
            let found = format!(
                "the DHCP server of {} hands out {from} to {to}, and these nodes have such addresses: {}",
                interface.name,
                drawn.join(", ")
            );
            let next = format!("Draw addresses outside that range, or remove the server: VBoxManage dhcpserver remove --network={server}");
            checks.push(Check::doubtful("addresses", found, next));
        }
    }
    checks
}

fn addresses<'a>(needs: &'a Needs, network: &'a NetworkName) -> impl Iterator<Item = (&'a NodeName, Ipv4Addr)> {
    let adapters = needs.machines.iter().flat_map(|(node, spec)| spec.adapters.iter().map(move |adapter| (node, adapter)));
    adapters.filter(move |(_, own)| own.network == *network).filter_map(|(node, own)| Some((node, own.address?.addr())))
}

fn taken_by(needs: &Needs, network: &NetworkName, address: Ipv4Addr, machine: &str, is_running: bool) -> Option<Check> {
    let (node, _) = addresses(needs, network).find(|(node, own)| needs.cloned.contains(*node) && *own == address)?;
    let found = format!("{node} has {address} on {network}, and so has {machine} of another lab on the same host-only interface");
    let next = format!("Draw {network} of one of the two labs with another subnet, or do not run both at a time");
    Some(if is_running { Check::bad("addresses", found, next) } else { Check::doubtful("addresses", found, next) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AdapterSpec, Mac};

    fn around() -> Around {
        Around {
            version: Version { major: 7, minor: 2, patch: 22 },
            system: System::Linux,
            facts: doctor::Facts::default(),
            host_only: parse::interfaces("Name: vboxnet0\nIPAddress: 192.168.56.1\nNetworkMask: 255.255.255.0\nStatus: Up\n"),
            others: parse::interfaces("Name: eth0\nIPAddress: 192.168.1.5\nNetworkMask: 255.255.255.0\nStatus: Up\n"),
            dhcp: parse::dhcp_enabled(
                "NetworkName: HostInterfaceNetworking-vboxnet0\nLowerIPAddress: 192.168.56.101\nUpperIPAddress: 192.168.56.254\nEnabled: Yes\n",
            ),
            global: BTreeMap::new(),
        }
    }

    fn needs(address: &str) -> Needs {
        let spec = NetworkSpec { kind: NetworkKind::HostOnly, subnet: "192.168.56.0/24".parse().ok(), dhcp: None, interface: None };
        let adapter = AdapterSpec {
            network: "lab".parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            address: address.parse().ok(),
            forwards: Vec::new(),
        };
        Needs {
            networks: [("lab".parse().unwrap(), spec)].into(),
            machines: [("db1".parse().unwrap(), crate::testing::machine("db1", vec![adapter]))].into(),
            cloned: ["db1".parse().unwrap()].into(),
            ..Needs::default()
        }
    }

    /// A lab whose layout and state are in a folder. No VBoxManage is called for its files.
    fn lab_in(folder: &std::path::Path) -> VirtualBox {
        let state = crate::host::state::StateFolder::at(folder.join("state")).lab("x");
        let files = super::super::Files { layout: folder.to_owned(), state };
        let options = super::super::Options { files: Some(files), ..super::super::Options::default() };
        let manage = super::super::VBoxManage::at(Place::Here(folder.join("no-program")), std::time::Duration::from_secs(1));
        VirtualBox::new(manage, crate::plan::LabId::of_file(&folder.join("lab.ron")), options)
    }

    /// Needs of a lab whose node is made from this image.
    fn needs_image(name: &str) -> Needs {
        let (family, arch) = (crate::model::Family::Debian, crate::model::Arch::X86_64);
        let image = Image { name: name.to_owned(), snapshot: None, family, arch, full_clone: false };
        let mut needs = needs("192.168.56.10/24");
        needs.machines.values_mut().for_each(|spec| spec.image = Some(image.clone()));
        needs
    }

    /// What is said of an image that is this file beside the layout.
    fn image_check(folder: &std::path::Path, name: &str) -> Check {
        let lab = lab_in(folder);
        let checks = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(lab.images(&needs_image(name)));
        let [check] = checks.as_slice() else { panic!("{checks:?}") };
        check.clone()
    }

    #[test]
    fn a_login_key_that_nodes_need_and_that_is_missing_is_said() {
        let top = tempfile::tempdir().unwrap();
        let lab = lab_in(top.path());
        assert_eq!(lab.login_key(&needs_image("disk.raw")), None, "a node that is cloned gets a new one");
        let there = Needs { cloned: BTreeSet::new(), ..needs_image("disk.raw") };
        let lost = lab.login_key(&there).unwrap();
        assert!(lost.state == State::Bad && lost.found.contains("login-key") && lost.next.contains("sandtable destroy"), "{lost:?}");
        assert_eq!(lab.login_key(&Needs { cloned: BTreeSet::new(), ..needs_image("rocky-9") }), None, "an image with keys of its own");
        std::fs::create_dir_all(top.path().join("state/x")).unwrap();
        std::fs::write(top.path().join("state/x/login-key"), "a key").unwrap();
        assert_eq!(lab.login_key(&there), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_image_that_cannot_be_used_is_said_before_the_first_step() {
        let top = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(top.path().join(name), bytes).unwrap();
        let mut disk = vec![0_u8; 4096];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        write("good.raw", &disk);
        let good = image_check(top.path(), "good.raw");
        assert!(good.state == State::Good && good.found.contains("good.raw"), "{good:?}");
        write("text.vmdk", b"# Disk DescriptorFile\nversion=1\nCID=1\ncreateType=\"monolithicFlat\"\nRW 8 FLAT \"/etc/passwd\" 0\n");
        write("empty.img", b"");
        write("words.raw", b"no disk");
        write("words.ova", b"no archive");
        std::fs::create_dir(top.path().join("folder.vdi")).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, top.path().join("pipe.img"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", top.path().join("device.img")).unwrap();
        for (name, part) in [
            ("text.vmdk", "the image text.vmdk"),
            ("empty.img", "is empty"),
            ("words.raw", "is no disk image"),
            ("words.ova", "the image words.ova"),
            ("folder.vdi", "not an ordinary file"),
            ("pipe.img", "not an ordinary file"),
            ("device.img", "not an ordinary file"),
            ("nowhere.qcow2", "cannot be read"),
        ] {
            let bad = image_check(top.path(), name);
            assert!(bad.state == State::Bad && bad.found.contains(part) && !bad.next.is_empty(), "{name}: {bad:?}");
        }
    }

    #[test]
    fn a_subnet_of_this_machine_is_refused() {
        let name: NetworkName = "lab".parse().unwrap();
        let found = collision(&name, "192.168.1.0/25".parse().unwrap(), &around()).unwrap();
        assert!(found.state == State::Bad && found.found.contains("this machine is on 192.168.1.0/24 with eth0"), "{found:?}");
        assert_eq!(collision(&name, "192.168.56.0/24".parse().unwrap(), &around()), None, "an interface that the lab would use");
        let mut listed_twice = around();
        listed_twice.others.extend(listed_twice.host_only.clone());
        assert_eq!(collision(&name, "192.168.56.0/24".parse().unwrap(), &listed_twice), None);
    }

    #[test]
    fn addresses_that_a_server_hands_out_are_said() {
        let found = handed_out(&needs("192.168.56.120/24"), &around());
        assert!(found.len() == 1 && found[0].found.contains("db1 192.168.56.120") && found[0].state == State::Doubtful, "{found:?}");
        assert_eq!(handed_out(&needs("192.168.56.10/24"), &around()), []);
        let mut own = around();
        own.global.insert(names::interface_key("vboxnet0"), "made".into());
        assert_eq!(handed_out(&needs("192.168.56.120/24"), &own), []);
    }

    #[test]
    fn addresses_of_another_lab_are_said() {
        let (lab, address): (NetworkName, Ipv4Addr) = ("lab".parse().unwrap(), Ipv4Addr::new(192, 168, 56, 10));
        let found = |is_running| taken_by(&needs("192.168.56.10/24"), &lab, address, "db1.other-0", is_running).map(|check| check.state);
        assert_eq!((found(true), found(false)), (Some(State::Bad), Some(State::Doubtful)));
        assert_eq!(taken_by(&needs("192.168.56.11/24"), &lab, address, "db1.other-0", true), None);
    }

    #[test]
    fn an_interface_that_is_not_there_is_said() {
        let spec = |interface: &str| NetworkSpec {
            kind: NetworkKind::Bridged,
            subnet: None,
            dhcp: None,
            interface: Some(interface.to_owned()).filter(|name| !name.is_empty()),
        };
        let name: NetworkName = "house".parse().unwrap();
        let found = bridge(&name, &spec("wlan9"), &around()).unwrap();
        assert!(found.found.contains("no interface wlan9") && found.next.contains("eth0"), "{found:?}");
        assert_eq!((bridge(&name, &spec("eth0"), &around()), bridge(&name, &spec(""), &around())), (None, None));
    }
}
