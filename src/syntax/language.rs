//! The language of a file, detected from its name and, failing that, its first line.
//!
//! Owns the closed list of languages that have a grammar. Files in other languages are none of
//! these; highlighting finds a syntect definition for them on its own. YAML is left to syntect on
//! purpose: the C scanner of `tree-sitter-yaml` 0.7.2 writes past its buffer at 254 nested blocks.

use serde::{Deserialize, Serialize};

/// A language with a tree-sitter grammar in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Rust,
    Python,
    JavaScript,
    TypeScript,
    Tsx,
    Go,
    C,
    Cpp,
    Java,
    Ruby,
    Bash,
    Json,
    Toml,
    Html,
    Css,
    Markdown,
}

impl Language {
    /// Every language, for tests and tables.
    pub const ALL: [Language; 16] = [
        Language::Rust,
        Language::Python,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Go,
        Language::C,
        Language::Cpp,
        Language::Java,
        Language::Ruby,
        Language::Bash,
        Language::Json,
        Language::Toml,
        Language::Html,
        Language::Css,
        Language::Markdown,
    ];

    /// The name people use.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Python => "Python",
            Language::JavaScript => "JavaScript",
            Language::TypeScript => "TypeScript",
            Language::Tsx => "TSX",
            Language::Go => "Go",
            Language::C => "C",
            Language::Cpp => "C++",
            Language::Java => "Java",
            Language::Ruby => "Ruby",
            Language::Bash => "Bash",
            Language::Json => "JSON",
            Language::Toml => "TOML",
            Language::Html => "HTML",
            Language::Css => "CSS",
            Language::Markdown => "Markdown",
        }
    }

    /// The grammar; costs nothing until it is first asked for, little after.
    pub fn grammar(self) -> tree_sitter::Language {
        match self {
            Language::Rust => tree_sitter_rust::LANGUAGE,
            Language::Python => tree_sitter_python::LANGUAGE,
            Language::JavaScript => tree_sitter_javascript::LANGUAGE,
            Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
            Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
            Language::Go => tree_sitter_go::LANGUAGE,
            Language::C => tree_sitter_c::LANGUAGE,
            Language::Cpp => tree_sitter_cpp::LANGUAGE,
            Language::Java => tree_sitter_java::LANGUAGE,
            Language::Ruby => tree_sitter_ruby::LANGUAGE,
            Language::Bash => tree_sitter_bash::LANGUAGE,
            Language::Json => tree_sitter_json::LANGUAGE,
            Language::Toml => tree_sitter_toml_ng::LANGUAGE,
            Language::Html => tree_sitter_html::LANGUAGE,
            Language::Css => tree_sitter_css::LANGUAGE,
            Language::Markdown => tree_sitter_md::LANGUAGE,
        }
        .into()
    }

    /// The language of a file called `path` (slash-separated, relative or absolute) that starts
    /// with `head`; a few hundred bytes of it are enough, none is fine.
    pub fn detect(path: &str, head: &[u8]) -> Option<Language> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        by_file_name(name).or_else(|| by_extension(name)).or_else(|| by_shebang(head))
    }
}

fn by_file_name(name: &str) -> Option<Language> {
    let language = match name {
        "Cargo.lock" | "Pipfile" | "poetry.lock" | "uv.lock" | "pdm.lock" => Language::Toml,
        "Rakefile" | "Gemfile" | "Vagrantfile" | "Guardfile" | "Podfile" | "Brewfile" => Language::Ruby,
        ".bashrc" | ".bash_profile" | ".bash_aliases" | ".profile" | ".zshrc" | ".zshenv" | ".envrc" | "PKGBUILD"
        | "APKBUILD" => Language::Bash,
        "SConstruct" | "SConscript" | "wscript" => Language::Python,
        "composer.lock" | "flake.lock" | ".prettierrc" | ".eslintrc" | ".babelrc" => Language::Json,
        "README" => Language::Markdown,
        _ => return None,
    };
    Some(language)
}

fn by_extension(name: &str) -> Option<Language> {
    let (_, extension) = name.rsplit_once('.')?;
    let language = match extension.to_ascii_lowercase().as_str() {
        "c" if extension == "C" => Language::Cpp,
        "rs" => Language::Rust,
        "py" | "pyi" | "pyw" | "bzl" => Language::Python,
        "js" | "mjs" | "cjs" | "jsx" => Language::JavaScript,
        "ts" | "mts" | "cts" => Language::TypeScript,
        "tsx" => Language::Tsx,
        "go" => Language::Go,
        "c" | "h" => Language::C,
        "cc" | "cpp" | "cxx" | "c++" | "hh" | "hpp" | "hxx" | "h++" | "ipp" | "inl" => Language::Cpp,
        "java" => Language::Java,
        "rb" | "rake" | "gemspec" | "ru" => Language::Ruby,
        "sh" | "bash" | "zsh" | "ksh" | "bats" => Language::Bash,
        "json" | "jsonc" | "json5" | "geojson" | "webmanifest" | "ipynb" => Language::Json,
        "toml" => Language::Toml,
        "html" | "htm" | "xhtml" => Language::Html,
        "css" => Language::Css,
        "md" | "markdown" | "mdown" => Language::Markdown,
        _ => return None,
    };
    Some(language)
}

/// `#!/usr/bin/env -S python3 -u` and the like.
fn by_shebang(head: &[u8]) -> Option<Language> {
    let line = head.split(|&b| b == b'\n').next()?.strip_prefix(b"#!")?;
    let line = std::str::from_utf8(line.get(..line.len().min(200))?).ok()?;
    let mut words = line.split_whitespace();
    let mut program = words.next()?.rsplit('/').next()?;
    if program == "env" {
        program = words.find(|w| !w.starts_with('-') && !w.contains('='))?;
        program = program.rsplit('/').next()?;
    }
    match program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "python" | "pypy" => Some(Language::Python),
        "node" | "nodejs" | "bun" => Some(Language::JavaScript),
        "deno" | "ts-node" | "tsx" => Some(Language::TypeScript),
        "ruby" => Some(Language::Ruby),
        "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" => Some(Language::Bash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_extensions_and_shebangs() {
        let check = |path: &str, head: &str, expect| {
            assert_eq!(Language::detect(path, head.as_bytes()), expect, "{path} {head:?}");
        };
        check("src/main.rs", "", Some(Language::Rust));
        check("a/b/App.TSX", "", Some(Language::Tsx));
        check("x.h", "", Some(Language::C));
        check("X.C", "", Some(Language::Cpp));
        check("Cargo.lock", "", Some(Language::Toml));
        check("dir.rs/Gemfile", "", Some(Language::Ruby));
        check("run", "#!/usr/bin/env -S python3.12 -u\n", Some(Language::Python));
        check("run", "#!/bin/bash", Some(Language::Bash));
        check("run", "#!/usr/bin/env NODE_ENV=test node", Some(Language::JavaScript));
        check("run", "#!", None);
        check("LICENSE", "MIT", None);
        check("x.zig", "", None);
        check("", "", None);
    }

    #[test]
    fn every_grammar_loads() {
        for language in Language::ALL {
            let mut parser = tree_sitter::Parser::new();
            parser.set_language(&language.grammar()).unwrap();
        }
    }
}
