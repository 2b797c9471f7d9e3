//! What hands do to a form that nobody means: twice, backwards, in two tabs.

use super::{PASSWORD, Window, settle};
use crate::support::Site;

#[tokio::test]
async fn a_button_that_is_pressed_twice_acts_once_and_the_way_back_shows_no_secret() {
    let bellhop = Site::empty().serve().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    settle(&window, &bellhop).await;
    window.open("/tokens").await;
    window.fill("name", "laptop").await;

    window.press_twice("Make the token").await;

    window.until_reads("Copy it now").await;
    let value = window.text_of("#value").await;
    window.open("/tokens").await;
    window.until_reads("laptop").await;
    assert_eq!(window.source().await.matches("/revoke\"").count(), 1, "two tokens were made");
    // Back over the answer that showed it, and to the form before.
    for _ in 0..2 {
        window.back().await;
        assert!(!window.source().await.contains(&value), "the way back shows the token again");
    }
    // The form is as good as new.
    window.open("/tokens").await;
    window.fill("name", "desk").await;
    window.press("Make the token").await;
    window.until_reads("Copy it now").await;
    window.close().await;
}

#[tokio::test]
async fn who_signs_out_in_one_tab_loses_nothing_that_was_typed_in_another() {
    let bellhop = Site::empty().serve().await;
    let Some(window) = Window::at(&bellhop).await else { return };
    settle(&window, &bellhop).await;
    window.open("/tokens").await;
    window.fill("name", "laptop").await;
    let typed = window.another_tab().await;
    window.open("/").await;
    window.press("Sign out").await;
    window.until_reads("Forgotten, or never chosen?").await;
    window.to_tab(typed).await;

    window.press("Make the token").await;

    window.until_reads("Sign in").await;
    window.look("sign-in-again").await;
    window.fill("user", "ada").await;
    window.fill("secret-password", PASSWORD).await;
    window.press("Sign in").await;
    window.until_reads("Welcome back").await;
    window.look("resumed").await;
    window.press("Send it now").await;
    window.until_reads("Your new token “laptop”").await;
    window.close().await;
}
