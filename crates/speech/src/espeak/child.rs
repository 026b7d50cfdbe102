//! One run of the speaking program as a child process: text in by its standard input, sound out by its standard output. However
//! it ends, the child is killed with all it may have started, and waited for.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::sys;
use crate::{Cancel, SpeechError};

/// How often a wait looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(50);
/// How long a program that has closed its output gets to end.
const EXIT: Duration = Duration::from_secs(1);
/// What is kept of the program's complaints.
const COMPLAINT_MAX: usize = 1_024;
/// Processor time of one child, s; its address space, and the largest file that it may write: none on disk, but when asked for its
/// version it makes memory ready for a sound server, 64 MiB.
const PROCESSOR_S: u64 = 60;
const MEMORY_OCTETS: u64 = 1 << 30;
const FILE_OCTETS: u64 = 128 << 20;

/// A program that was found, and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    /// util-linux' `setpriv`, which has the system kill the child should we die. Without it a child notices only when it
    /// writes. (We cannot ask the system ourselves without copying the whole process first, and media threads would feel that.)
    setpriv: Option<PathBuf>,
    nice: i32,
}

/// What may be waited for, and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Between two pieces of output.
    pub(crate) silence: Duration,
    /// Until the first output.
    pub(crate) first: Instant,
    /// Until the end.
    pub(crate) whole: Instant,
}

/// Why a run did not end well.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It crashed, hung or gave rubbish: another attempt may go better.
    Again(String),
    /// Another attempt would be no use.
    Over(SpeechError),
}

impl Program {
    /// Looks for a program by its name or path. Whoever is started is named by an absolute path, so nothing is searched for then.
    pub(crate) fn find(name: &Path, nice: i32) -> Option<Program> {
        let path = find_in_path(name)?;
        Some(Program { path, setpriv: find_in_path(Path::new("setpriv")), nice })
    }

    /// Runs it once. `output` is called with what it writes.
    pub(crate) fn run(
        &self,
        arguments: &[&str],
        input: &str,
        limits: Limits,
        cancel: &Cancel,
        output: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut child = self
            .command(arguments)
            .spawn()
            .map_err(|error| Trouble::Again(format!("{} cannot be started: {error}", self.path.display())))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut running = Running { child, exited: false };
        sys::lower(running.child.id(), self.nice);
        sys::bound(running.child.id(), PROCESSOR_S, MEMORY_OCTETS, FILE_OCTETS);
        let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
            return Err(Trouble::Again("its output is missing".into()));
        };
        let mut pipes = Pipes::new(stdin, stdout, stderr, input.as_bytes());
        pipes.serve(limits, cancel, output)?;
        let status = running.exit(limits, cancel)?;
        if status.success() { Ok(()) } else { Err(Trouble::Again(in_words(status, &pipes.complaint))) }
    }

    /// Everything that it writes, at most `octets_max`.
    pub(crate) fn ask(&self, arguments: &[&str], octets_max: usize, longest: Duration) -> Result<String, String> {
        let ends = Instant::now() + longest;
        let limits = Limits { silence: longest, first: ends, whole: ends };
        let mut all = Vec::new();
        let ran = self.run(arguments, "", limits, &Cancel::new(), &mut |octets| {
            all.extend_from_slice(octets);
            if all.len() > octets_max { Err(Trouble::Again("it writes without end".into())) } else { Ok(()) }
        });
        match ran {
            Ok(()) => Ok(String::from_utf8_lossy(&all).into_owned()),
            Err(Trouble::Again(why)) => Err(why),
            Err(Trouble::Over(error)) => Err(error.to_string()),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--no-new-privs", "--"]).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        command
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir("/")
            // std closes what else is open: every descriptor of ours is made with O_CLOEXEC.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        command
    }

    /// Whether children die with us.
    pub(crate) fn dies_with_us(&self) -> bool {
        self.setpriv.is_some()
    }
}

/// A child that is killed and waited for when this is dropped.
struct Running {
    child: Child,
    exited: bool,
}

