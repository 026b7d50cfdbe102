//! Answering an offer of the peer (RFC 3264 §6, §8).

use crate::describe::{audio_media, refused_media, session};
use crate::negotiation::Agreed;
use crate::refusal::Unusable;
use crate::remote::{Reader, RemoteAudio};
use crate::{AudioSession, Capabilities, LocalMedia, Negotiation, Refusal, Session, TelephoneEvent};

impl Negotiation {
    /// Answers an offer: the first, or one within the call.
    ///
    /// The first usable audio line is taken, in a call the one in use if it still is usable; all others are refused by
    /// port 0 in their places. A re-offer that disables all its lines is accepted as a hold.
    ///
    /// # Errors
    /// 488 if nothing in it can be used, 491 if an offer of ours waits for its answer. Nothing is changed then.
    pub fn answer(
        &mut self,
        offer: &Session,
        capabilities: &Capabilities,
        local: &LocalMedia,
    ) -> Result<(Session, AudioSession), Refusal> {
        if self.pending.is_some() {
            return Err(Refusal::offer_pending());
        }
        let (accepted, agreed) = match self.choose(offer, capabilities, local) {
            Ok((index, remote)) => {
                let events = remote.telephone_event.map(|number| TelephoneEvent { send: number, receive: number });
                let audio = AudioSession::new(&remote, local.direction, remote.codecs.clone(), events);
                (Some(index), Agreed { index, audio })
            }
            Err(refusal) => {
                let all_disabled = !offer.media.is_empty() && offer.media.iter().all(|media| media.port == 0);
                match &self.agreed {
                    Some(agreed) if all_disabled => {
                        (None, Agreed { index: agreed.index, audio: agreed.audio.disabled() })
                    }
                    _ => return Err(refusal),
                }
            }
        };

        let audio = agreed.audio.clone();
        let mut answer = session(capabilities, local, offer.timing());
        answer.media.extend(offer.media.iter().enumerate().map(|(place, media)| {
            if accepted == Some(place) {
                let events = audio.telephone_event.map(|event| event.receive);
                let mut ours =
                    audio_media(local.rtp_port, &audio.receive, events, capabilities.ptime_ms, audio.direction);
                ours.kind.clone_from(&media.kind);
                ours.protocol.clone_from(&media.protocol);
                ours
            } else {
                refused_media(media)
            }
        }));
        if let Some(media) = accepted.and_then(|place| offer.media.get(place)) {
            self.note_payload_types(media);
        }
        self.agreed = Some(agreed);
        Ok((self.send(answer, local.address), audio))
    }

    fn choose(
        &self,
        offer: &Session,
        capabilities: &Capabilities,
        local: &LocalMedia,
    ) -> Result<(usize, RemoteAudio), Refusal> {
        let reader = Reader {
            codecs: &capabilities.codecs,
            telephone_event: capabilities.telephone_event.is_some(),
            ptime_ms: capabilities.ptime_ms,
            local_ip: local.address,
            offered: None,
        };
        let mut read: Vec<Result<RemoteAudio, Unusable>> =
            offer.media.iter().map(|media| reader.read(offer, media)).collect();
        // RFC 3264 §8: a stream keeps its place.
        let in_use = self.agreed.as_ref().map(|agreed| agreed.index);
        let place = in_use
            .filter(|place| matches!(read.get(*place), Some(Ok(_))))
            .or_else(|| read.iter().position(|read| read.is_ok()));
        match place {
            Some(place) => {
                read.swap_remove(place).map(|remote| (place, remote)).map_err(|why| Refusal::of_stream(&why))
            }
            None => {
                let unusable: Vec<Unusable> = read.into_iter().filter_map(Result::err).collect();
                Err(Refusal::of_offer(offer, &unusable))
            }
        }
    }
}
