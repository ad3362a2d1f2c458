use tally::{evaluate, sheet, show};

fn gives(text: &str, expected: f64) {
    assert_eq!(evaluate(text), Ok(expected), "{text}");
}

fn refuses(text: &str, why: &str) {
    assert_eq!(evaluate(text), Err(why.to_string()), "{text}");
}

#[test]
fn a_number() {
    gives("42", 42.0);
}

#[test]
fn a_decimal_number() {
    gives("2.5", 2.5);
}

#[test]
fn spaces_do_not_matter() {
    gives("  1+ 2 ", 3.0);
}

#[test]
fn subtraction_goes_left_to_right() {
    gives("10 - 3 - 2", 5.0);
}

#[test]
fn products_bind_tighter_than_sums() {
    gives("1 + 2 * 3", 7.0);
}

#[test]
fn brackets_bind_tightest() {
    gives("(1 + 2) * 3", 9.0);
}

#[test]
fn nested_brackets() {
    gives("((2))", 2.0);
}

#[test]
fn division() {
    gives("9 / 2", 4.5);
}

#[test]
fn division_goes_left_to_right() {
    gives("100 / 10 / 2", 5.0);
}

#[test]
fn negative_numbers() {
    gives("-3 + 5", 2.0);
}

#[test]
fn double_negative() {
    gives("--4", 4.0);
}

#[test]
fn a_square() {
    gives("3 ^ 2", 9.0);
}

#[test]
fn a_power_of_itself() {
    gives("2 ^ 2", 4.0);
}

#[test]
fn powers_bind_tighter_than_products() {
    gives("2 * 3 ^ 2", 18.0);
}

#[test]
fn remainder() {
    gives("7 % 3", 1.0);
}

#[test]
fn smallest_of_several() {
    gives("min(4, 2, 8)", 2.0);
}

#[test]
fn largest_of_several() {
    gives("max(4, 2, 8)", 8.0);
}

#[test]
fn largest_of_negatives() {
    gives("max(-4, -2, -8)", -2.0);
}

#[test]
fn mean_of_several() {
    gives("mean(1, 2, 6)", 3.0);
}

#[test]
fn calls_inside_sums() {
    gives("1 + min(2, 3)", 3.0);
}

#[test]
fn zero_divides_nothing() {
    refuses("1 / 0", "division by zero");
}

#[test]
fn zero_leaves_no_remainder() {
    refuses("1 % 0", "division by zero");
}

#[test]
fn an_open_bracket() {
    refuses("(1 + 2", "a bracket is not closed");
}

#[test]
fn a_missing_number() {
    refuses("1 +", "the expression ends too early");
}

#[test]
fn an_unknown_function() {
    refuses("median(1, 2)", "median is no function");
}

#[test]
fn an_unknown_sign() {
    refuses("1 $ 2", "$ is not understood");
}

#[test]
fn a_sheet_of_lines() {
    assert_eq!(sheet("1 + 1\n\n2 * 2"), vec![Ok(2.0), Ok(4.0)]);
}

#[test]
fn small_numbers_have_no_comma() {
    assert_eq!(show(999.0), "999");
}

#[test]
fn negative_numbers_keep_their_sign() {
    assert_eq!(show(-12.5), "-12.5");
}

#[test]
fn large_numbers_have_commas() {
    assert_eq!(show(1234567.0), "1,234,567");
}

#[test]
fn ten_thousand_has_one_comma() {
    assert_eq!(show(10000.0), "10,000");
}
