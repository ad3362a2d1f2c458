//! The bodies of the fuzz targets on what is at hand: the fixtures, torn and spliced pieces of them, and inputs that
//! crashed a target once. `RIGHTSEAT_FUZZ_ROUNDS=100000` adds as many bred from them.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::path::{Path, PathBuf};

/// Larger fixtures are cut: the parsers are compared over several cuts of each.
const INPUT_BYTES_MAX: usize = 24_000;

fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn fixtures(of: &str) -> Vec<Vec<u8>> {
    let cut = |path: PathBuf| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.truncate(INPUT_BYTES_MAX);
        bytes
    };
    below(&root().join("tests/fixtures").join(of)).into_iter().map(cut).collect()
}

/// Each seed, its halves the wrong way round, every seed's head before another's tail, and some bytes turned.
fn mangled(seeds: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut out = seeds.to_vec();
    for (n, seed) in seeds.iter().enumerate() {
        let (head, tail) = seed.split_at(seed.len() / 2);
        out.push([tail, head].concat());
        if let Some(other) = seeds.get((n * 7 + 3) % seeds.len()) {
            out.push([head, other.get(other.len() / 3..).unwrap_or_default()].concat());
        }
        let turned = seed.iter().enumerate().map(|(at, b)| if at % 13 == n % 13 { b ^ 0x91 } else { *b });
        out.push(turned.collect());
        out.push(head.iter().flat_map(|b| [*b, 0x1b]).take(2_000).collect());
    }
    out
}

/// Two seeds crossed, and some bytes changed, left out, doubled or set to ones that matter.
fn bred(seeds: &[Vec<u8>], round: u64) -> Vec<u8> {
    const MATTER: &[u8] = b"\x00\x1b\x9b\xff\xe2\x80\xae\n\r\t \"'`$(){}[]<>|&;*?\\/~#!=:,.-0aZ";
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n.max(1)
    };
    let (one, other) = (&seeds[below(seeds.len())], &seeds[below(seeds.len())]);
    let mut bytes = [&one[..below(one.len() + 1)], &other[below(other.len() + 1)..]].concat();
    bytes.truncate(4_096);
    for _ in 0..below(8) {
        let at = below(bytes.len() + 1);
        let sign = MATTER[below(MATTER.len())];
        match below(4) {
            0 => bytes.insert(at, sign),
            1 if at < bytes.len() => bytes[at] = sign,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let piece = bytes[at.saturating_sub(below(9))..at].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn run(target: &str, seeds: &[Vec<u8>]) {
    let (_, body) = bodies::BODIES.iter().find(|(name, _)| *name == target).expect("a target");
    body(b"");
    for input in mangled(seeds) {
        body(&input);
    }
    let rounds = std::env::var("RIGHTSEAT_FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(0_u64);
    for round in 0..rounds {
        let input = bred(seeds, round);
        if std::panic::catch_unwind(|| body(&input)).is_err() {
            let kept = root().join("target").join(format!("crash-{target}-{round}"));
            std::fs::write(&kept, &input).unwrap();
            panic!("round {round} of {target} failed; its input is in {}", kept.display());
        }
    }
    for crash in below(&root().join("fuzz/crashes").join(target)) {
        body(&std::fs::read(crash).unwrap());
    }
}

#[test]
fn wire_frames() {
    let lines = [
        r#"{"jsonrpc":"2.0","id":1,"method":"session/attach","params":{"protocol":{"min":1,"max":1}}}"#,
        r#"{"jsonrpc":"2.0","id":"x","method":"action/decide","params":{"action":"a1","digest":"00","verdict":"approve"}}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"gate/stop"}"#,
        r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32010,"message":"stale"}}"#,
        r#"[{"jsonrpc":"2.0"}]"#,
        "{\"id\":1e400}\n\n{}\n\u{0}\n{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}",
    ];
    run("wire_frames", &lines.map(|l| format!("{l}\n").into_bytes()));
}

#[test]
fn acp_lines() {
    run("acp_lines", &fixtures("acp"));
}

#[test]
fn text_shown() {
    let mut seeds = fixtures("diff");
    seeds.push(
        "\u{1b}[31mred\u{1b}]0;t\u{7}\u{9b}1m \u{202e}x\u{200b} e\u{301}\u{301}\u{301} 👩‍👩‍👧 \u{e0041}\u{3164}\r\n\u{8}"
            .into(),
    );
    run("text_shown", &seeds);
}

#[test]
fn shell_lines() {
    let lines = |name: &str| std::fs::read_to_string(root().join("tests/fixtures/policy").join(name)).unwrap();
    let seeds: Vec<Vec<u8>> = ["attacks.jsonl", "bypasses.jsonl", "honest.jsonl", "ordinary.jsonl"]
        .iter()
        .flat_map(|name| lines(name).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
        .filter_map(|asked| asked.get("command").and_then(|c| c.as_str()).map(|c| c.as_bytes().to_vec()))
        .step_by(5)
        .collect();
    run("shell_lines", &seeds);
}

#[test]
fn check_outputs() {
    let small: Vec<Vec<u8>> = fixtures("checks")
        .into_iter()
        .map(|mut b| {
            b.truncate(4_000);
            b
        })
        .collect();
    run("check_outputs", &small);
}

#[test]
fn diff_parts() {
    let seeds: Vec<Vec<u8>> = fixtures("diff")
        .chunks(2)
        .map(|pair| pair.join(&0xff))
        .map(|mut bytes| {
            bytes.truncate(12_000);
            bytes
        })
        .collect();
    run("diff_parts", &seeds);
}

#[test]
fn every_target_has_its_file_and_its_test() {
    for (name, _) in bodies::BODIES {
        let file = std::fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("bodies::{name}(bytes)")), "{name}");
        assert!(include_str!("fuzz.rs").contains(&format!("fn {name}()")), "{name} has no test");
    }
}
