//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::check::CheckArgs;
use crate::config::{Config, ConfigError, DEFAULT_FILE};

/// A telephone server: answers SIP calls and runs a flow, a list of actions in JSON, for each of them.
#[derive(Debug, Parser)]
#[command(
    name = "flowswitch",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command the server is started, as by `flowswitch serve`.\n\
                  Every key of the configuration can be overridden by an environment variable, \
                  such as FLOWSWITCH_SIP__UDP__PORT=5070 for `port` in [sip.udp]."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `serve`, for a start without a command.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server until it is told to end.
    ///
    /// SIGTERM takes no new calls and lets the others finish (up to `drain_seconds`). A second SIGTERM, or Ctrl-C, hangs
    /// up all calls. SIGHUP reads configuration and provisioning again.
    Serve(ServeArgs),
    /// Look for mistakes in flows without running them.
    ///
    /// A file holds a flow (an object with `actions`), a bare array of actions, or provisioning. Each line says whether
    /// it is a mistake (the server refuses it), a warning (accepted, and probably not what was meant) or a hint (may well
    /// be meant), then where it is, what is wrong, and what would be right. With the configuration of a server at hand it also looks for
    /// the sounds that are files.
    #[command(after_help = "Exit codes: 0: no mistake was found (there may be warnings and hints). \
                            1: at least one mistake. 2: the command line or the configuration is wrong, or the result could not be \
                            written.")]
    Check(CheckArgs),
    /// Copy what the server keeps into a new folder; the server may run meanwhile.
    ///
    /// Copied are the database (flows, numbers, phones, call records), the event log and the secrets, so that the copy is one
    /// moment of the server. Recordings are files that do not change any more once they have ended, and are not copied: take
    /// their folder along by any other means.
    #[command(
        after_help = "To go back to a copy: stop the server, move its data_dir aside, put the copy in its place, start.\n\
                            The copy holds password hashes and keys: keep it as safe as data_dir itself.\n\
                            Exit codes: 0: the copy is complete. 2: it is not, and the message says why."
    )]
    Backup(BackupArgs),
    /// Make damaged data startable again, when the server refuses to start with it.
    ///
    /// What can be read is kept, each file that is replaced is first kept beside it as NAME.damaged-TIME, and every thing
    /// that was done is told. Prefer a backup if you have a recent one: what is damaged is lost. Where nothing is damaged,
    /// nothing is changed. It refuses while a server uses the data.
    #[command(after_help = "Exit codes: 0: the server can be started. 2: it cannot, and the message says why.")]
    Repair(ServeArgs),
    /// Call a SIP server many times at once and prove what comes back.
    #[command(
        after_help = "Exit codes: 0: no call failed, and all that was required is so. 1: it is not, or nothing could be \
                            measured. 2: wrong use."
    )]
    Load(Box<load::Args>),
}

/// Options of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// The configuration file. Left out, conf/flowswitch.toml is read if it exists; else all keys have their defaults.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Options of `backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// The folder of the copy: it is made, or is there and empty.
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Which server.
    #[command(flatten)]
    pub server: ServeArgs,
}

impl ServeArgs {
    /// The file that is read, if any.
    pub fn file(&self) -> Option<&Path> {
        let default = Path::new(DEFAULT_FILE);
        self.config.as_deref().or_else(|| default.exists().then_some(default))
    }

    /// Reads the configuration; also for a reload.
    ///
    /// # Errors
    /// The first thing in it that is wrong.
    pub fn load(&self) -> Result<Config, ConfigError> {
        self.file().map_or_else(Config::from_environment, Config::load)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_server_is_started() {
        for line in ["flowswitch -c x.toml", "flowswitch --config x.toml", "flowswitch serve --config x.toml"] {
            let cli = parse(line).unwrap();
            let args = match cli.command {
                None => cli.serve,
                Some(Command::Serve(args)) => args,
                Some(other) => panic!("{other:?}"),
            };
            assert_eq!(args.file(), Some(Path::new("x.toml")), "{line}");
        }
    }

    #[test]
    fn the_help_of_check_tells_exit_codes_and_the_shape_of_the_json() {
        let help = parse("flowswitch check --help").unwrap_err().to_string();
        for told in ["Exit codes: 0:", "\"hints\": []", "`expected`"] {
            assert!(help.contains(told), "{told}: {help}");
        }
    }

    #[test]
    fn the_help_of_backup_repair_and_load_tells_what_matters() {
        for (line, wanted) in [
            (
                "flowswitch backup --help",
                ["may run meanwhile", "Recordings", "To go back to a copy", "--config <FILE>"],
            ),
            ("flowswitch repair --help", [".damaged-TIME", "Prefer a backup", "Exit codes", "--config <FILE>"]),
            ("flowswitch load --help", ["{n:1} becomes 1, 2, 3", "{n:12} the same", "Exit codes", "--strict"]),
        ] {
            let help = parse(line).unwrap_err().to_string();
            for told in wanted {
                assert!(help.contains(told), "{told}: {help}");
            }
        }
        assert!(parse("flowswitch backup").unwrap_err().to_string().contains("<TO>"));
    }

    #[test]
    fn a_word_that_is_no_command_is_refused() {
        assert!(parse("flowswitch start").unwrap_err().to_string().contains("start"));
    }
}
