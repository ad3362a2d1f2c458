//! The prompts that wait for the turn to end: their order, and which of them is edited or withdrawn.

use super::open_box;
use crate::base::text::{Show, escape};
use crate::model::event::QueuedPrompt;
use crate::ui::app::App;
use crate::ui::look::Brush;
use crate::ui::terminal::{Frame, Key};
use crate::ui::theme::{Role, Sign};
use crate::wire::{QueueChange, QueueEdit};
use crossterm::event::KeyCode;
use ratatui::layout::Rect;

/// The open list; the prompts themselves are in the session.
#[derive(Debug, Default)]
pub struct QueueList {
    /// The prompt that keys are about: it keeps its name when it moves.
    prompt: Option<u64>,
}

/// The result of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum QueueKey {
    Stays,
    Closes,
    Asks(QueueEdit),
    /// It is edited in the composer from now on.
    Edits(QueuedPrompt),
}

impl QueueList {
    fn at(&self, queue: &[QueuedPrompt]) -> usize {
        queue.iter().position(|prompt| Some(prompt.id) == self.prompt).unwrap_or(0)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "its list of keys is not ours")]
    pub fn key(&mut self, key: Key, queue: &[QueuedPrompt]) -> QueueKey {
        let at = self.at(queue);
        let Some(prompt) = queue.get(at) else { return QueueKey::Closes };
        let asks = |change| QueueKey::Asks(QueueEdit { prompt: prompt.id, change });
        self.prompt = Some(prompt.id);
        match key.code {
            KeyCode::Esc => return QueueKey::Closes,
            KeyCode::Char('j') | KeyCode::Down => {
                self.prompt = queue.get(at + 1).or(Some(prompt)).map(|prompt| prompt.id);
            }
            KeyCode::Char('k') | KeyCode::Up => {
                self.prompt = at.checked_sub(1).and_then(|at| queue.get(at)).or(Some(prompt)).map(|prompt| prompt.id);
            }
            KeyCode::Char('J') => return asks(QueueChange::Move { by: 1 }),
            KeyCode::Char('K') => return asks(QueueChange::Move { by: -1 }),
            KeyCode::Char('X') => return asks(QueueChange::Withdraw),
            KeyCode::Char('e') => return QueueKey::Edits(prompt.clone()),
            _ => {}
        }
        QueueKey::Stays
    }
}

pub(super) fn view(list: &QueueList, app: &App, frame: &mut Frame<'_>, screen: Rect) {
    let queue = &app.scene.session.prompts.queue;
    let width = screen.width.saturating_sub(4).clamp(30, 100);
    let rows = u16::try_from(queue.len().max(1)).unwrap_or(u16::MAX).min(screen.height.saturating_sub(6));
    let inside = open_box(app, frame, width, rows + 4, "Queued for the agent", Role::OverlayBorder);
    let mut brush = Brush::new(frame.buffer, &app.scene.look);
    let cursor = list.at(queue);
    let first = cursor.saturating_sub(usize::from(rows.saturating_sub(1)));
    if queue.is_empty() {
        brush.cut(inside.x, inside.y, inside.right(), "nothing is queued", Role::TextSoft);
    }
    let shown = queue.iter().enumerate().skip(first).take(usize::from(rows));
    for (y, (at, prompt)) in (inside.y..).zip(shown) {
        let here = at == cursor;
        let sign = if here { app.scene.look.sign(Sign::Current) } else { " " };
        brush.text(inside.x, y, inside.right(), sign, Role::Accent);
        let parked = if prompt.parked { "parked: " } else { "" };
        let text = prompt.text.split_whitespace().take(usize::from(width)).collect::<Vec<_>>().join(" ");
        let text = format!("{parked}{}", escape::show(&text, &Show::prose()));
        brush.cut(inside.x + 2, y, inside.right(), &text, if here { Role::TextStrong } else { Role::Text });
        if here {
            brush.over(Rect::new(inside.x, y, inside.width, 1), Role::Cursor);
        }
    }
    let hint = "J K move it · e edits · X withdraws · Esc closes";
    brush.cut(inside.x, inside.bottom().saturating_sub(1), inside.right(), hint, Role::Hint);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(list: &mut QueueList, key: &str) -> QueueKey {
        let prompt = |id| QueuedPrompt { id, text: format!("p{id}"), parts: Vec::new(), parked: false };
        list.key(Key::parse(key).unwrap(), &[prompt(4), prompt(5), prompt(6)])
    }

    #[test]
    fn keys_are_about_the_prompt_under_the_cursor() {
        let mut list = QueueList::default();
        assert_eq!(press(&mut list, "j"), QueueKey::Stays);
        let moves = |by| QueueKey::Asks(QueueEdit { prompt: 5, change: QueueChange::Move { by } });
        assert_eq!(press(&mut list, "K"), moves(-1));
        assert_eq!(press(&mut list, "J"), moves(1));
        press(&mut list, "k");
        press(&mut list, "k");
        let withdraw = QueueEdit { prompt: 4, change: QueueChange::Withdraw };
        assert_eq!(press(&mut list, "X"), QueueKey::Asks(withdraw));
        assert!(matches!(press(&mut list, "e"), QueueKey::Edits(prompt) if prompt.id == 4));
        assert_eq!(press(&mut list, "enter"), QueueKey::Stays, "Enter does nothing here");
        assert_eq!(press(&mut list, "esc"), QueueKey::Closes);
    }

    #[test]
    fn an_empty_queue_closes_the_list() {
        assert_eq!(QueueList::default().key(Key::parse("X").unwrap(), &[]), QueueKey::Closes);
    }
}