impl Running {
    /// Waits until it ends by itself; its output is closed already.
    fn exit(&mut self, limits: Limits, cancel: &Cancel) -> Result<ExitStatus, Trouble> {
        let patience_ends = (Instant::now() + EXIT).min(limits.whole);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.exited = true;
                    return Ok(status);
                }
                Ok(None) if cancel.is_cancelled() => return Err(Trouble::Over(SpeechError::Cancelled)),
                Ok(None) if Instant::now() < patience_ends => std::thread::sleep(Duration::from_millis(1)),
                Ok(None) => return Err(Trouble::Again("it closed its output and did not end".into())),
                Err(error) => return Err(Trouble::Again(format!("it was lost: {error}"))),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.exited {
            sys::kill_group(self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// The three pipes of a child.
struct Pipes<'a> {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    stderr: Option<ChildStderr>,
    /// Of the text, what the child has not taken yet.
    rest: &'a [u8],
    complaint: Vec<u8>,
}

impl<'a> Pipes<'a> {
    fn new(stdin: Option<ChildStdin>, stdout: ChildStdout, stderr: ChildStderr, rest: &'a [u8]) -> Pipes<'a> {
        let descriptors = [stdin.as_ref().map_or(-1, AsRawFd::as_raw_fd), stdout.as_raw_fd(), stderr.as_raw_fd()];
        descriptors.into_iter().filter(|fd| *fd >= 0).for_each(sys::set_nonblocking);
        Pipes { stdin, stdout, stderr: Some(stderr), rest, complaint: Vec::new() }
    }

    /// Moves text in and sound out until the child closes its output.
    fn serve(
        &mut self,
        limits: Limits,
        cancel: &Cancel,
        output: &mut dyn FnMut(&[u8]) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let mut block = vec![0; 32 << 10];
        let (mut last, mut has_begun) = (Instant::now(), false);
        loop {
            let now = Instant::now();
            if cancel.is_cancelled() {
                return Err(Trouble::Over(SpeechError::Cancelled));
            }
            if now >= limits.whole {
                return Err(Trouble::Over(SpeechError::TooSlow("the program took too long for the whole".into())));
            }
            if now.duration_since(last) >= limits.silence || (!has_begun && now >= limits.first) {
                return Err(Trouble::Again("the program hangs: it gave nothing for too long".into()));
            }
            let fd = |pipe: Option<RawFd>| pipe.unwrap_or(-1);
            let [to_write, to_read, complains] = sys::poll(
                [
                    (fd(self.stdin.as_ref().map(AsRawFd::as_raw_fd)), libc::POLLOUT),
                    (self.stdout.as_raw_fd(), libc::POLLIN),
                    (fd(self.stderr.as_ref().map(AsRawFd::as_raw_fd)), libc::POLLIN),
                ],
                LOOK,
            );
            if to_write {
                self.write();
            }
            if complains {
                self.listen(&mut block);
            }
            if to_read {
                match self.stdout.read(&mut block) {
                    Ok(0) => {
                        self.listen(&mut block);
                        return Ok(());
                    }
                    Ok(length) => {
                        (last, has_begun) = (Instant::now(), true);
                        output(&block[..length])?;
                    }
                    Err(error) if is_soft(&error) => {}
                    Err(error) => return Err(Trouble::Again(format!("its output broke: {error}"))),
                }
            }
        }
    }

    /// When all is written, or the child wants no more, its input is closed.
    fn write(&mut self) {
        let Some(stdin) = &mut self.stdin else { return };
        match stdin.write(self.rest) {
            Ok(length) => self.rest = &self.rest[length..],
            Err(error) if is_soft(&error) => return,
            Err(_) => self.rest = &[],
        }
        if self.rest.is_empty() {
            self.stdin = None;
        }
    }

    fn listen(&mut self, block: &mut [u8]) {
        let Some(stderr) = &mut self.stderr else { return };
        match stderr.read(block) {
            Ok(0) => self.stderr = None,
            Ok(length) => {
                let room = COMPLAINT_MAX.saturating_sub(self.complaint.len());
                self.complaint.extend_from_slice(&block[..length.min(room)]);
            }
            Err(error) if is_soft(&error) => {}
            Err(_) => self.stderr = None,
        }
    }
}

fn is_soft(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn in_words(status: ExitStatus, complaint: &[u8]) -> String {
    let what = match (status.code(), status.signal()) {
        (Some(code), _) => format!("the program ended with code {code}"),
        (None, Some(signal)) => format!("the program crashed with signal {signal}"),
        (None, None) => "the program did not end well".to_owned(),
    };
    let complaint = String::from_utf8_lossy(complaint);
    let printable: String = complaint.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    if printable.is_empty() { what } else { format!("{what}: {printable}") }
}

fn find_in_path(name: &Path) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    if name.components().count() > 1 {
        return name.canonicalize().ok().filter(is_program);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(is_program)
}
