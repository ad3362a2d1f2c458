//! Finds the model servers that can be used right now: keys in the environment, servers on this machine.
//!
//! Only loopback servers are asked anything; a key that is set is only noted, never tried.

use super::catalog::{Catalog, KeySource, Provider};
use super::http::{self, Endpoint, Patience};
use crate::agent::llm::limits;
use futures::future::join_all;
use serde_json::Value;
use std::time::Duration;

/// A provider and whether it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name in `llm:NAME/MODEL`.
    pub provider: String,
    /// For people.
    pub title: String,
    /// Usable now.
    pub usable: bool,
    /// The reason, or what to do if it is not usable.
    pub why: String,
    /// Models it has, as far as known; foreign text where a server reported them.
    pub models: Vec<String>,
}

/// Looks at every provider at once; takes no longer than one time-out.
pub async fn discover(catalog: &Catalog, env: impl Fn(&str) -> Option<String>) -> Vec<Found> {
    let looks = catalog.providers().iter().map(|provider| {
        let key_set = match &provider.key {
            KeySource::Env(name) => Some((name.clone(), env(name).is_some_and(|value| !value.trim().is_empty()))),
            KeySource::None | KeySource::Command(_) | KeySource::File(_) | KeySource::Keyring(_) => None,
        };
        look(provider, key_set)
    });
    join_all(looks).await
}

async fn look(provider: &Provider, key_set: Option<(String, bool)>) -> Found {
    let written: Vec<String> = provider.models.iter().map(|model| model.name.clone()).collect();
    let found = |usable: bool, why: String, models: Vec<String>| Found {
        provider: provider.name.clone(),
        title: provider.title.clone(),
        usable,
        why,
        models,
    };
    let local = reqwest::Url::parse(&provider.base_url).is_ok_and(|url| http::is_loopback(&url));
    match (&provider.key, key_set) {
        (_, Some((name, true))) => found(true, format!("{name} is set"), written),
        (_, Some((name, false))) => found(false, format!("{name} is not set"), written),
        (KeySource::Command(argv), _) => {
            found(true, format!("key from `{}`", argv.first().map_or("", String::as_str)), written)
        }
        (KeySource::Keyring(entry), _) => {
            found(true, format!("key in the keyring: {} of {}", entry.service, entry.account), written)
        }
        (KeySource::File(path), _) if path.exists() => found(true, format!("key in {}", path.display()), written),
        (KeySource::File(path), _) => found(false, format!("no key file {}", path.display()), written),
        (KeySource::None | KeySource::Env(_), _) if local => match ask(provider).await {
            Ok(mut models) => {
                models.extend(written);
                models.dedup();
                models.truncate(limits::MODELS_PER_SERVER_MAX);
                found(true, format!("answers at {}", provider.base_url), models)
            }
            Err(why) => found(false, why, written),
        },
        (KeySource::None | KeySource::Env(_), _) => {
            found(true, format!("no key needed at {}", provider.base_url), written)
        }
    }
}

/// The context that a server on this machine tells of one of its models, tokens. Takes no longer than one time-out.
pub async fn context_of(provider: &Provider, model: &str) -> Option<u32> {
    let local = reqwest::Url::parse(&provider.base_url).is_ok_and(|url| http::is_loopback(&url));
    if !local {
        return None;
    }
    context_in(&list(provider).await.ok()?, model)
}

/// `n_ctx` (llama.cpp), `max_model_len` (vLLM) and their relatives in a list of models.
fn context_in(list: &Value, model: &str) -> Option<u32> {
    let entries = list.get("data").and_then(Value::as_array)?;
    let named = |entry: &&Value| {
        let alias = entry.get("aliases").and_then(Value::as_array);
        entry.get("id").is_some_and(|id| id == model)
            || alias.is_some_and(|names| names.iter().any(|name| name == model))
    };
    // A server of one model answers for it by whatever name it is called.
    let entry = entries.iter().find(named).or_else(|| entries.first().filter(|_| entries.len() == 1))?;
    let places = ["/meta/n_ctx", "/max_model_len", "/loaded_context_length", "/context_length"];
    let tokens = places.iter().find_map(|place| entry.pointer(place)?.as_u64())?;
    u32::try_from(tokens).ok().filter(|tokens| *tokens > 0)
}

