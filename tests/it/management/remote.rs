//! Commands that speak to a Bellhop elsewhere, with nothing of it but its address and a token.

use super::cast::Cast;
use crate::support::{Pat, Site};

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_from_another_machine() {
    let cast = Cast::assemble().await;
    let there = cast.elsewhere(&cast.iris);

    let made = there.run(&["token", "create", "alan", "ci", "--scopes", "manage"]).await.assert_code(0);

    let value = Pat::printed(made.out.trim());
    assert_eq!(cast.get(&value, "/whoami").await.json()["user"]["name"], "alan");
    let listed = there.run(&["token", "list", "alan", "--json"]).await.assert_code(0);
    assert!(listed.out.contains("\"ci\"") && !listed.out.contains(value.as_str()));
    there.run(&["token", "revoke", "alan", "ci"]).await.assert_code(0);
    cast.get(&value, "/whoami").await.assert_problem(401, "unknown-token");
    let again = there.run(&["token", "revoke", "alan", "ci"]).await.assert_code(1);
    assert!(again.err.contains("there is no such token"), "{}", again.err);
    assert!(!there.data().exists(), "a store was opened here");
}

#[tokio::test]
async fn what_goes_wrong_says_where_to_look() {
    let cast = Cast::assemble().await;
    let refused = cast.elsewhere(&cast.eve).run(&["token", "list", "alan"]).await.assert_code(1);
    assert!(refused.err.contains("no such user, or it is not yours to see"), "{}", refused.err);
    let unknown = cast.elsewhere(&Pat::fake()).run(&["token", "list"]).await.assert_code(1);
    assert!(unknown.err.contains("scope `manage`"), "{}", unknown.err);

    let proxy = format!("http://{}", cast.bellhop.addresses.proxy);
    let wrong_door = Site::empty().environment("BELLHOP_URL", &proxy).environment("BELLHOP_TOKEN", cast.iris.as_str());
    let wrong_door = wrong_door.run(&["token", "list"]).await.assert_code(1);
    assert!(wrong_door.err.contains("it is the admin listener's address"), "{}", wrong_door.err);
    let no_token = Site::empty().environment("BELLHOP_URL", &proxy).run(&["token", "list"]).await.assert_code(1);
    assert!(no_token.err.contains("BELLHOP_TOKEN"), "{}", no_token.err);
    let nobody =
        Site::empty().environment("BELLHOP_URL", "http://127.0.0.1:1").environment("BELLHOP_TOKEN", cast.iris.as_str());
    let nobody = nobody.run(&["token", "list"]).await.assert_code(1);
    assert!(nobody.err.contains("127.0.0.1:1: it cannot be reached"), "{}", nobody.err);
    let store_only = cast.elsewhere(&cast.iris).run(&["migrate"]).await.assert_code(2);
    assert!(store_only.err.contains("without BELLHOP_URL"), "{}", store_only.err);
}
