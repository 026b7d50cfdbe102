//! The certificates of the TLS listeners: read at the start and on SIGHUP; where none is configured one is made.

use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::banner::outward_address;
use crate::config::{Config, TlsListenerConfig};

/// How long a certificate that is made here is valid.
const YEARS: i32 = 10;
/// Where it is, below the folder of everything that is kept.
const FOLDER: &str = "tls";

/// The certificate of each TLS listener, in their order.
pub(super) struct Certificates(Vec<Certificate>);

struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    current: Arc<ArcSwap<ServerConfig>>,
}

/// Why a certificate cannot be used.
#[derive(Debug)]
pub(super) enum CertificateError {
    /// A file cannot be read, or holds nothing of its kind.
    File(PathBuf, rustls::pki_types::pem::Error),
    /// What was read does not fit together.
    Unusable(PathBuf, rustls::Error),
    /// A certificate could not be made.
    NotMade(rcgen::Error),
    /// What was made could not be written.
    NotWritten(PathBuf, std::io::Error),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("section sip.tls: ")?;
        match self {
            CertificateError::File(path, error) => write!(f, "{}: {error}", path.display()),
            CertificateError::Unusable(path, error) => write!(f, "{} cannot be used: {error}", path.display()),
            CertificateError::NotMade(error) => write!(f, "no certificate could be made: {error}"),
            CertificateError::NotWritten(path, error) => write!(f, "{} cannot be written: {error}", path.display()),
        }
    }
}

impl std::error::Error for CertificateError {}

impl Certificates {
    /// Reads the certificates of all TLS listeners; one is made for those without, unless that was done at an earlier start.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub(super) fn load(config: &Config, wall_us: u64) -> Result<Certificates, CertificateError> {
        let load = |tls: &TlsListenerConfig| {
            let (certificate, key) = match tls.certificate.as_os_str().is_empty() {
                true => own(config, wall_us)?,
                false => (tls.certificate.clone(), tls.key.clone()),
            };
            let current = Arc::new(ArcSwap::new(read(&certificate, &key)?));
            Ok(Certificate { certificate, key, current })
        };
        config.sip.tls.iter().map(load).collect::<Result<_, _>>().map(Certificates)
    }

    /// What each listener goes by, also after a reload.
    pub(super) fn current(&self) -> Vec<Arc<ArcSwap<ServerConfig>>> {
        self.0.iter().map(|certificate| certificate.current.clone()).collect()
    }

    /// Reads all files again. Connections that are open go on with what they have; where a file is broken, so do new ones, and
    /// the log says why.
    pub(super) fn reload(&self) {
        for Certificate { certificate, key, current } in &self.0 {
            match read(certificate, key) {
                Ok(read) => current.store(read),
                Err(error) => tracing::error!("the certificate is not changed: {error}"),
            }
        }
    }
}

/// TLS 1.2 and 1.3 with this certificate and those that lead to its root.
fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let in_file = |path: &Path| {
        let path = path.to_owned();
        move |error| CertificateError::File(path, error)
    };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(in_file(certificate))?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(in_file(certificate))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(in_file(key))?;
    let unusable = |error| CertificateError::Unusable(certificate.to_owned(), error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = versions.map_err(unusable)?.with_no_client_auth().with_single_cert(chain, private);
    config.map(Arc::new).map_err(unusable)
}

/// The certificate and key that the server has made for itself, at this start if there are none.
fn own(config: &Config, wall_us: u64) -> Result<(PathBuf, PathBuf), CertificateError> {
    let folder = config.data_dir.join(FOLDER);
    let (certificate, key) = (folder.join("self-signed.crt"), folder.join("self-signed.key"));
    if !(certificate.exists() && key.exists()) {
        let names = names(config);
        let (certificate_pem, key_pem) = make(&names, wall_us).map_err(CertificateError::NotMade)?;
        let write = |path: &Path, text: &str| {
            write_private(path, text).map_err(|error| CertificateError::NotWritten(path.to_owned(), error))
        };
        write(&key, &key_pem)?;
        write(&certificate, &certificate_pem)?;
        tracing::info!(names = names.join(", "), "a certificate was made for SIP over TLS: {}", certificate.display());
    }
    tracing::info!(
        "SIP over TLS shows a certificate that nobody has signed: phones must be told to trust {}, or not to ask; for one of \
         your own set sip.tls.certificate and sip.tls.key",
        certificate.display()
    );
    Ok((certificate, key))
}

