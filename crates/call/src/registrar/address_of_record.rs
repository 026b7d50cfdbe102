//! The bindings of one extension (RFC 3261 §10.3).
//!
//! A change counts in memory at once; the 200 goes out when the store has synced it. If the store fails, the answer is a 500
//! and the change is taken back, as §10.3 step 7 asks for: a phone that was told 500 is where it was before.

use std::net::SocketAddr;

use base::Now;
use model::Binding;
use serde::{Deserialize, Serialize};
use sip_core::register::{self, ContactWish, ListedContact, Register, Wish};
use sip_core::{Hop, Transport, Uri, uas};
use uuid::Uuid;

use super::BindingSettings;

/// Where one extension can be reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AddressOfRecord {
    extension_id: Uuid,
    customer_id: Uuid,
    /// The oldest first; a refreshed one keeps its place.
    places: Vec<Binding>,
    /// Over which of those hops there is no connection any more.
    #[serde(default)]
    closed: Vec<Hop>,
}

/// What takes one REGISTER back: of each place that it touched, how it was before and what it became.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Undo(Vec<(Option<Binding>, Option<Binding>)>);

/// What a REGISTER has come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    /// The Contacts of the 200: all that stand ([`sip_core::register::accepted`]).
    pub contacts: Vec<ListedContact>,
    /// Whether the store must be told before the 200 goes out. Also true when the request only asked and something was found
    /// to have expired.
    pub changed: bool,
    /// All bindings that stand now, the oldest first: to be stored in the place of those that were. None left: nobody can be
    /// reached.
    pub bindings: Vec<Binding>,
    /// Those that are no more: removed, expired, replaced by the same phone's new address, or pushed out by newer ones.
    pub removed: Vec<Binding>,
    /// For the case that the store fails.
    pub undo: Undo,
}

/// Whether both have the same Contact, compared as RFC 3261 §19.1.4 says.
fn is_same(one: &Binding, other: &Binding) -> bool {
    let (one, other) = (&one.contact, &other.contact);
    one == other || matches!((one.parse::<Uri>(), other.parse::<Uri>()), (Ok(one), Ok(other)) if one.matches(&other))
}

/// Whether the last REGISTER of a place came over this hop.
fn is_over(place: &Binding, hop: &Hop) -> bool {
    listener_of(hop) == place.listener
        && place.transport.eq_ignore_ascii_case(hop.transport.via_name())
        && place.received.parse() == Ok(hop.remote)
        && place.local.parse() == Ok(hop.local)
}

/// The connection that the last REGISTER of a place came over; none if it came by UDP, or what is kept cannot be read.
fn connection_of(place: &Binding) -> Option<Hop> {
    let transports = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
    let transport = transports.into_iter().find(|known| place.transport.eq_ignore_ascii_case(known.via_name()))?;
    let (local, remote) = (place.local.parse().ok()?, place.received.parse().ok()?);
    Some(Hop { transport, listener: place.listener.into(), local, remote })
}

/// As bindings keep it.
fn listener_of(hop: &Hop) -> u8 {
    u8::try_from(hop.listener).unwrap_or(u8::MAX)
}

impl AddressOfRecord {
    /// Of an extension that nobody has registered.
    pub fn new(extension_id: Uuid, customer_id: Uuid) -> AddressOfRecord {
        AddressOfRecord { extension_id, customer_id, places: Vec::new(), closed: Vec::new() }
    }

    /// As the store knows it, after a restart: no connection is open. Those that have expired since go with the first
    /// [`AddressOfRecord::expire`].
    pub fn restore(extension_id: Uuid, customer_id: Uuid, mut bindings: Vec<Binding>) -> AddressOfRecord {
        bindings.sort_by_key(|binding| binding.created_us);
        let closed = bindings.iter().filter_map(connection_of).collect();
        AddressOfRecord { extension_id, customer_id, places: bindings, closed }
    }

