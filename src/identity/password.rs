//! Passwords: Argon2id (RFC 9106), in the form of a PHC string.
//! Owns nothing.
//! Never kept, compared or printed as they are. Hashing takes tens of milliseconds and 19 MiB: not for a runtime's thread.

use crate::secret::Secret;
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

/// NIST SP 800-63B, for what is the only factor.
pub const SHORTEST: usize = 15;
/// Longer ones are somebody's attempt to keep us busy.
pub const LONGEST: usize = 1024;

#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed")]
pub struct NotHashed;

pub fn hash(password: &Secret) -> Result<Secret, NotHashed> {
    let hash: PasswordHash = Argon2::default().hash_password(password.expose().as_bytes()).map_err(|_| NotHashed)?;
    Ok(Secret::new(hash.to_string()))
}

pub fn fits(password: &Secret, hash: &Secret) -> bool {
    let hash = PasswordHash::new(hash.expose());
    hash.is_ok_and(|hash| Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok())
}

/// What is too easily guessed, or too long to be meant.
pub fn check(password: &Secret) -> Result<(), String> {
    match password.expose().chars().count() {
        SHORTEST..=LONGEST => Ok(()),
        length if length < SHORTEST => Err(format!("expected a password of at least {SHORTEST} characters")),
        _ => Err(format!("expected a password of at most {LONGEST} characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_alone_and_no_two_are_alike() {
        let password = Secret::new("fake correct horse battery");
        let hashed = hash(&password).unwrap();
        assert!(hashed.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(fits(&password, &hashed) && !fits(&Secret::new("fake correct horse batterz"), &hashed));
        assert!(!fits(&password, &Secret::new("no hash")) && hash(&password).unwrap().expose() != hashed.expose());
    }

    #[test]
    fn short_and_endless_ones_are_refused() {
        assert!(check(&Secret::new("äöü".repeat(5))).is_ok());
        assert!(check(&Secret::new("x".repeat(14))).is_err() && check(&Secret::new("x".repeat(1025))).is_err());
    }
}
