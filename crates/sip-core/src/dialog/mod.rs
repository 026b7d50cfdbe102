//! Dialogs: RFC 3261 §12. A dialog knows the two parties, where to send, over which proxies, and the order of requests.
//! It is a value of the core's cell, beside the transactions, which know nothing of it.

mod accepted_invite;
mod id;
mod reinvite;
mod route_set;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::header::{HeaderError, HeaderName, NameAddr};
use crate::uas::Rejection;
use crate::{Message, MessageBuilder, Method, Uri, reason_phrase};

pub use accepted_invite::{AcceptedInvite, AcceptedStep};
pub use id::DialogId;
pub use reinvite::{Glare, PendingInvites, backoff_after_491_ms};
use route_set::RouteSet;

/// Whether a dialog has been accepted, RFC 3261 §12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialogState {
    /// Created by a provisional response.
    Early,
    /// Created or confirmed by a 2xx.
    Confirmed,
}

/// One of our dialogs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dialog {
    id: DialogId,
    state: DialogState,
    /// Our side, with our tag: From of our requests.
    local: NameAddr,
    /// Their side, with their tag: To of our requests.
    remote: NameAddr,
    remote_target: Uri,
    routes: RouteSet,
    /// CSeq number of our last request; 0 before the first.
    local_cseq: u32,
    /// CSeq number of their last request; None before the first.
    remote_cseq: Option<u32>,
}

/// Why a message cannot make a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialogError {
    /// A header that the dialog is made of is missing or cannot be read.
    Header(HeaderError),
    /// There is no Contact, so there is nowhere to send requests to.
    NoContact,
    /// There is no To tag in the response.
    NoTag,
}

impl From<HeaderError> for DialogError {
    fn from(error: HeaderError) -> Self {
        DialogError::Header(error)
    }
}

impl fmt::Display for DialogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialogError::Header(error) => error.fmt(f),
            DialogError::NoContact => f.write_str("Contact is missing"),
            DialogError::NoTag => f.write_str("To has no tag"),
        }
    }
}

impl std::error::Error for DialogError {}

impl Dialog {
    /// The dialog that our response with To tag `local_tag` to `invite` creates (§12.1.1). Early until
    /// [`Dialog::confirm`].
    pub fn of_uas(invite: &Message, local_tag: &str) -> Result<Dialog, DialogError> {
        let (local, remote) = (invite.to()?.with_param("tag", Some(local_tag)), invite.from()?);
        Ok(Dialog {
            id: DialogId {
                call_id: invite.call_id().to_owned(),
                local_tag: local_tag.to_owned(),
                remote_tag: remote.tag().unwrap_or_default().to_owned(),
            },
            state: DialogState::Early,
            local,
            remote,
            remote_target: contact_uri(invite)?.ok_or(DialogError::NoContact)?,
            routes: RouteSet::of_uas(invite)?,
            local_cseq: 0,
            remote_cseq: Some(invite.cseq()?.number),
        })
    }

    /// The dialog that `response`, 101-299 with a To tag, to an INVITE of ours creates (§12.1.2). All of ours that it needs
    /// has come back in the response. Confirmed if it is a 2xx.
    pub fn of_uac(response: &Message) -> Result<Dialog, DialogError> {
        let confirmed = response.status().is_some_and(|status| status >= 200);
        Ok(Dialog {
            id: DialogId::of_response(response).ok_or(DialogError::NoTag)?,
            state: if confirmed { DialogState::Confirmed } else { DialogState::Early },
            local: response.from()?,
            remote: response.to()?,
            remote_target: contact_uri(response)?.ok_or(DialogError::NoContact)?,
            routes: RouteSet::of_uac(response)?,
            local_cseq: response.cseq()?.number,
            remote_cseq: None,
        })
    }

    /// Call-ID and tags.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Early or confirmed.
    pub fn state(&self) -> DialogState {
        self.state
    }

    /// Our side, with our tag.
    pub fn local(&self) -> &NameAddr {
        &self.local
    }

    /// Their side, with their tag.
    pub fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// Where their requests say they can be reached: their last Contact.
    pub fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// The URI that tells the next hop of our requests (§8.1.2): the first Route, or the remote target.
    pub fn next_hop(&self) -> Uri {
        self.routes.first().and_then(|route| route.uri().ok()).unwrap_or_else(|| self.remote_target.clone())
    }

