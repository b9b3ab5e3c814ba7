//! # ripple-fuzz
//!
//! What ripple takes from strangers, fed with what a fuzzer makes up. `cargo xtask fuzz` runs it.
//!
//! | target | what is made up | what must hold |
//! |---|---|---|
//! | `request` | HTTP requests, one after another | each has a sound answer; nothing changes but by a 2xx; the edge answers the same |
//! | `merge` | a state, two edits of it | identity, idempotence, fields that one side left alone |
//! | `json` | text | it comes out as it went in; serde_json takes all that ripple takes |
//! | `token` | cursors, session tokens | 400, or a part of what there is; tokens round-trip |
//! | `item` | DynamoDB's items and answers | both decoders agree; what is written is what is read |
//! | `key` | text, random bytes | a key is known by its form and its check, and `Debug` does not show it |
//! | `snapshot` | changes and full reads in any order | what is kept up bit by bit is what a new one would have |
//! | `schema` | resource files, and a record | faults are lines; what was read can be saved |
//! | `event` | Lambda events | each has an answer or an error; nothing changes but by a 2xx |
//!
//! The targets use the crates' public faces alone. Inputs of `request`, `json`, `token`, `schema` and `event` are text, so that their
//! seeds, in `seeds/`, can be read and written by people; the others are made of bytes by `arbitrary`.

#[path = "../../core/tests/hostile/answer.rs"]
pub mod answer;
pub mod values;
pub mod wire;
#[path = "../../core/tests/hostile/world.rs"]
pub mod world;

use std::cell::Cell;
use std::future::Future;

use world::World;

/// Runs a future whose waiting takes no time: the clock is paused, and jumps to whatever is waited for.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Runs what is done in a fresh world. One that was left as it had been found is fresh.
pub fn run_in_world<T>(what: impl AsyncFnOnce(&World) -> T) -> T {
    thread_local! {
        static FRESH: Cell<Option<(World, String)>> = const { Cell::new(None) };
    }
    run(async {
        let (world, state) = match FRESH.take() {
            Some(fresh) => fresh,
            None => {
                let world = World::new().await;
                let state = world.state();
                (world, state)
            }
        };
        let done = what(&world).await;
        if world.state() == state {
            FRESH.set(Some((world, state)));
        }
        done
    })
}

/// Whether a text has a key of the world in it. The fuzzer finds them, where they are compared; and whoever puts a key
/// into a record has told it.
pub fn has_key(world: &World, text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    [&world.writer, &world.reader].iter().any(|key| text.contains(&key.reveal()[4..]))
}
