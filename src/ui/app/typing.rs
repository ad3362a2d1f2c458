//! Keys while something is being typed or an overlay is open: none of them decides anything on its own.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most keys of crossterm mean nothing here, and its list of keys is not ours"
)]

use crate::base::Digest;
use crate::model::event::Verdict;
use crate::model::plan::filled;
use crate::model::{Command, Keeping, PromptPart, When};
use crate::ui::app::always::Always;
use crate::ui::app::links::Place;
use crate::ui::app::record::{Walk, walk};
use crate::ui::app::toast::Toast;
use crate::ui::app::{App, EditorOf, Link, Request, answering, comparison, home, links, version};
use crate::ui::commands::{self, Scope};
use crate::ui::composer::Typed;
use crate::ui::keymap::Meaning;
use crate::ui::layout::PaneId;
use crate::ui::overlays::queue::{QueueKey, QueueList};
use crate::ui::overlays::{Choice, Draft, Editor, Overlay, Pick, Prompt, Purpose, Revert, Rules};
use crate::ui::terminal::Key;
use crate::wire;
use crossterm::event::KeyCode;

/// The list closes, and the host is asked.
fn asks(request: wire::Request) -> OverlayResult {
    OverlayResult::Requests(vec![Request::Host(request)])
}

fn rewind_to(tree: Digest) -> Request {
    Request::Host(wire::Request::Rewind(wire::Rewind { tree: Some(tree), ..wire::Rewind::default() }))
}

/// The word that the question asks for was typed, if it asks for one. A bound may follow that of a lease.
fn says_the_word(purpose: &Purpose, text: &str) -> bool {
    let is_lease = matches!(purpose, Purpose::Lease { .. });
    let given = if is_lease { text.split_whitespace().next().unwrap_or_default() } else { text.trim() };
    purpose.word().is_none_or(|word| given == word)
}

fn stay(overlay: Overlay) -> OverlayResult {
    OverlayResult::Stay(Box::new(overlay))
}

/// A drafted rule is kept by the key that keeps an edit, never by Enter.
fn rule_key(mut draft: Draft, key: Key) -> OverlayResult {
    draft.fault = None;
    match key.code {
        _ if key == Key::plain_control('x') || key == Key::function(2) => {
            let text = draft.entry.text();
            return OverlayResult::Both(Box::new(Overlay::Rule(draft)), Box::new(Request::KeepRule(text)));
        }
        KeyCode::Esc => return OverlayResult::Close,
        KeyCode::Enter => draft.entry.newline(),
        _ => draft.entry.key(key),
    }
    stay(Overlay::Rule(draft))
}

/// The result of a key in an overlay.
pub(super) enum OverlayResult {
    Stay(Box<Overlay>),
    Close,
    Run(&'static commands::Command),
    Requests(Vec<Request>),
    /// Stays open until the answer comes.
    Both(Box<Overlay>, Box<Request>),
}

impl App {
    pub(super) fn paste(&mut self, text: &str) {
        match &mut self.overlay {
            Some(Overlay::Prompt(prompt)) => prompt.entry.paste(text),
            Some(Overlay::Edit(editor)) => editor.entry.paste(text),
            Some(Overlay::Rule(draft)) => draft.entry.paste(text),
            Some(Overlay::Palette(palette)) => palette.paste(text),
            Some(Overlay::Welcome(welcome)) => welcome.paste(text),
            Some(Overlay::Home(home)) => home.paste(text),
            Some(
                Overlay::Help(_)
                | Overlay::Choose(_)
                | Overlay::Revert(_)
                | Overlay::Queue(_)
                | Overlay::Stopped(_)
                | Overlay::Always(_)
                | Overlay::Rules(_)
                | Overlay::Pipeline(_),
            ) => {}
            None if self.composer.open => self.composer.paste(text, &self.scene.session),
            None => {
                // Pasted keys are not commands: they go where text goes.
                self.composer.open = true;
                self.composer.paste(text, &self.scene.session);
                self.say(Toast::plain("pasted into the composer; Enter sends it, Esc closes it"));
            }
        }
    }