    /// We have sent a 2xx to the INVITE.
    pub fn confirm(&mut self) {
        self.state = DialogState::Confirmed;
    }

    /// A 2xx to the INVITE that made this early dialog has come: it is confirmed, and route set and target are those of the
    /// 2xx (§13.2.2.4).
    pub fn confirm_by(&mut self, response: &Message) -> Result<(), DialogError> {
        if self.state == DialogState::Early {
            self.routes = RouteSet::of_uac(response)?;
            self.state = DialogState::Confirmed;
        }
        self.refresh_target(response)
    }

    /// Whether `request`, which has our Call-ID and tags, comes in order (§12.2.2): 500 when its CSeq number is lower than that
    /// of an earlier one. A jump ahead is fine. An equal number is not lower, but a second INVITE of one number would be a
    /// second answer to the same offer: 500 too. ACKs are always in order.
    pub fn receive(&mut self, request: &Message) -> Result<(), Rejection> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let number = request.cseq().map_err(|error| Rejection::bad_request(error.to_string()))?.number;
        match self.remote_cseq {
            Some(last) if number < last || (number == last && request.method() == &Method::Invite) => {
                Err(Rejection { reason: Some("CSeq Out Of Order".into()), ..Rejection::new(500) })
            }
            _ => {
                self.remote_cseq = Some(number);
                Ok(())
            }
        }
    }

    /// Takes the Contact of a target refresh: a re-INVITE or UPDATE of theirs that we accept (§12.2.2), or a 2xx to one of ours
    /// (§12.2.1.2). Without a Contact the target stays.
    pub fn refresh_target(&mut self, message: &Message) -> Result<(), DialogError> {
        if let Some(uri) = contact_uri(message)? {
            self.remote_target = uri;
        }
        Ok(())
    }

    /// A request within the dialog (§12.2.1.1) with the next CSeq number: BYE, re-INVITE, INFO, but neither ACK nor CANCEL. Via
    /// and Max-Forwards are added by [`Endpoint::request`](crate::Endpoint::request); Contact, where due, by the caller.
    pub fn request(&mut self, method: Method) -> MessageBuilder {
        // The number came back in their response, so it can be anything.
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.build(method, self.local_cseq)
    }

    /// The ACK of a 2xx to our INVITE with this CSeq number (§13.2.2.4). To be sent by
    /// [`Endpoint::send`](crate::Endpoint::send).
    pub fn ack(&self, invite_cseq: u32) -> MessageBuilder {
        self.build(Method::Ack, invite_cseq)
    }

    /// CSeq number of our last request, 0 before the first.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// A response of ours within the dialog, or to the INVITE that creates it, with our tag. Responses 101-299 to an INVITE carry
    /// Record-Route (§12.1.1).
    pub fn response_to(&self, request: &Message, status: u16) -> MessageBuilder {
        let response = MessageBuilder::response_to(request, status, reason_phrase(status)).to_tag(&self.id.local_tag);
        match request.method() == &Method::Invite && (101..300).contains(&status) {
            true => response.copy(request, HeaderName::RecordRoute),
            false => response,
        }
    }

    fn build(&self, method: Method, cseq: u32) -> MessageBuilder {
        let (uri, routes) = self.routes.towards(&self.remote_target);
        let builder = MessageBuilder::request(method.clone(), uri.as_str())
            .header(HeaderName::From, self.local.as_bytes())
            .header(HeaderName::To, self.remote.as_bytes())
            .header(HeaderName::CallId, &self.id.call_id)
            .header(HeaderName::CSeq, format!("{cseq} {method}"));
        routes.into_iter().fold(builder, |builder, route| builder.append(HeaderName::Route, route.as_bytes()))
    }
}

/// Whether this final response to a request of ours within a dialog ends the dialog: RFC 3261 §12.2.1.2.
pub fn ends_dialog(status: u16) -> bool {
    matches!(status, 408 | 481)
}

fn contact_uri(message: &Message) -> Result<Option<Uri>, DialogError> {
    match message.contact()? {
        Some(contact) => Ok(Some(contact.uri()?)),
        None => Ok(None),
    }
}
