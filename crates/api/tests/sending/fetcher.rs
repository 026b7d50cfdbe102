//! The requests of flow actions.

use std::time::{Duration, Instant};

use api::{FetchRequest, HttpFetcher, Reach};

use crate::receiver::{Manner, Receiver};

fn request(url: String) -> FetchRequest {
    FetchRequest { url, body: "{\"a\":1}".into(), ..FetchRequest::default() }
}

#[tokio::test]
async fn a_request_is_sent_and_its_answer_comes_back() {
    let receiver = Receiver::start(Manner::Body(b"[{\"type\":\"answer\"}]".to_vec())).await;
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    for method in ["", "GET", "put"] {
        let request = FetchRequest { method: method.into(), ..request(receiver.url()) };
        let result = fetcher.carry_out(request).await;
        assert_eq!(
            (result.status, result.body.as_slice(), result.error.as_str()),
            (200, b"[{\"type\":\"answer\"}]".as_slice(), "")
        );
    }
    let requests = receiver.requests.lock().unwrap();
    let heads: Vec<&str> = requests.iter().map(|request| request.head.lines().next().unwrap()).collect();
    assert_eq!(heads, ["POST /hook HTTP/1.1", "GET /hook HTTP/1.1", "PUT /hook HTTP/1.1"]);
    assert!(requests[0].head.to_lowercase().contains("content-type: application/json; charset=utf-8"));
    assert!(requests.iter().all(|request| request.body == b"{\"a\":1}"), "a body is sent with every method");
}

/// RFC 9110 §8.6.
#[tokio::test]
async fn a_request_with_an_empty_body_says_so_where_one_is_expected() {
    let receiver = Receiver::start(Manner::Status(200)).await;
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    for method in ["", "PUT", "GET", "DELETE"] {
        let request = FetchRequest { method: method.into(), body: String::new(), ..request(receiver.url()) };
        assert_eq!(fetcher.carry_out(request).await.status, 200);
    }
    let requests = receiver.requests.lock().unwrap();
    let says_so =
        requests.iter().map(|request| request.head.to_lowercase().lines().any(|line| line == "content-length: 0"));
    assert_eq!(says_so.collect::<Vec<_>>(), [true, true, false, false]);
}

#[tokio::test]
async fn redirects_are_followed_three_times() {
    let last = Receiver::start(Manner::Body(b"x".to_vec())).await;
    let third = Receiver::start(Manner::To(last.url())).await;
    let second = Receiver::start(Manner::To(third.url())).await;
    let first = Receiver::start(Manner::To(second.url())).await;
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    assert_eq!(fetcher.carry_out(request(first.url())).await.body, b"x");
    let zeroth = Receiver::start(Manner::To(first.url())).await;
    let result = fetcher.carry_out(request(zeroth.url())).await;
    assert_eq!((result.status, result.error.as_str()), (0, "it was redirected more than 3 times"));
    let circle = Receiver::start(Manner::Loop).await;
    assert_eq!(fetcher.carry_out(request(circle.url())).await.status, 0);
    assert_eq!(circle.count(), 4);
}

#[tokio::test]
async fn what_is_too_long_or_nonsense_is_a_failure_in_words() {
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    let fits = Receiver::start(Manner::Body(vec![7; 1024 * 1024])).await;
    assert_eq!(fetcher.carry_out(request(fits.url())).await.body.len(), 1024 * 1024);
    let too_long = Receiver::start(Manner::Body(vec![7; 1024 * 1024 + 1])).await;
    let result = fetcher.carry_out(request(too_long.url())).await;
    assert_eq!((result.status, result.body.len()), (200, 0));
    assert_eq!(result.error, "the answer is longer than 1 MiB");
    let endless = Receiver::start(Manner::Endless).await;
    assert!(!fetcher.carry_out(request(endless.url())).await.error.is_empty());
    for nonsense in [
        b"\0\0\0\0".to_vec(),
        b"SIP/2.0 200 OK\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nX".to_vec(),
        vec![b'a'; 200_000],
    ] {
        let receiver = Receiver::start(Manner::Raw(nonsense)).await;
        let result = fetcher.carry_out(request(receiver.url())).await;
        assert!(result.status == 0 && !result.error.is_empty(), "{result:?}");
    }
    for url in ["", "ftp://x/", "http://", "nonsense", "http://127.0.0.1:1/"] {
        let result = fetcher.carry_out(request(url.into())).await;
        assert!(result.status == 0 && !result.error.is_empty(), "{url}: {result:?}");
    }
}

