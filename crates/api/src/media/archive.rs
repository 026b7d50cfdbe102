//! The separate files of a recording in one ZIP archive, made piece by piece while it is sent.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use bytes::Bytes;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// Least length of a piece, octets, but for the last.
const PIECE: usize = 64 * 1024;

/// An archive on its way. Between two pieces it is an open file and no thread: a receiver may take its time.
pub(crate) struct Archive {
    /// None: the archive is complete.
    writer: Option<ZipWriter<StreamWriter<Gathered>>>,
    gathered: Gathered,
    to_come: vec::IntoIter<PathBuf>,
    open: Option<File>,
}

impl Archive {
    /// An archive with these files under their own names.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Archive {
        let gathered = Gathered::default();
        let writer = Some(ZipWriter::new_stream(gathered.clone()));
        Archive { writer, gathered, to_come: paths.into_iter(), open: None }
    }

    /// The next piece; none behind the last. Reads files, so not for a thread that must not wait.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut read = vec![0; PIECE];
        while self.gathered.len() < PIECE {
            let Some(writer) = &mut self.writer else { break };
            if let Some(file) = &mut self.open {
                match file.read(&mut read)? {
                    0 => self.open = None,
                    count => writer.write_all(&read[..count])?,
                }
            } else if let Some(path) = self.to_come.next() {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                // Speech hardly shrinks without loss, and stored files can be played out of the archive.
                let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
                writer.start_file(name, options.large_file(true))?;
                self.open = Some(File::open(path)?);
            } else if let Some(writer) = self.writer.take() {
                writer.finish()?;
            }
        }
        let piece = self.gathered.take();
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// What the writer wrote and nobody has taken yet. Shared with the writer, and only ever used by one of both.
#[derive(Clone, Default)]
struct Gathered(Arc<Mutex<Vec<u8>>>);

impl Gathered {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn len(&self) -> usize {
        self.with(|octets| octets.len())
    }

    fn take(&self) -> Bytes {
        self.with(std::mem::take).into()
    }
}

impl Write for Gathered {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.with(|gathered| gathered.extend_from_slice(octets));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
