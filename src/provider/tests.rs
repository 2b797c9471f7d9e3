use super::*;

#[test]
fn the_shipped_presets_are_valid() {
    if let Err(error) = Catalog::shipped() {
        panic!("{error}")
    }
}
