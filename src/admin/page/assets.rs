//! What the pages load: a style, an icon and a script, all inside the binary.
//! Owns their addresses, which change with them: browsers may keep them for ever.
//! Never anything that is anybody's.

use axum::{Router, response::IntoResponse, routing::get};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::header;
use std::sync::LazyLock;

pub struct Asset {
    pub path: String,
    kind: &'static str,
    text: &'static str,
}

pub static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new("css", "text/css", include_str!("assets/style.css")));
pub static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript", include_str!("assets/page.js")));
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("assets/icon.svg")));

impl Asset {
    fn new(ending: &str, kind: &'static str, text: &'static str) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let mark = BASE64_URL_SAFE_NO_PAD.encode(&digest.as_ref()[..9]);
        Self { path: format!("/assets/{mark}.{ending}"), kind, text }
    }
}

pub fn router() -> Router {
    [&STYLE, &SCRIPT, &ICON].into_iter().fold(Router::new(), |router, asset| {
        let answer = async || {
            let kept = "public, max-age=31536000, immutable";
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, kept),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, asset.text).into_response()
        };
        router.route(&asset.path, get(answer))
    })
}
