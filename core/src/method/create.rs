//! `POST /prj`

use http::StatusCode;
use http::header::LOCATION;

use super::{Answer, Call};
use crate::body::{self, NEW_RECORD};
use crate::error::{Error, Fault};
use crate::project::{PRJ_ID, Project, ProjectId, base_version, check_new};
use crate::save;
use crate::store::{Commit, Store};
use crate::value::{Members, Value};

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    call.no_parameters()?;
    let mut members = body::object(call.request, NEW_RECORD)?;
    let id = match sent_id(&members)? {
        Some(id) => id,
        None => ProjectId::generate(call.now, call.random.bytes()),
    };
    base_version(&mut members)?; // a record copied from another brings its version along; it means nothing here
    check_new(&members)?;
    members.retain(|_, value| *value != Value::Null);

    let project = create(call, Project::new(id, members)).await?;
    call.session.wrote(&project.id, project.version);
    let location = format!("prj/{}", project.id);
    Ok(Answer::project(&project).with_status(StatusCode::CREATED).with_header(LOCATION, &location))
}

fn sent_id(members: &Members) -> Result<Option<ProjectId>, Error> {
    let fault = |detail: String| Error::InvalidBody(vec![Fault::member(PRJ_ID, detail)]);
    match members.get(PRJ_ID) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => ProjectId::parse(text).map(Some).map_err(|why| fault(why.to_string())),
        Some(_) => Err(fault("must be a string".to_owned())),
    }
}

/// The usual case is one transaction and no read. A tombstone fails it and is handed back: its version goes on.
async fn create<S: Store>(call: &mut Call<'_, S>, new: Project) -> Result<Project, Error> {
    let mut before: Option<Project> = None;
    for _ in 0..crate::limits::SAVE_TRIES {
        let after = new.clone().following(before.as_ref(), call.now, &call.caller.name);
        save::check_size(&after)?;
        let token = call.random.bytes();
        match call.store.commit(before.as_ref(), &after, token, &mut call.cost).await? {
            Commit::Done => return Ok(after),
            Commit::Conflict(Some(found)) if !found.is_deleted() => return Err(Error::Exists(found.id)),
            Commit::Conflict(tombstone) => before = tombstone,
        }
    }
    Err(Error::Contended)
}
