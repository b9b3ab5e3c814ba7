//! Who may open a socket: the tickets that were used, and the keys that lost rights.

use std::collections::HashMap;

use super::{Close, TICKET_LIFE, Ticket};
use crate::limits;
use crate::record::Person;
use crate::time::Timestamp;

/// The number of tickets that are remembered as used. Each is forgotten when it has expired.
const USED: usize = 20_000;

/// Who opens a socket.
#[derive(Debug)]
pub struct Reader {
    /// The id of the key.
    pub key_id: String,
    /// The person in front of it.
    pub person: Option<Person>,
    /// The ticket, if there is one. The host accepts each ticket once.
    pub ticket: Option<Ticket>,
}

/// The tickets that were used, and the keys that lost rights, on the host of the sockets.
#[derive(Debug, Default)]
pub struct Gate {
    /// When each used ticket expires, in seconds, by its nonce.
    used: HashMap<String, u64>,
    /// When a key was revoked. It is never valid again.
    revoked: HashMap<String, Timestamp>,
    /// When a key lost some rights. Earlier tickets of it do not count.
    reduced: HashMap<String, Timestamp>,
}

impl Gate {
    /// Uses a ticket that is valid by itself. It cannot be used again.
    ///
    /// # Errors
    /// Why the socket is to be closed.
    pub fn admit(&mut self, ticket: &Ticket, now: Timestamp) -> Result<(), Close> {
        self.check_key(&ticket.key_id)?;
        let issued = Timestamp(ticket.expires.saturating_mul(1000)).before(TICKET_LIFE);
        if self.reduced.get(&ticket.key_id).is_some_and(|at| issued <= *at) || self.used.contains_key(&ticket.nonce) {
            return Err(Close::Ticket);
        }
        if self.used.len() >= USED {
            self.forget(now);
        }
        if self.used.len() >= USED {
            return Err(Close::Full);
        }
        self.used.insert(ticket.nonce.clone(), ticket.expires);
        Ok(())
    }

    /// Reports whether a key was not revoked lately.
    ///
    /// # Errors
    /// Why the socket is to be closed.
    pub fn check_key(&self, key_id: &str) -> Result<(), Close> {
        if self.revoked.contains_key(key_id) { Err(Close::Key) } else { Ok(()) }
    }

    /// Refuses the tickets of a key that was revoked.
    pub fn revoke(&mut self, key_id: &str, now: Timestamp) {
        self.revoked.insert(key_id.to_owned(), now);
    }

    /// Refuses the tickets that a key was given before it lost some rights.
    pub fn reduce(&mut self, key_id: &str, now: Timestamp) {
        self.reduced.insert(key_id.to_owned(), now);
    }

    /// Forgets what no longer counts. A host that issues tickets may remember a key for [`limits::STALE`] at most. After
    /// a ticket's life, no ticket of before is valid.
    pub fn forget(&mut self, now: Timestamp) {
        self.used.retain(|_, expires| now.0 < expires.saturating_mul(1000));
        self.revoked.retain(|_, at| now < at.after(limits::STALE + TICKET_LIFE));
        self.reduced.retain(|_, at| now < at.after(2 * TICKET_LIFE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn ticket(key: &str, now: Timestamp, nonce: u128) -> Ticket {
        Ticket::issue("prj", key, None, now, nonce.to_be_bytes())
    }

    #[test]
    fn a_ticket_is_used_once() {
        let mut gate = Gate::default();
        let used = ticket("k", NOW, 1);
        assert_eq!(gate.admit(&used, NOW), Ok(()));
        assert_eq!(gate.admit(&used, NOW), Err(Close::Ticket));
        gate.forget(NOW.after(TICKET_LIFE / 2));
        assert_eq!(gate.admit(&used, NOW), Err(Close::Ticket));
        gate.forget(NOW.after(TICKET_LIFE));
        assert!(gate.used.is_empty());
    }

    #[test]
    fn no_ticket_of_a_revoked_key_opens_a_socket() {
        let mut gate = Gate::default();
        gate.revoke("k", NOW);
        for at in [NOW, NOW.after(TICKET_LIFE)] {
            gate.forget(at);
            assert_eq!(gate.admit(&ticket("k", at, 1), at), Err(Close::Key));
        }
        assert_eq!(gate.admit(&ticket("other", NOW, 2), NOW), Ok(()));
    }

    #[test]
    fn a_ticket_of_before_a_loss_of_rights_does_not_count() {
        let mut gate = Gate::default();
        let (before, after) = (ticket("k", NOW, 1), ticket("k", Timestamp(NOW.0 + 2_000), 2));
        gate.reduce("k", Timestamp(NOW.0 + 1_000));
        assert_eq!(gate.admit(&before, NOW), Err(Close::Ticket));
        assert_eq!(gate.admit(&after, NOW), Ok(()));
    }

    #[test]
    fn used_tickets_take_bounded_memory() {
        let mut gate = Gate::default();
        for nonce in 0..USED as u128 {
            assert_eq!(gate.admit(&ticket("k", NOW, nonce), NOW), Ok(()));
        }
        assert_eq!(gate.admit(&ticket("k", NOW, u128::MAX), NOW), Err(Close::Full));
        let later = NOW.after(TICKET_LIFE);
        assert_eq!(gate.admit(&ticket("k", later, u128::MAX), later), Ok(()));
    }
}
