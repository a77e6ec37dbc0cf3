//! A replica of each kind is promoted on real servers: it takes writes, has what its primary had, and the other replica copies from it.

use super::Lab;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a write may take to arrive at a replica that runs.
const ARRIVES_WITHIN: Duration = Duration::from_secs(40);

/// A kind of server: the name of its service, how a word is written on its node, and how the words there are read.
struct Kind {
    service: &'static str,
    write: &'static str,
    read: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        service: "maria",
        // root may write to a replica, so it is asked what others may do.
        write: "[ \"$(mariadb --protocol=socket -N -B -e 'SELECT @@GLOBAL.read_only')\" = 0 ] && mariadb --protocol=socket -e \"CREATE DATABASE \
                IF NOT EXISTS trial; CREATE TABLE IF NOT EXISTS trial.t (word VARCHAR(20)); INSERT INTO trial.t VALUES ('WORD')\"",
        read: "mariadb --protocol=socket -N -B -e 'SELECT word FROM trial.t'",
    },
    Kind {
        service: "pg",
        write: "runuser -u postgres -- /usr/local/lib/sandtable/pg/server psql -X -q -v ON_ERROR_STOP=1 -h /run/sandtable-pg -p 5432 \
                -c 'CREATE TABLE IF NOT EXISTS trial (word text)' -c \"INSERT INTO trial VALUES ('WORD')\"",
        read: "runuser -u postgres -- /usr/local/lib/sandtable/pg/server psql -X -q -A -t -h /run/sandtable-pg -p 5432 \
               -c 'SELECT word FROM trial'",
    },
    Kind {
        service: "redis",
        write: "conf=$(grep -rl '^# Written by Sandtable' $(grep -rl ^requirepass /etc)); export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' \"$conf\" | tr -d '\"'); \
                redis-cli -s \"$(sed -n 's/^unixsocket //p' \"$conf\" | tr -d '\"')\" --no-auth-warning SADD trial WORD | grep -q '^[0-9]'",
        read: "conf=$(grep -rl '^# Written by Sandtable' $(grep -rl ^requirepass /etc)); export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' \"$conf\" | tr -d '\"'); \
               redis-cli -s \"$(sed -n 's/^unixsocket //p' \"$conf\" | tr -d '\"')\" --no-auth-warning SMEMBERS trial",
    },
];

impl Kind {
    /// Writes a word on a node. `Err`: what the server says to it.
    fn write(&self, lab: &Lab, node: &str, word: &str) -> Result<(), String> {
        let (code, said) = lab.on(node, &self.write.replace("WORD", word));
        if code == 0 { Ok(()) } else { Err(said) }
    }

    /// Waits until all nodes have a word, and gives the seconds that it took.
    fn arrives(&self, lab: &Lab, nodes: &[&str], word: &str) -> f64 {
        let start = Instant::now();
        for node in nodes {
            loop {
                let (_, said) = lab.on(node, self.read);
                if said.lines().any(|line| line.trim() == word) {
                    break;
                }
                assert!(start.elapsed() < ARRIVES_WITHIN, "{word} of {} does not arrive at {node}: {said}", self.service);
                thread::sleep(Duration::from_millis(200));
            }
        }
        start.elapsed().as_secs_f64()
    }
}

#[test]
fn a_replica_of_each_kind_takes_over_with_all_data_and_its_siblings_follow() {
    let lab = Lab::of_text("promotion.ron", include_str!("promotion.ron"));
    lab.good("deploy", &["--on", "incus", "--yes"]);
    lab.until_healthy();
    for kind in &KINDS {
        kind.write(&lab, "one", "before").unwrap();
        kind.arrives(&lab, &["two", "three"], "before");
        assert!(kind.write(&lab, "two", "refused").is_err(), "two/{} is a replica and takes writes", kind.service);
    }
    // While the primary takes writes, a promotion would make two primaries.
    let out = lab.run("promote", &["two/pg"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("still takes writes"), "{:?}: {said}", out.status);

    lab.good("inject", &["power-off", "one"]);
    for kind in &KINDS {
        let service = format!("two/{}", kind.service);
        let (_, took) = lab.good("promote", &[&service]);
        kind.arrives(&lab, &["two", "three"], "before");
        kind.write(&lab, "two", "after").unwrap_or_else(|said| panic!("{service} is promoted and takes no writes: {said}"));
        let follows = kind.arrives(&lab, &["three"], "after");
        assert!(kind.write(&lab, "three", "refused").is_err(), "three/{} follows and takes writes", kind.service);
        println!("sandtable-figures: incus promotion of {service}: {took:.1} s, its first write at the other replica after {follows:.1} s");
        // It is promoted already.
        lab.good("promote", &[&service]);
    }
    lab.good("heal", &["--all"]);
    lab.destroy();
}
