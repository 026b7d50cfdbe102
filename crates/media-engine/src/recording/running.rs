//! One recording in the hands of a writer: takes packets out of its ring and puts them into its files.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use media_core::recording::{Recorder, RecordingRequest, TapEnd, Track};
use media_core::{RecordingEnd, RecordingFact};

use super::ring::{SAMPLE_NS, TapReader, position_of, records};
use super::wav::{PIECE_SAMPLES, WavFile, whole_pieces};
use crate::config::RecordingConfig;
use crate::metrics::{LiveRecordings, add};

/// A piece is written so long after its time, ns: the packets that were on time then are in it.
const GRACE_NS: u64 = 5 * base::MS;

/// A recording that has not ended.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) request: RecordingRequest,
    reader: TapReader,
    writing: Option<Writing>,
    /// Why it ends before it begins.
    refused: Option<String>,
    /// When its files are brought up to date next, ns; never while it has not begun.
    pub(super) due_ns: u64,
}

/// From the moment on that the worker has begun.
#[derive(Debug)]
struct Writing {
    began_ns: u64,
    recorder: Recorder,
    /// In the order in, out; of a room only the first.
    files: Vec<WavFile>,
    /// As far as they were looked at.
    dropped: u64,
    jumps: u64,
}

/// What a writer needs for one recording at a time. Nothing is kept in it.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    records: Vec<u8>,
    input: Vec<i16>,
    output: Vec<i16>,
    pending: [Pending; 2],
    octets: Vec<u8>,
}

/// Samples of a track on their way to its file: a writer that is late writes many steps at once.
#[derive(Debug, Default)]
struct Pending {
    from: u64,
    samples: Vec<i16>,
}

/// Samples that wait to be written at most: 10 s.
const PENDING_MAX: usize = 80_000;

impl Pending {
    /// Adds samples from a position on, which may reach back; false: further than it can.
    fn add(&mut self, from: u64, samples: &[i16]) -> bool {
        if self.samples.is_empty() {
            self.from = from;
        }
        let Some(keep) = from.checked_sub(self.from) else { return false };
        self.samples.truncate(keep as usize);
        self.samples.extend_from_slice(samples);
        self.samples.len() < PENDING_MAX
    }
}

/// What a step of a recording brought about.
#[derive(Debug)]
pub(super) enum Step {
    Nothing,
    Started,
    Ended(RecordingFact),
}

/// A failure: words for the user, and the error for the log.
#[derive(Debug)]
struct Failure {
    words: String,
    error: Option<io::Error>,
}

impl Running {
    pub(super) fn new(request: RecordingRequest, reader: TapReader, refused: Option<String>) -> Running {
        Running { request, reader, writing: None, refused, due_ns: u64::MAX }
    }

    /// Whether there is something to do before `due_ns`.
    pub(super) fn is_urgent(&self) -> bool {
        self.writing.is_none() || self.reader.end().is_some()
    }

    /// Brings the files up to `now_ns`. `closing`: the engine ends, and the recording with it.
    pub(super) fn step(
        &mut self,
        now_ns: u64,
        config: &RecordingConfig,
        live: &LiveRecordings,
        scratch: &mut Scratch,
        closing: bool,
    ) -> Step {
        if let Some(words) = self.refused.take() {
            return self.fail(live, Failure { words, error: None });
        }
        // Before the ring is looked at: what the worker handed over before the end is in there then.
        let mut end = self.reader.end();
        if end.is_none() && closing {
            let at = self.writing.as_ref().map_or(0, |writing| position_of(writing.began_ns, now_ns));
            end = Some((TapEnd::StreamClosed, at));
        }
        let words = match end {
            Some((TapEnd::Busy, _)) => {
                Some(format!("another recording of this {} is running", self.request.source.noun()))
            }
            Some((TapEnd::NoPlace, _)) => Some("there are too many rooms".to_owned()),
            _ => None,
        };
        if let Some(words) = words {
            return self.fail(live, Failure { words, error: None });
        }
        match (&mut self.writing, self.reader.began_ns()) {
            (None, Some(began_ns)) => match Writing::begin(config, &self.request, began_ns) {
                Ok(writing) => {
                    self.due_ns = writing.next_due_ns();
                    self.writing = Some(writing);
                    Step::Started
                }
                Err(failure) => self.fail(live, failure),
            },
            (None, None) => match end {
                Some((end, _)) => Step::Ended(empty(end_of(end))),
                None => Step::Nothing,
            },
            (Some(writing), _) => match writing.catch_up(now_ns, end, &mut self.reader, live, scratch) {
                Ok(Some(fact)) => Step::Ended(fact),
                Ok(None) => {
                    self.due_ns = writing.next_due_ns();
                    Step::Nothing
                }
                Err(failure) => self.fail(live, failure),
            },
        }
    }

