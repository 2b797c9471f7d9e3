//! The casts that many stories share.

use super::{ADA_KEY, Bellhop, Pat, Site, Upstream};

/// Ada, who pays at IonQ with a key of her own.
pub async fn ada_at(ionq: &Upstream) -> (Bellhop, Pat) {
    ada_on(Site::facing(ionq)).await
}

/// The same at a site with a configuration of its own.
pub async fn ada_on(mut site: Site) -> (Bellhop, Pat) {
    let ada = site.user("ada").key(ADA_KEY).pat();
    (site.serve().await, ada)
}
