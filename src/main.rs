//! The program: arguments and environment in, an exit code out.

#![forbid(unsafe_code)]

use bellhop::{
    cli::{self, Console},
    config::Environment,
};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let run = |console: &mut Console<'_>| cli::run(std::env::args_os(), Environment::of_process(), console);
    Console::of_process(run).into()
}
