//! The quotas of an organization: what is set, how much of it is used, a new one, the end of one.
//! Owns nothing.
//! Never shows a member anybody's share but their own.

use super::{At, Of, PATH};
use crate::{
    admin::{
        api::Api,
        page::{
            confirm::Weigh,
            form::{Fields, Sent},
            frame::{Frame, Refused, Visitor, told},
            page, to_mend,
            words::say,
        },
    },
    id::QuotaId,
    identity::Context,
    job::quota::{Measure, Period},
    manage::{
        Fault, Page,
        projects::{self, Project},
        quotas::{Quota, SetQuota},
    },
};
use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

pub fn routes() -> Router<Api> {
    Router::new()
        .route("/organizations/{organization}/quotas", get(list).post(set))
        .route("/organizations/{organization}/quotas/{id}/remove", get(ask).post(remove))
}

#[derive(Template)]
#[template(path = "organization/quotas.html")]
struct Quotas {
    frame: Frame,
    of: Of,
    list: Vec<Quota>,
    next: Option<String>,
    admin: bool,
    projects: Vec<Project>,
    providers: Vec<(String, String)>,
    wish: Wish,
}

/// What stands in the form.
struct Wish {
    context: String,
    member: String,
    measure: Measure,
    period: Period,
    limit: String,
    provider: String,
    hold: String,
}

/// How much of a quota is used, as a bar of a hundred.
struct Bar {
    wide: u64,
    kind: &'static str,
    text: String,
}

const MEASURES: [Measure; 4] = [Measure::Jobs, Measure::Shots, Measure::QpuSeconds, Measure::Money];
const PERIODS: [Period; 2] = [Period::Day, Period::Month];
/// Gone meanwhile, or never there.
const NOT_OFFERED: &str = "expected one that the form offers";
/// As many projects as the form offers.
const MANY: u16 = 200;

impl Default for Wish {
    fn default() -> Self {
        let none = String::new;
        let (measure, period) = (Measure::Jobs, Period::Month);
        Self { context: none(), member: none(), measure, period, limit: none(), provider: none(), hold: none() }
    }
}

impl Wish {
    fn read(fields: &Fields) -> Self {
        let text = |name| fields.one(name).to_owned();
        Self {
            context: text("context"),
            member: text("member"),
            measure: MEASURES.into_iter().find(|of| of.as_str() == fields.one("measure")).unwrap_or(Measure::Jobs),
            period: PERIODS.into_iter().find(|of| of.as_str() == fields.one("period")).unwrap_or(Period::Month),
            limit: text("limit"),
            provider: text("provider"),
            hold: text("hold"),
        }
    }

    fn wanted(&self) -> Result<SetQuota, Fault> {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let amount = |field, text: &str| {
            text.parse().map_err(|error: crate::config::Expected| Fault::invalid(field, error.to_string()))
        };
        let context: Context = self.context.parse().map_err(|_| Fault::invalid("context", NOT_OFFERED))?;
        Ok(SetQuota {
            user: some(&self.member),
            context: Some(context),
            credential: None,
            provider: some(&self.provider),
            measure: self.measure,
            period: self.period,
            limit: amount("limit", &self.limit)?,
            hold: if self.hold.is_empty() { None } else { Some(amount("hold", &self.hold)?) },
            set_by: None,
        })
    }

    fn is_detailed(&self) -> bool {
        !(self.provider.is_empty() && self.hold.is_empty())
    }
}

impl Quotas {
    fn measures(&self) -> [(Measure, String); 4] {
        MEASURES.map(|measure| (measure, say!("quota-measure", measure = measure.as_str())))
    }

    fn periods(&self) -> [(Period, String); 2] {
        PERIODS.map(|period| (period, say!("quota-period", period = period.as_str())))
    }

    fn removable(&self, quota: &Quota) -> bool {
        self.admin || (self.of.manages && !quota.operator)
    }

    fn bar(&self, quota: &Quota) -> Bar {
        let (used, limit) = (quota.used.0, quota.limit.0);
        let wide = used.saturating_mul(100).checked_div(limit).unwrap_or(100).min(100);
        let kind = match wide {
            0..80 => "",
            80..100 => "warn",
            _ => "bad",
        };
        Bar { wide, kind, text: say!("quota-used", used = quota.used.to_string(), limit = quota.limit.to_string()) }
    }
}

/// How much of what, in words.
fn what(quota: &Quota) -> String {
    let (measure, period) = (quota.measure.as_str(), quota.period.as_str());
    let amount = quota.limit.to_string();
    match &quota.provider {
        Some(provider) => {
            say!("quota-what-at", amount = amount, measure = measure, period = period, provider = provider)
        }
        None => say!("quota-what", amount = amount, measure = measure, period = period),
    }
}

