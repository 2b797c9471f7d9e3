//! What an invitation opens: somebody new chooses a name and a password, somebody who is signed in presses one button.
//! Owns nothing; the link's value stands in the address, which no other page is told of.
//! Never changes anything by being opened.

use super::{
    entry::enter,
    form::{Fields, Sent},
    frame::{Frame, Refused, Visitor, sentence, told},
    organizations::{role, segment},
    page, to_mend,
    words::say,
};
use crate::{
    admin::api::{Api, Peer},
    identity::UserName,
    manage::{
        Fault,
        invitations::{Invitation, Join},
        tokens::Shown,
    },
    secret::Secret,
};
use askama::Template;
use axum::{
    Extension, Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

pub fn routes() -> Router<Api> {
    Router::new().route("/join/{link}", get(show).post(join)).route("/join/{link}/accept", get(back).post(accept))
}

#[derive(Template)]
#[template(path = "join.html")]
struct Joining<'p> {
    frame: Frame,
    invitation: Invitation,
    /// Who is signed in, and may join as they are.
    me: Option<String>,
    /// They are in it already.
    member: bool,
    link: &'p str,
    name: &'p str,
}

impl Joining<'_> {
    fn role(&self) -> String {
        role(self.invitation.role)
    }
}

type From = Option<Extension<Peer>>;

async fn show(
    State(api): State<Api>,
    peer: From,
    visitor: Result<Visitor, Response>,
    Path(link): Path<String>,
) -> Result<Response, Refused> {
    let value = Secret::new(link.as_str());
    let invitation = api.guard.hear(peer, api.management.presented_invitation(&value)).await?;
    Ok(match visitor {
        Ok(visitor) => page(&as_visitor(&visitor, Frame::of(&visitor, ""), invitation, &link)),
        Err(_) => page(&Joining { frame: Frame::open(), invitation, me: None, member: false, link: &link, name: "" }),
    })
}

fn as_visitor<'p>(visitor: &Visitor, frame: Frame, invitation: Invitation, link: &'p str) -> Joining<'p> {
    let member = visitor.me.organizations.iter().any(|of| of.name == invitation.organization);
    Joining { frame, invitation, me: Some(visitor.me.name.to_string()), member, link, name: "" }
}

async fn join(
    State(api): State<Api>,
    peer: From,
    Path(link): Path<String>,
    fields: Fields,
) -> Result<Response, Refused> {
    let value = Secret::new(link.as_str());
    let name = fields.one("name");
    let joined = match name.parse::<UserName>() {
        Ok(name) => {
            let (invitation, password) = (Shown(value.clone()), Shown(Secret::new(fields.raw("secret-password"))));
            api.guard.hear(peer, api.management.join(Join { invitation, name, password })).await
        }
        Err(error) => Err(Fault::invalid("name", error.to_string())),
    };
    match joined {
        Ok(joined) => {
            let to = format!("/organizations/{}?said=joined", joined.organization);
            Ok(enter(&api, joined.id, Redirect::to(&to).into_response()).await)
        }
        Err(fault @ (Fault::Invalid { .. } | Fault::Conflict(_))) => {
            let frame = Frame::open().alert(sentence(&fault));
            let invitation = api.management.presented_invitation(&value).await?;
            let again = page(&Joining { frame, invitation, me: None, member: false, link: &link, name });
            Ok(to_mend(again))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Whoever signs in for the button lands where it stands.
async fn back(Path(link): Path<String>) -> Redirect {
    Redirect::to(&format!("/join/{}", segment(&link)))
}

async fn accept(
    State(api): State<Api>,
    peer: From,
    Path(link): Path<String>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let value = Secret::new(link.as_str());
    match api.guard.hear(peer, api.management.accept_invitation(&visitor.who, &value)).await {
        Ok(joined) => Ok(Redirect::to(&format!("/organizations/{}?said=joined", joined.organization)).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, "").alert(told(fault)?);
            let invitation = api.management.presented_invitation(&value).await?;
            let again = page(&as_visitor(&visitor, frame, invitation, &link));
            Ok(to_mend(again))
        }
    }
}
