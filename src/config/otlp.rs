//! Settings of the export of spans over OTLP.

use hyper::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The collector that is sent spans of the session, its actions and decisions. Without free text: names, kinds, numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpFile {
    /// Address of the collector for traces over HTTP, such as `http://127.0.0.1:4318/v1/traces`. Needs a build with the
    /// feature `otlp`.
    pub endpoint: Option<String>,
}

/// What is wrong with the address.
pub(super) fn fault(file: &OtlpFile) -> Option<String> {
    let endpoint = file.endpoint.as_ref()?;
    let is_address = endpoint.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|to| !to.as_str().contains('@'))
    });
    (!is_address).then(|| format!("{endpoint:?} is not an http or https address without a user"))
}

/// Says that this build does not export, if so.
pub(super) fn without_effect(endpoint: Option<&String>) -> Option<String> {
    let why = "otlp.endpoint has no effect: this build does not have the feature `otlp`";
    (endpoint.is_some() && !cfg!(feature = "otlp")).then(|| why.to_owned())
}
