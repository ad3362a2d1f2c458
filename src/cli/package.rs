//! For packagers: completion scripts and the manual page, derived from the arguments.

use super::args::Cli;
use super::{DONE, Done};
use clap::CommandFactory as _;

pub fn completions(shell: clap_complete::Shell) -> Done {
    clap_complete::generate(shell, &mut Cli::command(), "rightseat", &mut std::io::stdout());
    Ok(DONE)
}

pub fn man() -> Done {
    clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout())?;
    Ok(DONE)
}