#[tokio::test]
async fn a_webhook_of_a_flow_is_tried_three_times() {
    let receiver = Receiver::start(Manner::Statuses(vec![500, 503, 204])).await;
    let began = Instant::now();
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    let result = fetcher.carry_out(FetchRequest { repeat: true, ..request(receiver.url()) }).await;
    assert_eq!((result.status, receiver.count()), (204, 3));
    assert!(began.elapsed() >= Duration::from_secs(2));
    let refusing = Receiver::start(Manner::Status(404)).await;
    let result = fetcher.carry_out(FetchRequest { repeat: true, ..request(refusing.url()) }).await;
    assert_eq!((result.status, refusing.count()), (404, 1), "any other status is an answer");
}

#[tokio::test]
async fn of_a_long_answer_to_a_webhook_the_beginning_is_kept() {
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    let webhook = |url: String| FetchRequest { repeat: true, beginning_is_enough: true, ..request(url) };
    let fits = Receiver::start(Manner::Body(vec![7; 1024 * 1024])).await;
    assert_eq!(fetcher.carry_out(webhook(fits.url())).await.body.len(), 1024 * 1024);
    for manner in [Manner::Body(vec![0; 1024 * 1024 + 1]), Manner::Endless] {
        let receiver = Receiver::start(manner).await;
        let result = fetcher.carry_out(webhook(receiver.url())).await;
        assert_eq!((result.status, result.error.as_str()), (200, ""));
        assert_eq!(result.body, vec![0; 32 * 1024]);
        assert_eq!(receiver.count(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer_and_a_webhook_is_repeated() {
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
    ] {
        let receiver = Receiver::start(Manner::Raw(answer.into())).await;
        let result = fetcher.carry_out(request(receiver.url())).await;
        assert_eq!((result.status, result.body.len(), receiver.count()), (0, 0, 1));
        assert!(result.error.starts_with("the answer broke off: "), "{}", result.error);
        let webhook = FetchRequest { repeat: true, beginning_is_enough: true, ..request(receiver.url()) };
        let result = fetcher.carry_out(webhook).await;
        assert_eq!((result.status, receiver.count()), (0, 4));
        assert!(result.error.starts_with("the answer broke off: "), "{}", result.error);
    }
    let refusing = Receiver::start(Manner::Raw(b"HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\nno".to_vec())).await;
    let result = fetcher.carry_out(FetchRequest { repeat: true, ..request(refusing.url()) }).await;
    assert_eq!((result.status, result.error.as_str(), refusing.count()), (404, "", 1), "the status says enough");
}

#[tokio::test]
async fn private_addresses_are_refused_when_the_operator_says_so() {
    let receiver = Receiver::start(Manner::Status(200)).await;
    let fetcher = HttpFetcher::new(Reach::PublicOnly);
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/hook", receiver.address.port());
        let result = fetcher.carry_out(request(url)).await;
        assert!(result.error.contains("private address"), "{host}: {}", result.error);
    }
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_waited_for_15_s() {
    let receiver = Receiver::start(Manner::Trickle).await;
    let began = Instant::now();
    let result = HttpFetcher::new(Reach::Anywhere).carry_out(request(receiver.url())).await;
    assert_eq!((result.status, result.error.as_str()), (0, "no end of the answer in time"));
    assert!((15.0..16.5).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_receiver_that_hangs_leaves_room_for_the_others() {
    let (hanging, other) = (Receiver::start(Manner::Hang).await, Receiver::start(Manner::Body(b"[]".to_vec())).await);
    let fetcher = HttpFetcher::new(Reach::Anywhere);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..600 {
        let (fetcher, request) = (fetcher.clone(), request(hanging.url()));
        waiting.spawn(async move { fetcher.carry_out(request).await });
    }
    for _ in 0..600 - 256 {
        let refused = waiting.join_next().await.unwrap().unwrap();
        assert!(refused.error.starts_with("more than 256 requests to 127.0.0.1:"), "{refused:?}");
    }
    assert_eq!(fetcher.carry_out(request(other.url())).await.status, 200);
    waiting.shutdown().await;
    *hanging.manner.lock().unwrap() = Manner::Body(b"[]".to_vec());
    assert_eq!(fetcher.carry_out(request(hanging.url())).await.status, 200, "who gives up gives its place back");
}
