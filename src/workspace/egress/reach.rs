//! From an address to a connection: the question about it, the name, the question about where that leads, the connection.

use super::endpoints::Endpoints;
use super::peer::Tree;
use crate::model::limits::ADDRESS_PLACES_MAX;
use crate::model::{Address, Area, Host};
use crate::port::{Connect, NotOpened, Progress};
use crate::workspace::limits::{
    EGRESS_CONNECT_MS_MAX, EGRESS_HOSTS_MAX, EGRESS_LOOKUPS_MAX, EGRESS_RESOLVE_MS_MAX, EGRESS_WAIT_MS_MAX,
    EGRESS_WAITING_MAX,
};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The reason that there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Nobody allows it.
    Denied(String),
    /// It is allowed and does not work.
    Failed(String),
}

type Answer = Option<Result<(), String>>;

/// What was asked about an address.
#[derive(Debug)]
struct Question {
    answer: watch::Receiver<Answer>,
    /// Places for the connections that wait for the answer.
    places: Arc<Semaphore>,
}

/// The answer, now or later, and a place to wait for it.
type Waits = (watch::Receiver<Answer>, Option<OwnedSemaphorePermit>);

impl Question {
    fn is_denied(&self) -> bool {
        matches!(*self.answer.borrow(), Some(Err(_)))
    }

    fn is_answered(&self) -> bool {
        self.answer.borrow().is_some()
    }

    /// One more connection that wants the answer.
    fn join(&self, address: &Address) -> Result<Waits, String> {
        if self.is_answered() {
            return Ok((self.answer.clone(), None));
        }
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            format!("{EGRESS_WAITING_MAX} connections wait for a decision about {address} already: try again later")
        })?;
        Ok((self.answer.clone(), Some(place)))
    }
}

/// The questions of a command, or of an agent in one of its turns.
#[derive(Debug, Default)]
struct Known {
    questions: HashMap<Address, Question>,
    turn: u64,
}

impl Known {
    /// What was denied in another turn may be asked again.
    fn turn_to(&mut self, turn: u64) {
        if std::mem::replace(&mut self.turn, turn) != turn {
            self.questions.retain(|_, question| !question.is_denied());
        }
    }

    /// Forgets an answer, if there is one; a denied address first.
    fn make_room(&mut self) -> bool {
        let answered = || self.questions.iter().filter(|(_, question)| question.is_answered());
        let denied = answered().find(|(_, question)| question.is_denied());
        let Some(address) = denied.or_else(|| answered().next()).map(|(address, _)| address.clone()) else {
            return false;
        };
        self.questions.remove(&address).is_some()
    }
}

/// The addresses that a command has asked about, each once; those of an agent may be asked about again.
#[derive(Debug)]
pub struct Asked {
    known: Arc<Mutex<Known>>,
    asks: mpsc::Sender<Progress>,
    tree: Tree,
    /// Of an agent: where it goes without a question.
    own: Option<Arc<Endpoints>>,
    /// The number of the agent's turn.
    turn: Arc<AtomicU64>,
    /// The command has ended.
    ended: CancellationToken,
}

impl Asked {
    pub fn new(
        asks: mpsc::Sender<Progress>,
        tree: Tree,
        (own, turn): (Option<Arc<Endpoints>>, Arc<AtomicU64>),
        ended: CancellationToken,
    ) -> Self {
        Self { known: Arc::default(), asks, tree, own, turn, ended }
    }

    /// Returns whether these are the connections of an agent and its commands.
    pub fn is_of_agent(&self) -> bool {
        self.own.is_some()
    }

    /// Returns whether the process at `peer` is the agent itself, where there is one.
    pub async fn is_agent_at(&self, peer: SocketAddr) -> bool {
        match &self.own {
            Some(own) => self.is_agent(own.clone(), peer).await,
            None => false,
        }
    }

    /// A connection to an address, for the process at `peer`.
    pub async fn reach(&self, address: &Address, peer: SocketAddr) -> Result<TcpStream, Refused> {
        let address = &of_this_machine(address, is_own);
        self.allowed(address, peer).await?;
        let places = resolve(address).await?;
        if let Host::Name(_) = address.host {
            let at = inner_places(&places, address, is_own)?;
            if !at.is_empty() {
                self.allowed(&Address { at, ..address.clone() }, peer).await?;
            }
        }
        connect(address, &places).await
    }

    /// Waits for the word on an address.
    pub async fn allowed(&self, address: &Address, peer: SocketAddr) -> Result<(), Refused> {
        if let Some(own) = &self.own {
            if own.cover(address) && self.is_agent(own.clone(), peer).await {
                return Ok(());
            }
            if own.are_all {
                return Err(Refused::Denied(format!(
                    "{address} is not an endpoint of the agent, and its network is off"
                )));
            }
        }
        let (mut answer, _place) = self.question(address, peer).map_err(Refused::Denied)?;
        let said = timeout(Duration::from_millis(EGRESS_WAIT_MS_MAX), answer.wait_for(Option::is_some)).await;
        match said {
            Ok(Ok(answer)) => match &*answer {
                Some(Ok(())) => Ok(()),
                Some(Err(why)) => Err(Refused::Denied(why.clone())),
                None => Err(Refused::Denied(format!("{address} was not decided"))),
            },
            Ok(Err(_)) => Err(Refused::Denied(format!("{address} was not decided: the command has ended"))),
            Err(_) => {
                let minutes = EGRESS_WAIT_MS_MAX / 60_000;
                Err(Refused::Denied(format!("nobody decided about {address} within {minutes} minutes")))
            }
        }
    }

