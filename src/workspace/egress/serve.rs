//! The proxy of one command: it takes connections from the layer, reads what each asks for, and passes bytes on.

use super::broker::{Broker, without};
use super::door::Door;
use super::endpoints::Endpoints;
use super::forward::forward;
use super::peer::Tree;
use super::reach::{Asked, Refused};
use crate::model::Address;
use crate::port::Progress;
use crate::workspace::limits::{
    EGRESS_CONNECTIONS_MAX, EGRESS_HEADER_BYTES_MAX, EGRESS_HEADER_MS_MAX, EGRESS_HEADERS_LINES_MAX,
    EGRESS_OWN_CONNECTIONS_MAX, EGRESS_PAUSE_MS,
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

pub type Body = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// Any body as ours.
pub fn boxed<B>(body: B) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Send + Sync + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed()
}

/// What may be reached without a question: with the keys of commands, or as the endpoints of an agent.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    pub broker: Arc<Broker>,
    pub own: Option<Arc<Endpoints>>,
    /// The number of the agent's turn: a denial counts for one.
    pub turn: Arc<AtomicU64>,
}

/// Serves a command until it has ended: dropping this ends every connection.
pub async fn serve(door: Door, running: &Tree, asks: mpsc::Sender<Progress>, ways: Ways) {
    let mut listeners = match door.listeners().await {
        Ok(listeners) => listeners.into_iter(),
        Err(error) => return tracing::warn!(%error, "a command has no way out of its layer"),
    };
    // There is no layer, which the launcher reports.
    let Some(proxy) = listeners.next() else { return };
    let ended = CancellationToken::new();
    let _ends = ended.clone().drop_guard();
    let here = ways.own.as_ref().map(|own| own.here()).unwrap_or_default();
    let asked = Arc::new(Asked::new(asks, running.clone(), (ways.own, ways.turn), ended.clone()));
    let places = Arc::new(Semaphore::new(EGRESS_CONNECTIONS_MAX));
    let own_places = Arc::new(Semaphore::new(EGRESS_OWN_CONNECTIONS_MAX));
    let server = Server { asked, broker: ways.broker, ended, places, own_places };
    for (listener, address) in listeners.zip(here) {
        let taking = server.clone().accept(listener, Some(address));
        tokio::spawn(server.ended.clone().run_until_cancelled_owned(taking));
    }
    server.accept(proxy, None).await;
}

/// What all connections of a command share.
#[derive(Clone)]
struct Server {
    asked: Arc<Asked>,
    broker: Arc<Broker>,
    ended: CancellationToken,
    places: Arc<Semaphore>,
    /// Of the agent itself, where its commands have all others.
    own_places: Arc<Semaphore>,
}

/// The place of one connection.
enum Place {
    /// Anybody's.
    Common(OwnedSemaphorePermit),
    /// The agent's own.
    Own(OwnedSemaphorePermit),
}

impl Server {
    /// The next free place; the kernel keeps connections waiting meanwhile.
    async fn place(&self) -> Option<Place> {
        let common = self.places.clone().acquire_owned();
        if !self.asked.is_of_agent() {
            return common.await.ok().map(Place::Common);
        }
        tokio::select! {
            biased;
            place = common => place.ok().map(Place::Common),
            place = self.own_places.clone().acquire_owned() => place.ok().map(Place::Own),
        }
    }

    /// The place that a connection from `peer` keeps: one of a command has no place of the agent's own.
    async fn kept(&self, place: Place, peer: SocketAddr) -> Option<OwnedSemaphorePermit> {
        match place {
            Place::Common(place) => Some(place),
            Place::Own(place) => match self.places.clone().try_acquire_owned() {
                Ok(common) => Some(common),
                Err(_) => self.asked.is_agent_at(peer).await.then_some(place),
            },
        }
    }

    /// Serves one connection, or closes it where there is no place for it.
    async fn take(self, stream: TcpStream, (peer, place): (SocketAddr, Place), to: Option<Address>) {
        let Some(place) = self.kept(place, peer).await else {
            return tracing::debug!(%peer, "a connection from a layer was closed: there are too many");
        };
        let client = Client { peer, asked: self.asked, broker: self.broker, ended: self.ended, place: Arc::new(place) };
        match to {
            Some(to) => straight(stream, client, to).await,
            None => connection(stream, client).await,
        }
    }

    /// Takes the connections to the proxy, or those that go straight to an address.
    async fn accept(self, listener: TcpListener, to: Option<Address>) {
        loop {
            let Some(place) = self.place().await else { return };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection from a layer was not taken");
                    tokio::time::sleep(Duration::from_millis(EGRESS_PAUSE_MS)).await;
                    continue;
                }
            };
            let taking = self.clone().take(stream, (peer, place), to.clone());
            tokio::spawn(self.ended.clone().run_until_cancelled_owned(taking));
        }
    }
}

