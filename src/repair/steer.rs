//! The effect of the user's words on the search: files and functions to leave alone, kinds of change to avoid.

use super::engine::Outcome;
use super::operators::Mutation;
use super::project::Project;
use super::report;
use super::source::Source;
use std::collections::BTreeSet;

/// The search's bounds, as the user has set them so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steering {
    /// Paths, or ends of paths, not to touch.
    pub files_out: BTreeSet<String>,
    /// The only files allowed, unless empty.
    pub files_in: BTreeSet<String>,
    pub functions_out: BTreeSet<String>,
    /// The only functions allowed, unless empty.
    pub functions_in: BTreeSet<String>,
    pub operators_out: BTreeSet<&'static str>,
    /// Changes (by their words and path) already refused.
    pub refused: BTreeSet<(String, String)>,
    /// Only small changes.
    pub small: bool,
}

/// The subject of a redirect: the change it answers.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub path: String,
    pub function: String,
    pub operator: &'static str,
    pub words: String,
    /// Functions that call the changed one.
    pub callers: Vec<(String, String)>,
    /// Functions that the changed one calls.
    pub callees: Vec<(String, String)>,
}

/// The existing names that words can be matched with.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub files: Vec<String>,
    pub functions: Vec<String>,
}

impl Steering {
    pub fn allows_file(&self, path: &str) -> bool {
        let named = |set: &BTreeSet<String>| {
            set.iter().any(|f| {
                path == f || path.ends_with(&format!("/{f}")) || (f.ends_with('/') && path.starts_with(f.as_str()))
            })
        };
        !named(&self.files_out) && (self.files_in.is_empty() || named(&self.files_in))
    }

    pub fn allows_function(&self, _path: &str, name: &str) -> bool {
        !self.functions_out.contains(name) && (self.functions_in.is_empty() || self.functions_in.contains(name))
    }

    /// Returns the weight of a proposal after the steering; 0 excludes it.
    pub fn weight(&self, mutation: &Mutation, _source: &Source) -> f64 {
        if self.operators_out.contains(mutation.operator)
            || self.refused.contains(&(mutation.path.to_string(), mutation.words.clone()))
        {
            return 0.0;
        }
        let named = mutation.function.as_ref();
        if self.functions_out.contains(named) || (!self.functions_in.is_empty() && !self.functions_in.contains(named)) {
            return 0.0;
        }
        let grown: usize = mutation.edits.iter().map(|e| e.text.len().abs_diff(e.range.len())).sum();
        if self.small && (mutation.edits.len() > 1 || grown > 12) { 0.05 } else { 1.0 }
    }

    /// Takes the user's words about a proposal into the search; gives back, in words, how the search changes.
    pub fn heed(&mut self, reason: &str, outcome: &Outcome, known: &Known) -> String {
        let abouts: Vec<About> =
            outcome.repairs.iter().map(report::about).map(|a| report::with_relatives(a, outcome)).collect();
        let named: Vec<&About> =
            abouts.iter().filter(|a| reason.contains(&a.function) || reason.contains(&a.path)).collect();
        let chosen: Vec<&About> = if named.is_empty() { abouts.iter().collect() } else { named };
        let Some(first) = chosen.first() else { return self.take(reason, &About::default(), known) };
        let told = self.take(reason, first, known);
        for about in chosen.iter().skip(1) {
            self.refused.insert((about.path.clone(), about.words.clone()));
        }
        told
    }

    /// Repairs that the user left out of an approval are not proposed again; `project` is read after it.
    pub fn refuse_missing(&mut self, outcome: &Outcome, project: &Project) {
        for repair in &outcome.repairs {
            let mutation = &repair.fix.candidate.mutation;
            let now = project.sources.get(mutation.path.as_ref()).map(String::as_str).unwrap_or_default();
            let present = outcome.overlay.get(mutation.path.as_ref()).is_some_and(|t| t == now);
            let written = mutation.edits.iter().all(|e| !e.text.trim().is_empty() && now.contains(e.text.trim()));
            if !present && !written {
                self.refused.insert((mutation.path.to_string(), mutation.words.clone()));
            }
        }
    }

