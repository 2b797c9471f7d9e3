//! Whose token pays: the one rule, as the provider and the receipt tell it.

use crate::support::{
    ACME_KEY, ADA_KEY, Ask, CATALOGUE, OPTICS_KEY, Pat, Site, Upstream,
    cast::acme_with_optics,
    state::{ionq as ionq_key, with},
};
use serde_json::json;

const GLOBEX_KEY: &str = "fake-globex-ionq-key-canary";

fn in_context(pat: &Pat, context: &str) -> Ask {
    Ask::get(CATALOGUE).pat(pat).header("Bellhop-Context", context)
}

#[tokio::test]
async fn ones_own_key_comes_first() {
    let ionq = Upstream::accepting(&[ADA_KEY]).await;
    let (mut site, ada) = acme_with_optics(&ionq);
    site.user("ada").key(ADA_KEY);
    let bellhop = site.serve().await;

    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    assert_eq!(ionq.request().key(), ADA_KEY);
}

#[tokio::test]
async fn without_a_key_of_ones_own_the_one_organization_pays() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    site.organization("globex").member("ada", "owner");
    let bellhop = site.serve().await;

    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("acme", "organization");
}

#[tokio::test]
async fn to_a_member_of_a_project_the_projects_key_comes_before_the_organizations() {
    let ionq = Upstream::accepting(&[ACME_KEY, OPTICS_KEY]).await;
    let (mut site, ada) = acme_with_optics(&ionq);
    let grace = site.user("grace").pat();
    site.organization("acme").member("grace", "member");
    let bellhop = site.serve().await;

    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("acme.optics", "organization");
    bellhop.get(&grace, CATALOGUE).await.assert_paid_by("acme", "organization");
}

#[tokio::test]
async fn several_that_fit_are_refused_by_name() {
    let ionq = Upstream::accepting(&[ACME_KEY, GLOBEX_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    site.organization("globex").key(GLOBEX_KEY).member("ada", "member");
    let bellhop = site.serve().await;

    let answer = bellhop.get(&ada, CATALOGUE).await;
    answer.assert_refused("ambiguous-context");
    assert!(answer.detail().contains("acme") && answer.detail().contains("globex"), "{}", answer.detail());
    ionq.assert_untouched();

    bellhop.ask(&in_context(&ada, "globex")).await.assert_paid_by("globex", "named");
    assert_eq!(ionq.request().key(), GLOBEX_KEY);
}

#[tokio::test]
async fn who_has_nothing_to_pay_with_is_told_where_to_add_it() {
    let ionq = Upstream::accepting(&[]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    let bellhop = site.serve().await;

    let answer = bellhop.get(&ada, CATALOGUE).await;
    answer.assert_refused("no-credential");
    assert!(
        answer.detail().contains("ionq") && answer.detail().contains("credential add ionq@me"),
        "{}",
        answer.detail()
    );
    let named = bellhop.ask(&in_context(&ada, "me.thesis")).await;
    named.assert_refused("no-credential");
    assert!(named.detail().contains("`bellhop credential add ionq@me.thesis --user NAME`"), "{}", named.detail());
    ionq.assert_untouched();
}

#[tokio::test]
async fn the_request_comes_before_the_pin_and_the_pin_before_the_active_context() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY, OPTICS_KEY]).await;
    let (mut site, plain) = acme_with_optics(&ionq);
    let pinned = site.user("ada").key(ADA_KEY).active("acme").pat_with("pinned", &json!({ "context": "acme.optics" }));
    let bellhop = site.serve().await;

    bellhop.get(&plain, CATALOGUE).await.assert_paid_by("acme", "active");
    bellhop.get(&pinned, CATALOGUE).await.assert_paid_by("acme.optics", "pinned");
    bellhop.ask(&in_context(&pinned, "me")).await.assert_paid_by("me", "named");
    let keys: Vec<_> = ionq.requests().iter().map(|request| request.key().to_owned()).collect();
    assert_eq!(keys, [ACME_KEY, OPTICS_KEY, ADA_KEY]);
}

#[tokio::test]
async fn a_chosen_context_never_falls_back_to_another_purse() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let named = site.user("ada").key(ADA_KEY).pat();
    let pinned = site.user("ada").pat_with("pinned", &json!({ "context": "acme.bare" }));
    let active = site.user("grace").key("fake-grace-ionq-key-canary").active("acme.bare").pat();
    site.organization("acme")
        .key(ACME_KEY)
        .member("ada", "member")
        .member("grace", "member")
        .project("bare", &["ada", "grace"]);
    let bellhop = site.serve().await;

    bellhop.ask(&in_context(&named, "acme.bare")).await.assert_refused("no-credential");
    bellhop.get(&pinned, CATALOGUE).await.assert_refused("no-credential");
    bellhop.get(&active, CATALOGUE).await.assert_refused("no-credential");
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_key_that_is_switched_off_still_counts_as_having_one() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;
    bellhop.run(&["credential", "disable", "ionq@me", "--user", "ada"]).await.assert_code(0);

    let answer = bellhop.get(&ada, CATALOGUE).await;

    answer.assert_refused("no-credential");
    assert!(
        answer.detail().contains("disabled")
            && answer.detail().contains("`bellhop credential enable ionq@me --user NAME`"),
        "{}",
        answer.detail()
    );
    ionq.assert_untouched();
    bellhop.ask(&in_context(&ada, "acme")).await.assert_paid_by("acme", "named");
}