/// Passes on what comes to a port of the layer that is one of this machine.
async fn straight(mut stream: TcpStream, client: Client, to: Address) {
    match client.asked.reach(&to, client.peer).await {
        // Either side may end it; there is nobody to tell.
        Ok(mut upstream) => drop(copy_bidirectional(&mut stream, &mut upstream).await),
        Err(why) => tracing::debug!(?why, "a connection from a layer was not passed on"),
    }
}

/// One connection from the layer. Its place is taken until all that belongs to it has ended.
#[derive(Clone)]
struct Client {
    peer: SocketAddr,
    asked: Arc<Asked>,
    broker: Arc<Broker>,
    ended: CancellationToken,
    place: Arc<OwnedSemaphorePermit>,
}

async fn connection(stream: TcpStream, client: Client) {
    let service = service_fn(|request| {
        let client = client.clone();
        async move { Ok::<_, Infallible>(client.answer(request).await) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(EGRESS_HEADER_MS_MAX))
        .max_buf_size(EGRESS_HEADER_BYTES_MAX)
        .max_headers(EGRESS_HEADERS_LINES_MAX);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await {
        tracing::debug!(%error, "a connection from a layer ended");
    }
}

impl Client {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let answered = if request.method() == Method::CONNECT {
            self.tunnel(request).await
        } else if request.uri().authority().is_none() {
            self.brokered(request).await
        } else {
            self.plain(request).await
        };
        answered.unwrap_or_else(|(status, why)| refusal(status, &why))
    }

    async fn tunnel(&self, request: Request<Incoming>) -> Result<Response<Body>, (StatusCode, String)> {
        let to = request.uri().authority().filter(|to| to.port_u16().is_some()).map(|to| to.as_str());
        let address = to.and_then(Address::parse).ok_or_else(|| invalid("CONNECT needs a host and a port"))?;
        let mut upstream = self.reach(&address).await?;
        let (ended, place) = (self.ended.clone(), self.place.clone());
        tokio::spawn(ended.run_until_cancelled_owned(async move {
            let _place = place;
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                // Either side may end it; there is nobody to tell.
                let _ = copy_bidirectional(&mut TokioIo::new(upgraded), &mut upstream).await;
            }
        }));
        Ok(Response::new(boxed(Full::new(Bytes::new()))))
    }

    async fn plain(&self, request: Request<Incoming>) -> Result<Response<Body>, (StatusCode, String)> {
        if request.uri().scheme_str() != Some("http") {
            return Err(invalid(USE));
        }
        let to = request.uri().authority().map(|to| format!("http://{to}"));
        let address = to.as_deref().and_then(Address::parse).ok_or_else(|| invalid("its host is invalid"))?;
        let stream = self.reach(&address).await?;
        let failed = |why| (StatusCode::BAD_GATEWAY, format!("{address}: {why}"));
        Ok(forward(request, stream, &self.ended).await.map_err(failed)?.map(boxed))
    }

    /// A request to a host whose key the command does not have. Redirects are the command's to follow, without the key.
    async fn brokered(&self, mut request: Request<Incoming>) -> Result<Response<Body>, (StatusCode, String)> {
        let (host, uri) = self.broker.find(request.uri()).ok_or_else(|| invalid(USE))?;
        let address = &host.address;
        let failed = |why| (StatusCode::BAD_GATEWAY, format!("{address}: {why}"));
        let key = host.key().map_err(failed)?;
        *request.uri_mut() = uri;
        host.fill(request.headers_mut(), key);
        let stream = self.reach(address).await?;
        let stream = self.broker.encrypted(address, stream).await.map_err(failed)?;
        let response = forward(request, stream, &self.ended).await.map_err(failed)?;
        Ok(without(response, key.clone()))
    }

    async fn reach(&self, address: &Address) -> Result<TcpStream, (StatusCode, String)> {
        self.asked.reach(address, self.peer).await.map_err(|refused| match refused {
            Refused::Denied(why) => (StatusCode::FORBIDDEN, why),
            Refused::Failed(why) => (StatusCode::BAD_GATEWAY, why),
        })
    }
}

const USE: &str = "this is a proxy: use CONNECT, or a request with a whole http:// address";

fn invalid(why: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, why.to_owned())
}

fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    let mut response = Response::new(boxed(Full::new(Bytes::from(format!("rightseat: {why}\n")))));
    *response.status_mut() = status;
    response
}
