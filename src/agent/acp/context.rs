//! The surroundings of a question of the agent: the calls it is about, its turn, the agent's conduct, and our end of
//! the connection.

use super::conduct::Conduct;
use super::out::Out;
use super::tools::Tools;
use super::turn::Turn;
use crate::base::ActionId;

/// See the module.
pub struct Context {
    pub tools: Tools,
    pub turn: Turn,
    pub conduct: Conduct,
    pub out: Out,
}

impl Context {
    /// Something came from the agent: its turn continues.
    pub fn goes_on(&mut self) {
        self.turn.goes_on(&mut self.conduct, &mut self.out);
    }

    /// Words about a decision, when the agent listens.
    pub fn send_later(&mut self, action: Option<ActionId>, text: &str) {
        self.turn.send_later(action, text, &self.conduct, &mut self.out);
    }
}
