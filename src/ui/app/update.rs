//! The only way in: a message and the time it came at, out come requests.

use super::{answering, comparison, home, message, past, place, record, seat, version};
use crate::base::text::{Show, escape};
use crate::base::{ActionId, Digest, UnixMs};
use crate::model::event::Event;
use crate::model::session::Phase;
use crate::model::{Envelope, Kind};
use crate::ui::app::alternates;
use crate::ui::app::arming::STILL_TYPING;
use crate::ui::app::msg::Part;
use crate::ui::app::toast::Toast;
use crate::ui::app::{AnswerData, App, EditorOf, Leave, Link, Msg, Notice, Request};
use crate::ui::commands::{Command, Scope};
use crate::ui::keymap::Meaning;
use crate::ui::layout::PaneId;
use crate::ui::limits::{UI_PROCESSES_MS_MIN, UI_SEARCH_ROWS_MAX};
use crate::ui::overlays::{Awaited, Choice, Editor, Overlay, Revert};
use crate::ui::terminal::{Input, Key};
use crate::ui::workers::Product;
use crate::wire::{self, ChoiceNeeded};
use crossterm::event::{KeyCode, KeyModifiers};

impl App {
    /// Takes one message in. `at_ms` is the client's clock. Cheap: rows are brought up to date by
    /// [`App::refresh`], once for a whole backlog.
    pub fn update(&mut self, at_ms: u64, msg: Msg) -> Vec<Request> {
        self.scene.now_ms = self.scene.now_ms.max(at_ms);
        // A typed character costs a character, not the ages of all that waits elsewhere on the screen.
        let types = matches!(msg, Msg::Input(Input::Key { .. })) && (self.composer.open || self.overlay.is_some());
        if !types && !matches!(msg, Msg::Drawn) {
            let passed = self.scene.now_ms.saturating_sub(self.scene.ages_at_ms);
            self.scene.ages_at_ms = self.scene.now_ms;
            if let Some(Overlay::Home(home)) = &mut self.overlay {
                home.grow_older(passed);
            }
        }
        match msg {
            Msg::Input(input) => place::input(self, input),
            Msg::Events(envelopes, _) if self.scene.record.is_some() => record::heard(self, envelopes),
            Msg::Events(envelopes, wall) => self.events(&envelopes, wall),
            Msg::Answered { asked, outcome } => past::answered(self, &asked, outcome),
            Msg::Linked { client, control, head, recent } => {
                self.scene.linked(client, control, head, recent);
                if matches!(self.overlay, Some(Overlay::Welcome(_))) {
                    self.overlay = None;
                }
                self.composer_asks()
            }
            Msg::LinkedAgain(again) => seat::came_back(self, again),
            Msg::Silent(pid) => self.silent(pid),
            Msg::Speaks => {
                self.scene.silent = None;
                self.scene.touched.actions = true;
                Vec::new()
            }
            Msg::LinkLost(why) => {
                self.link_lost(why);
                Vec::new()
            }
            Msg::LinkState(far) => {
                self.scene.far.link = Some(far);
                Vec::new()
            }
            Msg::Seat(news) => seat::told(self, news),
            Msg::Trouble(text) => self.troubled(&text),
            Msg::Computed(product) => self.computed(product),
            Msg::Edited { of: EditorOf::Action { action, digest, part }, outcome } => {
                self.edited(action, digest, part, outcome)
            }
            Msg::Edited { of: EditorOf::Typing, outcome } => {
                self.typing_edited(outcome);
                Vec::new()
            }
            Msg::Edited { of: EditorOf::Source { .. }, outcome } => self.visited(outcome),
            Msg::History(older) => {
                self.composer.load_history(older);
                Vec::new()
            }
            Msg::Attached { name, bytes } => message::attached(self, name, bytes),
            Msg::SignedIn(outcome) => {
                self.signed_in(outcome);
                Vec::new()
            }
            Msg::RuleKept { rule, kept } => self.rule_kept(rule, kept),
            Msg::Browsed { address, opened } => answering::browsed(self, address, opened),
            Msg::PlanSaved(saved) => self.plan_saved(saved),
            Msg::Plans(plans) => self.plans_read(plans),
            // Ages were taken over above.
            Msg::AgesDue => Vec::new(),
            Msg::DraftDue => self.composer_asks(),
            Msg::Home(told) => home::told(self, told),
            Msg::Drawn => {
                self.drawn();
                Vec::new()
            }
        }
    }

