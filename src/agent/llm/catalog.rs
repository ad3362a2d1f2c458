//! The known model servers, and the context and prices of their models: `assets/models.toml` and the user's own.
//!
//! Reading is strict: an unknown field, two key sources or a bad address is an error that names the file,
//! the provider and what was expected. These files never contain keys.

use super::delta::Usage;
use super::providers::Api;
use super::request::Thinking;
use crate::agent::llm::limits;
use crate::config::ConfigError;
use serde::Deserialize;
use std::path::{Path, PathBuf};

const BUILT_IN: &str = include_str!("../../../assets/models.toml");

/// Every provider known, the user's overrides applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalog {
    providers: Vec<Provider>,
}

/// A model server.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// The name in `llm:NAME/MODEL`.
    pub name: String,
    /// For people.
    pub title: String,
    /// The protocol.
    pub api: Api,
    /// Scheme, host, port and path prefix.
    pub base_url: String,
    /// The source of its key.
    pub key: KeySource,
    /// It costs nothing: prices that are not written down are zero, not unknown.
    pub free: bool,
    /// Models written down; others may be named as well.
    pub models: Vec<Model>,
}

/// The source of a key. Never the key itself. Never the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The server wants none.
    None,
    /// An environment variable.
    Env(String),
    /// A command that prints it.
    Command(Vec<String>),
    /// A file of mode 0600.
    File(PathBuf),
    /// The operating system's keyring.
    Keyring(Entry),
}

/// An entry of the keyring: by these two words it is stored and found.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The purpose of the key.
    pub service: String,
    /// The owner of the key.
    pub account: String,
}

/// The context and prices of a model. `None` is unknown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The provider's name for it.
    pub name: String,
    /// Tokens of prompt and answer together.
    #[serde(default)]
    pub context: Option<u32>,
    /// Longest answer, tokens.
    #[serde(default)]
    pub output: Option<u32>,
    /// US dollars per million prompt tokens.
    #[serde(default)]
    pub price_in: Option<f64>,
    /// US dollars per million answer tokens.
    #[serde(default)]
    pub price_out: Option<f64>,
    /// US dollars per million prompt tokens read from the cache; unknown: as `price_in`.
    #[serde(default)]
    pub price_cache_read: Option<f64>,
    /// US dollars per million prompt tokens written to the cache; unknown: as `price_in`.
    #[serde(default)]
    pub price_cache_write: Option<f64>,
    /// The amount of thinking.
    #[serde(default)]
    pub thinking: Thinking,
    /// The preferred format of edits.
    #[serde(default)]
    pub edit_format: EditFormat,
}

/// The edit tool a model is offered; small models do better with fewer forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EditFormat {
    /// Old text, new text.
    #[default]
    Replace,
    /// Unified patches.
    Patch,
    /// Only whole files.
    Whole,
}

/// One model of one provider, ready to be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The server.
    pub provider: Provider,
    /// The model.
    pub model: Model,
}

/// An error in a models file or a model's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// The file cannot be read.
    #[error("{file}: {why}")]
    Unreadable {
        /// Path.
        file: String,
        /// Cause.
        why: String,
    },
    /// The file is not TOML, or has other keys or types.
    #[error(transparent)]
    Syntax(ConfigError),
    /// The file is not what it should be.
    #[error("{file}: {why}")]
    Invalid {
        /// Path.
        file: String,
        /// The place of the error and what was expected.
        why: String,
    },
    /// No such provider.
    #[error("no provider `{name}`; known providers: {known}. Add it to models.toml as [[provider]]")]
    NoProvider {
        /// The requested name.
        name: String,
        /// Comma-separated names.
        known: String,
    },
    /// No model named.
    #[error("`{spec}` has no model; write {name}/MODEL{hint}")]
    NoModel {
        /// The requested name.
        spec: String,
        /// The provider.
        name: String,
        /// Examples.
        hint: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    provider: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    title: Option<String>,
    api: Option<Api>,
    base_url: Option<String>,
    key_env: Option<String>,
    key_command: Option<Words>,
    key_file: Option<PathBuf>,
    key_keyring: Option<Entry>,
    free: Option<bool>,
    #[serde(default)]
    models: Vec<Model>,
}

