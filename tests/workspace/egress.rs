//! The way out of a layer: what is asked about, what goes through, and what does not.

use super::layer::{Ground, Kept, as_everybody};
use super::{script, spawner};
use rightseat::model::event::Network;
use rightseat::model::{Address, Host};
use rightseat::port::{Connect, NotOpened, Progress};
use rightseat::workspace::egress::{PORT, Tree, Ways, serve};
use rightseat::workspace::launch::Containment;
use rightseat::workspace::limits::EGRESS_HOSTS_MAX;
use rightseat::workspace::run::{Spec, drive};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc as std_mpsc;
use std::time::Duration;
use tokio::sync::mpsc;

type Word = Result<(), NotOpened>;

/// `say REQUEST` sends a request to the proxy and prints the whole answer.
const SAY: &str = "say() { exec 3<>/dev/tcp/127.0.0.1/$port; printf \"$1 HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n$2\" >&3; \
                   cat <&3; exec 3<&-; echo; }\n";

/// A command in a layer whose network asks, and what it asked about. `decide` is the word on each address.
async fn out(ground: &Ground, text: &str, mut decide: impl FnMut(&Connect) -> Word) -> (String, Vec<String>) {
    let layer = ground.layer_with("a1", text, Network::Ask);
    let spawner = spawner(Containment::Auto).within(layer.plan().clone());
    let text = format!("port={PORT}\n{SAY}{text}");
    let mut running = spawner.spawn(&Spec { merged: true, ..script(&text, ground.tree()) }).unwrap();
    let door = running.take_door().unwrap();
    let tree = Tree { tracker: spawner.tracker().clone(), launcher: running.pid };
    let (asks, mut asked) = mpsc::channel(4);
    let (mut kept, mut all) = (Kept::default(), Vec::new());
    let deciding = async {
        while let Some(progress) = asked.recv().await {
            let Progress::Connects(connect) = progress else { continue };
            all.push(connect.address.to_string());
            let word = decide(&connect);
            let _ = connect.reply.send(word);
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = drive(running, Duration::from_secs(60), &mut kept) => {}
        () = async { serve(door, &tree, asks, Ways::default()).await; std::future::pending().await } => {}
        () = deciding => {}
    }
    assert_eq!(layer.refusal(), None);
    (String::from_utf8_lossy(&kept.0).into_owned(), all)
}

fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// A server that answers every connection with a greeting, and tells of it what was sent; 0 bytes at its end.
fn server() -> (u16, std_mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = std_mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || greet(&mut stream, &tell));
        }
    });
    (port, heard)
}

fn greet(stream: &mut TcpStream, tell: &std_mpsc::Sender<String>) {
    let mut bytes = [0u8; 4096];
    while let Ok(count) = stream.read(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
        let is_last = count == 0 || text.contains("HTTP/1.0");
        let _ = tell.send(text);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nkeep-alive: x\r\n\r\nhello");
        if is_last {
            return;
        }
    }
}

fn is_local(connect: &Connect) -> Word {
    match &connect.address.host {
        Host::Name(name) if name == "localhost" => Ok(()),
        Host::Name(_) | Host::Ip(_) => Err(NotOpened::Denied(format!("{} is not allowed", connect.address))),
    }
}

#[test]
fn an_allowed_host_is_reached_through_the_proxy_and_nothing_else_is() {
    as_everybody("egress::an_allowed_host_is_reached_through_the_proxy_and_nothing_else_is", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let (port, heard) = server();
        let text = format!(
            "(exec 4<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo DIRECT; readlink /proc/self/fd/0; echo $https_proxy $no_proxy\n\
             say 'CONNECT localhost:{port}' 'GET /tunnel HTTP/1.0\\r\\n\\r\\n'\n\
             say 'GET http://LOCALHOST.:{port}/plain?a=b'\n\
             say 'GET http://other.example:{port}/'\n"
        );
        let mut by = Vec::new();
        let (said, asked) = in_runtime(out(&ground, &text, |connect| {
            by.extend(connect.process.clone());
            is_local(connect)
        }));
        assert!(!said.contains("DIRECT") && said.starts_with("/dev/null\n"), "{said}");
        assert!(said.contains(&format!("http://127.0.0.1:{PORT} localhost,127.0.0.1,::1\n")), "{said}");
        assert_eq!(said.matches("hello").count(), 2, "{said}");
        assert!(
            said.contains("403") && said.contains(&format!("rightseat: other.example:{port} is not allowed")),
            "{said}"
        );
        let first = |address: &str| asked.iter().filter(|one| one.as_str() == address).count();
        assert_eq!(first(&format!("localhost:{port}")), 1, "each address is asked about once: {asked:?}");
        assert!(asked.iter().any(|one| one.starts_with(&format!("localhost:{port} at 127.0.0.1"))), "{asked:?}");
        assert_eq!(asked.len(), 3, "{asked:?}");
        assert!(by.iter().all(|process| process.contains("bash")) && !by.is_empty(), "{by:?}");
        let heard: String = heard.try_iter().collect();
        assert!(heard.contains("GET /tunnel") && heard.contains("GET /plain?a=b HTTP/1.1"), "{heard}");
        assert!(heard.to_lowercase().contains(&format!("host: localhost.:{port}\r\n")), "{heard}");
        assert!(!heard.to_lowercase().contains("proxy"), "{heard}");
    });
}

