//! The driver: takes prompts from the desk, lets the machine of [`super::turn`] work, and carries its effects out.
//!
//! All waiting is here: for the model, for decisions, for prompts. An interruption drops whatever is awaited (which
//! closes the model's connection) and ends the turn.

use super::budget::{Budget, Limits};
use super::calling::Caller;
use super::catalog::Choice;
use super::crew::{Crew, Next, Part, Role};
use super::discover;
use super::map;
use super::perform::GateClient;
use super::plan::PlanState;
use super::prompt;
use super::settings::Settings;
use super::slash::{self, Slash};
use super::turn::{Effect, Event, Over, Setup, Turn};
use crate::agent::llm::limits;
use crate::model::event::{AgentBadge, AgentNoted, AgentOption, AgentReady, Isolation, SessionOutcome, TurnEnd, Usage};
use crate::model::{AgentLevel, AgentState, NoteKind};
use crate::port::{Agent, AgentLink, AgentSeat, Desk, FromAgent, Interrupted};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The option that chooses the model, by its id and its kind.
const MODEL: &str = "model";

/// The built-in agent.
pub struct LlmAgent {
    seat: AgentSeat,
    settings: Settings,
}

impl LlmAgent {
    /// An agent at rest; nothing is read or called before it runs.
    pub fn new(seat: AgentSeat, settings: Settings) -> LlmAgent {
        LlmAgent { seat, settings }
    }

    /// Returns the badge for the header.
    pub fn badge(settings: &Settings) -> AgentBadge {
        let name = format!("{}/{}", settings.choice.provider.name, settings.choice.model.name);
        AgentBadge { name, level: AgentLevel::Full, isolation: Isolation::Gated }
    }
}

impl Agent for LlmAgent {
    fn run(self: Box<Self>, link: AgentLink) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let mut driver = Driver::new(*self, link);
            // The only way out is that the session closes.
            let _closed = driver.serve().await;
        })
    }
}

struct Driver {
    desk: Desk,
    caller: Caller,
    seat: AgentSeat,
    settings: Settings,
    gate: GateClient,
    turns: BTreeMap<Role, Turn>,
    budget: Budget,
    /// Tells a running call that the time budget was changed.
    wall_ms_max: watch::Sender<Option<u64>>,
    plan: PlanState,
    prompts: u64,
    context: Option<String>,
    /// The name of the model that the next prompt goes to, where the user chose another.
    next_model: Option<String>,
}

impl Driver {
    fn new(agent: LlmAgent, link: AgentLink) -> Driver {
        let LlmAgent { seat, settings } = agent;
        let desk = Desk::new(link);
        let (wall_ms_max, wall_seen) = watch::channel(settings.limits.wall_ms);
        Driver {
            caller: Caller::new(desk.sender(), settings.patience, wall_seen),
            wall_ms_max,
            desk,
            gate: GateClient::new(seat.workspace.clone(), settings.test_command.clone()),
            turns: BTreeMap::new(),
            budget: Budget::new(settings.limits),
            plan: PlanState::default(),
            prompts: 0,
            context: None,
            next_model: None,
            seat,
            settings,
        }
    }

    async fn serve(&mut self) -> Result<(), Interrupted> {
        self.ready().await?;
        loop {
            self.show_changes_at_once(self.budget.clone(), None);
            let text = match self.desk.next_prompt().await {
                Ok(text) => text,
                // Nothing was running.
                Err(Interrupted::Canceled) => continue,
                Err(closed @ Interrupted::Closed) => return Err(closed),
            };
            self.prompts += 1;
            if let Some(limits) = self.new_limits(self.budget.clone()).await? {
                self.budget.limits = limits;
            }
            self.change_model().await?;
            let done = match slash::parse(&text) {
                Some(command) => self.command(command).await,
                None => self.goal(text).await,
            };
            match done {
                Ok(()) => {}
                Err(Interrupted::Canceled) => self.desk.end_turn(TurnEnd::Canceled).await?,
                Err(closed @ Interrupted::Closed) => return Err(closed),
            }
        }
    }

