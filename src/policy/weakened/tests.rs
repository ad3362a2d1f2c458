//! Planted weakenings in seven languages, and ordinary edits of the same tests that must stay silent.

use super::*;

const PYTHON: &str = r#"
import pytest
from calc import add, mean, parse

class TestCalc(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
        self.assertEqual(add(-1, 1), 0)

    def test_mean(self):
        self.assertAlmostEqual(mean([1, 2, 4]), 2.3333, places=4)

def test_parse():
    got = parse("a=1")
    assert got == {"a": 1}
    assert got is not None

def test_parse_error():
    with pytest.raises(ValueError, match="empty"):
        parse("")
"#;

const JAVASCRIPT: &str = r#"
describe("cart", () => {
  it("adds", () => {
    const cart = new Cart();
    cart.add({ id: 1, price: 5 });
    expect(cart.total()).toBe(5);
    expect(cart.items).toHaveLength(1);
  });
  it("rejects", async () => {
    await expect(load("missing")).rejects.toThrow(NotFound);
  });
  test("rounds", () => {
    expect(round(0.1 + 0.2)).toBeCloseTo(0.3, 5);
    assert.deepEqual(split("a,b"), ["a", "b"]);
  });
});
"#;

const RUST: &str = r#"
pub fn add(a: i32, b: i32) -> i32 { a + b }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(2, 3), 5);
        assert!(add(0, 0) == 0, "zero");
    }

    #[tokio::test]
    async fn reads() {
        let text = read("x").await.unwrap();
        assert_eq!(text.lines().count(), 3);
        assert!(matches!(kind(&text), Kind::Plain));
    }
}
"#;

const GO: &str = r#"
package calc

func TestAdd(t *testing.T) {
	got := Add(2, 3)
	if got != 5 {
		t.Errorf("Add(2, 3) = %d, want 5", got)
	}
}

func TestParse(t *testing.T) {
	tests := []struct{ in string; want int }{
		{"1", 1},
		{"2", 2},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		require.NoError(t, err)
		assert.Equal(t, tt.want, got)
	}
}
"#;

const JAVA: &str = r#"
class CalcTest {
    @Test
    void adds() {
        assertEquals(5, Calc.add(2, 3));
        assertThat(Calc.names()).containsExactly("a", "b");
    }

    @Test
    void rejects() {
        assertThrows(IllegalArgumentException.class, () -> Calc.parse(""));
    }
}
"#;

const RUBY: &str = r#"
RSpec.describe Calc do
  it "adds" do
    expect(Calc.add(2, 3)).to eq(5)
    expect(Calc.names).to contain_exactly("a", "b")
  end

  it "rejects" do
    expect { Calc.parse("") }.to raise_error(ArgumentError)
  end
end

class CalcTest < Minitest::Test
  def test_mean
    assert_equal 2, Calc.mean([1, 3])
  end
end
"#;

fn judge(path: &str, before: &str, after: &str, failures: &[&str]) -> Vec<Weakening> {
    let path = RelPath::new(path).unwrap();
    let side = Side { path: &path, before: Some(before.as_bytes()), after: Some(after.as_bytes()) };
    found(&[side], failures)
}

type Edit<'a> = (&'a str, &'a str);

fn edited(source: &str, edits: &[Edit<'_>]) -> String {
    edits.iter().fold(source.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "{old:?} is not in the source");
        text.replacen(old, new, 1)
    })
}

