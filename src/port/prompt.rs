//! A message of the user as an agent is given it: what it mentions has been looked up.

use crate::base::RelPath;

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptBlock {
    Text(String),
    /// A file or directory of the workspace.
    File {
        path: RelPath,
        /// The first and the last line that are meant, from 1.
        lines: Option<(u32, u32)>,
        /// What is meant of it, where that is text and small enough.
        text: Option<String>,
    },
    Image {
        name: String,
        /// Where it is, if it is a file of the workspace.
        path: Option<RelPath>,
        mime: String,
        bytes: Vec<u8>,
    },
}

/// See the module. Blocks are in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptBlocks(pub Vec<PromptBlock>);

impl From<String> for PromptBlocks {
    fn from(text: String) -> Self {
        Self(vec![PromptBlock::Text(text)])
    }
}

impl From<&str> for PromptBlocks {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PromptBlocks {
    /// The message as one text, for agents that take nothing else: contents of files follow it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut contents = String::new();
        for block in &self.0 {
            match block {
                PromptBlock::Text(words) => text.push_str(words),
                PromptBlock::File { path, lines, text: content } => {
                    let place = place_words(path, *lines);
                    text.push_str(&place);
                    if let Some(content) = content {
                        let fence = fence_for(content);
                        contents
                            .push_str(&format!("\n\n{place}:\n{fence}\n{}\n{fence}", content.trim_end_matches('\n')));
                    }
                }
                PromptBlock::Image { name, .. } => {
                    text.push_str(&format!("[image {name}: this agent takes no images]"))
                }
            }
        }
        text + &contents
    }
}

/// Names a file and the lines of it that are meant.
pub fn place_words(path: &RelPath, lines: Option<(u32, u32)>) -> String {
    match lines {
        None => path.to_string(),
        Some((first, last)) if first == last => format!("{path}:{first}"),
        Some((first, last)) => format!("{path}:{first}-{last}"),
    }
}

/// Returns a fence that the content does not end.
pub fn fence_for(content: &str) -> String {
    let longest = content.lines().map(|line| line.trim_start().bytes().take_while(|b| *b == b'`').count()).max();
    "`".repeat(longest.unwrap_or(0).max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_what_it_mentions_and_has_its_content_behind_it() {
        let path = RelPath::new("calc.py").unwrap();
        let file = PromptBlock::File { path, lines: Some((1, 2)), text: Some("```\nx\n".into()) };
        let blocks = PromptBlocks(vec![PromptBlock::Text("see ".into()), file, PromptBlock::Text(" now".into())]);
        assert_eq!(blocks.text(), "see calc.py:1-2 now\n\ncalc.py:1-2:\n````\n```\nx\n````");
    }
}
