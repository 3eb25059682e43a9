//! A span as tracers write it, whatever the form.

/// Which side of a call a span is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SpanKindSeen {
    /// A request that is served.
    Server,
    /// A call that is waited for.
    Client,
    /// Nobody said, or something inside of a process.
    #[default]
    Internal,
}

/// A span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanSeen {
    /// Which trace; zero if spans do not say.
    pub trace: u128,
    /// Which span; zero if spans do not say.
    pub id: u64,
    /// The span that it is a part of; zero for none.
    pub parent: u64,
    /// What it is.
    pub name: String,
    /// Of which service; empty if spans do not say.
    pub service: String,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch; never before `start`.
    pub end: u64,
    /// CPU time of its thread meanwhile.
    pub cpu: Option<u64>,
    /// Which side of a call.
    pub kind: SpanKindSeen,
    /// What is called, if an attribute says so.
    pub peer: Option<String>,
    /// The route that is served, if an attribute says so.
    pub route: Option<String>,
}

impl SpanSeen {
    /// How long it took, in nanoseconds.
    pub fn wall(&self) -> u64 {
        self.end - self.start
    }

    /// Whether another one lies within its time.
    pub fn holds(&self, other: &SpanSeen) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// A number for an identifier of hexadecimal digits, or of anything else (FNV-1a); zero for an empty one.
pub fn identifier(text: &str) -> u128 {
    if text.is_empty() || text.bytes().all(|byte| byte == b'0') {
        return 0;
    }
    match u128::from_str_radix(text, 16) {
        Ok(number) if text.len() <= 32 => number,
        Ok(_) | Err(_) => text.bytes().fold(0xcbf2_9ce4_8422_2325_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        }),
    }
}

/// The same in 64 bits, for spans.
pub fn short_identifier(text: &str) -> u64 {
    let number = identifier(text);
    (number ^ (number >> 64)) as u64
}
