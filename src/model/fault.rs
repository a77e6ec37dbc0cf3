//! Faults as people write them: a verb and what it falls on, in the file's own names.
//!
//! What a fault does to a running lab, and how it is undone, is not here: that is `fault/` and the providers.

use super::{NetworkName, NodeName, ServiceRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Something to break. Its text is what the command line takes: `stop db1/galera`, `cut app1,app2 db1,db2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Stop a service gracefully.
    Stop(ServiceRef),
    /// Kill a service (SIGKILL).
    Kill(ServiceRef),
    /// Freeze a service: it holds its sockets and answers nothing.
    Hang(ServiceRef),
    /// Stop a service and start it again. Over as soon as it is done: nothing to heal.
    Restart(ServiceRef),
    /// Give a BEAM node another cookie.
    Cookie(ServiceRef),
    /// Pull a node's plug.
    PowerOff(NodeName),
    /// Freeze a node.
    Pause(NodeName),
    /// Pull a node's cable to a network.
    LinkDown(NodeName, NetworkName),
    /// Nothing gets from the first node to the second; the other way stays open.
    OneWay(NodeName, NodeName),
    /// Nothing gets between any node of the first set and any of the second.
    Cut(Vec<NodeName>, Vec<NodeName>),
    /// This part of the packets of a node on a network is lost, in percent, 1 to 100.
    Loss(NodeName, NetworkName, u8),
    /// Each packet of a node on a network is late by this many milliseconds, 1 to 60000.
    Delay(NodeName, NetworkName, u32),
    /// Nothing from other nodes gets to a service's ports.
    Block(ServiceRef),
    /// A service's certificate is out of date.
    Expire(ServiceRef),
    /// A node's disk is full.
    FillDisk(NodeName),
    /// A node's memory is used up.
    FillMemory(NodeName),
    /// A node's processors are kept busy.
    HogCpu(NodeName),
    /// A node's clock is off by this many seconds, not 0, at most thirty days either way.
    Skew(NodeName, i64),
    /// DNS lookups fail on a node.
    NoDns(NodeName),
}

/// The farthest that a clock may be set off, in seconds.
const SKEW_SECS_MAX: i64 = 30 * 24 * 3600;
/// The longest delay, in milliseconds.
const DELAY_MS_MAX: u32 = 60_000;

/// The ports to which a node sends nothing while its lookups are blocked: DNS, and DNS over TLS (RFC 1035, RFC 7858).
pub const LOOKUP_PORTS: [u16; 2] = [53, 853];

/// How long a fault may be told to last, in seconds.
pub const FAULT_SECS: std::ops::RangeInclusive<u32> = 1..=86_400;

/// What a verb falls on: the headings of the palette of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultTarget {
    /// A service.
    Service,
    /// A node.
    Node,
    /// A node's adapter.
    Link,
    /// Several nodes.
    Nodes,
}

impl FaultTarget {
    /// All, in the palette's order.
    pub const ALL: [Self; 4] = [Self::Service, Self::Node, Self::Link, Self::Nodes];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Service => "Break a service",
            Self::Node => "Break a node",
            Self::Link => "Break a link",
            Self::Nodes => "Cut",
        }
    }
}

/// A fault's verb, what it falls on, and what it does: the one table behind help, menus, dialogs and the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultVerb {
    /// The word of the command line.
    pub word: &'static str,
    /// The label of its button.
    pub title: &'static str,
    /// What follows the word.
    pub takes: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    /// What it falls on.
    pub target: FaultTarget,
}

/// The number that a fault carries, its unit, and its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSize {
    /// What the number is.
    pub name: &'static str,
    /// Its value.
    pub value: i64,
    /// The least and the largest value.
    pub range: std::ops::RangeInclusive<i64>,
    /// Its unit.
    pub unit: &'static str,
    /// From one value to the next in a field.
    pub step: i64,
}

const fn verb(word: &'static str, title: &'static str, takes: &'static str, does: &'static str, target: FaultTarget) -> FaultVerb {
    FaultVerb { word, title, takes, does, target }
}

impl Fault {
    /// Every verb, in the order of help and menus.
    pub const VERBS: [FaultVerb; 19] = {
        use FaultTarget::{Link, Node, Nodes, Service};
        [
            verb("stop", "Stop", "NODE/SERVICE", "Stops a service gracefully.", Service),
            verb("kill", "Kill", "NODE/SERVICE", "Kills a service (SIGKILL).", Service),
            verb("hang", "Freeze", "NODE/SERVICE", "Freezes a service: it keeps its sockets and answers nothing.", Service),
            verb("restart", "Restart", "NODE/SERVICE", "Stops a service and starts it again.", Service),
            verb("cookie", "Cookie", "NODE/SERVICE", "Gives a BEAM node a cookie that the others do not have.", Service),
            verb("block", "Block", "NODE/SERVICE", "Drops what other nodes send to a service's ports.", Service),
            verb("expire", "Expire", "NODE/SERVICE", "Gives a service a certificate that is out of date.", Service),
            verb("power-off", "Power off", "NODE", "Pulls a node's plug.", Node),
            verb("pause", "Pause", "NODE", "Freezes a node.", Node),
            verb("fill-disk", "Fill disk", "NODE", "Fills a node's disk.", Node),
            verb("fill-memory", "Fill memory", "NODE", "Uses up a node's memory.", Node),
            verb("hog-cpu", "Stress CPU", "NODE", "Keeps a node's processors busy.", Node),
            verb("skew", "Skew clock", "NODE +SECONDSs", "Moves a node's clock forward or back.", Node),
            verb("no-dns", "Block DNS", "NODE", "Blocks DNS lookups on a node.", Node),
            verb("link-down", "Link down", "NODE NETWORK", "Pulls a node's cable to a network.", Link),
            verb("loss", "Loss", "NODE NETWORK PERCENT%", "Loses part of a node's packets on a network.", Link),
            verb("delay", "Delay", "NODE NETWORK TIMEms", "Makes a node's packets on a network late.", Link),
            verb("one-way", "One-way", "NODE NODE", "Drops what the first node sends to the second.", Nodes),
            verb("cut", "Cut off", "NODE,... NODE,...", "Drops everything between two sets of nodes.", Nodes),
        ]
    };

    /// Its entry in [`Fault::VERBS`].
    pub fn verb(&self) -> Option<&'static FaultVerb> {
        const VERBS: &[FaultVerb] = &Fault::VERBS;
        VERBS.iter().find(|verb| verb.word == self.word())
    }

    /// The number that it carries; `None`: it carries none.
    pub fn size(&self) -> Option<FaultSize> {
        let size = |name, value, range, unit, step| Some(FaultSize { name, value, range, unit, step });
        match self {
            Self::Loss(.., percent) => size("Loss", i64::from(*percent), 1..=100, "%", 5),
            Self::Delay(.., ms) => size("Delay", i64::from(*ms), 1..=i64::from(DELAY_MS_MAX), "ms", 50),
            Self::Skew(_, secs) => size("Clock skew", *secs, -SKEW_SECS_MAX..=SKEW_SECS_MAX, "s", 30),
            _ => None,
        }
    }

    /// The same fault with another number, within its bounds; a fault without a number as it is.
    #[must_use]
    pub fn sized(&self, value: i64) -> Self {
        let Some(size) = self.size() else { return self.clone() };
        let value = value.clamp(*size.range.start(), *size.range.end());
        match self {
            Self::Loss(node, network, percent) => Self::Loss(node.clone(), network.clone(), u8::try_from(value).unwrap_or(*percent)),
            Self::Delay(node, network, ms) => Self::Delay(node.clone(), network.clone(), u32::try_from(value).unwrap_or(*ms)),
            // A clock that is off by nothing is not off.
            Self::Skew(node, _) => Self::Skew(node.clone(), if value == 0 { 1 } else { value }),
            other => other.clone(),
        }
    }

    /// The verb's word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Stop(_) => "stop",
            Self::Kill(_) => "kill",
            Self::Hang(_) => "hang",
            Self::Restart(_) => "restart",
            Self::Cookie(_) => "cookie",
            Self::PowerOff(_) => "power-off",
            Self::Pause(_) => "pause",
            Self::LinkDown(..) => "link-down",
            Self::OneWay(..) => "one-way",
            Self::Cut(..) => "cut",
            Self::Loss(..) => "loss",
            Self::Delay(..) => "delay",
            Self::Block(_) => "block",
            Self::Expire(_) => "expire",
            Self::FillDisk(_) => "fill-disk",
            Self::FillMemory(_) => "fill-memory",
            Self::HogCpu(_) => "hog-cpu",
            Self::Skew(..) => "skew",
            Self::NoDns(_) => "no-dns",
        }
    }

    /// What it falls on, as text.
    pub fn on(&self) -> String {
        self.words().join(" ")
    }

    /// What it falls on, one word each: names with blanks in them stay one word.
    fn words(&self) -> Vec<String> {
        let list = |nodes: &[NodeName]| nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(",");
        if let Some(at) = self.service() {
            return vec![at.to_string()];
        }
        match self {
            Self::LinkDown(node, network) => vec![node.to_string(), network.to_string()],
            Self::OneWay(from, to) => vec![from.to_string(), to.to_string()],
            Self::Cut(one, other) => vec![list(one), list(other)],
            Self::Loss(node, network, percent) => vec![node.to_string(), network.to_string(), format!("{percent}%")],
            Self::Delay(node, network, ms) => vec![node.to_string(), network.to_string(), format!("{ms}ms")],
            Self::Skew(node, secs) => vec![node.to_string(), format!("{secs:+}s")],
            _ => self.nodes().into_iter().map(ToString::to_string).collect(),
        }
    }

    /// The service that it falls on; `None`: it falls on something else.
    pub fn service(&self) -> Option<&ServiceRef> {
        match self {
            Self::Stop(at)
            | Self::Kill(at)
            | Self::Hang(at)
            | Self::Restart(at)
            | Self::Cookie(at)
            | Self::Block(at)
            | Self::Expire(at) => Some(at),
            _ => None,
        }
    }

    /// The adapter that it falls on; `None`: it falls on something else.
    pub fn adapter(&self) -> Option<(&NodeName, &NetworkName)> {
        match self {
            Self::LinkDown(node, network) | Self::Loss(node, network, _) | Self::Delay(node, network, _) => Some((node, network)),
            _ => None,
        }
    }

    /// Whether it is over as soon as it is done, so that there is nothing to heal.
    pub fn is_over_at_once(&self) -> bool {
        matches!(self, Self::Restart(_))
    }

    /// Reads a fault from words, one each: `["cut", "app1,app2", "db1"]`. Names with blanks stay one word.
    ///
    /// # Errors
    /// Where the verb is unknown, or what follows it does not fit; the message says what would.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Result<Self, FaultParseError> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let Some((verb, rest)) = words.split_first() else {
            return Err(FaultParseError("say what to break: a verb and what it falls on, such as stop db1/galera".into()));
        };
        let Some(known) = Self::VERBS.iter().find(|known| known.word == *verb) else {
            let nearest = super::refs::nearest(verb, &mut Self::VERBS.iter().map(|known| known.word));
            let hint = nearest.map_or_else(String::new, |word| format!("; did you mean {word}?"));
            let all: Vec<&str> = Self::VERBS.iter().map(|known| known.word).collect();
            return Err(FaultParseError(format!("unknown fault {verb:?}{hint} (known: {})", all.join(", "))));
        };
        let usage = |why: String| FaultParseError(format!("{why}; write {} {}", known.word, known.takes));
        let wrong_count = || usage(format!("{verb} takes {}", known.takes));
        let node = |text: &str| text.parse::<NodeName>().map_err(|error| usage(format!("node {text:?}: {error}")));
        let network = |text: &str| text.parse::<NetworkName>().map_err(|error| usage(format!("network {text:?}: {error}")));
        let service = |text: &str| text.parse::<ServiceRef>().map_err(&usage);
        let nodes = |text: &str| text.split(',').map(node).collect::<Result<Vec<_>, _>>();
        Ok(match (*verb, rest) {
            ("stop", [at]) => Self::Stop(service(at)?),
            ("kill", [at]) => Self::Kill(service(at)?),
            ("hang", [at]) => Self::Hang(service(at)?),
            ("restart", [at]) => Self::Restart(service(at)?),
            ("cookie", [at]) => Self::Cookie(service(at)?),
            ("power-off", [on]) => Self::PowerOff(node(on)?),
            ("pause", [on]) => Self::Pause(node(on)?),
            ("link-down", [on, wire]) => Self::LinkDown(node(on)?, network(wire)?),
            ("one-way", [from, to]) => Self::OneWay(node(from)?, node(to)?),
            ("cut", [one, other]) => {
                let (one, other) = (nodes(one)?, nodes(other)?);
                if let Some(both) = one.iter().find(|node| other.contains(node)) {
                    return Err(usage(format!("{both} is on both sides of the cut")));
                }
                Self::Cut(one, other)
            }
            ("loss", [on, wire, percent]) => {
                let number = percent.strip_suffix('%').unwrap_or(percent).parse::<u8>().ok().filter(|percent| (1..=100).contains(percent));
                Self::Loss(
                    node(on)?,
                    network(wire)?,
                    number.ok_or_else(|| usage(format!("{percent:?} is not a percentage from 1% to 100%")))?,
                )
            }
            ("delay", [on, wire, time]) => {
                let number = time.strip_suffix("ms").unwrap_or(time).parse::<u32>().ok().filter(|ms| (1..=DELAY_MS_MAX).contains(ms));
                Self::Delay(node(on)?, network(wire)?, number.ok_or_else(|| usage(format!("{time:?} is not a time from 1ms to 60000ms")))?)
            }
            ("block", [at]) => Self::Block(service(at)?),
            ("expire", [at]) => Self::Expire(service(at)?),
            ("fill-disk", [on]) => Self::FillDisk(node(on)?),
            ("fill-memory", [on]) => Self::FillMemory(node(on)?),
            ("hog-cpu", [on]) => Self::HogCpu(node(on)?),
            ("skew", [on, time]) => {
                let number = time.strip_suffix('s').unwrap_or(time).parse::<i64>().ok();
                let number = number.filter(|secs| *secs != 0 && secs.abs() <= SKEW_SECS_MAX);
                Self::Skew(
                    node(on)?,
                    number.ok_or_else(|| usage(format!("{time:?} is not a time such as +90s or -3600s, of 30 days at most")))?,
                )
            }
            ("no-dns", [on]) => Self::NoDns(node(on)?),
            _ => return Err(wrong_count()),
        })
    }

    /// The nodes it falls on.
    pub fn nodes(&self) -> Vec<&NodeName> {
        match self {
            Self::Stop(at)
            | Self::Kill(at)
            | Self::Hang(at)
            | Self::Restart(at)
            | Self::Cookie(at)
            | Self::Block(at)
            | Self::Expire(at) => {
                vec![&at.node]
            }
            Self::PowerOff(node)
            | Self::Pause(node)
            | Self::LinkDown(node, _)
            | Self::Loss(node, ..)
            | Self::Delay(node, ..)
            | Self::FillDisk(node)
            | Self::FillMemory(node)
            | Self::HogCpu(node)
            | Self::Skew(node, _)
            | Self::NoDns(node) => vec![node],
            Self::OneWay(from, to) => vec![from, to],
            Self::Cut(one, other) => one.iter().chain(other).collect(),
        }
    }
}

/// Reads how long a fault is to last: `90`, `90s`, `5m`, `1h`.
///
/// # Errors
/// Where the text is no time within [`FAULT_SECS`].
pub fn fault_secs(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.as_bytes().last().copied()),
        None => (text, None),
    };
    let times = match unit {
        Some(b'm') => 60,
        Some(b'h') => 3600,
        _ => 1,
    };
    let found = number.parse::<u32>().ok().and_then(|number| number.checked_mul(times)).filter(|secs| FAULT_SECS.contains(secs));
    found.ok_or_else(|| format!("{text:?} is not a time from 1s to 24h, such as 90s or 5m"))
}

/// Why a text is not a fault, and what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultParseError(pub String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.word(), self.on())
    }
}

impl FromStr for Fault {
    type Err = FaultParseError;
    /// Reads a fault from one text; names with blanks in them need [`Fault::from_words`].
    fn from_str(text: &str) -> Result<Self, FaultParseError> {
        Self::from_words(&text.split_whitespace().collect::<Vec<_>>())
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As words, so that names with blanks survive.
        std::iter::once(self.word().to_owned()).chain(self.words()).collect::<Vec<_>>().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Self::from_words(&words).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_reads_back() {
        for text in [
            "stop db1/galera",
            "kill db1/galera",
            "hang db1/galera",
            "restart app1/todo",
            "cookie us1/beam",
            "power-off db1",
            "pause db1",
            "link-down db1 backend",
            "one-way app1 db1",
            "cut app1,app2 db1,db2",
            "loss db1 backend 20%",
            "delay db1 backend 200ms",
            "block db1/galera",
            "expire lb/haproxy",
            "fill-disk db2",
            "fill-memory db2",
            "hog-cpu app1",
            "skew db1 +90s",
            "skew db1 -3600s",
            "no-dns app1",
        ] {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault);
        }
        let fault: Fault = "skew db1 90".parse().unwrap();
        assert_eq!(fault.to_string(), "skew db1 +90s");
    }

    #[test]
    fn a_wrong_fault_says_what_would_do() {
        let error = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(error("").contains("stop db1/galera"));
        assert!(error("stpo db1/galera").contains("did you mean stop?"));
        assert!(error("stop db1").contains("NODE/SERVICE"));
        assert!(error("loss db1 backend 0%").contains("1% to 100%"));
        assert!(error("cut a,b b,c").contains("both sides"));
        assert!(error("pause").contains("pause takes NODE"));
        assert!(error("skew db1 0s").contains("+90s") && error("skew db1 +9999999999s").contains("30 days"));
    }

    #[test]
    fn sizes_stay_within_their_bounds_and_every_verb_stands_once() {
        let sized = |text: &str, value| text.parse::<Fault>().unwrap().sized(value).to_string();
        assert_eq!(sized("loss db1 backend 20%", 250), "loss db1 backend 100%");
        assert_eq!(sized("delay db1 backend 200ms", 0), "delay db1 backend 1ms");
        assert_eq!(sized("skew db1 +90s", 0), "skew db1 +1s");
        assert_eq!(sized("skew db1 +90s", -3600), "skew db1 -3600s");
        assert_eq!(sized("stop db1/galera", 7), "stop db1/galera");
        let mut words: Vec<&str> = Fault::VERBS.iter().map(|verb| verb.word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Fault::VERBS.len());
    }

    #[test]
    fn how_long_is_read_with_its_unit() {
        assert_eq!(["90", "90s", "5m", "1h"].map(fault_secs), [Ok(90), Ok(90), Ok(300), Ok(3600)]);
        for wrong in ["", "0s", "25h", "5 m", "-3s", "99999999999h"] {
            assert!(fault_secs(wrong).unwrap_err().contains("1s to 24h"), "{wrong}");
        }
    }
}
