//! `rightseat home`: reads the sessions of this machine, asks other machines for theirs over ssh, does what the home
//! screen wants done, and opens one session after the other.

use super::args::Shared;
use super::compose::SystemClock;
use super::list::Sessions;
use super::place::{Places, SessionPlace};
use super::screen::Then;
use super::verdict::exchange;
use super::watches::Watched;
use super::{DONE, Done, Fail, attach, daemon, far, fleet, print, screen, settings, show, socket, ssh, start};
use crate::base::SessionId;
use crate::base::text::Untrusted;
use crate::cli::limits::{HOME_AGES_MS, HOME_ASK_MS_MAX, HOME_BATCH_MS, NAME_CHARS_MAX};
use crate::model::event::Verdict;
use crate::port::Clock as _;
use crate::ui::home::{Act, Item, Told};
use crate::ui::run::{HomeDoor, HomeFirst};
use crate::wire::{Attach, Decide, Machine, Request, Shown};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// `rightseat home`; with `feed`, as lines of JSON for the home screen of another machine.
pub fn home(shared: &Shared, feed: bool) -> Done {
    if feed {
        return lines(shared);
    }
    if shared.linear {
        return super::list::inbox(shared, false);
    }
    screen::check(shared)?;
    follow(shared, Then::Home(HomeFirst::Yes))
}

/// What `rightseat` alone opens instead of the start screen: home, where the directory is nobody's project and there are
/// sessions, or where a session runs in which something may be pending. Whoever says how a session is to begin wants one.
/// Costs no more than a look at the sockets.
pub fn instead(shared: &Shared, workspace: &Path) -> Option<Then> {
    if shared.mode.is_some() || shared.isolation.is_some() || shared.branch.is_some() || shared.plan.is_some() {
        return None;
    }
    let all = Places::open(shared.state_dir()).ok()?.all();
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    let is_project = workspace.parent().is_some() && home.as_deref() != Some(workspace);
    match (is_project, all.iter().any(|place| socket::is_up(&place.socket()))) {
        (false, _) if !all.is_empty() => Some(Then::Home(HomeFirst::Yes)),
        (_, true) => Some(Then::Home(HomeFirst::IfPending)),
        (_, false) => None,
    }
}

/// Opens what follows until the user has left, and says which decisions go with this process.
pub fn follow(shared: &Shared, then: Then) -> Done {
    let done = until_left(shared, then);
    if let Some(words) = far::given_up() {
        super::complain(&words);
    }
    done
}

fn until_left(shared: &Shared, mut then: Then) -> Done {
    loop {
        then = match then {
            Then::Done(code) => return Ok(code),
            Then::Home(first) => alone(shared, first)?,
            Then::New => start::described(shared)?,
            Then::Open(Item { host: Some(host), session, action }) => {
                // A machine of the fleet is opened by its name there.
                let host = fleet::machine_of(&host).unwrap_or(&host);
                ssh::client(shared, host, Some(session.as_str()), false, action)?
            }
            Then::Open(Item { host: None, session, action }) => {
                attach::client(shared, &Places::open(shared.state_dir())?, &session, action)?
            }
        }
    }
}

/// The home screen without a session below it.
fn alone(shared: &Shared, first: HomeFirst) -> Result<Then, Fail> {
    let mut options = screen::options(shared, "home", None)?;
    options.way.first = first;
    let runtime = daemon::runtime()?;
    let then = screen::run(&runtime, options, futures::future::pending(), || "no session was opened".to_owned());
    runtime.shutdown_background();
    then
}

