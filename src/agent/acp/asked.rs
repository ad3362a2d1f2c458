//! The content of a permission request as the supervisor saw it, compared with later updates of its call. Updates that
//! only add a status, output, or a title that repeats the request change nothing.

use super::dialects::{self, Word};
use super::peek;
use super::place::Roots;
use super::preview::Preview;
use super::tools::{ToolCall, Tools};
use crate::base::Digest;
use crate::base::digest::FieldHasher;
use crate::model::action::{Body, Command};
use crate::model::draft::{After, Draft};
use serde_json::Value;
use std::borrow::Cow;

/// The content of a permission request as the supervisor saw it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub call: ToolCall,
    pub shown: Preview,
    /// Other calls that it covers.
    pub covered: Vec<String>,
    /// Number of changes so far.
    pub changes: u32,
    /// Alarms raised since the decision.
    pub contradictions: u32,
}

impl Asked {
    pub fn of(call: &ToolCall, shown: Preview, covered: Vec<String>) -> Self {
        Self { call: call.clone(), shown, covered, changes: 0, contradictions: 0 }
    }

    pub fn covers(&self, tool: &str) -> bool {
        self.covered.iter().any(|id| id == tool)
    }

    /// Covers every word of the request and of the calls it covers.
    pub fn digest(&self, tools: &Tools) -> Digest {
        let mut hash = FieldHasher::new();
        hash.field(self.call.statement().bytes());
        for call in self.covered.iter().filter_map(|id| tools.get(id)) {
            hash.field(call.statement().bytes());
        }
        hash.finish()
    }

