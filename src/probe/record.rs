//! What a node says of itself, a record a line: the reader of what `assets/node/observe.sh` writes.
//!
//! It takes any bytes and never fails: a line that is no record is none. Texts that came from a node are cut and cleaned, for
//! people and terminals will see them.

use crate::model::Ipv4Net;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The longest line that is read, in bytes; what is longer was not written by us.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// The longest text that is kept of a reason or a value, in characters.
const TEXT_MAX: usize = 200;
/// The most sockets, addresses or nodes that one line may name.
const LIST_MAX: usize = 4096;

/// Which way an address went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It came.
    Came,
    /// It left.
    Left,
}

/// What trying a flow came to, as the caller says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was answered, after so many microseconds where they were measured.
    Open(Option<u32>),
    /// Somebody said no.
    Refused,
    /// There is no way there, says the caller's own system.
    NoRoute,
    /// Nobody answered in time.
    Late,
    /// It cannot be tried in this way here.
    Unknown,
}

/// One thing that a node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// It begins. What its clock shows, in seconds since 1970.
    Hello(u64),
    /// Another round is over.
    Alive(u64),
    /// Its time is over; nothing is wrong.
    Bye,
    /// How a service answered: 0 is healthy, 2 degraded, all else down.
    Service {
        /// The service, by its slug.
        slug: String,
        /// The exit code of its health script; 124: it did not answer in time.
        code: u8,
        /// Why, in a line.
        reason: String,
    },
    /// What else a service says of itself.
    Fact {
        /// The service, by its slug.
        slug: String,
        /// What.
        name: String,
        /// How much, or which.
        value: String,
    },
    /// An address came or went just now.
    Address(Went, String, Ipv4Net),
    /// All addresses and their interfaces.
    Addresses(Vec<(String, Ipv4Net)>),
    /// All sockets that wait for somebody.
    Listening(Vec<SocketAddrV4>),
    /// Where packets came from within the last seconds.
    Heard(Vec<Ipv4Addr>),
    /// What the node says of itself: `disk-percent`, `clock`.
    Node {
        /// What.
        name: String,
        /// How much.
        value: String,
    },
    /// How a flow that starts there fared, by its number.
    Flow(usize, Answer),
}

/// A record with its place among those of its writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// The writer.
    pub writer: char,
    /// Its number; it never falls.
    pub number: u64,
    /// What it says.
    pub record: Record,
}

/// Reads a line; `None` where it is no record.
pub fn read(line: &str) -> Option<Numbered> {
    if line.len() > LINE_BYTES_MAX {
        return None;
    }
    let (place, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
    let (writer, number) = place.split_once('.')?;
    let mut letters = writer.chars();
    let (writer, None) = (letters.next()?, letters.next()) else { return None };
    let number = number.parse().ok()?;
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let record = match word {
        "hello" => Record::Hello(rest.split(' ').nth(1)?.parse().ok()?),
        "alive" => Record::Alive(rest.parse().ok()?),
        "bye" => Record::Bye,
        "service" => service(rest)?,
        "fact" => {
            let (slug, fact) = rest.split_once(' ')?;
            let (name, value) = fact.split_once([' ', '\t']).unwrap_or((fact, ""));
            Record::Fact { slug: slug.to_owned(), name: clean(name), value: clean(value) }
        }
        "address" => address(rest)?,
        "addresses" => Record::Addresses(addresses(rest)),
        "listening" => Record::Listening(sockets(rest)),
        "heard" => Record::Heard(heard(rest)),
        "node" => {
            let (name, value) = rest.split_once(' ')?;
            Record::Node { name: clean(name), value: clean(value) }
        }
        "flow" => {
            let (flow, answer) = rest.split_once(' ')?;
            Record::Flow(flow.parse().ok()?, read_answer(answer))
        }
        _ => return None,
    };
    Some(Numbered { writer, number, record })
}

fn service(rest: &str) -> Option<Record> {
    let (slug, rest) = rest.split_once(' ')?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(Record::Service { slug: slug.to_owned(), code: code.parse().ok()?, reason: clean(reason) })
}

fn address(rest: &str) -> Option<Record> {
    let mut words = rest.split_whitespace();
    let went = match words.next()? {
        "+" => Went::Came,
        "-" => Went::Left,
        _ => return None,
    };
    let interface = words.next()?;
    Some(Record::Address(went, interface.to_owned(), net(words.next()?)?))
}

fn addresses(rest: &str) -> Vec<(String, Ipv4Net)> {
    let words: Vec<&str> = rest.split_whitespace().take(2 * LIST_MAX).collect();
    let pairs = words.chunks_exact(2).filter_map(|pair| match pair {
        [interface, text] => Some(((*interface).to_owned(), net(text)?)),
        _ => None,
    });
    pairs.collect()
}

/// An address as ip(8) writes it: with its prefix length, or alone where it is that of one host.
fn net(text: &str) -> Option<Ipv4Net> {
    text.parse().ok().or_else(|| text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from))
}

