//! Merges sequences by the elements that each side inserted and removed.

use std::hash::Hash;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, Hunk, Token};

use super::entries::Map;
use super::report::Counts;

/// The longest sequences that are compared element by element, without their common beginning and end. The library
/// takes quadratic time in the worst case. For longer sequences the whole part in between is one change.
const COMPARED: usize = 8 * 1024;

/// A merged sequence.
pub(super) struct Merged<T> {
    pub(super) items: Vec<T>,
    /// The effect of mine.
    pub(super) counts: Counts,
    /// Whether mine replaced elements that theirs had changed.
    pub(super) won: bool,
}

/// Merges three states of a sequence. If theirs contains mine and nothing that mine removed, theirs stays. Changes meet
/// if they overlap or are adjacent in the base. If one side includes the other side's change, that side stands. Other
/// changes that meet are combined if only one side replaced elements by others. If both did, mine stands.
///
/// Returns `None` if `apart` is set, and different changes meet.
pub(super) fn merge<T: Copy + Eq + Hash>(sides: [&[T]; 3], apart: bool) -> Option<Merged<T>> {
    let mut values: Vec<T> = Vec::new();
    let mut known: Map<T, u32> = Map::default();
    let [base, theirs, mine] = sides.map(|side| {
        let token = |value: &T| {
            let new =
                u32::try_from(values.len()).expect("a body has less than 2^32 bytes, and an element at least one");
            let token = *known.entry(*value).or_insert(new);
            if token == new {
                values.push(*value);
            }
            Token(token)
        };
        side.iter().map(token).collect::<Vec<Token>>()
    });
    let of_values = |tokens: Vec<Token>| tokens.into_iter().map(|token| values[token.0 as usize]).collect();
    if contains([&base, &theirs, &mine], values.len()) {
        return Some(Merged { items: of_values(theirs), counts: Counts::default(), won: false });
    }
    let (their_hunks, my_hunks) = (hunks(&base, &theirs), hunks(&base, &mine));
    let mut merged: Vec<Token> = Vec::with_capacity(theirs.len());
    let (mut won, mut done) = (false, 0);
    let (mut left, mut right) = (their_hunks.as_slice(), my_hunks.as_slice());
    while let Some(start) = [left, right].iter().filter_map(|hunks| hunks.first()).map(|hunk| hunk.before.start).min() {
        let (mut end, mut lefts, mut rights) = (start, 0, 0);
        loop {
            if let Some(hunk) = left.get(lefts).filter(|hunk| hunk.before.start <= end) {
                (end, lefts) = (end.max(hunk.before.end), lefts + 1);
            } else if let Some(hunk) = right.get(rights).filter(|hunk| hunk.before.start <= end) {
                (end, rights) = (end.max(hunk.before.end), rights + 1);
            } else {
                break;
            }
        }
        let region = Region {
            base: &base,
            range: start..end,
            theirs: Change { all: &theirs, hunks: &left[..lefts] },
            mine: Change { all: &mine, hunks: &right[..rights] },
        };
        merged.extend(&base[done as usize..start as usize]);
        let (content, replaced) = region.merge(apart)?;
        merged.extend(content);
        won |= replaced;
        (done, left, right) = (end, &left[lefts..], &right[rights..]);
    }
    merged.extend(&base[done as usize..]);
    let counts = Counts {
        added: my_hunks.iter().map(|hunk| hunk.after.len()).sum(),
        removed: my_hunks.iter().map(|hunk| hunk.before.len()).sum(),
        changed: 0,
    };
    Some(Merged { items: of_values(merged), counts, won })
}

/// Reports whether theirs has all elements of mine, in their order, and none that mine removed. This holds for a retry
/// after others inserted elements, however these could be matched.
fn contains([base, theirs, mine]: [&[Token]; 3], values: usize) -> bool {
    let mut rest = theirs.iter();
    if !mine.iter().all(|token| rest.any(|other| other == token)) {
        return false;
    }
    let mut counts = vec![[0_u32; 3]; values];
    for (side, tokens) in [base, theirs, mine].into_iter().enumerate() {
        tokens.iter().for_each(|token| counts[token.0 as usize][side] += 1);
    }
    counts.iter().all(|[base, theirs, mine]| base <= mine || theirs <= mine)
}

/// Merges three states of a text line by line.
///
/// Returns `None` if the base is a single line, or if both sides changed adjacent lines.
pub(super) fn merge_lines(base: &str, theirs: &str, mine: &str) -> Option<String> {
    if !base.contains('\n') {
        return None;
    }
    let [base, mine] = [base, mine].map(|text| text.split('\n').collect::<Vec<&str>>());
    let with = |theirs: &str| -> Option<String> {
        let theirs: Vec<&str> = theirs.split('\n').collect();
        merge([&base, &theirs, &mine], true).map(|merged| merged.items.join("\n"))
    };
    // Repeated lines can be matched in several ways. A merge that a retry would match differently is not used.
    with(theirs).filter(|merged| with(merged).as_ref() == Some(merged))
}