    pub(super) fn composer_key(&mut self, key: Key) -> Vec<Request> {
        let before = self.composer.entry.parts();
        let typed = self.composer.key(key, &self.scene.session);
        match key.code {
            KeyCode::Enter if !self.composer.open => self.arming.sent(self.scene.now_ms),
            KeyCode::Esc => self.arming.leaves_typing(),
            _ => {}
        }
        let mut requests = match typed {
            Typed::Stays => Vec::new(),
            Typed::Closed => {
                if !self.composer.entry.is_empty() {
                    let compose = self.keymap.shown("compose").unwrap_or_default();
                    self.say(Toast::plain(format!("the draft is kept: {compose} continues it")));
                }
                Vec::new()
            }
            Typed::Pastes => vec![Request::Attach(None)],
            Typed::Says(text) => {
                self.say(Toast::plain(text));
                Vec::new()
            }
            Typed::Editor(text) => vec![Request::Editor { of: EditorOf::Typing, name: "message.md".to_owned(), text }],
            Typed::Sends(prompt) => {
                if prompt.when == When::Interrupt {
                    self.say(Toast::plain("interrupting the turn to deliver this"));
                }
                super::alternates::prompted(self);
                self.remembering(before, wire::Request::Prompt(prompt))
            }
            Typed::Runs(command) => {
                let command = Command::shell(command);
                self.remembering(before, wire::Request::Run(wire::RunCommand { command, ask: false }))
            }
            Typed::Mode(mode) => vec![Request::Host(wire::Request::Mode(wire::SetMode { mode }))],
            Typed::Replaces(edit) => vec![Request::Host(wire::Request::Queue(edit))],
        };
        requests.extend(self.composer_asks());
        requests
    }

    /// What was written is sent, and remembered for the next sessions of the project.
    fn remembering(&self, parts: Vec<PromptPart>, ask: wire::Request) -> Vec<Request> {
        let opened = self.scene.session.opened.as_ref();
        let remember = opened.map(|opened| Request::Remember { workspace: opened.workspace.clone(), parts });
        std::iter::once(Request::Host(ask)).chain(remember).collect()
    }

    /// The composer's own requests: files that match, and the draft where it should be kept.
    pub(super) fn composer_asks(&mut self) -> Vec<Request> {
        if !self.scene.has_control() {
            return Vec::new();
        }
        let find = self.composer.search_due().map(wire::Request::Find);
        let draft = self.composer.draft_due(self.scene.now_ms);
        let draft = draft.map(|parts| wire::Request::Draft(wire::SetDraft { parts }));
        find.into_iter().chain(draft).map(Request::Host).collect()
    }

    /// When the client's clock must wake it, so that a message nobody goes on with is kept.
    #[must_use]
    pub(super) fn draft_due_at_ms(&self) -> Option<u64> {
        let can_keep = matches!(self.scene.link, Link::Attached { .. }) && self.scene.has_control();
        self.composer.draft_due_at_ms().filter(|_| can_keep)
    }

    /// The draft as it should be kept when the client ends now.
    #[must_use]
    pub fn last_words(&mut self) -> Vec<Request> {
        self.composer.open = false;
        match self.scene.link {
            Link::Attached { .. } => self.composer_asks(),
            Link::Connecting | Link::Lost(_) => {
                // Nobody else can keep it: the next session of the project has it in its history.
                let workspace = self.scene.session.opened.as_ref().map(|opened| opened.workspace.clone());
                let draft = workspace.and_then(|workspace| Some((workspace, self.composer.draft_due(u64::MAX)?)));
                draft.map(|(workspace, parts)| Request::Remember { workspace, parts }).into_iter().collect()
            }
        }
    }

