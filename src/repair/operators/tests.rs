//! Each kind of mistake is made good by some operator.

use super::*;

/// Some proposal for `before` gives `after`.
fn check(path: &str, before: &str, after: &str) {
    let source = Source::parse(path, before.to_owned()).unwrap();
    let made = propose(&source, &|_| true);
    let found = made.iter().any(|m| source.with(&m.edits).as_deref() == Some(after));
    assert!(found, "no operator makes\n{after}\nof\n{before}");
}

#[test]
fn each_language_has_its_mistakes() {
    check("a.py", "def f(a, b):\n    return f(a % b, b)\n", "def f(a, b):\n    return f(b, a % b)\n");
    check("a.py", "def f(n):\n    n ^= n - 1\n", "def f(n):\n    n &= n - 1\n");
    check(
        "a.py",
        "def f(a):\n    if a.b is None:\n        pass\n",
        "def f(a):\n    if a is None or a.b is None:\n        pass\n",
    );
    check("a.py", "def f(a):\n    while True:\n        a.pop()\n", "def f(a):\n    while a:\n        a.pop()\n");
    check(
        "a.js",
        "function f(a) {\n  return a.sort();\n}\n",
        "function f(a) {\n  return a.sort((a, b) => a - b);\n}\n",
    );
    check("a.ts", "function f(a: number) {\n  return a < 3;\n}\n", "function f(a: number) {\n  return a <= 3;\n}\n");
    check(
        "a.go",
        "package p\n\nfunc f(a int) bool {\n\treturn a > 1 && a < 9\n}\n",
        "package p\n\nfunc f(a int) bool {\n\treturn a > 1 || a < 9\n}\n",
    );
    check(
        "a.rs",
        "fn f(a: u32, b: u32) -> u32 {\n    a - b\n}\n",
        "fn f(a: u32, b: u32) -> u32 {\n    a.saturating_sub(b)\n}\n",
    );
    check("a.rs", "fn f(n: u32) -> u32 {\n    (1..n).sum()\n}\n", "fn f(n: u32) -> u32 {\n    (1..=n).sum()\n}\n");
}

#[test]
fn what_may_be_missing_is_made() {
    let within = |line: &str| format!("def f(a, k):\n    {line}\n");
    for (before, after) in [
        ("return any(b > 0 for b in a)", "return all(b > 0 for b in a)"),
        ("return len(a) == 0", "return len(a) <= 1"),
        ("a[k] += 1", "a[k] = a.get(k, 0) + 1"),
        ("a[k].append(1)", "a.setdefault(k, []).append(1)"),
        ("return a[:]", "return [row[:] for row in a]"),
        ("f(a, k)", "f(a, k + 1)"),
    ] {
        check("a.py", &within(before), &within(after));
    }
    check("a.py", &within("a[k] = 0"), &within("a.pop(k, None)"));
    let table =
        |text: &str| format!("package p\n\nvar t = map[int]int{{1: 2}}\n\nfunc f(a int) int {{\n\treturn {text}\n}}\n");
    check("a.go", &table("a"), &table("t[a]"));
    let unset = |text: &str| {
        format!("package p\n\nfunc f(a []int) []int {{\n\tvar b []int\n\tb = append(b, a...)\n\treturn {text}\n}}\n")
    };
    check("a.go", &unset("b"), &unset("append(a, b...)"));
    let letter = |text: &str| format!("fn f(a: u8) -> u8 {{\n    a - {text}\n}}\n");
    check("a.rs", &letter("b'a'"), &letter("b'A'"));
    let asked = |text: &str| format!("function f(a) {{\n  a.b = 1;\n  return {text};\n}}\n");
    check("a.js", &asked("a !== null"), &asked("a !== null && a.b"));
    let within = |text: &str| format!("function f(a) {{\n  return {text};\n}}\n");
    check("a.js", &within("a.replace(/ /, '-')"), &within("a.replace(/ /g, '-')"));
    check("a.js", &within("a.slice()"), &within("a.map((row) => [...row])"));
    let within = |text: &str| format!("fn f(a: usize, n: usize) -> usize {{\n    let b = a % n;\n    {text}\n}}\n");
    check("a.rs", &within("b + 1"), &within("(b + 1) % n"));
}

