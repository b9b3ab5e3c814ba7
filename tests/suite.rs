//! Runs every case against every resource of every host: `in_process::prj::records::creates_a_record`,
//! `url::task::records::creates_a_record`.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use ripple_tests::{Case, Host, KITS, Kit, Target, cases, hosts};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let hosts = match hosts() {
        Ok(hosts) => hosts,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let trials: Vec<Trial> = hosts.into_iter().map(Arc::new).flat_map(|host| trials(&host)).collect();
    let names: BTreeSet<&str> = trials.iter().map(Trial::name).collect();
    assert_eq!(names.len(), trials.len(), "two cases have one name");
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Returns the trials of a host.
fn trials(host: &Arc<Host>) -> Vec<Trial> {
    let served = KITS.into_iter().filter(|kit| host.serves(kit));
    served.flat_map(|kit| cases().filter(|case| (case.is_about)(kit)).map(|case| trial(host, kit, case))).collect()
}

fn trial(host: &Arc<Host>, kit: &'static Kit, case: Case) -> Trial {
    let ignored = !(case.runs_on)(host);
    let name = format!("{}::{}::{}", host.name, kit.resource, case.name);
    let host = Arc::clone(host);
    let run = move || {
        (case.run)(&Target::new(host, kit));
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(ignored)
}
