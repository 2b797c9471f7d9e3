//! Organizations: the list, a new one, and the pages of one. A file for each of its pages.
//! Owns nothing.
//! Never shows a button for what the visitor's role does not permit, and never lets on that there is one of a name.

mod invitations;
mod members;
mod projects;
mod quotas;
mod settings;

use super::{
    form::{Fields, Sent},
    frame::{Frame, Refused, Visitor, told},
    page, to_mend,
    words::say,
};
use crate::{
    admin::api::Api,
    identity::{
        Context, JobVisibility,
        role::{Act, Role},
    },
    manage::{
        Fault, Page,
        credentials::{Credential, Which},
        organizations::{CreateOrganization, Organization},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub const PATH: &str = "/organizations";

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/organizations", get(list).post(make))
        .route("/organizations/{organization}", get(overview))
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(projects::routes())
        .merge(quotas::routes())
        .merge(settings::routes())
}

#[derive(Template)]
#[template(path = "organizations.html")]
struct Organizations {
    frame: Frame,
    list: Vec<Organization>,
    next: Option<String>,
    admin: bool,
    me: String,
    name: String,
    owner: String,
}

#[derive(Template)]
#[template(path = "organization/overview.html")]
struct Overview {
    frame: Frame,
    of: Of,
    credentials: Vec<Credential>,
    more: bool,
}

/// The pages of one organization.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum At {
    Overview,
    Members,
    Invitations,
    Projects,
    Quotas,
    Webhooks,
    Settings,
}

pub struct Tab {
    pub path: String,
    pub name: String,
    pub current: bool,
}

/// The organization that a page is of, and what its visitor may do there.
pub struct Of {
    pub organization: Organization,
    /// Members, invitations, quotas, webhooks, the organization itself.
    manages: bool,
    /// Projects and provider tokens.
    maintains: bool,
    me: String,
    pub tabs: Vec<Tab>,
}

impl Organizations {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand everything on by reference")]
    fn named(&self, of: &Role) -> String {
        role(*of)
    }
}

impl Of {
    pub async fn find(api: &Api, visitor: &Visitor, name: &str, at: At) -> Result<Self, Refused> {
        let organization = api.management.organization(&visitor.who, name).await?;
        let may = |act| visitor.admin || organization.role.is_some_and(|role: Role| role.permits(act));
        let (manages, maintains) = (may(Act::ManageMembers), may(Act::ManageProjects));
        let path = format!("{PATH}/{}", organization.name);
        let tab = |of, end: &str, name| Tab { path: format!("{path}{end}"), name, current: of == at };
        let mut tabs = vec![
            tab(At::Overview, "", say!("organization-overview")),
            tab(At::Members, "/members", say!("members")),
            tab(At::Projects, "/projects", say!("projects")),
            tab(At::Quotas, "/quotas", say!("quotas")),
        ];
        if manages {
            tabs.insert(2, tab(At::Invitations, "/invitations", say!("invitations")));
            tabs.push(tab(At::Webhooks, "/webhooks", say!("webhooks")));
            tabs.push(tab(At::Settings, "/settings", say!("settings")));
        }
        Ok(Self { organization, manages, maintains, me: visitor.me.name.to_string(), tabs })
    }

    pub fn path(&self) -> String {
        format!("{PATH}/{}", self.organization.name)
    }

    pub fn role(&self) -> String {
        self.organization.role.map_or_else(|| say!("role-none"), role)
    }

    fn sees_all(&self) -> bool {
        self.organization.job_visibility == JobVisibility::All
    }
}

/// A role in words.
pub fn role(role: Role) -> String {
    match role {
        Role::Member => say!("role-member"),
        Role::Maintainer => say!("role-maintainer"),
        Role::Owner => say!("role-owner"),
    }
}

/// A role, and what it may do.
fn roles() -> [(Role, String); 3] {
    [
        (Role::Member, say!("role-member-may")),
        (Role::Maintainer, say!("role-maintainer-may")),
        (Role::Owner, say!("role-owner-may")),
    ]
}

fn role_in(fields: &Fields) -> Result<Role, Fault> {
    fields.one("role").parse().map_err(|_| Fault::invalid("role", "expected owner, maintainer or member"))
}

/// What stands in an address as it is: RFC 3986, section 2.3.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// As it stands in an address.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

async fn list(State(api): State<Api>, visitor: Visitor, Query(place): Query<Page>) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    let me = visitor.me.name.to_string();
    render_list(&api, &visitor, (frame, place), (String::new(), me)).await
}

async fn render_list(
    api: &Api,
    visitor: &Visitor,
    (frame, place): (Frame, Page),
    (name, owner): (String, String),
) -> Result<Response, Refused> {
    let found = api.management.organizations(&visitor.who, &place).await?;
    let (admin, me) = (visitor.admin, visitor.me.name.to_string());
    Ok(page(&Organizations { frame, list: found.items, next: found.next, admin, me, name, owner }))
}

async fn make(State(api): State<Api>, Sent { visitor, fields }: Sent) -> Result<Response, Refused> {
    let (name, owner) = (fields.one("name"), fields.some("owner"));
    let made = match name.parse() {
        Ok(name) => {
            let wanted =
                CreateOrganization { name, owner: owner.map(str::to_owned), job_visibility: JobVisibility::default() };
            api.management.create_organization(&visitor.who, wanted).await
        }
        Err(error) => Err(Fault::invalid("name", format!("{error}"))),
    };
    match made {
        Ok(made) => Ok(Redirect::to(&format!("{PATH}/{}?said=made", made.name)).into_response()),
        Err(fault) => {
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let typed = (name.to_owned(), owner.unwrap_or_default().to_owned());
            let again = render_list(&api, &visitor, (frame, Page::default()), typed).await?;
            Ok(to_mend(again))
        }
    }
}

/// As many as the overview shows.
const FEW: u16 = 8;

async fn overview(
    State(api): State<Api>,
    visitor: Visitor,
    Path(organization): Path<String>,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Overview).await?;
    let which = Which { context: Some(Context::organization(of.organization.name.clone())), ..Which::default() };
    let few = Page { after: None, limit: Some(FEW) };
    let found = api.management.credentials(&visitor.who, &which, &few).await?;
    let frame = Frame::of(&visitor, PATH);
    Ok(page(&Overview { frame, of, credentials: found.items, more: found.next.is_some() }))
}