    async fn ready(&mut self) -> Result<(), Interrupted> {
        let ready = self.introduction(&self.budget);
        self.desk.send(FromAgent::Ready(Box::new(ready))).await?;
        // Budgets are seen before anything of them is used.
        self.show(Effect::Usage(self.budget.usage(&self.settings.choice.model, 0))).await
    }

    /// Returns the limits that the supervisor changed, if there are any, and shows them unless that was done at once.
    async fn new_limits(&mut self, mut budget: Budget) -> Result<Option<Limits>, Interrupted> {
        let (mut changed, mut unseen) = (false, false);
        while let Some((id, value, answered)) = self.desk.option()? {
            let adjusted = budget.adjust(&id, &value);
            changed |= adjusted;
            let is_model = id == MODEL && self.models().contains(&value);
            if is_model {
                self.next_model = Some(value.clone());
            }
            unseen |= !answered;
            if !adjusted && !is_model && !answered {
                self.desk.send(not_an_option(&id, &value)).await?;
            }
        }
        if unseen {
            let ready = self.introduction(&budget);
            self.desk.send(FromAgent::Ready(Box::new(ready))).await?;
        }
        Ok(changed.then_some(budget.limits))
    }

    /// Returns the models and the limits in force, for the header.
    fn introduction(&self, budget: &Budget) -> AgentReady {
        AgentReady {
            agent: LlmAgent::badge(&self.settings),
            title: Some(format!("{} at {}", self.settings.choice.model.name, self.settings.choice.provider.title)),
            badges: vec!["every read, edit, command and plan change goes through the gate".to_owned()],
            options: options(budget).into_iter().chain(self.model_option()).collect(),
            offers: Vec::new(),
            logins: Vec::new(),
            commands: slash::offered(),
            loose_mode: None,
            images: false,
            state: AgentState::Ready,
            session: None,
        }
    }

    /// A command of the supervisor about the conversation itself; the model is not asked.
    async fn command(&mut self, command: Slash) -> Result<(), Interrupted> {
        let text = match command {
            Slash::Clear => {
                self.turns.clear();
                self.context = None;
                "The conversation is forgotten. The next message begins a new one.".to_owned()
            }
            Slash::Compact => {
                let effects: Vec<Effect> = self.turns.values_mut().flat_map(Turn::shorten).collect();
                let is_shorter = !effects.is_empty();
                for effect in effects {
                    self.show(effect).await?;
                }
                if is_shorter { "The conversation is shorter now." } else { "There is nothing to shorten." }.to_owned()
            }
            Slash::Model(None) => {
                let choice = &self.settings.choice;
                let known: Vec<&str> = choice.provider.models.iter().map(|model| model.name.as_str()).collect();
                let known = if known.is_empty() { "none are listed".to_owned() } else { known.join(", ") };
                format!("The model is {}. Models of {}: {known}.", choice.model.name, choice.provider.title)
            }
            Slash::Model(Some(name)) => {
                self.next_model = Some(name.clone());
                self.change_model().await?;
                format!("The model is {name} now.")
            }
        };
        self.desk.say(text).await?;
        self.desk.end_turn(TurnEnd::EndTurn).await
    }

    /// Returns the models that can take the conversation over: those of the provider that are written down. The models
    /// of a crew are fixed by the configuration.
    fn models(&self) -> Vec<String> {
        if !self.settings.crew.is_empty() {
            return Vec::new();
        }
        let Choice { provider, model } = &self.settings.choice;
        let others = provider.models.iter().map(|other| &other.name).filter(|name| **name != model.name);
        std::iter::once(&model.name).chain(others).take(limits::MODELS_PER_SERVER_MAX).cloned().collect()
    }

