//! Invitations to an organization: the list, a new one, the end of one.
//! Owns nothing.
//! Never shows a link but in the answer that made it.

use super::{At, Of, PATH, role, role_in, roles};
use crate::{
    admin::{
        api::Api,
        page::{
            address,
            confirm::Confirm,
            form::Sent,
            frame::{Frame, Refused, Visitor, told},
            page, to_mend,
            words::say,
        },
    },
    id::InvitationId,
    identity::role::Role,
    manage::{
        Fault, Page,
        invitations::{CreateInvitation, Invitation, MadeInvitation},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::HeaderMap;
use std::time::Duration;

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/organizations/{organization}/invitations", get(list).post(make))
        .route("/organizations/{organization}/invitations/{id}/revoke", get(ask).post(revoke))
}

#[derive(Template)]
#[template(path = "organization/invitations.html")]
struct Invitations {
    frame: Frame,
    of: Of,
    list: Vec<Invitation>,
    next: Option<String>,
    made: Option<Made>,
    roles: [(Role, String); 3],
    lives: [u32; 4],
    wish: (Role, u32),
}

struct Made {
    invitation: Invitation,
    link: String,
}

const LIVES: [u32; 4] = [1, 3, 7, 30];
const USUAL: (Role, u32) = (Role::Member, 7);

impl Invitations {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    fn named(&self, of: &Role) -> String {
        role(*of)
    }
}

async fn list(
    State(api): State<Api>,
    visitor: Visitor,
    Path(organization): Path<String>,
    Query(place): Query<Page>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render(&api, &visitor, &organization, (frame, place), (USUAL, None)).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    organization: &str,
    (frame, place): (Frame, Page),
    (wish, made): ((Role, u32), Option<Made>),
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Invitations).await?;
    let found = api.management.invitations(&visitor.who, organization, &place).await?;
    let (list, next) = (found.items, found.next);
    Ok(page(&Invitations { frame, of, list, next, made, roles: roles(), lives: LIVES, wish }))
}

async fn make(
    State(api): State<Api>,
    headers: HeaderMap,
    Path(organization): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let days = fields.one("expires").parse().unwrap_or(USUAL.1);
    let made = match role_in(&fields) {
        Ok(role) => {
            let expires = Some(api.management.now().plus(Duration::from_secs(86_400) * days));
            let wanted = CreateInvitation { role, expires };
            api.management.create_invitation(&visitor.who, &organization, wanted).await
        }
        Err(fault) => Err(fault),
    };
    let frame = Frame::of(&visitor, PATH);
    match made {
        Ok(MadeInvitation { invitation, value }) => {
            let link = address::of(&api, &headers, &format!("/join/{}", value.0.expose()));
            let made = Some(Made { invitation, link });
            render(&api, &visitor, &organization, (frame, Page::default()), (USUAL, made)).await
        }
        Err(fault) => {
            let frame = frame.alert(told(fault)?);
            let wish = (fields.one("role").parse().unwrap_or(USUAL.0), days);
            let again = render(&api, &visitor, &organization, (frame, Page::default()), (wish, None)).await?;
            Ok(to_mend(again))
        }
    }
}

async fn ask(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, id)): Path<(String, InvitationId)>,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Invitations).await?;
    if !of.manages {
        return Err(Fault::missing("page").into());
    }
    Ok(page(&Confirm {
        frame: Frame::of(&visitor, PATH),
        heading: say!("invitations-revoke-heading"),
        effects: vec![say!("invitations-revoke-effect"), say!("invitations-revoke-used", id = id.to_string())],
        act: say!("invitations-revoke-go"),
        back: format!("{}/invitations", of.path()),
    }))
}

async fn revoke(
    State(api): State<Api>,
    Path((organization, id)): Path<(String, InvitationId)>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    match api.management.revoke_invitation(&visitor.who, &organization, id).await {
        // Used or revoked meanwhile: it opens nothing either way.
        Ok(()) => {}
        Err(Fault::Missing(_)) => drop(Of::find(&api, &visitor, &organization, At::Invitations).await?),
        Err(fault) => return Err(fault.into()),
    }
    Ok(Redirect::to(&format!("{PATH}/{organization}/invitations?said=removed")).into_response())
}
