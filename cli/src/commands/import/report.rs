//! What an import prints: a line for an entry, and the counts in the end.

use anyhow::bail;
use ripple_core::http::receipt_header;
use ripple_core::record::outcome::OutcomeKind;
use ripple_core::service::Saved;

use super::present::State;
use super::row::DAYS;
use super::{Outcome, Read};
use crate::words;

/// What the entries of a sheet are called.
pub(super) const ROWS: &str = "rows";

/// The kinds of entries that a file has. The counts of other kinds are not printed.
pub(super) struct Forms {
    /// What an entry is called.
    noun: &'static str,
    has_rows: bool,
    has_missing: bool,
}

impl Forms {
    pub(super) fn of(noun: &'static str, entries: &[(String, Read)]) -> Forms {
        let rows = entries.iter().filter(|(_, entry)| matches!(entry, Read::Row(_))).count();
        // A sheet has only rows, even if it has none.
        let is_sheet = noun == ROWS;
        Forms { noun, has_rows: rows > 0 || is_sheet, has_missing: !is_sheet && (rows == 0 || rows < entries.len()) }
    }
}

/// The number of entries of each outcome.
#[derive(Default)]
pub(super) struct Counts {
    created: u64,
    saved: u64,
    unchanged: u64,
    imported: u64,
    /// Of a dry run: the entries of the others that an import would not make, since they were imported.
    remembered: u64,
    present: u64,
    /// Those of the present ones that have other content.
    differing: u64,
    tombstones: u64,
    replaced: u64,
    refused: u64,
}

impl Counts {
    /// Counts a result. Returns what is told of it. A dry run tells something of each.
    pub(super) fn add(&mut self, result: anyhow::Result<Outcome>, dry_run: bool) -> Option<String> {
        let Saved { record, outcome } = match result {
            Ok(Outcome::Done { saved, is_remembered }) => {
                self.remembered += u64::from(is_remembered);
                *saved
            }
            Ok(Outcome::Imported) => {
                self.imported += 1;
                return dry_run.then(|| "was imported already".to_owned());
            }
            Ok(Outcome::Present(present)) => {
                self.present += 1;
                self.differing += u64::from(matches!(present.state, State::Differs | State::DiffersEarlier));
                let left = if dry_run { "would be" } else { "was" };
                let told = match present.state {
                    State::Same | State::Meanwhile if !dry_run => return None,
                    State::Same | State::Meanwhile => "is already present".to_owned(),
                    State::Differs => format!("is already present with other content, and {left} left as it is"),
                    State::DiffersEarlier => {
                        format!("is earlier in the file with other content, so this one {left} not imported")
                    }
                };
                return Some(format!("{} {told}", present.id));
            }
            Ok(Outcome::Tombstone) => {
                self.tombstones += 1;
                return dry_run.then(|| "is a deletion, which is skipped".to_owned());
            }
            Err(error) => {
                self.refused += 1;
                return Some(format!("{error:#}"));
            }
        };
        match outcome.kind {
            OutcomeKind::Created => self.created += 1,
            OutcomeKind::Unchanged => self.unchanged += 1,
            _ => self.saved += 1,
        }
        let receipt = receipt_header(&outcome, record.version);
        self.replaced += u64::from(words::has_conflicts(&receipt));
        let is_told = dry_run || words::has_losers(&receipt);
        is_told.then(|| format!("{}: {}", record.id, words::of_receipt(&receipt).join("; ")))
    }

    /// Prints the counts.
    ///
    /// # Errors
    /// If an entry was refused.
    pub(super) fn report(&self, forms: &Forms, dry_run: bool) -> anyhow::Result<()> {
        let Counts { created, saved, unchanged, imported, remembered, present, differing, .. } = self;
        let Counts { tombstones, replaced, refused, .. } = self;
        let Forms { noun, has_rows, has_missing } = forms;
        let mut counts = vec![format!("{created} created")];
        if *has_rows {
            counts.push(format!("{saved} saved, {unchanged} unchanged, {imported} already imported"));
        }
        if *has_missing {
            counts.push(format!("{present} already present, {tombstones} deletions skipped"));
        }
        counts.push(format!("{refused} refused"));
        println!("{}{}", if dry_run { "would be: " } else { "" }, counts.join(", "));
        if *differing > 0 {
            println!(
                "{differing} of those already present have other content than the file. JSON with the version of a \
                 record edits it; without one, and as an item, it only creates a record that is missing"
            );
        }
        if *replaced > 0 {
            let replaced_them = if dry_run { "would replace" } else { "replaced" };
            println!("{replaced} {noun} {replaced_them} what another client had saved");
        }
        if *remembered > 0 {
            println!(
                "{remembered} of these {noun} were imported in the last {DAYS} days: an import leaves their records as \
                 they are"
            );
        }
        if *imported > 0 && !dry_run {
            println!(
                "{} that was imported in the last {DAYS} days is not imported again, even if its record was changed or \
                 deleted since",
                if *noun == ROWS { "a row" } else { "an entry with a version" }
            );
        }
        match (*refused, dry_run) {
            (0, _) => Ok(()),
            (_, true) => bail!("{refused} {noun} would be refused"),
            (_, false) => bail!("{refused} {noun} were refused, or may not have been saved, as said above"),
        }
    }
}
