//! The laws hold in every order of the scenarios, and in a thousand storms. `RIPPLE_STORMS=…` sets the number of
//! storms.

use std::sync::Mutex;

use ripple_check::{Breadth, Contest, Storm, every_schedule, pending_scenarios, scenarios, storm};
use ripple_core::store::memory::Memory;

/// Shares work among the machine's threads.
fn share<T: Send>(work: impl IntoIterator<Item = T>, each: impl Fn(T) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parts: Vec<Vec<T>> = (0..threads).map(|_| Vec::new()).collect();
    for (number, one) in work.into_iter().enumerate() {
        parts[number % threads].push(one);
    }
    let each = &each;
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(move || part.into_iter().for_each(each));
        }
    });
}

#[test]
fn in_every_order() {
    share(scenarios(), |scenario| match every_schedule(&scenario, Memory::new, || {}) {
        Ok(count) => println!("{}: {count} orders", scenario.name),
        Err(counterexample) => panic!("{}:\n{counterexample}", scenario.name),
    });
}

/// Fails if saving now satisfies a pending scenario, which then belongs to the others.
#[test]
fn what_saving_does_not_satisfy_yet() {
    let satisfied = Mutex::new(Vec::new());
    share(pending_scenarios(), |scenario| match every_schedule(&scenario, Memory::new, || {}) {
        Ok(count) => satisfied.lock().expect("no panic").push((scenario.name, count)),
        Err(counterexample) => println!("{}:\n{counterexample}\n", scenario.name),
    });
    let satisfied = satisfied.into_inner().expect("no panic");
    assert!(satisfied.is_empty(), "these belong to `scenarios` by now: {satisfied:#?}");
}

#[test]
fn in_storms() {
    let storms = std::env::var("RIPPLE_STORMS").ok().map(|text| text.parse().expect("a number"));
    share(0..storms.unwrap_or(1_000), |seed| {
        if let Err(counterexample) = storm(Storm::default(), seed, Memory::new) {
            panic!("`ripple check --seed {seed}`:\n{counterexample}");
        }
    });
}

/// Storms with lists of every kind, shared API keys, other programs, and time.
#[test]
fn in_storms_of_everything() {
    let storms = std::env::var("RIPPLE_STORMS").ok().map(|text| text.parse().expect("a number"));
    let everything = Storm { breadth: Breadth::Everything, ..Storm::default() };
    let failed = Mutex::new(Vec::new());
    share(0..storms.unwrap_or(500), |seed| {
        if let Err(counterexample) = storm(everything, seed, Memory::new) {
            failed.lock().expect("no panic").push(seed);
            println!("seed {seed}:\n{counterexample}\n");
        }
    });
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "the storms of these seeds break a law: {failed:?}");
}

/// Storms with the feed: its records are late, come again, and it fails and crashes between its steps. These are half a
/// minute of one CPU.
#[test]
fn in_storms_with_the_feed() {
    let storms = std::env::var("RIPPLE_STORMS").ok().map(|text| text.parse().expect("a number"));
    let feed = Storm { breadth: Breadth::Feed, ..Storm::default() };
    let failed = Mutex::new(Vec::new());
    share(0..storms.unwrap_or(1_500), |seed| {
        if let Err(counterexample) = storm(feed, seed, Memory::new) {
            failed.lock().expect("no panic").push(seed);
            println!("seed {seed}:\n{counterexample}\n");
        }
    });
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "the storms of these seeds break a law: {failed:?}");
}

/// In virtual time, a save that loses a try does not keep losing to newer saves.
#[test]
fn sixteen_writers_of_one_record_are_never_refused() {
    share(0..4, |seed| {
        let run = Contest { writers: 16, saves: 20 }.run(Memory::new(), seed);
        assert_eq!(run.verdict, Ok(()), "seed {seed}");
        assert_eq!(run.contended, 0, "of {:?}", run.tries);
        let (saves, tries) = (run.tries.len(), run.tries.iter().sum::<u32>() as usize);
        assert!(tries <= 3 * saves, "{tries} tries of {saves} saves");
    });
}