    /// Does what a REGISTER wants that came over `hop` from somebody who may do it.
    ///
    /// # Errors
    /// 500 when a binding has seen this Call-ID with this CSeq or a later one (§10.3 steps 6 and 7): then nothing of the
    /// request counts.
    pub fn register(
        &mut self,
        now: Now,
        request: &Register,
        hop: &Hop,
        settings: &BindingSettings,
    ) -> Result<Registered, uas::Rejection> {
        self.check_order(now, request)?;
        let mut removed = self.expire(now);
        let mut changed = !removed.is_empty();
        let before = self.places.clone();
        match &request.wish {
            Wish::Query => {}
            Wish::RemoveAll => {
                changed |= !self.places.is_empty();
                removed.append(&mut self.places);
            }
            Wish::Update(wishes) => {
                for wish in wishes {
                    let at = self.position_for(request, wish);
                    changed |= at.is_some() || wish.expires_s != Some(0);
                    if wish.expires_s == Some(0) {
                        removed.extend(at.map(|at| self.places.remove(at)));
                        continue;
                    }
                    let place = self.place(now, request, wish, hop, settings);
                    match at {
                        Some(at) => {
                            let created_us = self.places[at].created_us;
                            let old = std::mem::replace(&mut self.places[at], Binding { created_us, ..place });
                            removed.extend(Some(old).filter(|old| !is_same(old, &self.places[at])));
                        }
                        None => self.places.push(place),
                    }
                }
                self.closed.retain(|closed| closed != hop);
                while self.places.len() > settings.max_contacts.max(1) {
                    removed.push(self.places.remove(self.next_to_go()));
                }
            }
        }
        self.closed.retain(|hop| self.places.iter().any(|place| is_over(place, hop)));
        let undo = self.back_to(before);
        Ok(Registered { contacts: self.listed(now), changed, bindings: self.to_store(), removed, undo })
    }

    /// Who makes room: the oldest of those whose connection is closed, or of all.
    fn next_to_go(&self) -> usize {
        let is_closed = |place: &Binding| self.closed.iter().any(|hop| is_over(place, hop));
        self.places.iter().position(is_closed).unwrap_or(0)
    }

    /// Takes one REGISTER back, but for the places that a later one has changed again.
    pub fn undo(&mut self, now: Now, Undo(touched): &Undo) {
        for (before, after) in touched {
            let Some(place) = after.as_ref().or(before.as_ref()) else { continue };
            let at = self.places.iter().position(|known| is_same(known, place));
            if at.map(|at| &self.places[at]) != after.as_ref() {
                continue;
            }
            if let Some(at) = at {
                self.places.remove(at);
            }
            self.places.extend(before.clone());
        }
        self.places.sort_by_key(|place| place.created_us);
        self.expire(now);
    }

    fn back_to(&self, before: Vec<Binding>) -> Undo {
        let is_new = |after: &&Binding| !before.iter().any(|known| is_same(known, after));
        let new: Vec<Binding> = self.places.iter().filter(is_new).cloned().collect();
        let touched = before.into_iter().filter_map(|before| {
            let after = self.places.iter().find(|known| is_same(known, &before)).cloned();
            (after.as_ref() != Some(&before)).then_some((Some(before), after))
        });
        Undo(touched.chain(new.into_iter().map(|after| (None, Some(after)))).collect())
    }

    /// All bindings, the oldest first, as the store is to keep them.
    pub fn to_store(&self) -> Vec<Binding> {
        self.places.clone()
    }

    /// Takes out what has expired. If that is anything, the store is to be given [`AddressOfRecord::to_store`].
    pub fn expire(&mut self, now: Now) -> Vec<Binding> {
        if self.places.iter().all(|place| place.expires_us > now.wall_us) {
            return Vec::new();
        }
        let (stand, gone) =
            std::mem::take(&mut self.places).into_iter().partition(|place: &Binding| place.expires_us > now.wall_us);
        self.places = stand;
        gone
    }

    /// When the next binding expires, in monotonic nanoseconds; `None` when there is none. Bindings end by the wall clock,
    /// since they outlive the process: the timer may find that nothing has expired yet and is then set again.
    pub fn next_deadline_ns(&self, now: Now) -> Option<u64> {
        let ends_us = self.places.iter().map(|place| place.expires_us).min()?;
        let left_us = ends_us.saturating_sub(now.wall_us);
        Some(now.mono_ns.saturating_add(left_us.saturating_mul(1_000)))
    }

    /// The places to ring, the oldest first.
    pub fn bindings(&self, now: Now) -> impl Iterator<Item = &Binding> {
        let stands = move |binding: &&Binding| binding.expires_us > now.wall_us;
        self.places.iter().filter(stands)
    }

    /// Whether a phone of this extension is registered from exactly this address and port.
    pub fn is_reached_at(&self, now: Now, remote: SocketAddr) -> bool {
        self.bindings(now).any(|binding| binding.received.parse() == Ok(remote))
    }