    /// Ends it as failed, by what was caught from a panic.
    pub(super) fn broken(&mut self, live: &LiveRecordings) -> Step {
        self.fail(live, Failure { words: "an internal error".into(), error: None })
    }

    fn fail(&mut self, live: &LiveRecordings, failure: Failure) -> Step {
        let Failure { words, error } = failure;
        if error.is_some() {
            add(&live.write_errors, 1);
        }
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        let (recording, file) = (self.request.recording.0, &self.request.file_stem);
        tracing::error!(recording = format_args!("{recording:032x}"), %file, %error, why = %words, "a recording has failed");
        let end = RecordingEnd::Failed(words);
        Step::Ended(match &mut self.writing {
            Some(writing) => writing.give_up(end, self.reader.dropped()),
            None => empty(end),
        })
    }
}

fn empty(end: RecordingEnd) -> RecordingFact {
    RecordingFact::Ended { end, samples: 0, gap_samples_in: 0, gap_samples_out: 0, dropped_samples: 0 }
}

fn end_of(end: TapEnd) -> RecordingEnd {
    match end {
        TapEnd::Stopped => RecordingEnd::Stopped,
        TapEnd::StreamClosed | TapEnd::Busy | TapEnd::NoPlace => RecordingEnd::StreamClosed,
    }
}

impl Writing {
    fn begin(config: &RecordingConfig, request: &RecordingRequest, began_ns: u64) -> Result<Writing, Failure> {
        let Some(folder) = &config.folder else { return Err(Failure { words: no_folder(), error: None }) };
        let files = create(folder, &request.file_stem, request.source.tracks())?;
        let recorder = Recorder::new(request, u64::from(config.longest_s) * 1_000);
        Ok(Writing { began_ns, recorder, files, dropped: 0, jumps: 0 })
    }

    /// When there is another piece to be written.
    fn next_due_ns(&self) -> u64 {
        let piece = whole_pieces(self.recorder.samples() + PIECE_SAMPLES);
        self.began_ns + piece * SAMPLE_NS + GRACE_NS
    }

    /// Takes what is in the ring and writes the whole pieces up to `now_ns`, or all up to the end.
    fn catch_up(
        &mut self,
        now_ns: u64,
        end: Option<(TapEnd, u64)>,
        reader: &mut TapReader,
        live: &LiveRecordings,
        scratch: &mut Scratch,
    ) -> Result<Option<RecordingFact>, Failure> {
        let now = end.map_or_else(|| position_of(self.began_ns, now_ns), |(_, at)| at);
        let dropped = reader.dropped();
        if dropped != self.dropped {
            self.dropped = dropped;
            self.recorder.lost(now);
        }
        for pending in &mut scratch.pending {
            pending.samples.clear();
        }
        let mut taken = std::mem::take(&mut scratch.records);
        reader.take(&mut taken);
        let result = self.place(&taken, live, scratch);
        scratch.records = taken;
        result?;
        let jumps = self.recorder.jumps();
        add(&live.clock_jumps, jumps - std::mem::replace(&mut self.jumps, jumps));
        let target = end.map_or(whole_pieces(now), |(_, at)| self.recorder.last_position(at));
        while self.recorder.samples() < target && self.recorder.ended().is_none() {
            self.advance(target, live, scratch)?;
        }
        // What came late may have changed what was there already.
        self.advance(self.recorder.samples(), live, scratch)?;
        self.write(scratch)?;
        let end = self.recorder.ended().or(end.map(|(end, _)| end_of(end)));
        Ok(end.map(|end| self.recorder.finish(end, self.dropped)))
    }

