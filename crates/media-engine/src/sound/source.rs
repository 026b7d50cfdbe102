//! What a sound's URL means: a file below the media folder, something to fetch, or a tone made here.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// Where a sound comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Path relative to the media folder.
    File(PathBuf),
    /// http or https.
    Http,
    /// The beep of the flow action of that name: 1000 Hz, 500 ms.
    Beep,
}

impl Source {
    /// The source that `url` names, or why there is none.
    pub(crate) fn of(url: &str) -> Result<Source, String> {
        let (scheme, rest) = url.split_once(':').ok_or("it is not a URL")?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Source::Http),
            "file" => relative(rest).map(Source::File),
            "tone" if rest == "beep" => Ok(Source::Beep),
            "tone" => Err(format!("there is no tone {rest:?} (there is: beep)")),
            _ => Err(format!("{scheme}: URLs are not supported (http, https and file are)")),
        }
    }
}

/// `file:greeting.wav`, `file:/greeting.wav` and `file:///greeting.wav` all are `greeting.wav` in the media folder.
fn relative(rest: &str) -> Result<PathBuf, String> {
    let path = match rest.strip_prefix("//") {
        Some(with_host) => match with_host.split_once('/') {
            Some(("" | "localhost", path)) => path,
            _ => return Err("a file URL cannot name another host".into()),
        },
        None => rest,
    };
    let decoded = percent_decoded(path)?;
    let mut clean = PathBuf::new();
    for component in Path::new(&decoded).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err("it leads out of the media folder".into()),
        }
    }
    if clean.as_os_str().is_empty() { Err("it names no file".into()) } else { Ok(clean) }
}

/// RFC 3986 §2.1.
fn percent_decoded(text: &str) -> Result<String, String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            octets.push(*first);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        octets.push(octet.ok_or("a % in it is not followed by two hexadecimal digits")?);
        rest = &after[2..];
    }
    if octets.contains(&0) {
        return Err("it contains a NUL".into());
    }
    String::from_utf8(octets).map_err(|_| "it is not UTF-8".into())
}

/// Whether a sound that is a file could be played from `folder`: whatever opens files for calls looks for it. A URL that names no file
/// is none of its business.
///
/// # Errors
/// Why not, in plain words, and where it was looked for.
pub fn look_for_sound_file(folder: &Path, url: &str) -> Result<(), String> {
    match Source::of(url) {
        Ok(Source::File(relative)) => {
            let told = |why| format!("{why} (looked for it at {})", folder.join(&relative).display());
            open(Some(folder), &relative).map(drop).map_err(told)
        }
        Err(why) if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) => Err(why),
        _ => Ok(()),
    }
}

/// A file that was opened, and what tells whether it has changed since.
pub(crate) struct Opened {
    pub(crate) file: File,
    pub(crate) modified: Option<std::time::SystemTime>,
    pub(crate) length: u64,
}

/// Opens a file below `folder`. Symbolic links may not lead out of it.
pub(crate) fn open(folder: Option<&Path>, relative: &Path) -> Result<Opened, String> {
    let folder = folder.ok_or("there is no media folder (media.folder is not configured)")?;
    let in_words = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file in the media folder".to_owned(),
        _ => format!("it cannot be opened: {error}"),
    };
    let folder = folder.canonicalize().map_err(|error| format!("the media folder cannot be used: {error}"))?;
    let path = folder.join(relative).canonicalize().map_err(in_words)?;
    if !path.starts_with(&folder) {
        return Err("it leads out of the media folder".into());
    }
    // Not waiting matters should it be a pipe, and the path has no links left to follow.
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(in_words)?;
    let about = file.metadata().map_err(in_words)?;
    if !about.is_file() {
        return Err("it is not a regular file".into());
    }
    Ok(Opened { modified: about.modified().ok(), length: about.len(), file })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn urls_are_understood_or_refused_in_words() {
        let file = |path: &str| Ok(Source::File(path.into()));
        assert_eq!(Source::of("file:a.wav"), file("a.wav"));
        assert_eq!(Source::of("file:/sub/a.wav"), file("sub/a.wav"));
        assert_eq!(Source::of("FILE:///sub/./a%20b.wav"), file("sub/a b.wav"));
        assert_eq!(Source::of("file://localhost/a.wav"), file("a.wav"));
        assert_eq!(Source::of("https://example.com/a.wav"), Ok(Source::Http));
        assert_eq!(Source::of("tone:beep"), Ok(Source::Beep));
        for (url, why) in [
            ("file:../a.wav", "out of the media folder"),
            ("file:///sub/../../a.wav", "out of the media folder"),
            ("file:%2e%2e/a.wav", "out of the media folder"),
            ("file://host/a.wav", "another host"),
            ("file:", "names no file"),
            ("file:a%0.wav", "hexadecimal"),
            ("file:a%é", "hexadecimal"),
            ("file:a%00", "NUL"),
            ("file:a%ff", "UTF-8"),
            ("tone:boop", "no tone"),
            ("ftp://host/a.wav", "ftp: URLs are not supported"),
            ("a.wav", "not a URL"),
        ] {
            let refused = Source::of(url).unwrap_err();
            assert!(refused.contains(why), "{url}: {refused}");
        }
    }

    #[test]
    fn nothing_outside_of_the_folder_can_be_opened() {
        let top = std::env::temp_dir().join(format!("media-source-{}", std::process::id()));
        let folder = top.join("media");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(top.join("secret"), b"secret").unwrap();
        std::fs::write(folder.join("sub/in"), b"in").unwrap();
        symlink(top.join("secret"), folder.join("out")).unwrap();
        symlink("sub/in", folder.join("within")).unwrap();
        let opened = |path: &str| open(Some(&folder), Path::new(path)).map(|opened| opened.length);
        assert_eq!(opened("sub/in"), Ok(2));
        assert_eq!(opened("within"), Ok(2));
        assert_eq!(opened("out").unwrap_err(), "it leads out of the media folder");
        assert_eq!(opened("sub").unwrap_err(), "it is not a regular file");
        assert_eq!(opened("none").unwrap_err(), "there is no such file in the media folder");
        assert!(open(None, Path::new("sub/in")).is_err());
        let look = |url: &str| look_for_sound_file(&folder, url);
        for url in ["file:sub/in", "FILE:///within", "https://example.com/none.wav", "tone:beep", "no address"] {
            assert_eq!(look(url), Ok(()), "{url}");
        }
        let missing = look("file:none%20.wav").unwrap_err();
        let place = folder.join("none .wav").display().to_string();
        assert!(missing.starts_with("there is no such file") && missing.contains(&place), "{missing}");
        assert_eq!(look("file:../secret").unwrap_err(), "it leads out of the media folder");
        std::fs::remove_dir_all(&top).unwrap();
    }
}
