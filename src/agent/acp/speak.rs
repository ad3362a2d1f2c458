//! Our messages, written out; the tests compare each with what the official types make of it. What we receive is looked
//! at raw as well: the typed view refuses whole messages for one unknown word in them.

use super::message::RpcError;
use serde_json::{Value, json};
use std::path::Path;

/// The only supported version of ACP.
pub(super) const PROTOCOL_VERSION: u64 = 1;

/// Method names of the stable protocol, version 1.
pub mod method {
    pub const AUTHENTICATE: &str = "authenticate";
    pub const ELICITATION_COMPLETE: &str = "elicitation/complete";
    pub const ELICITATION_CREATE: &str = "elicitation/create";
    pub const FS_READ_TEXT_FILE: &str = "fs/read_text_file";
    pub const FS_WRITE_TEXT_FILE: &str = "fs/write_text_file";
    pub const INITIALIZE: &str = "initialize";
    pub const LOGOUT: &str = "logout";
    pub const SESSION_CANCEL: &str = "session/cancel";
    pub const SESSION_CLOSE: &str = "session/close";
    pub const SESSION_DELETE: &str = "session/delete";
    pub const SESSION_LIST: &str = "session/list";
    pub const SESSION_LOAD: &str = "session/load";
    pub const SESSION_NEW: &str = "session/new";
    pub const SESSION_PROMPT: &str = "session/prompt";
    pub const SESSION_REQUEST_PERMISSION: &str = "session/request_permission";
    pub const SESSION_RESUME: &str = "session/resume";
    pub const SESSION_SET_CONFIG_OPTION: &str = "session/set_config_option";
    pub const SESSION_SET_MODE: &str = "session/set_mode";
    pub const SESSION_UPDATE: &str = "session/update";
    pub const TERMINAL_CREATE: &str = "terminal/create";
    pub const TERMINAL_KILL: &str = "terminal/kill";
    pub const TERMINAL_OUTPUT: &str = "terminal/output";
    pub const TERMINAL_RELEASE: &str = "terminal/release";
    pub const TERMINAL_WAIT_FOR_EXIT: &str = "terminal/wait_for_exit";
}

/// An interim extension: adds text to the running turn. Announced at `_meta.steering.supported`.
pub const STEERING: &str = "_session/steering";

/// Takes a request back, in either direction.
pub const CANCEL_REQUEST: &str = "$/cancel_request";

pub fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

/// Announces files, terminals, forms, addresses and terminal logins: several agents ask for nothing unless the first
/// two are offered. `_meta.terminal_output` is what claude-agent-acp and codex-acp look for before they send command
/// output along, and `_meta.terminal-auth` what some look for before they announce a login in a terminal.
pub fn initialize() -> Value {
    // `plan` is not stable in the schema yet; without it codex sends its plans as plain messages.
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "clientCapabilities": {
            "fs": {"readTextFile": true, "writeTextFile": true},
            "terminal": true,
            "session": {"compaction": {}, "configOptions": {"boolean": {}}, "notices": {}},
            "auth": {"terminal": true},
            "elicitation": {"form": {}, "url": {}},
            "_meta": {"terminal_output": true, "terminal-auth": true},
            "plan": {},
        },
        "clientInfo": {"name": "rightseat", "title": "rightseat", "version": env!("CARGO_PKG_VERSION")},
    })
}

pub fn authenticate(method: &str) -> Value {
    json!({"methodId": method})
}

pub fn new_session(cwd: &Path) -> Value {
    json!({"cwd": cwd, "mcpServers": []})
}

pub fn load_session(session: &str, cwd: &Path) -> Value {
    json!({"mcpServers": [], "cwd": cwd, "sessionId": session})
}

pub fn resume_session(session: &str, cwd: &Path) -> Value {
    json!({"sessionId": session, "cwd": cwd})
}

/// Not in the stable protocol yet: opens a copy of a session.
pub const SESSION_FORK: &str = "session/fork";

pub fn fork_session(session: &str, cwd: &Path) -> Value {
    json!({"sessionId": session, "cwd": cwd, "mcpServers": []})
}

pub fn close_session(session: &str) -> Value {
    json!({"sessionId": session})
}

pub fn list_sessions(cwd: &Path) -> Value {
    json!({"cwd": cwd})
}

