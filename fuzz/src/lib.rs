//! # ripple-fuzz
//!
//! Fuzz targets for everything that ripple accepts from strangers. `cargo xtask fuzz` runs them.
//!
//! | target | input | what must hold |
//! |---|---|---|
//! | `request` | HTTP requests in sequence | each has a valid answer; only a 2xx changes anything; the edge agrees |
//! | `merge` | a state, two edits of it | identity, idempotence, fields that one side left alone |
//! | `json` | text | it round-trips; serde_json accepts all text that ripple accepts |
//! | `token` | cursors, session tokens | 400, or a part of the data; tokens round-trip |
//! | `item` | DynamoDB's items and answers | both decoders agree; items round-trip |
//! | `key` | text, random bytes | form and checksum identify a key; `Debug` does not show it |
//! | `snapshot` | changes and full reads in any order | an updated snapshot equals a new one |
//! | `schema` | resource files, and a record | faults are lines; a record that was read can be saved |
//! | `query` | a list's query string | each engine has the same page; faults name parameters; cursors belong to their list |
//! | `sheet` | CSV | every row is a change or a fault; what is written is read as the same |
//! | `batch` | the body of a batch, JSON or CSV | each operation has a result; what was made is not made again |
//! | `import` | the files of `ripple import` | their parts do not matter; they are split as serde_json does |
//! | `event` | Lambda events | each has an answer or an error; only a 2xx changes anything |
//!
//! The targets use only the public interfaces of the crates, except `import`, which compiles the modules of the command
//! line. Inputs of `item`, `key`, `merge` and `snapshot` are built from bytes by `arbitrary`. The others are text, so that
//! people can read and write their seeds in `seeds/`.

#[path = "../../core/tests/hostile/answer.rs"]
pub mod answer;
pub mod values;
pub mod wire;
#[path = "../../core/tests/hostile/world.rs"]
pub mod world;

use std::cell::Cell;
use std::future::Future;

use world::World;

/// Runs a future whose waits take no time: the clock is paused, and jumps to the next timer.
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

/// Runs a function in a fresh world. A world that it left unchanged is used again.
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

/// Reports whether a text contains a key of the world. The fuzzer finds keys where they are compared, and a client that
/// puts a key into a record has disclosed it.
pub fn has_key(world: &World, text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    [&world.writer, &world.reader].iter().any(|key| text.contains(&key.reveal()[4..]))
}
