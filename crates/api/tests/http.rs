//! Real HTTP over loopback.
#![allow(missing_docs, clippy::unwrap_used)] // a test

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use api::{Limits, Listener, MetricsSource, MetricsText, NotReady, Readiness};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Calls(AtomicU64);

impl MetricsSource for Calls {
    fn collect(&self, out: &mut MetricsText) {
        out.gauge("calls", "Calls that are up").value(self.0.load(Ordering::Relaxed));
    }
}

struct Site {
    address: SocketAddr,
    readiness: Arc<Readiness>,
    calls: Arc<Calls>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

const LIMITS: Limits =
    Limits { max_connections: 2, reserved: 0, head: Duration::from_secs(10), idle: Duration::from_millis(300) };

async fn site() -> Site {
    site_with(LIMITS).await
}

async fn site_with(limits: Limits) -> Site {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (readiness, calls) = (Arc::new(Readiness::default()), Arc::new(Calls(AtomicU64::new(0))));
    let slow = axum::routing::get(|| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        "slow"
    });
    let router = api::router(readiness.clone(), vec![calls.clone(), listener.metrics()]).route("/slow", slow);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(api::serve(listener, router, async {
        let _ = stopped.await;
    }));
    Site { address, readiness, calls, stop: Some(stop), served }
}

impl Site {
    /// Status line, head and body of the answer to `METHOD path`.
    async fn ask(&self, request_line: &str) -> (String, String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let (status, headers) = head.split_once("\r\n").unwrap();
        (status.to_owned(), headers.to_lowercase(), body.to_owned())
    }
}

#[tokio::test]
async fn health_answers_as_long_as_the_process_lives() {
    let site = site().await;
    let (status, _, body) = site.ask("GET /healthz").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", "ok\n"));
}

#[tokio::test]
async fn readiness_fails_with_its_reason_until_none_is_left() {
    let site = site().await;
    let (status, _, body) = site.ask("GET /readyz").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(body, r#"{"ready":false,"reasons":["starting: the server is not up yet"]}"#);

    site.readiness.set(NotReady::Starting, false);
    let (status, headers, body) = site.ask("GET /readyz").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", r#"{"ready":true,"reasons":[]}"#));
    assert!(headers.contains("content-type: application/json"));

    for reason in [NotReady::Draining, NotReady::AdmissionClosed, NotReady::Full, NotReady::StoreFailing] {
        site.readiness.set(reason, true);
        let (status, _, body) = site.ask("GET /readyz").await;
        assert!(status.contains("503") && body.contains(reason.text()), "{status} {body}");
        site.readiness.set(reason, false);
    }
}

#[tokio::test]
async fn metrics_show_the_numbers_of_this_moment() {
    let site = site().await;
    for calls in [0, 17] {
        site.calls.0.store(calls, Ordering::Relaxed);
        let (status, headers, body) = site.ask("GET /metrics").await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        assert!(headers.contains("content-type: text/plain; version=0.0.4"), "{headers}");
        assert!(body.contains(&format!("\nflowswitch_calls {calls}\n")), "{body}");
        assert!(body.contains("\nflowswitch_http_connections_max 2\n"), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let site = site().await;
    let (status, _, body) = site.ask("GET /nowhere?x=1").await;
    assert_eq!(status, "HTTP/1.1 404 Not Found");
    let error: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(error["error"]["status"], "NOT_FOUND");
    assert_eq!(error["error"]["request_id"].as_str().map(str::len), Some(32));
    assert_eq!(error["error"]["message"], "there is nothing at /nowhere; /openapi.json says what there is");

    let (status, headers, _) = site.ask("POST /healthz").await;
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    assert!(headers.contains("allow: get,head"), "{headers}");
}

#[tokio::test]
async fn silent_connections_give_their_places_back() {
    let site = site().await;
    let began = Instant::now();
    // Two that say nothing take both places; the third is served once the first two have been closed.
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHo").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (status, _, _) = site.ask("GET /healthz").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(began.elapsed() >= Duration::from_millis(250), "the bound on connections did not hold");
    let (_, _, metrics) = site.ask("GET /metrics").await;
    assert!(!metrics.contains("\nflowswitch_http_connections_delayed_total 0\n"), "{metrics}");
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn who_says_nothing_makes_room_for_who_asks() {
    let site = site_with(Limits { idle: Duration::from_secs(60), ..LIMITS }).await;
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    let mut slow = TcpStream::connect(site.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHo").await.unwrap();
    let began = Instant::now();
    for _ in 0..20 {
        let answer = tokio::time::timeout(Duration::from_secs(5), site.ask("GET /healthz")).await;
        assert_eq!(answer.expect("silent connections hold all places").0, "HTTP/1.1 200 OK");
    }
    assert!(began.elapsed() >= Duration::from_millis(900), "nobody is sent away who has just come");
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or(0), 0, "who was silent longest is sent away");
    slow.write_all(b"st: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK", "one place was enough for the others");
}

#[tokio::test]
async fn requests_under_way_keep_their_places_and_this_machine_has_some_of_its_own() {
    for reserved in [0, 1] {
        let site = site_with(Limits { idle: Duration::from_secs(60), reserved, ..LIMITS }).await;
        let (mut first, mut second) =
            (TcpStream::connect(site.address).await.unwrap(), TcpStream::connect(site.address).await.unwrap());
        for stream in [&mut first, &mut second] {
            stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let began = Instant::now();
        assert_eq!(site.ask("GET /healthz").await.0, "HTTP/1.1 200 OK");
        assert_eq!(began.elapsed() < Duration::from_secs(1), reserved == 1, "{:?}", began.elapsed());
        for stream in [&mut first, &mut second] {
            let mut answer = [0; 15];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200 OK");
        }
    }
}

#[tokio::test]
async fn who_does_not_come_to_the_end_of_a_head_is_closed() {
    let limits = Limits { idle: Duration::from_secs(60), head: Duration::from_millis(400), ..LIMITS };
    let site = site_with(limits).await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    // The first request is whole; being silent after it is no fault.
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1_000];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    tokio::time::sleep(Duration::from_millis(700)).await;
    let began = Instant::now();
    while stream.write_all(b"G").await.is_ok() && began.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!((300..3_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let mut silent = TcpStream::connect(site.address).await.unwrap();
    let closed = tokio::time::timeout(Duration::from_secs(3), silent.read(&mut [0; 8])).await;
    assert_eq!(closed.expect("a first request is waited for without an end").unwrap_or(0), 0);
}

#[tokio::test]
async fn rubbish_is_answered_or_dropped_and_the_next_request_is_served() {
    let site = site().await;
    let huge = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(1_000_000));
    for rubbish in [b"\0\0\0\0\r\n\r\n".as_slice(), b"GET\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", huge.as_bytes()] {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        let _ = stream.write_all(rubbish).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(site.ask("GET /healthz").await.0, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn it_stops_when_told_and_gives_its_port_back() {
    let mut site = site().await;
    site.stop.take().unwrap().send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), site.served).await.unwrap().unwrap().unwrap();
    Listener::bind(site.address, LIMITS).await.unwrap();
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_named_with_a_hint() {
    let site = site().await;
    let error = Listener::bind(site.address, LIMITS).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("HTTP cannot listen on {} (keys http.address and http.port): ", site.address)));
    assert!(error.ends_with("another program has this port, or the server runs already"), "{error}");
    let error = Listener::bind("192.0.2.1:8080".parse().unwrap(), LIMITS).await.unwrap_err().to_string();
    assert!(error.ends_with("this machine does not have the address"), "{error}");
}
