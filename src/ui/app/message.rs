//! The message that is written, and the session around it: what comes of it, and what others make of it.

use super::{App, Request};
use crate::base::ActionId;
use crate::base::text::{Show, escape};
use crate::model::event::{Event, Finished, OutcomeWord};
use crate::model::{Envelope, NoteKind, PromptPart};
use crate::ui::app::toast::Toast;
use crate::wire;
use base64::Engine as _;

/// What new events mean for the message: a draft of another client, the end of a command, the project's history.
pub(super) fn heard(app: &mut App, envelopes: &[Envelope]) -> Vec<Request> {
    let mut requests = Vec::new();
    for envelope in envelopes {
        if let Event::SessionOpened(opened) = &envelope.event {
            requests.push(Request::LoadHistory(opened.workspace.clone()));
        }
        // What was in the record before this client came is no news.
        let is_new = app.scene.seat.head().is_some_and(|head| envelope.seq > head);
        if let Event::Finished(finished) = &envelope.event {
            offer_output(app, &finished.action);
            if is_new {
                say_closed(app, finished);
            }
        }
        if let Event::AgentNoted(note) = &envelope.event
            && note.what == NoteKind::Trial
            && is_new
        {
            // The answer to a question about a test.
            app.say(Toast::plain(escape::show(&note.text, &Show::prose())));
        }
        if let Event::AgentReady(_) = &envelope.event {
            app.composer.offered(&app.scene.session);
        }
    }
    // Only the newest counts, and what this client wrote it has.
    let newest = envelopes.iter().rev().find_map(|envelope| {
        let Event::Drafted(draft) = &envelope.event else { return None };
        Some(draft)
    });
    if let Some(draft) = newest.filter(|draft| !app.scene.is_me(&draft.by)) {
        app.composer.restore(draft);
    }
    requests
}

fn offer_output(app: &mut App, action: &ActionId) {
    let Some(is_in_message) = app.composer.offers_output(action) else { return };
    let key = app.keymap.shown("compose").unwrap_or_default();
    app.say(Toast::plain(if is_in_message && app.composer.open {
        format!("{action} ended: write about its output, Backspace removes it")
    } else if is_in_message {
        format!("{action} ended: {key} writes about its output, Backspace removes it")
    } else {
        format!("{action} ended: @{action} mentions its output")
    }));
}

/// A command that failed may have wanted the network that it did not have.
fn say_closed(app: &mut App, finished: &Finished) {
    let network = finished.layer.as_ref().and_then(|layer| layer.network);
    let is_tried = finished.layer.as_ref().is_some_and(|layer| layer.previews.is_some());
    let has_failed = finished.outcome != OutcomeWord::Ok || finished.exit.is_some_and(|code| code != 0);
    let is_test = app.scene.session.actions.get(&finished.action).is_some_and(|state| state.action.checks);
    let (Some(network), true, false) = (network, has_failed, is_tried || is_test) else { return };
    let key = app.keymap.shown("network").unwrap_or_default();
    let (action, word) = (&finished.action, network.word());
    // Nobody knows why it failed.
    let text = format!("{action} failed; if it needed the network, that was closed ({word}), and {key} opens it");
    app.say(Toast::plain(text));
}

/// A picture of this machine was read.
pub(super) fn attached(app: &mut App, name: String, bytes: Result<Vec<u8>, String>) -> Vec<Request> {
    match bytes {
        Ok(bytes) => {
            let data = base64::engine::general_purpose::STANDARD.encode(bytes);
            vec![Request::Host(wire::Request::Image(wire::PutImage { name, data }))]
        }
        Err(why) => {
            app.say(Toast::error(why));
            Vec::new()
        }
    }
}

/// The host has the picture: it is part of the message.
pub(super) fn image_kept(app: &mut App, asked: &wire::Request, image: wire::ImageKept) {
    let wire::Request::Image(wire::PutImage { name, .. }) = asked else { return };
    let wire::ImageKept { digest, mime, bytes } = image;
    app.composer.entry.insert_object(PromptPart::Image { name: name.clone(), mime, digest, bytes });
    app.composer.open = true;
    if !app.scene.session.agent.ready.images {
        app.say(Toast::warning("the agent takes no images: it is told that there is one"));
    }
}

/// What could not be delivered is the message again.
pub(super) fn not_sent(app: &mut App, asked: &wire::Request) {
    if let wire::Request::Prompt(wire::Prompt { text, parts, .. })
    | wire::Request::Queue(wire::QueueEdit { change: wire::QueueChange::Replace { text, parts }, .. }) = asked
    {
        app.composer.give_back(text, parts);
    } else if let wire::Request::Run(run) = asked {
        app.composer.give_back(&format!("!{}", run.command.line()), &[]);
    }
}

#[cfg(test)]
mod tests {
    use crate::base::{Seq, UnixMs};
    use crate::model::event::{Drafted, Event};
    use crate::model::{Envelope, PromptPart};
    use crate::ui::app::Msg;
    use crate::ui::tests::stage::Stage;
    use crate::wire;

    fn drafted(seq: u64, by: &str, text: &str) -> Msg {
        let parts = if text.is_empty() { Vec::new() } else { vec![PromptPart::text(text)] };
        let event = Event::Drafted(Drafted { by: by.into(), parts });
        Msg::Events(vec![Envelope { seq: Seq(seq), at: UnixMs(0), event }], UnixMs(0))
    }

    /// Whatever runs the past comes in, what was sent in it is no draft any more.
    #[test]
    fn only_the_newest_draft_counts() {
        let mut stage = Stage::empty(80, 24, "dark");
        stage.send(drafted(1, "c9", "half a thought"));
        assert_eq!(stage.app.composer.entry.text(), "half a thought");
        stage.send(drafted(2, "c9", ""));
        assert!(stage.app.composer.entry.is_empty());
        stage.send(drafted(3, "c1", "of this client, before the key that came after it"));
        assert!(stage.app.composer.entry.is_empty());
    }

    /// A host that refuses takes nothing away.
    #[test]
    fn what_was_not_sent_is_the_message_again() {
        let mut stage = Stage::empty(80, 24, "dark");
        let asked =
            wire::Request::Prompt(wire::Prompt::of(vec![PromptPart::text("long work")], crate::model::When::Queue));
        stage.send(Msg::Answered { asked: Box::new(asked), outcome: Err("too many prompts are queued".to_owned()) });
        assert_eq!(stage.app.composer.entry.text(), "long work");
    }
}
