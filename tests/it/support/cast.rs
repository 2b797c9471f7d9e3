//! The casts that many stories share.

use super::{ACME_KEY, ADA_KEY, Bellhop, OPTICS_KEY, Pat, Site, Upstream};

/// Ada, who pays at IonQ with a key of her own.
pub async fn ada_at(ionq: &Upstream) -> (Bellhop, Pat) {
    ada_on(Site::facing(ionq)).await
}

/// The same at a site with a configuration of its own.
pub async fn ada_on(mut site: Site) -> (Bellhop, Pat) {
    let ada = site.user("ada").key(ADA_KEY).pat();
    (site.serve().await, ada)
}

/// Ada has no key of her own; her organization and its project optics have one each.
pub fn acme_with_optics(ionq: &Upstream) -> (Site, Pat) {
    let mut site = Site::facing(ionq);
    let ada = site.user("ada").pat();
    site.organization("acme").key(ACME_KEY).member("ada", "member").project("optics", &["ada"]);
    site.organization("acme").project_key("optics", OPTICS_KEY);
    (site, ada)
}
