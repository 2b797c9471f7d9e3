# What the page says, in English. One message for each thing that is said; `{ $name }` is put in as it is.
# The grammar is Project Fluent's: https://projectfluent.org

## Around every page

skip = Skip to the content
pages = Pages
administrator = administrator
sign-out = Sign out
more = More
never = never
copy = Copy
copied = Copied
section-run = Run jobs
section-access = Access
section-people = Organizations
section-installation = This installation
page-home = Home
page-connect = Connect your SDK
page-jobs = Jobs
page-usage = Usage
page-tokens = Personal access tokens
page-credentials = Provider tokens
page-explain = Which token pays?
page-organizations = Organizations
page-audit = Audit
page-users = Users
page-providers = Providers
page-health = Health
page-account = Your account
open-jobs = { $count ->
    [one] { $count } open job
   *[other] { $count } open jobs
}

## What has just happened

said-made = Made.
said-saved = Saved.
said-removed = Removed.
said-password = Your password is changed. Other sessions of yours have ended.

## When something cannot be shown

broken-heading = Not here
broken-now = This cannot be shown now. Try again in a moment.
broken-home = Home

## Getting in

sign-in = Sign in
sign-in-name = Name
sign-in-password = Password
sign-in-forgotten = Forgotten, or never chosen? An administrator of this Bellhop makes you a link by which you choose a password.
sign-in-kept = Your session has ended. What you typed is kept, but for secrets: sign in to go on with it.
resume = Welcome back
resume-text = Your session had ended when you sent a form, so nothing was changed. What you typed is still here, but for secrets, which you are asked for again.
resume-go = Send it now
resume-leave = Leave it
setup = Make the first administrator
setup-text = This Bellhop has nobody yet. Whoever is made here looks after it: makes users and organizations, and says who owns them.
setup-name = Your name
setup-go = Make the account
setup-bad-name = Name: { $error }.
choose = Choose your password
choose-title = Choose a password
choose-password = Password
choose-hint = 15 characters or more. A few words are easier to remember than a few signs.
choose-go = Keep this password

## Home

hello = Hello, { $name }
home-pays = What pays
home-pays-active = Your active context: what pays when neither a request nor its token says otherwise.
home-pays-rule = chosen for each request
home-pays-rule-text = Your own provider token if you have one, else that of the one organization of yours that offers one.
home-pays-change = Change what pays
home-organizations = Your organizations
home-organizations-none = None yet. An owner adds you by your name, { $name }.
home-open = Open jobs: { $count }
home-open-all = Open jobs of everybody: { $count }
home-open-more = more than { $count }
home-open-go = All jobs
home-open-none = Nothing is running or waiting.
home-month = Your jobs this month
home-month-all = Everybody’s jobs this month
home-month-go = All usage
home-month-none = No job was submitted this month.
home-by-project = By project
home-by-provider = By provider
steps = First steps
step-done = done
step-organization = Make an organization
step-organization-text = For people who share provider tokens. Whoever owns it adds members and projects.
step-credential = Add its provider token
step-credential-text = What the provider accepts. It is sealed, shown to nobody again, and pays for the members’ jobs.
step-token = Make a token for yourself
step-token-text = Your programs sign in to Bellhop with it, in the place of a provider’s token.
step-connect = Connect your SDK
step-connect-text = Point it at Bellhop and give it your token: everything else stays as it is.
attention = Needs attention
attention-now = now
attention-soon = soon
attention-token-over = Your token “{ $name }” was in use and expired on { $day }: what signs in with it is refused.
attention-token-soon = Your token “{ $name }” expires on { $day }.
attention-token-go = Make another
attention-credential-refused = { $provider } refuses the token “{ $name }” of { $context }. Jobs that it should pay for fail.
attention-credential-over = The { $provider } token “{ $name }” of { $context } expired on { $day }. Jobs that it should pay for are refused.
attention-credential-source = The { $provider } token “{ $name }” of { $context } cannot be read from its source; its last value is used for a while.
attention-credential-soon = The { $provider } token “{ $name }” of { $context } expires on { $day }.
attention-credential-go = Provider tokens
attention-quota = { $binds }: { $used } of { $limit } used { $period } ({ $measure }). It begins anew on { $day }.
attention-quota-day = today
attention-quota-month = this month
attention-quota-go = Who used it
attention-lost = { $more ->
    [yes] More than { $count }
   *[no] { $count }
} { $count ->
    [one] submission of yours is
   *[other] submissions of yours are
} of unknown fate.
attention-lost-of = { $more ->
    [yes] More than { $count }
   *[no] { $count }
} { $count ->
    [one] submission
   *[other] submissions
} of unknown fate in { $organization }.
attention-lost-all = { $more ->
    [yes] More than { $count }
   *[no] { $count }
} { $count ->
    [one] submission
   *[other] submissions
} of unknown fate.
attention-lost-go = Settle

