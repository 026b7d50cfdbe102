//! What is handed to the speaking program: SSML that we wrote ourselves. The author's text is read as XML, and only what is
//! known to be harmless is written down again. So nothing in a text can make the program open a file (`audio` does), load
//! another voice, or take an entity apart into a million words.
//!
//! `spec/actions.md` `talk`: text that is not well-formed XML is wrapped in `<speak>`; if it still is not, it is escaped and
//! spoken as it stands.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

use crate::say_as::How;

/// The program's own stack of elements is short; what is nested deeper is spoken without its element.
const DEPTH_MAX: usize = 10;
/// Longest single pause, ms (as the well-known cloud voices have it).
const BREAK_MAX_MS: u32 = 10_000;
/// Longest value of an attribute that is passed on.
const VALUE_MAX: usize = 16;

/// A text as the speaking program gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ssml {
    /// What stands within `speak`. The root itself is left out: at its end the program would add a pause of 300 ms, in which a
    /// caller waits for the next action.
    pub(crate) body: String,
    /// `xml:lang` of the author's own `speak`, or empty.
    pub(crate) language: String,
    /// There are phonemes in it, whose names depend on the voice: [`read_with`].
    pub(crate) has_phonemes: bool,
    /// There is something in it that each language says in its own way: [`read_with`].
    pub(crate) has_figures: bool,
}

/// Who will speak the text.
pub(crate) struct Voice<'a> {
    /// None: of phonemes the text is spoken.
    pub(crate) spell: Option<&'a Spell<'a>>,
    /// Such as `en-us`.
    pub(crate) language: &'a str,
}

/// Turns an alphabet and what was written in it into phoneme names of the program; none: the text of the element is spoken instead.
pub(crate) type Spell<'a> = dyn Fn(&str, &str) -> Option<String> + 'a;

/// Reads plain text or SSML; `None` when there is nothing to say and no pause in it. Of phonemes the text is spoken, and figures stay as
/// they are.
pub(crate) fn read(text: &str) -> Option<Ssml> {
    read_by(text, None)
}

/// The same for a voice.
pub(crate) fn read_with(text: &str, voice: &Voice<'_>) -> Option<Ssml> {
    read_by(text, Some(voice))
}

fn read_by(text: &str, voice: Option<&Voice<'_>>) -> Option<Ssml> {
    let writer = parse(text, false, voice).or_else(|_| parse(text, true, voice)).unwrap_or_else(|_| {
        let mut writer = Writer::default();
        writer.text(text);
        writer
    });
    let Writer { out, language, says_something, has_phonemes, has_figures, .. } = writer;
    says_something.then(|| Ssml { body: without_last_pause(&out) + "\n", language, has_phonemes, has_figures })
}

/// At the end of a paragraph or a sentence the program adds a pause of half a second, in which a caller would wait for the next action
/// if it is the last one. It does not need to be told of their ends there.
fn without_last_pause(body: &str) -> String {
    let mut words = body.trim_end();
    let mut ends = Vec::new();
    while let Some((before, name)) = words.rsplit_once("</").filter(|(_, name)| name.find('>') == Some(name.len() - 1))
    {
        ends.push(&words[before.len()..]);
        words = if matches!(name, "p>" | "s>") { before.trim_end() } else { before };
    }
    let is_pause = |end: &&str| matches!(*end, "</p>" | "</s>");
    if !ends.iter().any(is_pause) {
        return body.to_owned();
    }
    words.to_owned() + &ends.into_iter().rev().filter(|end| !is_pause(end)).collect::<String>()
}

/// A volume in decibels, as the share by which the program is to change it: it takes the bare number for percents.
fn decibels(volume: &str) -> Option<String> {
    let number = volume.strip_suffix("dB").or(volume.strip_suffix("db"))?;
    let decibels: f64 = number.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let percents = (10_f64.powf(decibels.clamp(-40.0, 9.0) / 20.0) - 1.0) * 100.0;
    Some(format!("{percents:+.0}%"))
}

/// Whether a text is well-formed, with a root or to be wrapped; any other is spoken as it stands.
pub(crate) fn is_xml(text: &str) -> bool {
    parse(text, false, None).or_else(|_| parse(text, true, None)).is_ok()
}