    /// The editor on a file of the workspace has ended.
    fn visited(&mut self, outcome: Result<String, String>) -> Vec<Request> {
        if let Err(why) = outcome {
            self.say(Toast::warning(why));
        }
        Vec::new()
    }

    /// Facts of the running session, and what the user is told of them.
    fn events(&mut self, envelopes: &[Envelope], wall: UnixMs) -> Vec<Request> {
        let mut requests = self.heard(envelopes, wall);
        // What was typed before there was control is asked now.
        requests.extend(self.composer_asks());
        let listed = |event: &Event| matches!(event, Event::AgentNoted(note) if note.sessions.is_some());
        if envelopes.iter().any(|envelope| listed(&envelope.event))
            && matches!(&self.overlay, Some(Overlay::Choose(choice)) if choice.of_sessions)
        {
            self.overlay = Some(Overlay::Choose(Choice::sessions(&self.scene)));
        }
        if let Some(Overlay::Choose(choice)) = &mut self.overlay
            && choice.is_timeline
        {
            *choice = choice.newer_timeline(&self.scene);
        }
        let ended = envelopes.iter().any(|envelope| matches!(envelope.event, Event::SessionEnded(_)));
        let arrived = envelopes.iter().any(|envelope| matches!(envelope.event, Event::Held(_)));
        let notice = if ended { Some(Notice::Ended) } else { arrived.then_some(Notice::Waits) };
        requests.extend(home::go_to_wanted(self));
        requests.extend(self.look_at_processes());
        requests.extend(notice.filter(|_| self.window.in_front != Some(true)).map(Request::Notify));
        requests
    }

    /// Before there is a session, its start has failed.
    fn link_lost(&mut self, why: String) {
        if let Some(Overlay::Welcome(welcome)) = &mut self.overlay {
            return welcome.failed(&why);
        }
        self.say(Toast::error(format!(
            "connection lost: {why}. q quits, `rightseat attach` reconnects; nothing was decided"
        )));
        self.scene.link = Link::Lost(why);
    }

    fn signed_in(&mut self, outcome: Result<(), String>) {
        self.say(match outcome {
            Ok(()) => Toast::plain("the login ended with success; send your message again to start the agent"),
            Err(why) => Toast::error(why),
        });
    }

    fn silent(&mut self, pid: Option<i32>) -> Vec<Request> {
        let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        let text = format!("the host{process} is not responding: it is stopped or too busy");
        self.say(Toast::error(format!("{text}; nothing is lost")));
        let wake = pid.map(|pid| format!("; `kill -CONT {pid}` resumes a stopped process")).unwrap_or_default();
        self.scene.silent = Some(text + &wake);
        self.scene.touched.actions = true;
        Vec::new()
    }

    /// The external editor came back: its text is the user's version, unless the action has become another meanwhile.
    fn edited(
        &mut self,
        action: ActionId,
        digest: Digest,
        part: Part,
        outcome: Result<String, String>,
    ) -> Vec<Request> {
        let same = self.scene.held_target().is_some_and(|(state, now)| state.action.id == action && now == digest);
        match outcome {
            Ok(text) if same => return version::take(self, part.key(), text),
            Ok(text) => {
                self.say(Toast::warning("the action has changed: copy what you need from your text"));
                self.overlay = Some(Overlay::Edit(Editor::new(action, digest, part, "from your editor", &text)));
            }
            Err(why) => self.say(Toast::error(why)),
        }
        Vec::new()
    }

    fn troubled(&mut self, text: &str) -> Vec<Request> {
        self.scene.trouble = Some(escape::show(text, &Show::prose()).into_owned());
        self.scene.touched.actions = true;
        Vec::new()
    }

