//! `flowswitch check`: mistakes in flows and provisioning, told to people or, with `--json`, to programs.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::provision::{self, Checked};

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Files to look at.
    #[arg(required = true, value_name = "FLOW.json")]
    pub files: Vec<PathBuf>,
    /// Print the result as one JSON object: {"flows", "numbers", "faults", "warnings"}; each fault has `file`, `line`,
    /// `path` and `what`.
    #[arg(long)]
    pub json: bool,
}

/// Checks the files and writes the result to `out`. True: no mistake was found (warnings are no mistakes).
///
/// # Errors
/// When `out` cannot be written.
pub fn run(args: &CheckArgs, out: &mut impl Write) -> io::Result<bool> {
    let checked = provision::check(&args.files);
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &checked)?;
        writeln!(out)?;
    } else {
        write_text(&checked, out)?;
    }
    Ok(checked.faults.is_empty())
}

fn write_text(checked: &Checked, out: &mut impl Write) -> io::Result<()> {
    for fault in &checked.faults {
        writeln!(out, "mistake: {fault}")?;
    }
    for warning in &checked.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    let Checked { flows, numbers, faults, warnings } = checked;
    writeln!(
        out,
        "{}, {}: {}, {}",
        count(*flows, "flow"),
        count(*numbers, "number"),
        count(faults.len(), "mistake"),
        count(warnings.len(), "warning")
    )
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
        let args = CheckArgs { files: paths.collect(), json };
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
}