    fn queue_key(&mut self, mut list: QueueList, key: Key) -> OverlayResult {
        match list.key(key, &self.scene.session.prompts.queue) {
            QueueKey::Stays => stay(Overlay::Queue(list)),
            QueueKey::Closes => OverlayResult::Close,
            QueueKey::Asks(edit) => {
                OverlayResult::Both(Box::new(Overlay::Queue(list)), Box::new(Request::Host(wire::Request::Queue(edit))))
            }
            QueueKey::Edits(prompt) => {
                let park = wire::QueueEdit { prompt: prompt.id, change: wire::QueueChange::Park };
                self.composer.edit_queued(prompt);
                OverlayResult::Requests(vec![Request::Host(wire::Request::Queue(park))])
            }
        }
    }

    /// The user's editor came back with the text that was being typed.
    pub(super) fn typing_edited(&mut self, outcome: Result<String, String>) {
        match (outcome, &mut self.overlay) {
            (Ok(text), Some(Overlay::Prompt(prompt))) => prompt.edited(&text),
            (Ok(text), _) => self.composer.edited(&text),
            (Err(why), _) => self.say(Toast::error(why)),
        }
    }

    pub(super) fn overlay_key(&mut self, key: Key) -> Vec<Request> {
        let Some(overlay) = self.overlay.take() else { return Vec::new() };
        let then = match overlay {
            Overlay::Prompt(prompt) => self.prompt_key(prompt, key),
            Overlay::Edit(editor) => self.editor_key(editor, key),
            Overlay::Rule(draft) => rule_key(draft, key),
            Overlay::Always(always) => self.always_key(always, key),
            Overlay::Rules(rules) => self.rules_key(rules, key),
            Overlay::Pipeline(pipeline) => super::ledger::key(self, pipeline, key),
            Overlay::Choose(choice) => self.choice_key(choice, key),
            Overlay::Revert(revert) => self.revert_key(revert, key),
            Overlay::Queue(list) => self.queue_key(list, key),
            Overlay::Palette(mut palette) => match palette.key(key, &self.keymap) {
                Some(Some(command)) => OverlayResult::Run(command),
                Some(None) => OverlayResult::Close,
                None => stay(Overlay::Palette(palette)),
            },
            Overlay::Help(mut help) => {
                if help.key(key, &self.keymap, self.size) {
                    stay(Overlay::Help(help))
                } else {
                    OverlayResult::Close
                }
            }
            Overlay::Welcome(mut welcome) => match welcome.key(key) {
                Some(wish) => OverlayResult::Both(Box::new(Overlay::Welcome(welcome)), Box::new(Request::Begin(wish))),
                None => stay(Overlay::Welcome(welcome)),
            },
            Overlay::Home(home) => return home::key(self, home, key),
            Overlay::Stopped(census) => match (key.code, self.keymap.meaning(Scope::Anywhere, &[key])) {
                (KeyCode::Esc | KeyCode::Enter, _) => OverlayResult::Close,
                (_, Meaning::Command(command)) if matches!(command.name, "quit" | "rewind") => {
                    OverlayResult::Run(command)
                }
                _ => stay(Overlay::Stopped(census)),
            },
        };
        match then {
            OverlayResult::Stay(overlay) => self.overlay = Some(*overlay),
            OverlayResult::Close => {}
            OverlayResult::Run(command) => return self.call(command),
            OverlayResult::Requests(requests) => return requests,
            OverlayResult::Both(overlay, request) => {
                self.overlay = Some(*overlay);
                return vec![*request];
            }
        }
        Vec::new()
    }

    /// Another agent is wanted: one that can be used, with its models to choose from first.
    fn agent_picked(&mut self, choice: Choice, agent: wire::AgentRow) -> OverlayResult {
        if let Some(why) = agent.why_not {
            self.say(Toast::warning(why));
            return stay(Overlay::Choose(choice));
        }
        if !agent.models.is_empty() {
            return stay(Overlay::Choose(Choice::models(&agent)));
        }
        let change = wire::AgentChange { agent: agent.agent, model: None };
        asks(wire::Request::AgentChange(change))
    }

