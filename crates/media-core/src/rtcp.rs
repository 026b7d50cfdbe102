//! RTCP (RFC 3550 §6): compound packets in both directions. Reading is tolerant (what does not fit ends the reading) and
//! bounded by the datagram; nothing is copied.

mod bye;
mod compound;
mod receiver_report;
mod report_block;
mod sdes;
mod sender_report;

pub use bye::Bye;
pub use compound::{Compound, CompoundWriter, Packet, RtcpError};
pub use receiver_report::ReceiverReport;
pub use report_block::{ReportBlock, ReportBlocks};
pub use sdes::SourceDescription;
pub use sender_report::{SenderInfo, SenderReport};

/// Packet types (RFC 3550 §12.1).
pub(crate) mod packet_type {
    pub(crate) const SENDER_REPORT: u8 = 200;
    pub(crate) const RECEIVER_REPORT: u8 = 201;
    pub(crate) const SOURCE_DESCRIPTION: u8 = 202;
    pub(crate) const BYE: u8 = 203;
}

/// A time in the 64 bit form of NTP: seconds and 2^-32 fractions. We have no wall clock here and use the time since an
/// arbitrary origin, as RFC 3550 §6.4.1 permits.
pub fn ntp_from_ns(now_ns: u64) -> u64 {
    let (seconds, rest_ns) = (now_ns / base::SECOND, now_ns % base::SECOND);
    (seconds << 32) | ((rest_ns << 32) / base::SECOND)
}

/// The middle 32 bits of an NTP time, in units of 1/65536 s: what LSR and DLSR are counted in.
pub fn ntp_middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_second_is_half_of_the_fraction() {
        assert_eq!(ntp_from_ns(3 * base::SECOND + base::SECOND / 2), (3 << 32) | 1 << 31);
        assert_eq!(ntp_middle(ntp_from_ns(base::SECOND)), 65_536);
        assert_eq!(ntp_from_ns(base::SECOND - 1) >> 32, 0);
    }
}
