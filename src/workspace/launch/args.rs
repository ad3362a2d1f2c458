//! The launcher's private command line.

use crate::workspace::layer::Plan;
use std::ffi::{OsStr, OsString};

/// The word after the binary's name that makes it a launcher.
pub const HIDDEN_COMMAND: &str = "__launch";

/// The means that hold the process tree of a command together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Containment {
    /// A pid namespace where that has no side effects, else the subreaper.
    #[default]
    Auto,
    /// Only the subreaper.
    Subreaper,
}

/// The part of the launcher that this process is.
#[derive(Debug, PartialEq, Eq)]
pub enum Role {
    Outer {
        parent: i32,
        containment: Containment,
        argv: Vec<OsString>,
    },
    Init {
        report: i32,
        argv: Vec<OsString>,
    },
    Shim {
        launcher: i32,
        argv: Vec<OsString>,
    },
    /// The launcher of a command in a layer, and its init.
    Apart {
        parent: i32,
        plan: Box<Plan>,
        argv: Vec<OsString>,
    },
    Inside {
        report: i32,
        plan: Box<Plan>,
        argv: Vec<OsString>,
    },
    /// Maps the ids of the launcher, which started it.
    Map,
}

/// The command line that starts `argv` under a launcher which ends with the process `parent`.
pub fn arguments(parent: u32, containment: Containment, argv: &[OsString]) -> Vec<OsString> {
    let held = match containment {
        Containment::Auto => "auto",
        Containment::Subreaper => "subreaper",
    };
    let mut line: Vec<OsString> = vec![HIDDEN_COMMAND.into(), "outer".into(), parent.to_string().into(), held.into()];
    line.extend(argv.iter().cloned());
    line
}

/// The command line that starts `argv` in a layer, under a launcher which ends with the process `parent`.
///
/// # Errors
/// In words, when the layer cannot be described.
pub fn arguments_within(parent: u32, plan: &Plan, argv: &[OsString]) -> Result<Vec<OsString>, String> {
    let mut line: Vec<OsString> = vec![HIDDEN_COMMAND.into(), "apart".into(), parent.to_string().into()];
    line.push(plan.to_argument()?.into());
    line.extend(argv.iter().cloned());
    Ok(line)
}

/// The command line of the init of a layer.
pub fn inside(report: i32, plan: &Plan, argv: &[OsString]) -> Result<Vec<OsString>, String> {
    let mut all = vec![plan.to_argument()?.into()];
    all.extend(argv.iter().cloned());
    Ok(inner("inside", report, &all))
}

/// The command line of an inner part.
pub fn inner(part: &str, number: i32, argv: &[OsString]) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec![HIDDEN_COMMAND.into(), part.into(), number.to_string().into()];
    line.extend(argv.iter().cloned());
    line
}

/// Reads the arguments after [`HIDDEN_COMMAND`].
pub fn parse(mut arguments: impl Iterator<Item = OsString>) -> Result<Role, String> {
    let wrong = || format!("{HIDDEN_COMMAND} is for internal use by rightseat");
    let part = arguments.next().ok_or_else(wrong)?;
    if part == "map" {
        return Ok(Role::Map);
    }
    let number = arguments.next().and_then(|text| text.to_str()?.parse::<i32>().ok()).ok_or_else(wrong)?;
    let containment = match part.to_str() {
        Some("outer") => match arguments.next().as_deref().and_then(OsStr::to_str) {
            Some("auto") => Containment::Auto,
            Some("subreaper") => Containment::Subreaper,
            Some(_) | None => return Err(wrong()),
        },
        Some("init" | "shim" | "apart" | "inside") => Containment::Auto,
        Some(_) | None => return Err(wrong()),
    };
    let plan = match part.to_str() {
        Some("apart" | "inside") => {
            let text = arguments.next().and_then(|text| text.into_string().ok()).ok_or_else(wrong)?;
            Some(Box::new(Plan::parse(&text)?))
        }
        Some(_) | None => None,
    };
    let argv: Vec<OsString> = arguments.collect();
    if argv.first().is_none_or(|program| program.is_empty()) {
        return Err(wrong());
    }
    Ok(match (part.to_str(), plan) {
        (Some("apart"), Some(plan)) => Role::Apart { parent: number, plan, argv },
        (_, Some(plan)) => Role::Inside { report: number, plan, argv },
        (Some("outer"), None) => Role::Outer { parent: number, containment, argv },
        (Some("init"), None) => Role::Init { report: number, argv },
        (Some(_) | None, None) => Role::Shim { launcher: number, argv },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_round_trips_and_nonsense_is_refused() {
        let argv: Vec<OsString> = vec!["sh".into(), "-c".into(), "outer 3 auto".into()];
        let line = arguments(7, Containment::Subreaper, &argv);
        let role = parse(line.into_iter().skip(1)).unwrap();
        assert_eq!(role, Role::Outer { parent: 7, containment: Containment::Subreaper, argv: argv.clone() });
        assert_eq!(parse(inner("init", 5, &argv).into_iter().skip(1)).unwrap(), Role::Init { report: 5, argv });
        let bad: [&[&str]; 6] = [
            &[],
            &["outer"],
            &["outer", "x", "auto", "sh"],
            &["outer", "1", "auto"],
            &["init", "1", ""],
            &["what", "1", "sh"],
        ];
        for line in bad {
            assert!(parse(line.iter().map(OsString::from)).is_err(), "{line:?}");
        }
    }
}