    /// The call as it is to be compared with the request. An update of the call that was sent before the request may come
    /// after it, with only the first fields of the input. Such input takes nothing back of what was shown, and consent is
    /// to what was shown. A command that such input shows must be the same, in the same place.
    pub fn without_late_input<'a>(&self, call: &'a ToolCall, place: &Roots) -> Cow<'a, ToolCall> {
        let (was, now) = (self.call.raw_input(), call.raw_input());
        let command = |raw: &Value| dialects::command(raw).map(|command| place.command(command));
        let is_late = was != now
            && says_no_more(now, was, place)
            && self.may_be_missing(now, was)
            && command(now).is_none_or(|now| command(was).is_some_and(|was| was == now));
        if is_late { Cow::Owned(call.with_input_of(&self.call)) } else { Cow::Borrowed(call) }
    }

    /// What an input does not say any more was no limit: of an edit the files are what counts, of a command its line and
    /// place, which stay as they were shown.
    fn may_be_missing(&self, now: &Value, was: &Value) -> bool {
        let missing =
            was.as_object().into_iter().flat_map(|was| was.keys()).filter(|key| now.get(key.as_str()).is_none());
        let words: &[Word] = match self.shown.body {
            Body::Edit(_) => return true,
            Body::Command(_) => &[Word::Command, Word::Directory, Word::Reason],
            Body::Read(_) | Body::Network(_) | Body::Plan(_) | Body::Form(_) | Body::Other => &[Word::Reason],
        };
        missing.into_iter().all(|key| words.iter().any(|word| dialects::is(*word, key)))
    }

    /// Returns whether the call now shows something else, or more, than the request.
    pub fn differs(&self, call: &ToolCall, now: &Preview, place: &Roots) -> bool {
        let was = &self.call;
        let shown_by_words = matches!(self.shown.body, Body::Other | Body::Plan(_));
        let named = |paths: Vec<String>| paths.iter().map(|path| place.named(path)).collect::<Vec<_>>();
        let known = named(was.paths());
        let both_say = peek::says_something(was.raw_input()) && peek::says_something(call.raw_input());
        now.body != self.shown.body
            || now.contradictions != self.shown.contradictions
            || (both_say && was.raw_input() != call.raw_input())
            || (shown_by_words && (was.words() != call.words() || was.raw_input() != call.raw_input()))
            || named(call.paths()).iter().any(|path| !known.contains(path))
            || !self.is_repeated_by(call.title(), place)
    }

    /// Was something that the request said replaced, not only added to what it left open?
    pub fn is_contradicted_by(&self, call: &ToolCall, place: &Roots) -> bool {
        let was = &self.call;
        let named = |call: &ToolCall| call.paths().iter().map(|path| place.named(path)).collect::<Vec<_>>();
        let known = named(was);
        let replaced = |before: &str, now: &str| !before.is_empty() && before != now;
        replaced(was.title(), call.title())
            || (peek::says_something(was.raw_input()) && was.raw_input() != call.raw_input())
            || (!was.diffs().is_empty() && was.diffs() != call.diffs())
            || (!known.is_empty() && named(call).iter().any(|path| !known.contains(path)))
            || (matches!(self.shown.body, Body::Other | Body::Plan(_)) && replaced(was.words(), call.words()))
    }

    /// Returns whether a title only repeats what the request shows anyway.
    fn is_repeated_by(&self, title: &str, place: &Roots) -> bool {
        let description = dialects::text(self.call.raw_input(), Word::Reason);
        if title.is_empty() || title == self.call.title() || description == Some(title) {
            return true;
        }
        match &self.shown.body {
            Body::Command(command) => repeats_command(&place.shown(title), &command.line()),
            Body::Edit(drafts) => repeats_paths(title, drafts, place),
            Body::Read(path) => title.split_whitespace().filter(|w| is_path(w)).all(|w| place.named(w) == *path),
            Body::Network(_) | Body::Plan(_) | Body::Form(_) | Body::Other => false,
        }
    }

    /// Returns what an update after the decision shows that was not decided on. Edits are also compared on the disk.
    pub fn contradiction(&self, call: &ToolCall, place: &Roots) -> Option<String> {
        match &self.shown.body {
            Body::Command(approved) => {
                let line = approved.line();
                if let Some(now) = dialects::command(call.raw_input()).map(|now| place.command(now))
                    && !same_command(approved, &now, self.shown.blind)
                {
                    return Some(format!("it now shows the command “{}” instead of “{line}”", now.line()));
                }
                let was_command = self.shown.blind || repeats_command(&place.shown(self.call.title()), &line);
                let title = place.shown(call.title());
                (was_command && title != place.shown(self.call.title()) && !repeats_command(&title, &line))
                    .then(|| format!("it is now titled “{title}” instead of “{line}”"))
            }
            Body::Edit(drafts) => {
                let mut known: Vec<String> = self.call.paths().iter().map(|path| place.named(path)).collect();
                for draft in drafts {
                    known.push(place.named(&draft.path));
                    if let After::RenameTo(to) = &draft.after {
                        known.push(place.named(to));
                    }
                }
                let named: Vec<String> = call.paths().iter().map(|path| place.named(path)).collect();
                if let Some(other) = named.iter().find(|path| !known.contains(path)) {
                    return Some(format!("it now includes {other}, which was not part of the request"));
                }
                let other = call.diffs().iter().find(|diff| !shows_what_was_asked(diff, drafts, place))?;
                let path = peek::text(other, "path").unwrap_or("a file");
                Some(format!("it now shows different content for {} than requested", place.named(path)))
            }
            Body::Read(_) | Body::Network(_) | Body::Plan(_) | Body::Form(_) | Body::Other => {
                let (was, now) = (self.call.raw_input(), call.raw_input());
                (peek::says_something(was) && was != now).then(|| "its input differs from the request".to_owned())
            }
        }
    }
}

