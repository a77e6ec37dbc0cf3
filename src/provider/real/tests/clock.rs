//! Clocks of nodes: set where they are wrong, left alone where they are wrong on purpose or belong to the host.

use super::super::{
    clock::set,
    fakes::{
        Trouble,
        bench::{Bench, still},
    },
    journal::{Entry, Where, change},
};
use crate::{
    model::NodeName,
    provider::{Done, Retry},
};

fn db1() -> NodeName {
    "db1".parse().unwrap()
}

/// A deployed lab where the clock of db1 is so far ahead.
async fn ahead(ms: i64) -> Bench {
    let bench = Bench::deployed().await;
    bench.machines.with("db1", |there| there.guest.clock_ahead_ms = ms);
    bench
}

#[test]
fn a_clock_that_is_wrong_is_set_and_one_that_is_right_is_not() {
    still(async {
        for (off_ms, done) in [(3_600_000, Done::Changed), (-3_600_000, Done::Changed), (900, Done::AlreadySo), (0, Done::AlreadySo)] {
            let bench = ahead(off_ms).await;
            assert_eq!(set(&bench.core, &db1()).await, Ok(done), "{off_ms}");
            assert_eq!(set(&bench.core, &db1()).await, Ok(Done::AlreadySo), "{off_ms}");
            bench.machines.with("db1", |there| assert!(there.guest.clock_ahead_ms.abs() <= 2000, "{off_ms}"));
        }
    });
}

#[test]
fn a_container_has_its_host_s_clock() {
    still(async {
        let bench = ahead(3_600_000).await;
        bench.machines.with("db1", |there| there.guest.is_container = true);
        assert_eq!(set(&bench.core, &db1()).await, Ok(Done::AlreadySo));
        bench.machines.with("db1", |there| assert_eq!(there.guest.clock_ahead_ms, 3_600_000));
    });
}

#[test]
fn an_answer_that_makes_no_sense_is_no_container() {
    still(async {
        let bench = ahead(3_600_000).await;
        for trouble in [Trouble::Garbage, Trouble::Refused, Trouble::TimedOut] {
            bench.machines.fail_next("run", trouble);
            let error = set(&bench.core, &db1()).await.unwrap_err();
            assert_eq!(error.retry, Retry::Worth, "{trouble:?}: {error}");
        }
        // The second call sets it: one that was lost did nothing.
        let begin = bench.machines.calls().all.len();
        bench.machines.trouble(move |number, _| (number == begin + 1).then_some(Trouble::Garbage));
        assert!(set(&bench.core, &db1()).await.is_err());
        bench.machines.no_trouble();
        assert_eq!(set(&bench.core, &db1()).await, Ok(Done::Changed));
    });
}

#[test]
fn a_slow_answer_leaves_a_clock_that_may_be_right() {
    still(async {
        let bench = ahead(-20_000).await;
        bench.machines.with("db1", |there| there.slow_ms = 40_000);
        assert_eq!(set(&bench.core, &db1()).await, Ok(Done::AlreadySo), "20 s are less than the answer takes");
        bench.machines.with("db1", |there| there.guest.clock_ahead_ms = -600_000);
        assert_eq!(set(&bench.core, &db1()).await, Ok(Done::Changed));
        bench.machines.with("db1", |there| assert!(there.guest.clock_ahead_ms.abs() <= 22_000, "{}", there.guest.clock_ahead_ms));
    });
}

#[test]
fn a_clock_that_is_wrong_by_a_fault_stays_wrong() {
    still(async {
        let bench = ahead(90_000).await;
        let skew = |node: &str| Entry {
            id: 1,
            fault: format!("skew {node} +90s").parse().unwrap(),
            since_ms: 0,
            until_wall_ms: u64::MAX,
            by: Default::default(),
            at: Where::Inside,
        };
        change(&bench.core, |faults| faults.entries.push(skew("db1"))).unwrap();
        assert_eq!(set(&bench.core, &db1()).await, Ok(Done::AlreadySo));
        change(&bench.core, |faults| faults.entries = vec![skew("db2")]).unwrap();
        assert_eq!(set(&bench.core, &db1()).await, Ok(Done::Changed), "another node's fault is another node's");
    });
}