    fn file_picked(&mut self, file: usize) -> OverlayResult {
        self.focus_on(PaneId::Diff);
        self.panes.diff.go_to_file(file);
        OverlayResult::Close
    }

    /// Goes to an event of the record, by its number or an action's name.
    fn jump(&mut self, text: &str) -> Vec<Request> {
        match self.scene.record.as_ref().and_then(|record| record.find(text)) {
            Some(seq) => walk(self, &Walk::To(seq)),
            None => {
                self.say(Toast::warning("no event or action in the record has this number or name"));
                Vec::new()
            }
        }
    }

    fn choice_key(&mut self, mut choice: Choice, key: Key) -> OverlayResult {
        if let (Some(Pick::Offer(id)), Meaning::Command(command)) =
            (choice.picked(), self.keymap.meaning(Scope::Anywhere, &[key]))
            && command.name == "approve"
        {
            return OverlayResult::Requests(commands::choose_option(self, &id, true));
        }
        match key.code {
            KeyCode::Esc => return OverlayResult::Close,
            KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::Char('j' | 'k') => choice.go(key.goes_down()),
            KeyCode::PageUp | KeyCode::PageDown | KeyCode::Home | KeyCode::End => choice.leap(key.code),
            KeyCode::Enter => {
                return match choice.picked() {
                    Some(Pick::Mode(mode)) => asks(wire::Request::Mode(wire::SetMode { mode })),
                    Some(Pick::Checkpoint { tree, when }) => {
                        let purpose = Purpose::Rewind { tree, when };
                        stay(Overlay::Prompt(Prompt::new(purpose, "")))
                    }
                    Some(Pick::Action(id)) => OverlayResult::Requests(links::follow(self, Place::Action(id))),
                    Some(Pick::Link(place)) => OverlayResult::Requests(links::follow(self, place)),
                    Some(Pick::Nothing) => OverlayResult::Close,
                    Some(Pick::Comment(id)) => OverlayResult::Requests(links::follow(self, Place::Comment(id))),
                    Some(Pick::Scope(scope)) => OverlayResult::Requests(comparison::show(self, scope)),
                    Some(Pick::File(file)) => self.file_picked(file),
                    Some(Pick::Event(seq)) => OverlayResult::Requests(walk(self, &Walk::To(seq))),
                    Some(Pick::Offer(id)) => OverlayResult::Requests(commands::choose_option(self, &id, false)),
                    Some(Pick::Refuse(answer)) => OverlayResult::Requests(commands::refuse_form(self, answer)),
                    Some(Pick::Restore(path)) => asks(wire::Request::Restore(wire::Restore { path })),
                    Some(Pick::AgentOption(id)) => match Choice::agent_values(&self.scene, &id) {
                        Some(values) => stay(Overlay::Choose(values)),
                        None => OverlayResult::Close,
                    },
                    Some(Pick::AgentValue { id, value }) => {
                        asks(wire::Request::SetOption(wire::SetOption { id, value }))
                    }
                    Some(Pick::AgentSessions) => OverlayResult::Both(
                        Box::new(Overlay::Choose(Choice::sessions(&self.scene))),
                        Box::new(Request::Host(wire::Request::Keeping(Keeping::List))),
                    ),
                    Some(Pick::AgentSession(session)) => match Choice::session(&self.scene, &session) {
                        Some(actions) => stay(Overlay::Choose(actions)),
                        None => stay(Overlay::Choose(choice)),
                    },
                    Some(Pick::Keep(keeping)) => asks(wire::Request::Keeping(keeping)),
                    Some(Pick::KeepAfterWord(keeping, what)) => {
                        stay(Overlay::Prompt(Prompt::new(Purpose::Keep { keeping, what }, "")))
                    }
                    Some(Pick::Logins) => stay(Overlay::Choose(Choice::logins(&self.scene))),
                    Some(Pick::Login(login)) => stay(Overlay::Choose(Choice::login(&login))),
                    Some(Pick::SignIn(login)) => OverlayResult::Requests(vec![Request::SignIn(login)]),
                    Some(Pick::Agent(agent)) => self.agent_picked(choice, agent),
                    Some(Pick::Template(text)) => self.fill_in(text, Vec::new(), None),
                    Some(Pick::Owner(step, owner)) => OverlayResult::Requests(commands::assign_step(self, step, owner)),
                    Some(Pick::ChangeAgent(change)) => asks(wire::Request::AgentChange(change)),
                    // The start screen takes the keys of its lists itself.
                    Some(Pick::Item(_)) | None => OverlayResult::Close,
                };
            }
            _ => {}
        }
        stay(Overlay::Choose(choice))
    }

