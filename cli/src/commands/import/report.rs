//! What an import prints: a line for an entry, and the counts in the end.

use anyhow::bail;
use ripple_core::http::receipt_header;
use ripple_core::record::outcome::OutcomeKind;
use ripple_core::service::Saved;
use serde::Serialize;

use super::Outcome;
use super::present::State;
use super::row::DAYS;
use crate::output::{self, Format};
use crate::words;

/// What the entries of a sheet are called.
pub(super) const ROWS: &str = "rows";

/// What is told of an entry, in the form of `--json`.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) place: String,
    pub(super) detail: String,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    dry_run: bool,
    #[serde(flatten)]
    counts: &'a Counts,
}

/// The number of entries of each outcome. The counts of other kinds of entries than the file has are not printed.
#[derive(Default, Serialize)]
pub(super) struct Counts {
    /// What an entry is called.
    #[serde(skip)]
    noun: &'static str,
    #[serde(skip)]
    has_rows: bool,
    #[serde(skip)]
    has_missing: bool,
    created: u64,
    saved: u64,
    unchanged: u64,
    #[serde(rename = "already_imported")]
    imported: u64,
    /// Of a dry run: the entries of the others that an import would not make, since they were imported.
    #[serde(skip)]
    remembered: u64,
    #[serde(rename = "already_present")]
    present: u64,
    /// Those of the present ones that have other content.
    #[serde(rename = "present_with_other_content")]
    differing: u64,
    #[serde(rename = "deletions_skipped")]
    tombstones: u64,
    replaced: u64,
    refused: u64,
}

impl Counts {
    pub(super) fn of(noun: &'static str) -> Counts {
        Counts { noun, ..Counts::default() }
    }

    /// Notes the kind of an entry: a row, or a record that is created if it is missing.
    pub(super) fn note(&mut self, is_row: bool) {
        self.has_rows |= is_row;
        self.has_missing |= !is_row;
    }

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
    pub(super) fn report(&self, dry_run: bool, format: Format) -> anyhow::Result<()> {
        match format.json {
            true => output::line(&Summary { dry_run, counts: self })?,
            false => self.tell(dry_run),
        }
        let Counts { noun, refused, .. } = self;
        match (*refused, dry_run) {
            (0, _) => Ok(()),
            (_, true) => bail!("{refused} {noun} would be refused"),
            (_, false) => bail!("{refused} {noun} were refused, or may not have been saved, as said above"),
        }
    }

    fn tell(&self, dry_run: bool) {
        let Counts { created, saved, unchanged, imported, remembered, present, differing, .. } = self;
        let Counts { tombstones, replaced, refused, noun, has_rows, has_missing, .. } = self;
        // A file without entries has the counts of its form.
        let is_sheet = *noun == ROWS;
        let mut counts = vec![format!("{created} created")];
        if *has_rows || is_sheet {
            counts.push(format!("{saved} saved, {unchanged} unchanged, {imported} already imported"));
        }
        if *has_missing || !has_rows && !is_sheet {
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
                if is_sheet { "a row" } else { "an entry with a version" }
            );
        }
    }
}
