//! A plan's text as a tree of steps: headings are groups, numbered and boxed items are steps, items below them are
//! sub-steps. Paths in code and shell blocks are what a step declares.

use crate::base::StepId;
use crate::base::limits::PLAN_STEPS_MAX;
use crate::model::{Step, StepStatus};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use std::ops::Range;

/// One heading or item of the text.
#[derive(Debug, Default)]
struct Node {
    /// Of a heading 1 to 6, of an item 0.
    level: usize,
    /// Items above it, or for a heading none.
    parent: Option<usize>,
    /// The heading it is below.
    heading: Option<usize>,
    source: Range<usize>,
    /// Its words in the source; empty until one is seen.
    title: Range<usize>,
    titled: bool,
    ordered: bool,
    boxed: Option<bool>,
    files: Vec<String>,
    commands: Vec<String>,
}

/// An entry of the contents of a text: a heading, or an item that is a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1 to 6.
    pub level: usize,
    pub title: String,
    /// From 1.
    pub line: u32,
}

/// The headings of a text.
pub fn contents(text: &str) -> Vec<Entry> {
    let lines = Lines::of(text);
    let nodes = nodes(text);
    let headings = nodes.iter().filter(|node| node.level > 0);
    headings
        .map(|node| Entry { level: node.level, title: title(text, node), line: lines.number(node.source.start) })
        .filter(|entry| !entry.title.is_empty())
        .collect()
}

/// The steps with what their titles declare, where they declare nothing themselves.
pub fn declared(mut steps: Vec<Step>) -> Vec<Step> {
    for step in steps.iter_mut().filter(|step| step.files.is_empty() && step.commands.is_empty()) {
        if let Some(read) = self::steps(&format!("1. {}\n", step.title)).pop() {
            (step.files, step.commands) = (read.files, read.commands);
        }
    }
    steps
}

/// The tree that the text describes, without ids; parents are named `#n` by their place in the list. Empty when the
/// text has no list and no headings that count.
pub fn steps(text: &str) -> Vec<Step> {
    let nodes = nodes(text);
    let lines = Lines::of(text);
    let kept = kept(text, &nodes);
    let place = |at: usize| kept.iter().position(|other| *other == at);
    let mut out = Vec::new();
    for at in kept.iter().take(PLAN_STEPS_MAX) {
        let Some(node) = nodes.get(*at) else { continue };
        let parent = above(&nodes, node).find_map(place);
        out.push(Step {
            id: StepId::new(format!("#{}", out.len())),
            parent: parent.map(|parent| StepId::new(format!("#{parent}"))),
            title: title(text, node),
            status: if node.boxed == Some(true) { StepStatus::Done } else { StepStatus::Pending },
            owner: Some("agent".to_owned()),
            files: node.files.clone(),
            commands: node.commands.clone(),
            line: Some(lines.number(node.source.start)),
            ..Step::default()
        });
    }
    out
}

/// Items above a node, inmost first, then the headings above it.
fn above<'a>(nodes: &'a [Node], node: &'a Node) -> impl Iterator<Item = usize> + 'a {
    let items = std::iter::successors(node.parent, |at| nodes.get(*at)?.parent);
    let headings = std::iter::successors(node.heading, |at| nodes.get(*at)?.heading);
    items.chain(headings)
}

