//! The bundled playground: a small Cargo project whose tests fail for real bugs, for `demo` and the first run.
//!
//! Its manifest is kept under another name, as Cargo would leave a nested package out of this one.

/// The files of the playground: path inside the project, text.
pub const PLAYGROUND: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../assets/playground/manifest.toml")),
    ("README.md", include_str!("../../assets/playground/README.md")),
    ("src/lib.rs", include_str!("../../assets/playground/src/lib.rs")),
    ("src/token.rs", include_str!("../../assets/playground/src/token.rs")),
    ("src/parse.rs", include_str!("../../assets/playground/src/parse.rs")),
    ("src/eval.rs", include_str!("../../assets/playground/src/eval.rs")),
    ("src/show.rs", include_str!("../../assets/playground/src/show.rs")),
    ("tests/calculator.rs", include_str!("../../assets/playground/tests/calculator.rs")),
    (".gitignore", "target/\n"),
];