/// The functions behind the home screen of this client.
pub fn door(shared: &Shared) -> HomeDoor {
    let shared = shared.clone();
    HomeDoor(Arc::new(move |act, tell| {
        let shared = shared.clone();
        tokio::spawn(async move {
            let told = match act {
                Act::Watch => return watch(&shared, &tell),
                Act::Send => return far::keep_sending(shared, tell).await,
                Act::Next => next(&shared).await,
                Act::Withdraw(item) => Told::Done(far::withdraw(&item)),
                Act::Show(item) => {
                    let shown = text(&shared, &item).await;
                    Told::Shown { item, shown }
                }
                Act::Decide { items, digest, verdict, reason, confirm, despite_comments } => Told::Done(
                    decided(
                        &shared,
                        items,
                        |item| {
                            let action = item.action.clone().unwrap_or_default();
                            let (reason, confirm) = (reason.clone(), confirm.clone());
                            Decide { reason, confirm, despite_comments, ..Decide::new(action, digest, verdict) }
                        },
                        verdict,
                    )
                    .await,
                ),
                Act::Stop(item) => {
                    let attach = Attach { control: Some(true), ..Attach::default() };
                    let done = ask(&shared, &item, attach, Request::Stop).await;
                    Told::Done(done.map(|()| format!("stopped {}", item.session)))
                }
                Act::Name(item, name) => {
                    Told::Done(on_its_machine(&shared, &item, &["name", "--", item.session.as_str(), &name]).await)
                }
                Act::Archive(item, archived) => {
                    let word = if archived { "archive" } else { "unarchive" };
                    Told::Done(on_its_machine(&shared, &item, &[word, item.session.as_str()]).await)
                }
                Act::Delete(item) => {
                    Told::Done(on_its_machine(&shared, &item, &["delete", "--yes", item.session.as_str()]).await)
                }
            };
            // The screen is gone when nobody receives it.
            let _ = tell.send(told).await;
        });
    }))
}

/// One decision after the other; the first that fails ends it. One that cannot reach its machine waits for the link.
async fn decided(
    shared: &Shared,
    items: Vec<Item>,
    decision: impl Fn(&Item) -> Decide,
    verdict: Verdict,
) -> Result<String, String> {
    let (mut done, mut kept) = (Vec::new(), Vec::new());
    for item in &items {
        let before = if done.is_empty() { String::new() } else { format!("after {}: ", done.join(", ")) };
        let decide = decision(item);
        let name = format!("{} {}", item.session, decide.action);
        let sent = match &item.host {
            None => ask(shared, item, inbox(), Request::Decide(decide)).await.map(|()| true),
            Some(host) => far::decide(host, &item.session, decide).await,
        };
        if sent.map_err(|why| format!("{before}{why}"))? {
            done.push(name);
        } else {
            kept.push(name);
        }
    }
    let words = verdict.words();
    Ok(match (done.join(", "), kept.join(", ")) {
        (done, kept) if kept.is_empty() => format!("{words} {done}"),
        (done, kept) if done.is_empty() => format!("not sent yet: {words} {kept}; it is sent when the link is back"),
        (done, kept) => format!("{words} {done}; not sent yet: {kept}"),
    })
}

/// Attaches to decide, never with control.
pub fn inbox() -> Attach {
    Attach { inbox: true, ..Attach::default() }
}

/// Asks the host of a session, here or on its machine.
async fn ask(shared: &Shared, item: &Item, attach: Attach, request: Request) -> Result<(), String> {
    if let Some(host) = &item.host {
        return far::ask(host, &item.session, attach, request).await.map_err(far::AskError::words);
    }
    let limit = Duration::from_millis(HOME_ASK_MS_MAX);
    let place = place(shared, &item.session)?;
    let stream = socket::connect(&place.socket()).await.map_err(|e| format!("{}: {e}", item.session))?;
    let (read, write) = stream.into_split();
    let sent = AtomicBool::new(false);
    match tokio::time::timeout(limit, exchange(read, write, attach, request, &sent)).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(refused))) => Err(refused.message),
        Ok(Err(error)) => Err(format!("{}: {error}", item.session)),
        Err(_) => Err(format!("{} did not answer in time; check whether it took effect", item.session)),
    }
}

fn place(shared: &Shared, session: &SessionId) -> Result<SessionPlace, String> {
    let places = Places::open(shared.state_dir()).map_err(|fail| fail.text)?;
    places.find(Some(session.as_str())).map_err(|fail| fail.text)
}

/// The whole text of a pending action.
async fn text(shared: &Shared, item: &Item) -> Result<Shown, String> {
    let action = item.action.clone().unwrap_or_default();
    if let Some(machine) = item.host.as_deref().and_then(fleet::machine_of) {
        return fleet::shown(shared, machine, &item.session, &action).await;
    }
    match &item.host {
        None => {
            let place = place(shared, &item.session)?;
            let read = tokio::task::spawn_blocking(move || show::text(&place, &action));
            read.await.map_err(|e| e.to_string())?.map_err(|fail| fail.text)
        }
        Some(host) => {
            let out = far::run(host, &["show", item.session.as_str(), action.as_str(), "--json"]).await?;
            let shown: Shown = serde_json::from_str(&out).map_err(|e| format!("{host} sent an invalid answer: {e}"))?;
            let fits = shown.action == action && shown.session == item.session;
            if fits { Ok(shown) } else { Err(format!("{host} answered about another action")) }
        }
    }
}