/// The nodes that are steps or groups, in order.
fn kept(text: &str, nodes: &[Node]) -> Vec<usize> {
    let is_item = |node: &Node| node.level == 0;
    let strict = |node: &Node| is_item(node) && (node.ordered || node.boxed.is_some());
    let any_strict = nodes.iter().any(strict);
    let any_numbered = nodes.iter().any(|node| is_numbered_heading(text, node));
    // A bullet is a step only below a step, or where there is nothing better.
    let is_step = |at: usize| {
        let Some(node) = nodes.get(at) else { return false };
        let counts = |up: &Node| strict(up) || is_numbered_heading(text, up);
        let below = || above(nodes, node).any(|up| nodes.get(up).is_some_and(counts));
        is_item(node) && !title(text, node).is_empty() && (strict(node) || below() || !(any_strict || any_numbered))
    };
    let steps: Vec<usize> = (0..nodes.len()).filter(|at| is_step(*at)).collect();
    let has_steps =
        |at: usize| steps.iter().any(|step| nodes.get(*step).is_some_and(|node| above(nodes, node).any(|up| up == at)));
    let groups: Vec<usize> = (0..nodes.len())
        .filter(|at| {
            let is_heading = |node: &&Node| node.level > 0 && !title(text, node).is_empty();
            let Some(node) = nodes.get(*at).filter(is_heading) else { return false };
            is_numbered_heading(text, node) || (steps.is_empty() && !any_numbered && node.level > 1) || has_steps(*at)
        })
        .collect();
    // A heading over everything is the plan's title, and one group alone is none.
    let innermost: Vec<Option<usize>> =
        steps.iter().filter_map(|step| Some(above(nodes, nodes.get(*step)?).find(|up| groups.contains(up)))).collect();
    let differ = innermost.windows(2).any(|pair| pair.first() != pair.last());
    let has_all = |at: usize| {
        let within = |step: &usize| nodes.get(*step).is_some_and(|node| above(nodes, node).any(|up| up == at));
        steps.iter().all(within)
    };
    let is_title = |at: &usize| {
        let Some(node) = nodes.get(*at) else { return true };
        let is_whole = node.heading.is_none() && has_all(*at);
        !is_numbered_heading(text, node) && !steps.is_empty() && (is_whole || !differ)
    };
    let mut kept: Vec<usize> = steps.iter().copied().chain(groups.into_iter().filter(|at| !is_title(at))).collect();
    kept.sort_unstable();
    kept
}

/// `## 2. Fix it`, `### Step 3: Fix it`, `## Phase 1`
fn is_numbered_heading(text: &str, node: &Node) -> bool {
    if node.level == 0 {
        return false;
    }
    let title = title(text, node).to_lowercase();
    let named = ["step", "phase", "part", "task"].iter().find_map(|word| title.strip_prefix(word));
    let rest = named.unwrap_or(&title).trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = rest.get(digits..).unwrap_or_default();
    (1..=3).contains(&digits) && (named.is_some() || after.starts_with(['.', ')', ':']))
}

/// The words of a node on one line, as they are in the source.
fn title(text: &str, node: &Node) -> String {
    let words = text.get(node.title.clone()).unwrap_or_default();
    words.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

fn nodes(text: &str) -> Vec<Node> {
    let mut walk = Walk { text, ..Walk::default() };
    for (event, range) in Parser::new_ext(text, super::document::options()).into_offset_iter() {
        if walk.nodes.len() >= PLAN_STEPS_MAX * 2 {
            break;
        }
        walk.take(event, range);
    }
    walk.nodes
}

/// The nodes so far, and what is open.
#[derive(Default)]
struct Walk<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    /// Open items, and headings above, by place.
    items: Vec<usize>,
    headings: Vec<usize>,
    /// Whether each open list is numbered.
    lists: Vec<bool>,
    heading: Option<usize>,
    in_shell: bool,
}

