//! The choices of a run. A run asks here wherever it could continue in more than one way.
//!
//! So a run is its list of choices. It can be replayed, followed by the next run in depth-first order, or shortened.

/// The choices of a run: some given beforehand, the rest made during the run.
#[derive(Clone, Debug)]
pub struct Choices {
    given: Vec<usize>,
    taken: Vec<Taken>,
    rest: Rest,
}

/// One choice, and the number of possibilities.
#[derive(Clone, Copy, Debug)]
struct Taken {
    choice: usize,
    of: usize,
}

/// How choices are made that are not given.
#[derive(Clone, Debug)]
enum Rest {
    /// The first possibility, which by convention is the simplest.
    First,
    /// The state of a SplitMix64.
    Random(u64),
}

impl Choices {
    /// Returns these choices, followed by the first possibility each time.
    #[must_use]
    pub fn given(given: Vec<usize>) -> Choices {
        Choices { given, taken: Vec::new(), rest: Rest::First }
    }

    /// Returns random choices. The same seed gives the same choices.
    #[must_use]
    pub fn seeded(seed: u64) -> Choices {
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
        Choices { given: Vec::new(), taken: Vec::new(), rest: Rest::Random(state) }
    }

    /// Chooses a number below `of`.
    pub(crate) fn below(&mut self, of: usize) -> usize {
        if of <= 1 {
            return 0;
        }
        let choice = match (self.given.get(self.taken.len()), &mut self.rest) {
            (Some(given), _) => (*given).min(of - 1),
            (None, Rest::First) => 0,
            (None, Rest::Random(state)) => split_mix(state) as usize % of,
        };
        self.taken.push(Taken { choice, of });
        choice
    }

    /// Returns the choices so far.
    #[must_use]
    pub fn taken(&self) -> Vec<usize> {
        self.taken.iter().map(|taken| taken.choice).collect()
    }

    /// Returns the choices of the next run in depth-first order. Returns `None` after the last run.
    #[must_use]
    pub fn next(mut self) -> Option<Choices> {
        while let Some(Taken { choice, of }) = self.taken.pop() {
            if choice + 1 < of {
                let mut given = self.taken();
                given.push(choice + 1);
                return Some(Choices::given(given));
            }
        }
        None
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The largest number of runs made to shorten one.
const RUNS: usize = 1_000;

/// The largest number of choices left out at once: those of one save.
const LONGEST: usize = 18;

/// Returns a shorter and simpler list of choices for which `fails` holds, as it does for `choices`.
pub(crate) fn shrink(choices: Vec<usize>, mut fails: impl FnMut(&[usize]) -> Option<Vec<usize>>) -> Vec<usize> {
    let mut best = choices;
    let mut runs = 0;
    let mut attempt = |candidate: Vec<usize>, best: &mut Vec<usize>| {
        runs += 1;
        let plainer = fails(&candidate).filter(|taken| (taken.len(), taken) < (best.len(), best));
        let found = plainer.is_some();
        *best = plainer.unwrap_or_else(|| std::mem::take(best));
        (found, runs < RUNS)
    };
    loop {
        let before = best.clone();
        for length in (1..=LONGEST).rev() {
            let mut at = 0;
            while at + length <= best.len() {
                let mut without = best.clone();
                without.drain(at..at + length);
                match attempt(without, &mut best) {
                    (_, false) => return best,
                    (true, _) => {}
                    (false, _) => at += length,
                }
            }
        }
        let mut at = 0;
        while at < best.len() {
            for plainer in [0, best[at] / 2, best[at].saturating_sub(1)] {
                if at < best.len() && plainer < best[at] {
                    let mut candidate = best.clone();
                    candidate[at] = plainer;
                    if !attempt(candidate, &mut best).1 {
                        return best;
                    }
                }
            }
            at += 1;
        }
        if best == before {
            return best;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_first_order_comes_to_every_run_once() {
        let mut seen = Vec::new();
        let mut next = Some(Choices::given(Vec::new()));
        while let Some(mut choices) = next {
            // The second choice exists only after some of the first choices.
            let first = choices.below(3);
            seen.push((first, if first == 1 { choices.below(2) } else { 0 }));
            next = choices.next();
        }
        assert_eq!(seen, [(0, 0), (1, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn a_seed_chooses_the_same_again_and_so_do_its_choices_when_they_are_given() {
        let choose = |mut choices: Choices| (0..50).map(|n| choices.below(n)).collect::<Vec<_>>();
        let mut seeded = Choices::seeded(7);
        let chosen: Vec<usize> = (0..50).map(|n| seeded.below(n)).collect();
        assert_eq!(choose(Choices::seeded(7)), chosen);
        assert_eq!(choose(Choices::given(seeded.taken())), chosen);
        assert_ne!(choose(Choices::seeded(8)), chosen);
    }

    #[test]
    fn what_does_not_matter_is_shrunk_away() {
        let fails = |choices: &[usize]| choices.contains(&5).then(|| choices.to_vec());
        assert_eq!(shrink(vec![3, 1, 9, 5, 2, 2, 7], fails), [5]);
    }
}
