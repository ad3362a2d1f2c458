//! Our messages, built from the official types so that they are well-formed by construction. What we receive is looked
//! at raw instead: the typed view refuses whole messages for one unknown word in them.

use super::message::RpcError;
use agent_client_protocol_schema::ProtocolVersion;

/// The only supported version of ACP.
pub(super) const PROTOCOL_VERSION: u64 = 1;
use agent_client_protocol_schema::v1;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// Method names of the stable protocol, version 1.
pub use v1::{AGENT_METHOD_NAMES as TO_AGENT, CLIENT_METHOD_NAMES as FROM_AGENT};

/// An interim extension: adds text to the running turn. Announced at `_meta.steering.supported`.
pub const STEERING: &str = "_session/steering";

/// Takes a request back, in either direction.
pub const CANCEL_REQUEST: &str = "$/cancel_request";

fn json_of(message: impl Serialize) -> Value {
    serde_json::to_value(message).unwrap_or_else(|_| json!({}))
}

pub fn text_block(text: &str) -> Value {
    json_of(v1::ContentBlock::Text(v1::TextContent::new(text)))
}

/// Announces files, terminals, forms, addresses and terminal logins: several agents ask for nothing unless the first two are offered.
/// The two `_meta` flags are what claude-agent-acp and codex-acp look for before they send command output along.
pub fn initialize() -> Value {
    let fs = v1::FileSystemCapabilities::new().read_text_file(true).write_text_file(true);
    let meta: v1::Meta = [("terminal_output".to_owned(), json!(true))].into_iter().collect();
    let auth = v1::AuthCapabilities::new().terminal(true);
    let mut capabilities = v1::ClientCapabilities::new().fs(fs).terminal(true).auth(auth).meta(meta);
    capabilities = capabilities
        .elicitation(
            v1::ElicitationCapabilities::new()
                .form(v1::ElicitationFormCapabilities::new())
                .url(v1::ElicitationUrlCapabilities::new()),
        )
        .session(
            v1::ClientSessionCapabilities::new()
                .notices(v1::NoticeCapabilities::new())
                .compaction(v1::CompactionCapabilities::new())
                .config_options(
                    v1::SessionConfigOptionsCapabilities::new().boolean(v1::BooleanConfigOptionCapabilities::new()),
                ),
        );
    let me = v1::Implementation::new("rightseat", env!("CARGO_PKG_VERSION")).title("rightseat".to_owned());
    let mut request =
        json_of(v1::InitializeRequest::new(ProtocolVersion::V1).client_capabilities(capabilities).client_info(me));
    // Not stable in the schema yet; without it codex sends its plans as plain messages.
    if let Some(capabilities) = request.get_mut("clientCapabilities").and_then(Value::as_object_mut) {
        capabilities.insert("plan".to_owned(), json!({}));
    }
    request
}

pub fn authenticate(method: &str) -> Value {
    json_of(v1::AuthenticateRequest::new(method.to_owned()))
}

pub fn new_session(cwd: &Path) -> Value {
    json_of(v1::NewSessionRequest::new(cwd))
}

pub fn load_session(session: &str, cwd: &Path) -> Value {
    json_of(v1::LoadSessionRequest::new(session.to_owned(), cwd))
}

pub fn resume_session(session: &str, cwd: &Path) -> Value {
    json_of(v1::ResumeSessionRequest::new(session.to_owned(), cwd))
}

/// Not in the stable protocol yet: opens a copy of a session.
pub const SESSION_FORK: &str = "session/fork";

pub fn fork_session(session: &str, cwd: &Path) -> Value {
    json!({"sessionId": session, "cwd": cwd, "mcpServers": []})
}

pub fn close_session(session: &str) -> Value {
    json_of(v1::CloseSessionRequest::new(session.to_owned()))
}

pub fn list_sessions(cwd: &Path) -> Value {
    json_of(v1::ListSessionsRequest::new().cwd(cwd.to_path_buf()))
}

pub fn delete_session(session: &str) -> Value {
    json_of(v1::DeleteSessionRequest::new(session.to_owned()))
}

pub fn logout() -> Value {
    json_of(v1::LogoutRequest::new())
}

pub fn cancel_request(number: u64) -> Value {
    json!({"requestId": number})
}

pub fn prompt(session: &str, blocks: &[Value]) -> Value {
    json!({"sessionId": session, "prompt": blocks})
}

