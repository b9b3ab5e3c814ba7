//! Saving: read what is there, make of it what the edit says, write that on condition that nobody was quicker.

use super::method::{Answer, Call};
use crate::error::{Error, Fault};
use crate::limits;
use crate::project::{PRJ_ID, Project, ProjectId, base_version, check_reserved, check_sent};
use crate::read;
use crate::store::{Commit, Consistency, Store};
use crate::value::{Members, Value};

/// `PUT` and `PATCH`: `apply` says what the members sent make of the record.
pub(crate) async fn edit<S: Store>(
    call: &mut Call<'_, S>,
    mut sent: Members,
    apply: fn(&Project, Members) -> Members,
) -> Result<Answer, Error> {
    let id = call.project_id()?;
    call.no_parameters()?;
    if sent.get(PRJ_ID).is_some_and(|sent| *sent != Value::from(id.as_str())) {
        return Err(Error::InvalidBody(vec![Fault::member(PRJ_ID, "is not the one in the path")]));
    }
    let base = base_version(&mut sent)?;
    check_sent(&sent)?;
    let project = commit(call, &id, |theirs| match base {
        Some(base) if base != theirs.version => Err(Error::Stale { base, current: Box::new(theirs.clone()) }),
        _ => {
            let mut sent = sent.clone();
            check_reserved(&mut sent, &theirs.attributes)?;
            Ok(Project { attributes: apply(theirs, sent), ..theirs.clone() })
        }
    })
    .await?;
    Ok(Answer::project(&project))
}

/// Reads the record, lets `change` say what becomes of it, and writes that. When another writer was quicker,
/// the failed condition hands back the newer state and `change` is asked again.
pub(crate) async fn commit<S: Store>(
    call: &mut Call<'_, S>,
    id: &ProjectId,
    change: impl Fn(&Project) -> Result<Project, Error>,
) -> Result<Project, Error> {
    let mut found = call.store.get(id, Consistency::Strong, &mut call.cost).await?;
    for _ in 0..limits::SAVE_TRIES {
        let theirs = read::live(found, id)?;
        call.preconditions.check_write(&theirs)?;
        let changed = change(&theirs)?;
        let project = if changed == theirs {
            theirs
        } else {
            let after = changed.following(Some(&theirs), call.now, &call.caller.name);
            check_size(&after)?;
            check_changes(&theirs, &after)?;
            let token = call.random.bytes();
            match call.store.commit(Some(&theirs), &after, token, &mut call.cost).await? {
                Commit::Done => after,
                Commit::Conflict(newer) => {
                    found = newer;
                    continue;
                }
            }
        };
        call.session.wrote(&project.id, project.version);
        return Ok(project);
    }
    Err(Error::Contended)
}

pub(crate) fn check_size(project: &Project) -> Result<(), Error> {
    match project.stored_size() {
        size if size > limits::RECORD => Err(Error::RecordTooLarge(size)),
        _ => Ok(()),
    }
}

fn check_changes(before: &Project, after: &Project) -> Result<(), Error> {
    if after.is_deleted() || before.differing(after).count() <= limits::CHANGED_MEMBERS {
        return Ok(());
    }
    let detail = format!("one write changes at most {} members", limits::CHANGED_MEMBERS);
    Err(Error::InvalidBody(vec![Fault { place: crate::error::Place::Pointer(String::new()), detail }]))
}
