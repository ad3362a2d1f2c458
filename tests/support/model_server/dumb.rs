//! A model of one and a half billion parameters, as such models behave: a seeded mixture of everything they do wrong and a
//! little that is right. The same seed gives the same answers.

use super::script::{Fault, Turn};
use serde_json::{Value, json};

/// The answer number `n` of the model with this seed, about a project with `calc.py` and `test_calc.py`.
pub fn turn(seed: u64, n: usize) -> Turn {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (n as u64 + 1).wrapping_mul(0xBF58_476D_1CE4_E5B9));
    dice.next();
    // Each model has its habits: some answers it gives again and again.
    let habit = Dice(seed ^ 0xD6E8_FEB8_6659_FD93).below(ANSWERS.len() as u64) as usize;
    let kind = if dice.below(4) == 0 { habit } else { dice.below(ANSWERS.len() as u64) as usize };
    let mut turn = ANSWERS[kind](&mut dice);
    match dice.below(24) {
        0 => turn.fault = Some(Fault::Cut { after_bytes: 300 + dice.below(1_500) as usize }),
        1 => turn.fault = Some(Fault::Drip { ms: 0 }),
        2 => turn.fault = Some(Fault::Duplicate),
        3 => turn.stop = "max_tokens".to_owned(),
        4 => turn.fault = Some(Fault::Overflow),
        5 => turn.fault = Some(Fault::Whole),
        6 => {
            turn.thinking =
                "Okay, the user wants me to fix the code. Wait. Okay, the user wants me to fix it.".to_owned()
        }
        _ => {}
    }
    turn
}

type Answer = fn(&mut Dice) -> Turn;

const ANSWERS: [Answer; 32] = [
    |_| Turn::text("Hello! How can I assist you today?"),
    |_| Turn::text("To fix the bug, open `calc.py` and change the minus to a plus. Then run the tests again."),
    |_| Turn::text("当然可以！请打开 calc.py 文件，将减号改为加号，然后运行测试。"),
    |_| Turn::default(),
    |_| Turn::text("I will read the file. ".repeat(900).as_str()),
    |_| Turn::text("```python\ndef add(a, b):\n    return a + b\n```\nThis fixes the bug."),
    |d| printed(d, "read", json!({"path": "calc.py"})),
    |d| printed(d, "test", json!({})),
    |d| printed(d, "edit", json!({"path": "calc.py", "old": "return a - b", "new": "return a + b"})),
    |d| printed(d, "write", json!({"path": "calc.py", "content": "def add(a, b):\n    return a + b\n"})),
    |d| printed(d, "run", json!({"command": "python3 -m unittest"})),
    |_| Turn::call("read", json!({"path": "calc.py"})),
    |_| Turn::call("read", json!({"path": "/home/user/project/calc.py"})),
    |_| Turn::call("read", json!({"path": "./src/../calc.py\n"})),
    |_| Turn::call("read", json!({"path": "../../../../etc/passwd"})),
    |_| Turn::call("read", json!({})),
    |_| Turn::call("read", json!("{\"path\": \"calc.py\"")),
    |_| Turn::call("open_editor", json!({"file": "calc.py"})),
    |_| Turn::call("read_file", json!({"file_path": "test_calc.py"})),
    |_| Turn::call("edit", json!({"path": "calc.py", "old": "return a - b", "new": "return a - b"})),
    |_| Turn::call("edit", json!({"path": "calc.py", "old": "return x - y", "new": "return x + y"})),
    |_| Turn::call("edit", json!({"path": "calc.py", "old": "   return a - b;", "new": "return a + b;"})),
    |_| Turn::call("edit", json!({"path": "test_calc.py", "old": "add(2, 3), 5", "new": "add(2, 3), -1"})),
    |_| {
        Turn::call(
            "write",
            json!({"path": "calc.py", "content": "def add(a, b):\n    # ... rest of the code unchanged\n"}),
        )
    },
    |_| Turn::call("write", json!({"path": "test_calc.py", "content": "assert True\n"})),
    |_| Turn::call("write", json!({"path": "calc.py", "content": "x".repeat(40_000)})),
    |_| Turn::call("delete", json!({"path": "test_calc.py"})),
    |_| Turn::call("plan", json!({"steps": "1. Read the file\n2. Fix it\n3. Test"})),
    |_| Turn::call("ask", json!({"question": "What should I do?"})).with_call("test", json!({})),
    |_| Turn::call("run", json!({"command": "echo done && exit 3", "timeout_s": "soon"})),
    |_| Turn::call("finish", json!({"report": "All tests pass now!", "done": "true"})),
    |_| {
        Turn::text(
            "<tool_call>\n{\"name\": \"test\", \"arguments\": {}}\n</tool_call>\n<tool_response>\nOK, 1 passed\n</tool_response>\nAll tests pass.",
        )
    },
];

/// A call printed in one of the ways that small models know.
fn printed(dice: &mut Dice, name: &str, args: Value) -> Turn {
    let call = json!({"name": name, "arguments": args}).to_string();
    let text = match dice.below(8) {
        0 => format!("Sure!\n```json\n{call}\n```"),
        1 => format!("<tool_call>\n{call}\n</tool_call>"),
        2 => format!("I will do this now:\n{call}"),
        3 => format!("```json\n{},\n```", call.replace('"', "'").trim_end_matches('}').to_owned() + "},}"),
        4 => format!("<tool_call>\n{call}"),
        5 => format!("Action: {name}\nAction Input: {args}\nObservation: It worked."),
        // The end is missing.
        6 => format!("```json\n{}", call.get(..call.len() - 3).unwrap_or_default()),
        _ => {
            let pairs = args.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={value}"));
            format!("```python\n{name}({})\n```", pairs.collect::<Vec<_>>().join(", "))
        }
    };
    Turn::text(&text)
}

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
