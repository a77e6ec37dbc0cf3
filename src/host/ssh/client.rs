//! The command line of OpenSSH's client that does what this module does: for people, who want a terminal.

use super::{Become, Host, HostKeys, LoginKey, quoted_all};

impl Host {
    /// The words that open a shell there, `ssh` being the first. The host's keys are given by a command (OpenSSH 8.5 and later), so no
    /// file of the user's is read or written. A host whose key is not known yet, and a key that is no file, leave it to the user's own
    /// client to ask. With a command they run it there instead, without a terminal; ssh ends with its exit code.
    pub fn client(&self, command: &[String]) -> Vec<String> {
        let mut words = vec!["ssh".to_owned()];
        words.extend(command.is_empty().then(|| "-t".to_owned()));
        words.extend(self.options());
        words.push(self.target());
        if !command.is_empty() {
            // The user's shell there reads one line.
            let sudo: &[&str] = if self.becomes == Become::Root { &["sudo", "-n", "--"] } else { &[] };
            words.push(quoted_all(sudo.iter().copied().chain(command.iter().map(String::as_str))));
        } else if self.becomes == Become::Root {
            words.extend(["sudo", "-i"].map(str::to_owned));
        }
        words
    }

    fn target(&self) -> String {
        format!("{}@{}", self.user, self.address)
    }

    fn options(&self) -> Vec<String> {
        let mut words = vec!["-p".to_owned(), self.port.to_string()];
        if let LoginKey::File(path) = &self.key {
            words.extend(["-i".to_owned(), doubled(&path.display().to_string())]);
            words.extend(["-o", "IdentitiesOnly=yes"].map(str::to_owned));
        }
        let mut option = |name: &str, value: &str| words.extend(["-o".to_owned(), format!("{name}={value}")]);
        if let HostKeys::Known(keys) = &self.host_keys
            && let Some(key) = keys.iter().find(|key| key.kind() == Some("ssh-ed25519")).or_else(|| keys.first())
        {
            // What is asked for is `address` with the usual port, `[address]:port` with another.
            let name = if self.port == 22 { self.address.clone() } else { format!("[{}]:{}", self.address, self.port) };
            option("KnownHostsCommand", &doubled(&format!("/bin/echo {name} {key}")));
            option("HostKeyAlgorithms", key.kind().unwrap_or("ssh-ed25519"));
            option("UserKnownHostsFile", "/dev/null");
            option("GlobalKnownHostsFile", "/dev/null");
            option("StrictHostKeyChecking", "yes");
        }
        if let Some(through) = &self.through {
            let mut jump = vec!["ssh".to_owned()];
            jump.extend(through.options());
            jump.extend(["-W".to_owned(), format!("{}:{}", self.address, self.port), through.target()]);
            option("ProxyCommand", &doubled(&quoted_all(jump.iter().map(String::as_str))));
        }
        words
    }
}

/// ssh reads signs behind a percent sign in some options.
fn doubled(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::super::HostKey;
    use super::*;
    use std::{sync::Arc, time::Duration};

    fn host(address: &str, port: u16, through: Option<Host>) -> Host {
        let key = HostKey::parse("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7Gh4c4mn0P0M5hlzQSZQ5ZtWRu0MKqzGVJ6yq3sTn1").unwrap();
        Host {
            name: "db1".into(),
            address: address.into(),
            port,
            user: "lab".into(),
            key: LoginKey::File("/keys/a key".into()),
            host_keys: HostKeys::Known(vec![key]),
            becomes: Become::Nobody,
            connect_timeout: Duration::from_secs(1),
            through: through.map(Arc::new),
        }
    }

    #[test]
    fn a_host_is_asked_for_by_its_known_key() {
        let words = host("127.0.0.1", 2401, None).client(&[]);
        assert_eq!(words[..4], ["ssh", "-t", "-p", "2401"]);
        assert!(words.iter().any(|word| word.starts_with("KnownHostsCommand=/bin/echo [127.0.0.1]:2401 ssh-ed25519 AAAA")), "{words:?}");
        assert_eq!(words.last().unwrap(), "lab@127.0.0.1");
    }

    #[test]
    fn the_way_through_another_is_one_word_for_a_shell() {
        let mut through = host("192.168.56.10", 22, None);
        through.becomes = Become::Root;
        let mut far = host("192.168.60.21", 22, Some(through));
        far.becomes = Become::Root;
        let words = far.client(&[]);
        let proxy = words.iter().find_map(|word| word.strip_prefix("ProxyCommand=")).unwrap();
        let split = shlex(proxy);
        assert_eq!(split[0], "ssh");
        assert!(split.contains(&"/keys/a key".to_owned()), "{split:?}");
        assert_eq!(split[split.len() - 3..], ["-W", "192.168.60.21:22", "lab@192.168.56.10"]);
        assert_eq!(words[words.len() - 2..], ["sudo", "-i"]);
        let command = ["test", "-e", "/a b; reboot"].map(str::to_owned);
        let words = far.client(&command);
        assert!(!words.contains(&"-t".to_owned()), "a command needs no terminal: {words:?}");
        assert_eq!(shlex(words.last().unwrap()), ["sudo", "-n", "--", "test", "-e", "/a b; reboot"]);
    }

    /// What a real shell makes of a line.
    fn shlex(line: &str) -> Vec<String> {
        let out = std::process::Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}
