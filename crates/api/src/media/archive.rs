//! The separate files of a recording in one ZIP archive, written while it is sent.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Pieces on their way to the receiver; then the writer waits.
const QUEUE: usize = 4;
/// Length of a piece.
const PIECE: usize = 64 * 1024;

/// The archive as a stream. What fails on the way ends the stream with an error.
pub(crate) fn archive(paths: Vec<PathBuf>) -> impl Stream<Item = io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(&paths, &sender) {
            // Whoever went away hears nothing more.
            let _ = sender.blocking_send(Err(error));
        }
    });
    futures_util::stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|item| (item, receiver)) })
}

fn write(paths: &[PathBuf], sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut writer = ZipWriter::new_stream(Pieces { sender, gathered: Vec::with_capacity(PIECE) });
    // Speech hardly shrinks without loss, and stored files can be played out of the archive.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        writer.start_file(name, options)?;
        io::copy(&mut File::open(path)?, &mut writer)?;
    }
    writer.finish()?.into_inner().flush()
}

/// Gathers bytes into pieces.
struct Pieces<'a> {
    sender: &'a mpsc::Sender<io::Result<Bytes>>,
    gathered: Vec<u8>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let taken = octets.len().min(PIECE - self.gathered.len());
        self.gathered.extend_from_slice(&octets[..taken]);
        if self.gathered.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.gathered, Vec::with_capacity(PIECE)));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
