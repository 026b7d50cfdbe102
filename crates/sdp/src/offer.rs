//! Making an offer and taking its answer (RFC 3264 §5, §7, §8).

use crate::describe::{audio_media, refused_media, session};
use crate::negotiation::{Agreed, PendingOffer};
use crate::refusal::Unusable;
use crate::remote::Reader;
use crate::{AudioCodec, AudioSession, Capabilities, LocalMedia, Media, Negotiation, Refusal, Session, TelephoneEvent};

impl Negotiation {
    /// Offers all that we can: for a call of ours, in the 2xx to an INVITE without offer, or within a call.
    ///
    /// In a call the streams keep their places and telephone-event its number; refused ones stay refused.
    ///
    /// # Errors
    /// 491 if an offer of ours waits for its answer, 488 if no codec is configured. Nothing is changed then.
    pub fn offer(&mut self, capabilities: &Capabilities, local: &LocalMedia) -> Result<Session, Refusal> {
        if self.pending.is_some() {
            return Err(Refusal::offer_pending());
        }
        if capabilities.codecs.is_empty() {
            return Err(Refusal::no_codec_configured());
        }
        let codecs: Vec<(u8, AudioCodec)> =
            capabilities.codecs.iter().map(|codec| (codec.static_payload_type(), *codec)).collect();
        let telephone_event = capabilities.telephone_event.map(|wanted| self.event_payload_type(wanted));

        let places: &[Media] = self.sent.as_ref().map_or(&[], |sent| &sent.media);
        // A peer that broke RFC 3264 §8 by leaving lines out may have taken ours away: then it comes last.
        let index = self.agreed.as_ref().map_or(0, |agreed| agreed.index).min(places.len());
        let mut offer = session(capabilities, local, self.sent.as_ref().and_then(Session::timing));
        offer.media.extend(places.iter().map(refused_media));
        let audio = audio_media(local.rtp_port, &codecs, telephone_event, capabilities.ptime_ms, local.direction);
        match offer.media.get_mut(index) {
            Some(place) => *place = audio,
            None => offer.media.push(audio),
        }
        self.pending = Some(PendingOffer {
            index,
            codecs,
            telephone_event,
            ptime_ms: capabilities.ptime_ms,
            direction: local.direction,
            local_ip: local.address,
        });
        Ok(self.send(offer, local.address))
    }

    /// Takes the answer to our pending offer.
    ///
    /// Only the line in the place of our audio stream matters, so an answer that leaves out refused lines will do.
    ///
    /// # Errors
    /// 488 if the answer does not take our audio, or no offer of ours is pending. The offer is withdrawn then, and what was
    /// in force before stays so.
    pub fn accept_answer(&mut self, answer: &Session) -> Result<AudioSession, Refusal> {
        let pending = self.pending.take().ok_or_else(Refusal::no_offer_pending)?;
        let media = answer.media.get(pending.index).ok_or_else(Refusal::stream_missing)?;
        let known: Vec<AudioCodec> = pending.codecs.iter().map(|(_, codec)| *codec).collect();
        let reader = Reader {
            codecs: &known,
            telephone_event: pending.telephone_event.is_some(),
            ptime_ms: pending.ptime_ms,
            local_ip: pending.local_ip,
            offered: self.sent.as_ref().and_then(|sent| sent.media.get(pending.index)),
        };
        let audio = match (reader.read(answer, media), &self.agreed) {
            (Ok(remote), _) => {
                // We receive by the numbers of our offer and send by those of the answer (RFC 3264 §6.1).
                let taken = |codec| remote.codecs.iter().any(|(_, theirs)| *theirs == codec);
                let receive = pending.codecs.iter().copied().filter(|(_, codec)| taken(*codec)).collect();
                let events = remote.telephone_event.zip(pending.telephone_event);
                let events = events.map(|(send, receive)| TelephoneEvent { send, receive });
                AudioSession::new(&remote, pending.direction, receive, events)
            }
            (Err(Unusable::Disabled), Some(agreed)) => agreed.audio.disabled(),
            (Err(unusable), _) => return Err(Refusal::of_stream(&unusable)),
        };
        self.agreed = Some(Agreed { index: pending.index, audio: audio.clone() });
        self.note_payload_types(media);
        Ok(audio)
    }
}
