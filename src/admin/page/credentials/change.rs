//! What is done to a provider token without a new value: asked about, switched off and on, named, restricted.
//! Owns nothing.
//! Never switches off before it was asked whether to.

use super::{
    super::{
        confirm::Confirm,
        form::{Fields, Sent},
        frame::{Frame, Refused, Visitor, told},
        page, to_mend,
        words::say,
    },
    ALL,
    delete::losses,
    known, name, read_id,
    told::{end_of, last_day, title},
};
use crate::{
    admin::api::Api,
    id::CredentialId,
    identity::Context,
    manage::{
        Fault, Wanted,
        credentials::{ChangeCredential, Credential, Details, Switch},
        projects::Of,
    },
};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};

fn to(id: CredentialId, said: &str) -> Response {
    Redirect::to(&format!("/credentials/{id}?said={said}")).into_response()
}

/// For who comes to an address that takes a form alone.
pub async fn to_show(Path(id): Path<String>) -> Result<Response, Refused> {
    Ok(Redirect::to(&format!("/credentials/{}", read_id(&id)?)).into_response())
}

pub async fn probe(
    State(api): State<Api>,
    Path(id): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let id = read_id(&id)?;
    api.management.probe_credential(&visitor.who, id).await?;
    Ok(to(id, "probed"))
}

pub async fn ask_to_disable(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let id = read_id(&id)?;
    let credential = api.management.credential(&visitor.who, id).await?;
    let losses = losses(&api, &visitor, id).await?;
    let providers = known(&api, &visitor.who).await?;
    let provider = name(&providers, &credential.provider);
    let mut effects = losses.of_use();
    effects.push(say!("disable-effect"));
    if losses.open_jobs > 0 {
        effects.push(say!("disable-jobs", count = losses.open_jobs));
    }
    effects.push(say!("disable-again"));
    Ok(page(&Confirm {
        frame: Frame::of(&visitor, "/credentials"),
        heading: say!("disable-heading", name = title(&credential, provider)),
        effects,
        act: say!("disable-go"),
        back: format!("/credentials/{id}"),
    }))
}

pub async fn disable(api: State<Api>, id: Path<String>, sent: Sent) -> Result<Response, Refused> {
    switch(&api, read_id(&id)?, Switch::Disabled, sent).await
}

pub async fn enable(api: State<Api>, id: Path<String>, sent: Sent) -> Result<Response, Refused> {
    switch(&api, read_id(&id)?, Switch::Active, sent).await
}

async fn switch(api: &Api, id: CredentialId, to_be: Switch, sent: Sent) -> Result<Response, Refused> {
    let change = ChangeCredential { state: Some(to_be), ..ChangeCredential::default() };
    api.management.change_credential(&sent.visitor.who, id, change, None).await?;
    Ok(to(id, "saved"))
}

#[derive(Template)]
#[template(path = "credential_edit.html")]
struct Edit {
    frame: Frame,
    credential: Credential,
    title: String,
    label: String,
    last_day: String,
    projects: Vec<Choice>,
    members: Vec<Choice>,
    tag: String,
}

/// Somebody or something that it may be restricted to.
struct Choice {
    name: String,
    chosen: bool,
}

pub async fn ask_to_edit(
    State(api): State<Api>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (credential, details) = managed(&api, &visitor, &id).await?;
    let frame = Frame::of(&visitor, "/credentials");
    form(&api, &visitor, frame, (credential, details, None)).await
}

async fn managed(api: &Api, visitor: &Visitor, id: &str) -> Result<(Credential, Details), Refused> {
    let credential = api.management.credential(&visitor.who, read_id(id)?).await?;
    let details = credential.details.clone().ok_or_else(|| Fault::missing("credential"))?;
    Ok((credential, details))
}

