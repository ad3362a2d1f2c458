//! Hosts whose keys commands use without having them.

use super::LayerSettings;
use crate::model::Address;
use crate::model::event::Network;
use hyper::Uri;
use hyper::header::{AUTHORIZATION, HeaderName, InvalidHeaderName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host, `HOST` or `HOST:PORT`, whose key commands in a layer use without having it, where `layer.network` is `ask`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Brokered {
    /// Variable with the key where rightseat is started; the command has a placeholder under the same name.
    pub env: String,
    /// Variable in which the command has the host's address at the proxy.
    pub base_url_env: Option<String>,
    /// Path at the end of that address, such as `/v1`.
    pub path: Option<String>,
    /// Header in which the proxy puts the key in place of the placeholder; unset, `authorization`.
    pub header: Option<String>,
}

impl Brokered {
    /// The address of the host with this name; `None` if it is not one.
    pub fn address(&self, name: &str) -> Option<Address> {
        let is_bare = !name.contains(['/', '?', '#', '@', ' ']);
        Address::parse(&format!("https://{name}")).filter(|_| is_bare)
    }

    /// # Errors
    /// When it is not the name of a header.
    pub fn header_name(&self) -> Result<HeaderName, InvalidHeaderName> {
        self.header.as_deref().map_or(Ok(AUTHORIZATION), |name| name.to_ascii_lowercase().parse())
    }

    /// What is wrong with it, in words.
    pub(super) fn fault(&self, name: &str) -> Option<String> {
        let is_variable = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let mut variables = [Some(&self.env), self.base_url_env.as_ref()].into_iter().flatten();
        if self.address(name).is_none() {
            return Some(format!("{name:?} is not HOST or HOST:PORT"));
        }
        if let Some(wrong) = variables.find(|variable| !is_variable(variable)) {
            return Some(format!("{name}: {wrong:?} is not a variable name"));
        }
        if let Err(error) = self.header_name() {
            return Some(format!("{name}: {:?} is not a header: {error}", self.header));
        }
        let is_path = |path: &String| path.starts_with('/') && path.parse::<Uri>().is_ok();
        let wrong = self.path.as_ref().filter(|path| !is_path(path));
        wrong.map(|path| format!("{name}: {path:?} is not a path such as /v1"))
    }
}

/// Says that there is no proxy for the keys, if so.
pub(super) fn without_effect(layer: &LayerSettings) -> Option<String> {
    let why = "[broker] needs layer.network = \"ask\": without it commands have neither keys nor placeholders";
    (!layer.broker.is_empty() && layer.network != Network::Ask).then(|| why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::file::File;
    use super::super::layers::resolve;
    use super::super::parse;

    fn file(text: &str) -> File {
        parse("config.toml", text).unwrap()
    }

    #[test]
    fn a_broker_is_checked_and_without_the_proxy_it_is_said_to_have_no_effect() {
        let broker = "[broker.\"api.example.com\"]\nenv = \"TOKEN\"\n";
        let warned = |text: &str| resolve(&file(&format!("{text}{broker}")), &File::default(), None).warnings.len();
        assert_eq!(warned("[layer]\nnetwork = \"ask\"\n"), 0);
        assert_eq!(
            (warned(""), warned("[layer]\nnetwork = \"on\"\n"), warned("[layer]\nnetwork = \"off\"\n")),
            (0, 1, 1)
        );
        let by_project = resolve(&File::default(), &File::default(), Some(&file(broker)));
        assert!(by_project.settings.layer.broker.is_empty());
        for wrong in [
            "[broker.\"https://x\"]\nenv = \"T\"",
            "[broker.\"a@b\"]\nenv = \"T\"",
            "[broker.x]\nenv = \"a b\"",
            "[broker.x]\nenv = \"T\"\nbase_url_env = \"\"",
            "[broker.x]\nenv = \"T\"\nheader = \"a b\"",
            "[broker.x]\nenv = \"T\"\npath = \"v1\"",
        ] {
            let fault = parse("config.toml", wrong).unwrap_err().to_string();
            assert!(fault.contains("broker"), "{fault}");
        }
    }
}
