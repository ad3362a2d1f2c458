//! The header: the session, the agent and the mode, the pending actions, the cost, and the health.

use crate::base::text::{Show, escape, width};
use crate::model::event::{ChangedBy, Isolation, SessionOutcome, Usage};
use crate::model::session;
use crate::model::{AgentLevel, AgentState, WatchState};
use crate::ui::app::{App, Link, Scene, seat};
use crate::ui::layout::breakpoints;
use crate::ui::look::Brush;
use crate::ui::panes::{inbox, tests_pane};
use crate::ui::theme::{Role, Sign};

/// From here on there is room for words where signs would do.
const ROOMY_COLUMNS_MIN: u16 = 120;

type Words = Vec<(String, Role)>;

/// The position of the cost among the groups.
const COST: usize = 2;

/// Draws it: identity at the left, health at the right, the rest between as long as there is room.
pub(super) fn view(app: &App, brush: &mut Brush<'_>) {
    let line = app.layout.header;
    let mut x = line.x + 1;
    let (left, groups, kept) = laid_out(app);
    for (text, role) in &left {
        x = brush.cut(x, line.y, line.right(), text, *role);
    }
    let shown: Vec<&Words> = groups.iter().zip(kept).filter(|(_, kept)| *kept).map(|(group, _)| group).collect();
    let total: usize = shown.iter().map(|group| columns(group) + 3).sum();
    let mut at = line.right().saturating_sub(u16::try_from(total).unwrap_or(u16::MAX)).max(x + 1);
    for group in shown {
        at += 2;
        for (text, role) in group {
            at = brush.text(at, line.y, line.right(), text, *role);
        }
        at += 1;
    }
}

/// Whether the duration of the session is shown, and still grows.
pub(super) fn shows_age(app: &App) -> bool {
    let grows = app.scene.session.ended.is_none() && app.scene.record.is_none();
    let Some(ms) = app.scene.age_ms().filter(|_| grows) else { return false };
    let (_, groups, kept) = laid_out(app);
    let age = inbox::age_words(ms);
    let costs = groups.get(COST).zip(kept.get(COST)).filter(|(_, kept)| **kept).map(|(group, _)| group);
    costs.is_some_and(|group| group.iter().any(|(text, _)| text.split(" · ").any(|part| part.trim() == age)))
}

/// The identity, the groups, and which of them have room.
fn laid_out(app: &App) -> (Words, [Words; 4], [bool; 4]) {
    let line = app.layout.header;
    let mut groups = [gate(app), tests(app), Words::new(), health(app)];
    // Pending actions come before all that is known anyway.
    let fits =
        |left: &Words| groups.first().is_none_or(|gate| columns(left) + columns(gate) + 5 <= usize::from(line.width));
    let left = [Named::All, Named::Agent, Named::Place]
        .into_iter()
        .map(|named| identity(app, named))
        .find(fits)
        .unwrap_or_else(|| mode(app));
    let left_width = columns(&left);
    let mut room = usize::from(line.width).saturating_sub(left_width + 2);
    let mut kept = [false; 4];
    // Pending actions and health matter more than the cost, which gets the remaining room.
    for wanted in [0, 3, 1, 2] {
        let Some((group, kept)) = groups.get_mut(wanted).zip(kept.get_mut(wanted)) else { continue };
        if wanted == COST {
            *group = cost(app, room.saturating_sub(3));
        }
        let needs = columns(group) + 3;
        if !group.is_empty() && needs <= room {
            room -= needs;
            *kept = true;
        }
    }
    (left, groups, kept)
}

fn columns(words: &Words) -> usize {
    words.iter().map(|(text, _)| width::width(text)).sum()
}

/// The detail in which the header names the session; the mode is always shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Place,
    Agent,
    All,
}

fn identity(app: &App, named: Named) -> Words {
    let scene = &app.scene;
    let session = &scene.session;
    let wide = app.size.width >= 100;
    let mut words = Words::new();
    if wide {
        words.push(("rightseat  ".to_owned(), Role::Header));
    }
    let place = session.opened.as_ref().map_or(scene.title.as_str(), |opened| {
        opened.workspace.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&opened.workspace)
    });
    words.push((escape::show(place, &Show::default()).into_owned(), Role::HeaderStrong));
    let agent = &session.agent.ready.agent;
    if !agent.name.is_empty() && named >= Named::Agent {
        words.push((format!(" {} ", scene.look.sign(Sign::Current)), Role::TextFaint));
        words.push((escape::show(&agent.name, &Show::default()).into_owned(), Role::Header));
        if wide && agent.level != AgentLevel::default() {
            words.push((format!(" {}", escape::show(agent.level.as_str(), &Show::default())), Role::TextFaint));
        }
    }
    words.extend(mode(app));
    if session.opened.is_some() && named == Named::All {
        let role = if agent.isolation == Isolation::Watched { Role::Warn } else { Role::Header };
        words.push((format!("  {} {}", scene.look.sign(Sign::Held), agent.isolation.word()), role));
    }
    words
}