    /// Only the key of an approval makes the rule; Enter does nothing.
    fn always_key(&mut self, mut always: Always, key: Key) -> OverlayResult {
        if let Meaning::Command(command) = self.keymap.meaning(Scope::Anywhere, &[key])
            && command.name == "approve"
        {
            return match commands::send_rule(self, &always) {
                Some(request) => OverlayResult::Requests(vec![request]),
                None => stay(Overlay::Always(always)),
            };
        }
        let before = always.request(true);
        let done = match key.code {
            KeyCode::Esc => return OverlayResult::Close,
            KeyCode::Left | KeyCode::Char('h') => always.cut(),
            KeyCode::Char(' ') => always.star(),
            KeyCode::Char('*') => always.toggle_tail(),
            other => {
                match other {
                    KeyCode::Right | KeyCode::Char('l') => always.restore(),
                    KeyCode::Down | KeyCode::Char('j') => always.go(true),
                    KeyCode::Up | KeyCode::Char('k') => always.go(false),
                    KeyCode::Tab => always.next_scope(),
                    KeyCode::Char('t') => always.next_bound(),
                    _ => {}
                }
                Ok(())
            }
        };
        if let Err(why) = done {
            self.say(Toast::warning(why));
        }
        if always.request(true) == before {
            return stay(Overlay::Always(always));
        }
        always.effect = None;
        let preview = Request::Host(wire::Request::Allow(always.request(true)));
        OverlayResult::Both(Box::new(Overlay::Always(always)), Box::new(preview))
    }

    fn rules_key(&mut self, mut rules: Rules, key: Key) -> OverlayResult {
        match key.code {
            KeyCode::Esc => return OverlayResult::Close,
            KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::Char('j' | 'k') => {
                rules.go(key.goes_down(), &self.scene)
            }
            KeyCode::Char('X' | '-' | '+') if !self.scene.has_control() => {
                self.say(Toast::warning("this client does not have control: take it first"));
            }
            KeyCode::Char('+') => match rules.extended(&self.scene) {
                // More than was granted needs the same word as a grant.
                Some(grant) => return stay(Overlay::Prompt(Prompt::new(Purpose::Lease(grant), ""))),
                None => self.say(Toast::warning("only a lease can be extended")),
            },
            KeyCode::Char(key @ ('X' | '-')) => {
                let request = if key == 'X' { rules.revoke(&self.scene) } else { rules.narrowed(&self.scene) };
                match request {
                    Ok(request) => {
                        return OverlayResult::Both(Box::new(Overlay::Rules(rules)), Box::new(Request::Host(request)));
                    }
                    Err(why) => self.say(Toast::warning(why)),
                }
            }
            _ => {}
        }
        stay(Overlay::Rules(rules))
    }

    fn revert_key(&mut self, mut revert: Revert, key: Key) -> OverlayResult {
        match key.code {
            KeyCode::Esc => return OverlayResult::Close,
            KeyCode::Down | KeyCode::Up | KeyCode::Tab | KeyCode::Char('j' | 'k') => revert.go(key.goes_down()),
            KeyCode::Char(' ') => revert.toggle(),
            KeyCode::Enter => {
                let Some(ask) = revert.chosen() else {
                    self.say(Toast::plain("nothing selected: Space selects what to revert, Esc cancels"));
                    return stay(Overlay::Revert(revert));
                };
                return OverlayResult::Requests(vec![Request::Host(ask)]);
            }
            _ => {}
        }
        stay(Overlay::Revert(revert))
    }