    /// Returns whether the process at `peer` is the agent itself.
    async fn is_agent(&self, own: Arc<Endpoints>, peer: SocketAddr) -> bool {
        let tree = self.tree.clone();
        tokio::task::spawn_blocking(move || own.is_agent(&tree, peer)).await.unwrap_or(false)
    }

    /// The question about an address: the one that was asked, or a new one.
    fn question(&self, address: &Address, peer: SocketAddr) -> Result<Waits, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.turn_to(self.turn.load(Ordering::Relaxed));
        if let Some(question) = known.questions.get(address) {
            return question.join(address);
        }
        if known.questions.len() >= EGRESS_HOSTS_MAX {
            // A command ends soon; an agent does not, and only what it waits for counts.
            let limit = match self.is_of_agent() {
                true if known.make_room() => None,
                true => Some("the agent and its commands wait for"),
                false => Some("a command may use"),
            };
            if let Some(limit) = limit {
                return Err(format!("{address} was not asked about: {limit} {EGRESS_HOSTS_MAX} addresses"));
            }
        }
        let (tell, answer) = watch::channel(None);
        let question = Question { answer, places: Arc::new(Semaphore::new(EGRESS_WAITING_MAX)) };
        let waits = question.join(address);
        known.questions.insert(address.clone(), question);
        self.ask(address.clone(), peer, tell);
        waits
    }

    /// Asks the host about an address.
    fn ask(&self, address: Address, peer: SocketAddr, tell: watch::Sender<Answer>) {
        let (asks, tree, asked) = (self.asks.clone(), self.tree.clone(), self.known.clone());
        let ended = self.ended.clone();
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            let process = tokio::task::spawn_blocking(move || tree.process(peer)).await.ok().flatten();
            let (reply, said) = oneshot::channel();
            let connects = Progress::Connects(Connect { address: address.clone(), process, reply });
            if asks.send(connects).await.is_err() {
                return;
            }
            let said = said.await.unwrap_or_else(|_| Err(NotOpened::Busy(format!("{address} was not decided"))));
            if let Err(NotOpened::Busy(_)) = said {
                asked.lock().unwrap_or_else(PoisonError::into_inner).questions.remove(&address);
            }
            let _ = tell.send(Some(said.map_err(NotOpened::into_words)));
        }));
    }
}

/// Places for lookups of names, for all commands together.
static LOOKUPS: Semaphore = Semaphore::const_new(EGRESS_LOOKUPS_MAX);

/// The places of a host, by the resolver of this machine.
async fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Refused> {
    let name = match &address.host {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, address.port)]),
        // The dot keeps the resolver from trying the name in other domains.
        Host::Name(name) if name.contains('.') => format!("{name}."),
        Host::Name(name) => name.clone(),
    };
    let failed = |why: String| Refused::Failed(format!("{} was not found: {why}", address.host));
    let port = address.port;
    let looked_up = async move {
        // The resolver blocks a thread for as long as it likes, and stop needs threads too: a lookup that was given up
        // keeps its place until its thread is back.
        let Ok(place) = LOOKUPS.acquire().await else { return Err(std::io::Error::other("the resolver is closed")) };
        let found = tokio::task::spawn_blocking(move || {
            let _place = place;
            (name.as_str(), port).to_socket_addrs().map(Iterator::collect)
        });
        found.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    };
    match timeout(Duration::from_millis(EGRESS_RESOLVE_MS_MAX), looked_up).await {
        Ok(Ok(places)) => Ok(places),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {EGRESS_RESOLVE_MS_MAX} ms"))),
    }
}

/// Returns whether an IP address is this machine's, public or not: a socket can have no other one.
fn is_own(ip: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(ip, 0)).is_ok()
}

/// The address, with itself as its place if it is this machine's and looks public.
fn of_this_machine(address: &Address, is_own: impl Fn(IpAddr) -> bool) -> Address {
    let ip = match address.host {
        Host::Ip(ip) => Some(ip.to_canonical()),
        Host::Name(_) => None,
    };
    let own = ip.filter(|ip| Area::of(*ip) == Area::Public && is_own(*ip));
    Address { at: own.into_iter().collect(), ..address.clone() }
}