## Amounts

unit-jobs = Jobs
unit-shots = Shots
unit-seconds = QPU time
unit-money = Cost
measure-jobs = jobs
measure-shots = shots
measure-seconds = seconds of QPU time
measure-money = cost
amount-jobs = { $count ->
    [one] { $count } job
   *[other] { $count } jobs
}
amount-shots = { $count ->
    [one] { $count } shot
   *[other] { $count } shots
}
amount-seconds = { $count } s
amount-money = a cost of { $count }

## Whose, and when

whose = Whose
whose-mine = Mine
whose-everybody = Everybody’s
whose-organization = Of { $name }
whose-member = Member
whose-member-any = anybody
context-gone = a deleted organization
user-gone = a deleted user
credential-gone = a deleted provider token
filter-go = Show
when-month = This month
when-last-month = Last month
when-30-days = The last 30 days
when-12-months = The last 12 months
when-dates = From one day to another
when-from = From
when-to = To
when-expected = expected a day such as 2027-01-31
when-backwards = expected a day that is not before the first one
when-too-long = expected at most { $years } years

## Charts

chart-rest = { $count ->
    [one] { $count } other
   *[other] { $count } others
}
chart-bar = { $period }, { $part }: { $amount }
chart-description = From { $from } to { $to }: { $all } in all. The most was on or in { $when }: { $most }.
chart-nothing = Nothing in this time.
chart-numbers = The same as numbers
chart-period = When
chart-all = All

## Usage

usage-text = What jobs have used, by the day (UTC) on which they were submitted. It is what providers told: a job that runs is counted, what it will take is not yet.
usage-measure = Measure
usage-by = By
usage-when = When
by-project = Project
by-member = Member
by-token = Personal access token
by-provider = Provider
by-target = Target
by-organization = Organization
by-credential = Provider token
usage-chart = { $measure } · { $by } · { $per }
usage-per-day = per day
usage-per-month = per month
usage-table = In all of this time
usage-csv = Download as CSV
usage-all = All together
usage-no-project = no project
usage-no-organization = paid for by people themselves
usage-no-target = target not told
usage-no-label = a provider token without a label
usage-no-name = no name
usage-none = No job was submitted in this time.
usage-notes = QPU time is in seconds. Cost is in the currency of the prices that this Bellhop is configured with, where it has any.

## Jobs

