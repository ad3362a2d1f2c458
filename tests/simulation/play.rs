//! One play: a world, hosts one after the other, clients, a human by the dice, crashes; after every step everything that
//! must hold is looked at.

use crate::agent::{Maker, Rules};
use crate::client::{Client, Known, Unkind, stall};
use crate::dice::Dice;
use crate::invariants::{self, Sent};
use crate::world::{FILES, Hold, World};
use rightseat::base::{ActionId, Digest, SessionId, UnixMs};
use rightseat::host::{Host, Setup};
use rightseat::journal::{Journal, verify};
use rightseat::model::Session;
use rightseat::model::event::{Decider, Mode};
use rightseat::model::session::{ActionState, Phase};
use rightseat::port::Clock;
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A step that takes longer than this has hung, busy machine or not.
const PATIENCE: Duration = Duration::from_secs(60);
const STEPS_MAX: usize = 14;
const CRASHES_MAX: usize = 3;

/// Time that passes when it is told to.
#[derive(Clone)]
struct Paused(Arc<AtomicU64>);

impl Clock for Paused {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

/// What outlives a host.
pub struct Play {
    dice: Dice,
    dir: tempfile::TempDir,
    clock: Paused,
    pub world: Arc<Mutex<World>>,
    /// The one in control, and one who looks.
    pub known: [Arc<Mutex<Known>>; 2],
    pub sent: Vec<Sent>,
    pub journal: PathBuf,
    lives: usize,
    links: usize,
    held_at_a_crash: usize,
}

/// What came to pass in plays, so that a run in which nothing happens is seen.
#[derive(Debug, Default)]
pub struct Tally {
    pub effects: usize,
    pub held_at_a_crash: usize,
    pub cut_off_by_a_crash: usize,
    pub decided_by_humans: usize,
    pub refused: usize,
    pub links_lost: usize,
    pub voided: usize,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.effects += other.effects;
        self.held_at_a_crash += other.held_at_a_crash;
        self.cut_off_by_a_crash += other.cut_off_by_a_crash;
        self.decided_by_humans += other.decided_by_humans;
        self.refused += other.refused;
        self.links_lost += other.links_lost;
        self.voided += other.voided;
    }

    pub fn assert_rich(&self) {
        let all = [
            self.effects,
            self.held_at_a_crash,
            self.cut_off_by_a_crash,
            self.decided_by_humans,
            self.refused,
            self.links_lost,
            self.voided,
        ];
        assert!(all.iter().all(|n| *n > 0), "these plays prove little: {self:?}");
    }
}

/// What one host's life is made of.
struct Life {
    host: Host,
    hold: Arc<Hold>,
    clients: [Client; 2],
}