pub fn delete_session(session: &str) -> Value {
    json!({"sessionId": session})
}

pub fn logout() -> Value {
    json!({})
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
    json!({"sessionId": session})
}

pub fn set_mode(session: &str, mode: &str) -> Value {
    json!({"sessionId": session, "modeId": mode})
}

pub fn set_option(session: &str, option: &str, value: &str) -> Value {
    json!({"sessionId": session, "configId": option, "value": value})
}

pub fn set_switch(session: &str, option: &str, on: bool) -> Value {
    json!({"sessionId": session, "configId": option, "type": "boolean", "value": on})
}

/// No longer in the protocol, still offered by some agents beside nothing else.
pub fn set_model(session: &str, model: &str) -> Value {
    json!({"sessionId": session, "modelId": model})
}

pub fn selected(option: &str) -> Value {
    json!({"outcome": {"outcome": "selected", "optionId": option}})
}

pub fn permission_canceled() -> Value {
    json!({"outcome": {"outcome": "cancelled"}})
}

pub fn file_text(content: String) -> Value {
    json!({"content": content})
}

pub fn file_written() -> Value {
    json!({})
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
    fn json(&self) -> Value {
        let code = self.code.and_then(|code| u32::try_from(code).ok()).map(|code| ("exitCode".to_owned(), json!(code)));
        let signal = self.signal.as_ref().map(|signal| ("signal".to_owned(), json!(signal)));
        code.into_iter().chain(signal).collect()
    }
}

pub fn terminal_created(id: &str) -> Value {
    json!({"terminalId": id})
}

pub fn terminal_output(output: &str, truncated: bool, exit: Option<&Exit>) -> Value {
    match exit {
        Some(exit) => json!({"output": output, "truncated": truncated, "exitStatus": exit.json()}),
        None => json!({"output": output, "truncated": truncated}),
    }
}

pub fn terminal_exited(exit: &Exit) -> Value {
    exit.json()
}

pub fn terminal_released() -> Value {
    json!({})
}

