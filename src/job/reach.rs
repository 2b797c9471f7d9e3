//! Who may reach what on record: one pure rule, for the data plane and for the command line.
//! It says what may be asked about; what pays for the asking is the credential that made the thing, checked like any other.
//! Never decides by an id's looks: what is not on record is nobody's.

use super::Record;
use crate::{
    id::{OrganizationId, UserId},
    identity::{JobVisibility, Membership, Standing, role::Act},
};

/// How somebody comes to reach a thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It is theirs.
    Own,
    /// It is another member's, and they may see every job of the organization.
    Overseen,
}

/// How this person reaches this thing; `None` is told alike for what is another's and for what is not there.
///
/// What was made with an organization's credential is out of reach for who has left the organization, also their own.
pub fn reach(standing: &Standing, record: &Record) -> Option<Reach> {
    reach_of(standing, record.owner, record.organization)
}

/// The same, of whatever is this owner's and was paid for by this organization, or by the owner.
pub fn reach_of(standing: &Standing, owner: UserId, organization: Option<OrganizationId>) -> Option<Reach> {
    let own = owner == standing.user;
    match organization {
        None => own.then_some(Reach::Own),
        Some(organization) => {
            let membership = membership(standing, organization)?;
            if own { Some(Reach::Own) } else { oversees(membership).then_some(Reach::Overseen) }
        }
    }
}

/// Whether this person, paying with a credential of this organization's, may name only what is on record as theirs.
pub fn is_confined(standing: &Standing, organization: Option<OrganizationId>) -> bool {
    organization.is_some_and(|id| !membership(standing, id).is_some_and(oversees))
}

fn membership(standing: &Standing, organization: OrganizationId) -> Option<&Membership> {
    standing.memberships.iter().find(|m| m.organization == organization)
}

/// Whether this member may see every job of their organization.
pub fn oversees(membership: &Membership) -> bool {
    membership.job_visibility == JobVisibility::All || membership.role.permits(Act::SeeEveryJob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{CredentialId, SubmissionId},
        identity::role::Role,
        job::{JOB, Thing, ThingKey},
    };

    fn standing(user: UserId, organization: OrganizationId, role: Role, job_visibility: JobVisibility) -> Standing {
        let name = "acme".parse().unwrap();
        let membership = Membership { organization, name, role, job_visibility, projects: Box::default() };
        Standing {
            user,
            name: "ada".parse().unwrap(),
            admin: true,
            sign_in_by: crate::clock::Timestamp::MAX,
            active: None,
            memberships: [membership].into(),
        }
    }

    fn record(owner: UserId, organization: Option<OrganizationId>) -> Record {
        Record {
            key: ThingKey::new("ionq", &Thing { kind: JOB.into(), id: "j1".into() }),
            account: "a".into(),
            submission: SubmissionId::new(),
            owner,
            organization,
            credential: CredentialId::new(),
            ended: None,
        }
    }

    #[test]
    fn a_member_reaches_their_own_and_a_maintainer_everybodys() {
        let (ada, grace, acme, beta) = (UserId::new(), UserId::new(), OrganizationId::new(), OrganizationId::new());
        let hers = record(grace, Some(acme));
        for (role, visibility, expected) in [
            (Role::Member, JobVisibility::Own, None),
            (Role::Member, JobVisibility::All, Some(Reach::Overseen)),
            (Role::Maintainer, JobVisibility::Own, Some(Reach::Overseen)),
            (Role::Owner, JobVisibility::Own, Some(Reach::Overseen)),
        ] {
            let ada_there = standing(ada, acme, role, visibility);
            assert_eq!(reach(&ada_there, &hers), expected, "{role} {visibility:?}");
            assert_eq!(reach(&ada_there, &record(ada, Some(acme))), Some(Reach::Own));
            assert_eq!(is_confined(&ada_there, Some(acme)), expected.is_none());
            assert!(!is_confined(&ada_there, None));
            assert!(is_confined(&ada_there, Some(beta)));
        }
    }

    #[test]
    fn who_has_left_reaches_nothing_that_the_organization_paid_for() {
        let (ada, acme, beta) = (UserId::new(), OrganizationId::new(), OrganizationId::new());
        let elsewhere = standing(ada, beta, Role::Owner, JobVisibility::All);
        assert_eq!(reach(&elsewhere, &record(ada, Some(acme))), None);
        assert_eq!(reach(&elsewhere, &record(ada, None)), Some(Reach::Own));
        assert_eq!(reach(&elsewhere, &record(UserId::new(), None)), None);
    }
}