impl Play {
    fn new(seed: u64) -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let mut world = World::default();
        for path in FILES.iter().take(3) {
            world.files.insert((*path).to_owned(), b"one\ntwo\nthree\n".to_vec());
        }
        let journal = dir.path().join("life-0/journal.db");
        Self {
            dice: Dice::new(seed),
            dir,
            clock: Paused(Arc::new(AtomicU64::new(1_000))),
            world: Arc::new(Mutex::new(world)),
            known: Default::default(),
            sent: Vec::new(),
            journal,
            lives: 0,
            links: 0,
            held_at_a_crash: 0,
        }
    }

    /// Plays one seed from beginning to end.
    pub fn run(seed: u64) -> Tally {
        let mut play = Self::new(seed);
        let crashes = play.dice.below(CRASHES_MAX + 1);
        let mut held = Vec::new();
        for life in 0..=crashes {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let last = life == crashes;
            held = runtime.block_on(play.live(last, held));
            // What the dead host still held in memory goes with its tasks.
            drop(runtime);
            if !last {
                play.held_at_a_crash += held.len();
                play.journal = play.journal_after_crash();
            }
        }
        let report = verify(&play.journal, None).unwrap();
        assert!(report.ok, "the journal does not verify: {report:?}");
        play.tally()
    }

    fn tally(&self) -> Tally {
        let session = self.durable();
        let count = |is: fn(&Phase) -> bool| session.actions.iter().filter(|a| is(&a.phase)).count();
        let answers = self.known.each_ref().map(|k| k.lock().unwrap().answers.clone());
        let human = |a: &&ActionState| a.decided.as_ref().is_some_and(|d| matches!(d.by, Decider::Human(_)));
        let cut_off = |a: &&ActionState| {
            let detail = a.finished.as_ref().and_then(|f| f.detail.as_deref());
            detail.is_some_and(|d| d.starts_with("the host died"))
        };
        Tally {
            effects: self.world.lock().unwrap().performed.len(),
            held_at_a_crash: self.held_at_a_crash,
            cut_off_by_a_crash: session.actions.iter().filter(cut_off).count(),
            decided_by_humans: session.actions.iter().filter(human).count(),
            refused: answers.iter().flat_map(|a| a.values()).filter(|a| a.get("error").is_some()).count(),
            links_lost: self.links - 2 * self.lives,
            voided: count(|p| matches!(p, Phase::Lapsed(_))),
        }
    }

    async fn live(&mut self, last: bool, held_before: Vec<ActionId>) -> Vec<ActionId> {
        let mut life = self.start().await;
        let stalled = if self.dice.once_in(3) { Some(stall(&life.host).await) } else { None };
        self.connect(&mut life).await;
        self.settle(&mut life).await;
        invariants::questions_survive(self, &held_before);
        for _ in 0..2 + self.dice.below(STEPS_MAX) {
            self.step(&mut life).await;
            self.settle(&mut life).await;
            invariants::hold(self);
        }
        if last {
            self.wind_up(&mut life).await;
        } else {
            // Somewhere in the middle of things, often of an effect.
            match self.replica(0).actions.held().next().map(|a| (a.action.id.clone(), a.action.digest)) {
                Some((action, digest)) => self.answer(&mut life, action, digest, "approve", true).await,
                None => self.step(&mut life).await,
            }
            self.dice.dawdle(80).await;
            self.snap();
        }
        drop(stalled);
        self.held()
    }

    async fn start(&mut self) -> Life {
        let journal = if self.lives == 0 {
            Journal::create(&self.journal, &SessionId::new("simulated")).unwrap()
        } else {
            Journal::open(&self.journal).unwrap()
        };
        self.lives += 1;
        let hold = Arc::new(Hold::new(self.world.clone(), self.journal.clone(), self.dice.of(10)));
        let setup = Setup {
            journal,
            journal_path: self.journal.clone(),
            session: SessionId::new("simulated"),
            workspace: hold.clone(),
            agent: Arc::new(Maker(Mutex::new(self.dice.of(11)))),
            agents: Arc::new(crate::alone::Alone),
            judge: Arc::new(Rules),
            clock: Arc::new(self.clock.clone()),
            checks: None,
            mode: Mode::Step,
            goal: (self.lives == 1).then(|| "make it so".to_owned()),
            plan: None,
            warnings: Vec::new(),
            neighbors: Arc::new(crate::alone::Alone),
            unattended_freeze: None,
            idle_exit: None,
            is_detached: false,
        };
        let (host, _ending) = Host::start(setup).await.unwrap();
        let first_id = self.lives as u64 * 1_000_000;
        let clients = self.known.clone().map(|known| Client::new(known, first_id));
        Life { host, hold, clients }
    }

    async fn connect(&mut self, life: &mut Life) {
        for (n, client) in life.clients.iter_mut().enumerate() {
            if !client.is_linked() {
                let unkind = Unkind { drops: self.dice.once_in(2) };
                self.links += 1;
                client.connect(&life.host, n == 0, unkind, self.dice.of(20)).await;
            }
        }
    }

    /// Gives everyone turns until nothing moves any more; lost links are made anew.
    async fn settle(&mut self, life: &mut Life) {
        let end = Instant::now() + PATIENCE;
        let mut still = 0;
        while still < 4 {
            for _ in 0..24 {
                tokio::task::yield_now().await;
            }
            self.connect(life).await;
            let head = life.host.follow().borrow().head.0;
            let quiet =
                life.hold.is_quiet() && life.clients.iter().all(|c| c.is_linked() && c.is_quiet() && c.head() == head);
            still = if quiet { still + 1 } else { 0 };
            if !quiet {
                // Journals are read on other threads.
                std::thread::yield_now();
            }
            assert!(
                Instant::now() < end,
                "nothing comes to rest: head {head}, {:?}, linked {:?}, answered {:?}, workspace still {}",
                life.clients.each_ref().map(Client::head),
                life.clients.each_ref().map(Client::is_linked),
                life.clients.each_ref().map(Client::is_quiet),
                life.hold.is_quiet(),
            );
        }
    }

    /// What the human does next.
    async fn step(&mut self, life: &mut Life) {
        self.clock.0.fetch_add(self.dice.throw() % 5_000, Ordering::SeqCst);
        let choice = self.dice.below(16);
        let is_frozen = self.replica(0).frozen.is_some();
        let human = &mut life.clients[0];
        match choice {
            _ if is_frozen && self.dice.once_in(2) => _ = human.ask("gate/resume", json!({})).await,
            0..=6 => self.decide(life).await,
            7 => _ = human.ask("session/prompt", json!({"text": "go on", "when": "queue"})).await,
            8 => _ = human.ask("session/prompt", json!({"text": "now", "when": "interrupt"})).await,
            9 => {
                let path = FILES[self.dice.below(FILES.len())];
                let bytes = (!self.dice.once_in(5)).then(|| format!("one\ntwo\nthree\nmine {}\n", self.dice.below(9)));
                life.hold.write(path, bytes.map(String::into_bytes)).await;
            }
            10 => _ = human.ask("gate/freeze", json!({})).await,
            11 => _ = human.ask("gate/resume", json!({})).await,
            12 => {
                let mode = ["step", "guarded", "step", "guarded", "observe"][self.dice.below(5)];
                human.ask("gate/mode", json!({"mode": mode})).await;
            }
            13 => _ = human.ask("gate/step", json!({})).await,
            14 => _ = human.ask("session/cancel", json!({})).await,
            _ => {
                // Who may not decide tries.
                let held = self.replica(1).actions.held().next().map(|a| (a.action.id.clone(), a.action.digest));
                if let Some((action, digest)) = held {
                    let id = life.clients[1]
                        .ask("action/decide", json!({"action": action, "digest": digest, "verdict": "approve"}))
                        .await;
                    self.sent.push(Sent { client: 1, id, action, digest, verdict: "approve", is_true: false });
                }
            }
        }
    }

    async fn decide(&mut self, life: &mut Life) {
        let held: Vec<_> = self.replica(0).actions.held().map(|a| (a.action.id.clone(), a.action.digest)).collect();
        let Some((action, digest)) = self.dice.pick(&held).cloned() else {
            life.clients[0].ask("session/prompt", json!({"text": "what next?", "when": "queue"})).await;
            return;
        };
        let is_true = !self.dice.once_in(6);
        let digest = if is_true { digest } else { Digest::of(b"another one") };
        let verdict = ["approve", "approve", "approve", "deny", "redirect"][self.dice.below(5)];
        let times = if self.dice.once_in(4) { 2 } else { 1 };
        for _ in 0..times {
            self.answer(life, action.clone(), digest, verdict, is_true).await;
        }
    }

    async fn answer(
        &mut self,
        life: &mut Life,
        action: ActionId,
        digest: Digest,
        verdict: &'static str,
        is_true: bool,
    ) {
        let params = json!({"action": action, "digest": digest, "verdict": verdict, "reason": "so it is"});
        let id = life.clients[0].ask("action/decide", params).await;
        self.sent.push(Sent { client: 0, id, action, digest, verdict, is_true });
    }

    /// The human says yes or no to whatever is left, and closes.
    async fn wind_up(&mut self, life: &mut Life) {
        life.clients[0].ask("gate/resume", json!({})).await;
        self.settle(life).await;
        for _ in 0..64 {
            if self.held().is_empty() {
                break;
            }
            self.decide(life).await;
            self.settle(life).await;
            invariants::hold(self);
        }
        life.host.close("enough").await;
        let mut head = life.host.follow();
        let end = Instant::now() + PATIENCE;
        while !head.borrow_and_update().closing {
            tokio::task::yield_now().await;
            assert!(Instant::now() < end, "the host does not go");
        }
        for _ in 0..256 {
            tokio::task::yield_now().await;
        }
        invariants::hold(self);
        let open: Vec<_> =
            self.durable().actions.iter().filter(|a| a.phase.is_open()).map(|a| a.action.id.clone()).collect();
        assert!(open.is_empty(), "a closed session left {open:?} open");
    }

    fn replica(&self, n: usize) -> Session {
        self.known[n].lock().unwrap().replica.clone()
    }

    /// The session as the disk has it.
    pub fn durable(&self) -> Session {
        let envelopes: Vec<_> = invariants::records(&self.journal).iter().map(|r| r.envelope()).collect();
        Session::replay(&envelopes)
    }

    fn held(&self) -> Vec<ActionId> {
        let session = self.durable();
        session.actions.iter().filter(|a| a.phase == Phase::Held).map(|a| a.action.id.clone()).collect()
    }

    /// The files as the disk has them at this moment, for the next life.
    fn snap(&mut self) {
        let next = self.dir.path().join(format!("life-{}", self.lives));
        std::fs::create_dir(&next).unwrap();
        for name in ["journal.db", "journal.db-wal", "journal.db.head"] {
            let from = self.journal.with_file_name(name);
            if from.exists() {
                std::fs::copy(from, next.join(name)).unwrap();
            }
        }
    }

    /// What a crash leaves: everything that was synced; of the rest nothing, or a torn piece of it.
    fn journal_after_crash(&mut self) -> PathBuf {
        let path = self.dir.path().join(format!("life-{}", self.lives)).join("journal.db");
        let log = path.with_file_name("journal.db-wal");
        if self.dice.once_in(2) && log.exists() {
            let torn: Vec<u8> = (0..self.dice.below(9_000)).map(|_| self.dice.throw().to_le_bytes()[0]).collect();
            std::fs::OpenOptions::new().append(true).open(&log).unwrap().write_all(&torn).unwrap();
        }
        if self.dice.once_in(2) {
            // It is never synced, so it may be lost whole.
            let _ = std::fs::remove_file(path.with_file_name("journal.db.head"));
        }
        path
    }
}
