//! `webhook_send`: tells a web server something and may take variables from its response.

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait, request};
use crate::{Effect, HttpPurpose, HttpRequest, webhook_response};

pub(super) const KEYS: &[&str] = &["sync", "uri", "method", "data_type", "data"];

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

    fn request(&self) -> Option<HttpRequest> {
        Some(HttpRequest {
            purpose: HttpPurpose::Webhook,
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
    let Some(request) = options.request() else { return Err(request::missing("uri")) };
    run.emit(Effect::Http { step: run.step, request, wait: options.sync });
    Ok(if options.sync { Outcome::Wait(Wait::Http(HttpPurpose::Webhook)) } else { Outcome::Continue })
}
