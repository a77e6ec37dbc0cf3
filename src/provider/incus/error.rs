//! What can go wrong between us and an Incus daemon, and what to tell people about it.

use super::remote::Remote;
use crate::{
    model::NodeName,
    provider::{ProviderError, Retry},
};
use std::{io, path::Path};

/// Why a daemon did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    /// There is no socket.
    #[error("no Incus daemon answers at {path}")]
    Absent {
        /// The socket.
        path: String,
    },
    /// There is a socket, and nobody listens on it.
    #[error("the Incus daemon at {path} does not listen now")]
    Deaf {
        /// The socket.
        path: String,
    },
    /// The socket is not for this user.
    #[error("this user may not open {path}")]
    Denied {
        /// The socket.
        path: String,
    },
    /// A remote daemon cannot be reached.
    #[error("{remote} cannot be reached: {why}")]
    Unreachable {
        /// The remote's name.
        remote: String,
        /// What the system said.
        why: String,
    },
    /// A remote's configuration is missing or makes no sense.
    #[error("{0}")]
    Configuration(String),
    /// It took too long.
    #[error("{what} took longer than {secs} s")]
    Slow {
        /// What did.
        what: String,
        /// The limit, in seconds.
        secs: u64,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The answer is not what the API says.
    #[error("the daemon's answer makes no sense: {0}")]
    Garbled(String),
    /// The daemon refused.
    #[error("{}", short(message))]
    Refused {
        /// The status: as of HTTP, or of the operation.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl ApiError {
    /// A socket that could not be opened.
    pub(super) fn socket(path: &Path, error: &io::Error) -> Self {
        let path = path.display().to_string();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied { path },
            io::ErrorKind::ConnectionRefused => Self::Deaf { path },
            _ => Self::Absent { path },
        }
    }

    /// A remote that could not be reached.
    pub(super) fn remote(remote: &Remote, error: &io::Error) -> Self {
        Self::Unreachable { remote: remote.name.clone(), why: error.to_string() }
    }

    /// Whether the thing that was asked about does not exist.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Whether the daemon is busy with something that will be over soon: worth a few more tries.
    pub(super) fn is_busy(&self) -> bool {
        let Self::Refused { status, message } = self else { return false };
        let words = [
            "is busy running",
            "database is locked",
            "Operation already in progress",
            "try again",
            "resource busy",
            // Incus 6.0: a node's cable that goes away while the daemon counts those of a bridge fails the bridge's removal.
            "Failed to delete bridge children interfaces",
            // Likewise: a file goes to a node before the daemon's helper for that has opened its socket (seen right after the first node).
            "forkfile.sock: connect",
        ];
        matches!(status, 429 | 503) || words.iter().any(|word| message.contains(word))
    }

    /// Whether a message of the daemon says this.
    pub(super) fn says(&self, words: &str) -> bool {
        matches!(self, Self::Refused { message, .. } if message.to_lowercase().contains(&words.to_lowercase()))
    }

    /// Tells people: what was tried, on which node, why not, and what to do.
    pub(super) fn explain(self, what: impl Into<String>, node: Option<&NodeName>) -> ProviderError {
        let (next, retry) = self.advice();
        ProviderError { what: what.into(), node: node.cloned(), why: self.to_string(), next, retry }
    }

    fn advice(&self) -> (String, Retry) {
        let useless = |text: &str| (text.to_owned(), Retry::Useless);
        let worth = |text: &str| (text.to_owned(), Retry::Worth);
        match self {
            Self::Absent { .. } => useless(
                "Install and start Incus: sudo apt install incus-base && sudo systemctl start incus; \
                 `sandtable doctor` says what else is missing; INCUS_SOCKET names another socket",
            ),
            Self::Deaf { .. } => worth(
                "It is starting, or it has ended: sudo systemctl restart incus; journalctl -u incus says why. What was under way is done again \
                 by the next deployment",
            ),
            Self::Denied { .. } => useless("Let this user in: sudo adduser \"$USER\" incus-admin, then log in again"),
            Self::Unreachable { remote, .. } => (
                format!(
                    "See that its daemon runs and listens: incus info {remote}: — and there: incus config set core.https_address :8443"
                ),
                Retry::Worth,
            ),
            Self::Configuration(_) => useless("`incus remote list` shows the remotes that are known; `incus remote add` adds one"),
            Self::Slow { .. } => worth("Try again; if it stays slow, look at what the machine is busy with"),
            Self::Broken(_) => worth("Try again; the daemon may have been restarted"),
            Self::Garbled(_) => useless("See that the daemon is Incus 6.0 or later: incus version"),
            Self::Refused { message, .. } => refused(message, self.is_busy()),
        }
    }
}

/// The longest message that people are shown whole, in letters.
const SHOWN_MAX: usize = 400;

/// What people are shown of a message: its first line, without its middle where that is long. A daemon whose disk is full says
/// so for each file (Incus 6.0.4).
fn short(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let count = line.chars().count();
    if count <= SHOWN_MAX {
        return line.to_owned();
    }
    let half = SHOWN_MAX / 2;
    let start: String = line.chars().take(half).collect();
    let end: String = line.chars().skip(count - half).collect();
    format!("{start} … {end}")
}