    /// The connections that its phones came over last. By UDP there are none, and most phones cost nothing here.
    pub fn connections(&self) -> impl Iterator<Item = Hop> {
        self.places.iter().filter_map(connection_of)
    }

    /// The connection over this hop is closed. The phone may make another one, and keeps its place while there is room.
    pub fn connection_closed(&mut self, hop: &Hop) {
        if !self.closed.contains(hop) && self.places.iter().any(|place| is_over(place, hop)) {
            self.closed.push(*hop);
        }
    }

    /// Takes out those places; the store is to be given [`AddressOfRecord::to_store`] then.
    pub fn forget_reached_over(&mut self, hop: &Hop) -> Vec<Binding> {
        self.places.extract_if(.., |place| is_over(place, hop)).collect()
    }

    /// Takes out the places of web pages: each is as long as its connection, of which a new process has none.
    pub fn forget_pages(&mut self) -> Vec<Binding> {
        self.places.extract_if(.., |place| place.is_of_page()).collect()
    }

    /// The extension.
    pub fn extension_id(&self) -> Uuid {
        self.extension_id
    }

    /// How many bindings there are, expired ones that were not taken out included.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether the extension cannot be reached: its cell may go.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// §10.3 steps 6 and 7: a REGISTER that was overtaken by a later one of the same phone changes nothing.
    fn check_order(&self, now: Now, request: &Register) -> Result<(), uas::Rejection> {
        let is_overtaken = |binding: &Binding| {
            let stands = binding.expires_us > now.wall_us;
            stands && binding.call_id == request.call_id && request.cseq <= binding.cseq
        };
        let overtaken = match &request.wish {
            Wish::Query => false,
            Wish::RemoveAll => self.places.iter().any(is_overtaken),
            Wish::Update(wishes) => {
                let place = |wish| self.position_for(request, wish).map(|at| &self.places[at]);
                wishes.iter().filter_map(place).any(is_overtaken)
            }
        };
        match overtaken {
            true => Err(uas::Rejection {
                reason: Some("CSeq is not higher than before".into()),
                ..uas::Rejection::new(500)
            }),
            false => Ok(()),
        }
    }

    /// The place of this Contact, compared as RFC 3261 §19.1.4 says.
    fn position(&self, contact: &Uri) -> Option<usize> {
        self.places.iter().position(|place| {
            place.contact == contact.as_str() || place.contact.parse::<Uri>().is_ok_and(|known| known.matches(contact))
        })
    }

    /// The place that this Contact takes: its own, or that of the same instance, which has another address now (RFC 5626 §6). A phone
    /// that takes its old Contact back names it, and nothing else is meant.
    fn position_for(&self, request: &Register, wish: &ContactWish) -> Option<usize> {
        let own = self.position(&wish.uri);
        if own.is_some() || wish.expires_s == Some(0) {
            return own;
        }
        let instance = register::instance(&wish.params)?;
        let is_of_this = |place: &Binding| place.call_id == request.call_id && place.cseq == request.cseq;
        self.places.iter().position(|place| register::instance(&place.params) == Some(instance) && !is_of_this(place))
    }

    fn place(
        &self,
        now: Now,
        request: &Register,
        wish: &ContactWish,
        hop: &Hop,
        settings: &BindingSettings,
    ) -> Binding {
        let granted_us = u64::from(settings.granted_s(wish.expires_s)) * 1_000_000;
        Binding {
            extension_id: self.extension_id,
            customer_id: self.customer_id,
            contact: wish.uri.as_str().to_owned(),
            received: hop.remote.to_string(),
            transport: hop.transport.via_name().to_ascii_lowercase(),
            listener: listener_of(hop),
            local: hop.local.to_string(),
            call_id: request.call_id.clone(),
            cseq: request.cseq,
            user_agent: request.user_agent.clone(),
            expires_us: now.wall_us.saturating_add(granted_us),
            created_us: now.wall_us,
            params: wish.params.clone(),
        }
    }

    fn listed(&self, now: Now) -> Vec<ListedContact> {
        let listed = |place: &Binding| ListedContact {
            uri: place.contact.clone(),
            params: place.params.clone(),
            expires_s: (place.expires_us.saturating_sub(now.wall_us) / 1_000_000).max(1),
        };
        self.places.iter().map(listed).collect()
    }
}
