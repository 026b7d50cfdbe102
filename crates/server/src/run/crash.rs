//! Crash reports: one file per panic of a cell, for the bug report.

use std::path::Path;

use call::CrashReport;

/// Crash reports that are kept; later ones are only logged, so that a call that is repeated for ever fills no disk.
const MOST: usize = 100;

/// Writes the report below `folder`; what cannot be written is logged.
pub(super) fn keep(folder: &Path, report: &CrashReport) {
    let call_id = report.call_id;
    if let Err(error) = write(folder, report) {
        tracing::error!(%call_id, %error, folder = %folder.display(), "a crash report could not be kept");
    }
}

fn write(folder: &Path, report: &CrashReport) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    if std::fs::read_dir(folder)?.count() >= MOST {
        return Err(std::io::Error::other("the folder holds the most that are kept; move some away"));
    }
    let path = folder.join(format!("call-{}.msgpack", report.call_id));
    let octets = rmp_serde::to_vec_named(report).map_err(std::io::Error::other)?;
    std::fs::write(&path, octets)?;
    tracing::error!(call_id = %report.call_id, file = %path.display(), "the inputs that led to the panic are kept");
    Ok(())
}
