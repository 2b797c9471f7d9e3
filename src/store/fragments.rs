//! Pieces of SQL that several nouns read with, written once.
//! Owns nothing.
//! Never anything but constants: `concat!` puts them together when this program is compiled.

/// A context's name, from the aliases of its organization and its project.
macro_rules! context_name {
    ($organization:literal, $project:literal) => {
        concat!("COALESCE(", $organization, ".name, 'me') || COALESCE('.' || ", $project, ".name, '')")
    };
}

/// The active context of user `u`, from the joins of `active_context_joins`.
macro_rules! active_context {
    () => {
        concat!("CASE WHEN a.user_id IS NULL THEN NULL ELSE ", context_name!("ao", "ap"), " END AS active")
    };
}

macro_rules! active_context_joins {
    () => {
        " LEFT JOIN active_contexts a ON a.user_id = u.id \
          LEFT JOIN organizations ao ON ao.id = a.organization_id \
          LEFT JOIN projects ap ON ap.id = a.project_id "
    };
}

/// The contexts of token `t`: `pin:acme allow:acme allow:me.thesis`.
macro_rules! token_contexts {
    () => {
        concat!(
            "(SELECT string_agg(c.purpose || ':' || ",
            context_name!("co", "cp"),
            ", ' ') FROM token_contexts c \
             LEFT JOIN organizations co ON co.id = c.organization_id \
             LEFT JOIN projects cp ON cp.id = c.project_id WHERE c.token_id = t.id) AS contexts"
        )
    };
}

/// Quotas `q`, as `read_quota` reads them.
macro_rules! select_quotas {
    ($rest:literal) => {
        concat!(
            "SELECT q.id, q.subject_kind, q.subject_id, q.within_id, q.provider, q.measure, q.period, q.amount, q.hold, \
                    q.set_by FROM quotas q WHERE ",
            $rest
        )
    };
}