fn mode(app: &App) -> Words {
    let session = &app.scene.session;
    let word = session.mode.word();
    let mut words: Words = session.opened.iter().map(|_| (format!("  {word}"), Role::Accent)).collect();
    // What it does without asking is not in our mode.
    if let Some(own) = &session.agent.ready.loose_mode {
        let own = escape::show(own, &Show::default()).into_owned();
        words.push((format!("  {} {own}", app.scene.look.sign(Sign::Warning)), Role::Warn));
    }
    words
}

fn gate(app: &App) -> Words {
    let scene = &app.scene;
    let session = &scene.session;
    let mut words = Words::new();
    if let Some(record) = &scene.record {
        let (shown, last) = record.place();
        words.push((format!("record, event {shown} of {last}  "), Role::Accent));
    }
    if session.frozen.is_some() {
        words.push((format!(" {} frozen ", scene.look.sign(Sign::Frozen)), Role::Alarm));
        words.push((" ".to_owned(), Role::Header));
    }
    if session.agent.lost.is_some() {
        words.push((" agent exited ".to_owned(), Role::Alarm));
        words.push((" ".to_owned(), Role::Header));
    }
    if let Some(ended) = &session.ended {
        let role = match ended.outcome {
            SessionOutcome::Done => Role::Ok,
            SessionOutcome::Failed => Role::Fail,
            SessionOutcome::Stopped => Role::Warn,
        };
        words.push((format!("session {}", ended.outcome.word()), role));
        return words;
    }
    match scene.waits() {
        0 if session.turns.current.is_some() => {
            words.push((format!("{} {}", scene.look.sign(Sign::Active), doing(app)), Role::Running))
        }
        0 => words.push(("idle".to_owned(), Role::TextFaint)),
        count => words.push((format!(" {} {count} pending ", scene.look.sign(Sign::Waits)), Role::Waits)),
    }
    let unsupervised =
        session.disk.changes.iter().filter(|(_, change)| change.by == ChangedBy::Unsupervised).count() as u64;
    let alarms = session.alarms.total.max(unsupervised);
    let role = if alarms > 0 { Role::Unsupervised } else { Role::TextFaint };
    if alarms > 0 || app.size.width >= ROOMY_COLUMNS_MIN {
        words.push((format!("  {} {alarms}", scene.look.sign(Sign::Warning)), role));
    }
    words
}

/// Some agents take half a minute to start: how far they are is said, in full where there is room.
fn doing(app: &App) -> String {
    match &app.scene.session.agent.ready.state {
        AgentState::Starting(how_far) if app.size.width >= 120 => escape::show(how_far, &Show::default()).into_owned(),
        AgentState::Starting(_) => "starting".to_owned(),
        // A local model reads for a minute before its first word.
        AgentState::Ready | AgentState::Other(_) if app.scene.session.transcript.waiting().is_some() => {
            "model reading".to_owned()
        }
        AgentState::Ready | AgentState::Other(_) => "working".to_owned(),
    }
}

fn tests(app: &App) -> Words {
    let Some((words, role)) = tests_pane::summary(&app.scene) else { return Words::new() };
    let head = if app.size.width >= ROOMY_COLUMNS_MIN { "tests " } else { "" };
    vec![(head.to_owned(), Role::Header), (words, role)]
}

/// Returns the used and remaining budget, as far as it fits into the given columns.
fn cost(app: &App, room: usize) -> Words {
    let mut parts = used(&app.scene);
    if let Some(ms) = app.scene.age_ms() {
        parts.insert(parts.len().min(1), (4, format!("{:>3}", inbox::age_words(ms))));
    }
    while width::width(&joined(&parts)) > room {
        let Some(least) = parts.iter().map(|(rank, _)| *rank).max() else { break };
        parts.retain(|(rank, _)| *rank < least);
    }
    if parts.is_empty() { Words::new() } else { vec![(joined(&parts), Role::Header)] }
}

/// Describes the use of the session so far, in one line.
pub(in crate::ui) fn used_words(scene: &Scene) -> String {
    joined(&used(scene))
}

fn joined(parts: &[(u8, String)]) -> String {
    parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" · ")
}

