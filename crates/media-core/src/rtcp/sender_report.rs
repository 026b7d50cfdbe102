//! Sender report (RFC 3550 §6.4.1).

use super::report_block::ReportBlocks;
use super::u32_at;

/// What a sender tells about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// When the report was sent, NTP format.
    pub ntp: u64,
    /// The same moment in RTP timestamp units.
    pub rtp_timestamp: u32,
    /// RTP packets sent so far.
    pub packets: u32,
    /// Their payload octets.
    pub octets: u32,
}

/// A parsed sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// Who sends.
    pub ssrc: u32,
    /// About the sender.
    pub info: SenderInfo,
    /// About the sources it hears.
    pub blocks: ReportBlocks<'a>,
}

impl<'a> SenderReport<'a> {
    /// `body`: behind the common header; `count`: blocks that the header claims.
    pub(super) fn parse(body: &'a [u8], count: u8) -> Option<SenderReport<'a>> {
        let info = SenderInfo {
            ntp: u64::from(u32_at(body, 4)?) << 32 | u64::from(u32_at(body, 8)?),
            rtp_timestamp: u32_at(body, 12)?,
            packets: u32_at(body, 16)?,
            octets: u32_at(body, 20)?,
        };
        Some(SenderReport { ssrc: u32_at(body, 0)?, info, blocks: ReportBlocks::new(body.get(24..)?, count) })
    }
}

impl SenderInfo {
    pub(super) fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.ntp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.rtp_timestamp.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.packets.to_be_bytes());
        bytes[16..].copy_from_slice(&self.octets.to_be_bytes());
        bytes
    }
}