impl Walk<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if self.items.is_empty() => {
                self.open_heading(level as usize, range)
            }
            Event::End(TagEnd::Heading(_)) => self.heading = None,
            Event::Start(Tag::List(first)) => {
                self.close_title();
                self.lists.push(first.is_some());
            }
            Event::End(TagEnd::List(_)) => drop(self.lists.pop()),
            Event::Start(Tag::Item) => self.open_item(range),
            Event::End(TagEnd::Item) => {
                self.close_title();
                self.items.pop();
            }
            Event::End(TagEnd::Paragraph) | Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => self.close_title(),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                self.close_title();
                let language = language.split([' ', ',']).next().unwrap_or_default();
                self.in_shell = matches!(language, "sh" | "bash" | "shell" | "console" | "zsh");
            }
            Event::End(TagEnd::CodeBlock) => self.in_shell = false,
            Event::Text(code) if self.in_shell => {
                if let Some(node) = self.here() {
                    let lines = code.lines().map(|line| line.trim().trim_start_matches("$ ").to_owned());
                    node.commands.extend(lines.filter(|line| !line.is_empty() && !line.starts_with('#')));
                }
            }
            Event::TaskListMarker(done) => {
                if let Some(node) = self.here() {
                    node.boxed = Some(done);
                }
            }
            Event::Code(code) => {
                let text = self.text;
                if let Some(node) = self.here() {
                    declare(node, &code, text.get(node.source.start..range.start).unwrap_or_default());
                }
                self.name(&range);
            }
            Event::Text(_) | Event::Start(_) | Event::InlineHtml(_) => self.name(&range),
            Event::End(_)
            | Event::Html(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule => {}
        }
    }

    fn open_heading(&mut self, level: usize, source: Range<usize>) {
        let nodes = &self.nodes;
        self.headings.retain(|at| nodes.get(*at).is_some_and(|node| node.level < level));
        let node = Node { level, heading: self.headings.last().copied(), source, ..Node::default() };
        self.heading = Some(self.nodes.len());
        self.headings.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn open_item(&mut self, source: Range<usize>) {
        let node = Node {
            parent: self.items.last().copied(),
            heading: self.headings.last().copied(),
            source,
            ordered: self.lists.last().copied().unwrap_or(false),
            ..Node::default()
        };
        self.items.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn here(&mut self) -> Option<&mut Node> {
        let at = self.heading.or(self.items.last().copied())?;
        self.nodes.get_mut(at)
    }

    /// Words belong to the title while it is open.
    fn name(&mut self, range: &Range<usize>) {
        if let Some(node) = self.here().filter(|node| !node.titled) {
            if node.title.is_empty() {
                node.title = range.clone();
            } else {
                node.title.end = node.title.end.max(range.end);
            }
        }
    }

    fn close_title(&mut self) {
        if let Some(node) = self.here().filter(|node| !node.title.is_empty()) {
            node.titled = true;
        }
    }
}

/// A path in code is a file of the step; a line after "run" is a command of it.
fn declare(node: &mut Node, code: &str, before: &str) {
    let code = code.trim();
    let last = before.trim_end_matches(['`', ' ', ':', '\n']).rsplit([' ', '\n', '*']).next().unwrap_or_default();
    let is_run = ["run", "execute", "running", "command"].iter().any(|word| last.eq_ignore_ascii_case(word));
    if is_run {
        if !node.commands.iter().any(|own| own == code) {
            node.commands.push(code.to_owned());
        }
    } else if is_path(code) && !node.files.iter().any(|own| own == code) {
        node.files.push(code.to_owned());
    }
}

fn is_path(code: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._-/*@+".contains(c);
    let (stem, extension) = code.rsplit_once('.').unwrap_or((code, ""));
    let has_extension = !stem.is_empty()
        && (1..=8).contains(&extension.len())
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
        && extension.chars().any(|c| c.is_ascii_alphabetic());
    !code.is_empty()
        && code.chars().all(plain)
        && !code.starts_with(['/', '-', '@'])
        && !code.split('/').any(|part| part == "..")
        && (code.contains('/') || has_extension)
}

/// Line numbers of a text.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    fn number(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|end| *end < at) + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in lines: indented titles, with what they declare.
    fn tree(text: &str) -> Vec<String> {
        let steps = steps(text);
        let depth = |step: &Step| {
            let parent = |step: &Step| steps.iter().find(|other| Some(&other.id) == step.parent.as_ref());
            std::iter::successors(parent(step), |up| parent(up)).count()
        };
        let line = |step: &Step| {
            let more: String = step.files.iter().map(|file| format!(" [{file}]")).collect();
            let run: String = step.commands.iter().map(|command| format!(" ${command}")).collect();
            format!("{}{}{more}{run}", "  ".repeat(depth(step)), step.title)
        };
        steps.iter().map(line).collect()
    }

    #[test]
    fn a_document_becomes_groups_steps_and_sub_steps() {
        let text = "# Fix the sums\n\nSome *context*:\n- a fact\n- another\n\n## Read\n1. Read `calc.py`\n2. Look at **add**\n   - its callers\n\n\
                    ## Change\n- [x] Edit `calc.py` and `lib/x.rs`\n- [ ] Run the tests:\n\n  ```sh\n  $ python -m pytest\n  ```\n\n## Risks\n- none\n";
        let expect = [
            "Read",
            "  Read `calc.py` [calc.py]",
            "  Look at **add**",
            "    its callers",
            "Change",
            "  Edit `calc.py` and `lib/x.rs` [calc.py] [lib/x.rs]",
            "  Run the tests: $python -m pytest",
        ];
        assert_eq!(tree(text), expect);
        let steps = steps(text);
        assert_eq!(steps[5].status, StepStatus::Done);
        assert_eq!((steps[0].line, steps[1].line), (Some(7), Some(8)));
        let contents: Vec<(usize, String, u32)> =
            contents(text).into_iter().map(|entry| (entry.level, entry.title, entry.line)).collect();
        assert_eq!(contents[0], (1, "Fix the sums".into(), 1));
        assert_eq!(contents[3], (2, "Risks".into(), 20));
    }

    #[test]
    fn plans_of_other_shapes() {
        assert_eq!(tree("## Plan\n1. a b\n2. c d\n"), ["a b", "c d"], "one heading is no group");
        assert_eq!(tree("- a b\n- c d\n"), ["a b", "c d"], "bullets where there is nothing better");
        assert_eq!(tree("# T\n## First\nwords\n## Second\nwords\n"), ["First", "Second"]);
        assert_eq!(
            tree("# T\n## Step 1: Read\n- look at `a.rs`\n## Step 2: Fix\nwords\n"),
            ["Step 1: Read", "  look at `a.rs` [a.rs]", "Step 2: Fix"]
        );
        assert_eq!(tree("1. Run `cargo test` now\n"), ["Run `cargo test` now $cargo test"]);
        assert_eq!(tree("just words\n"), Vec::<String>::new());
        assert_eq!(tree(""), Vec::<String>::new());
    }

    #[test]
    fn titles_are_the_bytes_of_the_source() {
        for title in ["2FA: 10 * 2 < 3", "`--json` flag", "שלום עולם", "a & b &amp; c", "100% of [x](y)"] {
            assert_eq!(steps(&format!("1. {title}\n2. other\n"))[0].title, title);
        }
        let long = "x ".repeat(2000);
        assert_eq!(steps(&format!("1. {long}\n2. b\n"))[0].title, long.trim());
    }

    #[test]
    fn only_what_looks_like_a_path_is_one() {
        for path in ["calc.py", "src/a.rs", "src/*.rs", "tests/", ".github/workflows/ci.yml"] {
            assert!(is_path(path), "{path}");
        }
        for other in ["add", "add()", "a b.py", "/etc/passwd", "../x.py", "--flag", "1.5", "x = 1", "$HOME/x"] {
            assert!(!is_path(other), "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_a_tree(text in "([#\\-*0-9.` >\\[\\]x\n]|[a-c]){0,200}") {
            let steps = steps(&text);
            for (at, step) in steps.iter().enumerate() {
                proptest::prop_assert!(!step.title.is_empty());
                let parent = step.parent.as_ref().and_then(|id| steps.iter().position(|other| &other.id == id));
                proptest::prop_assert!(parent.is_none_or(|parent| parent < at));
            }
            let _ = contents(&text);
        }
    }
}