jobs-text = What was submitted through Bellhop, as far as providers have told of it.
jobs-any = Any
jobs-open = Open
jobs-ended = Ended
jobs-none = No job yet. Point your SDK at Bellhop, and what it submits appears here.
jobs-none-such = No job is like this.
jobs-none-here = Nothing on this page is yours to see.
jobs-all-mine = All my jobs
job = Job
job-title = Job { $id }
job-state = State
job-provider = Provider
job-target = Target
job-who = Who
job-pays = Pays
job-shots = Shots
job-qpu = QPU time
job-cost = Cost
job-submitted = Submitted
job-completed = completed
job-failed = failed
job-cancelled = cancelled
job-open = open
job-course = Course
job-was-submitted = Submitted
job-now = Now
job-word = In the word of { $provider }: { $word }.
job-untold = { $provider } has not told yet how it is. Bellhop learns it when the program that submitted it asks.
job-used = Used
job-not-told = not told yet
job-facts = Facts
job-with-token = with the token “{ $token }”
job-credential = Provider token
job-account = Account at the provider
job-submission = Submission
cancel = Cancel
cancel-heading = Cancel the job { $id }?
cancel-effect = { $provider } is asked to cancel it, with the provider token “{ $label }” that made it.
cancel-whose = It is { $user }’s job, not yours.
cancel-results = Results that are not there yet will never be.
cancel-paid = What it has used so far is still paid for by { $context }.
cancel-go = Cancel the job
adopt = Give to somebody
adopt-heading = Give the job { $id } to somebody
adopt-from = It is { $user }’s now, who will not see it any more, unless they may see every job.
adopt-from-nobody = It was a deleted user’s.
adopt-usage = Usage and quotas keep counting it for who submitted it.
adopt-to = To
adopt-go = Give it to them
adopt-back = Leave it
adopt-not-yours = only who oversees the organization that pays for it may do it
said-cancelled = The provider has taken the cancel. The job ends here when it tells so.
said-adopted = Done: the job is theirs.
said-settled = Settled. What it held of quotas is free again.

## Submissions of unknown fate

lost-heading = Of unknown fate
lost-text = Bellhop had begun to send these when the connection broke or nobody answered. The provider may have made a job, and may charge for it. Look there, then say what came of each; until then it counts towards quotas.
lost-settle = Settle
lost-more = There are more. They follow when these are settled.
lost-one = A submission of unknown fate
lost-one-text = Bellhop had begun to send it when the connection broke or nobody answered. Nobody here knows whether { $provider } made a job of it.
lost-settled = What came of it is known by now: there is nothing left to settle.
lost-look-for = Look for it at { $provider }
lost-asked = Asked for
lost-made = It made a job
lost-made-text = The job goes on record, and whose it is can ask about it and cancel it as if nothing had happened.
lost-job = The job’s id at the provider
lost-to = Whose it is
lost-made-go = Put it on record
lost-job-expected = expected the provider’s own id of the job
lost-never = It never arrived
lost-never-text = If the provider knows of no such job. What it holds of quotas is free again.
lost-never-go = It never arrived …
lost-not-yours = A maintainer or an owner of the organization that pays for it says what came of it.
lost-refuse-heading = Did it never arrive?
lost-refuse-record = It is kept on record as refused, and is in nobody’s usage.
lost-refuse-quota = What it holds of quotas is free again: { $asked }.
lost-refuse-wrong = If { $provider } made a job after all, nobody can ask about it through Bellhop but who oversees.
lost-refuse-go = It never arrived

## Audit

