//! What a person reads at the start: what is listened on, which address is told to callers and why, what the system
//! permitted, and what to dial.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use crate::config::{Config, Listening};
use crate::provision::Provisioned;

/// What was made up at this start. A person at a terminal is shown it once; logs never are.
#[derive(Default)]
pub(super) struct Secrets {
    /// The administrator's access key.
    pub(super) access_key: Option<String>,
    /// Extensions with their passwords.
    pub(super) passwords: Vec<(String, String)>,
}

impl Secrets {
    /// The lines for people; empty when nothing was made up.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(key) = &self.access_key {
            let _ = writeln!(text, "    {key:<36} administrator's access key, for the console and the API");
        }
        for (extension, password) in &self.passwords {
            let _ = writeln!(text, "    {password:<36} password of extension {extension}");
        }
        text
    }

    /// Adds them to a file that only the server's user may read, so that they are not lost with the terminal. Its folder is
    /// made if it is missing, as it is at the very first start.
    pub(super) fn keep(&self, file: &Path) -> std::io::Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        if let Some(folder) = file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true).mode(0o600).open(file)?.write_all(self.text().as_bytes())
    }
}

/// The start message.
pub(super) fn text(
    config: &Config,
    provisioned: &Provisioned,
    sip: &[Listening],
    http: SocketAddr,
    media: &str,
) -> String {
    let mut text = format!("flowswitch {} is up\n\n", env!("CARGO_PKG_VERSION"));
    for listening in sip {
        let told = advertised(listening.address.ip(), listening.public_address);
        let _ = writeln!(text, "  SIP      {} {}, {told}", listening.name(), listening.address);
    }
    let (first, last) = (config.rtp.first_port, config.rtp.last_port);
    let _ = writeln!(text, "  RTP      udp ports {first}-{last}; {media}");
    let reach = |address: SocketAddr| SocketAddr::new(reachable(address.ip()), address.port());
    let _ = writeln!(text, "  Console  http://{}/", reach(http));
    let _ = writeln!(text, "  HTTP     http://{0}/v1.0  http://{0}/openapi.json  http://{0}/metrics", reach(http));
    let networks: Vec<String> = config.sip.open_networks.iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "  Callers  without a password from {}", networks.join(", "));
    if let Some(listening) = sip.first() {
        let address = reach(listening.address);
        let port = if address.port() == 5060 { String::new() } else { format!(":{}", address.port()) };
        text.push_str("\n  Dial\n");
        for number in provisioned.numbers.values() {
            let about = if number.name.is_empty() { &number.detail } else { &number.name };
            let uri = format!("sip:{}@{}{port}", number.number, host(address.ip()));
            let _ = writeln!(text, "    {uri:<34} {about}");
        }
        if provisioned.numbers.is_empty() {
            text.push_str("    nothing yet: add numbers to a file and name it in `provision`\n");
        }
        if let Some(first) = provisioned.extensions.keys().next() {
            let count = provisioned.extensions.len();
            text.push_str("\n  Register\n");
            let about = format!("and {} more: a phone with its password", count - 1);
            let about = if count > 1 { about.as_str() } else { "a phone with its password" };
            let _ = writeln!(text, "    {:<34} {about}", format!("{first}@{}{port}", host(address.ip())));
        }
    }
    text
}

/// Which address stands in Contact and SDP, and why.
fn advertised(bound: IpAddr, public: Option<IpAddr>) -> String {
    match public {
        Some(public) => format!("callers are told {public} (public_address)"),
        None if bound.is_unspecified() => {
            let example = outward_address(bound).map(|ip| format!(", such as {ip}")).unwrap_or_default();
            format!("callers are told the local address that they reached{example}")
        }
        None => format!("callers are told {bound} (the address it is bound to)"),
    }
}

fn reachable(bound: IpAddr) -> IpAddr {
    match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    }
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The source address that the routing table gives to packets for the outside. Connecting a UDP socket sends nothing;
/// the destination is from the range for documentation (RFC 5737, RFC 3849).
pub(super) fn outward_address(bound: IpAddr) -> Option<IpAddr> {
    let far = if bound.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" };
    let socket = UdpSocket::bind(SocketAddr::new(bound, 0)).ok()?;
    socket.connect(far).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    #[test]
    fn the_message_names_everything_that_a_newcomer_needs() {
        let json = r#"{"flows": [{"name": "e", "id": "00000000-0000-4000-8000-000000000001", "actions": [{"type": "answer"}]}],
            "numbers": [{"number": "echo", "name": "hear yourself", "call_flow_id": "00000000-0000-4000-8000-000000000001"}]}"#;
        let provisioned = crate::provision::parse(Path::new("demo.json"), json, Timestamp::from_us(0)).unwrap();
        let config = Config::default();
        let sip = config.sip.listening();
        let http = "0.0.0.0:8080".parse().unwrap();
        let text = text(&config, &provisioned, &sip, http, "2 media workers");
        for wanted in [
            "udp 0.0.0.0:5060, callers are told the local address that they reached",
            "tls 0.0.0.0:5061, callers are told the local address that they reached",
            "tcp 0.0.0.0:5060, callers are told the local address that they reached",
            "ports 10000-29999; 2 media workers",
            "http://127.0.0.1:8080/metrics",
            "Console  http://127.0.0.1:8080/",
            "127.0.0.0/8",
            "sip:echo@127.0.0.1 ",
            "hear yourself",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
    }

    #[test]
    fn what_was_made_up_is_kept_where_only_the_server_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let passwords = vec![("1000".into(), "open sesame".into())];
        let secrets = Secrets { access_key: Some("vb_0123".into()), passwords };
        let folder = std::env::temp_dir().join(format!("flowswitch-first-start-{}", std::process::id()));
        let file = folder.join("secrets").join("first-start.txt");
        secrets.keep(&file).unwrap();
        let kept = std::fs::read_to_string(&file).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&folder.join("secrets"))), (0o600, 0o700));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(kept.contains("vb_0123 ") && kept.contains("open sesame") && kept.contains("extension 1000"), "{kept}");
        assert_eq!(Secrets::default().text(), "");
    }
}