    fn computed(&mut self, product: Product) -> Vec<Request> {
        self.scene.products.put(product);
        self.scene.touched.target = true;
        place::pictured(self);
        Vec::new()
    }

    fn rule_kept(&mut self, rule: String, kept: Result<String, String>) -> Vec<Request> {
        match (kept, &mut self.overlay) {
            (Ok(place), overlay) => {
                if matches!(overlay, Some(Overlay::Rule(_))) {
                    *overlay = None;
                }
                self.say(Toast::plain(format!("the rule is active now; {place}")));
                return vec![Request::Host(wire::Request::Tighten(wire::Tighten { rule }))];
            }
            (Err(why), Some(Overlay::Rule(draft))) => draft.fault = Some(why),
            (Err(why), _) => self.say(Toast::error(why)),
        }
        Vec::new()
    }

    /// Facts, of now or of a record.
    pub(super) fn heard(&mut self, envelopes: &[Envelope], wall: UnixMs) -> Vec<Request> {
        let arrived = self.scene.apply_events(envelopes, wall);
        self.follow(envelopes);
        let known = message::heard(self, envelopes);
        let lost = envelopes.iter().rev().find_map(|envelope| {
            let Event::AgentLost(lost) = &envelope.event else { return None };
            Some(escape::show(&lost.why.replace('\n', " \u{b7} "), &Show::default()).into_owned())
        });
        if let Some(why) = lost {
            self.say(Toast::error(format!("the agent exited: {why}")));
        }
        let mut requests = self.after_events(!arrived.is_empty());
        requests.extend(known);
        requests.extend(seat::heard(self, envelopes));
        alternates::follow(self, envelopes);
        requests
    }

