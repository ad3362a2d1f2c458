//! A message of the user as the agent gets it: files are read, and what else it mentions is put into words.

use crate::base::{ActionId, RelPath};
use crate::host::gate::Gate;
use crate::host::limits::{PROMPT_CONTEXT_BYTES_MAX, PROMPT_FILE_BYTES_MAX, PROMPT_IMAGE_BYTES_MAX};
use crate::model::{PromptPart, image_mime};
use crate::port::{PromptBlock, PromptBlocks, fence_for};

/// Looks up what the parts of a message mention. Where there are none, the message is its text.
pub fn blocks(gate: &Gate, text: &str, parts: &[PromptPart]) -> PromptBlocks {
    if parts.is_empty() {
        return text.into();
    }
    let mut made = Made::default();
    for part in parts {
        match part {
            PromptPart::File { path, lines } => match image_mime(path.name()) {
                Some(mime) => made.image(gate, path, mime),
                None => made.0.push(file(gate, path, *lines)),
            },
            PromptPart::Image { name, mime, digest, .. } => match gate.blob(digest) {
                Some(bytes) => {
                    made.0.push(PromptBlock::Image { name: name.clone(), path: None, mime: mime.clone(), bytes });
                }
                None => made.text(&format!("[image {name}: its content is missing]")),
            },
            PromptPart::Text { .. }
            | PromptPart::Paste { .. }
            | PromptPart::Action { .. }
            | PromptPart::Step { .. }
            | PromptPart::Test { .. }
            | PromptPart::Unknown => made.text(&part.words()),
        }
    }
    let mut context = String::new();
    for part in parts {
        context.extend(about(gate, part));
    }
    if !context.is_empty() {
        made.0.push(PromptBlock::Text(context));
    }
    PromptBlocks(made.0)
}

/// The message after what the agent must know first; a command of the agent's own has to come first.
pub fn with_context(prompt: PromptBlocks, context: String) -> PromptBlocks {
    let PromptBlocks(mut blocks) = prompt;
    let is_command = matches!(blocks.first(), Some(PromptBlock::Text(text)) if text.starts_with('/'));
    let at = if is_command { blocks.len() } else { 0 };
    let gap = if is_command { ("\n\n", "") } else { ("", "\n\n") };
    blocks.insert(at, PromptBlock::Text(format!("{}{context}{}", gap.0, gap.1)));
    PromptBlocks(blocks)
}

#[derive(Default)]
struct Made(Vec<PromptBlock>);

impl Made {
    fn text(&mut self, words: &str) {
        match self.0.last_mut() {
            Some(PromptBlock::Text(text)) => text.push_str(words),
            Some(PromptBlock::File { .. } | PromptBlock::Image { .. }) | None => {
                self.0.push(PromptBlock::Text(words.to_owned()));
            }
        }
    }

    fn image(&mut self, gate: &Gate, path: &RelPath, mime: &str) {
        let bytes = gate.workspace().image(path).ok().flatten().map(|image| image.bytes);
        match bytes.filter(|bytes| bytes.len() <= PROMPT_IMAGE_BYTES_MAX) {
            Some(bytes) => self.0.push(PromptBlock::Image {
                name: path.to_string(),
                path: Some(path.clone()),
                mime: mime.to_owned(),
                bytes,
            }),
            None => self.0.push(PromptBlock::File { path: path.clone(), lines: None, text: None }),
        }
    }
}

fn file(gate: &Gate, path: &RelPath, lines: Option<(u32, u32)>) -> PromptBlock {
    let bytes = gate.workspace().image(path).ok().flatten().map(|image| image.bytes);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).map(|text| match lines {
        None => text,
        Some((first, last)) => {
            let skipped = usize::try_from(first.saturating_sub(1)).unwrap_or(usize::MAX);
            let taken = usize::try_from(last.saturating_sub(first)).unwrap_or(usize::MAX).saturating_add(1);
            text.split_inclusive('\n').skip(skipped).take(taken).collect()
        }
    });
    let text = text.filter(|text| text.len() <= PROMPT_FILE_BYTES_MAX);
    PromptBlock::File { path: path.clone(), lines, text }
}

/// What the session knows about an action, a step or a test that is mentioned.
fn about(gate: &Gate, part: &PromptPart) -> Option<String> {
    match part {
        PromptPart::Action { action } => about_action(gate, action),
        PromptPart::Step { step } => {
            let step = gate.session().plan.step(step)?;
            Some(format!("\n\nStep {}: {} ({})", step.id, step.title, step.status.word()))
        }
        PromptPart::Text { .. }
        | PromptPart::Paste { .. }
        | PromptPart::File { .. }
        | PromptPart::Test { .. }
        | PromptPart::Image { .. }
        | PromptPart::Unknown => None,
    }
}

fn about_action(gate: &Gate, action: &ActionId) -> Option<String> {
    let state = gate.session().actions.get(action)?;
    let what = format!("\n\n{action}: {} ({})", state.action.title, state.phase.words());
    let output = &state.output.tail;
    if output.trim().is_empty() {
        return Some(what);
    }
    let from = output.len().saturating_sub(PROMPT_CONTEXT_BYTES_MAX);
    let from = (from..=output.len()).find(|at| output.is_char_boundary(*at)).unwrap_or(0);
    let kept = output.get(from..).unwrap_or_default();
    let fence = fence_for(kept);
    let cut = if from > 0 { "the end of its output" } else { "its output" };
    Some(format!("{what}, {cut}:\n{fence}\n{}\n{fence}", kept.trim_end_matches('\n')))
}
