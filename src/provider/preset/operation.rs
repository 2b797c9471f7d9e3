//! Operations: what a request is to its provider, and where ids, states and costs stand in it and in its answer.
//! Facts of a preset; matching, reading and filtering are done by those who have the request.
//! What is not stated here is not known: an unlisted path has no operation.

use super::{
    document::Document,
    login::Login,
    storage::{Location, ObjectPlace},
};
use crate::provider::{
    pointer::{NotAPointer, Pointer},
    template::{Found, Pattern},
};
use http::{HeaderName, HeaderValue};
use std::{fmt, ops::Range, str::FromStr, time::Duration};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    pub name: Box<str>,
    pub kind: Kind,
    pub patterns: Box<[Pattern]>,
    /// Things on record that the request names.
    pub uses: Box<[Reference]>,
    /// Things that the request brings into being.
    pub creates: Box<[Creation]>,
    pub reads: Readings,
    /// Choices in the request's body that a field of the credential allows or not.
    pub choices: Box<[BodyChoice]>,
    /// The client's own mark, by which a repetition of the request is known for one.
    pub repetition: Option<Place>,
    /// How many jobs the request's body asks for: as many as there are elements, or the number that stands there.
    pub count: Option<Pointer>,
    /// How a list is cut down to one member's own things.
    pub lists: Option<Listing>,
    /// Present in an element of a batch's answer that was refused by itself.
    pub item_error: Option<Pointer>,
    /// Texts in the answer that may be absolute URLs of the provider.
    pub rewrites: Box<[Pointer]>,
    /// How long the answer's head may take, where the preset's own figure does not do.
    pub head: Option<Duration>,
    /// How long the answer's body may pause; `None` for streams and long polls.
    pub silence: Option<Duration>,
    /// Set on the answer in the place of the provider's.
    pub answer_headers: Box<[(HeaderName, HeaderValue)]>,
    pub upgrade: Upgrade,
    /// Objects in the provider's storage that the request is about.
    pub objects: Box<[ObjectPlace]>,
    /// The only keys that its query may have, where it is something else with others.
    pub query: Option<Box<[Box<str>]>>,
    /// What its form must say, each once, where it is something else otherwise.
    pub form: Box<[(Box<str>, Box<str>)]>,
    pub format: Format,
    /// What Bellhop answers this with itself.
    pub login: Option<Login>,
    /// The body of a request of Bellhop's own.
    pub sends: Option<Document>,
}

impl Operation {
    /// Where the objects that a request is about are named.
    pub fn object_places(&self) -> impl Iterator<Item = &Place> {
        let places = self.objects.iter().flat_map(|object| match &object.at {
            Location::Parts { bucket, key } => [Some(bucket), key.as_ref()],
            Location::Uri(place) => [Some(place), None],
        });
        places.flatten()
    }

    /// Every pointer into its bodies and answers.
    pub fn pointers(&self) -> impl Iterator<Item = &Pointer> {
        let named = self.uses.iter().map(|used| &used.id).chain(self.creates.iter().map(|made| &made.id));
        let named = named.chain(self.object_places());
        let places = named.chain(&self.repetition).chain(self.reads.places()).filter_map(Place::pointer);
        let conditions = self.uses.iter().filter_map(|used| used.when.as_ref()).map(|condition| &condition.at);
        let choices = self.choices.iter().map(|choice| &choice.at);
        places.chain(conditions).chain(choices).chain(&self.count).chain(&self.reads.of)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
#[schema(as = OperationKind)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Anything that can cost.
    Submit,
    Poll,
    Result,
    Cancel,
    List,
    /// Catalogue, estimate: the same for every caller.
    Public,
    /// Says or changes something about the account as a whole.
    Account,
    /// Answered by Bellhop.
    Login,
    /// Needs no credential; none is attached.
    Open,
    /// Would hand out or destroy the shared credential.
    Blocked,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Submit,
        Self::Poll,
        Self::Result,
        Self::Cancel,
        Self::List,
        Self::Public,
        Self::Account,
        Self::Login,
        Self::Open,
        Self::Blocked,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Poll => "poll",
            Self::Result => "result",
            Self::Cancel => "cancel",
            Self::List => "list",
            Self::Public => "public",
            Self::Account => "account",
            Self::Login => "login",
            Self::Open => "open",
            Self::Blocked => "blocked",
        }
    }

    /// What a token with nothing but the scope `read` may do.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Poll | Self::Result | Self::List | Self::Public)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Upgrade {
    #[default]
    Refused,
    WebSocket,
}

/// What bodies and answers are written in, as far as they are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    #[default]
    Json,
    /// One message of gRPC each way; the members of its pointers are the numbers of fields.
    Grpc,
}

/// Where a text stands: `path job`, `query id`, `body /ids/*`, `answer /id`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A capture of the path.
    Path(Box<str>),
    /// Every value of a key in the query, each split at its commas.
    Query(Box<str>),
    /// In the request's JSON body.
    Body(Pointer),
    /// In the answer's JSON body.
    Answer(Pointer),
}