/// A name that was allowed does not lead to an address that was not.
#[test]
fn a_name_that_leads_to_another_place_connects_to_nothing() {
    as_everybody("egress::a_name_that_leads_to_another_place_connects_to_nothing", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let (port, heard) = server();
        let text = format!("say 'CONNECT localhost:{port}' x; say 'GET http://localhost:{port}/'");
        let public = |connect: &Connect| {
            let address = &connect.address;
            if address.at.is_empty() { Ok(()) } else { Err(NotOpened::Denied(format!("{address} is private"))) }
        };
        let (said, asked) = in_runtime(out(&ground, &text, public));
        assert_eq!(said.matches("403 Forbidden").count(), 2, "{said}");
        assert_eq!(asked.len(), 2, "{asked:?}");
        assert!(heard.try_recv().is_err(), "nothing was sent");
    });
}

#[test]
fn what_is_no_request_for_a_host_is_refused_unasked() {
    as_everybody("egress::what_is_no_request_for_a_host_is_refused_unasked", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let text = "for to in 'CONNECT a@b:1' 'CONNECT 127.1:80' 'CONNECT host' 'CONNECT x:0' 'GET /' 'GET ftp://x/' \
                    'GET http://u:p@x/' 'GET https://x/' 'CONNECT 0x7f000001:80' 'nonsense'; do say \"$to\" | head -1; done\n\
                    exec 3<>/dev/tcp/127.0.0.1/$port; head -c 200000 /dev/zero | tr '\\0' a >&3; head -1 <&3";
        let (said, asked) = in_runtime(out(&ground, text, |_| Ok(())));
        assert_eq!(asked, [""; 0]);
        assert!(said.matches(" 400 ").count() >= 9, "{said}");
        assert!(!said.contains(" 200 "), "{said}");
    });
}

#[test]
fn a_flood_of_hosts_is_bounded() {
    let ground = Ground::with(&[("f", "x\n")]);
    let text = format!(
        "for n in $(seq {}); do say \"CONNECT h$n.example:443\" | grep -a rightseat; done",
        EGRESS_HOSTS_MAX + 20
    );
    as_everybody("egress::a_flood_of_hosts_is_bounded", || {
        let (said, asked) =
            in_runtime(out(&ground, &text, |connect| Err(NotOpened::Denied(format!("{} no", connect.address)))));
        assert_eq!(asked.len(), EGRESS_HOSTS_MAX);
        assert_eq!(said.matches("was not asked about").count(), 20, "{said}");
    });
}

/// The end of a command is the end of what it had open.
#[test]
fn the_tunnels_of_a_command_end_with_it() {
    as_everybody("egress::the_tunnels_of_a_command_end_with_it", || {
        let ground = Ground::with(&[("f", "x\n")]);
        let (port, heard) = server();
        let text = format!(
            "exec 3<>/dev/tcp/127.0.0.1/$port; printf 'CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\nfirst' >&3; head -c 60 <&3 >/dev/null; kill -9 $$"
        );
        let (_, asked) = in_runtime(out(&ground, &text, is_local));
        assert_eq!(asked.len(), 2, "{asked:?}");
        let next = || heard.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((next().as_str(), next().as_str()), ("first", ""));
    });
}

#[test]
fn an_address_is_one_whatever_its_spelling() {
    let one = |text: &str| Address::parse(text).unwrap();
    assert_eq!(one("LOCALHOST.:80"), one("http://localhost/"));
}