    /// Takes a reason given with a denial or redirect; gives back, in words, how the search changes.
    pub fn take(&mut self, reason: &str, about: &About, known: &Known) -> String {
        let mut told = Vec::new();
        self.refused.insert((about.path.clone(), about.words.clone()));
        let parted = reason.replace(". ", "\n");
        for clause in parted.split([';', ',', '\n']).flat_map(|c| c.split(" but ")) {
            self.clause(&clause.to_lowercase(), clause, about, known, &mut told);
        }
        if told.is_empty() {
            told.push("I look for another repair".to_owned());
        }
        told.join("; ")
    }

    fn clause(&mut self, low: &str, exact: &str, about: &About, known: &Known, told: &mut Vec<String>) {
        let has = |list: &[&str]| list.iter().any(|w| low.contains(w));
        // Whole words: "another" holds "not".
        let words = ["not", "leave", "avoid", "dont", "never", "without", "no", "keep", "except"];
        let negative = words.iter().any(|w| mentions(low, w)) || has(&["n't", "other than", "hands off", "stay out"]);
        let files: Vec<&String> = known
            .files
            .iter()
            .filter(|f| mentions(exact, f) || f.rsplit('/').next().is_some_and(|n| mentions(exact, n)))
            .collect();
        let functions: Vec<&String> = known.functions.iter().filter(|f| f.len() > 1 && mentions(exact, f)).collect();
        for file in &files {
            let set = if negative { &mut self.files_out } else { &mut self.files_in };
            set.insert((*file).clone());
            told.push(if negative { format!("I will not change {file}") } else { format!("I look in {file}") });
        }
        for function in functions.iter().filter(|_| files.is_empty() || has(&["function", "method"])) {
            let set = if negative { &mut self.functions_out } else { &mut self.functions_in };
            set.insert((*function).clone());
            told.push(if negative { format!("I leave `{function}` alone") } else { format!("I look in `{function}`") });
        }
        let this_file =
            negative && has(&["this file", "that file", "the file", "in here", "this module", "that module"]);
        let this_function = negative && has(THIS_FUNCTION);
        if files.is_empty() && (this_file || has(OTHER_FILE)) && !about.path.is_empty() {
            self.files_out.insert(about.path.clone());
            told.push(format!("I leave {} alone", about.path));
        } else if functions.is_empty() && (this_function || has(OTHER_FUNCTION)) && !about.function.is_empty() {
            self.functions_out.insert(about.function.clone());
            told.push(format!("I leave `{}` alone", about.function));
        }
        self.relatives(low, about, told);
        self.kinds(low, negative, about, told);
    }