#[tokio::test]
async fn a_key_that_has_expired_still_counts_as_having_one() {
    let ionq = Upstream::accepting(&[ADA_KEY, ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let expired = with(&ionq_key(ADA_KEY), &json!({ "expires": "2020-01-01" }));
    let ada = site.user("ada").credential(&expired).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;

    let answer = bellhop.get(&ada, CATALOGUE).await;

    answer.assert_refused("no-credential");
    assert!(answer.detail().contains("expired"), "{}", answer.detail());
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_providers_refusal_never_makes_bellhop_try_another_key() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;

    let answer = bellhop.get(&ada, CATALOGUE).await;

    answer.assert_refused("credential-refused");
    assert!(answer.detail().contains("ionq key"), "the label: {}", answer.detail());
    assert!(answer.text().contains("no such key"), "the provider's own words: {}", answer.text());
    assert_eq!(ionq.request().key(), ADA_KEY);
}

#[tokio::test]
async fn an_organization_is_closed_to_who_is_not_in_it_and_looks_like_none() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    site.user("grace");
    site.organization("acme").key(ACME_KEY).member("grace", "owner");
    let bellhop = site.serve().await;

    let closed = bellhop.ask(&in_context(&ada, "acme")).await;
    let absent = bellhop.ask(&in_context(&ada, "nowhere")).await;

    closed.assert_refused("not-a-member");
    absent.assert_refused("not-a-member");
    assert_eq!(closed.text().replace("acme", "nowhere"), absent.text());
    ionq.assert_untouched();
}

#[tokio::test]
async fn a_project_is_open_to_its_members_and_to_maintainers() {
    let ionq = Upstream::accepting(&[OPTICS_KEY]).await;
    let (mut site, ada) = acme_with_optics(&ionq);
    let grace = site.user("grace").pat();
    let alan = site.user("alan").pat();
    site.organization("acme").member("grace", "member").member("alan", "maintainer");
    let bellhop = site.serve().await;

    bellhop.ask(&in_context(&ada, "acme.optics")).await.assert_paid_by("acme.optics", "named");
    bellhop.ask(&in_context(&alan, "acme.optics")).await.assert_paid_by("acme.optics", "named");
    bellhop.ask(&in_context(&grace, "acme.optics")).await.assert_refused("not-a-member");
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn an_organizations_key_may_be_granted_to_projects_only() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    let grace = site.user("grace").pat();
    let granted = with(&ionq_key(ACME_KEY), &json!({ "projects": ["optics"] }));
    site.organization("acme").credential(&granted).member("ada", "member").member("grace", "member");
    site.organization("acme").project("optics", &["ada"]).project("other", &["ada", "grace"]);
    let bellhop = site.serve().await;

    bellhop.ask(&in_context(&ada, "acme.optics")).await.assert_paid_by("acme", "named");
    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("acme", "organization");
    bellhop.ask(&in_context(&ada, "acme")).await.assert_refused("no-credential");
    bellhop.ask(&in_context(&ada, "acme.other")).await.assert_refused("no-credential");
    bellhop.get(&grace, CATALOGUE).await.assert_refused("no-credential");
    assert_eq!(ionq.requests().len(), 2);
}

#[tokio::test]
async fn a_key_may_be_restricted_to_members() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").pat();
    let grace = site.user("grace").pat();
    let restricted = with(&ionq_key(ACME_KEY), &json!({ "members": ["ada"] }));
    site.organization("acme").credential(&restricted).member("ada", "member").member("grace", "owner");
    let bellhop = site.serve().await;

    bellhop.ask(&in_context(&ada, "acme")).await.assert_paid_by("acme", "named");
    let answer = bellhop.ask(&in_context(&grace, "acme")).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(ionq.requests().len(), 1);
}

#[tokio::test]
async fn the_operator_may_forbid_keys_of_ones_own() {
    let ionq = Upstream::accepting(&[ACME_KEY]).await;
    let mut site = Site::facing(&ionq).set("providers.ionq.personal", false);
    let ada = site.user("ada").key(ADA_KEY).pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member");
    let bellhop = site.serve().await;

    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("acme", "organization");
    let answer = bellhop.ask(&in_context(&ada, "me")).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(ionq.request().key(), ACME_KEY);
}

#[tokio::test]
async fn a_project_of_ones_own_pays_when_it_is_named() {
    let ionq = Upstream::accepting(&[ADA_KEY, "fake-thesis-ionq-key-canary"]).await;
    let mut site = Site::facing(&ionq);
    let ada = site.user("ada").key(ADA_KEY).project("thesis", &ionq_key("fake-thesis-ionq-key-canary")).pat();
    let grace = site.user("grace").pat();
    let bellhop = site.serve().await;

    bellhop.get(&ada, CATALOGUE).await.assert_paid_by("me", "own");
    bellhop.get(&ada, "/ionq@me.thesis/v0.4/jobs/job-1").await.assert_paid_by("me.thesis", "named");
    bellhop.get(&grace, "/ionq@me.thesis/v0.4/jobs/job-1").await.assert_refused("no-credential");
    assert_eq!(ionq.requests().len(), 2);
}
