//! Programs that stand in for the speaking one, and an ear that writes everything down.
#![allow(dead_code)] // not every test needs everything

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use model::Speech;
use speech::{Cancel, Ear, Espeak, EspeakConfig, SpeechError, Synthesizer};

/// A folder of this test's own, removed at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("speech-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Shell words that write the header of an endless WAV file of 8 kHz.
pub(crate) const HEADER: &str =
    r"printf 'RIFF\044\360\377\177WAVEfmt \020\0\0\0\01\0\01\0\100\037\0\0\200\076\0\0\02\0\020\0data\0\360\377\177'";

/// Shell words that write a second of sound: 16 000 octets.
pub(crate) const SECOND: &str = "head -c 16000 /dev/zero | tr '\\0' '\\020'";

/// A shell script that answers the questions of the start like the real program and then does `speak`; `$runs` is the number of
/// times it was asked to speak, `$here` its folder.
pub(crate) fn stand_in(folder: &Folder, speak: &str) -> EspeakConfig {
    let here = folder.0.display();
    let script = format!(
        "#!/bin/sh\n\
         here='{here}'\n\
         case \"$1\" in\n\
         --version) echo 'eSpeak NG text-to-speech: 9.9  Data at: nowhere'; exit;;\n\
         --voices*) echo head; echo ' 5 en-us --/M English gmw/en-US'; exit;;\n\
         esac\n\
         echo run >> \"$here/runs\"; runs=$(wc -l < \"$here/runs\")\n\
         {speak}\n"
    );
    let program = folder.path("program");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    EspeakConfig { program, silence_ms: 400, first_sound_ms: 2_000, ..EspeakConfig::default() }
}

/// How often a stand-in was asked to speak.
pub(crate) fn runs(folder: &Folder) -> usize {
    fs::read_to_string(folder.path("runs")).map_or(0, |runs| runs.lines().count())
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) rate_hz: u32,
    pub(crate) samples: Vec<i16>,
    pub(crate) pieces: usize,
    pub(crate) notes: Vec<String>,
    pub(crate) first: Option<Duration>,
    pub(crate) stop_after: Option<usize>,
    pub(crate) began: Option<Instant>,
}

impl Ear for Heard {
    fn piece(&mut self, rate_hz: u32, samples: &[i16]) -> ControlFlow<()> {
        assert!(!samples.is_empty());
        self.first = self.first.or(self.began.map(|began| began.elapsed()));
        self.rate_hz = rate_hz;
        self.samples.extend_from_slice(samples);
        self.pieces += 1;
        if self.stop_after.is_some_and(|pieces| self.pieces >= pieces) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }
}

impl Heard {
    pub(crate) fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.rate_hz.max(1))
    }
}

pub(crate) fn text(text: &str) -> Speech {
    Speech { text: text.into(), ..Speech::default() }
}

/// Has it spoken.
pub(crate) fn speak(synthesizer: &dyn Synthesizer, speech: &Speech) -> (Result<(), SpeechError>, Heard) {
    let mut heard = Heard { began: Some(Instant::now()), ..Heard::default() };
    let result = synthesizer.synthesize(speech, &Cancel::new(), &mut heard);
    (result, heard)
}

pub(crate) fn started(config: EspeakConfig) -> Espeak {
    Espeak::start(config).unwrap()
}

/// Whether a process of this number runs (and is no zombie).
pub(crate) fn is_alive(pid: &str) -> bool {
    fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}