/// A command as argv or as one line with shell quoting.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Argv(Vec<String>),
    Line(String),
}

impl Catalog {
    /// The bundled table. The error cannot happen in a build whose tests passed.
    pub fn built_in() -> Result<Catalog, CatalogError> {
        Catalog { providers: Vec::new() }.with(BUILT_IN, "the built-in models.toml")
    }

    /// The bundled table with the user's file over it; a file that does not exist changes nothing.
    pub fn load(user: Option<&Path>) -> Result<Catalog, CatalogError> {
        let catalog = Catalog::built_in()?;
        let Some(path) = user else { return Ok(catalog) };
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => catalog.with(&text, &file),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(catalog),
            Err(error) => Err(CatalogError::Unreadable { file, why: error.to_string() }),
        }
    }

    /// This catalog with a file's text over it.
    pub fn with(mut self, text: &str, file: &str) -> Result<Catalog, CatalogError> {
        let invalid = |why: String| CatalogError::Invalid { file: file.to_owned(), why };
        let written: File =
            toml::from_str(text).map_err(|error| CatalogError::Syntax(ConfigError::toml(file, text, &error)))?;
        for entry in written.provider {
            let name = entry.name.clone();
            let known = self.providers.iter().position(|provider| provider.name == name);
            let old = known.and_then(|at| self.providers.get(at)).cloned();
            let new = entry.over(old).map_err(|why| invalid(format!("provider `{name}`: {why}")))?;
            match known.and_then(|at| self.providers.get_mut(at)) {
                Some(slot) => *slot = new,
                None => self.providers.push(new),
            }
        }
        Ok(self)
    }

    /// Every provider, the bundled ones first.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// Finds `NAME/MODEL` (an `llm:` before it is ignored). A model that is not listed is taken as
    /// named, with everything about it unknown.
    pub fn choose(&self, spec: &str) -> Result<Choice, CatalogError> {
        let spec = spec.strip_prefix("llm:").unwrap_or(spec);
        let (name, model) = spec.split_once('/').unwrap_or((spec, ""));
        let Some(provider) = self.providers.iter().find(|provider| provider.name == name) else {
            let names: Vec<&str> = self.providers.iter().map(|provider| provider.name.as_str()).collect();
            return Err(CatalogError::NoProvider { name: name.to_owned(), known: names.join(", ") });
        };
        if model.is_empty() {
            let first = provider.models.first();
            let hint = first.map_or(String::new(), |model| format!(", for example {name}/{}", model.name));
            return Err(CatalogError::NoModel { spec: spec.to_owned(), name: name.to_owned(), hint });
        }
        Ok(Choice { provider: provider.clone(), model: provider.model(model) })
    }
}

impl Provider {
    /// The model of that name, written down or not.
    pub fn model(&self, name: &str) -> Model {
        let written = self.models.iter().find(|model| model.name == name).cloned();
        let mut model = written.unwrap_or_else(|| Model { name: name.to_owned(), ..Model::default() });
        if self.free {
            model.price_in = model.price_in.or(Some(0.0));
            model.price_out = model.price_out.or(Some(0.0));
        }
        model
    }
}

