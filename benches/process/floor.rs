//! The floor: a bare ratatui program with four empty panes that waits for a key.

use crossterm::{event, execute, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout};
use ratatui::widgets::Block;
use std::io::stdout;
use std::process::ExitCode;

/// In the last row that it draws.
pub const LAST_WORDS: &[u8] = b"floor-is-drawn";

pub fn main() -> ExitCode {
    terminal::enable_raw_mode().unwrap();
    execute!(stdout(), terminal::EnterAlternateScreen).unwrap();
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout())).unwrap();
    terminal
        .draw(|frame| {
            let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(frame.area());
            for half in [left, right] {
                let [top, bottom] = Layout::vertical([Constraint::Fill(1); 2]).areas(half);
                frame.render_widget(Block::bordered().title("pane"), top);
                frame.render_widget(Block::bordered().title("pane").title_bottom("floor-is-drawn"), bottom);
            }
        })
        .unwrap();
    let _ = event::read();
    ExitCode::SUCCESS
}
