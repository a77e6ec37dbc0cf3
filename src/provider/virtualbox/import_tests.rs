use super::*;

const SHOWN: &str = "name=\"web 1/a\"\ngroups=\"/\"\nostype=\"Debian (64-bit)\"\nUUID=\"11111111-1111-1111-1111-111111111111\"\nmemory=512\ncpus=2\n\
    VMState=\"poweroff\"\nstoragecontrollername0=\"SATA\"\n\"SATA-0-0\"=\"/d.vdi\"\n\"SATA-ImageUUID-0-0\"=\"d1\"\nmacaddress1=\"080027000001\"\ncableconnected1=\"on\"\nnictype1=\"virtio\"\nnic1=\"nat\"\n\
    Forwarding(0)=\"http,tcp,,8080,,80\"\nnic2=\"hostonly\"\nhostonlyadapter2=\"vboxnet0\"\nmacaddress2=\"080027000002\"\nnic3=\"intnet\"\n\
    intnet3=\"back end\"\nmacaddress3=\"080027000003\"\nnic4=\"null\"\nmacaddress4=\"080027000004\"\nnic5=\"bridged\"\nbridgeadapter5=\"en0: Wi-Fi\"\n\
    macaddress5=\"080027000005\"\nSnapshotName=\"base\"\nCurrentSnapshotName=\"base\"\n";

fn found(shown: &str, told: &str) -> Found {
    Found { info: parse::info(shown).unwrap(), system: "Debian (64-bit)".into(), told: told_addresses(told) }
}

fn around() -> Around {
    Around {
        interfaces: parse::interfaces("Name: vboxnet0\nIPAddress: 192.168.56.1\nNetworkMask: 255.255.255.0\nStatus: Up\n"),
        disks: parse::media("UUID: d1\nParent UUID: base\nLocation: /d.vdi\nCapacity: 10500 MBytes\n"),
        ..Around::default()
    }
}

#[test]
fn a_machine_becomes_a_node_with_its_networks() {
    let told = "/VirtualBox/GuestInfo/Net/1/MAC   = '080027000002' @ 2026-01-01T00:00:00Z\n/VirtualBox/GuestInfo/Net/1/V4/IP = '192.168.56.9' @ x\n";
    let Imported { lab, unknown } = draw(&[found(SHOWN, told), found(&SHOWN.replace("web 1/a", "web 1/A"), "")], &around());
    let names: Vec<&str> = lab.nodes.keys().map(|name| &**name).collect();
    assert_eq!(names, ["web-1-a", "web-1-A"]);
    let node = &lab.nodes["web-1-a"];
    assert_eq!((node.cpus, node.memory, node.disk, node.role), (2, 512, 11, Role::App));
    let forward = Forward { host: 8080, to: 80, address: Ipv4Addr::UNSPECIFIED };
    assert_eq!(node.adapters[0].forwards, [forward]);
    let on: Vec<(&str, Option<String>)> = node.adapters.iter().map(|own| (&*own.network, own.address.map(|ip| ip.to_string()))).collect();
    assert_eq!(on, [("internet", None), ("vboxnet0", Some("192.168.56.9".into())), ("back-end", None), ("en0-Wi-Fi", None)]);
    assert_eq!(lab.networks["vboxnet0"].subnet, "192.168.56.0/24".parse().ok());
    assert_eq!(lab.networks["en0-Wi-Fi"].interface.as_deref(), Some("en0: Wi-Fi"));
    assert_eq!(lab.networks.len(), 4);
    let said = unknown.join("\n");
    for part in ["adapter 4 is plugged into null", "its address on back-end", "The subnet of back-end", "draw their services"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("web-1-a: its address on vboxnet0"), "{said}");
}

#[test]
fn what_all_are_clones_of_is_the_labs_image() {
    let lab = draw(&[found(SHOWN, "")], &around()).lab;
    assert_eq!(lab.image.map(|image| (image.name, image.snapshot)), Some(("web 1/a".into(), Some("base".into()))));
    assert_eq!(lab.nodes["web-1-a"].image, None);
    let both = draw(&[found(SHOWN, ""), found(&SHOWN.replace("web 1/a", "db"), "")], &around()).lab;
    assert_eq!((both.image, both.nodes["db"].image.as_ref().map(|image| image.name.as_str())), (None, Some("db")));
}

#[test]
fn ranges_of_dhcp_come_with_their_networks() {
    let shown = SHOWN.replace("nic3=\"intnet\"\nintnet3=\"back end\"", "nic3=\"natnetwork\"\nnat-network3=\"shared\"");
    let servers = "NetworkName: shared\nLowerIPAddress: 10.9.0.10\nUpperIPAddress: 10.9.0.99\nEnabled: Yes\n\n\
                   NetworkName: HostInterfaceNetworking-vboxnet0\nLowerIPAddress: 10.1.1.1\nUpperIPAddress: 10.1.1.9\nEnabled: Yes\n";
    let around =
        Around { nats: parse::nat_networks("Name: shared\nNetwork: 10.9.0.0/24\n"), dhcp: parse::dhcp_servers(servers), ..around() };
    let Imported { lab, unknown } = draw(&[found(&shown, "")], &around);
    assert_eq!(lab.networks["shared"].dhcp.map(|range| range.from), "10.9.0.10".parse().ok());
    assert_eq!(lab.networks["vboxnet0"].dhcp, None, "a range outside of the subnet");
    let said = unknown.join("\n");
    assert!(said.contains("its address on shared is not known"), "it may have one beside the range: {unknown:?}");
}

