//! A tree into a number.

use crate::parse::Tree;

pub fn eval(tree: &Tree) -> Result<f64, String> {
    match tree {
        Tree::Number(value) => Ok(*value),
        Tree::Negative(inner) => Ok(-eval(inner)?),
        Tree::Binary(op, left, right) => binary(*op, eval(left)?, eval(right)?),
        Tree::Call(name, arguments) => {
            let values = arguments.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
            call(name, &values)
        }
    }
}

fn binary(op: char, left: f64, right: f64) -> Result<f64, String> {
    match op {
        '+' => Ok(left + right),
        '-' => Ok(left - right),
        '*' => Ok(left * right),
        '/' if right == 0.0 => Err("division by zero".into()),
        '/' => Ok(left / right),
        '%' => remainder(left, right),
        '^' => Ok(left.powf(right)),
        _ => Err(format!("{op} is no operator")),
    }
}

fn remainder(left: f64, right: f64) -> Result<f64, String> {
    if right == 0.0 {
        return Err("division by zero".into());
    }
    Ok(left % right)
}

fn call(name: &str, values: &[f64]) -> Result<f64, String> {
    match name {
        "min" => Ok(smallest(values)),
        "max" => Ok(largest(values)),
        "mean" => Ok(values.iter().sum::<f64>() / values.len() as f64),
        _ => Err(format!("{name} is no function")),
    }
}

fn smallest(values: &[f64]) -> f64 {
    let mut best = values[0];
    for value in values {
        if *value < best {
            best = *value;
        }
    }
    best
}

fn largest(values: &[f64]) -> f64 {
    let mut best = 0.0;
    for value in values {
        if *value > best {
            best = *value;
        }
    }
    best
}
