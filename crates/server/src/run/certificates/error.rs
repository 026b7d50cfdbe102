//! What may be wrong with a certificate and its key, in words for the operator.

use std::fmt;
use std::path::PathBuf;

use rustls::pki_types::pem;

/// Why a certificate cannot be used.
#[derive(Debug)]
pub(in crate::run) enum CertificateError {
    /// A file cannot be read, or its PEM not be taken apart.
    File(PathBuf, pem::Error),
    /// The file holds no certificate.
    NoCertificate(PathBuf),
    /// The file holds no key.
    NoKey(PathBuf),
    /// What the file holds is no certificate, or no key, though it is called one.
    Damaged(PathBuf),
    /// The key is that of another certificate.
    ForeignKey {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// Something else that TLS does not like.
    Unusable(PathBuf, rustls::Error),
    /// One of those above, with the files that the server has made for itself.
    Own(Box<CertificateError>, PathBuf, PathBuf),
    /// A certificate could not be made.
    NotMade(rcgen::Error),
    /// What was made could not be written.
    NotWritten(PathBuf, std::io::Error),
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let CertificateError::Own(error, certificate, key) = self {
            let (certificate, key) = (certificate.display(), key.display());
            return write!(
                f,
                "{error}; the server had made it for itself: delete both {certificate} and {key}, and the next start makes new ones"
            );
        }
        f.write_str("section sip.tls: ")?;
        match self {
            CertificateError::File(path, error) => {
                let path = path.display();
                match error {
                    pem::Error::Io(error) => write!(f, "{path} cannot be read: {error}"),
                    pem::Error::MissingSectionEnd { .. } => write!(f, "{path} is cut off: a line of END is missing"),
                    _ => write!(f, "{path} is damaged: what it holds is not PEM"),
                }
            }
            CertificateError::NoCertificate(path) => {
                write!(f, "{} is empty, or has no certificate in PEM in it", path.display())
            }
            CertificateError::NoKey(path) => {
                write!(f, "{} has no private key in PEM in it, or one that is locked by a passphrase", path.display())
            }
            CertificateError::Damaged(path) => {
                write!(f, "{} is damaged, or of a kind that is not known", path.display())
            }
            CertificateError::ForeignKey { certificate, key } => {
                write!(
                    f,
                    "the key in {} does not belong to the certificate in {}",
                    key.display(),
                    certificate.display()
                )
            }
            CertificateError::Unusable(path, error) => write!(f, "{} cannot be used: {error}", path.display()),
            CertificateError::Own(..) => Ok(()),
            CertificateError::NotMade(error) => write!(f, "no certificate could be made: {error}"),
            CertificateError::NotWritten(path, error) => write!(f, "{} cannot be written: {error}", path.display()),
        }
    }
}

impl std::error::Error for CertificateError {}
