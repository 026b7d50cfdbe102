//! What becomes of bindings without a REGISTER: they are restored, they expire, their connection is closed, and their extension is
//! deleted.

use std::collections::BTreeMap;

use base::Now;
use model::{Binding, Extension, Resource};
use sip_core::{Hop, Transport, loop_of_user};
use uuid::Uuid;

use super::Control;
use super::registrar::{Known, note, unregistered};
use crate::note::WhyUnregistered;
use crate::registrar::AddressOfRecord;
use crate::{Effect, Snapshot};

impl Control {
    /// Sends what is due, and takes out what has expired.
    pub(super) fn registrar_timeout(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(answer) = self.registrar.held.pop_due(now) {
            self.let_go(now, answer, effects);
        }
        while let Some(id) = self.registrar.expiries.pop_expired(now.mono_ns) {
            let Some(Known { user, mut record }) = self.registrar.take(id) else { continue };
            let expired = record.expire(now);
            if !expired.is_empty() {
                let bindings = record.to_store();
                effects.push(Effect::SaveBindings { token: 0, extension_id: id, bindings });
                let gone = |binding: &Binding| unregistered(&user, binding, WhyUnregistered::Expired);
                effects.extend(expired.iter().map(|binding| note(now, binding.customer_id, gone(binding))));
            }
            self.registrar.put(now, user, record);
        }
    }

    /// A phone over TCP or TLS keeps its place while there is room: it registers again over another connection.
    pub(super) fn connection_closed(&mut self, now: Now, hop: &Hop, effects: &mut Vec<Effect>) {
        if !matches!(hop.transport, Transport::Tcp | Transport::Tls) {
            return self.forget_reached_over(now, hop, effects);
        }
        for id in self.registrar.reached_over(hop) {
            if let Some(known) = self.registrar.known.get_mut(&id) {
                known.record.connection_closed(hop);
            }
        }
    }

    /// Takes out whom nobody can reach any more. RFC 5626 §5.3 leaves such a binding where it is until a request finds that its flow
    /// has failed; but a page that is loaded anew is a new place each time, and three of those that nobody answers would push out the
    /// phone on the desk.
    fn forget_reached_over(&mut self, now: Now, hop: &Hop, effects: &mut Vec<Effect>) {
        for id in self.registrar.reached_over(hop) {
            let Some(Known { user, mut record }) = self.registrar.take(id) else { continue };
            let gone = record.forget_reached_over(hop);
            effects.push(Effect::SaveBindings { token: 0, extension_id: id, bindings: record.to_store() });
            let gone_note = |binding: &Binding| unregistered(&user, binding, WhyUnregistered::ConnectionClosed);
            effects.extend(gone.iter().map(|binding| note(now, binding.customer_id, gone_note(binding))));
            self.registrar.put(now, user, record);
        }
    }

    /// What was stored before the process began. A phone that has registered since is known better already, and nobody can reach a
    /// page that was open then.
    pub(super) fn restore_bindings(&mut self, now: Now, bindings: Vec<Binding>, effects: &mut Vec<Effect>) {
        let loops = self.snapshot.settings.loops;
        let mut by_extension: BTreeMap<Uuid, Vec<Binding>> = BTreeMap::new();
        for binding in bindings {
            by_extension.entry(binding.extension_id).or_default().push(binding);
        }
        for Extension { id, customer_id, extension: user, .. } in self.snapshot.extensions.values() {
            if let Some(bindings) = by_extension.remove(id)
                && loop_of_user(user, loops) == self.owner
                && !self.registrar.known.contains_key(id)
            {
                let mut record = AddressOfRecord::restore(*id, *customer_id, bindings);
                if !record.forget_pages().is_empty() {
                    effects.push(Effect::SaveBindings { token: 0, extension_id: *id, bindings: record.to_store() });
                }
                self.registrar.put(now, user.clone(), record);
            }
        }
    }

    /// Another snapshot takes the place of the one before.
    pub(super) fn replace_snapshot(&mut self, now: Now, mut snapshot: Snapshot, effects: &mut Vec<Effect>) {
        snapshot.conferences.values_mut().for_each(|conference| self.snapshot.keep_ended(conference));
        self.snapshot = snapshot;
        for id in self.registrar.known.keys().copied().collect::<Vec<_>>() {
            self.forget_if_gone(now, id, effects);
        }
    }

    /// One resource of the snapshot has changed.
    pub(super) fn apply_change(&mut self, now: Now, resource: Resource, effects: &mut Vec<Effect>) {
        let extension_id = match &resource {
            Resource::Extension(extension) => Some(extension.id),
            _ => None,
        };
        self.snapshot.apply(resource);
        if let Some(id) = extension_id {
            self.forget_if_gone(now, id, effects);
        }
    }

    /// An extension that is deleted, or has another name now, loses its bindings.
    fn forget_if_gone(&mut self, now: Now, id: Uuid, effects: &mut Vec<Effect>) {
        let Some(Known { user, .. }) = self.registrar.known.get(&id) else { return };
        if self.snapshot.extensions.get(user).is_some_and(|extension| extension.id == id) {
            return;
        }
        let Some(Known { user, record }) = self.registrar.take(id) else { return };
        let gone = |binding: &Binding| unregistered(&user, binding, WhyUnregistered::Deleted);
        let bindings = record.to_store();
        effects.extend(bindings.iter().map(|binding| note(now, binding.customer_id, gone(binding))));
        effects.push(Effect::SaveBindings { token: 0, extension_id: id, bindings: Vec::new() });
    }
}
