//! Tells which tones are in a recording: for each frequency the longest time without a gap in which it holds at least 80 %
//! of the power. Tests that listen with somebody else's telephone ask this.
//!
//! `cargo run --release -p media-core --example goertzel -- 600 900 1400 < heard.wav` prints a line for each frequency:
//! Hz, longest time in ms, where it begins in ms, its mean share of the power there in percent. The recording is WAV,
//! 16 bit, 8 kHz, one channel.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]

use std::io::{self, Read, Write};
use std::process::ExitCode;

use media_core::tone::goertzel;

const RATE_HZ: u32 = 8000;
/// 100 ms: tones 10 Hz apart can be told from each other, which the notes of a melody need.
const WINDOW: usize = 800;
/// 20 ms.
const STEP: usize = 160;
/// Windows with less than this effective value (-50 dB of full scale) are silence.
const SILENCE: f64 = 104.0;
const SHARE: f64 = 0.8;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if standard error is closed.
            let _ = writeln!(io::stderr(), "goertzel: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let frequencies = std::env::args()
        .skip(1)
        .map(|text| match text.parse::<f64>() {
            Ok(hertz) if (50.0..4000.0).contains(&hertz) => Ok(hertz),
            _ => Err(format!("`{text}` is no frequency between 50 and 4000 Hz")),
        })
        .collect::<Result<Vec<f64>, String>>()?;
    if frequencies.is_empty() {
        return Err("usage: goertzel HZ... < recording.wav".to_owned());
    }
    let mut file = Vec::new();
    io::stdin().lock().read_to_end(&mut file).map_err(|error| error.to_string())?;
    let samples = samples_of(&file)?;
    let mut out = io::stdout().lock();
    for hertz in frequencies {
        let run = longest(&samples, hertz);
        let (length, begin) = (milliseconds(run.length()), milliseconds(run.first * STEP));
        writeln!(out, "{hertz} {length} {begin} {:.0}", run.mean_share() * 100.0).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn milliseconds(samples: usize) -> usize {
    samples * 1000 / RATE_HZ as usize
}

/// Windows in a row that are mostly one tone.
#[derive(Clone, Copy, Default)]
struct Run {
    first: usize,
    windows: usize,
    shares: f64,
}

impl Run {
    /// From the first sample of the first window to the last of the last, samples.
    fn length(self) -> usize {
        if self.windows == 0 { 0 } else { (self.windows - 1) * STEP + WINDOW }
    }

    fn mean_share(self) -> f64 {
        if self.windows == 0 { 0.0 } else { self.shares / self.windows as f64 }
    }
}

fn longest(samples: &[i16], hertz: f64) -> Run {
    let (mut best, mut current) = (Run::default(), Run::default());
    for (number, start) in (0..=samples.len().saturating_sub(WINDOW)).step_by(STEP).enumerate() {
        let share = samples.get(start..start + WINDOW).map_or(0.0, |window| share_of(window, hertz));
        if share < SHARE {
            current = Run::default();
            continue;
        }
        if current.windows == 0 {
            current.first = number;
        }
        current.windows += 1;
        current.shares += share;
        if current.windows > best.windows {
            best = current;
        }
    }
    best
}

/// How much of the power of `window` the tone has, from 0 to about 1.
fn share_of(window: &[i16], hertz: f64) -> f64 {
    let power = window.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / window.len() as f64;
    if power < SILENCE * SILENCE {
        return 0.0;
    }
    // The power of a sine is half its squared peak.
    goertzel(window, hertz).powi(2) / 2.0 / power
}

/// The samples of a WAV file. A recording that was cut off (its header tells another length) is read to its end.
fn samples_of(file: &[u8]) -> Result<Vec<i16>, String> {
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err("this is no WAV file".to_owned());
    }
    let (mut rest, mut format_seen) = (&file[12..], false);
    while let Some((head, body)) = rest.split_at_checked(8) {
        let told = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let length = told.min(body.len());
        match &head[..4] {
            b"fmt " => {
                check_format(&body[..length])?;
                format_seen = true;
            }
            b"data" if format_seen => {
                // A recorder that was killed leaves 0 here.
                let length = if told == 0 { body.len() } else { length };
                return Ok(body[..length].as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect());
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = body.get(length + length % 2..).unwrap_or_default();
    }
    Err("the WAV file has no sound".to_owned())
}

fn check_format(format: &[u8]) -> Result<(), String> {
    let Some(format) = format.get(..16) else { return Err("the format of the WAV file is cut off".to_owned()) };
    let word = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
    let rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
    let (kind, channels, bits) = (word(0), word(2), word(14));
    if (kind, channels, rate, bits) == (1, 1, RATE_HZ, 16) {
        Ok(())
    } else {
        Err(format!(
            "format {kind}, {channels} channels, {rate} Hz, {bits} bit; needed: format 1, 1 channel, 8000 Hz, 16 bit"
        ))
    }
}
