//! `flowswitch load check-wav`: whether recorded files are as many, as long and as whole as they must be.

mod content;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::json;

use crate::args::{CheckWavArgs, Content};
use crate::error::{Doing, Error, usage};
use crate::fault::{self, Fault, Sabotaged, fault};
use crate::notes::Notes;
use crate::report::{Report, Table, to_value};
use crate::rtp::packet::FRAME;
use content::{Found, Reader};

/// What is distorted on purpose.
pub(crate) const FAULTS: &[Fault] = &[
    fault("lose-file", "the first file is not looked at", "wav.files_missing"),
    fault("lose-half", "the second half of each file that ends in _out is left out", "wav.pairs_unequal"),
    fault("cut-file", "the last octet of each file is left out", "wav.malformed"),
    fault("hole", "20 ms in each file are silence", "wav.gaps"),
    fault("cut-samples", "20 ms of each file are left out", "wav.frames_missing"),
    fault("repeat-frame", "20 ms of each file come twice", "wav.frames_repeated"),
    fault("late-begin", "a minute of silence is put before each file", "wav.edges"),
];

/// What must be zero with `--strict`.
const STRICT: &[&str] = &[
    "wav.files_missing",
    "wav.unpaired",
    "wav.pairs_unequal",
    "wav.malformed",
    "wav.too_short",
    "wav.too_long",
    "wav.empty",
    "wav.frames_missing",
    "wav.frames_repeated",
    "wav.foreign",
    "wav.unwanted",
    "wav.gaps",
    "wav.edges",
    "wav.calls_twice",
];

/// A file larger than this is no recording of a test: 4 h 39 min.
const LARGEST: u64 = 256 << 20;

/// The figures under `wav.`
#[derive(Clone, Debug, Default, Serialize)]
struct Figures {
    files: u64,
    /// How many of `--files` are not there, or too many.
    files_missing: u64,
    /// Recordings with both files.
    pairs: u64,
    /// Files whose other direction is not there.
    unpaired: u64,
    /// Pairs of unequal length.
    pairs_unequal: u64,
    malformed: u64,
    too_short: u64,
    too_long: u64,
    /// Files without any frame of what they should hold.
    empty: u64,
    frames: u64,
    frames_missing: u64,
    frames_repeated: u64,
    /// Frames of another call than the others of the file.
    foreign: u64,
    /// Frames of 20 ms with a tone of `--no-tone`.
    unwanted: u64,
    gaps: u64,
    gap_ms: f64,
    /// Files that begin too late or go on too long after the sound.
    edges: u64,
    /// Different calls.
    calls: u64,
    /// Recordings of a call that another recording has, too.
    calls_twice: u64,
    shortest_ms: f64,
    longest_ms: f64,
    notes: Notes,
}

/// Looks into all files.
pub(crate) fn run(args: &CheckWavArgs) -> Result<Report, Error> {
    let (demands, sabotaged) = fault::demands(&args.report, STRICT, FAULTS)?;
    demands.check_names(&json!({ "wav": Figures::default() }))?;
    if args.content == Content::Tone && args.tone.is_empty() {
        return usage("--content tone needs --tone HZ");
    }
    if args.tone.iter().chain(&args.no_tone).any(|hertz| !(50.0..=3950.0).contains(hertz)) {
        return usage("--tone and --no-tone must be from 50 to 3950 Hz");
    }
    let mut files = files(args)?;
    if sabotaged.is("lose-file") && !files.is_empty() {
        files.remove(0);
    }
    let reader = Reader::new(args.content, args.codec, &args.tone, &args.no_tone);
    let mut figures = Figures { shortest_ms: f64::MAX, ..Figures::default() };
    let mut lengths = BTreeMap::new();
    let mut calls: BTreeMap<(u64, u32), BTreeSet<String>> = BTreeMap::new();
    for path in &files {
        figures.files += 1;
        let name = path.display().to_string();
        match read(path, sabotaged) {
            Err(why) => {
                figures.malformed += 1;
                figures.notes.add("malformed", || format!("{name}: {why}"));
            }
            Ok(samples) => {
                lengths.insert(name.clone(), samples.len());
                let found = reader.look(&samples);
                judge(args, &name, samples.len(), &found, &mut figures);
                if let Some(call) = found.call {
                    calls.entry(call).or_default().insert(stem(&name).0);
                }
            }
        }
    }
    pairs(&lengths, &mut figures);
    figures.calls = calls.len() as u64;
    figures.calls_twice = calls.values().map(|recordings| recordings.len() as u64 - 1).sum();
    figures.files_missing = args.files.map_or(0, |wanted| wanted.abs_diff(figures.files));
    figures.shortest_ms = if lengths.is_empty() { 0.0 } else { figures.shortest_ms };
    let table = table(args, &figures);
    Ok(Report::new(json!({ "wav": to_value(&figures) }), table, &demands, figures.files == 0))
}