/// Every field of an input is in an earlier one, with the same value; a path may be written in another way.
fn says_no_more(now: &Value, was: &Value, place: &Roots) -> bool {
    let (Value::Object(now), Value::Object(was)) = (now, was) else { return false };
    let same_file = |key: &str, now: &Value, was: &Value| {
        let (Some(now), Some(was)) = (now.as_str(), was.as_str()) else { return false };
        dialects::is(Word::Path, key) && place.rel(now).is_some_and(|now| place.rel(was) == Some(now))
    };
    !now.is_empty()
        && now.iter().all(|(key, now)| was.get(key).is_some_and(|was| was == now || same_file(key, now, was)))
}

/// The same words in the same place; a request that only its title described says nothing of the place.
fn same_command(asked: &Command, now: &Command, by_title: bool) -> bool {
    let line = |command: &Command| command.line().split_whitespace().collect::<Vec<_>>().join(" ");
    line(asked) == line(now) && (by_title || asked.cwd == now.cwd || now.cwd == ".")
}

/// Returns whether the title is this command, shortened, in ticks, or with a remark in brackets behind it.
fn repeats_command(title: &str, line: &str) -> bool {
    let inner = dialects::title_command(title).trim();
    let short = inner.trim_end_matches('…').trim_end_matches("...");
    if inner == line || (short.len() < inner.len() && !short.is_empty() && line.starts_with(short)) {
        return true;
    }
    let is_verb = |word: &str| dialects::is(Word::Verb, word.trim_end_matches(':').to_ascii_lowercase().as_str());
    let rest = match inner.split_once(' ') {
        Some((first, rest)) if is_verb(first) && !line.starts_with(first) => rest.trim(),
        _ => inner,
    };
    rest.strip_prefix(line).is_some_and(|more| {
        let more = more.trim();
        more.is_empty()
            || (more.starts_with(['(', '[']) && more.ends_with([')', ']']) && !more.contains(['`', ';', '|', '&', '$']))
    })
}

fn is_path(word: &str) -> bool {
    word.contains('/') || (word.contains('.') && !word.ends_with('.'))
}

/// Every path in the title is one that the edit names.
fn repeats_paths(title: &str, drafts: &[Draft], place: &Roots) -> bool {
    let trimmed = |word: &str| {
        word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '/' | '_' | '-')).to_owned()
    };
    title.split_whitespace().map(trimmed).filter(|word| is_path(word)).all(|word| {
        drafts.iter().any(|draft| {
            let path = place.named(&draft.path);
            let named = place.named(&word);
            path == named || path.rsplit('/').next() == Some(named.as_str())
        })
    })
}

/// Returns whether the content in a diff is part of the content the edit was to leave. Agents show an edit in pieces of
/// any size.
fn shows_what_was_asked(diff: &Value, drafts: &[Draft], place: &Roots) -> bool {
    let (Some(path), Some(new)) = (peek::text(diff, "path"), dialects::text(diff, Word::NewText)) else {
        return true;
    };
    let new = new.trim_end_matches('\n');
    let path = place.named(path);
    let mut of_file = drafts.iter().filter(|draft| place.named(&draft.path) == path).peekable();
    of_file.peek().is_none()
        || of_file.any(|draft| match &draft.after {
            After::Whole(bytes) | After::Exactly(Some((_, bytes))) => String::from_utf8_lossy(bytes).contains(new),
            After::Replace { new: asked, .. } => asked.contains(new) || new.contains(asked.as_str()),
            After::Delete | After::Exactly(None) => new.is_empty(),
            After::RenameTo(_) => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_that_repeat_the_command_are_told_from_those_that_add_to_it() {
        let line = "npm run build";
        for same in ["npm run build", "`npm run build`", "Run npm run build", "npm run build (project)", "npm run…"] {
            assert!(repeats_command(same, line), "{same}");
        }
        for other in [
            "rm -rf src && npm run build",
            "npm run build && rm -rf src",
            "npm run build --evil",
            "npm run build (x; rm -rf src)",
            "npm",
            "…",
            "Run rm",
        ] {
            assert!(!repeats_command(other, line), "{other}");
        }
    }
}