/// A name without its prefix.
pub(crate) fn local_name(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Where the sound of an `audio` is; none for other elements, and for one that names nothing.
pub(crate) fn audio_source(element: &BytesStart<'_>) -> Option<String> {
    let name = element.name();
    // Without a prefix: whoever wants no sounds in a text need look for one spelling only.
    let name: &str = name.as_ref();
    if name == "audio" { attribute(element, "src") } else { None }
}

/// Whether what stands in an element is not heard.
pub(crate) fn is_silent(element: &BytesStart<'_>) -> bool {
    match local_name(element.name().as_ref()) {
        "sub" => attribute(element, "alias").is_some(),
        "break" | "phoneme" => true,
        name => NEVER_SPOKEN.contains(&name),
    }
}

/// What a text says about itself.
const NEVER_SPOKEN: [&str; 6] = ["desc", "metadata", "meta", "lexicon", "script", "style"];

/// The value of an attribute that is not empty.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
    let value = unescape(&found.value).ok()?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The text is not well-formed XML.
struct NotXml;

/// What is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// What stands in it is gathered and then said in its own way.
    Said(How),
    /// Its element was written and must be closed.
    Written(&'static str),
    /// Only its content counts.
    Transparent,
    /// Neither it nor its content is spoken.
    Silent,
}

fn parse<'s>(text: &str, wrapped: bool, voice: Option<&'s Voice<'s>>) -> Result<Writer<'s>, NotXml> {
    let mut reader = Reader::from_str(text.trim());
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = true;
    let mut writer = Writer { voice, ..Writer::default() };
    let mut open: Vec<Open> = Vec::new();
    let (mut roots, mut has_doctype) = (0, false);
    loop {
        match reader.read_event().map_err(|_| NotXml)? {
            Event::Start(element) => {
                if open.is_empty() {
                    roots += 1;
                }
                let silent = open.last() == Some(&Open::Silent);
                open.push(writer.start(&element, silent, open.len())?);
            }
            Event::End(_) => match open.pop().ok_or(NotXml)? {
                Open::Written(name) => writer.end(name),
                Open::Said(how) => writer.say(how),
                Open::Transparent | Open::Silent => {}
            },
            Event::Text(text) => {
                if open.is_empty() && !wrapped && !text.trim().is_empty() {
                    return Err(NotXml);
                }
                writer.text_unless(&text, open.last());
            }
            Event::CData(text) => writer.text_unless(&text, open.last()),
            Event::GeneralRef(reference) => {
                if open.is_empty() && !wrapped {
                    return Err(NotXml);
                }
                match reference.resolve_char_ref() {
                    Ok(Some(character)) => writer.text_unless(character.encode_utf8(&mut [0; 4]), open.last()),
                    Ok(None) => match named(&reference) {
                        Some(text) => writer.text_unless(text, open.last()),
                        // An entity that the document defines itself is not expanded.
                        None if has_doctype => {}
                        None => return Err(NotXml),
                    },
                    Err(_) => return Err(NotXml),
                }
            }
            Event::DocType(_) => has_doctype = true,
            // Empty elements come as a start and an end, as configured.
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => {}
            Event::Eof => break,
        }
    }
    let whole = open.is_empty() && (wrapped || roots == 1);
    if whole { Ok(writer) } else { Err(NotXml) }
}

fn named(reference: &str) -> Option<&'static str> {
    Some(match reference {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        // Not of XML, but of everybody who comes from HTML.
        "nbsp" => " ",
        _ => return None,
    })
}

#[derive(Default)]
struct Writer<'s> {
    out: String,
    language: String,
    says_something: bool,
    has_phonemes: bool,
    has_figures: bool,
    last: Option<char>,
    voice: Option<&'s Voice<'s>>,
    /// What stands in the `say-as` that is open, and its format.
    figures: Option<(String, String)>,
}