/// Sockets as /proc/net/tcp and /proc/net/udp have them: `0100007F:0CEA/0A`. Addresses are the kernel's 32-bit words as they
/// lie in memory, so this reads them as a little-endian machine writes them (proc(5)).
fn sockets(rest: &str) -> Vec<SocketAddrV4> {
    let mut found: Vec<SocketAddrV4> = rest.split_whitespace().take(LIST_MAX).filter_map(socket).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn socket(text: &str) -> Option<SocketAddrV4> {
    let (local, state) = text.split_once('/')?;
    if !matches!(state, "0A" | "07") {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let word = match address.len() {
        8 => address,
        // An IPv6 socket takes IPv4 too where it is open to all, and is an IPv4 one where its address is mapped.
        32 if address.bytes().all(|digit| digit == b'0') => address.get(24..)?,
        32 => address.strip_prefix("0000000000000000FFFF0000")?,
        _ => return None,
    };
    let address = Ipv4Addr::from(u32::from_str_radix(word, 16).ok()?.swap_bytes());
    Some(SocketAddrV4::new(address, u16::from_str_radix(port, 16).ok()?))
}

/// The elements of a set as nft(8) lists them.
fn heard(rest: &str) -> Vec<Ipv4Addr> {
    let Some((_, elements)) = rest.split_once("elements") else { return Vec::new() };
    let words = elements.split([' ', ',', '{', '}', '=']);
    let mut found: Vec<Ipv4Addr> = words.filter_map(|word| word.parse().ok()).take(LIST_MAX).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn read_answer(text: &str) -> Answer {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "ok" => Answer::Open(rest.parse().ok()),
        "ms" => Answer::Open(microseconds(rest)),
        "late" => Answer::Late,
        "no" if rest.contains("refused") => Answer::Refused,
        // As bash and nc write what connect(2) says.
        "no" if rest.contains("No route") || rest.contains("unreachable") => Answer::NoRoute,
        "no" => Answer::Late,
        _ => Answer::Unknown,
    }
}

fn microseconds(text: &str) -> Option<u32> {
    let ms: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds that are asked first")]
    (ms.is_finite() && (0.0..=3_600_000.0).contains(&ms)).then_some((ms * 1000.0) as u32)
}

/// A text of a node as people may see it: one line, no control characters, not long.
fn clean(text: &str) -> String {
    let plain = text.trim().chars().filter(|letter| !letter.is_control());
    plain.take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(line: &str) -> Option<Record> {
        read(line).map(|numbered| numbered.record)
    }

    #[test]
    fn a_node_s_own_words() {
        // As a node with Debian 12 wrote them (bash 5.2, iproute2 6.1, nftables 1.0.6).
        let web = |code, reason: &str| Record::Service { slug: "web".into(), code, reason: reason.into() };
        for (line, expected) in [
            ("r.1 hello 1 1795322426", Record::Hello(1_795_322_426)),
            ("r.8 alive 1", Record::Alive(1)),
            ("r.14 bye", Record::Bye),
            ("h.1 service web 2 half well", web(2, "half well")),
            ("h.1 service web 0", web(0, "")),
            ("h.3 service web 124 no answer within 4 s", web(124, "no answer within 4 s")),
            ("h.1 fact web cluster-size 4", Record::Fact { slug: "web".into(), name: "cluster-size".into(), value: "4".into() }),
            ("a.1 address + eth0 10.1.1.1/24", Record::Address(Went::Came, "eth0".into(), "10.1.1.1/24".parse().unwrap())),
            ("a.2 address - eth0 10.1.1.1/32", Record::Address(Went::Left, "eth0".into(), "10.1.1.1/32".parse().unwrap())),
            (
                "r.3 addresses lo 127.0.0.1/8 d0 10.1.1.2/24",
                Record::Addresses(vec![("lo".into(), "127.0.0.1/8".parse().unwrap()), ("d0".into(), "10.1.1.2/24".parse().unwrap())]),
            ),
            (
                "r.2 listening 0100007F:0016/0A 1501A8C0:0CEA/0A 00000000000000000000000000000000:0050/0A 00000000:0035/07 /",
                Record::Listening(vec![
                    "0.0.0.0:53".parse().unwrap(),
                    "0.0.0.0:80".parse().unwrap(),
                    "127.0.0.1:22".parse().unwrap(),
                    "192.168.1.21:3306".parse().unwrap(),
                ]),
            ),
            (
                "r.8 heard table inet sandtable_watch_15104 {set heard {type ipv4_addrsize 4096flags dynamic,timeouttimeout 7selements = { 127.0.0.1 expires 6s384ms, 192.168.60.21 expires 1s }}}",
                Record::Heard(vec!["127.0.0.1".parse().unwrap(), "192.168.60.21".parse().unwrap()]),
            ),
            ("r.8 heard table inet t {set heard {type ipv4_addrsize 4096flags dynamic,timeouttimeout 5s}}", Record::Heard(vec![])),
            ("r.5 node disk-percent 34", Record::Node { name: "disk-percent".into(), value: "34".into() }),
            ("p.1 flow 0 ok 412", Record::Flow(0, Answer::Open(Some(412)))),
            ("p.1 flow 3 ms 0.045", Record::Flow(3, Answer::Open(Some(45)))),
            ("p.1 flow 1 no main: connect: Connection refused", Record::Flow(1, Answer::Refused)),
            ("p.3 flow 2 no main: connect: No route to host", Record::Flow(2, Answer::NoRoute)),
            ("p.3 flow 2 no answer to ping", Record::Flow(2, Answer::Late)),
            ("p.4 flow 2 late", Record::Flow(2, Answer::Late)),
            ("p.1 flow 3 unknown", Record::Flow(3, Answer::Unknown)),
        ] {
            assert_eq!(record(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_record_is_none() {
        for line in [
            "",
            " ",
            "hello",
            "rr.1 alive 1",
            "r.x alive 1",
            "r.1 alive",
            "r.1 alive -1",
            "r.1 nonesuch 3",
            "h.1 service web",
            "h.1 service web 256 too large",
            "a.1 address * eth0 10.1.1.1/24",
            "a.1 address + eth0 10.1.1/24",
            "p.1 flow x ok 1",
        ] {
            assert_eq!(record(line), None, "{line:?}");
        }
    }

    #[test]
    fn texts_are_cut_and_cleaned() {
        let Some(Record::Service { reason, .. }) = record(&format!("h.1 service web 1 \u{1b}[31m{}", "x".repeat(5000))) else {
            panic!("no record");
        };
        assert!(reason.starts_with("[31mxxx") && reason.chars().count() == TEXT_MAX, "{reason}");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(line in "\\PC{0,300}|[rhap]\\.[0-9]{1,3} (hello|alive|service|fact|address|addresses|listening|heard|node|flow)( [-+0-9a-zA-Z:/.,={} ]{0,40}){0,8}") {
            let _read = read(&line);
        }

        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _read = read(&String::from_utf8_lossy(&bytes));
        }
    }
}
