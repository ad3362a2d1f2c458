//! Text into tokens.

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Name(String),
    Sign(char),
}

pub fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let start = at;
        if c.is_whitespace() {
            at += 1;
        } else if c.is_ascii_digit() {
            while at < chars.len() && (chars[at].is_ascii_digit() || chars[at] == '.') {
                at += 1;
            }
            let word: String = chars[start..at].iter().collect();
            let value = word.parse().map_err(|_| format!("{word} is not a number"))?;
            out.push(Token::Number(value));
        } else if c.is_ascii_alphabetic() {
            while at < chars.len() && chars[at].is_ascii_alphabetic() {
                at += 1;
            }
            out.push(Token::Name(chars[start..at].iter().collect()));
        } else if "+-*/%^(),".contains(c) {
            out.push(Token::Sign(c));
            at += 1;
        } else {
            return Err(format!("{c} is not understood"));
        }
    }
    Ok(out)
}
