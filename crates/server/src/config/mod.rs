//! The configuration: one struct per section with its defaults beside it, `conf/flowswitch.toml` as its manual.
//!
//! A file and the environment are merged into one tree that knows where each value came from (`document`), and the
//! tree is read into [`Config`] by serde (`read`), so that a refusal names file, line, key, what was found and what
//! is allowed.

mod api;
mod calls;
mod control;
mod document;
mod error;
mod flow;
mod http;
mod listening;
mod log;
mod media;
mod read;
mod recordings;
mod registrar;
mod reload;
mod rtp;
mod sip;
mod speech;
mod store;
mod value;
mod webhook;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use api::ApiConfig;
pub use calls::CallsConfig;
pub use control::ControlConfig;
pub use error::{ConfigError, Place, Problem};
pub use flow::FlowConfig;
pub use http::HttpConfig;
pub use listening::Listening;
pub use log::{LogConfig, LogFormat, LogLevel};
pub use media::MediaConfig;
pub use recordings::RecordingsConfig;
pub use registrar::{Algorithm, RegistrarConfig};
pub use rtp::RtpConfig;
pub use sip::{SipConfig, TcpListenerConfig, TlsListenerConfig, UdpListenerConfig};
pub use speech::SpeechConfig;
pub use store::StoreConfig;
pub use value::{ListenAddress, OptionalAddress};
pub use webhook::WebhookConfig;

use document::Node;

/// Read where `--config` is not given and the file exists.
pub const DEFAULT_FILE: &str = "conf/flowswitch.toml";

/// A larger file is a mistake.
const LARGEST_FILE: u64 = 1024 * 1024;

