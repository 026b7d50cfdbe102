//! Files of a recorder that works, and of one that does not.

use super::*;
use crate::args::{Args, Command};
use crate::rtp::g711::Codec;
use crate::rtp::mark::Mark;
use clap::Parser;

/// A folder with the recordings of three calls of two seconds.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("check-wav-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for call in 0..3 {
        let mut samples = vec![0i16; 100 + call as usize];
        for frame in 0..100 {
            let mut payload = [0; FRAME];
            Mark { run: 1, call, frame, sent_ns: 7 }.write(&mut payload);
            samples.extend(payload.iter().map(|octet| Codec::Pcmu.decode(*octet)));
        }
        for direction in ["in", "out"] {
            fs::write(folder.join(format!("call_{call}_{direction}.wav")), file::written(&samples)).unwrap();
        }
    }
    folder
}

fn check(folder: &Path, options: &str) -> Report {
    let line = format!("load check-wav {} --files 6 --strict {options}", folder.display());
    let Some(Command::CheckWav(args)) = Args::try_parse_from(line.split_whitespace()).unwrap().command else {
        panic!()
    };
    run(&args).unwrap()
}

#[test]
fn whole_recordings_are_found_whole() {
    let folder = folder("whole");
    let report = check(&folder, "--min-ms 2000 --max-ms 2100");
    assert!(report.unmet().is_empty(), "{report}");
    assert_eq!(report.figure("wav.calls"), Some(3.0));
    assert_eq!(report.figure("wav.frames"), Some(600.0));
    assert_eq!(report.figure("wav.pairs"), Some(3.0));
    fs::copy(folder.join("call_0_in.wav"), folder.join("call_9_in.wav")).unwrap();
    let report = check(&folder, "--min-ms 2000 --max-ms 2100");
    for figure in ["wav.files_missing", "wav.unpaired", "wav.calls_twice"] {
        assert_eq!(report.figure(figure), Some(1.0), "{figure}:\n{report}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn each_kind_of_sabotage_is_noticed() {
    let folder = folder("broken");
    for fault in FAULTS {
        let report = check(&folder, &format!("--sabotage {}", fault.name));
        assert_eq!(report.detector_fired(), Some(true), "{}:\n{report}", fault.name);
    }
    let report = check(&folder, "--min-ms 3000 --content tone --tone 500");
    assert_eq!(report.figure("wav.too_short"), Some(6.0));
    assert_eq!(report.figure("wav.empty"), Some(6.0));
    fs::remove_dir_all(folder).unwrap();
}