async fn list(provider: &Provider) -> Result<Value, super::fault::Fault> {
    let endpoint =
        Endpoint { api: provider.api, base_url: provider.base_url.clone(), key: None, patience: Patience::default() };
    let url = provider.api.models_url(&provider.base_url);
    http::get_json(&endpoint, &url, Duration::from_millis(limits::DISCOVER_MS_MAX)).await
}

/// The model names a running server tells.
async fn ask(provider: &Provider) -> Result<Vec<String>, String> {
    let endpoint =
        Endpoint { api: provider.api, base_url: provider.base_url.clone(), key: None, patience: Patience::default() };
    let wait = Duration::from_millis(limits::DISCOVER_MS_MAX);
    let mut answer = list(provider).await;
    if answer.is_err() && provider.name == "ollama" {
        // Ollama before 0.1.24 has no OpenAI paths, but always its own list.
        let tags = format!("{}/api/tags", provider.base_url.trim_end_matches("/v1"));
        answer = http::get_json(&endpoint, &tags, wait).await;
    }
    Ok(model_names(&answer.map_err(|fault| fault.to_string())?))
}

/// Names in `{data: [{id}]}` (OpenAI), `{models: [{name}]}` (Ollama, Gemini).
fn model_names(list: &Value) -> Vec<String> {
    let entries = list.get("data").or_else(|| list.get("models")).and_then(Value::as_array);
    let name = |entry: &Value| {
        let text = entry.get("id").or_else(|| entry.get("name")).and_then(Value::as_str)?;
        Some(text.trim_start_matches("models/").to_owned())
    };
    entries.into_iter().flatten().filter_map(name).take(limits::MODELS_PER_SERVER_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn model_lists_of_all_servers_are_read() {
        let names = |value: Value| model_names(&value);
        assert_eq!(names(json!({"data": [{"id": "a"}, {"id": "b"}, {"x": 1}]})), ["a", "b"]);
        assert_eq!(
            names(json!({"models": [{"name": "models/gemini"}, {"name": "qwen:1.5b"}]})),
            ["gemini", "qwen:1.5b"]
        );
        assert_eq!(names(json!([])), Vec::<String>::new());
    }

    #[test]
    fn the_context_that_servers_tell_is_read() {
        let llama =
            json!({"data": [{"id": "qwen", "aliases": ["qwen", "q"], "meta": {"n_ctx": 8192, "n_ctx_train": 32768}}]});
        assert_eq!((context_in(&llama, "q"), context_in(&llama, "any name")), (Some(8_192), Some(8_192)));
        let vllm = json!({"data": [{"id": "a", "max_model_len": 4096}, {"id": "b", "max_model_len": 1}]});
        assert_eq!((context_in(&vllm, "a"), context_in(&vllm, "c")), (Some(4_096), None));
        assert_eq!(context_in(&json!({"data": [{"id": "a"}]}), "a"), None);
        assert_eq!(context_in(&json!([]), "a"), None);
    }

    #[tokio::test]
    async fn a_set_key_is_noted_and_not_tried() {
        let catalog = Catalog::built_in().unwrap();
        let found = discover(&catalog, |name| (name == "ANTHROPIC_API_KEY").then(|| "sk-x".to_owned())).await;
        let usable = |name: &str| found.iter().find(|found| found.provider == name).unwrap();
        assert!(usable("anthropic").usable && usable("anthropic").why == "ANTHROPIC_API_KEY is set");
        assert!(!usable("openai").usable && usable("openai").why == "OPENAI_API_KEY is not set");
    }
}
