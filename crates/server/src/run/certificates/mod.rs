//! The certificates of the TLS listeners: read at the start and on SIGHUP; where none is configured one is made.

mod error;
mod validity;

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use model::Timestamp;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::banner::outward_address;
use crate::config::{Config, TlsListenerConfig};

use error::CertificateError;
use validity::{Untimely, Validity};

/// How long a certificate that is made here is valid.
const YEARS: i32 = 10;
/// Where it is, below the folder of everything that is kept.
const FOLDER: &str = "tls";

/// The certificate of each TLS listener.
pub(super) struct Certificates {
    pairs: Vec<Pair>,
    /// Which of them each listener has, in the order of the listeners.
    of_listeners: Vec<usize>,
}

/// The files of a certificate, which several listeners may have.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    content: Content,
    current: Arc<ArcSwap<ServerConfig>>,
}

/// What the files hold: the certificate with those that lead to its root, and its key.
#[derive(PartialEq)]
struct Content {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Certificates {
    /// Reads the certificates of all TLS listeners; one is made for those without, unless that was done at an earlier start. The log
    /// warns of those whose time has not come or is over.
    ///
    /// # Errors
    /// The first that cannot be had.
    pub(super) fn load(config: &Config, wall_us: u64) -> Result<Certificates, CertificateError> {
        let mut certificates = Certificates { pairs: Vec::new(), of_listeners: Vec::new() };
        let mut known: Vec<(&Path, &Path)> = Vec::new();
        for tls in &config.sip.tls {
            let files = (tls.certificate.as_path(), tls.key.as_path());
            let at = match known.iter().position(|known| *known == files) {
                Some(at) => at,
                None => {
                    known.push(files);
                    certificates.pairs.push(Pair::load(tls, config, wall_us)?);
                    known.len() - 1
                }
            };
            certificates.of_listeners.push(at);
        }
        Ok(certificates)
    }

    /// What each listener goes by, also after a reload.
    pub(super) fn current(&self) -> Vec<Arc<ArcSwap<ServerConfig>>> {
        self.of_listeners.iter().map(|&at| self.pairs[at].current.clone()).collect()
    }

    /// Reads all files again, and gives those of certificates that are shown from now on. Connections that are open go on with what they
    /// have; where a file is broken, so do new ones, and the log says why.
    pub(super) fn reload(&mut self, wall_us: u64) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        for pair in &mut self.pairs {
            let read = Content::read(&pair.certificate, &pair.key).and_then(|content| {
                let config = content.config(&pair.certificate, &pair.key)?;
                Ok((content, config))
            });
            match read {
                Ok((content, config)) => {
                    warn_of_time(&pair.certificate, &content, wall_us);
                    if content != pair.content {
                        pair.current.store(config);
                        pair.content = content;
                        changed.push(pair.certificate.clone());
                    }
                }
                Err(error) => tracing::error!("the certificate is not changed: {error}"),
            }
        }
        changed
    }
}

impl Pair {
    fn load(tls: &TlsListenerConfig, config: &Config, wall_us: u64) -> Result<Pair, CertificateError> {
        let is_own = tls.certificate.as_os_str().is_empty();
        let (certificate, key) = match is_own {
            true => own(config, wall_us)?,
            false => (tls.certificate.clone(), tls.key.clone()),
        };
        let content = Content::read(&certificate, &key);
        let read = content.and_then(|content| Ok((content.config(&certificate, &key)?, content)));
        let (current, content) = match read {
            Ok((current, content)) => (Arc::new(ArcSwap::new(current)), content),
            Err(error) if is_own => return Err(CertificateError::Own(Box::new(error), certificate, key)),
            Err(error) => return Err(error),
        };
        warn_of_time(&certificate, &content, wall_us);
        Ok(Pair { certificate, key, content, current })
    }
}

impl Content {
    fn read(certificate: &Path, key: &Path) -> Result<Content, CertificateError> {
        let in_file = |path: &Path| {
            let path = path.to_owned();
            move |error| CertificateError::File(path, error)
        };
        let chain = CertificateDer::pem_file_iter(certificate).map_err(in_file(certificate))?;
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(in_file(certificate))?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate(certificate.to_owned()));
        }
        match PrivateKeyDer::from_pem_file(key) {
            Ok(key) => Ok(Content { chain, key }),
            Err(pem::Error::NoItemsFound) => Err(CertificateError::NoKey(key.to_owned())),
            Err(error) => Err(in_file(key)(error)),
        }
    }

    /// TLS 1.2 and 1.3 with this certificate.
    fn config(&self, certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
        let unusable = |error| match error {
            rustls::Error::InconsistentKeys(_) => {
                CertificateError::ForeignKey { certificate: certificate.to_owned(), key: key.to_owned() }
            }
            rustls::Error::InvalidCertificate(_) => CertificateError::Damaged(certificate.to_owned()),
            // Nothing else is said of a key that is none.
            rustls::Error::General(_) => CertificateError::Damaged(key.to_owned()),
            error => CertificateError::Unusable(certificate.to_owned(), error),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions.map_err(unusable)?.with_no_client_auth();
        builder.with_single_cert(self.chain.clone(), self.key.clone_key()).map(Arc::new).map_err(unusable)
    }

    /// The first of the certificates that cannot be used at this time.
    fn check_time(&self, wall_us: u64) -> Result<(), Untimely> {
        let now = Timestamp::from_us(wall_us);
        self.chain
            .iter()
            .filter_map(|certificate| Validity::of(certificate))
            .try_for_each(|validity| validity.check(now))
    }
}

