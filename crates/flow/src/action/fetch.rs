//! `fetch`: asks a web server for actions, runs them, then returns.

use serde_json::json;

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait, request};
use crate::{Effect, HttpPurpose, HttpRequest};

pub(super) const ABOUT: About = About {
    does: "Asks a web server for actions, runs them, and then goes on behind this action. The request says who asks: its body is `{\"activeflow_id\": …, \"reference_id\": …}`. The answer is an array of actions, or an object with such an array under `actions`. Actions without ids get some. The actions may jump to ids of this flow, which leaves them behind.",
    waits: "The answer, at most 15 s, and then the actions that it holds.",
    fails: "No answer, a status other than 2xx, or a body that is longer than 1 MiB or holds no actions ends the flow, and the call is hung up; so does an option that cannot be read.",
    options: &[
        Field::new("event_url", Type::Text, "Where to ask: `http://` or `https://`.").required(),
        Field::new("event_method", Type::Text, "The HTTP method.").default("`POST`"),
    ],
    example: r#"[
  { "type": "answer" },
  { "type": "fetch", "option": { "event_url": "https://example.com/flow", "event_method": "POST" } },
  { "type": "hangup" }
]"#,
};

/// Options of `fetch`.
pub(super) struct Options<'a> {
    event_url: Option<&'a str>,
    event_method: String,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        Ok(Options {
            event_url: request::url(option, "event_url")?,
            event_method: request::method(option, "event_method")?,
        })
    }
}

/// The body says who asks, whatever the method (spec/flow.md §10.2).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let options = Options::read(&run.option()?)?;
    let Some(url) = options.event_url else { return Err(request::missing("event_url")) };
    let body = json!({"activeflow_id": run.activeflow_id, "reference_id": run.reference.id}).to_string();
    let request = HttpRequest {
        purpose: HttpPurpose::Fetch,
        action_id: run.action.id.clone(),
        method: options.event_method,
        url: url.to_owned(),
        content_type: "application/json; charset=utf-8".to_owned(),
        body,
    };
    run.emit(Effect::Http { step: run.step, request, wait: true });
    Ok(Outcome::Wait(Wait::Http(HttpPurpose::Fetch)))
}
