//! The pages of docs/actions, made from what the actions say of themselves.

use std::fmt::Write;

use crate::action::about::{About, Absent, Allowed, Field};
use crate::action::kind::{Class, Engine};
use crate::action::{Kind, NOT_YET, about};

/// One page of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePage {
    /// The name of its file, such as `talk.md`.
    pub file: String,
    /// Markdown.
    pub text: String,
}

/// The reference of all actions: an index, `README.md`, then one page for each.
pub fn reference_pages() -> Vec<ReferencePage> {
    let mut pages = vec![ReferencePage { file: "README.md".to_owned(), text: index() }];
    for (kind, name, ..) in Kind::TABLE {
        pages.push(ReferencePage { file: format!("{name}.md"), text: page(kind, name, about(kind)) });
    }
    pages
}

const MADE: &str =
    "<!-- Made from crates/flow/src/action by `UPDATE_DOCS=1 cargo test -p flow --test docs`: change it there. -->\n";

fn index() -> String {
    let mut text = format!(
        "{MADE}\n# Actions\n\n\
        A flow is an array of actions. Each has a `type`, mostly an `option`, and if others shall find it an `id`. They run in \
        their order; `next_id` names another one to go on with.\n\n\
        ```json\n[\n  {{ \"id\": \"hello\", \"type\": \"talk\", \"option\": {{ \"text\": \"Hello.\" }} }},\n  \
        {{ \"type\": \"hangup\" }}\n]\n```\n\n\
        `flowswitch check FLOW.json` names mistakes before a caller finds them.\n\n\
        | action | what it does | for | waits |\n| --- | --- | --- | --- |\n"
    );
    for (kind, name, class, _) in Kind::TABLE {
        let about = about(kind);
        let (does, waits) = (first_sentence(about.does), waits_in_short(kind));
        let _ = writeln!(text, "| [`{name}`]({name}.md) | {} | {} | {waits} |", cell(does), class_in_short(class));
    }
    text.push_str(
        "\n## What holds for all of them\n\n\
        * `${name}` in a text of an option is replaced by the value of the variable when the action begins; an unknown name \
        gives nothing. Names of fields, ids and types are left alone.\n\
        * Numbers may be written as text (`\"5000\"`), and so may `\"true\"` and `\"false\"`. `null` is the same as absent.\n\
        * Types are the same in upper and lower case. Fields that an action does not know have no effect; `check` names them.\n\
        * Ids of actions are any text up to 255 bytes, unique in their array. A target is searched in the same array, then in \
        those that it was fetched from.\n\
        * An action that needs a call is skipped where there is none, or no longer.\n\
        * The end of the array ends the flow, and a call that is still up is hung up.\n\
        * A thousand actions in a row that never wait end the flow.\n\n\
        ## Not yet\n\nThese types are known, and refused for now: ",
    );
    let names: Vec<String> = NOT_YET.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(text, "{}.", names.join(", "));
    text
}

fn page(kind: Kind, name: &str, about: &About) -> String {
    let mut text = format!("{MADE}\n# {name}\n\n{}\n\n| | |\n| --- | --- |\n", about.does);
    let _ = writeln!(text, "| for | {} |", applies_to(kind));
    let _ = writeln!(text, "| waits for | {} |", cell(about.waits));
    let _ = writeln!(text, "| if it fails | {} |", cell(about.fails));
    if about.options.is_empty() {
        text.push_str("\n## Option\n\nIt has none.\n");
    } else {
        text.push_str(
            "\n## Option\n\n| field | type | when absent | allowed | meaning |\n| --- | --- | --- | --- | --- |\n",
        );
        for field in about.options {
            text.push_str(&row(field));
        }
    }
    let _ = writeln!(text, "\n## Example\n\n```json\n{}\n```\n\n[All actions](README.md)", about.example);
    text
}

fn row(field: &Field) -> String {
    let absent = match field.absent {
        Absent::Default(what) => what.to_owned(),
        Absent::Required => "**required**".to_owned(),
        Absent::RequiredUnless(other) => format!("**required**, unless `{other}` is there"),
    };
    let allowed = match field.allowed {
        Allowed::Anything => String::new(),
        Allowed::Of(texts) | Allowed::OfAnyCase(texts) => {
            let shown = texts.iter().filter(|text| !text.is_empty()).map(|text| format!("`{text}`"));
            shown.collect::<Vec<_>>().join(", ")
        }
        Allowed::Range(from, to) => format!("{from} to {to}"),
        Allowed::FromZero(_) => "0 or more".to_owned(),
    };
    let (name, is) = (field.name, field.is.as_str());
    format!("| `{name}` | {is} | {} | {} | {} |\n", cell(&absent), cell(&allowed), cell(field.meaning))
}

fn applies_to(kind: Kind) -> &'static str {
    match (kind.class(), kind.engine()) {
        (Class::Any, _) => "everything: calls, and flows without a call",
        (Class::Rtc, Engine::Flow) => "calls, also those that are over; skipped elsewhere",
        (Class::Rtc, Engine::Call) => "calls that are up; skipped elsewhere",
    }
}

fn class_in_short(class: Class) -> &'static str {
    match class {
        Class::Rtc => "calls",
        Class::Any => "all",
    }
}

fn waits_in_short(kind: Kind) -> &'static str {
    match kind {
        Kind::Talk => "unless `async`",
        Kind::WebhookSend => "if `sync`",
        Kind::Hangup | Kind::Stop => "ends the flow",
        kind if about(kind).waits.starts_with("Nothing") => "no",
        _ => "yes",
    }
}

/// Up to the first full stop that ends a sentence.
fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// Text that does not leave its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