/// What to do about what a daemon refused, by what it says about it (as Incus 6.0.4 words it).
fn refused(message: &str, is_busy: bool) -> (String, Retry) {
    let known: [(&str, &str); 12] = [
        ("no space left", "Make room in the storage pool: incus storage info POOL shows it, incus storage set POOL size=… makes it larger"),
        (
            "disk quota exceeded",
            "Make room in the storage pool: incus storage info POOL shows it, incus storage set POOL size=… makes it larger",
        ),
        (
            "address already in use",
            "Something on the machine has that port or address; draw another, or stop what has it (ss -ltnp shows it)",
        ),
        // On a busy machine the daemon loses what its helper said (Incus 6.0.4).
        (
            "receive fd from listener process",
            "A port could not be forwarded; something on the machine may have that port or address: draw another, or stop what has it \
             (ss -ltnp shows it)",
        ),
        ("storage pool not found", "Make a storage pool: incus storage create default btrfs size=20GiB"),
        (
            "subuid",
            "Give root some user numbers for nodes: echo root:1000000:1000000000 | sudo tee -a /etc/subuid /etc/subgid, then restart Incus",
        ),
        ("dnsmasq", "Install dnsmasq: sudo apt install dnsmasq-base"),
        ("nft", "Install nftables: sudo apt install nftables"),
        ("not authorized", "Let this machine in: incus config trust add there, then incus remote add here"),
        ("certificate is restricted", "Ask for a certificate that may do this: incus config trust list shows what it may"),
        ("in use", "Something else uses it; `incus network show` and `incus list` say what"),
        ("not found", "`sandtable deploy` makes what is missing"),
    ];
    if is_busy {
        return ("Try again in a moment; incus operation list shows what it is busy with".into(), Retry::Worth);
    }
    let lower = message.to_lowercase();
    // Nobody can end that one through the daemon (Incus 6.0.4).
    if lower.contains("dnsmasq") && lower.contains("address already in use") {
        let next = "Something serves names or addresses there already: another network, or the dnsmasq that a daemon left which ended while \
                    it made this one. pgrep -af dnsmasq shows it: where its --interface= is no network of `incus network list`, sudo kill \
                    NUMBER, then deploy again; else draw another subnet";
        return (next.into(), Retry::Useless);
    }
    let hint = known.iter().find(|(words, _)| lower.contains(words)).map(|(_, hint)| *hint);
    (hint.unwrap_or("The daemon's log may say more: journalctl -u incus").to_owned(), Retry::Useless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_worth_a_try_and_a_full_disk_is_not() {
        let said = |message: &str| ApiError::Refused { status: 400, message: message.into() };
        let busy = said("Failed to start: Instance is busy running a \"start\" operation");
        assert!(busy.is_busy());
        assert!(said("Failed to delete bridge children interfaces: Failed to run: ip -d -j link show veth1").is_busy());
        assert!(said("dial unix /proc/self/fd/32/forkfile.sock: connect: no such file or directory").is_busy());
        assert_eq!(busy.explain("starting db1", None).retry, Retry::Worth);
        let full = said("Failed creating instance: write /var/lib/incus/x: no space left on device").explain("making db1", None);
        assert_eq!(full.retry, Retry::Useless);
        assert!(full.next.contains("storage pool"), "{}", full.next);
    }

    #[test]
    fn a_name_server_that_a_dead_daemon_left_is_told_from_one_that_is_missing() {
        let said = |message: &str| ApiError::Refused { status: 400, message: message.into() }.explain("making lab", None).next;
        let left =
            said("Failed to run: dnsmasq --interface=st1: dnsmasq: failed to create listening socket for 10.0.0.1: Address already in use");
        assert!(left.contains("pgrep -af dnsmasq") && left.contains("kill"), "{left}");
        let missing = said("Failed to run: dnsmasq --version: exec: \"dnsmasq\": executable file not found in $PATH");
        assert!(missing.contains("apt install dnsmasq-base"), "{missing}");
        assert!(!said("listen tcp 127.0.0.1:8080: bind: address already in use").contains("dnsmasq"));
    }

    #[test]
    fn a_long_message_is_shown_short() {
        let full =
            format!("Unpack failed: {}(tar: a: Cannot write: No space left on device\ntar: b: Cannot write\n", "--exclude=x ".repeat(200));
        let error = ApiError::Refused { status: 400, message: full }.explain("making db1", None);
        assert!(error.why.chars().count() < SHOWN_MAX + 10 && error.why.ends_with("No space left on device"), "{}", error.why);
        assert!(error.why.starts_with("Unpack failed") && error.next.contains("storage pool"));
    }

    #[test]
    fn a_socket_says_whether_it_is_absent_or_closed() {
        let path = Path::new("/run/incus.socket");
        let absent = ApiError::socket(path, &io::Error::from(io::ErrorKind::NotFound)).explain("looking", None);
        assert!(absent.next.contains("systemctl start incus"), "{}", absent.next);
        let denied = ApiError::socket(path, &io::Error::from(io::ErrorKind::PermissionDenied)).explain("looking", None);
        assert!(denied.next.contains("incus-admin"), "{}", denied.next);
    }
}
