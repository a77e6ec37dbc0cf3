//! A node's firewall as it is rendered, loaded in a network namespace in the node's place, and a real sshd behind it: who comes in by ssh
//! and who does not.

use super::{deploy, none};
use crate::support::{Bed, runtime};
use sandtable::{
    model::{Adapter, Lab, Network, NetworkKind, NodeName},
    plan::LabId,
    provider::machines::Machines,
    provision::{firewall, prelude},
};
use std::process::Command;

/// The node in its namespace, all its neighbours in another: the host, NAT's gateway, other nodes, strangers. Words: the addresses of the
/// node, then all that are to knock. Prints each that is let in. The first word says whether the firewall is loaded.
const KNOCK: &str = r#"
set -eu
folder=$1 loaded=$2 node=$3 others=$4
sshd=$(command -v /usr/sbin/sshd)
unshare --net --mount sleep 300 >/dev/null 2>&1 & inside=$!
unshare --net --mount sleep 300 >/dev/null 2>&1 & outside=$!
daemon=
trap 'kill $inside $outside $daemon 2>/dev/null' EXIT
for pid in $inside $outside; do
    while [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
done
within() { nsenter -t "$inside" --net --mount -- "$@"; }
around() { nsenter -t "$outside" --net --mount -- "$@"; }
within ip link set lo up
around ip link set lo up
around ip link add wire type veth peer name card netns "$inside"
for address in $node; do within ip address add "$address/24" dev card; done
for address in $others; do around ip address add "$address/24" dev wire; done
within ip link set card up
around ip link set wire up
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$folder/host"
ssh-keygen -q -t ed25519 -N '' -f "$folder/login"
printf '%s\n' "ListenAddress 0.0.0.0" "HostKey $folder/host" "AuthorizedKeysFile $folder/login.pub" 'PidFile none' 'StrictModes no' 'UsePAM no' \
    'PermitRootLogin yes' >"$folder/sshd_config"
nsenter -t "$inside" --net --mount -- "$sshd" -D -e -f "$folder/sshd_config" >"$folder/log" 2>&1 & daemon=$!
until around bash -c ": </dev/tcp/${node%% *}/22" 2>/dev/null; do kill -0 $daemon; sleep 0.1; done
if [ "$loaded" = yes ]; then
    # Where the node keeps its firewall, and where scripts of other nodes lock each other out.
    within mount -t tmpfs none /run
    within mkdir /run/sshd
    mkdir -p "$folder/etc"
    [ -d /etc/sandtable ] || { mkdir /etc/sandtable; ours=1; }
    within mount --bind "$folder/etc" /etc/sandtable
    within sh -s <"$folder/script"
    within nft list table inet sandtable >&2
fi
knocks=
for other in $others; do
    for address in $node; do
        [ "${address%.*}" = "${other%.*}" ] || continue
        {
            if around ssh -n -F none -i "$folder/login" -o BatchMode=yes -o ConnectTimeout=3 -o StrictHostKeyChecking=no \
                -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -b "$other" "root@$address" true; then echo "in: $other"; fi
        } &
        knocks="$knocks $!"
    done
done
wait $knocks
[ -z "${ours:-}" ] || rmdir /etc/sandtable
"#;

/// Who of `others` is let in at a node.
fn let_in(bed: &Bed, rules: Option<&str>, node: &[String], others: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir_in(bed.folder.path()).unwrap();
    let script = format!(
        "{}\nmain() {{\nbegin\nmkdir -p /etc/sandtable/firewall\ncp {}/rules /etc/sandtable/firewall/00-base.nft\nkernel() {{ :; }}\nfirewall\nend\n}}\nmain </dev/null\n",
        prelude(),
        folder.path().display()
    );
    std::fs::write(folder.path().join("script"), script).unwrap();
    std::fs::write(folder.path().join("rules"), rules.unwrap_or_default()).unwrap();
    let loaded = if rules.is_some() { "yes" } else { "no" };
    let words = ["-c", KNOCK, "knock", folder.path().to_str().unwrap(), loaded, &node.join(" "), &others.join(" ")];
    let done = Command::new("bash").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(rules.is_none() || said.contains("::done"), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let mut found: Vec<String> = said.lines().filter_map(|line| line.strip_prefix("in: ")).map(str::to_owned).collect();
    found.sort();
    found
}

/// What a lab's nodes open for ssh is what ssh needs, and nobody else's.
pub fn ssh_comes_in_by_its_doors(bed: &Bed, id: &LabId, mut drawn: Lab) {
    let missing = ["/usr/sbin/sshd", "/usr/sbin/nft"].into_iter().find(|program| !std::path::Path::new(program).exists());
    if let Some(missing) = missing {
        eprintln!("skipped: {missing} is not installed (openssh-server, nftables)");
        return;
    }
    bed.image("image", "base");
    Bed::interface("vboxnet78", "192.168.78.5/24");
    let mut network = |name: &str, kind, subnet: &str| {
        drawn.networks.insert(name.parse().unwrap(), Network::with_subnet(kind, subnet.parse().unwrap()));
    };
    network("lan", NetworkKind::HostOnly, "192.168.78.0/24");
    network("inner", NetworkKind::Internal, "10.79.0.0/24");
    drawn.networks.insert("out".parse().unwrap(), Network::new(NetworkKind::Nat));
    let on = |network: &str, address: &str| Adapter { address: address.parse().ok(), ..Adapter::on(network.parse().unwrap()) };
    let nodes: Vec<NodeName> = drawn.nodes.keys().take(2).cloned().collect();
    let (first, second) = (&nodes[0], &nodes[1]);
    drawn.nodes[first].adapters = vec![on("out", ""), on("lan", "192.168.78.10"), on("inner", "10.79.0.10")];
    drawn.nodes[second].adapters = vec![on("inner", "10.79.0.11")];
    // The host's address is not its network's first, as it may be where a user made the interface.
    let others = ["192.168.78.5", "192.168.78.1", "192.168.78.77", "10.0.2.2", "10.0.2.9", "10.0.3.2", "10.79.0.12"];
    runtime().block_on(async {
        let lab = bed.lab(id);
        none("deploy", &deploy(&drawn, id, &lab).await);
        let below = lab.look().await.unwrap();
        let doors = |node: &NodeName| lab.doors(below.machines[node].spec.as_ref().unwrap());
        let at = |addresses: &[&str]| addresses.iter().map(|address| (*address).to_owned()).collect::<Vec<_>>();
        let reached = at(&["192.168.78.10", "10.0.2.15", "10.79.0.10"]);
        let apart = at(&["10.79.0.11", "10.0.3.15"]);
        assert_eq!(let_in(bed, None, &reached, &others).len(), 6, "without a firewall all come in that are on its networks");
        let rules = firewall::base(&doors(first));
        assert_eq!(let_in(bed, Some(&rules), &reached, &others), ["10.0.2.2", "192.168.78.5"], "the host, and NAT's gateway");
        let rules = firewall::base(&doors(second));
        assert_eq!(let_in(bed, Some(&rules), &apart, &others), ["10.0.3.2", "10.79.0.12"], "by its uplink, and through its neighbours");
        none("destroy", &super::remove(&lab).await);
    });
}