    fn model_option(&self) -> Option<AgentOption> {
        let value = self.next_model.clone().unwrap_or_else(|| self.settings.choice.model.name.clone());
        let choices: Vec<(String, String)> = self.models().into_iter().map(|name| (name.clone(), name)).collect();
        let (id, name, category) = (MODEL.to_owned(), "Model".to_owned(), Some(MODEL.to_owned()));
        (!choices.is_empty()).then_some(AgentOption { id, name, value: Some(value), choices, category })
    }

    /// The model that the user chose answers from the next prompt on.
    async fn change_model(&mut self) -> Result<(), Interrupted> {
        let Some(name) = self.next_model.take() else { return Ok(()) };
        let provider = self.settings.choice.provider.clone();
        let model = provider.model(&name);
        self.settings.choice = Choice { provider, model };
        self.ask_contexts().await;
        let choice = self.settings.choice.clone();
        if let Some(turn) = self.turns.get_mut(&Role::Solo) {
            let system = prompt::system(Role::Solo, choice.model.edit_format);
            turn.change_model(choice, system);
        }
        let ready = self.introduction(&self.budget);
        self.desk.send(FromAgent::Ready(Box::new(ready))).await
    }

    // ---- one goal ---------------------------------------------------------------------------

    /// Asks servers on this machine for the contexts that are not written down, before anything is measured by them.
    async fn ask_contexts(&mut self) {
        let Settings { choice, crew, .. } = &mut self.settings;
        for choice in std::iter::once(choice).chain(crew.values_mut()).filter(|one| one.model.context.is_none()) {
            choice.model.context = discover::context_of(&choice.provider, &choice.model.name).await;
        }
    }

    async fn goal(&mut self, text: String) -> Result<(), Interrupted> {
        if self.prompts == 1 {
            self.ask_contexts().await;
        }
        self.caller.begin();
        let mut crew = Crew::new(&self.settings.members(), &text);
        let mut next = crew.first();
        loop {
            let (role, text) = match next {
                Next::Work { role, text } => (role, text),
                Next::Over { done, report } => return self.end(done, report).await,
            };
            let over = self.work(role, text).await?;
            if over.reason != TurnEnd::EndTurn {
                return self.give_up(over).await;
            }
            if !over.finished && role == Role::Solo {
                // Words for the supervisor, who may answer them.
                return self.end_without_finish(over.report).await;
            }
            next = crew.next(Part { done: over.done, report: over.report, objections: over.objections });
        }
    }

    async fn end(&mut self, done: bool, report: String) -> Result<(), Interrupted> {
        let outcome = if done { SessionOutcome::Done } else { SessionOutcome::Failed };
        // Models like to say their report before they hand it in.
        if !self.caller.has_just_said(&report) {
            self.desk.say(report.clone()).await?;
        }
        self.desk.end_turn(TurnEnd::EndTurn).await?;
        self.desk.end(outcome, report).await
    }

    /// A turn that ended with words. The run for the session's goal ends automatically; a later conversation continues.
    async fn end_without_finish(&mut self, report: String) -> Result<(), Interrupted> {
        self.desk.end_turn(TurnEnd::EndTurn).await?;
        if self.prompts == 1 && self.seat.goal.is_some() {
            let report = format!("{report}\n\n[rightseat: the model stopped without calling `finish`]");
            return self.desk.end(SessionOutcome::Failed, report).await;
        }
        Ok(())
    }

    async fn give_up(&mut self, over: Over) -> Result<(), Interrupted> {
        let text = Some(over.report.clone()).filter(|text| !text.is_empty());
        self.desk.send(FromAgent::TurnEnded { reason: over.reason, text }).await?;
        if self.prompts == 1 && self.seat.goal.is_some() && over.reason != TurnEnd::Canceled {
            return self.desk.end(SessionOutcome::Failed, over.report).await;
        }
        Ok(())
    }

