//! The audit trail as people read it: their own acts, and for administrators everybody's.
//! Owns nothing.
//! Never changes an entry: nothing can.

mod verify;
mod words;

pub use verify::{ask as ask_verify, verify};

use super::{
    form::Fields,
    frame::{Frame, Refused, Visitor, told},
    link, page, to_mend,
    usage::span,
    words::say,
};
use crate::{
    admin::api::{Api, audit::export},
    manage::{
        Fault, Page,
        audit::{AuditWanted, Entry},
    },
};
use askama::Template;
use axum::{extract::State, response::Response};
use http::{HeaderValue, Uri, header};
use jiff::ToSpan;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    admin: bool,
    wish: Wish,
    list: Vec<Entry>,
    next: Option<String>,
    export: String,
}

/// What is searched for, as it was typed.
struct Wish {
    actor: String,
    action: String,
    subject: String,
    from: String,
    to: String,
}

impl Wish {
    fn read(fields: &Fields) -> Self {
        let one = |name: &str| fields.one(name).to_owned();
        Self { actor: one("actor"), action: one("action"), subject: one("subject"), from: one("from"), to: one("to") }
    }

    fn values(&self) -> [(&str, &str); 5] {
        [
            ("actor", &self.actor),
            ("action", &self.action),
            ("subject", &self.subject),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn is_empty(&self) -> bool {
        self.values().iter().all(|(_, value)| value.is_empty())
    }
}

/// Who is no administrator asks for what they did, whatever the address says.
fn wanted(visitor: &Visitor, fields: &Fields) -> Result<AuditWanted, Fault> {
    let text = |name: &str| fields.some(name).map(str::to_owned);
    let next = |day: jiff::civil::Date| span::start(day.saturating_add(1.day()));
    Ok(AuditWanted {
        actor: if visitor.admin { text("actor") } else { Some("me".into()) },
        action: text("action"),
        subject: text("subject"),
        from: span::read(fields, "from")?.map(span::start),
        to: span::read(fields, "to")?.map(next),
    })
}

pub async fn list(State(api): State<Api>, visitor: Visitor, uri: Uri) -> Result<Response, Refused> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let place = Page { after: fields.some("after").map(Into::into), limit: None };
    let found = match wanted(&visitor, &fields) {
        Ok(wanted) => api.management.audit(&visitor.who, &wanted, &place).await,
        Err(fault) => Err(fault),
    };
    let (frame, wish) = (Frame::of(&visitor, "/audit"), Wish::read(&fields));
    let export = link::asked("/audit.ndjson", &wish.values());
    let admin = visitor.admin;
    match found {
        Ok(found) => {
            let more = |after: String| link::asked("/audit", &[&wish.values()[..], &[("after", &after)]].concat());
            let next = found.next.map(more);
            Ok(page(&Audit { frame, admin, wish, list: found.items, next, export }))
        }
        // Somebody of whom there is none is a search without a find, and what was typed stays.
        Err(fault) => {
            let text = if matches!(fault, Fault::Missing(_)) { say!("audit-no-actor") } else { told(fault)? };
            let nothing = Audit { frame: frame.alert(text), admin, wish, list: Vec::new(), next: None, export };
            Ok(to_mend(page(&nothing)))
        }
    }
}

/// All that is found, a line for each.
pub async fn lines(State(api): State<Api>, visitor: Visitor, uri: Uri) -> Result<Response, Refused> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let wanted = wanted(&visitor, &fields)?;
    let mut answer = export(api.management, visitor.who, wanted, None).await?;
    let name = HeaderValue::from_static("attachment; filename=\"audit.ndjson\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(answer)
}

impl Audit {
    fn who(&self, entry: &Entry) -> String {
        match (&entry.user, &*entry.actor) {
            (Some(user), _) => user.to_string(),
            (None, "system") => say!("audit-by-system"),
            (None, "command-line") => say!("audit-by-command-line"),
            (None, actor) => actor.to_owned(),
        }
    }

    /// In words, where there are any.
    fn what(&self, entry: &Entry) -> String {
        words::act(&entry.action).unwrap_or_else(|| entry.action.clone())
    }

    fn about(&self, entry: &Entry) -> String {
        let values = [("actor", &*self.wish.actor), ("subject", &entry.subject)];
        link::asked("/audit", &values)
    }

    /// Kinds of acts, by how their codes begin; and one that an address asks for.
    fn kinds(&self) -> Vec<(String, String)> {
        let mut kinds = words::kinds();
        let action = &self.wish.action;
        if !action.is_empty() && !kinds.iter().any(|(value, _)| value == action) {
            kinds.push((action.clone(), words::act(action).unwrap_or_else(|| action.clone())));
        }
        kinds
    }
}
