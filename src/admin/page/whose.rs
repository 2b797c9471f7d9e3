//! Whose jobs or usage a page is about: one's own, an organization's, everybody's.
//! Owns what is chosen, and what can be.
//! Never judges: what may not be seen is refused by the act that is asked for it.

use super::{
    form::Fields,
    frame::{Refused, Visitor},
    words::say,
};
use crate::{
    admin::api::Api,
    identity::{Context, role::Act},
    manage::{Of, Page, users::UsersWanted},
};

pub struct Whose {
    /// Empty: one's own; `*`: everybody's; else an organization.
    pub of: String,
    /// Only this member's; empty: of all of them.
    pub user: String,
    pub choices: Vec<Choice>,
    /// Whether others are to be seen at all.
    pub is_of_many: bool,
    /// Names to choose from.
    pub members: Vec<String>,
}

pub struct Choice {
    pub value: String,
    pub name: String,
}

/// As many as a list to choose from has.
const MOST: Page = Page { after: None, limit: Some(200) };

impl Whose {
    pub async fn read(api: &Api, visitor: &Visitor, fields: &Fields) -> Result<Self, Refused> {
        let (of, user) = (fields.one("of").to_owned(), fields.one("user").to_owned());
        let mut choices = vec![Choice { value: String::new(), name: say!("whose-mine") }];
        if visitor.admin {
            choices.push(Choice { value: "*".into(), name: say!("whose-everybody") });
        }
        for name in organizations(api, visitor).await? {
            choices.push(Choice { name: say!("whose-organization", name = name), value: name });
        }
        if !choices.iter().any(|choice| choice.value == of) {
            choices.push(Choice { value: of.clone(), name: of.clone() });
        }
        let is_of_many = match &*of {
            "" => visitor.admin && !user.is_empty(),
            "*" => visitor.admin,
            name => oversees(visitor, name),
        };
        let members = match &*of {
            _ if !is_of_many => Vec::new(),
            "" | "*" => {
                let users = api.management.users(&visitor.who, &UsersWanted::default(), &MOST).await?.items;
                users.into_iter().map(|user| user.name.to_string()).collect()
            }
            name => {
                let members = api.management.members(&visitor.who, name, &MOST).await?.items;
                members.into_iter().map(|member| member.name.to_string()).collect()
            }
        };
        Ok(Self { of, user, choices, is_of_many, members })
    }

    pub fn of(&self) -> Of {
        let user = Some(self.user.clone()).filter(|user| !user.is_empty());
        match &*self.of {
            "" => Of { user, organization: None },
            "*" => Of { user: user.or_else(|| Some("*".into())), organization: None },
            name => Of { user, organization: Some(name.into()) },
        }
    }

    pub fn is_mine(&self) -> bool {
        self.of.is_empty() && self.user.is_empty()
    }
}

async fn organizations(api: &Api, visitor: &Visitor) -> Result<Vec<String>, Refused> {
    if !visitor.admin {
        return Ok(visitor.me.organizations.iter().map(|organization| organization.name.to_string()).collect());
    }
    let all = api.management.organizations(&visitor.who, &MOST).await?.items;
    Ok(all.into_iter().map(|organization| organization.name.to_string()).collect())
}

/// Whether everything that this organization pays for is theirs to see and to decide.
fn oversees(visitor: &Visitor, organization: &str) -> bool {
    let mut mine = visitor.me.organizations.iter();
    visitor.admin || mine.any(|mine| mine.name.as_str() == organization && mine.role.permits(Act::SeeEveryJob))
}

/// Whether what this context pays for is theirs to decide; `None`: the context is gone.
pub fn decides(visitor: &Visitor, context: Option<&Context>) -> bool {
    let organization = context.and_then(|context| context.organization.as_ref());
    organization.map_or(visitor.admin, |name| oversees(visitor, name.as_str()))
}
