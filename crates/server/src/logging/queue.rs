//! The queue between those who log and the thread that writes.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing_subscriber::fmt::MakeWriter;

/// Most lines that wait.
const LINES: usize = 16_384;
/// Most bytes that wait: a SIP message at debug level can have 64 KiB.
const BYTES: usize = 32 * 1024 * 1024;

/// Lines on their way out, and how they fare.
#[derive(Debug, Default)]
pub(super) struct Tally {
    waiting_bytes: AtomicUsize,
    waiting_lines: AtomicUsize,
    dropped: AtomicU64,
}

impl Tally {
    pub(super) fn waiting_lines(&self) -> usize {
        self.waiting_lines.load(Ordering::Relaxed)
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn took(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.waiting_lines.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The entrance: each line is put together in memory and queued as a whole.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    sender: Sender<Entry>,
    tally: Arc<Tally>,
}

enum Entry {
    Line(Vec<u8>),
    /// Everything before it is written and flushed when this is answered.
    Flush(Sender<()>),
}

impl Queue {
    /// Starts the thread that writes to `out`. It ends when the last clone of the queue is gone.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Queue, JoinHandle<()>)> {
        let (sender, receiver) = bounded(LINES);
        let tally = Arc::new(Tally::default());
        let shared = Arc::clone(&tally);
        let thread =
            std::thread::Builder::new().name("log".to_owned()).spawn(move || write_all(out, &receiver, &shared))?;
        Ok((Queue { sender, tally }, thread))
    }

    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Waits until what was queued before is written, at most `longest`.
    pub(super) fn flush(&self, longest: Duration) {
        let (done, answer) = bounded(1);
        if self.sender.send_timeout(Entry::Flush(done), longest).is_ok() {
            let _ = answer.recv_timeout(longest);
        }
    }

    fn push(&self, line: Vec<u8>) {
        let bytes = line.len();
        // Counted before it is sent, so that the writer never takes off what was not yet put on.
        let waiting = self.tally.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.tally.waiting_lines.fetch_add(1, Ordering::Relaxed);
        let refused = waiting > BYTES
            || matches!(
                self.sender.try_send(Entry::Line(line)),
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_))
            );
        if refused {
            self.tally.took(bytes);
            self.tally.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write_all(out: impl Write, receiver: &Receiver<Entry>, tally: &Tally) {
    let mut out = io::BufWriter::with_capacity(64 * 1024, out);
    while let Ok(first) = receiver.recv() {
        let mut next = Some(first);
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => {
                    // There is nobody to tell when standard output is gone.
                    let _ = out.write_all(&line);
                    tally.took(line.len());
                }
                Entry::Flush(done) => {
                    let _ = out.flush();
                    let _ = done.send(());
                }
            }
            next = receiver.try_recv().ok();
        }
        let _ = out.flush();
    }
}

/// One line in the making.
pub(super) struct Line<'a> {
    text: Vec<u8>,
    queue: &'a Queue,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.queue.push(std::mem::take(&mut self.text));
        }
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Line<'a>;
    fn make_writer(&'a self) -> Line<'a> {
        Line { text: Vec::with_capacity(256), queue: self }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Standard output that nobody reads until told.
    #[derive(Clone, Default)]
    struct Stuck(Arc<Mutex<Vec<u8>>>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_out_whole_and_in_order() {
        let out = Stuck::default();
        let (queue, thread) = Queue::start(out.clone()).unwrap();
        for number in 0..1_000 {
            writeln!(queue.make_writer(), "line {number}").unwrap();
        }
        queue.flush(Duration::from_secs(5));
        let expected: String = (0..1_000).map(|number| format!("line {number}\n")).collect();
        assert_eq!(String::from_utf8(out.0.lock().unwrap().clone()).unwrap(), expected);
        assert_eq!((queue.tally.waiting_lines(), queue.tally.dropped()), (0, 0));
        drop(queue);
        thread.join().unwrap();
    }

    #[test]
    fn when_nobody_reads_lines_are_dropped_and_counted_and_nobody_waits() {
        let out = Stuck::default();
        let held = out.0.lock().unwrap();
        let (queue, thread) = Queue::start(out.clone()).unwrap();
        // The writer gets stuck in its first flush; then the queue fills.
        writeln!(queue.make_writer(), "first").unwrap();
        let sent = LINES * 2 + 1;
        for _ in 1..sent {
            writeln!(queue.make_writer(), "more").unwrap();
        }
        let dropped = queue.tally.dropped();
        assert!(dropped > 0 && queue.tally.waiting_lines() <= LINES + 1, "{:?}", queue.tally);
        drop(held);
        queue.flush(Duration::from_secs(5));
        let written = out.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(written as u64 + dropped, sent as u64);
        drop(queue);
        thread.join().unwrap();
    }

    #[test]
    fn large_lines_are_bounded_by_their_bytes() {
        let out = Stuck::default();
        let held = out.0.lock().unwrap();
        let (queue, thread) = Queue::start(out.clone()).unwrap();
        let large = vec![b'x'; BYTES / 4 + 1];
        for _ in 0..8 {
            queue.make_writer().write_all(&large).unwrap();
        }
        assert!(queue.tally.dropped() >= 4, "{:?}", queue.tally);
        drop(held);
        drop(queue);
        thread.join().unwrap();
    }
}