impl Written {
    fn over(self, old: Option<Provider>) -> Result<Provider, String> {
        let command = self.key_command.map(Words::argv).transpose()?;
        let keyring = self.key_keyring.map(Entry::checked).transpose()?;
        let sources = [
            self.key_env.map(KeySource::Env),
            command.map(KeySource::Command),
            self.key_file.map(KeySource::File),
            keyring.map(KeySource::Keyring),
        ];
        let mut sources = sources.into_iter().flatten();
        let key = sources.next();
        if sources.next().is_some() {
            return Err("give only one of key_env, key_command, key_file, key_keyring".to_owned());
        }
        let base_url = self.base_url.or_else(|| old.as_ref().map(|old| old.base_url.clone()));
        let base_url = base_url.ok_or("base_url is missing, for example \"http://127.0.0.1:8080/v1\"")?;
        let parsed = reqwest::Url::parse(&base_url).map_err(|error| format!("base_url `{base_url}`: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("base_url `{base_url}` must begin with http:// or https://"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            return Err(
                "base_url must not contain a user, password or query; use key_env, key_command, key_file or key_keyring"
                    .to_owned(),
            );
        }
        let key = key.or_else(|| old.as_ref().map(|old| old.key.clone())).unwrap_or(KeySource::None);
        if key != KeySource::None && parsed.scheme() == "http" && !super::http::is_loopback(&parsed) {
            return Err(format!("base_url `{base_url}` would send the key unencrypted; use https://"));
        }
        let api = self.api.or(old.as_ref().map(|old| old.api));
        let names = || Api::ALL.map(Api::name).join(", ");
        let api = api.ok_or_else(|| format!("api is missing: one of {}", names()))?;
        let mut models = old.as_ref().map(|old| old.models.clone()).unwrap_or_default();
        for model in self.models {
            models.retain(|known| known.name != model.name);
            models.push(model);
        }
        let title = self.title.or_else(|| old.as_ref().map(|old| old.title.clone()));
        let free = self.free.or(old.as_ref().map(|old| old.free)).unwrap_or(false);
        Ok(Provider {
            title: title.unwrap_or_else(|| self.name.clone()),
            name: self.name,
            api,
            base_url,
            key,
            free,
            models,
        })
    }
}

impl Entry {
    fn checked(self) -> Result<Entry, String> {
        let plain = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_control);
        if plain(&self.service) && plain(&self.account) {
            Ok(self)
        } else {
            Err("key_keyring needs a service and an account; neither may begin with -".to_owned())
        }
    }
}

impl Words {
    fn argv(self) -> Result<Vec<String>, String> {
        let argv = match self {
            Words::Argv(argv) => argv,
            Words::Line(line) => shell_words::split(&line).map_err(|error| format!("key_command: {error}"))?,
        };
        if argv.is_empty() { Err("key_command is empty".to_owned()) } else { Ok(argv) }
    }
}

impl Model {
    /// The context assumed when it is unknown: what small local servers are started with.
    pub fn context_tokens(&self) -> u32 {
        self.context.unwrap_or(limits::CONTEXT_UNKNOWN_TOKENS).max(limits::CONTEXT_TOKENS_MIN)
    }

    /// The longest answer asked for, tokens; leaves most of the context to the prompt.
    pub fn answer_tokens(&self) -> u32 {
        let share = (self.context_tokens() / 4).max(256);
        self.output.unwrap_or(limits::ANSWER_TOKENS_MAX).min(limits::ANSWER_TOKENS_MAX).min(share)
    }

    /// Returns the cost of a completion in millionths of a dollar; `None` when a price or a count is unknown.
    ///
    /// A dollar per million tokens is a millionth of a dollar per token.
    pub fn cost_micros(&self, usage: &Usage) -> Option<u64> {
        let price_in = self.price_in?;
        let of = |tokens: Option<u64>, price: f64| tokens.unwrap_or(0) as f64 * price;
        let sum = of(usage.input.or(usage.prompt()), price_in)
            + of(usage.cache_read, self.price_cache_read.unwrap_or(price_in))
            + of(usage.cache_write, self.price_cache_write.unwrap_or(price_in))
            + of(Some(usage.output?), self.price_out?);
        Some(sum.ceil().max(0.0) as u64)
    }

    /// Returns the length of an answer to such a prompt for the given millionths of a dollar; `None` when a price is
    /// unknown.
    pub fn answer_tokens_within(&self, prompt_tokens: u64, cost_micros: u64) -> Option<u64> {
        let price_in = self.price_in?.max(self.price_cache_write.unwrap_or(0.0));
        let (price_out, left) = (self.price_out?, cost_micros as f64 - prompt_tokens as f64 * price_in);
        Some(match (left < 0.0, price_out > 0.0) {
            (true, _) => 0,
            (false, true) => (left / price_out).floor() as u64,
            (false, false) => u64::MAX,
        })
    }

