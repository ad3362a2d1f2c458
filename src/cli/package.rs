//! For packagers: completion scripts and the manual page, derived from the arguments.

use super::{DONE, Done, parse};

pub fn completions(shell: clap_complete::Shell) -> Done {
    clap_complete::generate(shell, &mut parse::command(), "rightseat", &mut std::io::stdout());
    Ok(DONE)
}

pub fn man() -> Done {
    clap_mangen::Man::new(parse::command()).render(&mut std::io::stdout())?;
    Ok(DONE)
}