    fn place(&mut self, taken: &[u8], live: &LiveRecordings, scratch: &mut Scratch) -> Result<(), Failure> {
        for record in records(taken) {
            while let Some(first) = self.recorder.advance_first(record.at) {
                if self.recorder.ended().is_some() {
                    return Ok(());
                }
                self.advance(first, live, scratch)?;
            }
            self.recorder.packet(
                record.track,
                record.at,
                record.timestamp,
                record.source_changed,
                record.coding,
                record.payload,
            );
        }
        Ok(())
    }

    /// Takes the tracks to `position` (or 200 ms nearer to it).
    fn advance(&mut self, position: u64, live: &LiveRecordings, scratch: &mut Scratch) -> io::Result<()> {
        let before = self.recorder.samples();
        let settled = self.recorder.advance(position, &mut scratch.input, &mut scratch.output);
        add(&live.samples, settled.end - before);
        let given = [(settled.from_in, &scratch.input), (settled.from_out, &scratch.output)];
        let mut full = false;
        for ((pending, (from, samples)), file) in scratch.pending.iter_mut().zip(given).zip(&mut self.files) {
            if pending.samples.len() >= PENDING_MAX || from < pending.from {
                file.write(pending.from, &pending.samples, &mut scratch.octets)?;
                pending.samples.clear();
            }
            full |= !pending.add(from, samples);
        }
        if full { self.write(scratch) } else { Ok(()) }
    }

    /// Writes what waits.
    fn write(&mut self, scratch: &mut Scratch) -> io::Result<()> {
        for (pending, file) in scratch.pending.iter_mut().zip(&mut self.files) {
            let result = file.write(pending.from, &pending.samples, &mut scratch.octets);
            pending.samples.clear();
            result?;
        }
        Ok(())
    }

    /// All files end where all are whole.
    fn give_up(&mut self, end: RecordingEnd, dropped: u64) -> RecordingFact {
        let whole = self.files.iter().map(WavFile::samples).min().unwrap_or(0);
        for file in &mut self.files {
            if let Err(error) = file.cut(whole) {
                tracing::warn!(%error, "the end of a failed recording cannot be cut off");
            }
        }
        match self.recorder.finish(end, dropped) {
            RecordingFact::Ended { end, gap_samples_in, gap_samples_out, dropped_samples, .. } => {
                RecordingFact::Ended {
                    end,
                    samples: whole,
                    gap_samples_in: gap_samples_in.min(whole),
                    gap_samples_out: gap_samples_out.min(whole),
                    dropped_samples,
                }
            }
            started @ RecordingFact::Started => started,
        }
    }
}

/// Makes a file for each track, or none.
fn create(folder: &Path, stem: &str, tracks: &[Track]) -> Result<Vec<WavFile>, Failure> {
    fs::create_dir_all(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure { words: "a file is where the recordings folder should be".into(), error: Some(error) }
        }
        _ => error.into(),
    })?;
    let mut files = Vec::with_capacity(tracks.len());
    for track in tracks {
        let side = match track {
            Track::In => "in",
            Track::Out => "out",
        };
        match WavFile::create(folder.join(format!("{stem}_{side}.wav"))) {
            Ok(file) => files.push(file),
            Err(error) => {
                for file in files {
                    let _ = file.remove();
                }
                return Err(error.into());
            }
        }
    }
    Ok(files)
}

/// Whether the files can have this name within their folder.
pub(super) fn is_usable_stem(stem: &str) -> bool {
    // The system's limit is 255 octets, with the endings.
    let length_fits = (1..=240).contains(&stem.len());
    length_fits && !stem.starts_with('.') && !stem.contains(|letter: char| letter == '/' || letter.is_control())
}

pub(super) fn no_folder() -> String {
    "there is no folder for recordings in the configuration".into()
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let words = match error.kind() {
            ErrorKind::StorageFull => "the disk is full",
            ErrorKind::QuotaExceeded => "the disk quota is used up",
            ErrorKind::FileTooLarge => "the system permits no larger file",
            ErrorKind::PermissionDenied => "the recordings folder may not be written to",
            ErrorKind::ReadOnlyFilesystem => "the disk of the recordings folder is read-only",
            ErrorKind::NotFound | ErrorKind::NotADirectory => "there is no recordings folder, and it cannot be made",
            ErrorKind::AlreadyExists => "a recording of this name exists already",
            _ if error.raw_os_error() == Some(libc::EMFILE) => "the server has too many files open",
            _ => "the recording cannot be written",
        };
        Failure { words: words.into(), error: Some(error) }
    }
}
