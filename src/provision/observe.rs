//! The loop that watches one node from inside: the text of `assets/node/observe.sh` with what differs from node to node.
//!
//! Only numbers and addresses are put before it, so nothing of a layout can be read as a command.

use crate::model::{NodeName, Observed};
use crate::probe::tries::{How, Start, Try, peers};
use std::fmt::Write as _;

/// The loop.
const OBSERVE: &str = include_str!("../../assets/node/observe.sh");
/// What runs it: bash where there is one, for a third of the processes; else any POSIX shell. It reads the loop from its input.
pub const SHELL: [&str; 3] = ["sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash -s; else exec sh -s; fi"];
/// How long it runs, in rounds of two seconds: half an hour, then whoever watches begins anew.
const ROUNDS_MAX: u32 = 900;

/// The loop for a node: it answers for the tries that start there, by their place in the list.
pub fn watching(node: &NodeName, tries: &[Try], seen: &Observed) -> String {
    let mut text = format!("rounds_max={ROUNDS_MAX}\ntargets='");
    for (number, one) in tries.iter().enumerate() {
        if one.from != Start::Node(node.clone()) {
            continue;
        }
        let how = match one.how {
            How::Connect => "tcp",
            How::Greet => "ssh",
            How::Packets => "ping",
        };
        let port = one.at.port.map(|port| format!(" {port}")).unwrap_or_default();
        // Writing to a text cannot fail.
        let _infallible = write!(text, "{number} {how} {}{port};", one.at.address);
    }
    text.push_str("'\npeers='");
    let found: Vec<String> = peers(node, tries, seen).iter().map(ToString::to_string).collect();
    text.push_str(&found.join(" "));
    text.push_str("'\n");
    text + OBSERVE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        plan::fixture::mini_cloud,
        probe::{
            fixture::set_up,
            record::read,
            tries::{Beyond, tries},
        },
    };

    #[test]
    fn a_node_tries_what_starts_there() {
        let lab = mini_cloud();
        let seen = set_up(&lab);
        let found = tries(&lab.flows, &seen, Catalog::embedded(), &Beyond { outside: &|_| None, beyond: &|_| None });
        let text = watching(&"app1".parse().unwrap(), &found, &seen);
        let head: Vec<&str> = text.lines().take(3).collect();
        assert_eq!(head[0], "rounds_max=900");
        assert!(head[1].contains(" tcp 192.168.60.30 3306;"), "{}", head[1]);
        assert!(head[2].contains("192.168.60.21") && head[2].contains("192.168.60.22"), "{}", head[2]);
        let nothing = watching(&"db1".parse().unwrap(), &[], &seen);
        assert!(nothing.contains("targets=''\npeers=''\n"));
    }

    /// The loop, run by each shell of this machine on a folder of services, writes records that can be read, and nothing else.
    #[test]
    fn shells_write_what_the_reader_reads() {
        let folder = tempfile::tempdir().unwrap();
        let services = folder.path().join("services");
        for (slug, health, facts) in [("web", "echo fine", "echo 'requests 12'"), ("odd", "echo \"it's $(date) `id`\"; exit 2", "")] {
            let home = services.join(slug);
            std::fs::create_dir_all(&home).unwrap();
            for (name, text) in [("name", slug), ("health", health), ("facts", facts)] {
                std::fs::write(home.join(name), text).unwrap();
            }
        }
        for shell in ["dash", "bash", "busybox"] {
            let mut command = std::process::Command::new(shell);
            if shell == "busybox" {
                command.arg("sh");
            }
            let text = format!("base={} rounds_max=1 targets='0 tcp 127.0.0.1 1;' peers=\n{OBSERVE}", folder.path().display());
            let Ok(output) = command.arg("-c").arg(text).output() else { continue };
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            for line in text.lines() {
                assert!(read(line).is_some(), "{shell}: {line:?}");
            }
            for expected in ["h.1 service web 0 fine", "h.1 fact web requests 12", "h.1 service odd 2 it's ", "r.1 hello", "alive 1", "bye"]
            {
                assert!(text.contains(expected), "{shell} does not say {expected:?}: {text}");
            }
            assert_eq!(output.stderr, b"", "{shell}");
        }
    }
}
