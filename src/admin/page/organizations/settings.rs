//! What an organization is called, whose jobs its members see, and its end.
//! Owns nothing.
//! Never for anybody but those who manage it: to the others there is no such page.

use super::{At, Of, PATH};
use crate::{
    admin::{
        api::Api,
        page::{
            confirm::Confirm,
            form::Sent,
            frame::{Frame, Refused, Visitor, told},
            page, to_mend,
            words::say,
        },
    },
    identity::JobVisibility,
    manage::{Fault, organizations::ChangeOrganization},
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/organizations/{organization}/settings", get(show).post(change))
        .route("/organizations/{organization}/delete", get(ask).post(delete))
}

#[derive(Template)]
#[template(path = "organization/settings.html")]
struct Settings {
    frame: Frame,
    of: Of,
    name: String,
    all: bool,
}

async fn find(api: &Api, visitor: &Visitor, organization: &str) -> Result<Of, Refused> {
    let of = Of::find(api, visitor, organization, At::Settings).await?;
    if of.manages { Ok(of) } else { Err(Fault::missing("page").into()) }
}

async fn show(State(api): State<Api>, visitor: Visitor, Path(organization): Path<String>) -> Result<Response, Refused> {
    let of = find(&api, &visitor, &organization).await?;
    let (name, all) = (of.organization.name.to_string(), of.sees_all());
    Ok(page(&Settings { frame: Frame::of(&visitor, PATH), of, name, all }))
}

async fn change(
    State(api): State<Api>,
    Path(organization): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let of = find(&api, &visitor, &organization).await?;
    let (name, all) = (fields.one("name"), fields.one("job_visibility") == "all");
    let changed = match name.parse() {
        Ok(name) => {
            let job_visibility = Some(if all { JobVisibility::All } else { JobVisibility::Own });
            let change = ChangeOrganization { name: Some(name), job_visibility };
            api.management.change_organization(&visitor.who, &organization, change, None).await
        }
        Err(error) => Err(Fault::invalid("name", format!("{error}"))),
    };
    match changed {
        Ok(changed) => Ok(Redirect::to(&format!("{PATH}/{}/settings?said=saved", changed.name)).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = page(&Settings { frame, of, name: name.to_owned(), all });
            Ok(to_mend(again))
        }
    }
}

async fn ask(State(api): State<Api>, visitor: Visitor, Path(organization): Path<String>) -> Result<Response, Refused> {
    let of = find(&api, &visitor, &organization).await?;
    let goes = api.management.consequences_of_organization(&visitor.who, &organization).await?;
    let name = of.organization.name.to_string();
    let mut effects = vec![
        say!("organization-delete-members", count = goes.members),
        say!("organization-delete-holdings", credentials = goes.credentials, projects = goes.projects),
    ];
    if goes.open_jobs > 0 {
        effects.push(say!("deletes-open-jobs", count = goes.open_jobs));
    }
    effects.push(say!("organization-delete-stays"));
    Ok(page(&Confirm {
        frame: Frame::of(&visitor, PATH),
        heading: say!("organization-delete-heading", organization = name),
        effects,
        act: say!("organization-delete-go", organization = name),
        back: format!("{}/settings", of.path()),
    }))
}

async fn delete(
    State(api): State<Api>,
    Path(organization): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    match api.management.delete_organization(&visitor.who, &organization, None).await {
        // Pressed twice, or gone in another tab.
        Ok(()) | Err(Fault::Missing(_)) => Ok(Redirect::to(&format!("{PATH}?said=removed")).into_response()),
        Err(fault) => Err(fault.into()),
    }
}