/// Each with its rank: what matters less goes first where there is little room.
fn used(scene: &Scene) -> Vec<(u8, String)> {
    let Usage { tokens_in, tokens_out, cost_micros, budget_left, context_used, context_size, budgets: _ } =
        &scene.session.agent.usage;
    let mut parts = Vec::new();
    if let Some(micros) = cost_micros {
        parts.push((1, session::dollars(*micros)));
    }
    let tokens = tokens_in.unwrap_or(0) + tokens_out.unwrap_or(0);
    if tokens > 0 {
        parts.push((2, session::tokens(tokens)));
    }
    if let Some(left) = budget_left {
        parts.push((0, format!("{} left", escape::show(left, &Show::default()))));
    }
    if let (Some(used), Some(size @ 1..)) = (context_used, context_size) {
        parts.push((3, format!("context {}%", used.saturating_mul(100) / size)));
    }
    parts
}

/// The other clients, as far as something is between them and this one.
fn others(app: &App) -> Words {
    let scene = &app.scene;
    let holder = scene.session.clients.control.as_ref().map_or("nobody", |client| client.as_str());
    let shown = |text: &str| escape::show(text, &Show::default()).into_owned();
    let wide = app.size.width >= breakpoints::TWO_COLUMNS_MIN;
    let mut words = Words::new();
    if let Some(client) = seat::asked_by(app) {
        let what = if wide { "asks for control" } else { "asks" };
        words.push((format!("{} {what}  ", shown(client.as_str())), Role::Waits));
    }
    if seat::is_asking(app) {
        words.push((format!("asked {}  ", shown(holder)), Role::Waits));
    }
    if scene.seat.follows {
        words.push((format!("follows {}  ", shown(holder)), Role::Accent));
    } else if scene.seat.followers > 0 && scene.has_control() {
        words.push((format!("{} follow  ", scene.seat.followers), Role::TextFaint));
    } else if wide && scene.record.is_none() && matches!(scene.link, Link::Attached { control: false }) {
        words.push((format!("{} has control  ", shown(holder)), Role::TextFaint));
    }
    words
}

fn health(app: &App) -> Words {
    let mut words = Words::new();
    if let Some(watching) =
        app.scene.session.disk.watching.as_ref().filter(|watching| watching.state != WatchState::Watching)
    {
        words.push((format!("{}  ", escape::show(watching.state.as_str(), &Show::default())), Role::Warn));
    }
    if app.scene.silent.is_some() {
        words.push((format!("{} host silent  ", app.scene.look.sign(Sign::Warning)), Role::Fail));
    }
    if app.scene.trouble.is_some() {
        words.push((format!("{} host failing  ", app.scene.look.sign(Sign::Warning)), Role::Fail));
    }
    if let Some(missing) = app.scene.far.past.words() {
        words.push((format!("{missing}  "), Role::TextFaint));
    }
    words.extend(others(app));
    words.extend(app.scene.far.on_the_way().map(|text| (format!("{text}  "), Role::Waits)));
    if let (Link::Attached { control }, Some(far)) = (&app.scene.link, &app.scene.far.link) {
        if !control {
            words.push(("no control  ".to_owned(), Role::Warn));
        }
        words.push(if far.down.is_some() {
            ("link down, retrying".to_owned(), Role::Fail)
        } else {
            let latency = far.latency_ms.map_or_else(String::new, |ms| format!(" {ms} ms"));
            (format!("link {}{latency}", escape::show(&far.host, &Show::default())), Role::TextFaint)
        });
        return words;
    }
    let roomy = app.size.width >= breakpoints::THREE_COLUMNS_MIN;
    let (text, role) = match &app.scene.link {
        Link::Connecting => ("connecting", Role::TextFaint),
        Link::Attached { control: true } if roomy => ("link local", Role::TextFaint),
        Link::Attached { control: true } => ("local", Role::TextFaint),
        Link::Attached { control: false } => ("no control", Role::Warn),
        Link::Lost(_) => ("connection lost", Role::Fail),
    };
    words.push((text.to_owned(), role));
    if roomy && app.scene.session.disk.watching.as_ref().is_some_and(|watching| watching.state == WatchState::Watching)
    {
        words.push(("  synced".to_owned(), Role::TextFaint));
    }
    words
}

/// Returns the header's words without those that change with time, for lines that are only ever added.
pub(in crate::ui) fn in_words(app: &App) -> String {
    let groups = [identity(app, Named::All), gate(app), tests(app), health(app)];
    let told = groups.iter().map(|words| words.iter().map(|(text, _)| text.as_str()).collect::<String>());
    told.map(|words| words.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|words| !words.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
}
