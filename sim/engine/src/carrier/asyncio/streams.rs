//! Streams: a transport that reads as soon as the loop finds data, and a reader that waits for it.
//!
//! After `selector_events.py:_SelectorSocketTransport` and `streams.py:StreamReader` (CPython 3.13). The descriptor's handle reads once a
//! turn, and `read` only takes what has been read (I5). Above twice the limit the transport pauses.

use super::EventLoop;
use super::frame::{Flow, Frame};
use super::future::{Exc, FutKey, Value};
use super::sockets::Reader;
use super::task::Input;

/// Bytes of one read (`_SelectorTransport.max_size`).
const MAX_SIZE: u32 = 256 * 1024;
/// A reader's limit (`streams.py`, `_DEFAULT_LIMIT`).
const LIMIT: u32 = 64 * 1024;

/// One end of a connection behind a transport.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) sock: u32,
    /// What was read and nobody has taken.
    buffer: u32,
    waiter: Option<FutKey>,
    paused: bool,
}

impl EventLoop {
    /// `asyncio.open_connection(sock=...)`: from now on it reads.
    pub(super) fn open_stream(&mut self, sock: u32) -> usize {
        let stream = self.streams.len();
        self.streams.push(Stream { sock, buffer: 0, waiter: None, paused: false });
        self.add_reader(sock, Reader::Stream(stream));
        stream
    }

    /// `_read_ready`, `data_received`, `feed_data`.
    pub(super) fn read_ready(&mut self, stream: usize) {
        self.now += self.costs.socket;
        let state = &mut self.streams[stream];
        let got = self.sockets.take(state.sock, MAX_SIZE);
        if got == 0 {
            return;
        }
        state.buffer += got;
        let (waiter, sock) = (state.waiter.take(), state.sock);
        let pauses = !state.paused && state.buffer > 2 * LIMIT;
        state.paused |= pauses;
        if let Some(waiter) = waiter {
            self.set_result(waiter, Value::None);
        }
        if pauses {
            self.remove_reader(sock);
        }
    }

    /// `resume_reading`, if it was paused.
    fn resume(&mut self, stream: usize) {
        let state = &mut self.streams[stream];
        if std::mem::take(&mut state.paused) {
            let sock = state.sock;
            self.add_reader(sock, Reader::Stream(stream));
        }
    }
}

/// `StreamReader.read`.
#[derive(Debug)]
pub(super) struct ReadStream {
    stream: usize,
    bytes: u32,
    wait: Option<FutKey>,
}

impl ReadStream {
    pub(super) fn frame(stream: usize, bytes: u32) -> Frame {
        Frame::Read(ReadStream { stream, bytes, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: Input) -> Flow {
        if let Some(wait) = self.wait.take() {
            on.streams[self.stream].waiter = None;
            on.forget(wait);
            if let Input::Err(error) = input {
                return Flow::Raise(error);
            }
        } else if on.streams[self.stream].buffer == 0 {
            if on.streams[self.stream].waiter.is_some() {
                return Flow::Raise(Exc::RUNTIME);
            }
            on.resume(self.stream);
            let wait = on.create_future();
            on.streams[self.stream].waiter = Some(wait);
            self.wait = Some(wait);
            return Flow::Await(wait);
        }
        let buffer = &mut on.streams[self.stream].buffer;
        let taken = self.bytes.min(*buffer);
        *buffer -= taken;
        if *buffer <= LIMIT {
            on.resume(self.stream);
        }
        Flow::Return(Value::Count(taken))
    }
}
