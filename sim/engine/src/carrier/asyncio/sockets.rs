//! Descriptors: the kernel's ready list, who reads what, `sock_recv`, and streams.
//!
//! After Linux's `eventpoll` (level-triggered) and `selector_events.py` (CPython 3.13). `add_reader` tells epoll at once: a descriptor
//! that is readable then joins the tail of the ready list, else when data arrives. A poll goes through the list from the head: what is
//! not readable is dropped, what is readable is reported and put back at the tail, and `remove_reader` takes it out (I3). Under uvloop
//! epoll learns of descriptors at the next poll, in the order of the calls (U3).
//!
//! A stream is a transport that reads as soon as the loop finds data, once a turn, and a reader that only takes what has been read
//! (`_SelectorSocketTransport`, `streams.py:StreamReader`, I5); above twice the limit the transport pauses. Left out: full buffers, and
//! the end of a stream.

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{DoneCallback, Exc, FutKey, FutureValue};
use super::handle::{Callback, Handle};
use super::server::Ask;
use super::task::TaskInput;
use crate::kit::arena::ArenaKey;
use crate::model::asyncio::LoopKind;
use crate::program::said::{Outcome, Said};

/// The reading end of the loop's self-pipe (`_ssock`).
pub(super) const SELF_PIPE: u32 = 0;

/// Bytes of one read (`_SelectorTransport.max_size`).
const MAX_SIZE: u32 = 256 * 1024;
/// A reader's limit (`streams.py`, `_DEFAULT_LIMIT`).
const LIMIT: u32 = 64 * 1024;

/// A descriptor.
#[derive(Debug, Default)]
struct Sock {
    /// Bytes that can be read.
    waiting: u32,
    /// Its other end.
    peer: Option<u32>,
    /// The handle of its reader: it is registered.
    reader: Option<ArenaKey<Handle>>,
    /// Whether epoll knows it.
    known: bool,
    /// Whether it is in the kernel's ready list.
    listed: bool,
    /// Questions asked of a remote peer.
    questions: u32,
}

/// Who reads a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    /// `_read_from_self`.
    SelfPipe,
    /// `_sock_recv`: the future it sets.
    Receive { sock: u32, bytes: u32, fut: FutKey },
    /// A callback that says what it has read, under this name.
    Watch { sock: u32, bytes: u32, who: u32, note: u16 },
    /// `_read_ready` of a transport.
    Stream(usize),
    /// A server's: of its listener, or of a connection.
    Server(Ask),
    /// `_read_ready` of the transport of a call: the future it sets.
    Reply { sock: u32, fut: FutKey },
}

/// A loop's descriptors.
#[derive(Debug, Default)]
pub(super) struct LoopSockets {
    socks: Vec<Sock>,
    /// The kernel's ready list.
    ready: Vec<u32>,
    /// Under uvloop: what epoll is told at the next poll.
    untold: Vec<u32>,
    /// Descriptors that are closed.
    free: Vec<u32>,
}

impl LoopSockets {
    pub(super) fn open(&mut self) -> u32 {
        if let Some(sock) = self.free.pop() {
            return sock;
        }
        self.socks.push(Sock::default());
        u32::try_from(self.socks.len() - 1).expect("a loop has under 2^32 sockets")
    }

    /// `socket.socketpair()`.
    pub(super) fn pair(&mut self) -> [u32; 2] {
        let (a, b) = (self.open(), self.open());
        (self.sock(a).peer, self.sock(b).peer) = (Some(b), Some(a));
        [a, b]
    }

    /// Closes one that nobody reads.
    pub(super) fn close(&mut self, sock: u32) {
        *self.sock(sock) = Sock::default();
        self.free.push(sock);
    }

    /// A listening socket has something to accept, or has not. Whether the loop watches it.
    pub(super) fn level(&mut self, sock: u32, readable: bool) -> bool {
        self.sock(sock).waiting = u32::from(readable);
        self.changed(sock);
        self.sock(sock).known
    }

    fn sock(&mut self, sock: u32) -> &mut Sock {
        &mut self.socks[sock as usize]
    }