/// A command of rightseat on the machine of a session; what it printed.
async fn on_its_machine(shared: &Shared, item: &Item, words: &[&str]) -> Result<String, String> {
    let Some(host) = &item.host else {
        let (shared, words): (_, Vec<String>) = (shared.clone(), words.iter().map(|word| (*word).to_owned()).collect());
        let done = tokio::task::spawn_blocking(move || housekeeping(&shared, &words));
        return done.await.map_err(|e| e.to_string())?.map_err(|fail| fail.text);
    };
    far::run(host, words).await.map(|out| out.trim().to_owned())
}

fn housekeeping(shared: &Shared, words: &[String]) -> Result<String, Fail> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["name", "--", session, name] => named(shared, session, name),
        ["archive", session] => archived(shared, session, true),
        ["unarchive", session] => archived(shared, session, false),
        ["delete", "--yes", session] => deleted(shared, session),
        _ => Err(Fail::usage(format!("not a command of the home screen: {}", words.join(" ")))),
    }
}

/// `rightseat name`: what the user calls the session from now on; nothing takes the name away.
pub fn named(shared: &Shared, session: &str, name: &str) -> Result<String, Fail> {
    let places = Places::open(shared.state_dir())?;
    let place = places.find(Some(session))?;
    let name = Untrusted::new(name.trim()).visible().into_owned();
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Fail::usage(format!("a name has at most {NAME_CHARS_MAX} characters")));
    }
    let taken = places.all().into_iter().find(|other| {
        other.id != place.id && (other.id.as_str() == name || other.label().name.as_deref() == Some(name.as_str()))
    });
    if let Some(other) = taken.filter(|_| !name.is_empty()) {
        return Err(Fail::usage(format!("{} is called that already", other.id)));
    }
    let mut label = place.label();
    label.name = Some(name.clone()).filter(|name| !name.is_empty());
    place.set_label(&label)?;
    let id = &place.id;
    Ok(if name.is_empty() { format!("{id} has no name now") } else { format!("{id} is called {name:?} now") })
}

/// `rightseat archive` and `unarchive`: lists leave it out, and nothing else changes.
pub fn archived(shared: &Shared, session: &str, archived: bool) -> Result<String, Fail> {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let mut label = place.label();
    label.archived = archived;
    place.set_label(&label)?;
    let (id, does) = (&place.id, if archived { "archived" } else { "in the lists again" });
    Ok(format!("{id} is {does}; it takes {}", size(place.bytes())))
}

/// `rightseat delete --yes`.
pub fn deleted(shared: &Shared, session: &str) -> Result<String, Fail> {
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let freed = place.delete()?;
    Ok(format!("deleted {}: {} are free", place.id, size(freed)))
}

/// `rightseat delete`: without `yes`, only what it would free.
pub fn delete(shared: &Shared, session: &str, yes: bool) -> Done {
    if yes {
        return print(&deleted(shared, session)?).map(|()| DONE);
    }
    let place = Places::open(shared.state_dir())?.find(Some(session))?;
    let (id, size) = (&place.id, size(place.bytes()));
    let lost = "its record, the contents that undo needs, and everything else kept for it";
    print(&format!("{id} takes {size}: {lost}. Nothing was deleted; `rightseat delete --yes {id}` does it"))?;
    Ok(DONE)
}

/// In decimal units.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Tells the sessions of all machines until the screen is gone.
fn watch(shared: &Shared, tell: &mpsc::Sender<Told>) {
    let (to_all, mut machines) = mpsc::channel::<Machine>(8);
    let (here, local) = (shared.clone(), to_all.clone());
    std::thread::spawn(move || watch_here(&here, |machine| local.blocking_send(machine).is_ok()));
    let hosts = settings::hosts(shared);
    for (name, host) in hosts {
        tokio::spawn(far::follow(name, host, to_all.clone()));
    }
    tokio::spawn(fleet::watch(shared.clone(), to_all, tell.clone()));
    let tell = tell.clone();
    tokio::spawn(async move {
        let mut unsent = far::changes();
        let mut known: BTreeMap<Option<String>, Machine> = BTreeMap::new();
        loop {
            tokio::select! {
                machine = machines.recv() => {
                    let Some(machine) = machine else { return };
                    known.insert(machine.host.clone(), machine);
                    // Hundreds of machines are told at once.
                    while let Ok(machine) = machines.try_recv() {
                        known.insert(machine.host.clone(), machine);
                    }
                    // The fleet as a whole is a row only while something is wrong with it.
                    let is_fleet = |host: &Option<String>| host.as_deref().and_then(fleet::machine_of) == Some("");
                    known.retain(|host, machine| machine.trouble.is_some() || !is_fleet(host));
                }
                Ok(()) = unsent.changed() => {}
                () = tell.closed() => return,
            }
            let machines = known.values().cloned().map(far::with_unsent).collect();
            let told = Told::Machines { at: SystemClock.now(), machines };
            if tell.send(told).await.is_err() {
                return;
            }
        }
    });
}

