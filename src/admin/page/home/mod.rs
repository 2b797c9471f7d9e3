//! Home: what pays, what runs, what was used this month, and what wants somebody's attention.
//! Owns nothing.
//! Never of anybody of whom its reader may not know.

mod attention;
mod steps;

use super::{
    chart::{Chart, Size},
    figures::{Unit, grouped},
    frame::{Frame, Refused, Visitor},
    jobs::{context, state},
    link, page,
    usage::{self, View, span::Span},
    words::say,
};
use crate::{
    admin::api::Api,
    manage::{
        Of, Page,
        jobs::{Job, JobsWanted},
        tokens::Token,
        whoami::Me,
    },
    store::{By, Progress},
};
use askama::Template;
use attention::Attention;
use axum::{extract::State, response::Response};
use steps::Step;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    me: Me,
    admin: bool,
    steps: Vec<Step>,
    attention: Vec<Attention>,
    open: Vec<Job>,
    open_count: String,
    charts: Vec<Chart>,
}

const TOKENS: u16 = 200;
/// As many open jobs as are counted, and as are shown.
const COUNTED: u16 = 100;
const SHOWN: usize = 5;

pub async fn show(State(api): State<Api>, visitor: Visitor) -> Result<Response, Refused> {
    // Who looks after everybody looks at everybody.
    let of = Of { user: visitor.admin.then(|| "*".into()), organization: None };
    let first = Page { after: None, limit: Some(TOKENS) };
    let tokens = api.management.tokens(&visitor.who, (None, None), &first).await?.items;
    let open = JobsWanted { progress: Some(Progress::Open), ..JobsWanted::default() };
    let first = Page { after: None, limit: Some(COUNTED) };
    let mut open = api.management.jobs(&visitor.who, &of, open, &first).await?;
    let open_count = match open.next {
        Some(_) => say!("home-open-more", count = grouped(u64::from(COUNTED))),
        None => grouped(open.items.len() as u64),
    };
    open.items.truncate(SHOWN);
    let page_of = Home {
        frame: Frame::of(&visitor, "/"),
        steps: steps::of(&api, &visitor, &tokens).await?,
        attention: attention::of(&api, &visitor, &tokens).await?,
        charts: charts(&api, &visitor, &of).await?,
        open: open.items,
        open_count,
        admin: visitor.admin,
        me: visitor.me,
    };
    Ok(page(&page_of))
}

/// This month, by what was worked on and by where.
async fn charts(api: &Api, visitor: &Visitor, of: &Of) -> Result<Vec<Chart>, Refused> {
    let span = Span::month(api.management.now());
    let view = |by| View { by, span, unit: Unit::Jobs, size: Size::Small };
    let (projects, providers) = (("projects", say!("home-by-project")), ("providers", say!("home-by-provider")));
    let (projects, providers) = tokio::try_join!(
        usage::chart(api, visitor, of, projects, view(By::Project)),
        usage::chart(api, visitor, of, providers, view(By::Provider)),
    )?;
    let mut charts = vec![projects, providers];
    charts.retain(|chart| !chart.parts.is_empty());
    Ok(charts)
}

/// Whether SDKs can sign in with it now.
fn runs(token: &Token) -> bool {
    !token.expired && token.scopes.contains(&crate::identity::Scope::Run)
}
