//! The World's accounts and what its store knows of registered phones.

use std::sync::Arc;

use call::Input;
use model::{Binding, Extension, Resource, Timestamp};
use sip_core::Hop;

use crate::{Phone, World};

impl World {
    /// An account with this password.
    pub fn extension(&self, number: &str, password: &str) -> Extension {
        let mut state = self.state_mut();
        let count = state.snapshot.extensions.len() as u128 + 1;
        let realm = state.snapshot.settings.registrar.realm.clone();
        let extension = crate::provision::extension(count, number, &realm, password);
        state.snapshot.extensions.insert(number.to_owned(), extension.clone());
        state.publish();
        extension
    }

    /// Deletes an account, as the API does.
    pub fn deletes_extension(&self, extension: &Extension) {
        let tm_delete = Some(Timestamp::from_us(self.state().now.wall_us));
        self.state_mut().snapshot.extensions.remove(&extension.extension);
        self.changes(&Resource::Extension(Arc::new(Extension { tm_delete, ..extension.clone() })));
    }

    /// Gives the flow of a number a direct address.
    pub fn direct_flow(&self, number: &str, direct_hash: &str) {
        let mut state = self.state_mut();
        let id = state.snapshot.numbers[number].call_flow_id;
        state.snapshot.flows.get_mut(&id).expect("the number has a flow").direct_hash = direct_hash.to_owned();
        state.publish();
    }

    /// From now on the store fails, or does not.
    pub fn store_fails(&self, fails: bool) {
        self.state_mut().store_fails = fails;
    }

    /// From now on nothing is heard of the store, or it is.
    pub fn store_is_silent(&self, is_silent: bool) {
        self.state_mut().store_is_silent = is_silent;
    }

    /// The contacts that the store has of an extension, the oldest first.
    pub fn stored(&self, extension: &Extension) -> Vec<String> {
        let state = self.state();
        let bindings = state.saved.get(&extension.id).cloned().unwrap_or_default();
        bindings.into_iter().map(|binding| binding.contact).collect()
    }

    /// Tells every loop, as at its start, that this phone was registered before and is for so long.
    pub fn remembers(&self, extension: &Extension, phone: &Phone, expires_s: u64) {
        self.remembers_over("udp", extension, phone, expires_s);
    }

    /// The same of a phone that came over another transport.
    pub fn remembers_over(&self, transport: &str, extension: &Extension, phone: &Phone, expires_s: u64) {
        let now_us = self.state().now.wall_us;
        let address = phone.with(|phone| phone.sip.address);
        let binding = Binding {
            extension_id: extension.id,
            customer_id: extension.customer_id,
            contact: format!("sip:{}@{address}", extension.extension),
            received: address.to_string(),
            transport: transport.to_owned(),
            listener: 0,
            local: crate::world::SERVER.to_owned(),
            call_id: "from before".to_owned(),
            cseq: 7,
            user_agent: "Old phone".to_owned(),
            expires_us: now_us + expires_s * 1_000_000,
            created_us: now_us - 1_000_000,
            params: String::new(),
        };
        self.to_all(|| Input::Bindings(vec![binding.clone()]));
    }

    /// The phone's connection is closed, as that of a web page that is left.
    pub fn loses_connection(&self, phone: &Phone) {
        let (remote, transport) = phone.with(|phone| (phone.sip.address, phone.sip.transport));
        let local = crate::world::SERVER.parse().expect("the server's address is one");
        self.to_all(|| {
            Input::ConnectionClosed(Hop { transport, listener: u16::from(transport.is_reliable()), local, remote })
        });
    }

    /// Places where phones are registered, all loops together.
    pub fn registrations(&self) -> usize {
        self.gauges().iter().map(|gauges| gauges.registrations).sum()
    }

    /// The handling of the next REGISTER panics, in every loop.
    pub fn injects_panic_into_registrar(&self) {
        self.to_all(|| Input::InjectPanicIntoRegistrar);
    }

    /// What all loops together have done as registrars: REGISTERs accepted, and not saved.
    pub fn registers_accepted_and_not_saved(&self) -> (u64, u64) {
        let state = self.state();
        let numbers = state.controls.iter().map(|control| control.registrar_numbers());
        numbers.fold((0, 0), |sum, numbers| (sum.0 + numbers.accepted, sum.1 + numbers.not_saved))
    }
}
