//! Headers and the Request-URI as types, read when asked for.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::{Message, MessageBuilder, StartLine};
use crate::header::text::{number, split_list};
use crate::header::{CSeq, Contacts, ContentType, HeaderError, HeaderField, HeaderName, HeaderProblem, NameAddr, Via};
use crate::{Method, Uri};

impl Message {
    /// A request's Request-URI, read. It never fails on a request that was received.
    pub fn uri(&self) -> Result<Uri, HeaderError> {
        match self.start {
            StartLine::Request { uri } => Uri::parse(self.as_bytes().slice(uri.range()))
                .map_err(|error| HeaderError { field: "Request-URI", ..error }),
            StartLine::Response { .. } => Err(HeaderError::new("Request-URI", HeaderProblem::Missing)),
        }
    }

    /// Call-ID as it came. Empty only in a message that was built without one.
    pub fn call_id(&self) -> &str {
        self.header(HeaderName::CallId).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// From.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.required_address(HeaderName::From)
    }

    /// To.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.required_address(HeaderName::To)
    }

    /// The tag of From, if it has one.
    pub fn from_tag(&self) -> Option<&str> {
        self.tag(HeaderName::From)
    }

    /// The tag of To, if it has one.
    pub fn to_tag(&self) -> Option<&str> {
        self.tag(HeaderName::To)
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        CSeq::parse(self.required(HeaderName::CSeq)?)
    }

    /// The first Via value: for a request who sent it, for a response who sent the request.
    pub fn top_via(&self) -> Result<Via, HeaderError> {
        let value = self.values(HeaderName::Via).next();
        let value = value.ok_or(HeaderError::new("Via", HeaderProblem::Missing))?;
        Via::parse(self.fields.share(value))
    }

    /// All Via values from the top down.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via, HeaderError>> {
        self.values(HeaderName::Via).map(|value| Via::parse(self.fields.share(value)))
    }

    /// The first Contact; `None` if there is none, an error if it is `*`.
    pub fn contact(&self) -> Result<Option<NameAddr>, HeaderError> {
        self.addresses(HeaderName::Contact).next().transpose()
    }

    /// All Contacts.
    pub fn contacts(&self) -> Result<Contacts, HeaderError> {
        let mut values = self.values(HeaderName::Contact);
        if values.next() == Some(b"*") && values.next().is_none() {
            return Ok(Contacts::All);
        }
        self.addresses(HeaderName::Contact).collect::<Result<_, _>>().map(Contacts::List)
    }

    /// The Route set of a request, in order.
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr, HeaderError>> {
        self.addresses(HeaderName::Route)
    }

    /// Record-Route values from the top down.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr, HeaderError>> {
        self.addresses(HeaderName::RecordRoute)
    }

    /// The values of any header that is a list of addresses: Contact, Route, P-Asserted-Identity, Diversion.
    pub fn addresses<'a>(
        &self,
        name: impl Into<HeaderField<'a>>,
    ) -> impl Iterator<Item = Result<NameAddr, HeaderError>> {
        let field = name.into();
        self.values(field).map(move |value| {
            NameAddr::parse(self.fields.share(value)).map_err(|error| match field {
                HeaderField::Known(name) => error.of(name),
                HeaderField::Text(_) => error,
            })
        })
    }

    /// The only value of a header that holds one address: Refer-To, Referred-By, Reply-To.
    pub fn address<'a>(&self, name: impl Into<HeaderField<'a>>) -> Result<Option<NameAddr>, HeaderError> {
        let field = name.into();
        let value = self.header(field);
        value.map(|value| NameAddr::parse(self.fields.share(value))).transpose().map_err(|error| match field {
            HeaderField::Known(name) => error.of(name),
            HeaderField::Text(_) => error,
        })
    }

    /// Max-Forwards. A number above 255 is an error that may be taken as absence (RFC 4475 §3.1.2.4).
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        self.number(HeaderName::MaxForwards)
    }

    /// Expires, in seconds. An error may be taken as the default of 3600 (RFC 4475 §3.1.2.4).
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::Expires)
    }

    /// Content-Length as written; the body itself has been cut to it.
    pub fn content_length(&self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::ContentLength)
    }

    /// Content-Type.
    pub fn content_type(&self) -> Result<Option<ContentType>, HeaderError> {
        self.header(HeaderName::ContentType).map(|value| ContentType::parse(self.fields.share(value))).transpose()
    }

    /// The methods of Allow; what is no token is left out. `None` if there is no Allow.
    pub fn allow(&self) -> Option<Vec<Method>> {
        self.header(HeaderName::Allow)?;
        Some(self.values(HeaderName::Allow).filter_map(Method::parse).collect())
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.tokens(HeaderName::Supported)
    }

    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.tokens(HeaderName::Require)
    }

    /// The values of any header that is a list of tokens; bytes that are not UTF-8 become U+FFFD.
    pub fn tokens<'a>(&self, name: impl Into<HeaderField<'a>>) -> impl Iterator<Item = Cow<'_, str>> {
        self.values(name).map(String::from_utf8_lossy)
    }

    /// The request as its receiver must note where it came from: the top Via gets `received` and `rport` when due
    /// (RFC 3261 §18.2.1, RFC 3581 §4). The same bytes are shared when nothing is due.
    pub fn with_source(self, source: SocketAddr) -> Message {
        match self.top_via() {
            Ok(via) => self.with_source_noted(&via, source),
            Err(_) => self,
        }
    }

    /// [`Message::with_source`] of a message whose top Via has been read.
    pub(crate) fn with_source_noted(self, top_via: &Via, source: SocketAddr) -> Message {
        let Some(noted) = top_via.text_with_source(source) else { return self };
        let Some(range) = self.fields.place_of(top_via.as_bytes()) else {
            let noted = top_via.with_source(source);
            return MessageBuilder::from_message(&self).top_via(&noted).build();
        };
        let added = noted.len() as isize - range.len() as isize;
        let body_start = self.body_start.strict_add_signed(added);
        Message { fields: self.fields.replaced(range, &noted), body_start, ..self }
    }

    fn required(&self, name: HeaderName) -> Result<&[u8], HeaderError> {
        self.header(name).ok_or(HeaderError::new(name.as_str(), HeaderProblem::Missing))
    }

    fn required_address(&self, name: HeaderName) -> Result<NameAddr, HeaderError> {
        NameAddr::parse(self.fields.share(self.required(name)?)).map_err(|error| error.of(name))
    }

    fn tag(&self, name: HeaderName) -> Option<&str> {
        let parts = crate::header::address_parts(self.header(name)?).ok()?;
        parts.tag()
    }

    fn number<T: TryFrom<u64>>(&self, name: HeaderName) -> Result<Option<T>, HeaderError> {
        let Some(value) = self.header(name) else {
            return Ok(None);
        };
        let error = |problem| HeaderError::new(name.as_str(), problem);
        // `Expires: 60;x=1` and a list of equal numbers are not in the grammar; the first word must be the number.
        let digits = split_list(value).next().ok_or(error(HeaderProblem::Empty))?;
        match number(digits) {
            Some(number) => T::try_from(number).map(Some).map_err(|_| error(HeaderProblem::OutOfRange)),
            None if digits.iter().all(u8::is_ascii_digit) => Err(error(HeaderProblem::OutOfRange)),
            None => Err(error(HeaderProblem::NotANumber)),
        }
    }
}