pub fn steering(session: &str, text: &str) -> Value {
    json!({"sessionId": session, "prompt": [text_block(text)], "idleBehavior": "promptRequired"})
}

pub fn cancel(session: &str) -> Value {
    json_of(v1::CancelNotification::new(session.to_owned()))
}

pub fn set_mode(session: &str, mode: &str) -> Value {
    json_of(v1::SetSessionModeRequest::new(session.to_owned(), mode.to_owned()))
}

pub fn set_option(session: &str, option: &str, value: &str) -> Value {
    let value = v1::SessionConfigOptionValue::value_id(value.to_owned());
    json_of(v1::SetSessionConfigOptionRequest::new(session.to_owned(), option.to_owned(), value))
}

pub fn set_switch(session: &str, option: &str, on: bool) -> Value {
    let value = v1::SessionConfigOptionValue::boolean(on);
    json_of(v1::SetSessionConfigOptionRequest::new(session.to_owned(), option.to_owned(), value))
}

/// No longer in the protocol, still offered by some agents beside nothing else.
pub fn set_model(session: &str, model: &str) -> Value {
    json!({"sessionId": session, "modelId": model})
}

pub fn selected(option: &str) -> Value {
    let outcome = v1::SelectedPermissionOutcome::new(option.to_owned());
    json_of(v1::RequestPermissionResponse::new(v1::RequestPermissionOutcome::Selected(outcome)))
}

pub fn permission_canceled() -> Value {
    json_of(v1::RequestPermissionResponse::new(v1::RequestPermissionOutcome::Cancelled))
}

pub fn file_text(content: String) -> Value {
    json_of(v1::ReadTextFileResponse::new(content))
}

pub fn file_written() -> Value {
    json_of(v1::WriteTextFileResponse::new())
}

pub fn no_such_file(path: &str) -> RpcError {
    RpcError { data: json!({"uri": path}), ..RpcError::new(RpcError::NOT_FOUND, format!("Resource not found: {path}")) }
}

/// The end of a command. Codes above 128 from our runner mean a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<String>,
}

impl Exit {
    fn typed(&self) -> v1::TerminalExitStatus {
        let code = self.code.and_then(|code| u32::try_from(code).ok());
        v1::TerminalExitStatus::new().exit_code(code).signal(self.signal.clone())
    }
}

pub fn terminal_created(id: &str) -> Value {
    json_of(v1::CreateTerminalResponse::new(id.to_owned()))
}

pub fn terminal_output(output: &str, truncated: bool, exit: Option<&Exit>) -> Value {
    json_of(v1::TerminalOutputResponse::new(output, truncated).exit_status(exit.map(Exit::typed)))
}

pub fn terminal_exited(exit: &Exit) -> Value {
    json_of(v1::WaitForTerminalExitResponse::new(exit.typed()))
}

pub fn terminal_released() -> Value {
    json_of(v1::ReleaseTerminalResponse::new())
}

pub fn terminal_killed() -> Value {
    json_of(v1::KillTerminalResponse::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shapes_are_those_of_the_protocol() {
        let init = initialize();
        assert_eq!(init["protocolVersion"], 1);
        assert_eq!(init["clientCapabilities"]["fs"], json!({"readTextFile": true, "writeTextFile": true}));
        assert_eq!(init["clientCapabilities"]["terminal"], true);
        assert_eq!(init["clientCapabilities"]["_meta"]["terminal_output"], true);
        assert_eq!(init["clientCapabilities"]["plan"], json!({}));
        assert_eq!(init["clientCapabilities"]["elicitation"], json!({"form": {}, "url": {}}));
        assert_eq!(selected("x"), json!({"outcome": {"outcome": "selected", "optionId": "x"}}));
        assert_eq!(permission_canceled(), json!({"outcome": {"outcome": "cancelled"}}));
        assert_eq!(new_session(Path::new("/w")), json!({"cwd": "/w", "mcpServers": []}));
        assert_eq!(
            set_switch("s", "o", true),
            json!({"sessionId": "s", "configId": "o", "type": "boolean", "value": true})
        );
        assert_eq!(set_option("s", "o", "v"), json!({"sessionId": "s", "configId": "o", "value": "v"}));
        let exit = Exit { code: Some(1), signal: None };
        assert_eq!(terminal_output("o", false, Some(&exit))["exitStatus"]["exitCode"], 1);
    }
}
