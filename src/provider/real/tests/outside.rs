//! Requests from outside: which flows take them, what became of them, and when they end. On loopback, in real time.

use super::super::{
    fakes::bench::Bench,
    live::Live,
    outside::{self, Serves},
};
use crate::{
    catalog::Catalog,
    model::{Endpoint, Observed, Value},
    probe::tries::{Beyond, How, Start, tries},
    sim::Cause,
};
use std::{net::SocketAddrV4, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::{Instant, sleep},
};

/// A test that may take so long where the machine is busy.
const PATIENCE: Duration = Duration::from_secs(20);

fn real<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

async fn listener() -> (TcpListener, SocketAddrV4) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(at) = listener.local_addr().unwrap() else { panic!("not IPv4") };
    (listener, at)
}

/// Answers each request with this head.
async fn serve(listener: TcpListener, head: &'static str) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut asked = [0; 1024];
            let _asked = stream.read(&mut asked).await;
            let _gone = stream.write_all(format!("{head}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await;
        });
    }
}

/// Waits until something is so.
async fn until(live: &Arc<dyn Live>, is_so: impl Fn(&crate::provider::Traffic) -> bool) -> crate::provider::Traffic {
    let began = Instant::now();
    loop {
        let traffic = live.traffic().await.unwrap();
        if is_so(&traffic) {
            return traffic;
        }
        assert!(began.elapsed() < PATIENCE, "{traffic:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

#[test]
fn requests_are_sent_counted_and_ended() {
    real(async {
        let bench = Bench::deployed().await;
        let (listener, at) = listener().await;
        bench.machines.set_entry(at);
        let server = tokio::spawn(serve(listener, "HTTP/1.1 200 OK\r\nX-Served-By: app1"));
        let live = bench.live();
        live.watch(&bench.lab.flows).await.unwrap();
        assert_eq!(live.traffic().await.unwrap().per_sec, 0);
        live.set_load(500).await.unwrap();
        let traffic = until(&live, |traffic| traffic.totals.ok >= 10).await;
        assert_eq!((traffic.per_sec, traffic.totals.failed), (500, 0));
        assert!(traffic.answered["app1"] >= 10 && !traffic.seconds.is_empty());
        // The server has ended.
        server.abort();
        let traffic = until(&live, |traffic| traffic.totals.failed >= 10).await;
        assert!(traffic.totals.causes.contains_key(&Cause::Refused), "{:?}", traffic.totals.causes);
        live.set_load(0).await.unwrap();
        let traffic = live.traffic().await.unwrap();
        assert_eq!((traffic.per_sec, traffic.totals.sent), (0, 0), "totals begin again");
        sleep(Duration::from_millis(20)).await;
        assert_eq!(live.traffic().await.unwrap().totals.sent, 0);
        live.set_load(1_000_000).await.unwrap();
        assert_eq!(live.traffic().await.unwrap().per_sec, 2000, "not more than this machine bears");
    });
}

#[test]
fn an_answer_that_says_it_failed_is_no_good_answer() {
    real(async {
        let bench = Bench::deployed().await;
        let (listener, at) = listener().await;
        bench.machines.set_entry(at);
        let _server = tokio::spawn(serve(listener, "HTTP/1.1 503 Service Unavailable"));
        let live = bench.live();
        live.watch(&bench.lab.flows).await.unwrap();
        live.set_load(500).await.unwrap();
        let traffic = until(&live, |traffic| traffic.totals.failed >= 5).await;
        let entry = traffic.entries.iter().find(|entry| entry.totals.failed > 0).unwrap();
        assert_eq!(entry.id.to_string(), "outside -> lb/haproxy");
        assert_eq!((entry.totals.ok, entry.totals.causes.keys().collect::<Vec<_>>()), (0, vec![&Cause::Needs]));
        assert!(entry.totals.longest_gap_ms >= entry.open_gap_ms && traffic.totals.longest_gap_ms >= entry.totals.longest_gap_ms);
    });
}

#[test]
fn a_lab_without_an_entry_from_outside_has_no_load() {
    real(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        live.watch(&bench.lab.flows).await.unwrap();
        live.set_load(100).await.unwrap();
        assert_eq!(live.traffic().await.unwrap().per_sec, 0);
    });
}

/// The flows from outside of a deployed lab, as they are served.
fn served(bench: &Bench, seen: &Observed) -> Vec<(String, Option<Serves>)> {
    let at: SocketAddrV4 = "127.0.0.1:8080".parse().unwrap();
    let flows = &bench.lab.flows;
    let beyond = Beyond { outside: &|flow| (flow.from == Endpoint::Outside).then_some(at), beyond: &|_| None };
    let all = tries(flows, seen, Catalog::embedded(), &beyond);
    let found = outside::of(&all, flows, seen, Catalog::embedded());
    assert!(found.iter().all(|one| one.at == at && one.how == How::Connect && all[one.number].from == Start::Outside));
    found.iter().map(|one| (flows[all[one.number].flow].to.to_string(), one.serves)).collect()
}

#[test]
fn requests_go_to_what_answers_them_and_are_encrypted_where_it_is() {
    real(async {
        let bench = Bench::deployed().await;
        let mut seen = bench.seen();
        let plain = served(&bench, &seen);
        assert!(!plain.is_empty() && plain.iter().all(|(to, _)| to.starts_with("lb")), "{plain:?}");
        assert!(plain.iter().any(|(_, serves)| *serves == Some(Serves::Plain)), "{plain:?}");
        let haproxy = seen.nodes.get_mut("lb").unwrap().services.get_mut("haproxy").unwrap();
        haproxy.spec.as_mut().unwrap().settings.insert("tls".into(), Value::Bool(true));
        let tls = served(&bench, &seen);
        assert!(tls.iter().any(|(_, serves)| *serves == Some(Serves::Tls)), "{tls:?}");
        // What does not answer requests takes none.
        seen.nodes.get_mut("lb").unwrap().services.get_mut("haproxy").unwrap().spec.as_mut().unwrap().kind = "galera".parse().unwrap();
        assert!(served(&bench, &seen).iter().all(|(_, serves)| serves.is_none()));
        seen.nodes.get_mut("lb").unwrap().services.clear();
        assert!(served(&bench, &seen).iter().all(|(_, serves)| serves.is_none()));
    });
}
