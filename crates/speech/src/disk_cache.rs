//! What was spoken once is kept on disk and survives a restart. A file is named by what it says, written beside and then renamed,
//! and checked when it is read; a damaged one is removed and spoken anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use model::Speech;
use sha2::{Digest, Sha256};

use crate::counters::add;
use crate::{Cancel, Ear, SpeechCounters, SpeechError, Synthesizer};

/// Begins every file; the number is that of this format.
const MAGIC: &[u8; 12] = b"fs-speech-1\n";
/// Magic, rate, SHA-256 of what follows.
const HEADER: usize = MAGIC.len() + 4 + 32;
/// Longer speech is not kept: about six minutes at 22 kHz.
const FILE_OCTETS_MAX: u64 = 16 << 20;
/// Samples that are delivered at a time: few, because whoever hears them is answered with the first of them.
const PIECE: usize = 2_048;

/// How texts are read here (`ssml.rs`). One more whenever a text sounds different than before, so that nobody hears what is kept.
const READING: u64 = 2;

/// The name of a text as it sounds: SHA-256 of the engine and everything that was asked for, in hexadecimal.
pub fn content_key(engine: &str, speech: &Speech) -> String {
    let mut hash = Sha256::new();
    hash.update(READING.to_le_bytes());
    for field in [engine, &speech.text, &speech.language, &speech.gender, &speech.provider, &speech.voice_id] {
        // With its length, so that no two requests run into one another.
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field.as_bytes());
    }
    hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A synthesizer that remembers what another one said.
pub struct DiskCache<S> {
    inner: S,
    folder: PathBuf,
    octets_max: u64,
    index: Mutex<Index>,
    requests: AtomicU64,
    hits: AtomicU64,
    damaged: AtomicU64,
    /// Part of the names of files that are being written.
    written: AtomicU64,
}

/// What is on disk; the one not used for longest goes first.
#[derive(Debug, Default)]
struct Index {
    entries: BTreeMap<String, Entry>,
    by_use: BTreeSet<(u64, String)>,
    octets: u64,
    last_use: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    octets: u64,
    used: u64,
}

impl<S: Synthesizer> DiskCache<S> {
    /// Takes up `folder`, which is made if it is missing, with what is in it. The files take up to `octets_max` octets.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(inner: S, folder: &Path, octets_max: u64) -> io::Result<DiskCache<S>> {
        fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let about = entry.metadata()?;
            match name.strip_suffix(".speech") {
                Some(key) if is_key(key) && about.is_file() => {
                    found.push((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), key.to_owned(), about.len()));
                }
                // Left behind by a process that was killed while it wrote.
                _ if name.ends_with(".speech-new") => drop(fs::remove_file(entry.path())),
                _ => {}
            }
        }
        found.sort();
        let cache = DiskCache {
            inner,
            folder: folder.to_owned(),
            octets_max,
            index: Mutex::default(),
            requests: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            written: AtomicU64::new(0),
        };
        for (_, key, octets) in found {
            cache.enter(&key, octets);
        }
        Ok(cache)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.speech"))
    }

    /// Rate and samples of a text that was spoken before.
    fn find(&self, key: &str) -> Option<(u32, Vec<u8>)> {
        self.index().entries.get(key)?;
        match read(&self.path(key)) {
            Ok(found) => {
                self.index().touch(key);
                Some(found)
            }
            Err(error) => {
                tracing::warn!(%key, %error, "a file of the speech cache is damaged and removed");
                add(&self.damaged);
                self.index().remove(key);
                let _ = fs::remove_file(self.path(key));
                None
            }
        }
    }

    fn keep(&self, key: &str, kept: &Kept) {
        match self.write(key, kept) {
            Ok(octets) => self.enter(key, octets),
            // A full disk is no reason not to speak.
            Err(error) => tracing::warn!(folder = %self.folder.display(), %error, "the speech cache cannot be written"),
        }
    }

    fn write(&self, key: &str, kept: &Kept) -> io::Result<u64> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let new = self.folder.join(format!("{key}.{}-{number}.speech-new", std::process::id()));
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(MAGIC)?;
            file.write_all(&kept.rate_hz.to_le_bytes())?;
            file.write_all(&Sha256::digest(&kept.octets))?;
            file.write_all(&kept.octets)?;
            fs::rename(&new, self.path(key))?;
            Ok((HEADER + kept.octets.len()) as u64)
        };
        let result = write();
        if result.is_err() {
            let _ = fs::remove_file(&new);
        }
        result
    }

    /// Takes up a file that is there, and removes others until all fit.
    fn enter(&self, key: &str, octets: u64) {
        let mut gone = Vec::new();
        {
            let mut index = self.index();
            index.remove(key);
            index.octets += octets;
            index.last_use += 1;
            let used = index.last_use;
            index.entries.insert(key.to_owned(), Entry { octets, used });
            index.by_use.insert((used, key.to_owned()));
            while index.octets > self.octets_max
                && let Some((_, oldest)) = index.by_use.first().cloned()
            {
                index.remove(&oldest);
                gone.push(oldest);
            }
        }
        for key in gone {
            let _ = fs::remove_file(self.path(&key));
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // Nothing under this lock can panic half way.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn touch(&mut self, key: &str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        self.by_use.remove(&(entry.used, key.to_owned()));
        self.last_use += 1;
        entry.used = self.last_use;
        self.by_use.insert((entry.used, key.to_owned()));
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&(entry.used, key.to_owned()));
            self.octets -= entry.octets;
        }
    }
}

