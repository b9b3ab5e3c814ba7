//! Runs every case against every host: `in_process::records::creates_a_record`, `url::records::creates_a_record`.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use ripple_tests::{Case, Host, Target, cases, hosts};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let hosts = match hosts() {
        Ok(hosts) => hosts,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let trials: Vec<Trial> =
        hosts.into_iter().map(Arc::new).flat_map(|host| cases().map(move |case| trial(&host, case))).collect();
    let names: BTreeSet<&str> = trials.iter().map(Trial::name).collect();
    assert_eq!(names.len(), trials.len(), "two cases have one name");
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(host: &Arc<Host>, case: Case) -> Trial {
    let ignored = case.needs_read_key && host.read_key.is_none();
    let name = format!("{}::{}", host.name, case.name);
    let host = Arc::clone(host);
    let run = move || {
        (case.run)(&Target::new(host));
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(ignored)
}
