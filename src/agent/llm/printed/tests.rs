//! Tests of what is a call and what only looks like one.

use super::*;
use crate::agent::llm::catalog::EditFormat;
use crate::agent::llm::crew::Role;
use crate::agent::llm::tools::{Wording, specs};
use serde_json::json;

fn check(text: &str, expect: &[(&str, Value)]) {
    let found = find(text, &specs(Role::Solo, EditFormat::Replace, Wording::Full));
    let found: Vec<(&str, Value)> = found.calls.iter().map(|call| (call.name.as_str(), call.args.clone())).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn every_way_of_printing_a_call_is_read() {
    let read = || ("read", json!({"path": "a"}));
    let run = "<tool_call>{\"name\": \"run\", \"arguments\": {\"command\": \"rm a\"}}</tool_call>";
    for text in [
        "I will read it.\n```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```",
        "```\n{\"tool\": \"read\", \"args\": {\"path\": \"a\"}}\n```\ndone",
        "```json\n{'name': 'read', 'arguments': {'path': 'a',}}\n```",
        "```json\n{\"name\": \"read\", \"path\": \"a\"}\n```",
        "```json\n{\"read\": {\"path\": \"a\"}}\n```",
        "{\"name\":\"read\",\"parameters\":{\"path\":\"a\"}}",
        "I will look.\n{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}\nThen I will see.",
        "I call {\"name\": \"read\", \"arguments\": {\"path\": \"a\"}} now.",
        "<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>",
        "<tool_call>{\"name\": \"read\", \"arguments\": \"{\\\"path\\\": \\\"a\\\"}\"}",
        "<tool_call>```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```</tool_call>",
        "[TOOL_CALLS][{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}]",
        "<|python_tag|>{\"type\":\"function\",\"name\":\"read\",\"parameters\":{\"path\":\"a\"}}",
        "{\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}}",
        "<function=read>{\"path\": \"a\"}</function>",
        "<invoke name=\"read\">\n<parameter name=\"path\">a</parameter>\n</invoke>",
        "<read>\n<path>a</path>\n</read>",
        "Thought: look\nAction: read\nAction Input: {\"path\": \"a\"}",
        "```python\nread(path=\"a\")\n```",
        "```tool_code\nprint(default_api.read(path='a'))\n```",
        "read(path='a')",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.read:0<|tool_call_argument_begin|>{\"path\": \"a\"}<|tool_call_end|><|tool_calls_section_end|>",
        "Let me look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read\n```json\n{\"path\": \"a\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"read\">\n<｜DSML｜parameter name=\"path\" string=\"true\">a</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        "<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n</tool_call>",
        "I look. <tool_call>read<arg_key>path</arg_key><arg_value>a</arg_value></tool_call>",
        "{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>",
        "{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}</tool_call>",
        "</tool_call>\n<tool_call>{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}</tool_call>",
        "You could be right. I will read it:\n```json\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n```",
        "<think>I could {\"name\": \"run\", \"arguments\": {}}</think>\n{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}",
        &format!(
            "<tool_call>{{\"name\": \"read\", \"arguments\": {{\"path\": \"a\"}}}}</tool_call>\n<tool_response>x{run}"
        ),
    ] {
        check(text, &[read()]);
    }
    let lines = "<function=edit>\n<parameter=old>\n  x\n</parameter>\n<parameter=new>\n  y\n</parameter>\n</function>";
    check(lines, &[("edit", json!({"old": "  x", "new": "  y"}))]);
    check(
        "```json\n{\"name\":\"run\"}\n```\n```json\n{\"name\":\"read\",\"arguments\":{\"path\":\"a\"}}\n```",
        &[("run", json!({})), read()],
    );
    // The same again is meant once; an invented name in a place for calls is a call, and is answered.
    check(&"```json\n{\"name\":\"run\"}\n```\n".repeat(30), &[("run", json!({}))]);
    let invented = "<tool_call>{\"name\": \"open_editor\", \"arguments\": {\"file\": \"a\"}}</tool_call>";
    check(invented, &[("open_editor", json!({"file": "a"}))]);
}

#[test]
fn text_about_calls_stays_text() {
    check("Call read with {\"path\": \"a\"} please", &[]);
    check("```json\n{\"name\": \"rightseat\", \"version\": 1}\n```", &[]);
    check("```json\n{\"name\": \"test\", \"version\": \"1.0.0\", \"scripts\": {}}\n```", &[]);
    check("```rust\nfn read() {}\n```", &[]);
    check("```python\nprint(list(range(3)))\nread(path='a')\n```", &[]);
    check("```python\ntest()\n```", &[]);
    check("{\"name\": \"read\", \"arguments\": 7}", &[]);
    check("", &[]);
    let list: String = (0..30).map(|n| format!("{{\"name\":\"read\",\"arguments\":{{\"path\":\"{n}\"}}}}\n")).collect();
    check(&list, &[]);
}

#[test]
fn families_give_numbers_lists_and_several_calls() {
    let glm = "<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>7</arg_value>\n<arg_key>from_line</arg_key>\n<arg_value>3</arg_value>\n</tool_call>\n<tool_call>test\n</tool_call>";
    check(glm, &[("read", json!({"path": "7", "from_line": 3})), ("test", json!({}))]);
    let kimi = "<|tool_calls_section_begin|><|tool_call_begin|>functions.read:0<|tool_call_argument_begin|>{\"path\": \"a\"}<|tool_call_end|>\
        <|tool_call_begin|>functions.open_editor:1<|tool_call_argument_begin|>{\"f\": 1}<|tool_call_end|><|tool_calls_section_end|>";
    check(kimi, &[("read", json!({"path": "a"})), ("open_editor", json!({"f": 1}))]);
    check("<|tool_call_begin|>functions.run:0<|tool_call_argument_begin|>{\"command\": \"rm", &[]);
    check("<tool_call>run\n<arg_key>command</arg_key>\n<arg_value>rm -rf", &[]);
}

#[test]
fn an_example_in_prose_is_no_call() {
    let fence = "```json\n{\"name\": \"run\", \"arguments\": {\"command\": \"rm -rf build\"}}\n```";
    for text in [
        format!("To clean up you could call:\n{fence}\nShall I?"),
        format!("For example:\n\n{fence}"),
        format!("The format of a call is\n{fence}\nas you see."),
        format!("Do not run this:\n{fence}"),
        format!("Here it is.\n{fence}\nThis would delete the build."),
        "You can write `<tool_call>{\"name\": \"run\", \"arguments\": {\"command\": \"ls\"}}</tool_call>` to call it."
            .to_owned(),
        "For instance:\n```python\nrun(command='make clean')\n```".to_owned(),
    ] {
        check(&text, &[]);
    }
    for text in
        [format!("I will clean up.\n{fence}"), format!("Let me do it, as you would expect:\n{fence}"), fence.to_owned()]
    {
        check(&text, &[("run", json!({"command": "rm -rf build"}))]);
    }
    let stray = find("All is done.\n</tool_call>", &specs(Role::Solo, EditFormat::Replace, Wording::Full));
    assert_eq!((stray.prose.as_str(), stray.calls.len()), ("All is done.", 0));
}

#[test]
fn half_a_call_is_none() {
    check("```json\n{\"name\": \"write\", \"arguments\": {\"path\": \"a\", \"content\": \"x", &[]);
    check("<tool_call>{\"name\": \"run\", \"arguments\": {\"command\": \"rm -rf ", &[]);
    check("<function=write>\n<parameter=path>\na\n</parameter>\n<parameter=content>\nhalf", &[]);
    check("<write><path>a</path><content>half", &[]);
}

#[test]
fn a_call_whose_json_is_broken_is_seen_and_not_made() {
    let tools = specs(Role::Solo, EditFormat::Replace, Wording::Full);
    // Both were printed by Qwen2.5-Coder-0.5B.
    let quotes = r#"{"name": "explain", "arguments": {"text": "The package "rev.go" has a function."}}"#;
    let bracket = r#"{"name": "finish", "arguments": {"report": {"text": "It was reversed."}}"#;
    for text in [quotes, bracket] {
        assert!(find(text, &tools).calls.is_empty(), "{text}");
        assert!(broken(text, &tools).is_some(), "{text}");
    }
    assert_eq!(broken(r#"A package has a "name" and "arguments"."#, &tools), None);
    assert_eq!(broken(r#"{"name": "Ada", "arguments": {}"#, &tools), None);
}

#[test]
fn a_sentence_for_a_name_is_an_invented_tool_where_arguments_follow() {
    let text = "```json\n{\"name\": \"make the tests pass\", \"arguments\": {\"command\": \"test_calc.py\"}}\n```";
    check(text, &[("make the tests pass", json!({"command": "test_calc.py"}))]);
    check("```json\n{\"name\": \"Build all\", \"input\": {\"a\": 1}}\n```", &[]);
}

#[test]
fn words_before_a_call_are_kept_and_invented_results_are_not() {
    let tools = specs(Role::Solo, EditFormat::Replace, Wording::Full);
    let found = find("Let me look.\n```json\n{\"name\":\"test\"}\n```\nTool result: all pass", &tools);
    assert_eq!((found.prose.as_str(), found.made_up, found.calls.len()), ("Let me look.", true, 1));
    let found = find("<think>hm</think>All is well.", &tools);
    assert_eq!((found.prose.as_str(), found.made_up), ("All is well.", false));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[<>{}\\[\\]\"'`=:,a-z \n()|]{0,120}") {
        find(&text, &specs(Role::Solo, EditFormat::Replace, Wording::Full));
    }
}
