//! What the faults of nodes and links do that touch no service directly: to users, and in the forecast.

use super::sim_truth::Run;
use sandtable::{activity::sentences, model::*};

fn lab(name: &str) -> Lab {
    let path = format!("{}/layouts/{name}.ron", env!("CARGO_MANIFEST_DIR"));
    sandtable::layout::read(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn layout(name: &str) -> Run {
    Run::deployed(lab(name))
}

fn health(run: &Run, at: &str) -> (Health, String) {
    let at: ServiceRef = at.parse().unwrap();
    let seen = run.world.observe().nodes[&at.node].services[&at.service].clone();
    (seen.health, seen.reason)
}

#[test]
fn a_loss_that_lasts_makes_requests_fail_now_and_then() {
    for (name, text) in [("mini-cloud", "loss app1 frontend 52%"), ("shop", "loss app1 frontend 52%")] {
        let run = layout(name);
        let predicted = run.predict(text, None);
        let said = sentences(&predicted);
        assert!(predicted.alternates && predicted.recovers_after_ms.is_none() && predicted.answered_at_end, "{name}: {predicted:#?}");
        assert!(said.iter().any(|text| text.contains("they keep failing now and then (")), "{name}: {said:#?}");
        let healed = run.predict(text, Some(30_000));
        assert!(!healed.alternates && healed.recovers_after_ms.is_some(), "{name}: what is healed is over: {healed:#?}");
    }
}

#[test]
fn a_failover_is_over_and_does_not_come_and_go() {
    let run = layout("mini-cloud");
    for text in ["stop db1/galera", "power-off db1", "pause app1", "kill lb/haproxy"] {
        let predicted = run.predict(text, None);
        assert!(!predicted.alternates && predicted.entries.iter().all(|entry| !entry.alternates), "{text}: {predicted:#?}");
        assert!(predicted.services.iter().all(|service| !service.alternates), "{text}: {predicted:#?}");
        assert!(predicted.vips.iter().all(|vip| !vip.alternates), "{text}: {predicted:#?}");
    }
}

#[test]
fn busy_processors_make_answers_slower_and_nothing_fail() {
    let mut run = layout("mini-cloud");
    let predicted = run.predict("hog-cpu app1", None);
    assert_eq!(predicted.requests_failed, 0, "{predicted:#?}");
    let said = sentences(&predicted);
    assert!(said.iter().any(|text| text.contains("answers would take")), "{said:#?}");
    let latency_ms = |run: &mut Run| {
        run.world.set_load(20);
        run.world.run_for(20_000);
        run.world.load_totals().latency_ms().unwrap()
    };
    let usual_ms = latency_ms(&mut run);
    for node in ["lb", "app1", "app2", "db1", "db2"] {
        run.inject(&format!("hog-cpu {node}"));
    }
    let slow_ms = latency_ms(&mut run);
    assert!((1.6..2.2).contains(&(slow_ms / usual_ms)), "{usual_ms} ms and {slow_ms} ms");
    run.world.heal_all();
    let healed_ms = latency_ms(&mut run);
    assert!((0.9..1.1).contains(&(healed_ms / usual_ms)), "{usual_ms} ms and {healed_ms} ms");
}

#[test]
fn what_fills_the_memory_is_ended_first_when_none_is_left() {
    let mut run = layout("mini-cloud");
    let predicted = run.predict("fill-memory db1", None);
    assert!(predicted.is_harmless() && predicted.because.is_some(), "{predicted:#?}");
    run.inject("fill-memory db1");
    run.world.run_for(20_000);
    assert_eq!((run.health(), run.world.active_faults().len()), (Health::Healthy, 1));
    run.inject("restart db1/galera");
    run.world.run_for(30_000);
    assert_eq!((run.health(), run.world.active_faults().len()), (Health::Healthy, 0), "{:#?}", run.world.drain_events());
}

#[test]
fn blocked_lookups_stop_what_asks_name_servers_and_nothing_else() {
    let mut run = layout("linux-cluster");
    let lab = run.lab.clone();
    let asks = |flow: &Flow| lab.service(&flow.to.to_string().parse().ok()?).map(|it| it.kind.as_str() == "unbound");
    let place = lab.flows.iter().position(|flow| asks(flow) == Some(true)).unwrap();
    let node = lab.flows[place].from.node().unwrap().clone();
    run.inject(&format!("no-dns {node}"));
    run.world.run_for(10_000);
    for (at, flow) in run.world.observe().flows.iter().enumerate() {
        let is_from = lab.flows[at].from.node() == Some(&node) && asks(&lab.flows[at]) == Some(true);
        assert_eq!(flow.health == Health::Down, is_from, "{flow:?}");
    }
    assert_eq!(run.disagreements(), Vec::<String>::new());
    run.world.heal_all();
    run.world.run_for(10_000);
    assert_eq!(run.health(), Health::Healthy);
    let harmless = layout("mini-cloud").predict("no-dns app1", None);
    assert!(harmless.is_harmless() && sentences(&harmless)[1].contains("/etc/hosts"), "{harmless:#?}");
}

#[test]
fn a_clock_that_is_days_behind_stops_logins_and_nothing_else() {
    let mut run = layout("linux-cluster");
    let (node, service, _) = run.lab.services().find(|(_, _, service)| service.kind.as_str() == "ldap-login").unwrap();
    let at = ServiceRef { node: node.clone(), service: service.clone() };
    for (skew, health) in [("+2592000s", Health::Healthy), ("-86400s", Health::Healthy), ("-259200s", Health::Degraded)] {
        run.inject(&format!("skew {} {skew}", at.node));
        run.world.run_for(10_000);
        let seen = run.world.observe().nodes[&at.node].services[&at.service].clone();
        assert_eq!(seen.health, health, "{skew}: {}", seen.reason);
        run.world.heal_all();
        run.world.run_for(10_000);
        assert_eq!(run.health(), Health::Healthy);
    }
}

#[test]
fn a_steady_delay_moves_no_vip_and_its_onset_may() {
    let run = layout("mini-cloud");
    let holder = run.holders("database")[0].clone();
    let advertise_ms = u64::from(run.lab.vips["database"].advertise_ms);
    // A backup waits for three intervals and its skew: a gap of one interval and the delay has to be longer than that.
    let short = run.predict(&format!("delay {holder} backend {}ms", advertise_ms * 3 / 2), None);
    assert!(short.vips.is_empty(), "{short:#?}");
    let mut run = run;
    run.inject(&format!("delay {holder} backend {}ms", advertise_ms * 7 / 2));
    let taken_ms = run.until(5, |run| run.holders("database").len() == 2);
    assert!((2_000..4_500).contains(&taken_ms), "{taken_ms} ms");
    run.until(5, |run| run.holders("database") == [holder.clone()]);
}

#[test]
fn a_delay_of_one_member_makes_each_commit_wait_for_it() {
    let mut run = layout("mini-cloud");
    let latency_ms = |run: &mut Run| {
        run.world.set_load(20);
        run.world.run_for(20_000);
        let totals = run.world.load_entries()[0].totals.clone();
        assert_eq!(totals.failed, 0, "{totals:?}");
        totals.latency_ms().unwrap()
    };
    let usual_ms = latency_ms(&mut run);
    let holder = run.holders("database")[0].clone();
    let other = ["db1", "db2"].into_iter().find(|node| *node != holder).unwrap();
    // No request passes the other: only the commits of the holder wait for its answers.
    run.inject(&format!("delay {other} backend 300ms"));
    let slow_ms = latency_ms(&mut run);
    assert!((290.0..320.0).contains(&(slow_ms - usual_ms)), "{usual_ms} ms and {slow_ms} ms");
    run.world.heal_all();
    run.world.run_for(2_000);
    assert!((latency_ms(&mut run) - usual_ms).abs() < 1.0);
}

#[test]
fn a_member_is_left_out_when_the_onset_of_a_delay_outlasts_its_timeout() {
    let run = layout("mini-cloud");
    let holder = run.holders("database")[0].clone();
    let other = ["db1", "db2"].into_iter().find(|node| *node != holder).unwrap();
    for (ms, left_out) in [(1500, false), (9000, true)] {
        let predicted = run.predict(&format!("delay {other} backend {ms}ms"), None);
        assert_eq!(predicted.clusters.contains_key("galera"), left_out, "{ms} ms: {:#?}", predicted.clusters);
    }
    let mut run = run;
    run.inject(&format!("delay {other} backend 9000ms"));
    run.until(20, |run| run.world.observe().clusters["galera"].state == ClusterState::Partial);
    run.world.run_for(30_000);
    assert_eq!(run.world.observe().clusters["galera"].state, ClusterState::Partial, "no connection opens within gmcast.peer_timeout");
    run.world.heal_all();
    run.until(60, |run| run.world.observe().clusters["galera"].state == ClusterState::Whole);
}

#[test]
fn an_application_with_another_password_than_its_database_is_refused() {
    let mut lab = lab("shop");
    let service = |lab: &mut Lab, at: &str| {
        let at: ServiceRef = at.parse().unwrap();
        lab.nodes[&at.node].services[&at.service].clone()
    };
    let mut other = service(&mut lab, "app1/php");
    other.secrets.insert("password".to_owned(), "another".parse().unwrap());
    lab.nodes.get_mut("app1").unwrap().services.insert("php".parse().unwrap(), other);
    let run = Run::deployed(lab.clone());
    assert_eq!(health(&run, "app1/php").0, Health::Degraded);
    assert!(health(&run, "app1/php").1.ends_with("login refused"), "{:?}", health(&run, "app1/php"));
    assert_eq!(health(&run, "app2/php").0, Health::Healthy);
    assert_ne!(run.health(), Health::Healthy);
    // With the store alone it serves, and keeps no sessions.
    let mut other = service(&mut lab, "app2/php");
    other.secrets.insert("session_password".to_owned(), "another".parse().unwrap());
    lab.nodes.get_mut("app2").unwrap().services.insert("php".parse().unwrap(), other);
    assert_eq!(health(&Run::deployed(lab), "app2/php").0, Health::Degraded);
}

#[test]
fn requests_fail_where_the_only_application_is_refused() {
    let mut lab = self::lab("three-node-lab");
    let app = lab.nodes.get_mut("app-node-01").unwrap().services.get_mut("app").unwrap();
    app.secrets.insert("password".to_owned(), "another".parse().unwrap());
    let totals = Run::deployed(lab).world.load_totals();
    assert!(totals.failed > 0 && totals.causes.keys().any(|cause| cause.text() == "login refused"), "{totals:?}");
}

#[test]
fn a_page_without_its_sessions_is_still_a_page() {
    let run = layout("shop");
    let predicted = run.predict("stop session1/redis", None);
    assert_eq!(predicted.requests_failed, 0, "{predicted:#?}");
    let php = predicted.services.iter().find(|service| service.service == "app1/php".parse().unwrap()).unwrap();
    assert_eq!(php.worst, Health::Degraded);
}

#[test]
fn an_application_uses_the_first_of_its_databases_that_answers() {
    let mut lab = lab("shop");
    // A second primary, which no real application asks while the first one answers.
    let mut second = lab.nodes["db2"].services["db"].clone();
    second.replica_of = None;
    second.settings.remove("read_only");
    lab.nodes.get_mut("db2").unwrap().services.insert("db".parse().unwrap(), second);
    for app in ["admin1", "app1", "app2"] {
        let to: Endpoint = "db2/db".parse().unwrap();
        lab.flows.push(Flow::new(format!("{app}/php").parse().unwrap(), to));
    }
    let run = Run::deployed(lab);
    for text in ["stop db2/db", "stop db1/db"] {
        // Nobody asks the second until the first refuses.
        let predicted = run.predict(text, None);
        assert_eq!(predicted.requests_failed, 0, "{text}: {predicted:#?}");
    }
    let both = run.predict("cut db1,db2 app1,app2,admin1", None);
    assert!(!both.answered_at_end, "{both:#?}");
}

#[test]
fn who_asks_a_server_that_is_frozen_waits_and_who_asks_a_stopped_one_does_not() {
    // The waits are those of the recipes: sssd's timeout, a soft mount's three tries, and a resolver's two.
    for (fault, at, wait) in [("hang dir1/ldap", "node1/login", "5 s"), ("hang nas1/nfs", "node1/homes", "15 s")] {
        let mut run = layout("linux-cluster");
        if run.world.inject(&fault.parse().unwrap()).is_err() {
            // The kernel serves files: there is no process to freeze, but its node.
            run.inject("pause nas1");
        }
        run.world.run_for(10_000);
        let (_, reason) = health(&run, at);
        assert!(reason.ends_with(&format!("and who asks waits {wait}")), "{fault}: {reason}");
    }
    let mut run = layout("linux-cluster");
    run.inject("stop dir1/ldap");
    run.world.run_for(10_000);
    let (_, reason) = health(&run, "node1/login");
    assert!(reason.ends_with("connection refused"), "{reason}");
    for fault in ["hang dir1/dns", "pause dir1", "no-dns node1"] {
        let mut run = layout("linux-cluster");
        run.inject(fault);
        run.world.run_for(10_000);
        let seen = run.world.observe().flows;
        let flow = seen.iter().find(|flow| flow.id.to_string() == "node1 -> dir1/dns").unwrap();
        assert!(flow.reason.ends_with("and who asks waits 10 s"), "{fault}: {flow:?}");
    }
}

#[test]
fn a_store_that_keeps_nothing_on_disk_loses_sessions_with_its_process() {
    let mut lab = lab("shop");
    let mut persist = |on: bool| {
        let redis = lab.nodes.get_mut("session1").unwrap().services.get_mut("redis").unwrap();
        redis.settings.insert("persist".to_owned(), Value::Bool(on));
        Run::deployed(lab.clone())
    };
    let kept = persist(true);
    let mut run = persist(false);
    for text in ["restart session1/redis", "kill session1/redis", "power-off session1"] {
        let said = sentences(&run.predict(text, None));
        let lost = "session1/redis would start empty: the sessions of admin1/php, app1/php, app2/php are lost.";
        assert!(said.iter().any(|text| text == lost), "{text}: {said:#?}");
        assert_eq!(kept.predict(text, None).forgotten, [], "{text}");
    }
    assert_eq!(run.predict("hang session1/redis", None).forgotten, [], "a process that is frozen keeps what it has");
    run.world.drain_events();
    run.inject("restart session1/redis");
    run.world.run_for(10_000);
    let told = run.world.drain_events();
    assert_eq!(told.iter().filter(|event| event.text.contains("starts empty")).count(), 1, "{told:#?}");
}