    /// The most that a call can cost, in millionths of a dollar, before it is made; `None` when unknown.
    pub fn cost_micros_max(&self, prompt_tokens: u64, answer_tokens: u64) -> Option<u64> {
        let price_in = self.price_in?.max(self.price_cache_write.unwrap_or(0.0));
        let sum = prompt_tokens as f64 * price_in + answer_tokens as f64 * self.price_out?;
        Some(sum.ceil().max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Catalog, CatalogError> {
        Catalog::built_in().unwrap().with(text, "models.toml")
    }

    #[test]
    fn the_bundled_table_is_whole() {
        let catalog = Catalog::built_in().unwrap();
        let names: Vec<&str> = catalog.providers().iter().map(|provider| provider.name.as_str()).collect();
        assert_eq!(names, ["openai", "anthropic", "gemini", "openrouter", "ollama", "llama.cpp", "lmstudio", "vllm"]);
        for model in catalog.providers().iter().flat_map(|provider| &provider.models) {
            assert!(model.context.is_some() && model.output.is_some() && model.price_in.is_some(), "{}", model.name);
        }
    }

    #[test]
    fn a_users_file_adds_and_overrides_by_name() {
        let catalog = with(
            r#"
            [[provider]]
            name = "here"
            api = "anthropic"
            base_url = "http://127.0.0.1:9000"
            models = [{ name = "tiny", context = 4096, output = 512 }]
            [[provider]]
            name = "openai"
            key_command = "pass show 'my openai'"
            models = [{ name = "gpt-5", context = 1000, output = 100 }]
            "#,
        )
        .unwrap();
        let tiny = catalog.choose("llm:here/tiny").unwrap();
        assert_eq!((tiny.provider.api, tiny.model.context), (Api::Anthropic, Some(4096)));
        let openai = catalog.choose("openai/gpt-5").unwrap();
        assert_eq!(openai.provider.key, KeySource::Command(vec!["pass".into(), "show".into(), "my openai".into()]));
        assert_eq!((openai.model.context, openai.model.price_in), (Some(1000), None));
        assert_eq!(openai.provider.models.len(), 5);
    }

    #[test]
    fn mistakes_are_named() {
        let fails = |text: &str, words: &str| {
            let error = with(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        fails("[[provider]]\nname = \"x\"", "provider `x`: base_url is missing");
        fails("[[provider]]\nname = \"x\"\nbase_url = \"http://127.0.0.1\"", "api is missing");
        fails("[[provider]]\nname = \"x\"\nkey = \"sk\"", "models.toml:3:1: unknown key `key`");
        fails("[[provider]]\nname = \"openai\"\nkey_env = \"A\"\nkey_file = \"b\"", "only one of");
        fails("[[provider]]\nname = \"openai\"\nkey_keyring = { service = \"a\" }", "account");
        fails("[[provider]]\nname = \"openai\"\nkey_keyring = { service = \"a\", account = \"-w\" }", "begin with -");
        fails("[[provider]]\nname = \"openai\"\nbase_url = \"http://api.example.com\"", "unencrypted");
        fails("[[provider]]\nname = \"x\"\napi = \"openai\"", "openai-chat");
        fails("[[provider]]\nname = \"x\"\napi = \"gemini\"\nbase_url = \"https://me:pw@h\"", "a user");
        let catalog = Catalog::built_in().unwrap();
        let error = |spec| catalog.choose(spec).unwrap_err().to_string();
        assert!(error("nope/x").contains("known providers: openai, "));
        assert!(error("openai").contains("for example openai/gpt-5"));
        assert_eq!(catalog.choose("openrouter/meta/llama-3").unwrap().model.name, "meta/llama-3");
    }

    #[test]
    fn costs_are_exact_or_unknown() {
        let sonnet = Catalog::built_in().unwrap().choose("anthropic/claude-sonnet-4-5").unwrap().model;
        let usage = Usage { input: Some(1_000), cache_read: Some(10_000), cache_write: Some(100), output: Some(200) };
        // 1000 × 3 + 10000 × 0.3 + 100 × 3.75 + 200 × 15
        assert_eq!(sonnet.cost_micros(&usage), Some(9_375));
        assert_eq!(Model::default().cost_micros(&usage), None);
        assert_eq!(sonnet.cost_micros(&Usage::default()), None);
        let local = Catalog::built_in().unwrap().choose("ollama/qwen").unwrap().model;
        assert_eq!(local.cost_micros(&usage), Some(0));
    }
}