/// For nobody but the server: callers' words and passwords depend on it.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // One that was cut off while it was written is not taken for whole.
    let fresh = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
}

/// By which the machine may be called: its name, the base domain, the addresses that are listened on or told to callers, and the
/// one by which it reaches others.
fn names(config: &Config) -> Vec<String> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut names = vec![config.sip.domain.clone(), "localhost".to_owned()];
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.'));
    names.extend(Some(host.trim().to_owned()).filter(|name| is_name(name)));
    let mut addresses: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for listening in config.sip.listening() {
        let ip = listening.address.ip();
        addresses.extend(listening.public_address);
        addresses.extend(if ip.is_unspecified() { outward_address(ip) } else { Some(ip) });
    }
    names.extend(addresses.iter().map(ToString::to_string));
    let mut known = std::collections::BTreeSet::new();
    names.retain(|name| known.insert(name.clone()));
    names
}

/// A certificate for `names`, signed by nobody but itself, and its key, as PEM.
fn make(names: &[String], wall_us: u64) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "flowswitch");
    params.distinguished_name = subject;
    // Whole years are near enough: from the beginning of this one.
    let year = 1970 + (wall_us / 31_556_952_000_000) as i32;
    params.not_before = rcgen::date_time_ymd(year, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + YEARS, 12, 31);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("flowswitch-tls-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn wall_us() -> u64 {
        1_800_000_000_000_000
    }

    #[test]
    fn a_certificate_is_made_once_and_only_the_server_can_read_its_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder("made");
        let config = Config { data_dir: folder.clone(), ..Config::default() };
        assert_eq!(Certificates::load(&config, wall_us()).unwrap().current().len(), 1);
        let read = |name: &str| std::fs::read_to_string(folder.join("tls").join(name)).unwrap();
        let first = (read("self-signed.crt"), read("self-signed.key"));
        let mode = std::fs::metadata(folder.join("tls/self-signed.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Certificates::load(&config, wall_us()).unwrap();
        assert_eq!((read("self-signed.crt"), read("self-signed.key")), first);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_certificate_is_named_for_the_addresses_that_are_told_to_callers() {
        let text = "[sip.udp]\naddress = '127.0.0.9'\npublic_address = '192.0.2.1'\n[sip]\ndomain = 'sip.example.com'";
        let config = Config::parse(Path::new("x"), text, &Default::default()).unwrap();
        let names = names(&config);
        for wanted in ["sip.example.com", "localhost", "127.0.0.1", "::1", "127.0.0.9", "192.0.2.1"] {
            assert_eq!(names.iter().filter(|name| *name == wanted).count(), 1, "{wanted}: {names:?}");
        }
    }

    #[test]
    fn a_reload_takes_new_files_and_keeps_what_it_has_where_they_are_broken() {
        let folder = folder("reload");
        let (certificate, key) = (folder.join("a.crt"), folder.join("a.key"));
        let put = |year: u64| {
            let (certificate_pem, key_pem) = make(&["a".to_owned()], year * 31_556_952_000_000).unwrap();
            write_private(&certificate, &certificate_pem).unwrap();
            write_private(&key, &key_pem).unwrap();
        };
        put(50);
        let mut config = Config { data_dir: folder.clone(), ..Config::default() };
        (config.sip.tls[0].certificate, config.sip.tls[0].key) = (certificate.clone(), key.clone());
        let certificates = Certificates::load(&config, wall_us()).unwrap();
        let current = certificates.current().remove(0);
        let first = current.load_full();
        put(51);
        certificates.reload();
        let second = current.load_full();
        assert!(!Arc::ptr_eq(&first, &second));
        for broken in ["", "-----BEGIN CERTIFICATE-----\nx\n"] {
            std::fs::write(&certificate, broken).unwrap();
            certificates.reload();
            assert!(Arc::ptr_eq(&second, &current.load_full()));
            let error = Certificates::load(&config, wall_us()).err().unwrap().to_string();
            assert!(error.starts_with("section sip.tls: ") && error.contains("a.crt"), "{error}");
        }
        put(52);
        std::fs::write(&key, make(&["a".to_owned()], 0).unwrap().1).unwrap();
        let error = Certificates::load(&config, wall_us()).err().unwrap().to_string();
        assert!(error.contains("cannot be used"), "the key of another certificate: {error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