    /// The shape with one lower pane shows the current activity: a run of checks, or a command's output. The focus
    /// stays.
    fn follow(&mut self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            if matches!(envelope.event, Event::CheckStarted(_)) && self.focus != PaneId::Output {
                self.alternates.lower = PaneId::Tests;
            }
            if let Event::Output(output) = &envelope.event
                && self.focus != PaneId::Tests
            {
                let checks = self.scene.session.actions.get(&output.action).is_some_and(|state| state.action.checks);
                if !checks {
                    self.alternates.lower = PaneId::Output;
                }
            }
            if let Event::SessionEnded(ended) = &envelope.event {
                let report = escape::show(&ended.report.trim().replace('\n', " · "), &Show::prose()).into_owned();
                self.say(Toast::plain(format!("the agent has finished: {report}")));
            }
        }
    }

    pub(super) fn after_events(&mut self, arrived: bool) -> Vec<Request> {
        if arrived {
            self.arming.arrived(self.scene.now_ms);
        }
        self.panes.inbox.gather(&self.scene);
        if self.scene.comparison.is_some() {
            // The user looks at something else, and comes back to where they were.
        } else if self.scene.held_target().is_none()
            && let Some(first) = self.panes.inbox.waiting().next().cloned()
        {
            self.scene.set_target(Some(first));
        } else if self.scene.held_target().is_none() && !self.panes.trail.leads_to(self.scene.target.as_ref()) {
            self.scene.set_target(self.scene.newest_edit());
        }
        self.scene.sync_review();
        self.close_stale_overlay();
        if let Some(stopped) = self.scene.session.stops.last.clone()
            && self.panes.last_stop != Some(stopped.census.checked_ms)
        {
            self.panes.last_stop = Some(stopped.census.checked_ms);
            self.overlay = Some(Overlay::Stopped(stopped.census));
            // "Stopping" is over.
            self.toast = None;
        }
        self.compute_pictures()
    }

    /// A prompt about an action that is decided, void or another revision by now asks for nothing any more.
    fn close_stale_overlay(&mut self) {
        let Some((action, digest)) = self.overlay.as_ref().and_then(Overlay::about) else { return };
        let state = self.scene.session.actions.get(action);
        let live = state.and_then(|state| state.held.as_ref()).is_some_and(|held| held.digest == *digest);
        if !live {
            self.overlay = None;
            self.say(Toast::warning("the action has changed: nothing was decided"));
        }
    }

    /// While a command runs where its output can be seen, now and then what runs below it; never on a timer.
    fn look_at_processes(&mut self) -> Option<Request> {
        let mut open = self.scene.session.actions.open();
        let running = open.any(|state| state.phase == Phase::Running && state.action.kind() == Kind::Command);
        if !running {
            self.scene.processes.0.clear();
            return None;
        }
        let (_, asked_at) = self.scene.processes;
        let due =
            asked_at == 0 || self.scene.now_ms.saturating_sub(asked_at) >= self.scene.far.paced_ms(UI_PROCESSES_MS_MIN);
        let wanted = due && self.layout.shows(PaneId::Output) && matches!(self.scene.link, Link::Attached { .. });
        if wanted {
            self.scene.processes.1 = self.scene.now_ms;
        }
        wanted.then_some(Request::Host(wire::Request::Processes))
    }

    /// The host wants to know which changes to revert. What is being typed is not covered by it.
    fn choose_reverts(&mut self, asked: &wire::Request, needed: ChoiceNeeded) {
        if self.overlay.is_some() || self.composer.open {
            return self.say(Toast::warning("nothing was reverted: some changes may be yours; press again to choose"));
        }
        self.overlay = Some(Overlay::Revert(Revert::new(asked.clone(), needed)));
    }

    pub(super) fn answered(&mut self, asked: &wire::Request, outcome: Result<AnswerData, String>) -> Vec<Request> {
        if let wire::Request::Allow(allow) = asked
            && allow.preview
        {
            return self.previewed(allow, outcome);
        }
        if let wire::Request::Compare(scope) = asked {
            return comparison::compared(self, scope, outcome);
        }
        let wire::Request::BlobGet(wire::BlobGet { digest, .. }) = asked else {
            match outcome {
                Ok(AnswerData::Processes(processes)) => {
                    self.scene.processes.0 = processes;
                    self.scene.touched.actions = true;
                }
                Ok(AnswerData::Choose(needed)) => self.choose_reverts(asked, needed),
                Ok(AnswerData::Found(found)) => {
                    self.composer.found(Some(found), &self.scene.session);
                    return self.composer_asks();
                }
                Ok(AnswerData::Own(action)) => {
                    if matches!(asked, wire::Request::Run(_)) {
                        action.into_iter().for_each(|action| self.composer.runs(action));
                    }
                }
                Ok(AnswerData::Image(image)) => message::image_kept(self, asked, *image),
                Ok(AnswerData::Allowed(allowed)) => answering::rule_made(self, &allowed),
                Ok(AnswerData::Past(events)) => return past::came(self, &events),
                Ok(AnswerData::Rules(list)) => {
                    if let Some(Overlay::Rules(rules)) = &mut self.overlay {
                        rules.answered(list);
                    }
                }
                Ok(AnswerData::Agents(list)) => {
                    if let Some(Overlay::Choose(choice)) = &mut self.overlay {
                        match choice.awaits.take() {
                            Some(Awaited::Agents) => *choice = Choice::agents(&self.scene, list.agents),
                            Some(Awaited::RolesFor(step)) => *choice = Choice::roles(&self.scene, step, &list.roles),
                            None => {}
                        }
                    }
                }
                // What was revoked is off the list.
                Ok(_) if matches!(asked, wire::Request::RuleRevoke(_) | wire::Request::LeaseRevoke(_)) => {
                    self.say(Toast::plain("revoked"));
                    return vec![Request::Host(wire::Request::Rules)];
                }
                Ok(AnswerData::Searched(found)) => answering::searched(self, asked, &found),
                Ok(AnswerData::Done | AnswerData::Blob { .. } | AnswerData::Compared(_)) => {}
                // A host that cannot list them is not the user's problem.
                Err(_) if *asked == wire::Request::Processes => {}
                Err(_) if matches!(asked, wire::Request::Past(_)) => past::failed(self),
                Err(_) if matches!(asked, wire::Request::Find(_)) => self.composer.found(None, &self.scene.session),
                Err(why) => {
                    message::not_sent(self, asked);
                    self.say(Toast::error(format!("{}: {why}", asked.words())));
                }
            }
            return Vec::new();
        };
        let part = match outcome {
            Ok(AnswerData::Blob { offset, total, bytes }) => Ok((offset, total, bytes)),
            Ok(_) => Err("the answer has no content".to_owned()),
            Err(why) => Err(why),
        };
        if let Some(comparison) = &mut self.scene.comparison {
            comparison.contents.put(*digest, part.clone());
        }
        self.scene.contents.put(*digest, part);
        self.scene.touched.target = true;
        self.compute_pictures()
    }

    /// The host says what the rule in the making would cover.
    fn previewed(&mut self, asked: &wire::Allow, outcome: Result<AnswerData, String>) -> Vec<Request> {
        let effect = match outcome {
            Ok(AnswerData::Allowed(allowed)) => Ok(allowed),
            Ok(_) => Err("the answer says nothing about the rule".to_owned()),
            Err(why) => Err(why),
        };
        if let Some(Overlay::Always(always)) = &mut self.overlay {
            always.answered(asked, effect);
        }
        Vec::new()
    }

    fn drawn(&mut self) {
        let target = self.scene.held_target().map(|(state, digest)| (state.action.id.clone(), digest));
        if home::drawn(self) {
            return;
        }
        let on_screen = self.layout.shows(PaneId::Diff) && self.overlay.is_none();
        // A list of its own options is drawn over it; a verdict may follow from there.
        let decides = match &self.overlay {
            Some(Overlay::Choose(choice)) => choice.decides.is_some() && choice.decides == target,
            Some(Overlay::Always(always)) => target.as_ref().map(|(id, digest)| (id, digest)) == Some(always.about()),
            _ => false,
        };
        let is_armable = on_screen || decides;
        self.arming.drawn(target.as_ref().filter(|_| is_armable).map(|(id, digest)| (id, *digest)), self.scene.now_ms);
        if on_screen && let Some((id, _)) = target {
            self.panes.diff.see(&mut self.scene.review);
            if self.panes.diff.unseen_rows(&self.scene.review) == 0 {
                self.panes.inbox.read(id);
            }
        }
    }

    pub(super) fn input(&mut self, input: Input) -> Vec<Request> {
        match input {
            Input::Key { key, held } => {
                self.arming.key(key, held, self.scene.now_ms);
                self.toast = None;
                self.window.click_is_swallowed = false;
                let mut requests = self.key(key);
                requests.extend(self.look_at_processes());
                requests
            }
            Input::KeyUp => {
                self.arming.key_up();
                Vec::new()
            }
            Input::Paste(text) => {
                self.paste(&text);
                Vec::new()
            }
            Input::Resize(size) => {
                self.size = size;
                self.scene.touched = crate::ui::app::Touched::ALL;
                Vec::new()
            }
            Input::FocusGained => {
                self.window.in_front = Some(true);
                self.window.click_is_swallowed = true;
                Vec::new()
            }
            Input::FocusLost => {
                self.window.in_front = Some(false);
                Vec::new()
            }
            Input::Click(at) => {
                if !std::mem::take(&mut self.window.click_is_swallowed)
                    && self.overlay.is_none()
                    && let Some(pane) = self.layout.pane_at(at.x, at.y)
                {
                    self.focus_on(pane);
                }
                Vec::new()
            }
            Input::Wheel { at, lines } => {
                if self.overlay.is_none()
                    && let Some(pane) = self.layout.pane_at(at.x, at.y)
                {
                    let height = usize::from(self.layout.inner(pane).height);
                    let pane = self.panes.get_mut(pane);
                    let len = pane.rows();
                    pane.list_mut().wheel(i64::from(lines), len, height);
                }
                Vec::new()
            }
        }
    }

    fn key(&mut self, key: Key) -> Vec<Request> {
        let stop = self.keymap.meaning(Scope::Anywhere, &[key]);
        if home::is_before_a_session(self) {
            // There is nothing to stop yet.
            let leaves = matches!(stop, Meaning::Command(command) if command.name == "interrupt");
            return if leaves { vec![Request::Leave(Leave::Interrupt)] } else { self.overlay_key(key) };
        }
        if let Meaning::Command(command) = stop
            && command.name == "stop"
        {
            // Stop works everywhere, also while typing.
            self.pending_keys.clear();
            return self.call(command);
        }
        let interrupts = matches!(stop, Meaning::Command(command) if command.name == "interrupt");
        if interrupts && self.overlay.is_none() && !self.composer.open {
            self.pending_keys.clear();
            return vec![Request::Leave(Leave::Interrupt)];
        }
        // Where something is open, an interrupt closes that.
        let key = if interrupts { Key::new(KeyCode::Esc, KeyModifiers::NONE) } else { key };
        if self.overlay.is_some() {
            return self.overlay_key(key);
        }
        if self.composer.open {
            return self.composer_key(key);
        }
        if self.is_typed_on(key) {
            self.say(Toast::warning(STILL_TYPING));
            return Vec::new();
        }
        if let Some(requests) = super::answering::key(self, key) {
            return requests;
        }
        self.pending_keys.push(key);
        let scope = Scope::In(self.focus);
        match self.keymap.meaning(scope, &self.pending_keys) {
            Meaning::Command(command) => {
                self.pending_keys.clear();
                self.call(command)
            }
            Meaning::Unfinished => Vec::new(),
            Meaning::Nothing => {
                let alone = self.pending_keys.len() == 1;
                self.pending_keys.clear();
                if !alone {
                    return self.key(key);
                }
                self.say(Toast::plain(self.keymap.why_nothing(scope, key)));
                Vec::new()
            }
        }
    }

    /// A letter that may be meant for the message after one that was just sent. The composer's own key opens it for that.
    fn is_typed_on(&mut self, key: Key) -> bool {
        if key.code == KeyCode::Esc {
            self.arming.leaves_typing();
        }
        let writes = matches!(self.keymap.meaning(Scope::In(self.focus), &[key]), Meaning::Command(command) if command.name == "compose");
        key.typed().is_some() && self.arming.is_typing(self.scene.now_ms) && !writes
    }

    /// Runs a command, or says why it cannot be.
    pub fn call(&mut self, command: &'static Command) -> Vec<Request> {
        if let Some(why) = (command.why_disabled)(self) {
            self.say(Toast::warning(format!("{}: {why}", command.label)));
            return Vec::new();
        }
        alternates::commanded(self, command);
        let shown = |app: &Self| (app.scene.target.clone(), app.scene.comparison.is_some());
        let before = shown(self);
        let mut requests = (command.run)(self);
        if shown(self) != before {
            requests.extend(self.compute_pictures());
        }
        requests
    }

    /// Esc: one thing less.
    pub fn leave_one(&mut self) {
        if self.scene.review.selecting_from.take().is_none() && self.search.take().is_none() {
            if self.scene.comparison.is_some() {
                return self.scene.end_comparison();
            }
            self.zoom = false;
        }
    }

    /// Goes to the next row of the focused pane that holds the searched words.
    pub fn find_match(&mut self, forward: bool) {
        let Some(needle) = self.search.clone().map(|words| words.to_lowercase()).filter(|words| !words.is_empty())
        else {
            return;
        };
        let height = usize::from(self.layout.inner(self.focus).height);
        let pane = self.panes.get(self.focus);
        let (len, cursor) = (pane.rows(), pane.list().cursor);
        let is_found = |row: &usize| pane.row_text(&self.scene, *row).to_lowercase().contains(&needle);
        let rows: Vec<usize> = (0..len.min(UI_SEARCH_ROWS_MAX)).filter(is_found).collect();
        let next = if forward {
            rows.iter().position(|row| *row > cursor).unwrap_or(0)
        } else {
            rows.iter().rposition(|row| *row < cursor).unwrap_or(rows.len().saturating_sub(1))
        };
        let Some(row) = rows.get(next).copied() else {
            return self.say(Toast::plain("not found in this pane"));
        };
        self.panes.get_mut(self.focus).list_mut().jump(row, len, height);
        let words = escape::show(&needle, &Show::default()).into_owned();
        self.say(Toast::plain(format!("{words}: {} of {}", next + 1, rows.len())));
    }
}
