//! Roles and what they permit, as one table.
//! `owner` ⊃ `maintainer` ⊃ `member`: the order of the enum is the order of power.
//! Nothing else in the code compares roles: everybody asks `permits`.

use std::{fmt, str::FromStr};

#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Member,
    Maintainer,
    Owner,
}

/// What somebody wants to do in an organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Run jobs with the organization's credentials, and with those of the projects one is a member of.
    UseCredentials,
    /// Run jobs in any project of the organization.
    UseEveryProject,
    /// Add, rotate, disable and delete the organization's credentials.
    ManageCredentials,
    /// See and cancel every member's jobs.
    SeeEveryJob,
    /// Make projects and choose their members.
    ManageProjects,
    /// Add and remove members and change their roles; change the organization itself.
    ManageMembers,
}

impl Role {
    pub const fn permits(self, act: Act) -> bool {
        let least = match act {
            Act::UseCredentials => Self::Member,
            Act::UseEveryProject | Act::ManageCredentials | Act::SeeEveryJob | Act::ManageProjects => Self::Maintainer,
            Act::ManageMembers => Self::Owner,
        };
        self as u8 >= least as u8
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Maintainer => "maintainer",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no role: write `owner`, `maintainer` or `member`")]
pub struct NotARole(String);

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        [Self::Member, Self::Maintainer, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| NotARole(text.escape_debug().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_one_below_it_may() {
        use Act::*;
        for act in [UseCredentials, UseEveryProject, ManageCredentials, SeeEveryJob, ManageProjects, ManageMembers] {
            assert!(Role::Owner.permits(act));
            assert!(!Role::Member.permits(act) || Role::Maintainer.permits(act));
        }
        assert!(Role::Member.permits(UseCredentials));
        assert!(!Role::Member.permits(UseEveryProject));
        assert!(!Role::Maintainer.permits(ManageMembers));
    }
}
