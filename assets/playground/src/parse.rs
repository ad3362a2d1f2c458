//! Tokens into a tree. From loose to tight: sum, product, power, sign, atom.

use crate::token::Token;

#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Number(f64),
    Negative(Box<Tree>),
    Binary(char, Box<Tree>, Box<Tree>),
    Call(String, Vec<Tree>),
}

pub fn parse(tokens: &[Token]) -> Result<Tree, String> {
    let mut parser = Parser { tokens, at: 0 };
    let tree = parser.sum()?;
    if parser.at < tokens.len() {
        return Err("something is left over".into());
    }
    Ok(tree)
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl Parser<'_> {
    /// Takes the next token if it is one of these signs.
    fn sign(&mut self, signs: &str) -> Option<char> {
        match self.tokens.get(self.at) {
            Some(Token::Sign(c)) if signs.contains(*c) => {
                self.at += 1;
                Some(*c)
            }
            _ => None,
        }
    }

    fn sum(&mut self) -> Result<Tree, String> {
        let mut left = self.product()?;
        while let Some(op) = self.sign("+-") {
            let right = self.product()?;
            left = Tree::Binary(op, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Tree, String> {
        let mut left = self.power()?;
        while let Some(op) = self.sign("*/%") {
            let right = self.power()?;
            left = Tree::Binary(op, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// `2 ^ 3 ^ 2` is `2 ^ (3 ^ 2)`.
    fn power(&mut self) -> Result<Tree, String> {
        let base = self.signed()?;
        if self.sign("^").is_some() {
            let exponent = self.power()?;
            return Ok(Tree::Binary('^', Box::new(exponent), Box::new(base)));
        }
        Ok(base)
    }

    fn signed(&mut self) -> Result<Tree, String> {
        if self.sign("-").is_some() {
            return Ok(Tree::Negative(Box::new(self.signed()?)));
        }
        self.atom()
    }

    fn atom(&mut self) -> Result<Tree, String> {
        let token = self.tokens.get(self.at).ok_or("the expression ends too early")?;
        self.at += 1;
        match token {
            Token::Number(value) => Ok(Tree::Number(*value)),
            Token::Name(name) => {
                self.sign("(").ok_or(format!("{name} needs arguments"))?;
                let arguments = self.arguments()?;
                Ok(Tree::Call(name.clone(), arguments))
            }
            Token::Sign('(') => {
                let inner = self.sum()?;
                self.sign(")").ok_or("a bracket is not closed")?;
                Ok(inner)
            }
            Token::Sign(c) => Err(format!("{c} stands where a number was expected")),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Tree>, String> {
        let mut out = vec![self.sum()?];
        while self.sign(",").is_some() {
            out.push(self.sum()?);
        }
        self.sign(")").ok_or("a bracket is not closed")?;
        Ok(out)
    }
}
