//! The real program: speech comes out, it differs where it should, and nothing else happens.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::time::Duration;

use model::Speech;
use speech::{Espeak, EspeakConfig, Synthesizer};
use support::{Heard, speak, text};

fn espeak() -> Espeak {
    Espeak::start(EspeakConfig::default()).expect("scripts/setup.sh test installs espeak-ng")
}

fn said(espeak: &Espeak, speech: &Speech) -> Heard {
    let (result, heard) = speak(espeak, speech);
    assert_eq!(result, Ok(()), "{speech:?}");
    heard
}

/// Mean power of each 20 ms, full scale 1.
fn powers(heard: &Heard) -> Vec<f64> {
    let frame = heard.rate_hz as usize / 50;
    let power =
        |frame: &[i16]| frame.iter().map(|s| (f64::from(*s) / 32_768.0).powi(2)).sum::<f64>() / frame.len() as f64;
    heard.samples.chunks(frame).map(power).collect()
}

/// Level of what is not silence, dB below full scale.
fn active_db(heard: &Heard) -> f64 {
    let active: Vec<f64> = powers(heard).into_iter().filter(|power| *power > 1e-4).collect();
    10.0 * (active.iter().sum::<f64>() / active.len() as f64).log10()
}

/// The longest silence, s.
fn longest_silence(heard: &Heard) -> f64 {
    let powers = powers(heard);
    let silences = powers.split(|power| *power > 1e-5).map(<[f64]>::len);
    silences.max().unwrap() as f64 / 50.0
}