impl Writer<'_> {
    /// Opens an element: writes it down if it is one of ours, with those attributes that mean something.
    fn start(&mut self, element: &BytesStart<'_>, silent: bool, depth: usize) -> Result<Open, NotXml> {
        let name = element.name();
        let name: &str = name.as_ref();
        if !is_name(name) {
            return Err(NotXml);
        }
        let mut attributes = Vec::new();
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|_| NotXml)?;
            let value = unescape(&attribute.value).map_err(|_| NotXml)?;
            attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        if silent {
            return Ok(Open::Silent);
        }
        let value = |name: &str| attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let local = local_name(name);
        if self.figures.is_some() {
            // SSML 1.1 §3.1.9: there is nothing but text in it.
            return Ok(if is_silent(element) { Open::Silent } else { Open::Transparent });
        }
        match local {
            "speak" => {
                if depth == 0 && self.language.is_empty() {
                    value("xml:lang").clone_into(&mut self.language);
                }
                Ok(Open::Transparent)
            }
            "break" => {
                self.pause(value("time"), value("strength"));
                Ok(Open::Silent)
            }
            "sub" if !value("alias").is_empty() => {
                self.text(value("alias"));
                Ok(Open::Silent)
            }
            "phoneme" if !value("ph").is_empty() => Ok(self.phoneme(value("alphabet"), value("ph"))),
            name if NEVER_SPOKEN.contains(&name) => Ok(Open::Silent),
            _ if depth >= DEPTH_MAX => Ok(Open::Transparent),
            "p" | "s" => Ok(self.open(if local == "p" { "p" } else { "s" }, &[])),
            "emphasis" => Ok(self.open("emphasis", &[("level", value("level"))])),
            "prosody" => {
                let volume = value("volume").trim();
                let louder = decibels(volume);
                let names = ["rate", "pitch", "range"].map(|name| (name, value(name)));
                let volume = ("volume", louder.as_deref().unwrap_or(volume));
                Ok(self.open("prosody", &[&names[..], &[volume]].concat()))
            }
            "say-as" if let Some(how) = How::of(value("interpret-as")) => {
                self.has_figures = true;
                self.figures = Some((String::new(), value("format").to_owned()));
                Ok(Open::Said(how))
            }
            "say-as" => {
                let how = match value("interpret-as") {
                    "characters" | "spell-out" | "verbatim" => "characters",
                    "digits" => "tts:digits",
                    how => how,
                };
                let rest = [("format", value("format")), ("detail", value("detail"))];
                Ok(self.open("say-as", &[&[("interpret-as", how)], &rest[..]].concat()))
            }
            // `audio` too: what stands in it is said when the sound cannot be had (`parts.rs`).
            _ => Ok(Open::Transparent),
        }
    }

    fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) -> Open {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes {
            let harmless = |c: char| c.is_ascii_alphanumeric() || "+-.%:_".contains(c);
            if !value.is_empty() && value.len() <= VALUE_MAX && value.chars().all(harmless) {
                for part in [" ", key, "=\"", value, "\""] {
                    self.out.push_str(part);
                }
            }
        }
        self.out.push('>');
        self.last = None;
        Open::Written(name)
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
        self.last = None;
    }

    fn phoneme(&mut self, alphabet: &str, phonemes: &str) -> Open {
        self.has_phonemes = true;
        let Some(spell) = self.voice.and_then(|voice| voice.spell) else {
            // Whether there is something to say is not known yet.
            self.says_something = true;
            return Open::Transparent;
        };
        let Some(names) = spell(alphabet, phonemes) else { return Open::Transparent };
        // They are names that the program has given, and hold none of XML's characters.
        for part in ["[[", &names, "]]"] {
            self.out.push_str(part);
        }
        (self.says_something, self.last) = (true, None);
        Open::Silent
    }

    fn pause(&mut self, time: &str, strength: &str) {
        let time = time.trim();
        let (digits, per_unit_ms) = match time.strip_suffix("ms") {
            Some(digits) => (digits, 1.0),
            None => (time.strip_suffix('s').unwrap_or(""), 1_000.0),
        };
        let number: Option<f64> = digits.trim().parse().ok().filter(|number: &f64| *number >= 0.0);
        match number {
            Some(number) => {
                let ms = (number * per_unit_ms).min(f64::from(BREAK_MAX_MS)) as u32;
                self.out.push_str(&format!("<break time=\"{ms}ms\"/>"));
            }
            None => match strength {
                "none" | "x-weak" | "weak" | "medium" | "strong" | "x-strong" => {
                    self.out.push_str(&format!("<break strength=\"{strength}\"/>"));
                }
                _ => self.out.push_str("<break/>"),
            },
        }
        self.says_something = true;
        self.last = None;
    }

    /// The end of what is said in its own way.
    fn say(&mut self, how: How) {
        let Some((text, format)) = self.figures.take() else { return };
        let said = self.voice.and_then(|voice| how.said(&text, &format, voice.language));
        self.text(said.as_deref().unwrap_or(&text));
    }

    fn text_unless(&mut self, text: &str, within: Option<&Open>) {
        if within == Some(&Open::Silent) {
            return;
        }
        match &mut self.figures {
            Some((figures, _)) => figures.push_str(text),
            None => self.text(text),
        }
    }

    /// Characters that steer the program instead of being spoken do not get through.
    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                // Two of them begin phoneme names.
                '[' if self.last == Some('[') => self.out.push_str(" ["),
                // ESpeak's own marks of commands in a text are control characters and one that Unicode does not use.
                '\u{530}' => self.out.push(' '),
                c if c.is_control() => self.out.push(' '),
                c => self.out.push(c),
            }
            self.last = Some(character);
            self.says_something |= !(character.is_whitespace() || character.is_control());
        }
    }
}