    /// A descriptor that epoll knows and that is readable joins the tail, unless it is listed.
    fn changed(&mut self, sock: u32) {
        let state = self.sock(sock);
        if state.known && state.waiting > 0 && !state.listed {
            state.listed = true;
            self.ready.push(sock);
        }
    }

    /// `EPOLL_CTL_ADD`.
    fn add(&mut self, sock: u32) {
        self.sock(sock).known = true;
        self.changed(sock);
    }

    /// `EPOLL_CTL_DEL`: it loses its place.
    fn delete(&mut self, sock: u32) {
        let state = self.sock(sock);
        state.known = false;
        if std::mem::take(&mut state.listed) {
            self.ready.retain(|&other| other != sock);
        }
    }

    /// Bytes arrive.
    pub(super) fn arrive(&mut self, sock: u32, bytes: u32) {
        let waiting = &mut self.sock(sock).waiting;
        *waiting = waiting.saturating_add(bytes);
        self.changed(sock);
    }

    /// Takes what is there, up to so many bytes.
    pub(super) fn take(&mut self, sock: u32, bytes: u32) -> u32 {
        let waiting = &mut self.sock(sock).waiting;
        let taken = bytes.min(*waiting);
        *waiting -= taken;
        taken
    }

    /// Whether a poll would find anything.
    pub(super) fn has_ready(&self) -> bool {
        self.ready.iter().any(|&sock| self.socks[sock as usize].waiting > 0)
    }

    /// Tells epoll what it was not told yet.
    pub(super) fn tell(&mut self) {
        for sock in std::mem::take(&mut self.untold) {
            self.add(sock);
        }
    }

    /// `epoll_wait`: the handles of what is readable, in the kernel's order.
    pub(super) fn report(&mut self, into: &mut Vec<ArenaKey<Handle>>) {
        let LoopSockets { socks, ready, .. } = self;
        ready.retain(|&sock| {
            let state = &mut socks[sock as usize];
            state.listed = state.waiting > 0;
            state.listed
        });
        into.extend(ready.iter().filter_map(|&sock| socks[sock as usize].reader));
    }
}

impl EventLoop {
    /// `_add_reader`: the handle of one that was there is cancelled.
    pub(super) fn add_reader(&mut self, sock: u32, reader: Reader) -> ArenaKey<Handle> {
        let handle = self.new_handle(Callback::Read(reader));
        let before = self.sockets.sock(sock).reader.replace(handle);
        match before {
            Some(before) => self.cancel_handle(before),
            None => {
                self.now += self.costs.control;
                match self.kind {
                    LoopKind::Asyncio => self.sockets.add(sock),
                    LoopKind::Uvloop => self.sockets.untold.push(sock),
                }
            }
        }
        handle
    }

    /// `_remove_reader`: whether there was one.
    pub(super) fn remove_reader(&mut self, sock: u32) -> bool {
        let Some(reader) = self.sockets.sock(sock).reader.take() else { return false };
        self.now += self.costs.control;
        self.sockets.untold.retain(|&other| other != sock);
        self.sockets.delete(sock);
        self.cancel_handle(reader);
        true
    }

    /// `_write_to_self`.
    pub(super) fn write_to_self(&mut self) {
        self.sockets.arrive(SELF_PIPE, 1);
    }

    /// Sends from one end to the other; the bytes are there at once.
    pub(super) fn send(&mut self, sock: u32, bytes: u32) {
        self.now += self.costs.socket;
        if let Some(peer) = self.sockets.sock(sock).peer {
            self.sockets.arrive(peer, bytes);
        }
    }

    /// A question to a remote peer takes the place of one that was not answered. Which it is.
    pub(super) fn question(&mut self, sock: u32) -> u32 {
        let state = self.sockets.sock(sock);
        state.waiting = 0;
        state.questions = state.questions.wrapping_add(1);
        state.questions
    }

    /// Its answer arrives, unless another question was asked meanwhile.
    pub(super) fn answer(&mut self, sock: u32, question: u32) {
        if self.sockets.sock(sock).questions == question {
            self.sockets.arrive(sock, 1);
        }
    }

