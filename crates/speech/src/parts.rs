//! A text in which sounds of others stand (SSML `audio`) is taken apart: words, a sound, words again. Each part of words is a text of
//! its own, within the elements that were open around it, so that whoever speaks need not know of sounds.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::ssml;

/// Sounds that one text may name; of those that follow, the content is spoken.
const SOUNDS_MAX: usize = 16;
/// Sounds may stand in one another so deep: the inner one is for when the outer one cannot be had.
const DEPTH_MAX: usize = 4;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart {
    /// Plain text or SSML, to be spoken.
    Words(String),
    /// A sound to be fetched.
    Sound {
        /// Where it is.
        url: String,
        /// What is heard when it cannot be had.
        instead: Vec<TextPart>,
    },
}

/// Takes a text apart. One without sounds, or that is no XML, is one part, as it stands.
pub fn text_parts(text: &str) -> Vec<TextPart> {
    let whole = || vec![TextPart::Words(text.to_owned())];
    if !text.contains("audio") || !ssml::is_xml(text) {
        return whole();
    }
    match cut(text.trim()) {
        Some((parts, sounds)) if sounds > 0 => parts,
        _ => whole(),
    }
}

/// The parts, and how many sounds there are.
fn cut(text: &str) -> Option<(Vec<TextPart>, usize)> {
    let mut reader = Reader::from_str(text);
    let mut cutter = Cutter::default();
    cutter.levels.push(Level::default());
    let mut at = 0;
    loop {
        let event = reader.read_event().ok()?;
        let before = std::mem::replace(&mut at, usize::try_from(reader.buffer_position()).ok()?);
        let written = text.get(before..at)?;
        match event {
            Event::Start(element) => cutter.start(&element, written),
            Event::Empty(element) => cutter.empty(&element, written),
            Event::End(_) => cutter.end(written),
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => cutter.word(written),
            Event::DocType(_) => {
                written.clone_into(&mut cutter.doctype);
                cutter.word(written);
            }
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
    }
    cutter.finish_words();
    let parts = cutter.levels.pop()?.parts;
    cutter.levels.is_empty().then_some((parts, cutter.sounds))
}

/// What is being put together.
#[derive(Default)]
struct Cutter {
    /// Entities that it names are known to be none of ours.
    doctype: String,
    open: Vec<Open>,
    /// The text itself, and the contents of the sounds that are open.
    levels: Vec<Level>,
    sounds: usize,
}

#[derive(Default)]
struct Level {
    parts: Vec<TextPart>,
    words: String,
    /// Of the sound whose content it is.
    url: String,
}

/// An element that is open.
struct Open {
    /// As it was written.
    tag: String,
    name: String,
    /// A sound: what is in it is a level of its own.
    is_sound: bool,
    /// Sounds in it are not heard.
    is_silent: bool,
    /// The words of now begin behind its tag or contain it.
    in_words: bool,
}

impl Cutter {
    fn start(&mut self, element: &BytesStart<'_>, written: &str) {
        let url = self.sound(element);
        let is_sound = url.is_some();
        let silent_within = ssml::is_silent(element);
        let is_silent = silent_within || self.open.last().is_some_and(|open| open.is_silent);
        let name = element.name();
        let name: &str = name.as_ref();
        if let Some(url) = url {
            self.finish_words();
            self.levels.push(Level { url, ..Level::default() });
        } else {
            self.word(written);
        }
        let (tag, name) = (written.to_owned(), name.to_owned());
        self.open.push(Open { tag, name, is_sound, is_silent, in_words: !is_sound });
        if is_sound {
            self.begin_words();
        }
    }

    fn empty(&mut self, element: &BytesStart<'_>, written: &str) {
        let Some(url) = self.sound(element) else { return self.word(written) };
        self.finish_words();
        self.part(TextPart::Sound { url, instead: Vec::new() });
        self.begin_words();
    }

    fn end(&mut self, written: &str) {
        let Some(closed) = self.open.pop() else { return };
        if closed.is_sound {
            self.finish_words();
            let Some(Level { parts, url, .. }) = self.levels.pop() else { return };
            self.part(TextPart::Sound { url, instead: parts });
            self.begin_words();
        } else if closed.in_words {
            self.word(written);
        }
    }

    /// The address of a sound that is to be heard here.
    fn sound(&mut self, element: &BytesStart<'_>) -> Option<String> {
        let has_room = self.sounds < SOUNDS_MAX && self.levels.len() <= DEPTH_MAX;
        if !has_room || self.open.last().is_some_and(|open| open.is_silent) {
            return None;
        }
        let url = ssml::audio_source(element)?;
        self.sounds += 1;
        Some(url)
    }

    fn word(&mut self, written: &str) {
        if let Some(level) = self.levels.last_mut() {
            level.words.push_str(written);
        }
    }

    fn part(&mut self, part: TextPart) {
        if let Some(level) = self.levels.last_mut() {
            level.parts.push(part);
        }
    }

    /// The words so far become a part, if they say anything. What is open in them is closed.
    fn finish_words(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        let mut words = std::mem::take(&mut level.words);
        for open in self.open.iter_mut().rev() {
            if std::mem::take(&mut open.in_words) {
                words.push_str("</");
                words.push_str(&open.name);
                words.push('>');
            }
        }
        if ssml::read(&words).is_some() {
            level.parts.push(TextPart::Words(words));
        }
    }

    /// Further words are within the same elements, but for paragraphs and sentences: those would end twice.
    fn begin_words(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        level.words.clone_from(&self.doctype);
        for open in &mut self.open {
            open.in_words = !open.is_sound && !matches!(ssml::local_name(&open.name), "p" | "s");
            if open.in_words {
                level.words.push_str(&open.tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> TextPart {
        TextPart::Words(text.into())
    }

    fn sound(url: &str, instead: &[TextPart]) -> TextPart {
        TextPart::Sound { url: url.into(), instead: instead.to_vec() }
    }

    #[test]
    fn a_text_without_sounds_is_one_part_as_it_stands() {
        for text in [
            "Hello",
            " <speak>some audio</speak> ",
            "<speak><audio>no source</audio></speak>",
            "<speak><audio src=' '/>x</speak>",
            "<speak><s:audio src='http://a/'>x</s:audio></speak>",
            "a < b & <audio src='http://a/'/>",
            "<speak><sub alias='x'><audio src='http://a/'/></sub><desc><audio src='http://b/'/></desc></speak>",
            "",
        ] {
            assert_eq!(text_parts(text), [words(text)]);
        }
    }

    #[test]
    fn words_and_sounds_come_in_their_order_with_what_is_heard_instead() {
        let text = "<speak xml:lang=\"de\">a <audio src=\"http://h/a.wav?x=1&amp;y\"><desc>d</desc>b</audio> c\
                    <audio src='file:b.wav'/></speak>";
        assert_eq!(
            text_parts(text),
            [
                words("<speak xml:lang=\"de\">a </speak>"),
                sound("http://h/a.wav?x=1&y", &[words("<speak xml:lang=\"de\"><desc>d</desc>b</speak>")]),
                words("<speak xml:lang=\"de\"> c</speak>"),
                sound("file:b.wav", &[]),
            ]
        );
        assert_eq!(
            text_parts("one <audio src='x:y'/> two"),
            [words("one "), sound("x:y", &[]), words(" two")],
            "no root is needed"
        );
        assert_eq!(text_parts("<audio src='x:y'/>"), [sound("x:y", &[])]);
    }

    #[test]
    fn words_are_within_the_elements_that_were_open() {
        let text = "<speak><p>a <prosody rate='slow'>b<audio src='x:y'>i</audio>c</prosody> d</p>e</speak>";
        assert_eq!(
            text_parts(text),
            [
                words("<speak><p>a <prosody rate='slow'>b</prosody></p></speak>"),
                sound("x:y", &[words("<speak><prosody rate='slow'>i</prosody></speak>")]),
                words("<speak><prosody rate='slow'>c</prosody> de</speak>"),
            ]
        );
    }

    #[test]
    fn a_sound_within_a_sound_is_for_when_the_first_cannot_be_had() {
        assert_eq!(
            text_parts("<audio src='a:a'>x<audio src='b:b'>y</audio></audio>"),
            [sound("a:a", &[words("x"), sound("b:b", &[words("y")])])]
        );
        let deep = "<audio src='a:a'>".repeat(1_000) + "deep" + &"</audio>".repeat(1_000);
        let mut parts = text_parts(&deep);
        let mut depth = 0;
        while let [TextPart::Sound { instead, .. }] = &parts[..] {
            depth += 1;
            parts = instead.clone();
        }
        assert_eq!(depth, DEPTH_MAX);
        assert!(matches!(&parts[..], [TextPart::Words(words)] if ssml::read(words).unwrap().body == "deep\n"));
    }

    #[test]
    fn no_text_names_more_sounds_than_it_may() {
        let parts = text_parts(&"<audio src='a:a'>w</audio>".repeat(1_000));
        assert_eq!(parts.iter().filter(|part| matches!(part, TextPart::Sound { .. })).count(), SOUNDS_MAX);
        assert!(
            matches!(&parts[SOUNDS_MAX], TextPart::Words(words) if words.matches("w<").count() == 1_000 - SOUNDS_MAX)
        );
    }

    #[test]
    fn an_entity_of_the_document_itself_is_not_spoken_in_any_part() {
        let text = "<!DOCTYPE s [<!ENTITY e \"haha\">]><speak>a&e;<audio src='a:a'/>b&e;</speak>";
        let parts = text_parts(text);
        let [TextPart::Words(first), TextPart::Sound { .. }, TextPart::Words(second)] = &parts[..] else {
            panic!("{parts:?}");
        };
        assert_eq!(ssml::read(first).unwrap().body, "a\n");
        assert_eq!(ssml::read(second).unwrap().body, "b\n");
    }
}