/// All keys of the server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Everything the server writes is below this folder.
    pub data_dir: PathBuf,
    /// Files of flows and numbers, applied at start and on reload.
    pub provision: Vec<PathBuf>,
    /// After SIGTERM, how long calls may go on before they are hung up, seconds.
    #[serde(deserialize_with = "value::whole::<_, _, 0, 86_400>")]
    pub drain_seconds: u64,
    /// Signalling.
    pub sip: SipConfig,
    /// How phones register.
    pub registrar: RegistrarConfig,
    /// Health, metrics, API.
    pub http: HttpConfig,
    /// How the API answers.
    pub api: ApiConfig,
    /// Requests that the server makes of others.
    pub webhook: WebhookConfig,
    /// Ports of the sound.
    pub rtp: RtpConfig,
    /// Workers and prompts.
    pub media: MediaConfig,
    /// Recorded calls.
    pub recordings: RecordingsConfig,
    /// Text to speech.
    pub speech: SpeechConfig,
    /// The flow runtime.
    pub flow: FlowConfig,
    /// Rules for every call.
    pub calls: CallsConfig,
    /// Control loops.
    pub control: ControlConfig,
    /// Event log and database.
    pub store: StoreConfig,
    /// Logging.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data_dir: PathBuf::from("data"),
            provision: Vec::new(),
            drain_seconds: 60,
            sip: SipConfig::default(),
            registrar: RegistrarConfig::default(),
            http: HttpConfig::default(),
            api: ApiConfig::default(),
            webhook: WebhookConfig::default(),
            rtp: RtpConfig::default(),
            media: MediaConfig::default(),
            recordings: RecordingsConfig::default(),
            speech: SpeechConfig::default(),
            flow: FlowConfig::default(),
            calls: CallsConfig::default(),
            control: ControlConfig::default(),
            store: StoreConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Config {
    /// Reads `file`, puts the process's environment over it, and checks the whole.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let text = read_text(file)?;
        Config::parse(file, &text, &environment()?)
    }

    /// The defaults with the process's environment over them: a start without a file.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn from_environment() -> Result<Config, ConfigError> {
        let mut tree = Node::empty(Path::new("built-in defaults"));
        tree.override_by(&environment()?)?;
        Config::from_tree(&tree)
    }

    /// [`Config::load`] without touching the world: `text` is what `file` holds.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(file: &Path, text: &str, variables: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
        let mut tree = Node::parse(file, text)?;
        tree.override_by(variables)?;
        Config::from_tree(&tree)
    }

    /// Where recordings are written.
    pub fn recordings_folder(&self) -> PathBuf {
        match self.recordings.folder.as_os_str().is_empty() {
            true => self.data_dir.join("recordings"),
            false => self.recordings.folder.clone(),
        }
    }

    fn from_tree(tree: &Node) -> Result<Config, ConfigError> {
        let config: Config = read::read(tree, "")?;
        config.check(tree)?;
        Ok(config)
    }

    /// Each port of TCP has one listener, of whatever speaks over TCP.
    fn check_connections(&self, tree: &Node) -> Result<(), ConfigError> {
        let mut taken = vec![("http".to_owned(), self.http.socket_address())];
        for listening in self.sip.listening().iter().filter(|listening| listening.transport.is_reliable()) {
            let name = format!("sip.{}", listening.name());
            if let Some((other, address)) = taken.iter().find(|(_, address)| listening.clashes_with(*address)) {
                let keys = [format!("{name}.port"), name, format!("{other}.port"), "sip.udp.port".to_owned()];
                let key = keys.iter().find(|key| tree.find(key).is_some()).unwrap_or(&keys[0]);
                let allowed = format!(
                    "a port for each; {other} has {address} and {} would have {}, where nothing else is said beside the \
                     first listener of sip.udp",
                    keys[1], listening.address
                );
                return Err(read::refuse(tree.find(key).unwrap_or(tree), key, allowed));
            }
            taken.push((name, listening.address));
        }
        Ok(())
    }

    /// What no single key can know.
    fn check(&self, tree: &Node) -> Result<(), ConfigError> {
        let refuse = |keys: &[&str], allowed: String| {
            let key = keys.iter().find(|key| tree.find(key).is_some()).unwrap_or(&keys[0]);
            Err(read::refuse(tree.find(key).unwrap_or(tree), key, allowed))
        };
        if !self.rtp.first_port.is_multiple_of(2) {
            return refuse(&["rtp.first_port"], "an even port".to_owned());
        }
        if self.rtp.last_port <= self.rtp.first_port {
            let allowed = format!("a port above rtp.first_port, which is {}", self.rtp.first_port);
            return refuse(&["rtp.last_port", "rtp.first_port"], allowed);
        }
        if self.sip.t2_ms < self.sip.t1_ms {
            return refuse(&["sip.t2_ms", "sip.t1_ms"], format!("at least sip.t1_ms, which is {}", self.sip.t1_ms));
        }
        let registrar = &self.registrar;
        if registrar.algorithms.is_empty() {
            return refuse(&["registrar.algorithms"], "at least one of MD5, SHA-256".to_owned());
        }
        let [shortest, usual, longest] = [
            ("registrar.shortest_seconds", registrar.shortest_seconds),
            ("registrar.usual_seconds", registrar.usual_seconds),
            ("registrar.longest_seconds", registrar.longest_seconds),
        ];
        for ((low_key, low), (high_key, high)) in [(shortest, longest), (shortest, usual), (usual, longest)] {
            if low > high {
                return match tree.find(low_key) {
                    Some(_) => refuse(&[low_key], format!("at most {high_key}, which is {high}")),
                    None => refuse(&[high_key], format!("at least {low_key}, which is {low}")),
                };
            }
        }
        for (index, listener) in self.sip.udp.iter().enumerate() {
            if self.sip.udp[..index].iter().any(|other| other.socket_address() == listener.socket_address()) {
                let key = format!("sip.udp.{index}");
                let allowed = format!("each address and port once; {} is there twice", listener.socket_address());
                return refuse(&[&key, "sip.udp"], allowed);
            }
            let rtp = self.rtp.first_port..=self.rtp.last_port;
            if rtp.contains(&listener.port) {
                let allowed = format!("a port outside of the RTP range {}-{}", rtp.start(), rtp.end());
                return refuse(&["sip.udp.port", &format!("sip.udp.{index}.port"), "rtp.first_port"], allowed);
            }
        }
        self.check_connections(tree)?;
        for (index, tls) in self.sip.tls.iter().enumerate() {
            let is_missing = |path: &Path| path.as_os_str().is_empty();
            let (lone, missing) = match (is_missing(&tls.certificate), is_missing(&tls.key)) {
                (true, false) => ("key", "certificate"),
                (false, true) => ("certificate", "key"),
                _ => continue,
            };
            let allowed = format!("certificate and key together, or neither; {missing} is missing");
            return refuse(&[&format!("sip.tls.{lone}"), &format!("sip.tls.{index}.{lone}")], allowed);
        }
        for (key, folder) in [("data_dir", &self.data_dir), ("media.folder", &self.media.folder)] {
            if folder.as_os_str().is_empty() {
                return refuse(&[key], "the path of a folder".to_owned());
            }
        }
        Ok(())
    }
}

/// The text of a configuration file.
fn read_text(file: &Path) -> Result<String, ConfigError> {
    let unreadable = |why: String| ConfigError {
        place: Place::File(file.to_owned()),
        key: String::new(),
        problem: Problem::Unreadable(why),
    };
    let size = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
    if size > LARGEST_FILE {
        return Err(unreadable(format!("{size} bytes; at most {LARGEST_FILE} are allowed")));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes)
        .map_err(|error| unreadable(format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to())))
}

/// The variables of this process that override keys.
fn environment() -> Result<BTreeMap<String, String>, ConfigError> {
    let mut variables = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        if !name.starts_with(document::PREFIX) {
            continue;
        }
        let value = value.into_string().map_err(|_| ConfigError {
            place: Place::Variable(name.clone()),
            key: String::new(),
            problem: Problem::Variable("its value is not UTF-8".to_owned()),
        })?;
        variables.insert(name, value);
    }
    Ok(variables)
}

#[cfg(test)]
mod tests;
