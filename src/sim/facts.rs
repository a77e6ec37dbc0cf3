//! What the simulator takes from protocols, manual pages and measurements: each fact with its source, and the test that shows it.

/// A fact that the simulator is built on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// What is so.
    pub what: &'static str,
    /// Where that is written, or how it was measured.
    pub source: &'static str,
    /// The test that fails if the simulator does otherwise: its name, as in `tests/it` or beside the code.
    pub test: &'static str,
}

/// Every such fact.
pub const FACTS: &[Fact] = &[
    Fact {
        what: "VRRP version 2: a backup waits 3 intervals and (256 - priority)/256 s, whatever the interval.",
        source: "RFC 3768, section 6.1",
        test: "a_backup_takes_over_as_version_2_counts",
    },
    Fact {
        what: "VRRP version 3: the skew is (256 - priority)/256 of the interval.",
        source: "RFC 5798, section 6.1",
        test: "timers_are_those_of_the_rfc",
    },
    Fact {
        what: "A holder that leaves in order sends priority 0, and a backup then waits for its skew only.",
        source: "RFC 3768, sections 6.4.2 and 6.4.3",
        test: "the_ruler_measures_a_failover",
    },
    Fact {
        what: "A check script without a weight that fails puts its instance into the state fault: the address goes elsewhere.",
        source: "keepalived.conf(5), vrrp_script",
        test: "a_vip_leaves_a_balancer_that_has_no_server_left",
    },
    Fact {
        what: "A silent Erlang node is given up between T - T/4 and T + T/4, T being net_ticktime.",
        source: "Erlang/OTP, kernel(6), net_ticktime",
        test: "a_silent_beam_node_is_given_up_in_time_and_a_split_mesh_is_not_healthy",
    },
    Fact {
        what: "A view goes on with more than half of the members of the one before it; who leaves in order no longer counts.",
        source: "Galera documentation, Quorum Components",
        test: "a_two_two_split_loses_quorum_and_heals_by_itself",
    },
    Fact {
        what: "After a full stop no member makes a cluster by itself.",
        source: "Galera documentation, Restarting the Cluster",
        test: "a_full_stop_needs_a_recovery",
    },
    Fact {
        what: "A member that crashed or is frozen is out after evs.suspect_timeout, one behind a cut link after evs.inactive_timeout, and \
               1.5 s for agreeing on the new view.",
        source: "Galera documentation, Galera Parameters (evs.*); measured: 3.20 s to 3.48 s against 4.15 s and 5.70 s",
        test: "each_measured_failover_is_simulated",
    },
    Fact {
        what: "A balancer in TCP mode tries again only to connect; a session that stands is never sent again.",
        source: "HAProxy configuration manual, retries and retry-on",
        test: "a_balancer_that_passes_bytes_does_not_send_them_again",
    },
    Fact {
        what: "A bare connect is no check of a database: one that refuses every statement still takes connections.",
        source: "HAProxy configuration manual, check and option httpchk",
        test: "a_balancer_that_passes_bytes_does_not_send_them_again",
    },
    Fact {
        what: "nginx keeps the server of the path of administrators out of the pool of visitors.",
        source: "the recipe: assets/catalog/nginx/nginx.conf",
        test: "the_server_of_the_admin_path_answers_no_visitor",
    },
    Fact {
        what: "A replica takes no writes until it is promoted, which only `promote` does: no VIP and no crash promotes it.",
        source: "MariaDB documentation, read_only; the recipes: assets/catalog/mariadb/promote.sh",
        test: "writes_after_a_move_to_a_replica_or_spread_over_one_are_refused",
    },
    Fact {
        what: "A promoted replica takes writes; an old primary that comes back does so as well, because nothing demotes it.",
        source: "PostgreSQL documentation, Failover; MariaDB documentation, Changing a Replica to Become the Primary",
        test: "a_promoted_replica_takes_writes_and_a_primary_that_comes_back_is_a_second_one",
    },
    Fact {
        what: "A replica of Redis says that its primary is gone: master_link_status:down.",
        source: "Redis documentation, INFO replication",
        test: "a_replica_of_another_kind_never_works_and_one_of_its_kind_tells_a_lost_primary",
    },
    Fact {
        what: "The second of two sockets on one address and port gets EADDRINUSE.",
        source: "bind(2), ip(7)",
        test: "the_second_of_two_on_one_port_does_not_start",
    },
    Fact {
        what: "Two machines with one address on one network take each other's packets.",
        source: "RFC 5227, section 1",
        test: "two_machines_with_one_address_are_told",
    },
    Fact {
        what: "The kernel of a node whose processes are frozen still takes connections: who waits, waits for an answer.",
        source: "cgroups(7), freezer; measured: 20 failed against 3 of a killed node",
        test: "each_measured_failover_is_simulated",
    },
    Fact {
        what: "A lost connection request is sent again after a second, a lost packet after 0.2 s, and then after twice the time.",
        source: "RFC 6298, sections 2 and 5; Linux, TCP_RTO_MIN",
        test: "loss_and_delay_are_felt_and_heal_apart",
    },
    Fact {
        what: "A packet waits where it leaves: a delay of an adapter holds up what its node sends, and not what it receives.",
        source: "tc-netem(8); the recipe: assets/node/break.sh",
        test: "a_steady_delay_moves_no_vip_and_its_onset_may",
    },
    Fact {
        what: "A backup hears nothing while the first delayed advertisement is under way, and takes over if that outlasts Master_Down_Interval; a steady \
               delay changes no interval.",
        source: "RFC 3768, sections 6.1 and 6.4.2",
        test: "a_steady_delay_moves_no_vip_and_its_onset_may",
    },
    Fact {
        what: "A commit is ordered when all members of the view have acknowledged it: it takes a round trip to the slowest.",
        source: "Galera documentation, Certification-Based Replication",
        test: "a_delay_of_one_member_makes_each_commit_wait_for_it",
    },
    Fact {
        what: "A member that is not heard because its packets are late is left out like one behind a cut link, and no connection is opened to one that \
               answers later than gmcast.peer_timeout, 3 s.",
        source: "Galera documentation, Galera Parameters (evs.inactive_timeout, gmcast.peer_timeout)",
        test: "a_member_is_left_out_when_the_onset_of_a_delay_outlasts_its_timeout",
    },
    Fact {
        what: "A busy loop on each processor leaves half of the time to a service that wants to run.",
        source: "Linux, Documentation/scheduler/sched-design-CFS.rst",
        test: "busy_processors_make_answers_slower_and_nothing_fail",
    },
    Fact {
        what: "When no memory is left, the kernel ends the process that has most of it.",
        source: "Linux, mm/oom_kill.c, oom_badness; proc(5), oom_score",
        test: "what_fills_the_memory_is_ended_first_when_none_is_left",
    },
    Fact {
        what: "Nodes of a lab find each other's names in /etc/hosts; only what asks a name server itself misses one.",
        source: "nsswitch.conf(5), hosts: files dns; hosts(5)",
        test: "blocked_lookups_stop_what_asks_name_servers_and_nothing_else",
    },
    Fact {
        what: "Certificates are checked when a connection is opened, by the clock of the one who checks; of the recipes only logins do so each time.",
        source: "RFC 5280, section 4.1.2.5; sssd-ldap(5), ldap_tls_reqcert",
        test: "a_clock_that_is_days_behind_stops_logins_and_nothing_else",
    },
    Fact {
        what: "Who asks a directory that does not answer waits for ldap_network_timeout.",
        source: "sssd-ldap(5); the recipe: assets/catalog/ldap-login/sssd.conf",
        test: "who_asks_a_server_that_is_frozen_waits_and_who_asks_a_stopped_one_does_not",
    },
    Fact {
        what: "A soft mount gives up after retrans further tries, each timeo longer than the one before.",
        source: "nfs(5), soft, timeo, retrans; the recipe: assets/catalog/automount/auto.map",
        test: "who_asks_a_server_that_is_frozen_waits_and_who_asks_a_stopped_one_does_not",
    },
    Fact {
        what: "A resolver waits 5 s for a name server and asks it twice.",
        source: "resolv.conf(5), timeout and attempts",
        test: "who_asks_a_server_that_is_frozen_waits_and_who_asks_a_stopped_one_does_not",
    },
    Fact {
        what: "Redis that does not persist starts empty, whatever ended it.",
        source: "Redis documentation, Persistence (No persistence)",
        test: "a_store_that_keeps_nothing_on_disk_loses_sessions_with_its_process",
    },
    Fact {
        what: "An application uses the first of its databases that takes its connection and its login; without its session store it still answers.",
        source: "the recipes: assets/catalog/todo/app.py, assets/catalog/apache/shop.php",
        test: "an_application_uses_the_first_of_its_databases_that_answers",
    },
    Fact {
        what: "A database that does not know the password refuses the login (1045, ER_ACCESS_DENIED_ERROR).",
        source: "MariaDB documentation, MariaDB Error Codes",
        test: "an_application_with_another_password_than_its_database_is_refused",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A fact whose test was renamed or removed is shown by nothing.
    #[test]
    fn every_fact_has_a_source_and_a_test() {
        let here = concat!(include_str!("vrrp.rs"), include_str!("beam.rs"), include_str!("timing.rs"));
        let tests = concat!(
            include_str!("../../tests/it/sim_behaviour.rs"),
            include_str!("../../tests/it/sim_calibration.rs"),
            include_str!("../../tests/it/sim_faults.rs"),
            include_str!("../../tests/it/sim_truth.rs")
        );
        for fact in FACTS {
            let named = format!("fn {}(", fact.test);
            assert!(here.contains(&named) || tests.contains(&named), "no test is called {}", fact.test);
            assert!(!fact.source.is_empty() && fact.what.ends_with('.'), "{fact:?}");
        }
    }
}