#[test]
fn tests_inside_sources_are_left_alone() {
    let text = "fn f() -> u32 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    fn g() -> u32 {\n        7\n    }\n}\n";
    let source = Source::parse("src/lib.rs", text.to_owned()).unwrap();
    let test_start = text.find("#[cfg").unwrap();
    let made = propose(&source, &|_| true);
    assert!(!made.is_empty());
    assert!(made.iter().all(|m| m.edits.iter().all(|e| e.range.end <= test_start)));
}

#[test]
fn no_change_is_proposed_twice() {
    let source = Source::parse("a.py", "def f(a, b):\n    return a + b + 1\n".to_owned()).unwrap();
    let made = propose(&source, &|_| true);
    let all: HashSet<Vec<Edit>> = made.iter().map(|m| m.edits.clone()).collect();
    assert_eq!(all.len(), made.len());
}

#[test]
fn what_people_forget_is_made() {
    let python = |line: &str| format!("def f(a, k=None):\n    {line}\n");
    for (before, after) in [
        ("f(a)", "a = f(a)"),
        ("g(k, a)", "k = g(k, a)"),
        ("return list(k)", "return list(k or [])"),
        ("return a is None", "return not a"),
        ("return", "return True"),
        ("return a.get(k, 0)", "return a.get(k, float(\"inf\"))"),
        ("return f(a)", "return f(a, k)"),
        ("a = ''", "a = k"),
        ("return k[:k - 1]", "return k[:k - len(a)]"),
    ] {
        check("a.py", &python(before), &python(after));
    }
    let rest = |text: &str| {
        format!(
            "def f(a):\n    out, b = [], ''\n    for x in a:\n        out.append(b)\n        b = x\n{text}    return out\n"
        )
    };
    check("a.py", &rest(""), &rest("    if b:\n        out.append(b)\n"));
    let state = |text: &str| format!("def f(a, s):\n    s[a] = 'open'\n    f(a, s)\n{text}    return s[a] == 'done'\n");
    check("a.py", &state(""), &state("    s[a] = 'done'\n"));
    let script = |line: &str| format!("function f(a, ...rest) {{\n  {line}\n}}\n");
    for (before, after) in [
        ("for (const x of a) g(x);", "for (const x in a) g(x);"),
        ("return;", "return this;"),
        ("return a === null;", "return a == null;"),
        ("a(rest);", "a(...rest);"),
        ("return a.get(1) + 2;", "return (a.get(1) ?? 0) + 2;"),
        ("return a.left;", "return a.right;"),
        ("return a ? 0 : a;", "return a ? null : a;"),
    ] {
        check("a.js", &script(before), &script(after));
    }
    let go = |text: &str| {
        format!("package p\n\nvar ErrNone = g()\n\nfunc f(a []int, n int) (float64, error) {{\n\t{text}\n}}\n")
    };
    check("a.go", &go("return 0, nil"), &go("return 0, ErrNone"));
    check("a.go", &go("b := make([]int, n)"), &go("b := make([]int, 0, n)"));
    check("a.go", &go("return float64(n / len(a)), nil"), &go("return float64(n) / float64(len(a)), nil"));
    check("a.go", &go("for i := 0; i < n; i += 1 {\n\t}"), &go("for i := 0; i < n; i += n {\n\t}"));
    let ended =
        |text: &str| format!("package p\n\nfunc f(a int) {{\n\tif a > 1 {{\n\t\tg(a){text}\n\t}}\n\th(a)\n}}\n");
    check("a.go", &ended(""), &ended("\n\t\treturn"));
    let moved = |text: &str| {
        format!(
            "package p\n\nfunc (l *L) f(e int) {{\n\tl.x.Up(e)\n}}\n\nfunc (l *L) g(e int) int {{\n\t{text}return e\n}}\n"
        )
    };
    check("a.go", &moved(""), &moved("l.x.Up(e)\n\t"));
    let rust = |text: &str| format!("fn f(a: u32, b: u32) -> f64 {{\n    {text}\n}}\n");
    check("a.rs", &rust("(a / b) as f64"), &rust("a as f64 / b as f64"));
    check("a.rs", &rust("g(b % 26)"), &rust("g(26 - b % 26)"));
    let order = |text: &str| format!("fn f(a: &[u32]) -> u32 {{\n    let mut v = a.to_vec();\n    {text}v[0]\n}}\n");
    check("a.rs", &order(""), &order("v.sort();\n    "));
}