    fn editor_key(&mut self, mut editor: Editor, key: Key) -> OverlayResult {
        if key == Key::plain_control('x') || key == Key::function(2) {
            let text = editor.entry.text();
            let same = self
                .scene
                .held_target()
                .is_some_and(|(state, digest)| state.action.id == editor.action && digest == editor.digest);
            if !same {
                self.say(Toast::warning("the action has changed: your text is still here, copy what you need"));
                return stay(Overlay::Edit(editor));
            }
            return OverlayResult::Requests(version::take(self, editor.part_key(), text));
        }
        match key.code {
            KeyCode::Esc if editor.is_changed() && !editor.asked_to_drop => {
                editor.asked_to_drop = true;
                self.say(Toast::warning("Esc again discards your changes, ^X or F2 keeps them"));
            }
            KeyCode::Esc => return OverlayResult::Close,
            KeyCode::Enter => {
                editor.asked_to_drop = false;
                editor.newline();
            }
            _ => {
                editor.asked_to_drop = false;
                editor.entry.key(key);
            }
        }
        stay(Overlay::Edit(editor))
    }

    fn prompt_key(&mut self, mut prompt: Prompt, key: Key) -> OverlayResult {
        match key.code {
            KeyCode::Esc => {
                // What was typed for a form is never lost.
                if let Purpose::Answer { action, digest, at } = &prompt.purpose {
                    answering::write(self, action, *digest, *at, &prompt.entry.text());
                }
                if let Purpose::Reason { action, digest, .. } | Purpose::Note { action, digest } = &prompt.purpose {
                    self.scene.review.keep_words(action, *digest, prompt.entry.text());
                }
                OverlayResult::Close
            }
            KeyCode::Enter if prompt.entry.ends_with(key) => {
                let text = prompt.entry.text();
                self.prompted(prompt, text)
            }
            KeyCode::Enter => stay(Overlay::Prompt(prompt)),
            _ => match prompt.key(key) {
                Some(text) => {
                    let editor = Request::Editor { of: EditorOf::Typing, name: "answer.md".to_owned(), text };
                    OverlayResult::Both(Box::new(Overlay::Prompt(prompt)), Box::new(editor))
                }
                None => stay(Overlay::Prompt(prompt)),
            },
        }
    }

    pub(super) fn plan_saved(&mut self, saved: Result<String, String>) -> Vec<Request> {
        self.say(match saved {
            Ok(file) => Toast::plain(format!("the plan is saved as {file}")),
            Err(why) => Toast::error(format!("the plan was not saved: {why}")),
        });
        Vec::new()
    }

    pub(super) fn plans_read(&mut self, plans: Result<Vec<(String, String)>, String>) -> Vec<Request> {
        match plans {
            Ok(plans) => self.overlay = Some(Overlay::Choose(Choice::templates(plans))),
            Err(why) => self.say(Toast::error(format!("the saved plans cannot be read: {why}"))),
        }
        Vec::new()
    }

    /// Asks for the next placeholder of a plan; the one without any left is put under review.
    fn fill_in(
        &self,
        plan: String,
        mut values: Vec<(String, String)>,
        given: Option<(String, String)>,
    ) -> OverlayResult {
        values.extend(given);
        match filled(&plan, &values).map_err(str::to_owned) {
            Ok(text) => OverlayResult::Requests(commands::write_plan(&text)),
            Err(name) => stay(Overlay::Prompt(Prompt::new(Purpose::Placeholder { plan, name, values }, ""))),
        }
    }