/// XML 1.0 §2.3, as far as it matters here: what begins otherwise was no tag, but a "less than".
fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == ':')
        && characters.all(|c| c.is_alphanumeric() || "_:-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> String {
        read(text).expect(text).body.strip_suffix("\n").unwrap().to_owned()
    }

    #[test]
    fn plain_text_is_spoken_as_it_stands() {
        assert_eq!(body("Hello, Bob."), "Hello, Bob.");
        assert_eq!(body("Grüße – 你好"), "Grüße – 你好");
        assert_eq!(body("Tom & Jerry"), "Tom &amp; Jerry");
        assert_eq!(body("2 < 3 and 4 > 3"), "2 &lt; 3 and 4 &gt; 3");
        assert_eq!(body("i <3 you"), "i &lt;3 you");
        assert_eq!(body("<speak>never closed"), "&lt;speak&gt;never closed");
        assert_eq!(body("<b>bold</i>"), "&lt;b&gt;bold&lt;/i&gt;");
    }

    #[test]
    fn text_with_elements_but_no_root_is_wrapped() {
        assert_eq!(
            body("press <emphasis level=\"strong\">one</emphasis> now"),
            "press <emphasis level=\"strong\">one</emphasis> now"
        );
        assert_eq!(body("<p>a</p><p>b &amp; c</p>"), "<p>a</p><p>b &amp; c");
        assert_eq!(body("a&nbsp;b &#65; &#x42;"), "a b A B");
    }

    #[test]
    fn the_elements_of_ssml_get_through_with_their_harmless_attributes() {
        let text = "<?xml version=\"1.0\"?><speak version=\"1.1\" xml:lang=\"de-DE\">\
            <p><s>one</s></p><break time=\"1.5s\"/><break strength='strong'/><break time='99999s'/>\
            <say-as interpret-as=\"spell-out\">abc</say-as>\
            <prosody rate=\"slow\" pitch=\"+10%\" contour=\"(0%,+20Hz)\">two</prosody>\
            <sub alias=\"World &amp; Web\">W3C</sub><phoneme alphabet='ipa' ph='x'>three</phoneme></speak>";
        assert_eq!(
            body(text),
            "<p><s>one</s></p><break time=\"1500ms\"/><break strength=\"strong\"/><break time=\"10000ms\"/>\
             <say-as interpret-as=\"characters\">abc</say-as>\
             <prosody rate=\"slow\" pitch=\"+10%\">two</prosody>World &amp; Webthree"
        );
        assert_eq!(read(text).unwrap().language, "de-DE");
    }

    #[test]
    fn decibels_become_the_share_that_they_are() {
        for (volume, share) in [
            ("+6dB", "+100%"),
            ("-6dB", "-50%"),
            ("0dB", "+0%"),
            ("6 db", "+100%"),
            ("-99dB", "-99%"),
            ("+99dB", "+182%"),
        ] {
            let text = format!("<prosody volume=\"{volume}\">x</prosody>");
            assert_eq!(body(&text), format!("<prosody volume=\"{share}\">x</prosody>"), "{volume}");
        }
        for volume in ["loud", "50", "+10%", "dB", "xdB"] {
            let text = format!("<prosody volume=\"{volume}\">x</prosody>");
            assert_eq!(body(&text), text);
        }
    }

    #[test]
    fn no_pause_is_left_at_the_end_of_the_last_paragraph() {
        for (text, expected) in [
            ("<p>a</p><p>b</p>", "<p>a</p><p>b"),
            ("<speak><p><s>a</s> <s>b</s></p> </speak>", "<p><s>a</s> <s>b"),
            ("<prosody rate='slow'><p>a</p></prosody>", "<prosody rate=\"slow\"><p>a</prosody>"),
            ("<p>a</p>b", "<p>a</p>b"),
            ("<p>a</p><break time='1s'/>", "<p>a</p><break time=\"1000ms\"/>"),
            ("a &lt;/p>", "a &lt;/p&gt;"),
        ] {
            assert_eq!(body(text), expected, "{text}");
        }
    }

    #[test]
    fn phonemes_stand_for_the_text_of_their_element_where_they_are_known() {
        let spell = |alphabet: &str, phonemes: &str| (alphabet == "ipa").then(|| phonemes.to_uppercase());
        let voice = Voice { spell: Some(&spell), language: "en-us" };
        let body = |text: &str| read_with(text, &voice).map(|ssml| ssml.body);
        let text =
            "<speak>a <phoneme alphabet='ipa' ph='pi'>pie</phoneme> <phoneme alphabet='x' ph='pi'>b</phoneme></speak>";
        assert_eq!(body(text).as_deref(), Some("a [[PI]] b\n"));
        assert_eq!(body("<phoneme alphabet='ipa' ph='pi'/>").as_deref(), Some("[[PI]]\n"));
        assert_eq!(body("<phoneme alphabet='x' ph='pi'/>"), None);
        assert_eq!(body("<phoneme>b</phoneme>").as_deref(), Some("b\n"));
        let read = read(text).unwrap();
        assert_eq!((read.body.as_str(), read.has_phonemes), ("a pie b\n", true));
    }

    #[test]
    fn ordinals_dates_and_times_become_text_that_the_language_of_the_voice_says_so() {
        let body = |text: &str, language: &str| {
            let ssml = read_with(text, &Voice { spell: None, language }).unwrap();
            assert!(ssml.has_figures);
            ssml.body.strip_suffix("\n").unwrap().to_owned()
        };
        let text = "<speak>The <say-as interpret-as='ordinal'>21</say-as> call, on <say-as interpret-as=\"date\" format=\"mdy\">\
            12/25/2024</say-as> at <say-as interpret-as=\"time\">2:05<desc>no</desc>p<b>m</b></say-as>.</speak>";
        assert_eq!(body(text, "en-us"), "The 21st call, on December 25th, 2024 at 2 oh 5 PM.");
        assert_eq!(body(text, "de"), "The einundzwanzigste call, on fünfundzwanzigster Dezember 2024 at 14 Uhr 5.");
        assert_eq!(body(text, "pl"), "The 21 call, on 12/25/2024 at 2:05pm.");
        assert_eq!(body("<say-as interpret-as='date'>a &amp; &#60;b</say-as>", "en-us"), "a &amp; &lt;b");
        let first = read(text).unwrap();
        assert_eq!((first.has_figures, first.body.as_str()), (true, "The 21 call, on 12/25/2024 at 2:05pm.\n"));
        assert_eq!(read("<say-as interpret-as='ordinal'> </say-as>"), None);
    }

    #[test]
    fn what_would_open_a_file_or_another_voice_is_left_out_and_its_words_are_spoken() {
        let text = "<speak><audio src=\"/etc/passwd\">words<desc>not these</desc></audio>\
            <voice name=\"../../x\">more</voice><mark name=\"m\"/><unknown a=\"b\">!</unknown></speak>";
        assert_eq!(body(text), "wordsmore!");
        assert_eq!(body("<prosody rate=\"a&quot; src=&quot;b\">x</prosody>"), "<prosody>x</prosody>");
    }

    #[test]
    fn entities_are_not_expanded() {
        let bomb = "<!DOCTYPE l [<!ENTITY a \"haha\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>\
                    <speak>well &b;&f;done</speak>";
        assert_eq!(body(bomb), "well done");
        assert_eq!(body("what &unknown; is"), "what &amp;unknown; is");
    }

    #[test]
    fn characters_that_steer_the_program_do_not_get_through() {
        assert_eq!(body("a\u{1}5Sb\u{1b}\u{530}"), "a 5Sb  ");
        assert_eq!(body("<speak>[&#91;h@loU]]</speak>"), "[ [h@loU]]");
        assert_eq!(body("[[[[x"), "[ [ [ [x");
    }

    #[test]
    fn nothing_to_say_is_nothing() {
        for text in ["", "  \n", "<speak/>", "<speak> <audio src='x'/></speak>", "\u{1}"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert!(read("<speak><break time='1s'/></speak>").is_some());
    }

    #[test]
    fn elements_nested_too_deep_are_spoken_without_their_element() {
        let text = "<p>".repeat(5_000) + "deep" + &"</p>".repeat(5_000);
        assert_eq!(body(&(text + "end")), format!("{}deep{}end", "<p>".repeat(DEPTH_MAX), "</p>".repeat(DEPTH_MAX)));
    }
}
