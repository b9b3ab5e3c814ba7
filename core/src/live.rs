//! The live channel: open pages hear of changes. It never carries a record, and nothing is written over it.
//!
//! ```text
//!  POST _ticket ──▶ ticket ──▶ gate ─┐             changes of the stream
//!                                    ▼                     │
//!  GET _live ─────────────────▶ Channel ◀──────────────────┘
//!                                │  log       what was told, by (epoch, sequence number)
//!                                │  resume    where a reader goes on
//!                                │  socket    credit and rate of one reader
//!                                └▶ presence  who has a record open
//! ```
//!
//! The protocol is `ripple.v1`, in `docs/API.md`. A host hands in the time, the messages that arrive and the changes of
//! the table. It carries out the [`Output`]s in order. A host that may be suspended keeps each [`Socket`] as text,
//! which has at most [`ATTACHMENT`] bytes.
//!
//! **Invariant:** a socket is told the log in order, without a gap, and never beyond its credit.

mod channel;
mod close;
mod frame;
mod gate;
mod log;
mod observer;
mod presence;
mod resume;
mod socket;
mod ticket;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use channel::{Channel, Opening, Output};
pub use close::Close;
pub(crate) use frame::event;
pub use gate::{Gate, Reader};
pub use log::{Change, History, Log};
pub use observer::Observer;
pub use presence::Rooms;
pub use resume::Resync;
pub use socket::Socket;
pub use ticket::{Ticket, TicketError};

/// The subprotocol that a client asks for.
pub const PROTOCOL: &str = "ripple.v1";
/// The prefix of the subprotocol that carries a ticket. Browsers set no other header of an upgrade.
pub const TICKET_PROTOCOL: &str = "ripple.ticket.";
/// How long a ticket is valid.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);
/// The size of a frame in either direction, in bytes.
pub const FRAME: usize = 1024;
/// The number of events that a client may leave unacknowledged.
pub const CREDIT: usize = 64;
/// The size of those events, in bytes.
pub const CREDIT_BYTES: usize = 16 * 1024;
/// How long a client may go without acknowledging anything while events wait.
pub const SLOW: Duration = Duration::from_secs(60);
/// After how many seconds of silence a client sends `ping`.
pub const PING_SECONDS: u32 = 30;
/// The burst of frames that a client may send. One more is allowed each second.
pub const RATE: u32 = 20;
/// The shortest time between two marks for one client.
pub const MARK: Duration = Duration::from_secs(60);
/// The shortest time between two frames about the presence on one record.
pub const PRESENCE: Duration = Duration::from_secs(1);
/// The number of people that such a frame names.
pub const PRESENCE_NAMES: usize = 50;
/// The number of fields that a change names. A frame has room for fewer.
const FIELDS: usize = 100;
/// The number of events that a log in memory holds. Each takes about 500 bytes.
pub const LOG: usize = 10_000;
/// How long a log holds an event.
pub const LOG_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The size of a socket as text. It is what Cloudflare stores with a hibernating WebSocket.
/// <https://developers.cloudflare.com/durable-objects/best-practices/websockets/>
pub const ATTACHMENT: usize = 16 * 1024;
