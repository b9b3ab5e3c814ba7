//! Why the host closes a socket.

/// Why the host closes a socket. A client decides by the code what it does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The host ends.
    Going,
    /// The socket cannot be told all events. The client comes back and reads `_changes`.
    Restart,
    /// The client sends too many frames.
    Rate,
    /// A frame of the client is too large.
    FrameTooLarge,
    /// A frame of the client cannot be read.
    BadFrame,
    /// The key was revoked, or has expired.
    Key,
    /// The key may no longer read the resource.
    Scope,
    /// The ticket has expired, was used before, or is forged.
    Ticket,
    /// The ticket is one of another resource, or the resource is no longer there.
    Resource,
    /// The client acknowledges nothing.
    Slow,
    /// There are too many sockets.
    Full,
}

impl Close {
    /// Returns the code of RFC 6455 §7.4.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Close::Going => 1001,
            Close::Rate | Close::BadFrame => 1008,
            Close::FrameTooLarge => 1009,
            Close::Restart => 1012,
            Close::Key => 4001,
            Close::Ticket => 4002,
            Close::Scope => 4003,
            Close::Resource => 4004,
            Close::Slow => 4008,
            Close::Full => 4009,
        }
    }

    /// Returns the reason, a word that does not change.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Close::Going => "going",
            Close::Rate => "rate",
            Close::BadFrame => "bad_frame",
            Close::FrameTooLarge => "frame_too_large",
            Close::Restart => "restart",
            Close::Key => "key",
            Close::Ticket => "ticket",
            Close::Scope => "scope",
            Close::Resource => "resource",
            Close::Slow => "slow",
            Close::Full => "full",
        }
    }

    /// Returns what a client is told before the host closes the socket because of a frame that it sent.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Close::Rate => "frames are limited to a burst of 20 and one more each second",
            Close::FrameTooLarge => "a frame has at most 1,024 bytes",
            Close::BadFrame => "a frame is a JSON object with ack, a sequence number that was sent, or presence",
            _ => "",
        }
    }
}
