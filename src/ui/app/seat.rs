//! This client among the others of the session: who asks for control, whom it follows, and who follows it.

use super::toast::Toast;
use super::{Again, App, Request, SeatNews};
use crate::base::{ClientId, Seq};
use crate::model::event::Event;
use crate::model::{ClientChange, Envelope};
use crate::ui::layout::PaneId;
use crate::ui::limits::UI_VIEW_MS_MIN;
use crate::wire::{self, ControlWish, SeatView};

/// See the module.
#[derive(Debug, Default)]
pub struct Seat {
    /// This client's name, and the event up to which the attach has reported who has control.
    pub(super) me: Option<(ClientId, Seq)>,
    /// It shows what the client with control shows.
    pub follows: bool,
    /// Others that show what this one shows.
    pub followers: usize,
    /// What they were told last, and when on our clock.
    shown: Option<(SeatView, u64)>,
}

impl Seat {
    /// The event at which this client attached.
    #[must_use]
    pub fn head(&self) -> Option<Seq> {
        self.me.as_ref().map(|(_, head)| *head)
    }
}

/// The client that asks this one for control first.
#[must_use]
pub fn asked_by(app: &App) -> Option<&ClientId> {
    let asking = &app.scene.session.clients.asking;
    asking.first().map(|(client, _)| client).filter(|_| app.scene.has_control())
}

/// Whether nobody else is there who could have control.
#[must_use]
pub fn is_alone(app: &App) -> bool {
    let clients = &app.scene.session.clients;
    clients.asking.is_empty() && clients.here.len() < 2
}

/// Whether this client waits for an answer to that.
#[must_use]
pub fn is_asking(app: &App) -> bool {
    app.scene.session.clients.asking.iter().any(|(client, _)| app.scene.is_me(client))
}

/// Asks for control or takes it, after it was asked for in vain; with control, gives it.
pub fn pass_control(app: &mut App) -> Vec<Request> {
    let wish = if app.scene.has_control() {
        ControlWish::Give(None)
    } else if is_asking(app) {
        ControlWish::Take
    } else {
        ControlWish::Ask
    };
    vec![control(wish)]
}

/// A wish about control, as a request.
#[must_use]
pub fn control(wish: ControlWish) -> Request {
    Request::Host(wire::Request::Control(wire::SetControl { wish }))
}

/// Shows what the client with control shows from now on, or no longer.
pub fn toggle_follow(app: &mut App) -> Vec<Request> {
    follow(app, !app.scene.seat.follows)
}

fn follow(app: &mut App, follow: bool) -> Vec<Request> {
    app.scene.seat.follows = follow;
    let words =
        if follow { "following: the view moves with the client that has control" } else { "no longer following" };
    app.say(Toast::plain(words));
    vec![Request::Host(wire::Request::Follow(wire::Follow { follow }))]
}

/// The link dropped and is back: the host knows this client under another name, and nothing of what it followed.
pub(super) fn came_back(app: &mut App, again: Again) -> Vec<Request> {
    let Again { client, control, head } = again;
    app.scene.linked_again(client, control, head);
    let seat = &mut app.scene.seat;
    (seat.followers, seat.shown) = (0, None);
    // Whoever has control follows nobody.
    seat.follows &= !control;
    let follows = seat.follows.then_some(Request::Host(wire::Request::Follow(wire::Follow { follow: true })));
    let mut requests: Vec<Request> = follows.into_iter().collect();
    requests.extend(app.composer_asks());
    requests
}

/// What became of control, in words; whoever has it follows nobody.
pub(super) fn heard(app: &mut App, envelopes: &[Envelope]) -> Vec<Request> {
    let mut requests = Vec::new();
    for envelope in envelopes {
        let Event::ClientChanged(change) = &envelope.event else { continue };
        let is_known = app.scene.seat.me.as_ref().is_none_or(|(_, known)| envelope.seq <= *known);
        if is_known {
            continue;
        }
        match change.what {
            ClientChange::TookControl if app.scene.is_me(&change.client) => {
                app.say(Toast::plain("this client has control"));
                if app.scene.seat.follows {
                    requests.extend(follow(app, false));
                }
            }
            ClientChange::RefusedControl if app.scene.is_me(&change.client) => {
                app.say(Toast::warning("control was refused"));
            }
            ClientChange::AskedControl if app.scene.has_control() => {
                let key = |name: &str| app.keymap.shown(name).unwrap_or_default();
                let (give, refuse) = (key("take-control"), key("refuse-control"));
                app.say(Toast::warning(format!(
                    "{} asks for control: {give} gives it, {refuse} refuses",
                    change.client
                )));
            }
            ClientChange::TookControl
            | ClientChange::RefusedControl
            | ClientChange::AskedControl
            | ClientChange::LostControl
            | ClientChange::Joined
            | ClientChange::Left
            | ClientChange::Other(_) => {}
        }
    }
    requests
}

/// The host says where the others are.
pub(super) fn told(app: &mut App, news: SeatNews) -> Vec<Request> {
    match news {
        SeatNews::Followed { followers } => {
            app.scene.seat.followers = followers;
            app.scene.seat.shown = None;
            Vec::new()
        }
        SeatNews::View { .. } if !app.scene.seat.follows || app.overlay.is_some() || app.composer.open => Vec::new(),
        SeatNews::View { view: SeatView { pane, action }, .. } => {
            if let Some(pane) = PaneId::ALL.iter().find(|one| one.name() == pane) {
                app.focus_on(*pane);
            }
            if let Some(action) = action.filter(|id| app.scene.session.actions.get(id).is_some()) {
                app.scene.set_target(Some(action));
            }
            app.compute_pictures()
        }
    }
}

