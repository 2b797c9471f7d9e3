//! Why a request was refused because of what is on record, or could not be put there.
//! Owns nothing; each of these makes one [`Refusal`].
//! Never tells what is another's from what is not there, and never repeats an id.

use super::{Code, Refusal, not_allowed, not_forwarded, unreadable, what};
use crate::{
    directory::Grant,
    identity::Context,
    job::quota::Exceeded,
    jobs::{NotBound, NotIntended},
    provider::reading::Unreadable,
    proxy::{Asked, relay::Incomplete, submit::Lost},
};
use http::StatusCode;

/// For another's and for what is not there, to the byte.
pub fn unknown_job(asked: &Asked<'_>) -> Refusal {
    Refusal::new(
        Code::UnknownJob,
        format!(
            "None of your jobs at {} has this id. Under an organization's token you reach what you submitted through \
             Bellhop yourself; its maintainers reach everything.",
            asked.provider.preset().name
        ),
    )
}

/// What the request names is not known here, and the record of it cannot be asked.
pub fn record_not_read() -> Refusal {
    Refusal::record_unavailable(
        "Bellhop cannot look up right now whose this is, and which provider token made it: its store does not answer. \
         Try again shortly.",
    )
}

pub fn not_settled(asked: &Asked<'_>) -> Refusal {
    let detail = "A submission of yours is not settled yet, so that nobody can say whether this id is yours. Try again \
                  shortly; `bellhop job list --unknown` shows submissions whose fate is not known.";
    Refusal::record_unavailable(detail).with("provider", asked.provider.id())
}

pub fn not_open_when_shared(asked: &Asked<'_>, grant: &Grant) -> Refusal {
    not_allowed(format!(
        "{} is not open to members under the shared credential `{}` of {}: it is about the account as a whole, or about \
         what Bellhop cannot tell to be yours. Ask a maintainer, or use a credential of your own.",
        what(asked),
        grant.label,
        grant.home()
    ))
}

/// A request that may name things, and cannot be read.
pub fn names_not_read(asked: &Asked<'_>, because: Unreadable) -> Refusal {
    let refusal = Refusal::bad_request(format!(
        "{} names jobs or other things by their ids, and cannot be read: {because}. Send it as your SDK does.",
        what(asked)
    ));
    if because == Unreadable::TooLarge { refusal.status(StatusCode::PAYLOAD_TOO_LARGE) } else { refusal }
}

pub fn body_not_read(asked: &Asked<'_>, why: Incomplete) -> Refusal {
    let detail = format!("The body of {} cannot be read: {}.", what(asked), why.because());
    let status = if why == Incomplete::TooLarge { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::REQUEST_TIMEOUT };
    Refusal::bad_request(detail).status(status).close()
}

pub fn several_purses(asked: &Asked<'_>) -> Refusal {
    Refusal::bad_request(format!(
        "{} names things that were made with different provider tokens, and can be sent with one only. Ask about them \
         one by one.",
        what(asked)
    ))
}

pub fn another_context(asked: &Asked<'_>, named: &Context, grant: &Grant) -> Refusal {
    Refusal::bad_request(format!(
        "{} is for something that {} paid for, so that {} pays for it as well; the request names {named}. Leave the \
         context out.",
        what(asked),
        grant.home(),
        grant.home()
    ))
}

/// Why a submission was not sent, or why the answer to it is not passed on.
pub fn lost(asked: &Asked<'_>, lost: Lost) -> Refusal {
    match lost {
        Lost::NotIntended(why) => not_intended(asked, why),
        Lost::NotAnswered(error, waiting) => not_forwarded(asked, &error, waiting),
        Lost::Unreadable(because) => unreadable(asked, because),
        Lost::NotBound(why) => not_bound(asked, why),
        Lost::CallerLeft => nobody_answered(asked),
    }
}

fn not_intended(asked: &Asked<'_>, why: NotIntended) -> Refusal {
    match why {
        NotIntended::Unavailable => Refusal::record_unavailable(
            "The submission cannot be put on record right now, and nothing is sent that is not. Try again shortly.",
        ),
        NotIntended::Exceeded(exceeded) => over_quota(&exceeded),
        NotIntended::Taken => not_allowed(format!(
            "{} has an id, or a mark of repetition, that is in use already. Let your SDK make a new one.",
            what(asked)
        )),
    }
}

fn over_quota(exceeded: &Exceeded) -> Refusal {
    let Exceeded { quota, used, renews } = exceeded;
    let scale = quota.measure.scale();
    let told =
        |amount: u64| if scale == 1 { amount.to_string() } else { format!("{:.2}", amount as f64 / scale as f64) };
    let detail = format!(
        "The quota of {} {} a {}, set by {}, leaves no room for this: {} are used or held. It renews at {renews}.",
        told(quota.limit),
        quota.measure,
        quota.period,
        quota.set_by,
        told(*used)
    );
    Refusal::new(Code::OverQuota, detail).with("quota", quota.id.to_string()).with("renews", renews.to_string())
}

pub fn not_bound(asked: &Asked<'_>, why: NotBound) -> Refusal {
    match why {
        NotBound::Foreign => unreadable(asked, "it names a job that is on record as another member's"),
        NotBound::Unavailable => {
            Refusal::record_unavailable("The provider answered, and what it made cannot be put on record right now.")
                .submit_unknown(asked.provider.preset().lost_submit)
        }
    }
}

/// A cancel is asked for again without harm, unlike a submission.
pub fn cancel_not_noted(asked: &Asked<'_>) -> Refusal {
    Refusal::record_unavailable(
        "The provider took the cancel, but its entry in the audit trail cannot be written right now, and without one \
         nobody is told of it. Look at the job before you cancel it again.",
    )
    .with("provider", asked.provider.id())
}

/// Whoever was to answer is gone.
pub fn nobody_answered(asked: &Asked<'_>) -> Refusal {
    unreadable(asked, "it did not come to an end")
}