/// Those of the places that are this machine's or not public, in order.
fn inner_places(
    places: &[SocketAddr],
    address: &Address,
    is_own: impl Fn(IpAddr) -> bool,
) -> Result<Vec<IpAddr>, Refused> {
    let inner = places.iter().map(|place| place.ip().to_canonical());
    let inner = inner.filter(|ip| Area::of(*ip) != Area::Public || is_own(*ip));
    let mut inner: Vec<IpAddr> = inner.collect();
    inner.sort();
    inner.dedup();
    if inner.len() > ADDRESS_PLACES_MAX {
        return Err(Refused::Denied(format!("{address} leads to more than {ADDRESS_PLACES_MAX} private addresses")));
    }
    Ok(inner)
}

/// The first of the places that answers.
async fn connect(address: &Address, places: &[SocketAddr]) -> Result<TcpStream, Refused> {
    let mut why = "it has no address".to_owned();
    let trying = async {
        for place in places {
            match TcpStream::connect(place).await {
                Ok(stream) => return Some(stream),
                Err(error) => why = error.to_string(),
            }
        }
        None
    };
    let tried = timeout(Duration::from_millis(EGRESS_CONNECT_MS_MAX), trying).await;
    match tried {
        Ok(Some(stream)) => Ok(stream),
        Ok(None) => Err(Refused::Failed(format!("{address} does not answer: {why}"))),
        Err(_) => Err(Refused::Failed(format!("{address} did not answer within {EGRESS_CONNECT_MS_MAX} ms"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "203.0.113.7";

    fn own(ip: IpAddr) -> bool {
        ip.to_string() == OWN
    }

    fn asked() -> (Arc<Asked>, mpsc::Receiver<Progress>) {
        let (asks, coming) = mpsc::channel(4);
        let tracker = crate::workspace::census::Tracker::new("reach");
        let tree = Tree { tracker, launcher: 0 };
        let of_command = (None, Arc::default());
        (Arc::new(Asked::new(asks, tree, of_command, CancellationToken::new())), coming)
    }

    fn question(answer: Answer) -> (watch::Sender<Answer>, Question) {
        let (tell, answer) = watch::channel(answer);
        (tell, Question { answer, places: Arc::new(Semaphore::new(1)) })
    }

    #[test]
    fn a_new_turn_forgets_what_was_denied_and_nothing_else() {
        let address = |name: &str| Address::parse(name).unwrap();
        let all = [("no:1", Some(Err("no".to_owned()))), ("yes:1", Some(Ok(()))), ("pending:1", None)];
        let mut known = Known::default();
        let mut tells = Vec::new();
        for (name, answer) in all {
            let (tell, question) = question(answer);
            tells.push(tell);
            known.questions.insert(address(name), question);
        }
        known.turn_to(0);
        assert_eq!(known.questions.len(), 3);
        known.turn_to(1);
        assert!(!known.questions.contains_key(&address("no:1")) && known.questions.len() == 2);
        // Room is made of answers only.
        assert!(known.make_room() && !known.make_room());
        let pending = known.questions.get(&address("pending:1")).unwrap();
        let first = pending.join(&address("pending:1")).unwrap();
        assert!(pending.join(&address("pending:1")).is_err());
        drop(first);
        assert!(pending.join(&address("pending:1")).is_ok());
    }

    #[test]
    fn a_public_address_of_this_machine_is_not_public() {
        let places: Vec<SocketAddr> =
            [OWN, "198.51.100.1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).to_vec();
        let address = Address::parse("own.example:443").unwrap();
        let inner = inner_places(&places, &address, own).unwrap();
        assert_eq!(inner, [OWN.parse::<IpAddr>().unwrap()]);
        let asked = Address { at: inner, ..address };
        assert_eq!((asked.to_string().as_str(), asked.area()), ("own.example:443 at 203.0.113.7", Area::Private));
        let by_number = of_this_machine(&Address::parse("203.0.113.7:80").unwrap(), own);
        assert_eq!(by_number.area(), Area::Private);
        assert_eq!(of_this_machine(&Address::parse("198.51.100.1:80").unwrap(), own).area(), Area::Public);
        assert!(is_own("127.0.0.1".parse().unwrap()) && !is_own("198.51.100.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn a_question_that_found_no_room_is_asked_again() {
        let (asked, mut coming) = asked();
        let address = Address::parse("busy.example:443").unwrap();
        let peer = "127.0.0.1:9".parse().unwrap();
        let answers = [Err(NotOpened::Busy("there is no room".to_owned())), Err(NotOpened::Denied("no".to_owned()))];
        for (answer, why) in answers.into_iter().zip(["there is no room", "no"]) {
            let waiting = tokio::spawn({
                let (asked, address) = (asked.clone(), address.clone());
                async move { asked.allowed(&address, peer).await }
            });
            let Some(Progress::Connects(connect)) = coming.recv().await else { panic!("it was not asked") };
            connect.reply.send(answer).unwrap();
            assert_eq!(waiting.await.unwrap(), Err(Refused::Denied(why.to_owned())));
        }
        // A decision counts for the command's life.
        assert_eq!(asked.allowed(&address, peer).await, Err(Refused::Denied("no".to_owned())));
        assert!(coming.try_recv().is_err());
    }
}