impl Place {
    pub const fn pointer(&self) -> Option<&Pointer> {
        match self {
            Self::Body(pointer) | Self::Answer(pointer) => Some(pointer),
            Self::Path(_) | Self::Query(_) => None,
        }
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotAPlace {
    #[error("expected `path <capture>`, `query <key>`, `body <pointer>` or `answer <pointer>`")]
    Form,
    #[error(transparent)]
    Pointer(#[from] NotAPointer),
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "path" if !rest.is_empty() => Ok(Self::Path(rest.into())),
            "query" if !rest.is_empty() => Ok(Self::Query(rest.into())),
            "body" => Ok(Self::Body(Pointer::parse(rest)?)),
            "answer" => Ok(Self::Answer(Pointer::parse(rest)?)),
            _ => Err(NotAPlace::Form),
        }
    }
}

/// A thing on record: its kind (`job`, `session`, `upload` …) and where its id is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reference {
    pub kind: Box<str>,
    pub id: Place,
    /// Only where this is so: what stands at the place may be something else than an id.
    pub when: Option<Condition>,
    pub spelling: Spelling,
}

/// What of the text at a place is an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Spelling {
    /// All of it.
    #[default]
    Whole,
    /// Any of its segments, where one is on record: the others are names that somebody chose.
    AnySegment,
}

/// A text that must stand in the request's body, in the same element as what depends on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    pub at: Pointer,
    pub is: Box<str>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Creation {
    pub kind: Box<str>,
    /// In the request where the client makes the id.
    pub id: Place,
    /// Where the id is only what follows the last of this.
    pub after: Option<Box<str>>,
    /// The kind of the thing, used or created by the same request, that this one belongs to.
    pub parent: Option<Box<str>>,
}

impl Creation {
    /// Belongs to a thing of its own kind, as the circuits of a job do: counted with that, and not always there.
    pub fn is_child(&self) -> bool {
        self.parent.as_ref() == Some(&self.kind)
    }

    /// The id within the text that stands at its place; `None` where nothing is left.
    pub fn id_within(&self, text: Box<str>) -> Option<Box<str>> {
        let Some(after) = &self.after else { return Some(text) };
        let (_, id) = text.rsplit_once(&**after)?;
        (!id.is_empty()).then(|| id.into())
    }
}

/// A text in the request's body that must be among the values of a plain field, where the credential has that field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BodyChoice {
    pub at: Pointer,
    pub field: Box<str>,
}

/// What the ledger wants to know of a job. Of several places, the first that says it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Readings {
    /// Which things the figures are of, where the answer says it.
    pub of: Option<Pointer>,
    pub status: Box<[Place]>,
    /// What the numbers are called of which a status is one.
    pub status_names: Box<[Box<str>]>,
    pub target: Box<[Place]>,
    pub shots: Box<[Place]>,
    pub qpu_time: Option<(Box<[Place]>, TimeUnit)>,
}

impl Readings {
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        let time = self.qpu_time.iter().flat_map(|(places, _)| places);
        self.status.iter().chain(&self.target).chain(&self.shots).chain(time)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum TimeUnit {
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
    #[serde(rename = "us")]
    Microseconds,
}

impl TimeUnit {
    pub const fn in_microseconds(self) -> u32 {
        match self {
            Self::Seconds => 1_000_000,
            Self::Milliseconds => 1_000,
            Self::Microseconds => 1,
        }
    }
}

/// A list in an answer: the array, and the id within each of its elements.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    pub kind: Box<str>,
    pub items: Pointer,
    pub id: Pointer,
    /// The answer's number of all the entries that there are, of which the list is a page.
    pub total: Option<Pointer>,
    /// The key in the query that says how many of them come before the page.
    pub offset: Option<Box<str>>,
}

/// An operation that a request was found to be.
#[derive(Clone, Copy, Debug)]
pub struct Match<'p> {
    pub operation: &'p Operation,
    /// The template that fitted; its text names the path in refusals without naming ids.
    pub pattern: &'p Pattern,
    found: Found,
}

impl<'p> Match<'p> {
    pub(in crate::provider) fn new(operation: &'p Operation, found: Found) -> Option<Self> {
        let pattern = operation.patterns.get(usize::from(found.pattern))?;
        Some(Self { operation, pattern, found })
    }

    /// Names of the captures, and where each stands in the raw path.
    pub fn captures(&self) -> impl Iterator<Item = (&'p str, Range<usize>)> + use<'p> {
        let found = self.found;
        self.pattern.captures().enumerate().filter_map(move |(at, name)| Some((name, found.span(at)?)))
    }

    /// Where one capture stands in the raw path.
    pub fn capture(&self, name: &str) -> Option<Range<usize>> {
        self.captures().find(|(n, _)| *n == name).map(|(_, span)| span)
    }
}