    /// "try the caller", "try the callee", "try the helper".
    fn relatives(&mut self, low: &str, about: &About, told: &mut Vec<String>) {
        let calls_it =
            ["caller", "calls it", "calls this", "call site", "calling function", "calling code", "one level up"];
        let relatives = if calls_it.iter().any(|w| low.contains(w)) {
            &about.callers
        } else if low.contains("callee")
            || low.contains("it calls")
            || low.contains("helper")
            || low.contains("what it uses")
        {
            &about.callees
        } else {
            return;
        };
        let names: Vec<String> = relatives.iter().map(|(_, f)| f.clone()).filter(|f| *f != about.function).collect();
        if names.is_empty() {
            told.push("I find no such function outside the tests".to_owned());
        } else {
            told.push(format!("I look in {}", names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")));
            self.functions_out.remove(&about.function);
            self.functions_in = names.into_iter().collect();
        }
    }

    /// "not a guard", "smaller", "different approach".
    fn kinds(&mut self, low: &str, negative: bool, about: &About, told: &mut Vec<String>) {
        let words: &[(&str, &[&'static str])] = &[
            ("guard", &["guard", "lookup default"]),
            ("check", &["guard"]),
            ("special case", &["guard", "constant"]),
            ("delet", &["deletion"]),
            ("remov", &["deletion"]),
            ("constant", &["constant"]),
            ("magic number", &["constant", "expression"]),
            ("condition", &["boolean", "comparison", "boundary"]),
            ("copy", &["missing copy"]),
            ("conversion", &["conversion"]),
            ("cast", &["conversion"]),
            ("order", &["statement order"]),
        ];
        if negative {
            for (word, operators) in words.iter().filter(|(w, _)| low.contains(w)) {
                self.operators_out.extend(operators.iter().copied());
                told.push(format!("no change of the kind \"{word}\""));
            }
        }
        if low.contains("smaller") || low.contains("simpler") || low.contains("minimal") {
            self.small = true;
            told.push("I prefer smaller changes".to_owned());
        }
        let differs = [
            "different approach",
            "different kind",
            "different way",
            "another approach",
            "another way",
            "something else",
        ];
        if differs.iter().any(|d| low.contains(d)) && !about.operator.is_empty() {
            self.operators_out.insert(about.operator);
            told.push(format!("no more changes of the kind \"{}\"", about.operator));
        }
    }
}

/// The changed function, when something is not to happen there.
const THIS_FUNCTION: &[&str] = &[
    "this function",
    "that function",
    "the function",
    "this method",
    "that method",
    "the method",
    "this one alone",
    "that alone",
    "it alone",
    "this alone",
    "touch this",
    "touch that",
    "touch it",
    "change this",
    "change that",
    "change it",
    "not here",
    "not there",
];
/// Another file is meant.
const OTHER_FILE: &[&str] = &[
    "wrong file",
    "wrong module",
    "other file",
    "another file",
    "different file",
    "other module",
    "another module",
    "different module",
    "outside this file",
    "outside of this file",
];
/// Another function is meant.
const OTHER_FUNCTION: &[&str] = &[
    "wrong function",
    "wrong place",
    "wrong method",
    "other function",
    "another function",
    "different function",
    "other method",
    "another method",
    "different method",
    "elsewhere",
    "somewhere else",
    "look further",
];

/// Returns whether a text contains a word as a whole.
fn mentions(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(i, _)| {
        let before = text.get(..i).and_then(|t| t.chars().next_back());
        let after = text.get(i + word.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reason: &str, expect: impl Fn(&Steering) -> bool) {
        let about = About {
            path: "src/cart.py".into(),
            function: "total".into(),
            operator: "guard",
            words: "w".into(),
            callers: vec![("src/shop.py".into(), "checkout".into())],
            callees: vec![("src/cart.py".into(), "price".into())],
        };
        let known = Known {
            files: vec!["src/cart.py".into(), "src/shop.py".into()],
            functions: vec!["total".into(), "checkout".into(), "price".into()],
        };
        let mut steering = Steering::default();
        let told = steering.take(reason, &about, &known);
        assert!(expect(&steering), "{reason}: {told}: {steering:?}");
    }

    #[test]
    fn words_change_the_search() {
        check("not in this file", |s| !s.allows_file("src/cart.py") && s.allows_file("src/shop.py"));
        check("not in src/shop.py please", |s| !s.allows_file("src/shop.py") && s.allows_file("src/cart.py"));
        check("leave that function alone", |s| !s.allows_function("", "total") && s.allows_function("", "price"));
        check("leave price alone", |s| !s.allows_function("", "price") && s.allows_function("", "total"));
        check("try the caller", |s| s.allows_function("", "checkout") && !s.allows_function("", "total"));
        check("try the helper instead", |s| s.functions_in.contains("price"));
        check("smaller", |s| s.small);
        check("not a guard", |s| s.operators_out.contains("guard"));
        check("different approach", |s| s.operators_out.contains("guard"));
        check("look in shop.py", |s| s.allows_file("src/shop.py") && !s.allows_file("src/cart.py"));
        check("another", |s| s.refused.len() == 1);
        check("fix another function. look in shop.py.", |s| !s.allows_file("src/cart.py") && s.files_out.is_empty());
        check("wrong file", |s| !s.allows_file("src/cart.py") && s.allows_file("src/shop.py"));
        check("Please look in another file", |s| !s.allows_file("src/cart.py"));
        check("the bug is elsewhere", |s| !s.allows_function("", "total") && s.allows_function("", "price"));
        check("don't touch this function", |s| !s.allows_function("", "total"));
        check("Don't change it, the mistake is in price", |s| s.functions_in.contains("price"));
        check("no, the fix belongs in checkout()", |s| s.functions_in.contains("checkout"));
        check("keep cart.py as it is", |s| !s.allows_file("src/cart.py"));
        check("look one level up", |s| s.functions_in.contains("checkout"));
        check("fix it in the calling function", |s| s.functions_in.contains("checkout"));
    }
}