    fn lease_prompted(&mut self, grant: wire::LeaseGrant, text: &str) -> OverlayResult {
        match commands::send_lease(self, grant.clone(), text.trim()) {
            Some(requests) => OverlayResult::Requests(requests),
            None => stay(Overlay::Prompt(Prompt::new(Purpose::Lease(grant), text))),
        }
    }

    /// Enter in a prompt sends what was typed. Where it would approve or destroy, the typed word decides, not the key.
    fn prompted(&mut self, prompt: Prompt, text: String) -> OverlayResult {
        if !says_the_word(&prompt.purpose, &text) {
            self.say(Toast::warning("the word does not match: nothing was done"));
            return stay(Overlay::Prompt(prompt));
        }
        if let Purpose::Answer { action, digest, at } = &prompt.purpose {
            let took = answering::write(self, action, *digest, *at, &text);
            return if took { OverlayResult::Close } else { stay(Overlay::Prompt(prompt)) };
        }
        OverlayResult::Requests(match prompt.purpose {
            Purpose::Answer { .. } => Vec::new(),
            Purpose::Note { action, digest } => commands::send_with_note(self, action, digest, text),
            Purpose::Confirm { action, digest, word, said } => {
                if said.is_empty() && text.trim() == word {
                    let purpose = Purpose::GuardReason { action, digest, word };
                    return stay(Overlay::Prompt(Prompt::new(purpose, "")));
                }
                commands::send_confirmed(self, action, digest, word, said)
            }
            Purpose::GuardReason { action, digest, word } => {
                if text.trim().is_empty() {
                    self.say(Toast::warning("approving a guard-rail action needs a reason"));
                    let purpose = Purpose::GuardReason { action, digest, word };
                    return stay(Overlay::Prompt(Prompt::new(purpose, "")));
                }
                commands::send_confirmed(self, action, digest, word, text)
            }
            Purpose::Option { action, digest, word, verdict: Verdict::Approve, said } => {
                commands::send_confirmed(self, action, digest, word, said)
            }
            Purpose::Option { action, digest, word, verdict, said } => {
                let verdict = wire::Decide { confirm: Some(word), ..wire::Decide::new(action, digest, verdict) };
                commands::send_reasoned(self, verdict, false, &said)
            }
            Purpose::Reason { action, digest, verdict, makes_rule } => {
                commands::send_reasoned(self, wire::Decide::new(action, digest, verdict), makes_rule, &text)
            }
            Purpose::Lease(grant) => return self.lease_prompted(grant, &text),
            Purpose::Rewind { tree, .. } => vec![rewind_to(tree)],
            Purpose::Keep { keeping, .. } => vec![Request::Host(wire::Request::Keeping(keeping))],
            Purpose::Comment(about) => commands::send_comment(*about, &text),
            Purpose::SendComments => commands::send_open(text),
            Purpose::PlanFile => commands::plan_of_file(self, text.trim()),
            Purpose::PlanName(plan) => vec![Request::SavePlan { name: text.trim().to_owned(), text: plan }],
            Purpose::Placeholder { plan, name, values } => return self.fill_in(plan, values, Some((name, text))),
            Purpose::NoteStep(step) => commands::note_step(self, step, &text),
            Purpose::SplitStep(step) => commands::split_step(self, step, &text),
            Purpose::AddStep { at, below } => commands::add_step(self, at, below, text),
            Purpose::RewordStep(step) => commands::reword_step(self, step, text),
            Purpose::Jump => self.jump(&text),
            Purpose::Attach => vec![Request::Attach(Some(text.trim().to_owned()))],
            Purpose::Tests => {
                self.panes.tests.want(&text);
                self.scene.touched.checks = true;
                Vec::new()
            }
            Purpose::Find => {
                let query = text.trim().to_owned();
                if query.is_empty() {
                    return OverlayResult::Close;
                }
                vec![Request::Host(wire::Request::Search(wire::Search { query }))]
            }
            Purpose::Search => {
                self.search = Some(text).filter(|words| !words.is_empty());
                self.find_match(true);
                Vec::new()
            }
        })
    }
}
