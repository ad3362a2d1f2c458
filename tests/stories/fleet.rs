//! Home over a fleet: what is pending on three machines that nobody can reach is decided on one screen. In a build with the
//! feature.

use crate::home::{consent, session};
use crate::nats::Server;
use crate::screen::{Hosts, Screen};
use crate::seat::{Room, assert_verifies, until};

at_every_size!(home_spans_machines_that_only_the_server_connects);

fn home_spans_machines_that_only_the_server_connects(size: (u16, u16)) {
    let Some(mut server) = Server::start(false) else { return };
    let desk = Room::with(&[]);
    desk.configure(&server.settings("desk", ""));
    let (code, key, err) = desk.run(&["fleet", "key"]);
    assert_eq!(code, 0, "{err}");
    let names = ["box1", "box2", "box3"];
    let rooms = names.map(|_| Room::with(&[]));
    let hosts = rooms.each_ref().map(Hosts);
    let sessions: Vec<String> = rooms
        .iter()
        .zip(names)
        .map(|(room, name)| {
            room.configure(&server.settings(name, &format!("deciders = [\"{}\"]", key.trim())));
            session(room, "dir", &format!("of {name}\n"))
        })
        .collect();
    let in_inbox = |name: &&str| desk.run(&["inbox", "--json"]).1.contains(&format!("\"machine\":\"{name}\""));
    until("all machines are in the inbox", || names.iter().all(in_inbox));
    let mut screen = Screen::open(&desk, &["home"], size);
    screen.wait("all three are pending", |text| text.contains("Inbox 3") && text.contains("4 machines"));
    for left in [2, 1] {
        screen.wait_for("+of box");
        let inbox = format!("Inbox {left}");
        consent(&mut screen, "a", "it is decided", |text| text.contains(&inbox));
    }
    // Nobody can be asked: the decision waits, and is sent when the server is back.
    screen.wait_for("+of box");
    server.kill();
    screen.wait("home says that the link is gone", |text| text.contains("nats: reconnecting"));
    consent(&mut screen, "a", "the decision waits", |text| text.contains("not sent yet"));
    assert_eq!(rooms.iter().filter(|room| room.exists("dir/new.txt")).count(), 2);
    server.run();
    screen.wait("it is sent", |text| text.contains("Inbox 0"));
    until("each is written on its own machine", || rooms.iter().all(|room| room.exists("dir/new.txt")));
    screen.press("q");
    assert!(screen.gone("home is left").success());
    screen.assert_restored();
    for host in &hosts {
        host.wait_for_none();
    }
    for ((room, session), name) in rooms.iter().zip(&sessions).zip(names) {
        assert_eq!(room.read("dir/new.txt"), format!("of {name}\n"));
        let (_, out, _) = room.run(&["export", session, "--jsonl"]);
        let decided: Vec<&str> = out.lines().filter(|line| line.contains(r#""kind":"decided""#)).collect();
        assert!(decided.len() == 1 && decided[0].contains(r#""human":"key "#), "{decided:?}");
        assert_verifies(room, session);
    }
}
