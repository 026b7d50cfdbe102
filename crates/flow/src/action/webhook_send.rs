//! `webhook_send`: tells a web server something and may take variables from its response.

use super::about::{About, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait, request};
use crate::{Effect, HttpPurpose, HttpRequest, webhook_response};

pub(super) const ABOUT: About = About {
    does: "Tells a web server something. With `sync` the answer sets variables: a JSON object `{\"customer\": {\"name\": \"Ann\"}}` sets `customer.name`, elements of arrays are numbered from 0, and names that begin with `voipbin.` are left out. `voipbin.webhook.status_code` (0 without an answer) and `voipbin.webhook.body` (its first 32 KiB) are set, too; an answer longer than 1 MiB sets nothing else.\n\nA value that is substituted inside of a string in JSON `data` is escaped, so that a quote in a name does no harm.",
    waits: "Nothing, or the answer if `sync`: at most 15 s, and 30 s with all repetitions.",
    fails: "A failure never ends the flow: no answer, one that breaks off, or a status other than 2xx. The reason stands in the timeline.",
    options: &[
        Field::new("uri", Type::Text, "Where to send it: `http://` or `https://`.").required(),
        Field::new("method", Type::Text, "The HTTP method.").default("`POST`"),
        Field::new("data_type", Type::Text, "The `Content-Type`.").default("`application/json`"),
        Field::new("data", Type::Text, "The body, also of a GET.").default("empty"),
        Field::new("sync", Type::Boolean, "Whether to wait for the answer and take variables from it.")
            .default("false"),
    ],
    example: r#"[
  { "type": "webhook_send",
    "option": { "sync": true, "uri": "https://example.com/caller", "method": "POST", "data_type": "application/json",
                "data": "{\"from\": \"${voipbin.call.source.target}\"}" } },
  { "type": "talk", "option": { "text": "Hello ${customer.name}" } }
]"#,
};

/// spec/actions.md `webhook_send`.
const DEFAULT_DATA_TYPE: &str = "application/json";

/// Options of `webhook_send`.
pub(super) struct Options<'a> {
    sync: bool,
    uri: Option<&'a str>,
    method: String,
    data_type: &'a str,
    data: &'a str,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        let data_type = option.text("data_type")?.unwrap_or_default().trim();
        if data_type.contains(char::is_control) {
            return Err(super::option::wrong("data_type", &data_type.into(), "a media type"));
        }
        Ok(Options {
            sync: option.boolean("sync")?.unwrap_or(false),
            uri: request::url(option, "uri")?,
            method: request::method(option, "method")?,
            data_type: if data_type.is_empty() { DEFAULT_DATA_TYPE } else { data_type },
            data: option.text("data")?.unwrap_or_default(),
        })
    }

    fn request(&self, action_id: &str) -> Option<HttpRequest> {
        Some(HttpRequest {
            purpose: HttpPurpose::Webhook,
            action_id: action_id.to_owned(),
            method: self.method.clone(),
            url: self.uri?.to_owned(),
            content_type: self.data_type.to_owned(),
            body: self.data.to_owned(),
        })
    }
}

/// A failure never ends the activeflow (spec/flow.md §10.1).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let option = run.option()?;
    if option.boolean("sync") == Ok(Some(true)) {
        // Should it not get as far as a response, no older one may be taken for it.
        run.set_variable(webhook_response::STATUS_CODE, "0".to_owned());
        run.set_variable(webhook_response::BODY, String::new());
    }
    let options = Options::read(&option)?;
    let Some(request) = options.request(&run.action.id) else { return Err(request::missing("uri")) };
    run.emit(Effect::Http { step: run.step, request, wait: options.sync });
    Ok(if options.sync { Outcome::Wait(Wait::Http(HttpPurpose::Webhook)) } else { Outcome::Continue })
}
