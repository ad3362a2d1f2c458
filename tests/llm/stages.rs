//! A completion in each of its stages: connecting, waiting, speaking, pausing. Who asks again, and who can be dropped.

use crate::model_server::{Fault, ModelServer, Script, Turn};
use crate::wire::{Ran, endpoint, good, is_good, request, run};
use rightseat::agent::llm::Fault as Failure;
use rightseat::agent::llm::{Api, Endpoint, Progress, complete};
use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

/// A second is promised for a cancel; a machine that is busy with other tests gets some more.
const LEFT_S_MAX: u64 = 5;

fn busy(headers: &[&str]) -> Turn {
    let headers = headers.iter().map(|line| (*line).to_owned()).collect();
    Turn::fault(Fault::Busy { status: 429, headers })
}

#[tokio::test]
async fn every_form_of_retry_after_is_honoured() {
    let now = "date: Wed, 21 Oct 2026 07:28:00 GMT";
    let soon = "retry-after: Wed, 21 Oct 2026 07:28:01 GMT";
    let past = "retry-after: Wed, 21 Oct 2015 07:28:00 GMT";
    for api in Api::ALL {
        let finer = busy(&["retry-after: 30", "retry-after-ms: 40"]);
        let turns = [busy(&["retry-after: 1"]), finer, busy(&[now, soon]), busy(&[now, past]), good()];
        let ran = run(api, turns).await;
        assert!(is_good(&ran.closed), "{api:?} {:?}", ran.closed);
        // What is asked for, and a little more so that not all come back at once (the first pause is 5 ms here).
        let asked = [1_000, 40, 1_000, 0];
        assert_eq!(ran.pauses.len(), asked.len(), "{api:?}");
        for (pause, asked) in ran.pauses.iter().zip(asked) {
            assert!((asked..asked + 5).contains(&pause.as_millis()), "{pause:?} for {asked} ms");
        }
        let far = "retry-after: Sat, 06 Nov 2094 08:49:37 GMT";
        let ran = run(api, [busy(&[now, far]), good()]).await;
        let fault = ran.closed.fault.unwrap().to_string();
        assert!(fault.contains("and the limit is 120 s"), "{fault}");
        assert_eq!(ran.server.turns_used(), 1);
    }
}

#[tokio::test]
async fn a_server_that_fails_before_any_content_is_asked_again_and_later_keeps_what_was_said() {
    for api in Api::ALL {
        let failing = |after_frames| good().with_fault(Fault::Failing { after_frames });
        // The opening of a Gemini answer is content already.
        let opened = if api == Api::Gemini { 0 } else { 1 };
        let ran = run(api, [failing(0), failing(opened), good()]).await;
        assert!(is_good(&ran.closed), "{api:?} {:?}", ran.closed);
        assert_eq!(ran.pauses.len(), 2, "{api:?}");
        let mut kept = 0;
        for frames in 2..12 {
            let Ran { closed, server, .. } = run(api, [failing(frames), good()]).await;
            if server.turns_used() == 2 {
                assert!(is_good(&closed), "{api:?} {closed:?}");
                continue;
            }
            assert!(matches!(closed.fault, Some(Failure::Cut { .. })), "{api:?} {closed:?}");
            assert!(good().text.starts_with(&closed.text()), "{api:?} {closed:?}");
            kept = kept.max(closed.text().len());
        }
        assert!(api == Api::Gemini || kept > 0, "{api:?}: nothing was kept");
    }
}

/// Lets a completion get to where `there` says, drops it and waits until the other end has seen it go.
async fn dropped(to: Endpoint, left: &mpsc::Receiver<()>, there: impl Future<Output = ()>) {
    let encoded = to.api.encode(&to.base_url, &request());
    let task = tokio::spawn(async move { complete(&to, &encoded, |_| std::future::ready(())).await });
    there.await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    left.recv_timeout(Duration::from_secs(LEFT_S_MAX)).unwrap();
}

/// A server that takes connections, sends `answer` and waits until the client goes: its address, its news of a request
/// and its news of the end.
fn deaf(answer: &'static str) -> (u16, tokio::sync::mpsc::Receiver<()>, mpsc::Receiver<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (arrived, arrivals) = tokio::sync::mpsc::channel(8);
    let (left, leaves) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 64 * 1024];
        let mut first = true;
        // The end, or a reset: both mean that it has gone.
        while stream.read(&mut bytes).is_ok_and(|count| count > 0) {
            if std::mem::take(&mut first) {
                std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
                arrived.blocking_send(()).unwrap();
            }
        }
        left.send(()).unwrap();
    });
    (port, arrivals, leaves)
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const SPOKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
    data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hm\"}}]}\n\n";
const ERROR_HEAD: &str = "HTTP/1.1 500 No\r\ncontent-length: 900\r\n\r\n{";

#[tokio::test]
async fn dropping_a_completion_closes_its_connection_at_every_stage() {
    // No answer to the TLS greeting: connecting. Then without a head, a body, an end, and within an error.
    for (scheme, answer) in [("https", ""), ("http", ""), ("http", HEAD), ("http", SPOKEN), ("http", ERROR_HEAD)] {
        let (port, mut arrived, left) = deaf(answer);
        let server = ModelServer::start(Script::default());
        let to = Endpoint { base_url: format!("{scheme}://127.0.0.1:{port}/v1"), ..endpoint(Api::Chat, &server) };
        dropped(to, &left, async { arrived.recv().await.unwrap() }).await;
    }
}

#[tokio::test]
async fn a_completion_that_is_dropped_while_it_pauses_asks_no_more() {
    let server = ModelServer::start(Script::of([busy(&["retry-after: 60"]), good()]));
    let to = endpoint(Api::Chat, &server);
    let encoded = to.api.encode(&to.base_url, &request());
    let (pausing, mut paused) = tokio::sync::mpsc::channel(1);
    let task = tokio::spawn(async move {
        complete(&to, &encoded, |progress| {
            if matches!(progress, Progress::Retrying { .. }) {
                pausing.try_send(()).unwrap();
            }
            std::future::ready(())
        })
        .await;
    });
    paused.recv().await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(server.turns_used(), 1);
}
