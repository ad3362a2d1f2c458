//! `rightseat doctor --drill`: proves on this machine that a stop leaves no process.

use crate::base::text::Untrusted;
use crate::cli::args::Shared;
use crate::cli::place::Places;
use crate::cli::{DONE, Done, Fail, NOT_SO, daemon, options, print};
use crate::model::DrillResult;
use crate::model::event::Drilled;
use crate::workspace::drill::every_rung;
use crate::workspace::root::Root;
use crate::workspace::tree::Rules;
use serde::Serialize;

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    ok: bool,
    #[serde(flatten)]
    drilled: &'a Drilled,
}

/// Exit code 1 when a process was left on some rung, or nothing is proved there.
pub fn drill(shared: &Shared, as_json: bool) -> Done {
    let unknown = |e| Fail::usage(format!("cannot determine the path of the rightseat executable: {e}"));
    let launcher = std::env::current_exe().map_err(unknown)?;
    let state = Places::open(shared.state_dir())?.state;
    let state = state.canonicalize().map_err(Fail::at(&state))?;
    let workspace = options::workspace(shared)?;
    let root = Root::open(&workspace).map_err(Fail::at(&workspace))?;
    let rules = Rules::read(root.path());
    let runtime = daemon::runtime()?;
    let hidden = [state.clone()];
    let rungs = runtime.block_on(every_rung(&launcher, &state, (&root, &rules), &hidden));
    runtime.shutdown_background();
    let drilled = Drilled { rungs };
    let ok = drilled.is_proved();
    if as_json {
        let report = Report { version: env!("CARGO_PKG_VERSION"), ok, drilled: &drilled };
        print(&serde_json::to_string_pretty(&report).map_err(|e| Fail::usage(e.to_string()))?)?;
    } else {
        for rung in &drilled.rungs {
            let mark = match rung.result {
                DrillResult::Passed => "ok  ",
                DrillResult::Unavailable => "note",
                DrillResult::Failed | DrillResult::Unproved | DrillResult::Other(_) => "BAD ",
            };
            print(&format!("  {mark} {}", Untrusted::new(rung.line()).visible()))?;
        }
    }
    Ok(if ok { DONE } else { NOT_SO })
}
