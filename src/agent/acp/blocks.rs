//! The user's message as content blocks. A mentioned file is a link, which the agent reads itself; lines of one, and
//! pictures, go as the agent says that it takes them.

use super::conduct::Conduct;
use super::place::Roots;
use super::speak::text_block;
use crate::base::RelPath;
use crate::port::{PromptBlock, PromptBlocks, fence_for, place_words};
use base64::Engine as _;
use serde_json::{Value, json};

/// Says which pictures of the message this agent gets in another way, because it takes none.
pub fn not_as_pictures(message: &PromptBlocks, conduct: &Conduct) -> Option<String> {
    if conduct.has(&["promptCapabilities", "image"]) {
        return None;
    }
    let words = message.0.iter().filter_map(|block| match block {
        PromptBlock::Image { path: Some(path), .. } => Some(format!("{path} was sent as a link")),
        PromptBlock::Image { name, path: None, .. } => Some(format!("{name} was not sent")),
        PromptBlock::Text(_) | PromptBlock::File { .. } => None,
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("the agent takes no images: {}", words.join(", ")))
}

/// See the module.
pub fn of(message: &PromptBlocks, conduct: &Conduct, place: &Roots) -> Vec<Value> {
    let takes = |what: &str| conduct.has(&["promptCapabilities", what]);
    let mut blocks = Vec::new();
    for block in &message.0 {
        match block {
            PromptBlock::Text(text) => blocks.push(text_block(text)),
            PromptBlock::File { path, lines: None, .. } => blocks.push(link(path, None, place)),
            PromptBlock::File { path, lines, text: Some(text) } if takes("embeddedContext") => blocks.push(json!({
                "type": "resource",
                "resource": {"uri": uri(path, *lines, place), "mimeType": "text/plain", "text": text},
            })),
            PromptBlock::File { path, lines, text } => {
                blocks.push(link(path, *lines, place));
                if let Some(text) = text {
                    let (words, fence) = (place_words(path, *lines), fence_for(text));
                    blocks
                        .push(text_block(&format!("\n{words}:\n{fence}\n{}\n{fence}\n", text.trim_end_matches('\n'))));
                }
            }
            PromptBlock::Image { mime, bytes, .. } if takes("image") => {
                let data = base64::engine::general_purpose::STANDARD.encode(bytes);
                blocks.push(json!({"type": "image", "data": data, "mimeType": mime}));
            }
            PromptBlock::Image { path: Some(path), .. } => blocks.push(link(path, None, place)),
            PromptBlock::Image { name, .. } => {
                blocks.push(text_block(&format!("[image {name}: it was not sent, because the agent takes no images]")));
            }
        }
    }
    blocks
}

fn link(path: &RelPath, lines: Option<(u32, u32)>, place: &Roots) -> Value {
    json!({"type": "resource_link", "name": place_words(path, lines), "uri": uri(path, lines, place)})
}

/// The file as the agent has it, with its lines as a fragment.
fn uri(path: &RelPath, lines: Option<(u32, u32)>, place: &Roots) -> String {
    let mut uri = String::from("file://");
    for byte in path.under(place.seen()).as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    if let Some((first, last)) = lines {
        uri.push_str(&format!("#L{first}:{last}"));
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::super::place::NoFiles;
    use super::*;
    use crate::agent::catalog::AgentSpec;
    use crate::model::event::Isolation;
    use std::sync::Arc;

    fn blocks(capabilities: Value, message: Vec<PromptBlock>) -> Vec<Value> {
        let mut conduct = Conduct::of(AgentSpec::default(), Isolation::Copy);
        conduct.initialized(json!({"agentCapabilities": {"promptCapabilities": capabilities}}));
        of(&PromptBlocks(message), &conduct, &Roots::new("/w", "/copy", Arc::new(NoFiles)))
    }

    fn file(lines: Option<(u32, u32)>) -> PromptBlock {
        PromptBlock::File { path: RelPath::new("a b/ä.rs").unwrap(), lines, text: Some("fn f() {}\n".into()) }
    }

    /// The agent's own copy is named, and what may be sent is up to what it announced.
    #[test]
    fn mentions_are_sent_as_the_agent_takes_them() {
        let uri = "file:///copy/a%20b/%C3%A4.rs";
        let sent = blocks(json!({}), vec![PromptBlock::Text("see ".into()), file(None)]);
        assert_eq!(sent[1], json!({"type": "resource_link", "name": "a b/ä.rs", "uri": uri}));
        let sent = blocks(json!({"embeddedContext": true}), vec![file(Some((3, 4)))]);
        let resource = json!({"uri": format!("{uri}#L3:4"), "mimeType": "text/plain", "text": "fn f() {}\n"});
        assert_eq!(sent, [json!({"type": "resource", "resource": resource})]);
        let sent = blocks(json!({}), vec![file(Some((3, 4)))]);
        assert_eq!(sent[0]["uri"], format!("{uri}#L3:4"));
        assert_eq!(sent[1]["text"], "\na b/ä.rs:3-4:\n```\nfn f() {}\n```\n");
    }

    #[test]
    fn an_image_is_sent_only_to_an_agent_that_takes_one() {
        let image =
            |path| PromptBlock::Image { name: "x.png".into(), path, mime: "image/png".into(), bytes: b"PNG".to_vec() };
        let sent = blocks(json!({"image": true}), vec![image(None)]);
        assert_eq!(sent, [json!({"type": "image", "data": "UE5H", "mimeType": "image/png"})]);
        let sent = blocks(json!({"image": false}), vec![image(None)]);
        assert!(sent[0]["text"].as_str().unwrap().contains("takes no images"));
        let sent = blocks(json!({}), vec![image(RelPath::new("x.png").ok())]);
        assert_eq!(sent, [json!({"type": "resource_link", "name": "x.png", "uri": "file:///copy/x.png"})]);
    }
}