async fn list(
    State(api): State<Api>,
    visitor: Visitor,
    Path(organization): Path<String>,
    Query(place): Query<Page>,
) -> Result<Response, Refused> {
    let frame = Frame::of(&visitor, PATH);
    render(&api, &visitor, &organization, (frame, place), None).await
}

async fn render(
    api: &Api,
    visitor: &Visitor,
    organization: &str,
    (frame, place): (Frame, Page),
    wish: Option<Wish>,
) -> Result<Response, Refused> {
    let of = Of::find(api, visitor, organization, At::Quotas).await?;
    let name = &of.organization.name;
    let context = Context::organization(name.clone());
    // Who does not oversee it is shown what binds them.
    let whose = if of.maintains { Some(name.as_str()) } else { None };
    let mut found = api.management.quotas(&visitor.who, whose, &place).await?;
    let is_here = |quota: &Quota| quota.context.as_ref().is_some_and(|at| at.organization == context.organization);
    found.items.retain(is_here);
    let mut projects = Vec::new();
    if of.manages {
        let (whose, many) = (projects::Of { purse: &context, user: None }, Page { after: None, limit: Some(MANY) });
        projects = api.management.projects(&visitor.who, (whose, None), &many).await?.items;
    }
    let current = api.management.current();
    let named = current.catalog.iter().map(|provider| (provider.id().to_owned(), provider.preset().name.to_string()));
    let mut providers: Vec<(String, String)> = named.collect();
    drop(current);
    providers.sort_by_key(|(_, name)| name.to_lowercase());
    let (list, next, admin, wish) = (found.items, found.next, visitor.admin, wish.unwrap_or_default());
    Ok(page(&Quotas { frame, of, list, next, admin, projects, providers, wish }))
}

async fn set(
    State(api): State<Api>,
    Path(organization): Path<String>,
    Sent { visitor, fields }: Sent,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Quotas).await?;
    let wish = Wish::read(&fields);
    let set = match wish.wanted() {
        Ok(wanted)
            if wanted.context.as_ref().is_some_and(|at| at.organization.as_ref() == Some(&of.organization.name)) =>
        {
            api.management.set_quota(&visitor.who, wanted, None).await
        }
        Ok(_) => Err(Fault::invalid("context", NOT_OFFERED)),
        Err(fault) => Err(fault),
    };
    match set {
        Ok(_) => Ok(Redirect::to(&format!("{}/quotas?said=saved", of.path())).into_response()),
        Err(fault) => {
            let fault = match fault {
                Fault::Missing(_) if wish.member.is_empty() => Fault::invalid("context", NOT_OFFERED),
                Fault::Missing(_) => {
                    let (name, organization) = (&wish.member, of.organization.name.to_string());
                    Fault::conflict(say!("quota-no-member", name = name, organization = organization))
                }
                other => other,
            };
            let frame = Frame::of(&visitor, PATH).alert(told(fault)?);
            let again = render(&api, &visitor, &organization, (frame, Page::default()), Some(wish)).await?;
            Ok(to_mend(again))
        }
    }
}

async fn ask(
    State(api): State<Api>,
    visitor: Visitor,
    Path((organization, id)): Path<(String, QuotaId)>,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Quotas).await?;
    let quota = api.management.quota(&visitor.who, id).await?;
    if !(visitor.admin || (of.manages && !quota.operator)) {
        return Err(Fault::missing("page").into());
    }
    Ok(page(&Weigh {
        frame: Frame::of(&visitor, PATH),
        heading: say!("quota-remove-heading", binds = quota.binds, what = what(&quota)),
        effects: vec![
            say!("quota-remove-used", used = quota.used.to_string(), limit = quota.limit.to_string()),
            say!("quota-remove-effect", binds = quota.binds),
        ],
        note: say!("quota-remove-back"),
        act: say!("quota-remove-go"),
        back: format!("{}/quotas", of.path()),
        keep: say!("confirm-keep"),
        field: None,
    }))
}

async fn remove(
    State(api): State<Api>,
    Path((organization, id)): Path<(String, QuotaId)>,
    Sent { visitor, .. }: Sent,
) -> Result<Response, Refused> {
    let of = Of::find(&api, &visitor, &organization, At::Quotas).await?;
    match api.management.remove_quota(&visitor.who, id, None).await {
        // Pressed twice, or gone in another tab.
        Ok(_) | Err(Fault::Missing(_)) => {
            Ok(Redirect::to(&format!("{}/quotas?said=removed", of.path())).into_response())
        }
        Err(fault) => Err(fault.into()),
    }
}
