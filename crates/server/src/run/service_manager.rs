//! What the server tells the manager that started it, if there is one: systemd, by the protocol of sd_notify(3).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A stage that a manager wants to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Calls are taken, and everything was said and written that a first start says and writes.
    Ready,
    /// No new calls are taken, and the others may finish.
    Stopping,
}

/// Tells the manager. Where there is none nothing happens; one that does not listen is no reason to stop.
pub(super) fn tell(stage: Stage) {
    let Some(address) = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty()) else { return };
    if let Err(error) = send(&address, stage) {
        tracing::warn!(%error, "the service manager cannot be told at {}", address.display());
    }
}

fn send(address: &OsStr, stage: Stage) -> io::Result<()> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let words: &[u8] = match stage {
        Stage::Ready => b"READY=1",
        Stage::Stopping => b"STOPPING=1",
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that reads nothing must not hold up a start or an end.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(words, &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut octets = [0; 64];
        let length = manager.recv(&mut octets).unwrap();
        String::from_utf8_lossy(&octets[..length]).into_owned()
    }

    #[test]
    fn the_manager_is_told_by_a_path_or_by_an_abstract_name() {
        let path = env::temp_dir().join(format!("flowswitch-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let manager = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), Stage::Ready).unwrap();
        assert_eq!(heard(&manager), "READY=1");
        std::fs::remove_file(&path).unwrap();

        let name = format!("flowswitch-notify-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), Stage::Stopping).unwrap();
        assert_eq!(heard(&manager), "STOPPING=1");
    }

    #[test]
    fn an_address_that_is_none_is_an_error_and_no_panic() {
        for address in ["/nowhere/at/all", "@", "\0", &"x".repeat(200)] {
            assert!(send(OsStr::new(address), Stage::Ready).is_err(), "{address:?}");
        }
    }
}
