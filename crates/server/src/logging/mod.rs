//! Logs: for people on a terminal, one JSON object per line otherwise; on standard output.
//!
//! Whoever logs never waits: lines go through a bounded queue to a thread that writes them, and what does not fit is
//! dropped and counted. A line that concerns a call has its id in the field `call_id`.

mod queue;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use api::{MetricsSource, MetricsText};
use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{LogConfig, LogFormat, LogLevel};
use queue::{Queue, Tally};

/// How long the end of the program waits for the last lines.
const LAST_FLUSH: Duration = Duration::from_secs(2);

/// The running log. Dropping it writes out what is still queued.
#[derive(Debug)]
pub struct Logging {
    queue: Queue,
    level: reload::Handle<Targets, Registry>,
}

impl Logging {
    /// Takes over everything that this process logs from now on, panics included.
    ///
    /// # Errors
    /// When the writer's thread cannot be started or the process has a log already.
    pub fn start(config: &LogConfig) -> Result<Logging, Box<dyn std::error::Error + Send + Sync>> {
        let terminal = std::io::stdout().is_terminal();
        let format = match config.format {
            LogFormat::Auto if terminal => LogFormat::Text,
            LogFormat::Auto => LogFormat::Json,
            chosen => chosen,
        };
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        let (queue, _writer) = Queue::start(std::io::stdout())?;
        let (filter, level) = reload::Layer::new(config.level.targets());
        subscriber(format, colours, filter, queue.clone()).try_init()?;
        log_panics();
        Ok(Logging { queue, level })
    }

    /// Changes what is logged.
    pub fn set_level(&self, level: &LogLevel) {
        if let Err(error) = self.level.reload(level.targets()) {
            tracing::error!(%error, "the log level could not be changed");
        }
    }

    /// The queue's numbers, as metrics.
    pub fn metrics(&self) -> Arc<dyn MetricsSource> {
        Arc::new(LogMetrics(self.queue.tally()))
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.queue.flush(LAST_FLUSH);
    }
}

struct LogMetrics(Arc<Tally>);

impl MetricsSource for LogMetrics {
    fn collect(&self, out: &mut MetricsText) {
        out.gauge("log_queue_lines", "Log lines that wait to be written").value(self.0.waiting_lines());
        out.gauge("log_queue_bytes", "Octets of the log lines that wait to be written").value(self.0.waiting_bytes());
        out.counter("log_dropped_lines_total", "Log lines dropped because standard output was too slow")
            .value(self.0.dropped());
    }
}

/// Filter and form of the lines that go to `writer`.
fn subscriber<F, W>(format: LogFormat, colours: bool, filter: F, writer: W) -> impl Subscriber + Send + Sync
where
    F: Layer<Registry> + Send + Sync,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer).with_ansi(colours);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        LogFormat::Text | LogFormat::Auto => lines.boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines)
}

/// A panic becomes a line of the log instead of loose text on standard error.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let backtrace = std::backtrace::Backtrace::capture();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, thread = thread.name().unwrap_or("unnamed"), %backtrace, "panic: {message}");
    }));
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written when `log` runs.
    fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let level: LogLevel = level.parse().unwrap();
        let subscriber = subscriber(format, false, level.targets(), move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_have_the_call_id_as_a_field_of_their_own() {
        let line = logged(LogFormat::Json, "info", || tracing::info!(call_id = "c1", digit = "5", "digit received"));
        assert_eq!(line.matches('\n').count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["call_id"], "c1");
        assert_eq!(json["message"], "digit received");
        assert_eq!(json["level"], "INFO");
        assert!(json["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }

    #[test]
    fn text_lines_can_be_read_without_a_tool() {
        let line = logged(LogFormat::Text, "info", || tracing::warn!(call_id = "c1", "no media"));
        assert!(line.contains(" WARN ") && line.contains("no media call_id=\"c1\""), "{line}");
    }

    #[test]
    fn the_level_holds_for_all_but_its_exceptions() {
        let log = || {
            tracing::debug!(target: "sip_transport::udp", "a");
            tracing::debug!(target: "media_engine", "b");
            tracing::info!(target: "media_engine", "c");
            tracing::error!(target: "rustls_platform_verifier::verification::others", "d");
            tracing::error!(target: "symphonia_bundle_mp3::layer3", "e");
        };
        let messages = |level: &str| {
            let text = logged(LogFormat::Json, level, log);
            let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect::<String>()
        };
        assert_eq!(messages("info"), "c");
        assert_eq!(messages("info,sip_transport=debug"), "ac");
        assert_eq!(messages("debug"), "abc");
        assert_eq!(messages("info,rustls_platform_verifier=error"), "cd");
        assert_eq!(messages("info,symphonia=warn"), "ce");
        assert_eq!(messages("off"), "");
    }

    #[test]
    fn what_a_stranger_sent_cannot_forge_a_line_or_steer_the_terminal() {
        let evil = "x\n2026-01-01T00:00:00Z  INFO all is well\u{1b}[2J";
        let json = logged(LogFormat::Json, "info", || tracing::info!(from = evil, "call"));
        assert_eq!(json.matches('\n').count(), 1, "{json}");
        let text = logged(LogFormat::Text, "info", || tracing::info!(from = evil, "call"));
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
