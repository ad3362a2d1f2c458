//! A pocket calculator: text in, number out.

mod eval;
mod parse;
mod show;
mod token;

pub use show::show;

/// Computes an expression such as `2 * (3 + 4)`.
pub fn evaluate(text: &str) -> Result<f64, String> {
    let tokens = token::tokens(text)?;
    let tree = parse::parse(&tokens)?;
    eval::eval(&tree)
}

/// Computes each line; empty lines are skipped.
pub fn sheet(text: &str) -> Vec<Result<f64, String>> {
    text.lines().filter(|line| !line.trim().is_empty()).map(evaluate).collect()
}