async fn form(
    api: &Api,
    visitor: &Visitor,
    frame: Frame,
    (credential, details, typed): (Credential, Details, Option<&Fields>),
) -> Result<Response, Refused> {
    let providers = known(api, &visitor.who).await?;
    let choose = |names: Vec<String>, field: &'static str, now: &[String]| {
        let is_chosen = |name: &String| typed.map_or_else(|| now.contains(name), |typed| typed.has(field, name));
        names.into_iter().map(|name| Choice { chosen: is_chosen(&name), name }).collect()
    };
    let (projects, members) = candidates(api, visitor, &credential).await?;
    Ok(page(&Edit {
        frame,
        title: title(&credential, name(&providers, &credential.provider)),
        label: typed.map_or_else(|| credential.label.clone(), |typed| typed.one("label").to_owned()),
        last_day: typed.map_or_else(|| last_day(credential.expires), |typed| typed.one("expires").to_owned()),
        projects: choose(projects, "projects", &details.projects),
        members: choose(members, "members", &details.members),
        tag: credential.tag().as_str().to_owned(),
        credential,
    }))
}

/// The projects and members of its organization; a project's own token is not granted to other projects.
async fn candidates(
    api: &Api,
    visitor: &Visitor,
    credential: &Credential,
) -> Result<(Vec<String>, Vec<String>), Refused> {
    let Some(context) = &credential.context else { return Ok((Vec::new(), Vec::new())) };
    let Some(organization) = &context.organization else { return Ok((Vec::new(), Vec::new())) };
    let members = api.management.members(&visitor.who, &organization.to_string(), &ALL).await?;
    let members = members.items.into_iter().map(|member| member.name.to_string()).collect();
    if context.project.is_some() {
        return Ok((Vec::new(), members));
    }
    let purse = Context::organization(organization.clone());
    let projects = api.management.projects(&visitor.who, (Of { purse: &purse, user: None }, None), &ALL).await?;
    Ok((projects.items.into_iter().map(|project| project.name.to_string()).collect(), members))
}

pub async fn edit(
    State(api): State<Api>,
    Path(id): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let (credential, details) = managed(&api, &visitor, &id).await?;
    let id = credential.id;
    let changed = match wanted(&credential, &details, &fields) {
        Ok(change) => {
            let read = fields.some("tag").and_then(Wanted::parse);
            api.management.change_credential(&visitor.who, id, change, read.as_ref()).await
        }
        Err(fault) => Err(fault),
    };
    match changed {
        Ok(_) => Ok(to(id, "saved")),
        Err(fault) => {
            let frame = Frame::of(&visitor, "/credentials").alert(told(fault)?);
            let again = form(&api, &visitor, frame, (credential, details, Some(&fields))).await?;
            Ok(to_mend(again))
        }
    }
}

/// What is another than it was.
fn wanted(credential: &Credential, details: &Details, fields: &Fields) -> Result<ChangeCredential, Fault> {
    let day = fields.one("expires");
    let expires = if day == last_day(credential.expires) {
        None
    } else {
        Some(end_of(day).ok_or_else(|| Fault::conflict(say!("credential-bad-day")))?)
    };
    let label = Some(fields.one("label").to_owned()).filter(|label| *label != credential.label);
    let is_shared = credential.context.as_ref().is_some_and(|context| context.organization.is_some());
    let list = |field: &'static str, now: &[String]| -> Option<Vec<String>> {
        let then: Vec<String> = fields.many(field).map(str::to_owned).collect();
        let is_same = then.len() == now.len() && then.iter().all(|name| now.contains(name));
        (is_shared && !is_same).then_some(then)
    };
    let projects = list("projects", &details.projects).map(|names| parsed("projects", &names)).transpose()?;
    let members = list("members", &details.members).map(|names| parsed("members", &names)).transpose()?;
    Ok(ChangeCredential { label, expires, state: None, projects, members })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &'static str,
    names: &[String],
) -> Result<Vec<T>, Fault> {
    names.iter().map(|name| name.parse().map_err(|error: T::Err| Fault::invalid(field, error.to_string()))).collect()
}