/// The pitch of the voice: the lag with the highest autocorrelation between 60 and 350 Hz, the median over the loud frames.
fn pitch_hz(heard: &Heard) -> f64 {
    let rate = heard.rate_hz as usize;
    let mut pitches: Vec<f64> = Vec::new();
    for frame in heard.samples.chunks_exact(rate / 20) {
        let power: f64 = frame.iter().map(|s| f64::from(*s).powi(2)).sum();
        if power / (frame.len() as f64) < 1_500f64.powi(2) {
            continue;
        }
        let likeness =
            |lag: usize| frame.iter().zip(&frame[lag..]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let best = (rate / 350..rate / 60).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap();
        pitches.push(rate as f64 / best as f64);
    }
    pitches.sort_by(f64::total_cmp);
    pitches[pitches.len() / 2]
}

#[test]
fn a_sentence_is_spoken_at_the_level_that_a_telephone_expects() {
    let espeak = espeak();
    assert!(espeak.engine().starts_with("espeak-ng 1."), "{}", espeak.engine());
    for gender in ["", "female", "male"] {
        let speech =
            Speech { gender: gender.into(), ..text("Welcome. Please press one for sales, or two for support.") };
        let heard = said(&espeak, &speech);
        assert_eq!(heard.rate_hz, 22_050);
        assert!((2.5..6.0).contains(&heard.seconds()), "{} s", heard.seconds());
        let level = active_db(&heard);
        assert!((-23.5..-16.5).contains(&level), "{gender}: {level} dB");
        let lead = powers(&heard).iter().position(|power| *power > 1e-5).unwrap();
        assert!(lead <= 3, "{gender}: {lead} frames of silence before the first word");
    }
}

#[test]
fn a_woman_speaks_higher_than_a_man() {
    let espeak = espeak();
    let pitch = |gender: &str| {
        let speech = Speech { gender: gender.into(), ..text("The weather is fine today, and nobody calls me.") };
        pitch_hz(&said(&espeak, &speech))
    };
    let (woman, man) = (pitch("female"), pitch("male"));
    assert!(woman > 1.3 * man, "{woman} Hz and {man} Hz");
}

#[test]
fn languages_sound_different_and_voices_can_be_named() {
    let espeak = espeak();
    let in_language = |language: &str, voice_id: &str| {
        let speech = Speech { language: language.into(), voice_id: voice_id.into(), ..text("general information, 21") };
        let heard = said(&espeak, &speech);
        assert!(heard.notes.is_empty());
        heard.samples
    };
    let english = in_language("en-US", "");
    let german = in_language("de-DE", "");
    let french = in_language("fr", "");
    assert!(english != german && german != french && english != french);
    assert_eq!(german, in_language("de", ""), "the language part counts");
    assert_eq!(english, in_language("", ""), "the default");
    assert_eq!(german, in_language("en-US", "gmw/de"), "a voice by its name");
    assert_eq!(english, in_language("en-US", "en-US-Wavenet-F"), "a name of another provider is ignored");
}

#[test]
fn a_language_that_nobody_speaks_is_noted() {
    let heard = said(&espeak(), &Speech { language: "qq-QQ".into(), ..text("hello") });
    assert_eq!(heard.notes, ["there is no voice for the language \"qq-QQ\"; en-US speaks"]);
    assert!(heard.seconds() > 0.2);
}

#[test]
fn the_elements_of_ssml_are_heard() {
    let espeak = espeak();
    let plain = said(&espeak, &text("one two three"));
    let paused = said(&espeak, &text("<speak>one <break time=\"2s\"/> two three</speak>"));
    assert!(longest_silence(&plain) < 0.2, "no pause is added at the end: {} s", longest_silence(&plain));
    assert!((1.7..2.6).contains(&longest_silence(&paused)), "{} s", longest_silence(&paused));
    let slow = said(&espeak, &text("<speak><prosody rate=\"x-slow\">one two three</prosody></speak>"));
    assert!(slow.seconds() > 1.3 * plain.seconds(), "{} s and {} s", slow.seconds(), plain.seconds());
    let high = said(&espeak, &text("<speak><prosody pitch=\"x-high\">the weather is fine today</prosody></speak>"));
    let low = said(&espeak, &text("<speak><prosody pitch=\"x-low\">the weather is fine today</prosody></speak>"));
    assert!(pitch_hz(&high) > 1.2 * pitch_hz(&low));
    let spelled = said(&espeak, &text("<speak><say-as interpret-as=\"characters\">weather</say-as></speak>"));
    assert!(spelled.seconds() > 1.5 * said(&espeak, &text("weather")).seconds());
    let alias = said(&espeak, &text("<speak><sub alias=\"one two three\">W3C</sub></speak>"));
    assert_eq!(alias.samples, plain.samples);
}

/// Measured, each against the same words without it.
#[test]
fn each_way_of_speaking_differs_from_plain_speech_as_it_says() {
    let espeak = espeak();
    let words = "the weather is fine today";
    let said = |ssml: &str| said(&espeak, &text(ssml));
    let plain = said(words);
    let within = |element: &str| said(&format!("<{element}>{words}</{}>", element.split(' ').next().unwrap()));
    for (element, slower) in
        [("prosody rate=\"slow\"", 1.15), ("prosody rate=\"50%\"", 1.6), ("emphasis level=\"strong\"", 1.2)]
    {
        assert!(within(element).seconds() > slower * plain.seconds(), "{element}: {} s", within(element).seconds());
    }
    assert!(within("prosody rate=\"fast\"").seconds() < 0.9 * plain.seconds());
    for (element, db) in [
        ("prosody volume=\"loud\"", 3.4),
        ("prosody volume=\"soft\"", -3.8),
        ("prosody volume=\"+6dB\"", 5.5),
        ("prosody volume=\"-6dB\"", -5.8),
        ("emphasis level=\"strong\"", 6.0),
        ("emphasis level=\"reduced\"", -6.2),
    ] {
        let louder = active_db(&within(element)) - active_db(&plain);
        assert!((louder - db).abs() < 1.0, "{element}: {louder} dB");
    }
    for (element, higher) in
        [("prosody pitch=\"+50%\"", 1.3), ("prosody pitch=\"-30%\"", 0.89), ("prosody pitch=\"+12st\"", 1.7)]
    {
        let ratio = pitch_hz(&within(element)) / pitch_hz(&plain);
        assert!((ratio / higher - 1.0).abs() < 0.1, "{element}: {ratio}");
    }
    for element in ["p", "s"] {
        let two = said(&format!("<{element}>the weather</{element}><{element}>is fine today</{element}>"));
        assert!((0.2..0.8).contains(&longest_silence(&two)), "{element}: {} s", longest_silence(&two));
        let one = within(element);
        assert!(longest_silence(&one) < 0.1, "nobody waits behind the last {element}: {} s", longest_silence(&one));
    }
    let telephone = said("<say-as interpret-as=\"telephone\">2125551212</say-as>");
    assert_eq!(telephone.samples, said("<say-as interpret-as=\"telephone\">2125551212</say-as>").samples);
    assert_ne!(telephone.samples, said("2125551212").samples);
    assert_ne!(said("<say-as interpret-as=\"digits\">42</say-as>").samples, said("42").samples);
}

/// The program's own `phoneme` knows no IPA, and speaks the text of the element as well.
#[test]
fn phonemes_are_spoken_instead_of_the_text_that_they_stand_for() {
    let espeak = espeak();
    let said = |ssml: &str, language: &str| {
        let heard = said(&espeak, &Speech { language: language.into(), ..text(ssml) });
        (heard.samples, heard.notes)
    };
    let phoneme =
        |alphabet: &str, ph: &str| format!("<phoneme alphabet=\"{alphabet}\" ph=\"{ph}\">nothing of this</phoneme>");
    let noted = ["a phoneme is spoken as its text is, since this voice does not have it"];
    for (alphabet, ph, like) in [
        ("ipa", "həlˈoʊ", "hello"),
        ("ipa", "/həˈloʊ/", "hello"),
        ("x-sampa", "h@\"loU", "hello"),
        ("espeak", "h@l'oU", "hello"),
        ("ipa", "ˈtʃaɪld", "child"),
        ("ipa", "ˈθɪŋ", "thing"),
        ("ipa", "ˈɹɛd", "red"),
    ] {
        let (heard, notes) = said(&phoneme(alphabet, &ph.replace('"', "&quot;").replace("\\&", "&")), "en-US");
        assert_eq!(notes, [""; 0], "{alphabet} {ph}");
        assert_eq!(heard, said(like, "en-US").0, "{alphabet} {ph} sounds like {like}");
    }
    for (language, ph, like) in
        [("de", "ˈʃøːn", "schön"), ("fr", "vɛ̃", "vin"), ("es", "ˈpero", "perro"), ("it", "ˈtʃao", "ciao")]
    {
        let (heard, notes) = said(&phoneme("ipa", ph), language);
        assert_eq!(notes, [""; 0], "{language} {ph}");
        assert_ne!(heard, said("nothing of this", language).0);
        let (wanted, length) = (said(like, language).0.len() as f64, heard.len() as f64);
        assert!((0.6..1.6).contains(&(length / wanted)), "{language} {ph}: {length} samples, {like}: {wanted}");
    }
    for (alphabet, ph) in [("ipa", "ʘʘ"), ("kana", "ハ"), ("espeak", "]]<x")] {
        let ph = ph.replace('<', "&lt;");
        let (heard, notes) = said(&phoneme(alphabet, &ph), "en-US");
        assert_eq!(
            (heard, &notes[..]),
            (said("nothing of this", "en-US").0, &noted.map(String::from)[..]),
            "{alphabet} {ph}"
        );
    }
    let sentence = format!("I say {} tomato", phoneme("ipa", "təˈmeɪtoʊ"));
    assert!(said(&sentence, "en-US").0.len() > said("I say tomato", "en-US").0.len());
}

/// What a voice says of its phonemes is read for every language that is commonly spoken on telephones.
#[test]
fn phonemes_are_known_in_every_common_language() {
    let espeak = espeak();
    for language in [
        "en-US", "en-GB", "de", "fr", "es", "it", "pt-BR", "pt", "nl", "pl", "ru", "sv", "da", "fi", "cs", "el", "tr",
        "hi", "ja", "ko", "zh", "ar", "hu", "ro", "uk",
    ] {
        let speech = Speech { language: language.into(), ..text("<phoneme ph='ma ni'>text</phoneme>") };
        let heard = said(&espeak, &speech);
        assert_eq!(heard.notes, [""; 0], "{language}");
        assert_ne!(
            heard.samples,
            said(&espeak, &Speech { language: language.into(), ..text("text") }).samples,
            "{language}"
        );
    }
}

#[test]
fn text_that_is_no_xml_and_hostile_xml_are_spoken_like_any_other() {
    let espeak = espeak();
    assert!(said(&espeak, &text("Tom & Jerry < Asterix")).seconds() > 1.0);
    let plain = said(&espeak, &text("hello there"));
    for hostile in [
        "<speak><audio src=\"/dev/zero\"/>hello there</speak>",
        "<speak><voice name=\"../../../etc/passwd\">hello there</voice></speak>",
        "<!DOCTYPE s [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><speak>hello&x; there</speak>",
    ] {
        assert_eq!(said(&espeak, &text(hostile)).samples, plain.samples, "{hostile}");
    }
    // Names of phonemes are read out, not obeyed, and neither are marks of commands.
    assert_ne!(said(&espeak, &text("[[h@loU]]")).samples, said(&espeak, &text("hello")).samples);
    assert!(said(&espeak, &text("\u{1}9S hello")).seconds() < 3.0);
    assert!(said(&espeak, &text(&"<p>".repeat(8_000))).seconds() > 1.0);
}

#[test]
fn many_texts_at_once_all_get_their_own_words() {
    let espeak = espeak();
    let alone: Vec<usize> = (0..6).map(|n| said(&espeak, &text(&"word ".repeat(n + 1))).samples.len()).collect();
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..24)
            .map(|n| {
                let espeak = &espeak;
                scope.spawn(move || said(espeak, &text(&"word ".repeat(n % 6 + 1))).samples.len())
            })
            .collect();
        for (n, one) in all.into_iter().enumerate() {
            assert_eq!(one.join().unwrap(), alone[n % 6]);
        }
    });
    assert_eq!((espeak.counters().synthesized, espeak.counters().running), (30, 0));
}