/// What those who follow should be told, if it has changed: at most a few times a second.
fn unshown(app: &App) -> Option<SeatView> {
    let seat = &app.scene.seat;
    let view = SeatView { pane: app.focus.name().to_owned(), action: app.scene.target.clone() };
    let is_new = seat.shown.as_ref().is_none_or(|(shown, _)| *shown != view);
    (seat.followers > 0 && app.scene.has_control() && is_new).then_some(view)
}

fn show_due_at_ms(app: &App) -> Option<u64> {
    unshown(app)?;
    let last = app.scene.seat.shown.as_ref().map_or(0, |(_, at)| *at);
    Some(last.saturating_add(app.scene.far.paced_ms(UI_VIEW_MS_MIN)))
}

/// Tells those who follow where this client is, when it is time.
pub fn show_followers(app: &mut App) -> Option<Request> {
    let view = unshown(app).filter(|_| show_due_at_ms(app).is_some_and(|due| due <= app.scene.now_ms))?;
    app.scene.seat.shown = Some((view.clone(), app.scene.now_ms));
    Some(Request::Host(wire::Request::Show(view)))
}

/// When the client's clock must wake it: for a message that nobody goes on with, or for those who follow.
#[must_use]
pub fn due_at_ms(app: &App) -> Option<u64> {
    [app.draft_due_at_ms(), show_due_at_ms(app)].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::app::Msg;
    use crate::ui::tests::stage::Stage;

    fn change(seq: u64, client: &str, what: &str) -> String {
        format!(r#"{{"seq":{seq},"at":1764000200000,"kind":"client_changed","client":"{client}","what":"{what}"}}"#)
    }

    /// Whoever has control sees who asks for it, and one key gives it or keeps it.
    #[test]
    fn a_wish_for_control_is_seen_and_answered_by_a_key() {
        let mut stage = Stage::set(80, 24, "dark");
        stage.receive(&change(900, "c2", "asked_control"));
        stage.draw();
        assert!(stage.text().contains("c2 asks"), "{}", stage.text());
        stage.command("refuse-control");
        stage.command("take-control");
        assert_eq!(
            stage.asked,
            [ControlWish::Refuse(None), ControlWish::Give(None)]
                .map(|wish| wire::Request::Control(wire::SetControl { wish }))
        );
        stage.receive(&change(901, "c2", "refused_control"));
        stage.draw();
        stage.press("j");
        assert!(!stage.text().contains("c2 asks"), "{}", stage.text());
    }

    /// Nothing is told unless somebody follows, and then at most a few times a second, the last place included.
    #[test]
    fn followers_are_told_the_last_place_and_not_every_one() {
        let mut stage = Stage::set(120, 40, "dark");
        stage.press("1");
        assert_eq!(show_followers(&mut stage.app), None);
        stage.send(Msg::Seat(SeatNews::Followed { followers: 1 }));
        let Some(Request::Host(wire::Request::Show(view))) = show_followers(&mut stage.app) else { panic!("not told") };
        assert_eq!(view.pane, "Plan");
        stage.app.focus_on(PaneId::Inbox);
        stage.app.focus_on(PaneId::Why);
        assert_eq!(show_followers(&mut stage.app), None, "too early");
        assert!(due_at_ms(&stage.app).is_some());
        stage.pass(UI_VIEW_MS_MIN);
        stage.send(Msg::DraftDue);
        let Some(Request::Host(wire::Request::Show(view))) = show_followers(&mut stage.app) else { panic!("not told") };
        assert_eq!((view.pane.as_str(), due_at_ms(&stage.app)), ("Why", None));
    }

    /// A link that dropped gives this client another name: what it had and what it followed go on under that.
    #[test]
    fn a_client_that_comes_back_knows_its_new_name() {
        let mut stage = Stage::set(120, 40, "dark");
        let again = |client: &str, control, head| {
            Msg::LinkedAgain(Again { client: ClientId::new(client), control, head: Seq(head) })
        };
        stage.send(again("c5", true, 901));
        stage.receive(&[change(900, "c1", "lost_control"), change(901, "c5", "took_control")].join("\n"));
        assert!(stage.app.scene.has_control(), "it has it under its new name");
        stage.receive(&[change(902, "c5", "lost_control"), change(903, "c2", "took_control")].join("\n"));
        assert!(!stage.app.scene.has_control());
        stage.command("follow");
        stage.asked.clear();
        stage.send(again("c6", false, 905));
        assert_eq!(stage.asked, [wire::Request::Follow(wire::Follow { follow: true })]);
        stage.receive(&change(906, "c6", "took_control"));
        assert!(stage.app.scene.has_control() && !stage.app.scene.seat.follows);
    }

    #[test]
    fn a_client_that_follows_goes_where_the_other_one_is() {
        let mut stage = Stage::set(120, 40, "dark");
        stage.send(Msg::Linked { client: "c2".into(), control: false, head: Seq(0), recent: false });
        let view = || SeatNews::View { client: "c1".into(), view: SeatView { pane: "Why".to_owned(), action: None } };
        stage.send(Msg::Seat(view()));
        assert_ne!(stage.app.focus, PaneId::Why, "nobody asked for it");
        stage.command("follow");
        stage.send(Msg::Seat(view()));
        assert_eq!(stage.app.focus, PaneId::Why);
    }
}