audit-text-all = Everything that was changed, submitted or cancelled here, by whom. Entries are chained: nobody can edit or remove one unseen.
audit-text-mine = What you have changed, submitted or cancelled. Administrators see everybody’s.
audit-when = When
audit-who = Who
audit-what = What
audit-subject = Subject
audit-detail = Detail
audit-anything = Anything
audit-search = Search
audit-older = Older
audit-export = Export
audit-none = Nothing has been written down yet.
audit-none-such = Nothing is found.
audit-all = Everything
audit-no-actor = There is nobody of this name. Write a user, `system` or `command-line`.
audit-by-system = Bellhop
audit-by-command-line = command line
verify = Verify
verify-text = Reads the whole trail, link by link, and holds it against the checkpoints on this machine. It finds what was edited, deleted, moved or cut off. It takes some seconds for each million entries.
verify-go = Verify the trail
verify-again = Verify again
verify-not-yours = only an administrator of this installation may do it
verify-intact = intact
verify-broken = not what was written
verify-entries = Entries
verify-count = { $count }, the newest has number { $last }
verify-checkpoints = Checkpoints
verify-held = { $count ->
    [one] held against { $count } checkpoint
   *[other] held against { $count } checkpoints
}
verify-checkpoint = Last checkpoint
verify-no-checkpoint = none yet: one is written each minute
verify-findings = Findings
verify-what-now = Keep a copy of the database and of the checkpoints as they are before you do anything else, and find out who could write to the store.
act-credential-added = Added a provider token
act-credential-changed = Changed a provider token
act-credential-deleted = Deleted a provider token
act-credential-disabled = Switched a provider token off
act-credential-enabled = Switched a provider token on
act-credential-probed = Asked a provider whether a token is good
act-credential-restricted = Restricted a provider token
act-credential-retired = Retired a provider token
act-credential-rotated = Gave a provider token new values
act-demo-furnished = Set up the demo
act-job-adopted = Gave a job to somebody
act-job-cancelled = Cancelled a job
act-job-cancelling = Asked for a job to be cancelled
act-job-not-cancelled = Could not cancel a job
act-job-settled = Settled a submission of unknown fate
act-job-submitted = Submitted a job
act-keys-made = Made the keys of this Bellhop
act-keys-rotated = Finished sealing keys under a new master key
act-keys-rotating = Began to seal keys under a new master key
act-link-made = Made a link for choosing a password
act-member-removed = Removed a member
act-member-set = Added a member or changed their role
act-organization-added = Made an organization
act-organization-changed = Changed an organization
act-organization-deleted = Deleted an organization
act-project-added = Made a project
act-project-changed = Changed a project
act-project-deleted = Deleted a project
act-project-member-added = Added somebody to a project
act-project-member-removed = Removed somebody from a project
act-quota-removed = Removed a quota
act-quota-set = Set a quota
act-session-begun = Signed in
act-session-ended = Signed out
act-signing-key-deleted = Deleted a signing key
act-signing-key-made = Made a signing key
act-token-changed = Changed a personal access token
act-token-created = Made a personal access token
act-token-made = Made a personal access token
act-token-replaced = Replaced a personal access token
act-token-revoked = Revoked a personal access token
act-user-added = Made a user
act-user-changed = Changed a user
act-user-deleted = Deleted a user
act-user-disabled = Disabled a user
act-user-enabled = Enabled a user
acts-credential = Provider tokens
acts-token = Personal access tokens
acts-job = Jobs
acts-session = Signing in and out
acts-user = Users
acts-link = Links for passwords
acts-organization = Organizations
acts-member = Members
acts-project = Projects
acts-quota = Quotas
acts-keys = Keys of this Bellhop
acts-signing-key = Signing keys

## Personal access tokens

tokens-text = What your programs and SDKs sign in with, in the place of a provider's token. Each is shown once, when it is made.
tokens-made = Your new token “{ $name }”
tokens-copy-now = Copy it now: nobody can show it again.
tokens-expires = It expires
tokens-none = You have no token yet. Make the first one below: for each machine or program one of its own, so that each can be ended by itself.
tokens-name = Name
tokens-may = May
tokens-for = For
tokens-created = Created
tokens-expiry = Expires
tokens-used = Last used
tokens-over = over
tokens-new = Make a token
tokens-new-name = laptop
tokens-new-expires = Expires in
tokens-new-days = { $days ->
    [365] a year
   *[other] { $days } days
}
tokens-new-pays = Pays with
tokens-new-pays-rule = what the rule chooses
tokens-new-limits = Limits
tokens-new-providers = Only these providers
tokens-new-contexts = Only these contexts
tokens-new-networks = Only from these networks
tokens-new-go = Make the token
scope-run = run jobs
scope-read = only read jobs and results
scope-manage = manage, as you do on this page
scope-run-short = run jobs
scope-read-short = read
scope-manage-short = manage
tokens-anything = anything that you may
tokens-pays-with = pays with { $context }
tokens-only = only { $list }
tokens-only-in = only in { $list }
tokens-only-from = only from { $list }
revoke = Revoke
revoke-which = Revoke { $name }
revoke-heading = Revoke “{ $name }”?
revoke-effect = Whatever signs in with it is refused within a second, also in the middle of a stream.
revoke-jobs = Jobs that it submitted go on, and any other token of yours finds them.
revoke-used = It was last used on { $day }.
revoke-unused = It has never been used.
revoke-go = Revoke the token
confirm-final = This cannot be undone.
confirm-keep = Keep it
