//! `bellhop usage`: who used how much of what, by day or over a time.
//! Owns nothing.
//! Never an estimate: what providers have not said yet is not counted.

use super::{
    Console, Failure,
    api::{Api, asked},
    console::Form,
    moment::Moment,
    progress::Length,
};
use crate::{
    clock::Clock,
    identity::{Name, UserName},
    job::quota::Period,
    manage::usage::Usage as Report,
    store::By,
};
use clap::{Args, ValueEnum, builder::PossibleValue};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    bellhop usage --org acme --by member\n  \
    bellhop usage --by target --from 2026-10-01 --to 2026-11-01 --csv\n  \
    bellhop usage --org acme --by project --per day")]
pub struct Usage {
    /// What to sum up by
    #[arg(long, value_enum, default_value_t = By::User)]
    by: By,
    /// Each day or month (UTC) by itself
    #[arg(long, value_name = "PERIOD")]
    per: Option<Period>,
    /// Only this user's
    #[arg(long)]
    user: Option<UserName>,
    /// Only what this organization pays for
    #[arg(long, value_name = "ORGANIZATION")]
    org: Option<Name>,
    /// From this day on; without it, from the first of this month (UTC)
    #[arg(long, value_name = "DATE")]
    from: Option<Moment>,
    /// Up to before this day; without it, up to now
    #[arg(long, value_name = "DATE")]
    to: Option<Moment>,
    /// Print comma-separated values (RFC 4180)
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    form: Form,
}

impl Usage {
    pub async fn run(self, api: &Api, console: &mut Console<'_>) -> Result<(), Failure> {
        let now = Clock::system().now();
        let moment = |moment: Option<Moment>| moment.map(|moment| moment.day(now).to_string());
        let query = [
            ("by", self.by.to_possible_value().map(|value| value.get_name().to_owned())),
            ("per", self.per.map(|per| per.to_string())),
            ("user", self.user.map(|name| name.to_string())),
            ("organization", self.org.map(|name| name.to_string())),
            ("from", moment(self.from)),
            ("to", moment(self.to)),
        ];
        let progress = console.begin(self.form, "summing up", Length::Unknown);
        let report: Report = progress.during(api.get(&asked("/usage", &query))).await?;
        drop(progress);
        if self.csv {
            console.say(report.csv());
        } else {
            let columns = ["period", "name", "jobs", "shots", "qpu_seconds", "cost"];
            console.table(self.form, &columns[usize::from(self.per.is_none())..], &report.items);
        }
        Ok(())
    }
}

/// What the store can sum up by, in the words of the command line.
impl ValueEnum for By {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::User,
            Self::Organization,
            Self::Project,
            Self::Token,
            Self::Credential,
            Self::Provider,
            Self::Target,
            Self::Day,
            Self::Month,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::User => PossibleValue::new("member").alias("user"),
            Self::Organization => PossibleValue::new("organization").alias("org"),
            Self::Project => PossibleValue::new("project"),
            Self::Token => PossibleValue::new("token"),
            Self::Credential => PossibleValue::new("credential"),
            Self::Provider => PossibleValue::new("provider"),
            Self::Target => PossibleValue::new("target"),
            Self::Day => PossibleValue::new("day"),
            Self::Month => PossibleValue::new("month"),
        })
    }
}