    // ---- one specialist's task ---------------------------------------------------------------

    async fn work(&mut self, role: Role, task: String) -> Result<Over, Interrupted> {
        let context = self.orient(role).await?;
        let mut turn = self.turns.remove(&role).unwrap_or_else(|| self.machine(role));
        let (budget, plan) = (Box::new(self.budget.clone()), self.plan.clone());
        self.gate.by = role.speaker();
        let worked = self.drive(&mut turn, Event::Begin { task, context, budget, plan }).await;
        if worked.is_err() {
            // Calls that wait get their results, so that the conversation can continue later.
            drop(turn.step(Event::Canceled));
        }
        self.budget = turn.budget().clone();
        self.plan = turn.plan().clone();
        self.turns.insert(role, turn);
        worked
    }

    fn machine(&self, role: Role) -> Turn {
        let choice = self.settings.choice_of(role).clone();
        let setup = Setup {
            role,
            system: prompt::system(role, choice.model.edit_format),
            choice,
            cache_key: Some(format!("{}-{}", self.seat.session, role.speaker())),
            // A coder's plan is the planner's; a planner changes nothing.
            plan_first: self.settings.plan_first && role == Role::Solo,
        };
        Turn::new(setup)
    }

    /// The project's map and instruction files for a role's first task, through the gate once a session.
    async fn orient(&mut self, role: Role) -> Result<String, Interrupted> {
        if self.turns.contains_key(&role) || role == Role::Tester {
            return Ok(String::new());
        }
        let mut action = None;
        if self.context.is_none() {
            let overview = self.gate.project(&mut self.desk).await?;
            let tokens = self.settings.choice_of(role).model.context_tokens() as usize;
            let bytes_max = (tokens * 3 / 5).min(limits::TASK_CONTEXT_BYTES_MAX);
            action = overview.action;
            let mut context = match overview.files {
                Ok(files) => {
                    let context = tokio::task::spawn_blocking(move || map::context(&files, bytes_max)).await;
                    context.unwrap_or_default()
                }
                Err(message) => format!("You asked to read the project for an overview. {message}\n"),
            };
            if let Some(resume) = &self.seat.resume {
                context.push_str(&format!("\nWhere the session stood before:\n{resume}\n"));
            }
            self.context = Some(context);
        }
        let context = self.context.clone().unwrap_or_default();
        if !context.is_empty() {
            self.desk.send(FromAgent::Told { action, text: context.clone() }).await?;
        }
        Ok(context)
    }

    async fn drive(&mut self, turn: &mut Turn, first: Event) -> Result<Over, Interrupted> {
        let mut effects = turn.step(first);
        loop {
            let mut awaited = None;
            for effect in effects {
                if effect.is_awaited() {
                    awaited = Some(effect);
                } else {
                    self.show(effect).await?;
                }
            }
            // What the supervisor said or changed meanwhile comes before the model's next word.
            self.listen(turn).await?;
            self.show_changes_at_once(turn.budget().clone(), Some(turn.usage()));
            let event = match awaited {
                Some(Effect::Ask(ask)) => self.caller.complete(&mut self.desk, &ask).await?,
                Some(Effect::Act(doing)) => {
                    self.gate.wall_ms_max = turn.budget().wall_left_ms();
                    Event::Acted(self.gate.act(&mut self.desk, *doing).await?)
                }
                Some(Effect::Over(over)) => return Ok(over),
                // A machine that awaits nothing has nothing more to do.
                Some(_) | None => {
                    let report = "the loop stopped without a result".to_owned();
                    let reason = TurnEnd::Error;
                    return Ok(Over { reason, finished: false, done: false, report, objections: Vec::new() });
                }
            };
            self.listen(turn).await?;
            effects = turn.step(event);
        }
    }