impl<S: Synthesizer> Synthesizer for DiskCache<S> {
    fn engine(&self) -> &str {
        self.inner.engine()
    }

    fn synthesize(&self, speech: &Speech, cancel: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError> {
        add(&self.requests);
        let key = content_key(self.engine(), speech);
        if let Some((rate_hz, octets)) = self.find(&key) {
            add(&self.hits);
            return deliver(rate_hz, &octets, cancel, ear);
        }
        let mut keeper = Keeper { ear, kept: Some(Kept::default()) };
        self.inner.synthesize(speech, cancel, &mut keeper)?;
        if let Some(kept) = keeper.kept.filter(|kept| !kept.octets.is_empty()) {
            self.keep(&key, &kept);
        }
        Ok(())
    }

    fn counters(&self) -> SpeechCounters {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SpeechCounters {
            requests: value(&self.requests),
            disk_hits: value(&self.hits),
            disk_damaged: value(&self.damaged),
            disk_octets: self.index().octets,
            ..self.inner.counters()
        }
    }
}

/// Speech on its way to disk.
#[derive(Debug, Default)]
struct Kept {
    rate_hz: u32,
    octets: Vec<u8>,
}

/// Passes everything on and keeps it, unless it is too long for that.
struct Keeper<'a> {
    ear: &'a mut dyn Ear,
    kept: Option<Kept>,
}

impl Ear for Keeper<'_> {
    fn piece(&mut self, rate_hz: u32, samples: &[i16]) -> ControlFlow<()> {
        if let Some(kept) = &mut self.kept {
            kept.rate_hz = rate_hz;
            kept.octets.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
            if kept.octets.len() as u64 > FILE_OCTETS_MAX {
                self.kept = None;
            }
        }
        self.ear.piece(rate_hz, samples)
    }

    fn note(&mut self, note: &str) {
        self.ear.note(note);
    }
}

fn deliver(rate_hz: u32, octets: &[u8], cancel: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError> {
    let (pairs, _) = octets.as_chunks::<2>();
    for piece in pairs.chunks(PIECE) {
        let samples: Vec<i16> = piece.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        if cancel.is_cancelled() || ear.piece(rate_hz, &samples) == ControlFlow::Break(()) {
            return Err(SpeechError::Cancelled);
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<(u32, Vec<u8>)> {
    let damaged = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut file = File::open(path)?;
    let mut header = [0; HEADER];
    file.read_exact(&mut header)?;
    let (magic, rest) = header.split_at(MAGIC.len());
    let (rate, sum) = rest.split_at(4);
    if magic != MAGIC {
        return Err(damaged("it is of another kind"));
    }
    let rate_hz = u32::from_le_bytes([rate[0], rate[1], rate[2], rate[3]]);
    let mut octets = Vec::new();
    (&mut file).take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets)?;
    if octets.is_empty() || octets.len() % 2 != 0 || Sha256::digest(&octets)[..] != *sum {
        return Err(damaged("its check sum is wrong"));
    }
    // The order of use survives a restart by this. Only worth an attempt: the file may belong to somebody else.
    let _ = file.set_modified(SystemTime::now());
    Ok((rate_hz, octets))
}

fn is_key(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|octet| octet.is_ascii_hexdigit())
}