    /// `socket.recv`: what is there, if anything is.
    fn recv(&mut self, sock: u32, bytes: u32) -> Option<u32> {
        self.now += self.costs.socket;
        let taken = self.sockets.take(sock, bytes);
        (taken > 0).then_some(taken)
    }

    /// A descriptor's handle runs.
    pub(super) fn on_readable(&mut self, reader: Reader) {
        match reader {
            Reader::SelfPipe => {
                self.sockets.take(SELF_PIPE, u32::MAX);
            }
            Reader::Receive { sock, bytes, fut } => {
                if self.is_done(fut) {
                    return;
                }
                let Some(got) = self.recv(sock, bytes) else { return };
                self.set_result(fut, FutureValue::Count(got));
                // uvloop removes its reader here, asyncio by a callback of the future (I2).
                if self.kind == LoopKind::Uvloop {
                    self.remove_reader(sock);
                }
            }
            Reader::Watch { sock, bytes, who, note } => {
                if let Some(got) = self.recv(sock, bytes) {
                    self.say(who, Said::Tag { tag: note, outcome: Some(Outcome::Count(got)) });
                }
            }
            Reader::Stream(stream) => self.read_ready(stream),
            Reader::Server(ask) => self.ask(ask),
            Reader::Reply { sock, fut } => {
                if self.recv(sock, u32::MAX).is_some() {
                    self.set_result(fut, FutureValue::None);
                }
            }
        }
    }
}

/// `sock_recv`.
#[derive(Debug)]
pub(super) struct Receive {
    sock: u32,
    bytes: u32,
    wait: Option<(FutKey, ArenaKey<Handle>)>,
}

impl Receive {
    pub(super) fn frame(sock: u32, bytes: u32) -> CoroutineFrame {
        CoroutineFrame::Receive(Receive { sock, bytes, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let Some((fut, handle)) = self.wait else {
            return self.begin(on);
        };
        // uvloop's own coroutine takes its reader back however it ends.
        if on.kind == LoopKind::Uvloop && on.handles.get(handle).is_some() {
            on.remove_reader(self.sock);
        }
        on.forget(fut);
        FrameFlow::pass(input)
    }

    fn begin(&mut self, on: &mut EventLoop) -> FrameFlow {
        // The system call is tried first, and what is there costs no turn (I1); uvloop never tries (U2).
        if on.kind == LoopKind::Asyncio
            && let Some(got) = on.recv(self.sock, self.bytes)
        {
            return FrameFlow::Return(FutureValue::Count(got));
        }
        let fut = on.create_future();
        let handle = on.add_reader(self.sock, Reader::Receive { sock: self.sock, bytes: self.bytes, fut });
        if on.kind == LoopKind::Asyncio {
            on.add_done_callback(fut, DoneCallback::NotRead(self.sock, handle));
        }
        self.wait = Some((fut, handle));
        FrameFlow::Await(fut)
    }
}

/// One end of a connection behind a transport.
#[derive(Debug)]
pub(super) struct LoopStream {
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
        self.streams.push(LoopStream { sock, buffer: 0, waiter: None, paused: false });
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
            self.set_result(waiter, FutureValue::None);
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
    pub(super) fn frame(stream: usize, bytes: u32) -> CoroutineFrame {
        CoroutineFrame::Read(ReadStream { stream, bytes, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        if let Some(wait) = self.wait.take() {
            on.streams[self.stream].waiter = None;
            on.forget(wait);
            if let TaskInput::Err(error) = input {
                return FrameFlow::Raise(error);
            }
        } else if on.streams[self.stream].buffer == 0 {
            if on.streams[self.stream].waiter.is_some() {
                return FrameFlow::Raise(Exc::RUNTIME);
            }
            on.resume(self.stream);
            let wait = on.create_future();
            on.streams[self.stream].waiter = Some(wait);
            self.wait = Some(wait);
            return FrameFlow::Await(wait);
        }
        let buffer = &mut on.streams[self.stream].buffer;
        let taken = self.bytes.min(*buffer);
        *buffer -= taken;
        if *buffer <= LIMIT {
            on.resume(self.stream);
        }
        FrameFlow::Return(FutureValue::Count(taken))
    }
}