    /// Limits that are changed while a decision or the model is awaited are shown at once; they come into force with
    /// [`Self::new_limits`], before anything more is used.
    fn show_changes_at_once(&mut self, mut budget: Budget, mut usage: Option<Usage>) {
        let mut ready = self.introduction(&budget);
        let models = self.models();
        let wall_ms_max = self.wall_ms_max.clone();
        self.desk.answer_options(Box::new(move |id, value| {
            if id == MODEL && models.iter().any(|model| model == value) {
                ready
                    .options
                    .iter_mut()
                    .filter(|one| one.id == MODEL)
                    .for_each(|one| one.value = Some(value.to_owned()));
                let text = format!("the next prompt goes to {value}");
                return vec![
                    FromAgent::Ready(Box::new(ready.clone())),
                    FromAgent::Noted(AgentNoted::new(NoteKind::Option, text)),
                ];
            }
            if !budget.adjust(id, value) {
                return vec![not_an_option(id, value)];
            }
            ready.options.retain(|one| one.id == MODEL);
            ready.options.splice(..0, options(&budget));
            wall_ms_max.send_replace(budget.limits.wall_ms);
            let usage = usage.as_mut().map(|usage| {
                usage.budget_left = budget.left();
                usage.budgets = budget.words();
                FromAgent::Usage(usage.clone())
            });
            std::iter::once(FromAgent::Ready(Box::new(ready.clone()))).chain(usage).collect()
        }));
    }

    /// Takes what the supervisor did meanwhile. Nothing that these events lead to is awaited.
    async fn listen(&mut self, turn: &mut Turn) -> Result<(), Interrupted> {
        let mut effects = Vec::new();
        if let Some(limits) = self.new_limits(turn.budget().clone()).await? {
            effects.extend(turn.step(Event::Limited(limits)));
        }
        while let Some((steps, message)) = self.desk.plan_edit()? {
            effects.extend(turn.step(Event::PlanEdited { steps, message }));
        }
        while let Some(text) = self.desk.boundary_prompt()? {
            effects.extend(turn.step(Event::Steered(text)));
        }
        for effect in effects {
            self.show(effect).await?;
        }
        Ok(())
    }

    async fn show(&mut self, effect: Effect) -> Result<(), Interrupted> {
        let by = self.gate.by.to_owned();
        let message = match effect {
            Effect::Say(text) => FromAgent::Said { by, text, more: false },
            Effect::ShowPlan(steps) => FromAgent::Plan { by, steps },
            Effect::Told { action, text } => FromAgent::Told { action, text },
            Effect::Alarm { what, text } => FromAgent::Alarm { what, ticket: None, text },
            Effect::Usage(usage) => FromAgent::Usage(usage),
            Effect::Ask(_) | Effect::Act(_) | Effect::Over(_) => return Ok(()),
        };
        self.desk.send(message).await
    }
}

fn not_an_option(id: &str, value: &str) -> FromAgent {
    let hint = if id == MODEL { "use one of the models it lists" } else { "use a number or `none`" };
    let text = format!("`{id}` cannot be set to `{value}`: {hint}");
    FromAgent::Noted(AgentNoted::new(NoteKind::Option, text))
}

fn options(budget: &Budget) -> Vec<AgentOption> {
    let options = budget.options().into_iter().map(|(id, name, value)| AgentOption {
        id,
        name,
        choices: choices(&value),
        value: Some(value),
        category: None,
    });
    options.collect()
}

/// Returns the values a limit can be set to with one key: parts and multiples of the present one, or none.
fn choices(value: &str) -> Vec<(String, String)> {
    let digits = if value.contains('.') { 2 } else { 0 };
    let of = |factor: f64| value.parse::<f64>().ok().map(|number| format!("{:.digits$}", number * factor));
    let mut out: Vec<(String, String)> =
        [0.5, 1.0, 2.0, 4.0, 10.0].into_iter().filter_map(of).map(|value| (value.clone(), value)).collect();
    out.push(("none".to_owned(), "no limit".to_owned()));
    out
}
