//! `<data dir>/lock`: the lock that a `ripple dev` holds while it runs on the folder. Two processes with one database
//! would both assume that it is theirs. `dev.json` alone does not show whether its writer still runs.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, bail};

const NAME: &str = "lock";
/// The number of tries. A command that checks the lock holds it itself for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// Takes the lock. It is held until the file is dropped, however the process ends.
pub(crate) fn take(data: &Path) -> anyhow::Result<File> {
    let path = data.join(NAME);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    for _ in 0..TRIES {
        if file.try_lock().is_ok() {
            return Ok(file);
        }
        thread::sleep(PAUSE);
    }
    bail!("another `ripple dev` runs on {}: stop it, or give another folder with --data", data.display())
}

/// Reports whether a `ripple dev` runs on the folder.
pub(crate) fn is_held(data: &Path) -> bool {
    let file = OpenOptions::new().read(true).open(data.join(NAME));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