/// Returns the differences between two sequences, in order.
fn hunks(before: &[Token], after: &[Token]) -> Vec<Hunk> {
    let same = |(one, other): &(&Token, &Token)| one == other;
    let start = before.iter().zip(after).take_while(same).count();
    let end = before[start..].iter().rev().zip(after[start..].iter().rev()).take_while(same).count();
    let (before, after) = (&before[start..before.len() - end], &after[start..after.len() - end]);
    let start = start as u32; // The tokens are counted in 32 bits.
    let moved = |range: Range<u32>| range.start + start..range.end + start;
    if before.len().max(after.len()) > COMPARED {
        return vec![Hunk { before: moved(0..before.len() as u32), after: moved(0..after.len() as u32) }];
    }
    let mut diff = Diff::default();
    diff.compute_with(Algorithm::Myers, before, after, 0);
    diff.hunks().map(|hunk| Hunk { before: moved(hunk.before), after: moved(hunk.after) }).collect()
}

/// A part of the base in which changes meet, or that one side changed.
struct Region<'a> {
    base: &'a [Token],
    range: Range<u32>,
    theirs: Change<'a>,
    mine: Change<'a>,
}

/// The change of one side in a region.
struct Change<'a> {
    all: &'a [Token],
    hunks: &'a [Hunk],
}

impl<'a> Change<'a> {
    /// Returns the new content of the region. Returns `None` if the side left it alone.
    fn content(&self, range: &Range<u32>) -> Option<&'a [Token]> {
        let (first, last) = (self.hunks.first()?, self.hunks.last()?);
        let start = first.after.start - (first.before.start - range.start);
        let end = last.after.end + (range.end - last.before.end);
        Some(&self.all[start as usize..end as usize])
    }

    /// Reports whether elements were removed and others inserted.
    fn replaces(&self) -> bool {
        self.hunks.iter().any(|hunk| !hunk.before.is_empty()) && self.hunks.iter().any(|hunk| !hunk.after.is_empty())
    }
}

impl Region<'_> {
    /// Returns the merged content, and whether mine replaced theirs in it. Returns `None` under the condition of
    /// [`merge`].
    fn merge(&self, apart: bool) -> Option<(Vec<Token>, bool)> {
        let (theirs, mine) = match (self.theirs.content(&self.range), self.mine.content(&self.range)) {
            (Some(theirs), Some(mine)) => (theirs, mine),
            (one, other) => return Some((one.or(other).unwrap_or_default().to_vec(), false)),
        };
        if theirs == mine || self.shows(&self.theirs, theirs, &self.mine) {
            Some((theirs.to_vec(), false))
        } else if self.shows(&self.mine, mine, &self.theirs) {
            Some((mine.to_vec(), false))
        } else if apart {
            None
        } else if self.theirs.replaces() && self.mine.replaces() {
            Some((mine.to_vec(), true))
        } else {
            Some((self.combined(&[&self.theirs, &self.mine]), false))
        }
    }

    /// Returns the elements that neither side removed, with the insertions of `inserting`.
    fn combined(&self, inserting: &[&Change<'_>]) -> Vec<Token> {
        let mut combined = Vec::new();
        let mut inserting: Vec<_> =
            inserting.iter().map(|change| (change.all, change.hunks.iter().peekable())).collect();
        let mut removing = [self.theirs.hunks, self.mine.hunks].map(|hunks| hunks.iter().peekable());
        for place in self.range.start..=self.range.end {
            for (all, hunks) in &mut inserting {
                if let Some(hunk) = hunks.next_if(|hunk| hunk.before.start == place) {
                    combined.extend(&all[hunk.after.start as usize..hunk.after.end as usize]);
                }
            }
            let removed = removing.each_mut().map(|hunks| {
                while hunks.next_if(|hunk| hunk.before.end <= place).is_some() {}
                hunks.peek().is_some_and(|hunk| hunk.before.contains(&place))
            });
            if place < self.range.end && removed == [false; 2] {
                combined.push(self.base[place as usize]);
            }
        }
        combined
    }

    /// Reports whether `side`, with this content, has all elements that `other` inserted, in their order, and none that
    /// `other` removed.
    fn shows(&self, side: &Change<'_>, content: &[Token], other: &Change<'_>) -> bool {
        let mut removed = side.hunks.iter().flat_map(|hunk| hunk.before.clone());
        let mut content = content.iter();
        other.hunks.iter().flat_map(|hunk| hunk.before.clone()).all(|place| removed.any(|removed| removed == place))
            && self.combined(&[other]).iter().all(|token| content.any(|shown| shown == token))
    }
}
