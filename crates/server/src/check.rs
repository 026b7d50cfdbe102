//! `flowswitch check`: mistakes in flows and provisioning, told to people or, with `--json`, to programs.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::cli::ServeArgs;
use crate::provision::{self, Checked, Fault};
use crate::run::StartError;

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Files to look at.
    #[arg(required = true, value_name = "FLOW.json")]
    pub files: Vec<PathBuf>,
    /// Print the result as one JSON object, for programs.
    ///
    /// {"flows": 1, "numbers": 0, "faults": [], "warnings": [], "hints": []}: how many flows and numbers were looked at,
    /// and what was found. A fault is refused by the server, or is accepted and fails or does nothing when the flow runs;
    /// a warning is accepted and probably not what was meant; a hint may well be meant. Each entry of the three lists is an object with `file`, `line` (from 1; 0 for the whole
    /// file), `path` (such as `actions[2].option.duration`; empty for the whole file), `what` (what is wrong) and
    /// `expected` (what would be right; empty where `what` says it already).
    #[arg(long)]
    pub json: bool,
    /// The server for which they are: sounds such as `file:welcome.wav` are looked for in its `media.folder`, and a warning says which
    /// are not there.
    #[command(flatten)]
    pub server: ServeArgs,
}

/// Checks the files and writes the result to `out`. True: no mistake was found (warnings are no mistakes).
///
/// # Errors
/// When the configuration that was named cannot be read, or `out` cannot be written.
pub fn run(args: &CheckArgs, out: &mut impl Write) -> Result<bool, StartError> {
    let (media, unknown) = media_folder(&args.server)?;
    let mut checked = provision::check(&args.files, media.as_deref());
    checked.warnings.extend(unknown);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &checked)?;
        writeln!(out)?;
    } else {
        write_text(&checked, out)?;
    }
    Ok(checked.faults.is_empty())
}

/// The folder of sounds, if there is one to be known; a warning where a configuration that nobody has named keeps it from being known.
fn media_folder(server: &ServeArgs) -> Result<(Option<PathBuf>, Option<Fault>), StartError> {
    let config = match (server.load(), server.file()) {
        (Ok(config), _) => config,
        (Err(error), Some(file)) if server.config.is_none() => {
            let what = format!("the folder of sounds is not known, so none was looked for: {error}");
            return Ok((None, Some(Fault { file: file.to_owned(), what, ..Fault::default() })));
        }
        (Err(error), _) => return Err(error.into()),
    };
    // Where no configuration is, there need not be a server.
    let folder = Some(config.media.folder).filter(|folder| server.file().is_some() || folder.is_dir());
    Ok((folder.map(|folder| std::path::absolute(&folder).unwrap_or(folder)), None))
}

fn write_text(checked: &Checked, out: &mut impl Write) -> io::Result<()> {
    for fault in &checked.faults {
        writeln!(out, "mistake: {fault}")?;
    }
    for warning in &checked.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    for hint in &checked.hints {
        writeln!(out, "hint: {hint}")?;
    }
    let Checked { flows, numbers, faults, warnings, hints } = checked;
    write!(
        out,
        "{}, {}: {}, {}",
        count(*flows, "flow"),
        count(*numbers, "number"),
        count(faults.len(), "mistake"),
        count(warnings.len(), "warning")
    )?;
    if !hints.is_empty() {
        write!(out, ", {}", count(hints.len(), "hint"))?;
    }
    writeln!(out)
}

fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of these contents, by name, in a folder of their own; and what `check` writes about them.
    fn checked(name: &str, files: &[(&str, &str)], json: bool) -> (bool, String) {
        let folder = std::env::temp_dir().join(format!("flowswitch-check-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let paths = files.iter().map(|(name, text)| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        });
        let args = CheckArgs { files: paths.collect(), json, server: ServeArgs::default() };
        let mut out = Vec::new();
        let good = run(&args, &mut out).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        (good, String::from_utf8(out).unwrap().replace(&format!("{}/", folder.display()), ""))
    }

    #[test]
    fn a_bare_array_a_flow_and_provisioning_are_all_understood() {
        let id = "0c6be6d7-43a4-4bb5-8bd0-0b6c2ff9a8d0";
        let numbers = format!(r#"{{"numbers": [{{"number": "a", "call_flow_id": "{id}"}}]}}"#);
        let flows = format!(r#"{{"flows": [{{"id": "{id}", "actions": [{{"type": "answer"}}]}}]}}"#);
        let files = [
            ("a.json", r#"[{"type": "answer"}]"#),
            ("b.json", r#"{"name": "b", "actions": [{"type": "answer"}]}"#),
            ("c.json", numbers.as_str()),
            ("d.json", flows.as_str()),
        ];
        assert_eq!(checked("all", &files, false), (true, "3 flows, 1 number: 0 mistakes, 0 warnings\n".to_owned()));
    }

    #[test]
    fn a_file_that_is_neither_flow_nor_provisioning_is_told_what_was_expected() {
        let told = |text: &str| checked("neither", &[("a.json", text)], false);
        for (text, what) in [
            (
                "{\"name\": \"x\"}",
                "a.json line 1: found an object that is neither a flow nor provisioning: it has \"name\"",
            ),
            ("{\"type\": \"answer\"}", "a.json line 1: found one action, or another object, that is in no array"),
            ("5", "a.json line 1: found 5"),
            ("\"answer\"", "a.json line 1: found \"answer\""),
        ] {
            let (good, told) = told(text);
            let expected = format!(
                "mistake: {what}; allowed: an array of actions; a flow, which is an object with `actions`; or provisioning"
            );
            assert!(!good && told.starts_with(&expected), "{told}");
        }
        for text in ["", " \n"] {
            assert_eq!(
                told(text),
                (false, "mistake: a.json: it is empty\n0 flows, 0 numbers: 1 mistake, 0 warnings\n".to_owned())
            );
        }
        let (good, told) = told("{\"flow\": [], \"numbers\": []}");
        assert!(!good && told.contains("flow: found the unknown collection \"flow\""), "{told}");
    }

    #[test]
    fn a_misspelt_key_of_an_action_is_told() {
        let flow = "[{\"type\": \"answer\"},\n{\"type\": \"sleep\", \"options\": {\"duration\": 500}},\n{\"type\": \"stop\", \"nextid\": \"x\"}]";
        let (good, text) = checked("keys", &[("a.json", flow)], false);
        let told = "warning: a.json line 2: [1].options: has no meaning and is ignored\nwarning: a.json line 3: [2].nextid: has no meaning and is ignored\n";
        assert!(good && text.starts_with(told), "{text}");
    }

    #[test]
    fn a_byte_order_mark_does_no_harm() {
        let flow = "\u{feff}[{\"type\": \"answer\"},\n{\"type\": \"dance\"}]";
        let (good, text) = checked("bom", &[("a.json", flow)], false);
        assert!(!good && text.starts_with("mistake: a.json line 2: [1].type: unknown type: dance"), "{text}");
    }

    #[test]
    fn flows_that_run_one_another_without_end_are_told() {
        let [a, b, c] = [1_u128, 2, 3].map(|n| uuid::Uuid::from_u128(n).to_string());
        let flow = |id: &str, name: &str, to: &[&str]| {
            let fetches =
                to.iter().map(|to| format!("\n{{\"type\": \"fetch_flow\", \"option\": {{\"flow_id\": \"{to}\"}}}}"));
            let actions = [vec!["{\"type\": \"answer\"}".to_owned()], fetches.collect()].concat().join(",");
            format!("{{\"id\": \"{id}\", \"name\": \"{name}\", \"actions\": [{actions}]}}")
        };
        let (good, text) = checked("alone", &[("a.json", &flow(&a, "menu", &[&b, &a]))], false);
        let first = text.lines().next().unwrap();
        assert!(good, "{text}");
        assert!(
            first.starts_with(
                "warning: a.json line 3: actions[2].option.flow_id: a flow runs itself once more within itself ("
            ),
            "{text}"
        );
        let flows = [flow(&a, "menu", &[&b]), flow(&b, "sub", &[&c, &a]), flow(&c, "end", &[])].join(",\n");
        let (good, text) = checked("both", &[("a.json", &format!("{{\"flows\": [{flows}]}}"))], false);
        let told = "warning: a.json line 5: flows[1].actions[2].option.flow_id: a flow runs itself once more within itself (menu → sub → menu): behind 100 such steps it would end; allowed: `next_id` or `goto`, to go round within one flow\n";
        assert!(good && text.starts_with(told) && text.ends_with(": 0 mistakes, 1 warning\n"), "{text}");
        let flows = [flow(&a, "menu", &[&b, &c]), flow(&b, "sub", &[&c]), flow(&c, "end", &[])].join(",");
        let (_, text) = checked("tree", &[("a.json", &format!("{{\"flows\": [{flows}]}}"))], false);
        assert_eq!(text, "3 flows, 0 numbers: 0 mistakes, 0 warnings\n");
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let (good, text) = checked(
            "bad",
            &[("a.json", "[{\"type\": \"answer\"},\n{\"type\": \"connect\"},\n{\"type\": \"anser\"}]")],
            false,
        );
        assert!(!good);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("mistake: a.json line 2: [1].type: ")
                && lines[0].contains("not yet supported: connect"),
            "{text}"
        );
        assert!(lines[1].starts_with("mistake: a.json line 3: [2].type: ") && lines[1].contains("anser"), "{text}");
        assert_eq!(lines[2], "1 flow, 0 numbers: 2 mistakes, 0 warnings");
    }

    #[test]
    fn programs_get_json() {
        let (good, text) = checked("json", &[("a.json", "[\n7]"), ("b.json", "{")], true);
        assert!(!good);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let faults = json["faults"].as_array().unwrap();
        assert_eq!((faults[0]["file"].as_str(), faults[0]["line"].as_u64()), (Some("b.json"), Some(1)));
        assert_eq!((faults[1]["path"].as_str(), faults[1]["line"].as_u64()), (Some("[0]"), Some(2)));
    }

    #[test]
    fn the_json_has_the_documented_shape() {
        let flow = "{\"actions\": [\n{\"type\": \"beep\"},\n{\"type\": \"sleep\", \"option\": {\"duration\": \"soon\"}},\n{\"type\": \"dance\"}]}";
        let (good, text) = checked("shape", &[("a.json", flow)], true);
        assert!(!good);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let at = |line: u64, path: &str, what: &str, expected: &str| serde_json::json!([{"file": "a.json", "line": line, "path": path, "what": what, "expected": expected}]);
        assert_eq!(
            json,
            serde_json::json!({
                "flows": 1,
                "numbers": 0,
                "faults": [
                    at(4, "actions[2].type", "unknown type: dance", "a type of action that this server carries out")[0],
                    at(3, "actions[1].option.duration", "it is \"soon\": the action would be passed over", "a whole number")[0],
                ],
                "warnings": [],
                "hints": at(
                    2,
                    "actions[0]",
                    "an incoming call is not answered yet: this is early media, which some networks do not carry",
                    "answer before it, unless early media is meant"
                ),
            })
        );
    }

    #[test]
    fn the_rest_of_a_flow_is_looked_at_as_its_actions_are() {
        let flow = "{\"name\": 5,\n\"actions\": [{\"type\": \"stop\"}]}";
        let (good, text) = checked("flow", &[("a.json", flow)], true);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let fault =
            serde_json::json!({"file": "a.json", "line": 1, "path": "name", "what": "found 5", "expected": "text"});
        assert!(!good && json["faults"] == serde_json::json!([fault]), "{text}");
        let flow = "{\"on_complete_flow_id\": \"menu\",\n\"actions\": [{\"type\": \"stop\"}]}";
        let (good, text) = checked("flow", &[("a.json", flow)], false);
        assert!(!good && text.contains("a.json line 1: on_complete_flow_id: found \"menu\"; allowed: "), "{text}");
    }

    #[test]
    fn warnings_and_hints_are_told_and_are_no_mistakes() {
        let flow = "[{\"type\": \"beep\"},\n{\"type\": \"recording_start\"},\n{\"id\": \"a\", \"type\": \"empty\", \"next_id\": \"a\"}]";
        let (good, text) = checked("warnings", &[("a.json", flow)], false);
        assert!(good);
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "warning: a.json line 3: [2]: these go round without waiting, until 1000 actions end the flow: [2] → [2]; allowed: an action that waits, or a goto with a loop_count",
                "warning: a.json line 2: [1]: an incoming call is not answered yet, so the action would be passed over; allowed: answer or talk before it",
                "hint: a.json line 1: [0]: an incoming call is not answered yet: this is early media, which some networks do not carry; allowed: answer before it, unless early media is meant",
                "1 flow, 0 numbers: 0 mistakes, 2 warnings, 1 hint",
            ]
        );
    }

    #[test]
    fn sounds_that_are_not_in_the_media_folder_are_told_with_the_place_where_they_were_looked_for() {
        let folder = std::env::temp_dir().join(format!("flowswitch-check-sounds-{}", std::process::id()));
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        file("media/here.wav", "");
        let config = file("server.toml", &format!("media.folder = \"{}\"", folder.join("media").display()));
        let flow = concat!(
            "[{\"type\": \"answer\"},\n",
            "{\"type\": \"play\", \"option\": {\"stream_urls\": [\"file:here.wav\", \"file:gone.wav\", \"https://x/gone.wav\", \"file:${x}.wav\"]}},\n",
            "{\"type\": \"talk\", \"option\": {\"text\": \"<speak>a <audio src='file:too.wav'>b</audio></speak>\"}},\n",
            "{\"type\": \"play\", \"option\": {\"stream_url\": \"file:../server.toml\"}}]"
        );
        let files = vec![
            file("a.json", flow),
            file("b.json", &format!("{{\"flows\": [{{\"name\": \"b\", \"actions\": {flow}}}]}}")),
        ];
        let told = |json| {
            let server = ServeArgs { config: Some(config.clone()) };
            let mut out = Vec::new();
            let good = run(&CheckArgs { files: files.clone(), json, server }, &mut out).unwrap();
            assert!(good, "a file can still be put there");
            String::from_utf8(out).unwrap().replace(&format!("{}/", folder.display()), "")
        };
        let (gone, too, out) = (
            "\"file:gone.wav\" would be passed over: there is no such file in the media folder (looked for it at media/gone.wav)",
            "\"file:too.wav\" would be passed over: there is no such file in the media folder (looked for it at media/too.wav)",
            "\"file:../server.toml\" would be passed over: it leads out of the media folder",
        );
        let mut expected = Vec::new();
        for (file, path) in [("a.json", ""), ("b.json", "flows[0].actions")] {
            expected.extend([
                (file, 2, format!("{path}[1].option.stream_urls"), gone),
                (file, 4, format!("{path}[3].option.stream_url"), out),
            ]);
            expected.push((file, 3, format!("{path}[2].option.text"), too));
        }
        let text = told(false);
        for (file, line, path, what) in &expected {
            let line = format!("warning: {file} line {line}: {path}: {what}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
        assert!(text.ends_with("2 flows, 0 numbers: 0 mistakes, 6 warnings\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&told(true)).unwrap();
        let told: Vec<serde_json::Value> = expected
            .iter()
            .map(|(file, line, path, what)| serde_json::json!({"file": file, "line": line, "path": path, "what": what, "expected": ""}))
            .collect();
        assert_eq!(json["warnings"], serde_json::json!(told));
        let broken = ServeArgs { config: Some(file("broken.toml", "media.folder = 7")) };
        let refused = run(&CheckArgs { files, json: false, server: broken }, &mut Vec::new()).unwrap_err();
        assert!(refused.to_string().contains("media.folder"), "{refused}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_fails_or_does_nothing_at_run_time_is_a_mistake() {
        let flow = "[{\"type\": \"sleep\", \"option\": {\"duration\": -3}},\n{\"type\": \"hangup\", \"option\": {\"reason\": \"bored\"}}]";
        let (good, text) = checked("values", &[("a.json", flow)], false);
        assert!(!good);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "mistake: a.json line 1: [0].option.duration: -3 is taken for 0; allowed: a time in ms");
        assert!(
            lines[1].starts_with("mistake: a.json line 2: [1].option.reason: \"bored\" means nothing here"),
            "{text}"
        );
    }

    #[test]
    fn actions_inside_of_a_call_are_found_by_their_path() {
        let flow = "[{\"type\": \"call\", \"option\": {\"actions\": [\n{\"type\": \"goto\", \"option\": {\"target_id\": \"x\", \"loop_count\": 1}}]}}]";
        let (_, text) = checked("nested", &[("a.json", flow)], false);
        assert!(
            text.contains("mistake: a.json line 2: [0].option.actions[0].option.target_id: there is no action x"),
            "{text}"
        );
    }
}