/// Each edit must be found as this, and as nothing else.
fn planted(path: &str, source: &str, plants: &[(How, &[Edit<'_>])]) {
    for (how, edits) in plants {
        let got: Vec<How> = judge(path, source, &edited(source, edits), &[]).iter().map(|w| w.how).collect();
        assert_eq!(got, [*how], "{path}: {edits:?}");
    }
}

/// The edits that raise an alarm.
fn alarms<'a>(path: &str, source: &str, ordinary: &'a [&[Edit<'a>]]) -> Vec<String> {
    let told = |edits: &&[Edit<'a>]| {
        let found = judge(path, source, &edited(source, edits), &[]);
        (!found.is_empty()).then(|| format!("{path}: {edits:?}: {}", words("a1", &found).unwrap()))
    };
    ordinary.iter().filter_map(told).collect()
}

#[test]
fn planted_weakenings_are_found_in_python() {
    planted(
        "tests/test_calc.py",
        PYTHON,
        &[
            (How::Removed, &[("        self.assertEqual(add(2, 3), 5)\n", "")]),
            (
                How::Removed,
                &[("        self.assertEqual(add(2, 3), 5)\n", "        # self.assertEqual(add(2, 3), 5)\n")],
            ),
            (How::Loosened, &[("self.assertEqual(add(2, 3), 5)", "self.assertIsNotNone(add(2, 3))")]),
            (How::Loosened, &[("self.assertEqual(add(2, 3), 5)", "self.assertTrue(add(2, 3))")]),
            (How::Loosened, &[("self.assertEqual(add(2, 3), 5)", "self.assertNotEqual(add(2, 3), 6)")]),
            (How::Loosened, &[("places=4", "places=0")]),
            (How::Loosened, &[("assert got == {\"a\": 1}", "assert \"a\" in got")]),
            (How::Loosened, &[("assert got == {\"a\": 1}", "assert True")]),
            (How::Loosened, &[("pytest.raises(ValueError, match=\"empty\")", "pytest.raises(Exception)")]),
            (How::Skipped, &[("def test_parse():", "@pytest.mark.skip(reason=\"flaky\")\ndef test_parse():")]),
            (How::Skipped, &[("    def test_add(self):", "    @unittest.expectedFailure\n    def test_add(self):")]),
            (How::Skipped, &[("    got = parse(\"a=1\")", "    pytest.skip(\"later\")\n    got = parse(\"a=1\")")]),
            (
                How::Deleted,
                &[(
                    "def test_parse_error():\n    with pytest.raises(ValueError, match=\"empty\"):\n        parse(\"\")\n",
                    "",
                )],
            ),
            (How::Deleted, &[("def test_parse_error():", "def check_parse_error():")]),
            (How::Unreached, &[("    got = parse(\"a=1\")", "    return\n    got = parse(\"a=1\")")]),
            (How::Conditional, &[("    assert got == {\"a\": 1}", "    if got:\n        assert got == {\"a\": 1}")]),
            (
                How::Caught,
                &[(
                    "    assert got == {\"a\": 1}",
                    "    try:\n        assert got == {\"a\": 1}\n    except AssertionError:\n        pass",
                )],
            ),
        ],
    );
}

#[test]
fn planted_weakenings_are_found_in_javascript_and_typescript() {
    for path in ["src/cart.test.js", "src/cart.test.ts"] {
        planted(
            path,
            JAVASCRIPT,
            &[
                (How::Removed, &[("    expect(cart.total()).toBe(5);\n", "")]),
                (How::Loosened, &[("toBe(5)", "toBeDefined()")]),
                (How::Loosened, &[("toBe(5)", "toBeGreaterThan(0)")]),
                (How::Loosened, &[("toBe(5)", "not.toBe(6)")]),
                (How::Loosened, &[("toBeCloseTo(0.3, 5)", "toBeCloseTo(0.3, 0)")]),
                (How::Loosened, &[("toThrow(NotFound)", "toThrow()")]),
                (How::Loosened, &[("assert.deepEqual(split(\"a,b\"), [\"a\", \"b\"])", "assert.ok(split(\"a,b\"))")]),
                (How::Skipped, &[("it(\"adds\"", "it.skip(\"adds\"")]),
                (How::Skipped, &[("it(\"adds\"", "xit(\"adds\"")]),
                (How::Only, &[("it(\"rejects\"", "it.only(\"rejects\"")]),
                (How::Unreached, &[("    const cart = new Cart();", "    return;\n    const cart = new Cart();")]),
            ],
        );
    }
    let all = judge("src/cart.test.js", JAVASCRIPT, &edited(JAVASCRIPT, &[("describe(", "describe.skip(")]), &[]);
    assert_eq!(all.iter().filter(|w| w.how == How::Skipped).count(), 3, "{all:?}");
}

#[test]
fn planted_weakenings_are_found_in_rust() {
    planted(
        "src/calc.rs",
        RUST,
        &[
            (How::Removed, &[("        assert_eq!(add(2, 3), 5);\n", "")]),
            (How::Loosened, &[("assert_eq!(add(2, 3), 5)", "assert_ne!(add(2, 3), 6)")]),
            (How::Loosened, &[("assert_eq!(add(2, 3), 5)", "assert!(add(2, 3) > 0)")]),
            (How::Loosened, &[("assert_eq!(add(2, 3), 5)", "assert!(true)")]),
            (How::Loosened, &[("assert_eq!(text.lines().count(), 3)", "assert!(!text.is_empty())")]),
            (How::Skipped, &[("    #[test]\n", "    #[test]\n    #[ignore = \"slow\"]\n")]),
            (How::Deleted, &[("    #[test]\n    fn adds()", "    fn adds()")]),
            (How::Unreached, &[("        let text", "        return;\n        let text")]),
        ],
    );
}

#[test]
fn planted_weakenings_are_found_in_go() {
    planted(
        "calc/calc_test.go",
        GO,
        &[
            (How::Removed, &[("	if got != 5 {\n		t.Errorf(\"Add(2, 3) = %d, want 5\", got)\n	}\n", "	_ = got\n")]),
            (How::Loosened, &[("got != 5", "got == 0")]),
            (How::Removed, &[("		assert.Equal(t, tt.want, got)\n", "		_ = got\n")]),
            (How::Skipped, &[("	got := Add(2, 3)\n", "	t.Skip(\"broken\")\n	got := Add(2, 3)\n")]),
            (How::Deleted, &[("func TestAdd(", "func addWorks(")]),
        ],
    );
}

#[test]
fn planted_weakenings_are_found_in_java_and_ruby() {
    planted(
        "src/test/java/CalcTest.java",
        JAVA,
        &[
            (How::Removed, &[("        assertEquals(5, Calc.add(2, 3));\n", "")]),
            (How::Loosened, &[("assertEquals(5, Calc.add(2, 3))", "assertNotNull(Calc.add(2, 3))")]),
            (How::Loosened, &[("containsExactly(\"a\", \"b\")", "isNotNull()")]),
            (How::Loosened, &[("IllegalArgumentException.class", "Exception.class")]),
            (How::Skipped, &[("    @Test\n    void adds", "    @Test\n    @Disabled\n    void adds")]),
            (How::Deleted, &[("    @Test\n    void adds", "    void adds")]),
        ],
    );
    planted(
        "spec/calc_spec.rb",
        RUBY,
        &[
            (How::Removed, &[("    expect(Calc.add(2, 3)).to eq(5)\n", "")]),
            (How::Loosened, &[("to eq(5)", "not_to eq(6)")]),
            (How::Loosened, &[("contain_exactly(\"a\", \"b\")", "include(\"a\")")]),
            (How::Skipped, &[("  it \"adds\" do", "  xit \"adds\" do")]),
            (How::Skipped, &[("    assert_equal 2", "    skip \"later\"\n    assert_equal 2")]),
            (How::Deleted, &[("  def test_mean", "  def mean_works")]),
        ],
    );
}

#[test]
fn ordinary_edits_of_tests_raise_few_alarms() {
    let mut told = alarms(
        "tests/test_calc.py",
        PYTHON,
        &[
            &[("add(2, 3), 5)", "add(2, 4), 6)")],
            &[(
                "        self.assertEqual(add(-1, 1), 0)\n",
                "        self.assertEqual(add(-1, 1), 0)\n        self.assertEqual(add(0, 0), 0)\n",
            )],
            &[("def test_parse():", "def test_parse_pairs():")],
            &[
                ("got = parse(\"a=1\")", "result = parse(\"a=1\")"),
                ("assert got ==", "assert result =="),
                ("assert got is", "assert result is"),
            ],
            &[("self.assertEqual(add(2, 3), 5)", "assert add(2, 3) == 5")],
            &[(
                "self.assertEqual(add(2, 3), 5)",
                "self.assertEqual(\n            add(2, 3),\n            5,\n        )",
            )],
            &[("places=4", "places=6")],
            &[("assert got is not None\n", "assert got is not None\n    assert len(got) == 1\n")],
            &[("from calc import add", "from pkg.calc import add")],
            &[("pytest.raises(ValueError, match=\"empty\")", "pytest.raises(KeyError, match=\"empty\")")],
            &[(
                "        self.assertEqual(add(2, 3), 5)\n        self.assertEqual(add(-1, 1), 0)\n",
                "        for a, b, want in [(2, 3, 5), (-1, 1, 0)]:\n            self.assertEqual(add(a, b), want)\n",
            )],
            &[("assert got == {\"a\": 1}", "check_pairs(got, {\"a\": 1})")],
            &[("def test_parse():\n", "@pytest.mark.parametrize(\"n\", [1, 2])\ndef test_parse(n):\n")],
            &[("class TestCalc", "class CalcTest")],
        ],
    );
    told.extend(alarms(
        "src/cart.test.ts",
        JAVASCRIPT,
        &[
            &[("it(\"adds\"", "it(\"adds an item\"")],
            &[("toBe(5)", "toEqual(5)")],
            &[("toBe(5)", "toStrictEqual(6)")],
            &[("it(\"adds\", () =>", "it(\"adds\", async () =>"), ("cart.add(", "await cart.add(")],
            &[("expect(cart.items).toHaveLength(1);", "expect(cart.items.length).toBe(1);")],
            &[("const cart = new Cart();", "const cart = new Cart({ currency: \"EUR\" });")],
            &[("assert.deepEqual(split(\"a,b\"), [\"a\", \"b\"])", "expect(split(\"a,b\")).toEqual([\"a\", \"b\"])")],
            &[("toBe(5);", "toBe(5);\n    expect(cart.empty).toBe(false);")],
            &[("describe(\"cart\"", "describe(\"Cart\"")],
            &[("toThrow(NotFound)", "toThrow(Missing)")],
        ],
    ));
    assert!(told.is_empty(), "{} of 24: {told:#?}", told.len());
}

#[test]
fn ordinary_edits_of_tests_raise_few_alarms_in_compiled_languages_and_ruby() {
    let mut told = alarms(
        "src/calc.rs",
        RUST,
        &[
            &[("a + b", "a.wrapping_add(b)")],
            &[("fn adds()", "fn adds_two_numbers()")],
            &[("assert_eq!(add(2, 3), 5);", "assert_eq!(add(2, 3), 5, \"sum\");")],
            &[("assert!(add(0, 0) == 0, \"zero\");", "assert_eq!(add(0, 0), 0);")],
            &[(
                "assert_eq!(add(2, 3), 5);",
                "for (a, b, sum) in [(2, 3, 5)] {\n            assert_eq!(add(a, b), sum);\n        }",
            )],
            &[("count(), 3)", "count(), 4)")],
            &[("read(\"x\").await.unwrap()", "read(\"x\").await.expect(\"read\")")],
        ],
    );
    told.extend(alarms(
        "calc/calc_test.go",
        GO,
        &[
            &[("{\"2\", 2},", "{\"2\", 2},\n\t\t{\"3\", 3},")],
            &[("got != 5", "got != 6")],
            &[("t.Errorf(\"Add(2, 3) = %d, want 5\", got)", "t.Fatalf(\"got %d\", got)")],
            &[("require.NoError(t, err)", "if err != nil {\n\t\t\tt.Fatal(err)\n\t\t}")],
            &[("if got != 5 {\n\t\tt.Errorf(\"Add(2, 3) = %d, want 5\", got)\n\t}", "assert.Equal(t, 5, got)")],
        ],
    ));
    told.extend(alarms(
        "src/test/java/CalcTest.java",
        JAVA,
        &[
            &[("assertEquals(5, Calc.add(2, 3))", "assertThat(Calc.add(2, 3)).isEqualTo(5)")],
            &[("void adds()", "void addsNumbers()")],
            &[("assertEquals(5", "assertEquals(6")],
            &[("    @Test\n    void adds", "    @Test\n    @DisplayName(\"adds\")\n    void adds")],
        ],
    ));
    told.extend(alarms(
        "spec/calc_spec.rb",
        RUBY,
        &[
            &[("it \"adds\"", "it \"adds numbers\"")],
            &[("eq(5)", "eq(6)")],
            &[("eq(5)", "be == 5")],
            &[("assert_equal 2, Calc.mean([1, 3])", "assert_equal 3, Calc.mean([1, 5])")],
        ],
    ));
    assert!(told.is_empty(), "{} of 20: {told:#?}", told.len());
}

#[test]
fn a_value_set_to_what_the_failing_run_gave_is_found() {
    let failure = "AssertionError: -1 != 5 : add(2, 3)";
    let after = edited(PYTHON, &[("add(2, 3), 5)", "add(2, 3), -1)")]);
    let found = judge("tests/test_calc.py", PYTHON, &after, &[failure]);
    assert_eq!(found.iter().map(|w| (w.line, w.how)).collect::<Vec<_>>(), [(7, How::Observed)]);
    assert_eq!(
        words("a3", &found).unwrap(),
        "a3 weakens tests: tests/test_calc.py:7: expects what the failing run gave: `5` became `-1`"
    );
    assert!(judge("tests/test_calc.py", PYTHON, &after, &[]).is_empty(), "no run failed with these values");
    let other = edited(PYTHON, &[("add(2, 3), 5)", "add(2, 3), 7)")]);
    assert!(judge("tests/test_calc.py", PYTHON, &other, &[failure]).is_empty());
    // A table, a snapshot.
    let after = edited(GO, &[("{\"2\", 2}", "{\"2\", 3}")]);
    let found = judge("calc/calc_test.go", GO, &after, &["calc_test.go:20: expected: 2, actual: 3"]);
    assert_eq!(found.iter().map(|w| w.how).collect::<Vec<_>>(), [How::Observed]);
    let found = judge("tests/__snapshots__/a.snap", "total: 10\n", "total: 9\n", &["- total: 10\n+ total: 9"]);
    assert_eq!(found.iter().map(|w| w.how).collect::<Vec<_>>(), [How::Observed]);
}

#[test]
fn cases_may_move_between_the_files_of_a_change_and_a_deleted_file_says_all() {
    let (old, new) = (RelPath::new("tests/test_calc.py").unwrap(), RelPath::new("tests/test_parse.py").unwrap());
    let at = PYTHON.find("def test_parse_error").unwrap();
    let (kept, gone) = PYTHON.split_at(at);
    let sides = [
        Side { path: &old, before: Some(PYTHON.as_bytes()), after: Some(kept.as_bytes()) },
        Side { path: &new, before: None, after: Some(gone.as_bytes()) },
    ];
    assert_eq!(found(&sides, &[]), []);
    let deleted = found(&[Side { path: &old, before: Some(PYTHON.as_bytes()), after: None }], &[]);
    assert_eq!(deleted.iter().filter(|w| w.how == How::Deleted).count(), 4, "{deleted:?}");
}

#[test]
fn nothing_is_said_of_code_that_is_no_test_or_cannot_be_read() {
    assert!(judge("src/calc.py", PYTHON, "", &[]).is_empty(), "not a test by its path");
    assert!(judge("tests/test_a.py", "\u{0}", "x", &[]).is_empty());
    let deep = format!("def test_a():\n    assert {}1{} == 1\n", "(".repeat(3_000), ")".repeat(3_000));
    let _ = judge("tests/test_a.py", &deep, PYTHON, &[]);
}

/// Renaming what is around very many tests costs little, and is no deletion.
#[test]
fn very_many_renamed_cases_are_compared_in_no_time() {
    let file = |group: &str| {
        let cases = (0..4_000).map(|n| format!("    def test_{n}(self):\n        self.assertEqual(f({n}), {n})\n"));
        format!("class {group}:\n{}", cases.collect::<String>())
    };
    let (before, after) = (file("Old"), file("New"));
    assert!(before.len() < 256 * 1024, "{}", before.len());
    assert_eq!(judge("tests/test_many.py", &before, &after, &[]), []);
    let cut = after.lines().take(2_001).map(|line| format!("{line}\n")).collect::<String>();
    let found = judge("tests/test_many.py", &before, &cut, &[]);
    assert!(found.iter().all(|w| w.how == How::Deleted) && !found.is_empty(), "{}", found.len());
}