pub fn terminal_killed() -> Value {
    json!({})
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_client_protocol_schema::{ProtocolVersion, v1};

    /// What the official types make of a message, as text: the order of the fields is the same, too.
    #[track_caller]
    fn is(ours: &Value, official: impl serde::Serialize) {
        assert_eq!(ours.to_string(), serde_json::to_value(official).unwrap().to_string());
    }

    #[test]
    fn we_say_hello_as_the_official_types_do() {
        let session = v1::ClientSessionCapabilities::new()
            .notices(v1::NoticeCapabilities::new())
            .compaction(v1::CompactionCapabilities::new())
            .config_options(
                v1::SessionConfigOptionsCapabilities::new().boolean(v1::BooleanConfigOptionCapabilities::new()),
            );
        let elicitation = v1::ElicitationCapabilities::new()
            .form(v1::ElicitationFormCapabilities::new())
            .url(v1::ElicitationUrlCapabilities::new());
        let meta: v1::Meta =
            ["terminal_output", "terminal-auth"].map(|flag| (flag.to_owned(), json!(true))).into_iter().collect();
        let capabilities = v1::ClientCapabilities::new()
            .fs(v1::FileSystemCapabilities::new().read_text_file(true).write_text_file(true))
            .terminal(true)
            .auth(v1::AuthCapabilities::new().terminal(true))
            .elicitation(elicitation)
            .session(session)
            .meta(meta);
        let me = v1::Implementation::new("rightseat", env!("CARGO_PKG_VERSION")).title("rightseat".to_owned());
        let hello = v1::InitializeRequest::new(ProtocolVersion::V1).client_capabilities(capabilities).client_info(me);
        let mut ours = initialize();
        let plan = ours["clientCapabilities"].as_object_mut().unwrap().shift_remove("plan");
        assert_eq!(plan, Some(json!({})));
        is(&ours, hello);
    }

    #[test]
    fn every_message_is_what_the_official_types_make() {
        let (id, cwd) = ("s".to_owned(), Path::new("/w"));
        is(&text_block("t"), v1::ContentBlock::Text(v1::TextContent::new("t")));
        is(&authenticate("m"), v1::AuthenticateRequest::new("m".to_owned()));
        is(&new_session(cwd), v1::NewSessionRequest::new(cwd));
        is(&load_session("s", cwd), v1::LoadSessionRequest::new(id.clone(), cwd));
        is(&resume_session("s", cwd), v1::ResumeSessionRequest::new(id.clone(), cwd));
        is(&close_session("s"), v1::CloseSessionRequest::new(id.clone()));
        is(&list_sessions(cwd), v1::ListSessionsRequest::new().cwd(cwd.to_path_buf()));
        is(&delete_session("s"), v1::DeleteSessionRequest::new(id.clone()));
        is(&logout(), v1::LogoutRequest::new());
        is(&cancel("s"), v1::CancelNotification::new(id.clone()));
        is(&set_mode("s", "m"), v1::SetSessionModeRequest::new(id.clone(), "m".to_owned()));
        let option = |value| v1::SetSessionConfigOptionRequest::new(id.clone(), "o".to_owned(), value);
        is(&set_option("s", "o", "v"), option(v1::SessionConfigOptionValue::value_id("v".to_owned())));
        is(&set_switch("s", "o", true), option(v1::SessionConfigOptionValue::boolean(true)));
        let outcome = v1::RequestPermissionOutcome::Selected(v1::SelectedPermissionOutcome::new("x".to_owned()));
        is(&selected("x"), v1::RequestPermissionResponse::new(outcome));
        is(&permission_canceled(), v1::RequestPermissionResponse::new(v1::RequestPermissionOutcome::Cancelled));
        is(&file_text("t".to_owned()), v1::ReadTextFileResponse::new("t".to_owned()));
        is(&file_written(), v1::WriteTextFileResponse::new());
        is(&terminal_created("t"), v1::CreateTerminalResponse::new("t".to_owned()));
        is(&terminal_released(), v1::ReleaseTerminalResponse::new());
        is(&terminal_killed(), v1::KillTerminalResponse::new());
        is(&terminal_output("o", true, None), v1::TerminalOutputResponse::new("o", true));
        for (code, signal) in [(Some(1), None), (None, Some("SIGKILL".to_owned())), (Some(-1), None)] {
            let typed = v1::TerminalExitStatus::new()
                .exit_code(code.and_then(|c| u32::try_from(c).ok()))
                .signal(signal.clone());
            let exit = Exit { code, signal };
            is(&terminal_exited(&exit), v1::WaitForTerminalExitResponse::new(typed.clone()));
            is(
                &terminal_output("o", false, Some(&exit)),
                v1::TerminalOutputResponse::new("o", false).exit_status(typed),
            );
        }
    }

    #[test]
    fn the_methods_have_their_official_names() {
        let to = v1::AGENT_METHOD_NAMES;
        let from = v1::CLIENT_METHOD_NAMES;
        let names = [
            (method::AUTHENTICATE, to.authenticate),
            (method::ELICITATION_COMPLETE, from.elicitation_complete),
            (method::ELICITATION_CREATE, from.elicitation_create),
            (method::FS_READ_TEXT_FILE, from.fs_read_text_file),
            (method::FS_WRITE_TEXT_FILE, from.fs_write_text_file),
            (method::INITIALIZE, to.initialize),
            (method::LOGOUT, to.logout),
            (method::SESSION_CANCEL, to.session_cancel),
            (method::SESSION_CLOSE, to.session_close),
            (method::SESSION_DELETE, to.session_delete),
            (method::SESSION_LIST, to.session_list),
            (method::SESSION_LOAD, to.session_load),
            (method::SESSION_NEW, to.session_new),
            (method::SESSION_PROMPT, to.session_prompt),
            (method::SESSION_REQUEST_PERMISSION, from.session_request_permission),
            (method::SESSION_RESUME, to.session_resume),
            (method::SESSION_SET_CONFIG_OPTION, to.session_set_config_option),
            (method::SESSION_SET_MODE, to.session_set_mode),
            (method::SESSION_UPDATE, from.session_update),
            (method::TERMINAL_CREATE, from.terminal_create),
            (method::TERMINAL_KILL, from.terminal_kill),
            (method::TERMINAL_OUTPUT, from.terminal_output),
            (method::TERMINAL_RELEASE, from.terminal_release),
            (method::TERMINAL_WAIT_FOR_EXIT, from.terminal_wait_for_exit),
        ];
        for (ours, official) in names {
            assert_eq!(ours, official);
        }
    }

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