/// All files in the order of their names.
fn files(args: &CheckWavArgs) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in &args.paths {
        let meta = fs::metadata(path).doing(|| path.display().to_string())?;
        if meta.is_file() {
            found.push(path.clone());
            continue;
        }
        for entry in fs::read_dir(path).doing(|| path.display().to_string())? {
            let entry = entry.doing(|| path.display().to_string())?.path();
            found.extend(Some(entry).filter(|entry| entry.extension().is_some_and(|kind| kind == "wav")));
        }
    }
    if let Some(seconds) = args.newer_than {
        let from = SystemTime::now() - Duration::from_secs(seconds);
        found.retain(|path| fs::metadata(path).and_then(|meta| meta.modified()).is_ok_and(|changed| changed >= from));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path, sabotaged: Sabotaged) -> Result<Vec<i16>, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("it has {size} octets, more than {LARGEST}"));
    }
    let mut octets = fs::read(path).map_err(|error| error.to_string())?;
    if sabotaged.is("cut-file") {
        octets.pop();
    }
    let mut samples = file::samples(&octets)?;
    let middle = samples.len() / 2;
    let frame = middle..(middle + FRAME).min(samples.len());
    if sabotaged.is("hole") {
        samples[frame].fill(0);
    } else if sabotaged.is("cut-samples") {
        samples.drain(frame);
    } else if sabotaged.is("repeat-frame") {
        // Two whole frames, so that one whole mark is among them.
        let twice = samples[middle..(middle + 2 * FRAME).min(samples.len())].to_vec();
        samples.splice(middle..middle, twice);
    } else if sabotaged.is("late-begin") {
        samples.splice(0..0, vec![0; 60 * file::RATE as usize]);
    } else if sabotaged.is("lose-half") && stem(&path.display().to_string()).1 == Some("_out") {
        samples.truncate(middle);
    }
    Ok(samples)
}

fn judge(args: &CheckWavArgs, name: &str, length: usize, found: &Found, figures: &mut Figures) {
    let ms = |samples: usize| samples as f64 * 1000.0 / f64::from(file::RATE);
    let length_ms = ms(length);
    figures.shortest_ms = figures.shortest_ms.min(length_ms);
    figures.longest_ms = figures.longest_ms.max(length_ms);
    figures.frames += found.frames;
    figures.frames_missing += found.missing;
    figures.frames_repeated += found.repeated;
    figures.foreign += found.foreign;
    figures.unwanted += found.unwanted;
    figures.gaps += found.gaps;
    figures.gap_ms += ms(found.gap_samples);
    let edge_ms = args.edge_ms as f64;
    let mut say = |count: &mut u64, kind: &'static str, is: bool, why: String| {
        *count += u64::from(is);
        if is {
            figures.notes.add(kind, || format!("{name}: {why}"));
        }
    };
    say(&mut figures.too_short, "too short", length_ms < args.min_ms as f64, format!("{length_ms} ms"));
    say(&mut figures.too_long, "too long", length_ms > args.max_ms as f64, format!("{length_ms} ms"));
    if args.content == Content::Any {
        return;
    }
    let edges = format!("{} ms before, {} ms after the sound", ms(found.lead), ms(found.tail));
    say(&mut figures.edges, "edges", ms(found.lead) > edge_ms || ms(found.tail) > edge_ms, edges);
    say(&mut figures.empty, "empty", found.frames == 0, format!("nothing in {length_ms} ms"));
    let unwanted = format!("{} frames", found.unwanted);
    let mut ignored = 0;
    say(&mut ignored, "unwanted tone", found.unwanted > 0, unwanted);
    let holes = format!("{} gaps, {} ms in all, {} frames missing", found.gaps, ms(found.gap_samples), found.missing);
    say(&mut ignored, "gaps", found.gaps + found.missing > 0, holes);
}

/// A name without its direction and ending, and its direction.
fn stem(name: &str) -> (String, Option<&'static str>) {
    let name = name.strip_suffix(".wav").unwrap_or(name);
    for direction in ["_in", "_out"] {
        if let Some(stem) = name.strip_suffix(direction) {
            return (stem.to_owned(), Some(direction));
        }
    }
    (name.to_owned(), None)
}

fn pairs(lengths: &BTreeMap<String, usize>, figures: &mut Figures) {
    for (name, length) in lengths {
        let (stem, Some(direction)) = stem(name) else { continue };
        let other = lengths.get(&format!("{stem}{}.wav", if direction == "_in" { "_out" } else { "_in" }));
        match other {
            None => {
                figures.unpaired += 1;
                figures.notes.add("unpaired", || name.clone());
            }
            Some(other) if direction == "_in" => {
                figures.pairs += 1;
                if other != length {
                    figures.pairs_unequal += 1;
                    figures.notes.add("pairs of unequal length", || format!("{name}: {length} and {other} samples"));
                }
            }
            Some(_) => {}
        }
    }
}

fn table(args: &CheckWavArgs, figures: &Figures) -> Table {
    let mut table = Table::default();
    table.heading(&args.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "));
    table.row("files", format_args!("{} in {} pairs, of {} calls", figures.files, figures.pairs, figures.calls));
    table.row("length", format_args!("{:.0} to {:.0} ms", figures.shortest_ms, figures.longest_ms));
    table.row("frames", format_args!("{}, {:.0} ms of gaps", figures.frames, figures.gap_ms));
    table.faults(&[
        ("files missing", figures.files_missing),
        ("unpaired", figures.unpaired),
        ("unequal pairs", figures.pairs_unequal),
        ("malformed", figures.malformed),
        ("too short", figures.too_short),
        ("too long", figures.too_long),
        ("empty", figures.empty),
        ("frames missing", figures.frames_missing),
        ("frames repeated", figures.frames_repeated),
        ("of another call", figures.foreign),
        ("unwanted tone", figures.unwanted),
        ("gaps", figures.gaps),
        ("edges", figures.edges),
        ("recorded twice", figures.calls_twice),
    ]);
    figures.notes.tell(&mut table);
    table
}

#[cfg(test)]
mod tests;