#[test]
fn a_long_text_is_heard_long_before_it_is_whole() {
    let espeak = espeak();
    let long = "This is one of very many sentences that all say the same. ".repeat(300);
    let began = std::time::Instant::now();
    let heard = said(&espeak, &text(&long));
    let (first, whole) = (heard.first.unwrap(), began.elapsed());
    assert!(heard.seconds() > 600.0, "{} s", heard.seconds());
    assert!(first < whole / 3, "first after {first:?}, whole after {whole:?}");
    assert!(first < Duration::from_secs(5));
}

/// As long as the words, and another sound than the figures as they stand.
#[test]
fn ordinals_dates_and_times_are_spoken_as_such() {
    let espeak = espeak();
    let sound = |language: &str, words: &str| {
        let speech = Speech { language: language.into(), ..text(words) };
        said(&espeak, &speech).samples
    };
    for (language, how, figures, words) in [
        ("en-US", "interpret-as='ordinal'", "21", "21st"),
        ("en-US", "interpret-as='date' format='mdy'", "12/25/1999", "december twenty fifth, nineteen ninety nine"),
        ("en-GB", "interpret-as='time'", "14:05", "fourteen oh five"),
        ("de", "interpret-as='ordinal'", "3", "dritte"),
        ("de", "interpret-as='date' format='dmy'", "3.5.2024", "dritter Mai 2024"),
        ("de", "interpret-as='time'", "14:05", "vierzehn Uhr fünf"),
        ("it", "interpret-as='ordinal'", "3", "terzo"),
        ("nl", "interpret-as='ordinal'", "3", "derde"),
    ] {
        let marked = sound(language, &format!("<speak><say-as {how}>{figures}</say-as></speak>"));
        assert!(marked != sound(language, figures), "{language} {how} {figures}: as without it");
        // Figures and words are stressed a little differently.
        let (length, expected) = (marked.len() as f64, sound(language, words).len() as f64);
        assert!((length / expected - 1.0).abs() < 0.12, "{language} {how} {figures}: {length} and {expected} samples");
    }
}
