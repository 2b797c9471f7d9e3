//! Addresses of pages: what stands in a path, and what a filter says.
//! Owns nothing.
//! Never a value that could be read as a part of the address.

use crate::manage::{
    jobs::{Job, JobAt},
    submissions::Submission,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// With these values, but for those that are empty.
pub fn asked(path: &str, values: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(values.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        none if none.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// One job's, wherever else there is one of this id.
pub fn to_job(job: &Job, said: &str) -> String {
    let (provider, id, account) = (job.provider.clone(), job.id.clone(), Some(job.account.clone()));
    at_job(&JobAt { provider, id, account }, "", said)
}

/// `act` is what stands behind the job, such as `/cancel`; `said`, what the page is to say of an act before it.
pub fn at_job(at: &JobAt, act: &str, said: &str) -> String {
    let [provider, id] = [&at.provider, &at.id].map(|text| utf8_percent_encode(text, SEGMENT));
    let account = at.account.as_deref().unwrap_or_default();
    asked(&format!("/jobs/{provider}/{id}{act}"), &[("account", account), ("said", said)])
}

pub fn to_submission(submission: &Submission) -> String {
    format!("/submissions/{}", submission.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_an_id_stays_in_its_segment() {
        let at = |id: &str, account: Option<&str>| JobAt {
            provider: "ionq".into(),
            id: id.into(),
            account: account.map(Into::into),
        };
        assert_eq!(at_job(&at("a/b?c#d e%2F", None), "/cancel", ""), "/jobs/ionq/a%2Fb%3Fc%23d%20e%252F/cancel");
        assert_eq!(at_job(&at("crn:v1", Some("a&b")), "", "saved"), "/jobs/ionq/crn%3Av1?account=a%26b&said=saved");
        assert_eq!(asked("/jobs", &[("of", ""), ("provider", "ionq")]), "/jobs?provider=ionq");
    }
}