fn warn_of_time(certificate: &Path, content: &Content, wall_us: u64) {
    if let Err(untimely) = content.check_time(wall_us) {
        let path = certificate.display();
        tracing::warn!("section sip.tls: a certificate in {path} {untimely}: phones that check it will not connect");
    }
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
        let two = config.sip.tls[0].clone();
        config.sip.tls.push(two);
        let mut certificates = Certificates::load(&config, wall_us()).unwrap();
        let [current, other] = &certificates.current()[..] else { panic!("there are two listeners") };
        let (current, other) = (current.clone(), other.clone());
        let first = current.load_full();
        assert!(certificates.reload(wall_us()).is_empty() && Arc::ptr_eq(&first, &current.load_full()));
        put(51);
        assert_eq!(
            certificates.reload(wall_us()),
            std::slice::from_ref(&certificate),
            "one file, though two listeners have it"
        );
        let second = current.load_full();
        assert!(!Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&second, &other.load_full()));
        std::fs::write(&certificate, "").unwrap();
        assert!(certificates.reload(wall_us()).is_empty());
        assert!(Arc::ptr_eq(&second, &current.load_full()));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_wrong_with_the_files_is_said_in_plain_words() {
        let folder = folder("words");
        let (certificate, key) = (folder.join("a.crt"), folder.join("a.key"));
        let (certificate_pem, key_pem) = make(&["a".to_owned()], wall_us()).unwrap();
        let mut config = Config { data_dir: folder.clone(), ..Config::default() };
        (config.sip.tls[0].certificate, config.sip.tls[0].key) = (certificate.clone(), key.clone());
        let other_key = make(&["a".to_owned()], wall_us()).unwrap().1;
        let damaged = |pem: &str| {
            let mut lines: Vec<&str> = pem.lines().collect();
            lines[1] = "AAAA";
            lines.join("\n")
        };
        let cut = &certificate_pem[..certificate_pem.len() / 2];
        for (certificate_pem, key_pem, words) in [
            ("", &*key_pem, "a.crt is empty, or has no certificate in PEM in it"),
            ("hello", &key_pem, "a.crt is empty, or has no certificate in PEM in it"),
            (&certificate_pem, "", "a.key has no private key in PEM in it, or one that is locked by a passphrase"),
            (&certificate_pem, &other_key, "a.key does not belong to the certificate in"),
            (cut, &key_pem, "a.crt is cut off: a line of END is missing"),
            ("-----BEGIN CERTIFICATE-----\n???\n-----END CERTIFICATE-----\n", &key_pem, "a.crt is damaged"),
            (&damaged(&certificate_pem), &key_pem, "a.crt is damaged"),
            (&certificate_pem, &damaged(&key_pem), "a.key is damaged"),
        ] {
            write_private(&certificate, certificate_pem).unwrap();
            write_private(&key, key_pem).unwrap();
            let error = Certificates::load(&config, wall_us()).err().unwrap().to_string();
            assert!(error.starts_with("section sip.tls: ") && error.contains(words), "{error}");
        }
        std::fs::remove_file(&key).unwrap();
        let error = Certificates::load(&config, wall_us()).err().unwrap().to_string();
        assert!(error.contains("a.key cannot be read: No such file"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_damaged_certificate_of_our_own_may_be_deleted() {
        let folder = folder("own");
        let config = Config { data_dir: folder.clone(), ..Config::default() };
        Certificates::load(&config, wall_us()).unwrap();
        std::fs::write(folder.join("tls/self-signed.crt"), "").unwrap();
        let error = Certificates::load(&config, wall_us()).err().unwrap().to_string();
        assert!(error.contains("delete both") && error.contains("self-signed.key"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_certificate_whose_time_is_over_is_found() {
        let folder = folder("time");
        let config = Config { data_dir: folder.clone(), ..Config::default() };
        let certificates = Certificates::load(&config, wall_us()).unwrap();
        let content = &certificates.pairs[0].content;
        assert_eq!(content.check_time(wall_us()), Ok(()));
        let late = content.check_time(wall_us() + 12 * 31_556_952_000_000).unwrap_err().to_string();
        assert!(late.starts_with("has expired at 2037-12-31 00:00 UTC"), "{late}");
        let early = content.check_time(0).unwrap_err().to_string();
        assert!(early.starts_with("is not valid before 2027-01-01 00:00 UTC"), "{early}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