/// The sessions of this machine now, and of the others as they told them last.
async fn next(shared: &Shared) -> Told {
    static SESSIONS: Mutex<Option<Sessions>> = Mutex::new(None);
    let shared = shared.clone();
    let look = move || {
        let mut sessions = SESSIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.is_none() {
            *sessions = Sessions::open(&shared).ok();
        }
        sessions.as_mut().map(Sessions::look).unwrap_or_default()
    };
    let here = tokio::task::spawn_blocking(look).await.unwrap_or_default();
    let machines = std::iter::once(Machine { sessions: here, ..Machine::default() }).chain(far::known()).collect();
    Told::Next { at: SystemClock.now(), machines }
}

/// Tells this machine's sessions now, when a journal changes, and once a minute for their ages, until nobody wants it.
fn watch_here(shared: &Shared, mut tell: impl FnMut(Machine) -> bool) {
    let mut sessions = match Sessions::open(shared) {
        Ok(sessions) => sessions,
        Err(fail) => {
            tell(Machine { trouble: Some(fail.text), ..Machine::default() });
            return;
        }
    };
    let (changed, changes) = channel();
    let mut watched = BTreeMap::new();
    loop {
        watch_new(sessions.places(), &changed, &mut watched);
        let found = sessions.look();
        let trouble = match &sessions.unreadable[..] {
            [] => None,
            [(id, why)] => Some(format!("{id} cannot be read: {why}")),
            [(id, why), rest @ ..] => Some(format!("{id} and {} more cannot be read: {why}", rest.len())),
        };
        if !tell(Machine { sessions: found, trouble, ..Machine::default() }) {
            return;
        }
        settle(&changes);
    }
}

/// The directories of all sessions, each without those below: the journals are there, and little else. What cannot be
/// watched is brought up to date once a minute.
fn watch_new(places: &Places, changed: &Sender<()>, watched: &mut BTreeMap<PathBuf, Watched>) {
    watched.retain(|dir, _| dir.exists());
    let mut watch = |dir: PathBuf| {
        let Entry::Vacant(new) = watched.entry(dir) else { return };
        let changed = changed.clone();
        let hear = move |event: &notify::Event| {
            // Reading changes nothing.
            if !event.kind.is_access() {
                // The receiver ends with the screen.
                let _ = changed.send(());
            }
        };
        match Watched::new(&[new.key()], hear) {
            Ok(listens) => {
                new.insert(listens);
            }
            Err(error) => tracing::debug!(%error, "a session is brought up to date once a minute only"),
        }
    };
    // Before the first session there is no directory of them: its nearest parent says when there is. It is watched before
    // anything is listed, so that nothing that is made meanwhile is missed.
    let sessions = places.sessions();
    let nearest = || sessions.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned);
    let mut before = None;
    while let Some(dir) = nearest().filter(|dir| Some(dir) != before.as_ref()) {
        watch(dir.clone());
        before = Some(dir);
    }
    // A journal that is still to be made raises an event in its own directory only.
    places.dirs().into_iter().for_each(watch);
}

/// Waits for a change and for those that follow at once, or for a minute.
fn settle(changes: &Receiver<()>) {
    // The sender lives in the caller.
    let _ = changes.recv_timeout(Duration::from_millis(HOME_AGES_MS));
    std::thread::sleep(Duration::from_millis(HOME_BATCH_MS));
    while changes.try_recv().is_ok() {}
}

/// Prints this machine's sessions as one line of JSON whenever they change, until nobody reads it.
fn lines(shared: &Shared) -> Done {
    // The other end is gone when the input ends.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(i32::from(DONE));
    });
    watch_here(shared, |machine| {
        let Ok(line) = serde_json::to_string(&machine) else { return false };
        let mut out = std::io::stdout();
        std::io::Write::write_all(&mut out, format!("{line}\n").as_bytes()).is_ok()
            && std::io::Write::flush(&mut out).is_ok()
    });
    Ok(DONE)
}
