//! Compound packets (RFC 3550 §6.1): several RTCP packets in one datagram.
//!
//! ```text
//! |V=2|P|   count |  packet type  |  length: 32 bit words - 1     |
//! ```

use super::bye::Bye;
use super::packet_type;
use super::receiver_report::ReceiverReport;
use super::report_block::ReportBlock;
use super::sdes::{self, SourceDescription};
use super::sender_report::{SenderInfo, SenderReport};

/// Why a datagram is no RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpError {
    /// The first packet's header or body is cut off.
    TooShort,
    /// Its version is not 2.
    Version,
    /// Its packet type is not one of RTCP (RFC 5761 §4: 192–223).
    PacketType,
}

impl std::fmt::Display for RtcpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RtcpError::TooShort => "shorter than its RTCP header says",
            RtcpError::Version => "RTCP version is not 2",
            RtcpError::PacketType => "not an RTCP packet type",
        })
    }
}

impl std::error::Error for RtcpError {}

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// SR
    SenderReport(SenderReport<'a>),
    /// RR
    ReceiverReport(ReceiverReport<'a>),
    /// SDES
    SourceDescription(SourceDescription<'a>),
    /// BYE
    Bye(Bye<'a>),
    /// APP, feedback, extended reports ...: its packet type.
    Other(u8),
}

/// A datagram whose first RTCP packet is sound; iterate for its packets, up to the first that is not.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    /// Checks the first packet's header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(datagram: &'a [u8]) -> Result<Compound<'a>, RtcpError> {
        split(datagram)?;
        Ok(Compound { rest: datagram })
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let First { kind, count, body, rest } = split(self.rest).ok()?;
        self.rest = rest;
        Some(match kind {
            packet_type::SENDER_REPORT => Packet::SenderReport(SenderReport::parse(body, count)?),
            packet_type::RECEIVER_REPORT => Packet::ReceiverReport(ReceiverReport::parse(body, count)?),
            packet_type::SOURCE_DESCRIPTION => Packet::SourceDescription(SourceDescription::parse(body, count)),
            packet_type::BYE => Packet::Bye(Bye::parse(body, count)),
            other => Packet::Other(other),
        })
    }
}

/// The first packet and what follows it. Padding stays in the body: no reader looks behind what its counts say.
struct First<'a> {
    kind: u8,
    count: u8,
    body: &'a [u8],
    rest: &'a [u8],
}

fn split(bytes: &[u8]) -> Result<First<'_>, RtcpError> {
    let (header, rest) = bytes.split_first_chunk::<4>().ok_or(RtcpError::TooShort)?;
    if header[0] >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    if !(192..=223).contains(&header[1]) {
        return Err(RtcpError::PacketType);
    }
    let length = usize::from(u16::from_be_bytes([header[2], header[3]])) * 4;
    let (body, rest) = rest.split_at_checked(length).ok_or(RtcpError::TooShort)?;
    Ok(First { kind: header[1], count: header[0] & 0x1f, body, rest })
}

/// Puts a compound together in a buffer. What does not fit is left out; a report and a CNAME always fit in 200 octets.
#[derive(Debug)]
pub struct CompoundWriter<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl<'a> CompoundWriter<'a> {
    /// An empty compound.
    pub fn new(buffer: &'a mut [u8]) -> CompoundWriter<'a> {
        CompoundWriter { buffer, length: 0 }
    }

    /// SR.
    pub fn sender_report(&mut self, ssrc: u32, info: SenderInfo, block: Option<ReportBlock>) {
        self.packet(packet_type::SENDER_REPORT, u8::from(block.is_some()), |body| {
            let fixed = body.get_mut(..24)?;
            fixed[..4].copy_from_slice(&ssrc.to_be_bytes());
            fixed[4..].copy_from_slice(&info.to_bytes());
            write_block(body, 24, block)
        });
    }

    /// RR.
    pub fn receiver_report(&mut self, ssrc: u32, block: Option<ReportBlock>) {
        self.packet(packet_type::RECEIVER_REPORT, u8::from(block.is_some()), |body| {
            body.get_mut(..4)?.copy_from_slice(&ssrc.to_be_bytes());
            write_block(body, 4, block)
        });
    }

    /// SDES with a CNAME.
    pub fn cname(&mut self, ssrc: u32, cname: &[u8]) {
        self.packet(packet_type::SOURCE_DESCRIPTION, 1, |body| sdes::write_chunk(body, ssrc, cname));
    }

    /// BYE of one source.
    pub fn bye(&mut self, ssrc: u32) {
        self.packet(packet_type::BYE, 1, |body| {
            body.get_mut(..4)?.copy_from_slice(&ssrc.to_be_bytes());
            Some(4)
        });
    }

    /// Octets written.
    pub fn finish(self) -> usize {
        self.length
    }

    fn packet(&mut self, kind: u8, count: u8, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let Some((header, body)) = self.buffer[self.length..].split_first_chunk_mut::<4>() else { return };
        let Some(length) = write(body) else { return };
        let [high, low] = ((length / 4) as u16).to_be_bytes();
        *header = [2 << 6 | count, kind, high, low];
        self.length += 4 + length;
    }
}

fn write_block(body: &mut [u8], at: usize, block: Option<ReportBlock>) -> Option<usize> {
    let Some(block) = block else { return Some(at) };
    body.get_mut(at..at + ReportBlock::LENGTH)?.copy_from_slice(&block.to_bytes());
    Some(at + ReportBlock::LENGTH)
}

#[cfg(test)]
mod tests;
