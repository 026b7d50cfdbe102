//! The `flowswitch` program: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser;
use flowswitch_server::cli::{Cli, Command};
use flowswitch_server::run::{self, StartError};
use flowswitch_server::{check, upkeep};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    small_pages();
    let cli = Cli::parse();
    match cli.command {
        None => serve(&cli.serve),
        Some(Command::Serve(args)) => serve(&args),
        Some(Command::Check(args)) => match check::run(&args, &mut std::io::stdout().lock()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => refuse(&*error),
        },
        Some(Command::Backup(args)) => {
            private_files();
            done(upkeep::backup(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::Repair(args)) => {
            private_files();
            done(upkeep::repair(&args, &mut std::io::stdout().lock()))
        }
        Some(Command::Load(args)) => load::run(&args).unwrap_or_else(|error| refuse(&error)),
    }
}

/// The allocator asks for pages of 2 MiB, of which each thread that starts gets several, and the system clears every one of them
/// when it is touched first: a burst of work at a rested server then waits for a second, and holds memory that nothing needs.
fn small_pages() {
    // Where this cannot be set, pages are large and all else is as it is.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// What is written holds digests of passwords, keys and what people said: nobody but the owner reads it, wherever it is moved.
fn private_files() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

fn serve(args: &flowswitch_server::cli::ServeArgs) -> ExitCode {
    private_files();
    done(run::serve(args))
}

fn done(result: Result<(), StartError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

/// Says what keeps the program from doing what it was told.
#[expect(clippy::print_stderr, reason = "the person at the terminal must read it, whatever becomes of the log")]
fn refuse(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("flowswitch: {error}");
    ExitCode::from(2)
}