#[test]
fn both_ways_of_telling_addresses_are_read() {
    let old = "Name: /VirtualBox/GuestInfo/Net/0/MAC, value: 0800271122aa, timestamp: 1, flags:\nName: /VirtualBox/GuestInfo/Net/0/V4/IP, value: 10.0.2.15, timestamp: 1, flags: \n";
    assert_eq!(told_addresses(old), BTreeMap::from([("0800271122AA".into(), Ipv4Addr::new(10, 0, 2, 15))]));
    assert!(told_addresses("/VirtualBox/GuestInfo/Net/0/MAC = 'x\nnonsense = '\n = ''\n").is_empty());
}

#[test]
fn names_are_plain_and_roles_are_guessed_by_whole_words() {
    assert_eq!(
        [plain("", "n"), plain("///", "n"), plain("outside", "n"), plain(&"x".repeat(99), "n")],
        ["n".into(), "n".into(), "n".into(), "x".repeat(50)]
    );
    for (name, expected) in [("db-node-01", Role::Database), ("happy", Role::Worker), ("lb1", Role::Balancer), ("App_2", Role::App)] {
        assert_eq!(role(name), expected, "{name}");
    }
}

/// The machines of `vagrant up` in a folder `mini-cloud`, as its driver names them and forwards ssh.
#[test]
fn machines_of_vagrant_lose_what_it_adds() {
    let shown = |name: &str, port: u16, mac: &str| {
        SHOWN
            .replace("web 1/a", name)
            .replace("Forwarding(0)=\"http,tcp,,8080,,80\"", &format!("Forwarding(0)=\"ssh,tcp,127.0.0.1,{port},,22\"\nForwarding(1)=\"http,tcp,,8080,,80\"\nForwarding(2)=\"dns,udp,,5353,,53\""))
            .replace("080027000002", mac)
    };
    let told = "/VirtualBox/GuestInfo/Net/1/MAC   = '080027000012' @ x\n/VirtualBox/GuestInfo/Net/1/V4/IP = '192.168.56.9' @ x\n";
    let dynamic = "/VirtualBox/GuestInfo/Net/1/MAC   = '080027000022' @ x\n/VirtualBox/GuestInfo/Net/1/V4/IP = '192.168.56.120' @ x\n";
    // VirtualBox's own server of its first interface.
    let servers =
        "NetworkName: HostInterfaceNetworking-vboxnet0\nLowerIPAddress: 192.168.56.101\nUpperIPAddress: 192.168.56.254\nEnabled: Yes\n";
    let around = Around { dhcp: parse::dhcp_servers(servers), ..around() };
    let machines = [
        found(&shown("mini-cloud_db_1_1732881234867_31234", 2222, "080027000012"), told),
        found(&shown("mini-cloud_web_1_1732881299999_7", 2200, "080027000022"), dynamic),
    ];
    let Imported { lab, unknown } = draw(&machines, &around);
    let names: Vec<&str> = lab.nodes.keys().map(|name| &**name).collect();
    assert_eq!(names, ["db-1", "web-1"]);
    let forward = Forward { host: 8080, to: 80, address: Ipv4Addr::UNSPECIFIED };
    assert_eq!(lab.nodes["db-1"].adapters[0].forwards, [forward], "Vagrant's own way in is not kept");
    assert_eq!(lab.nodes["db-1"].address_on("vboxnet0"), Some(Ipv4Addr::new(192, 168, 56, 9)));
    assert_eq!(lab.nodes["web-1"].address_on("vboxnet0"), None);
    let said = unknown.join("\n");
    assert!(said.contains("web-1: 192.168.56.120 on vboxnet0 is in the range of its DHCP server"), "{said}");
    assert!(said.contains("db-1: a layout has no forwards of UDP, so 0.0.0.0:5353 -> 53 is left out"), "{said}");
    let findings = crate::rules::check(&lab, crate::catalog::Catalog::embedded(), &crate::rules::Context::default());
    assert!(!findings.iter().any(|finding| finding.rule == "invalid-node-name"), "{findings:?}");
}

#[test]
fn every_machine_gets_a_name_that_a_host_can_have() {
    let lab = Lab::new("x");
    let name = |machine: &str| node_name(machine, &lab).to_string();
    assert_eq!(name("D\u{e9}bian \u{fc}"), "D-bian");
    assert_eq!(
        ["app_1", "a-.b", "10.0.0.5", "localhost", "___", "..", "outside"].map(name),
        ["app-1", "a.b", "node-10-0-0-5", "node-localhost", "node", "node", "node"]
    );
    assert_eq!(vagrant_stem("box_default_1732881234867_31234"), Some("box_default"));
    assert_eq!(vagrant_stem("db_2_3"), None);
    assert_eq!(vagrant_head(&["box_default"]), 4);
    assert_eq!(vagrant_head(&["box_db_1"]), 4);
    assert_eq!(vagrant_head(&["box_web_1", "box_web_2"]), 4);
    assert_eq!(vagrant_head(&["my_box_web1", "my_box_db1"]), 7);
    assert_eq!(vagrant_head(&["a_web1", "b_web1"]), 0);
    assert_eq!(vagrant_head(&[]), 0);
}
