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
said-added = Added.
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
sign-in-with = Sign in with { $provider }
sign-in-or = Or with a name and a password of this Bellhop:
sign-in-forgotten = Forgotten, or never chosen? An administrator of this Bellhop makes you a link by which you choose a password.
sign-in-kept = Your session has ended. What you typed is kept, but for secrets: sign in to go on with it.
sign-in-kept-by-password = It is too much to be kept on the way to { $provider }: sign in with a name and a password to go on with it.
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
choose-provider = Instead of a password: this account is yours by that from then on.

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
usage-more = These are the { $count } that used most. The file has all of them.
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
act-audit-pruned = Deleted entries of the audit trail that were old enough
act-backup-made = Made a backup of the store
act-backup-restored = Put an earlier state of the store in its place
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
act-identity-removed = Untied an account from the identity provider
act-identity-set = Tied an account to the identity provider
act-invitation-made = Invited somebody
act-invitation-revoked = Took an invitation back
act-job-adopted = Gave a job to somebody
act-job-cancelled = Cancelled a job
act-job-cancelling = Asked for a job to be cancelled
act-job-not-cancelled = Could not cancel a job
act-job-settled = Settled a submission of unknown fate
act-job-submitted = Submitted a job
act-keys-made = Made the keys of this Bellhop
act-keys-prepared = Added a version to the master key
act-keys-rotated = Finished sealing keys under a new master key
act-keys-rotating = Began to seal keys under a new master key
act-link-made = Made a link for choosing a password
act-member-joined = Joined an organization
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
act-schema-contracted = Took away what earlier versions of Bellhop needed of the store
act-session-begun = Signed in
act-session-ended = Signed out
act-sign-in-refused = Was not let in by the identity provider
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
act-user-kept = Stayed an administrator, as the last one
act-webhook-changed = Changed a webhook
act-webhook-created = Made a webhook
act-webhook-deleted = Deleted a webhook
act-webhook-secret-rotated = Gave a webhook a new secret
act-webhook-tested = Tried a webhook
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
acts-backup = Backups
acts-schema = The store’s schema
acts-signing-key = Signing keys
acts-identity = Ties to the identity provider
acts-sign-in = Refused by the identity provider
acts-invitation = Invitations
acts-webhook = Webhooks
acts-audit = The trail itself

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

## Provider tokens

credentials-text = What providers are paid with: yours, and those of your organizations. Values go in here and never come out again; programs sign in with personal access tokens instead.
credentials-add = Add a provider token
credentials-first = Add your first provider token
credentials-first-text = It is the key or token that a provider, such as IonQ or D-Wave, gave you or your organization. Bellhop seals it, and pays with it for whoever may use it. Nobody who runs jobs ever sees it.
credentials-first-go = Choose the provider
credentials-none-such = There is none of this owner and provider.
credentials-all = Show all
credentials-owner = Owner
credentials-any-owner = everybody that I know of
credentials-provider = Provider
credentials-any-provider = all
credentials-show = Show
credentials-state = State
credentials-account = Account
credentials-account-unknown = not known
credentials-used = Last job
credentials-who = Who may use it
credentials-not-yours = for who manages it
mark-good = good
mark-unchecked = not checked yet
mark-refused = { $provider } refuses it
mark-unreachable = { $provider } did not answer
mark-expired = expired
mark-disabled = switched off
mark-retired = kept for open jobs
mark-source = its source cannot be read
credential-title = { $provider } · { $label }
credential-yours = yours
credential-of = { $context } of { $user }
credential-ownerless = a deleted owner
spent-by-you = you alone
spent-by-user = { $user } alone
spent-by-organization = every member of { $name }
spent-by-project = members of { $name }
spent-by-projects = only projects { $list }
spent-by-members = only { $list }
spent-by-nobody = nobody
credential-saved = Saved.
credential-takes-it = { $provider } takes it.
credential-refuses-it = { $provider } refuses it: jobs would be refused as well. Give it a new value, or look at the provider's own page whether it was revoked.
credential-no-answer = { $provider } did not answer when it was asked. Try again in a moment.
credential-rotate = Give it a new value
credential-edit = Name and restrict
credential-next = It can pay for jobs now
credential-next-text = Who may use it: { $who }. Point an SDK at Bellhop, and run one.
credential-health = Health
credential-asked = Checked
credential-last-job = Last job
credential-probe = Ask { $provider } now
credential-facts = Facts
credential-version = Value
credential-version-of = version { $version }, first entered
credential-ends = Ends
credential-source = Read from
credential-sealed = sealed, never shown
spenders = Who can pay with it now
spenders-none = Nobody can, as things are.
spenders-who = Who
spenders-by = Naming
spenders-tokens = With their tokens
spenders-no-token = no token that runs jobs
credential-end = Switch off or delete
credential-end-text = Switched off, it pays for nothing until it is switched on again. Deleted, it is destroyed with all its versions.
credential-disable = Switch off
credential-enable = Switch on
credential-delete = Delete
credential-choose = Whose token is it?
credential-choose-text = Choose the provider that gave it to you.
credential-choose-for = For { $context }. Choose the provider that gave you the token.
credential-choose-had = has one
credential-new = Add a token of { $provider }
credential-new-text = It is sealed as soon as it has been checked, and nobody can show it again.
credential-new-of = It will be { $user }'s own.
credential-website = Where { $provider } shows it
credential-new-go = Add the token
credential-other-provider = Another provider
credential-me = me: my own jobs
credential-owner-text = Who pays with it: you alone, or everybody in an organization or project.
credential-none-to-manage = You can add no token of { $provider }: your own are switched off here for it, and you maintain no organization. Ask a maintainer of yours.
credential-label = Label
credential-label-hint = what people see of it, such as “research budget”
credential-last-day = Last day
credential-bad-day = The last day is a date such as 2027-01-31, or empty
credential-whose-missing = Choose whose it is to be
credential-ask-first = Ask { $provider } first whether it is good
credential-ask-then = Ask { $provider } whether it is good, as soon as it is saved
credential-taken = { $context } has a token of { $provider } already, and each owner has one
credential-taken-text = Give the one that is there a new value, or switch it off to make room for this one.
credential-taken-show = Show it
credential-save = Save
credential-cancel = Cancel
field-optional = optional
field-list = Several are separated by commas; the first is what is used when a request names none.
field-default = If it is left out: { $value }.
field-stays = Leave it empty to keep what is there.
field-one-of = It comes in one of these forms. Fill in one, and leave the others empty.
rotate-heading = A new value for { $name }
rotate-text = It stays the same token of { $owner }: who may use it, its jobs and its records stay.
rotate-at-once = Everything is paid with the new value within a second. Version { $version } is not used again, so end it at the provider then.
rotate-jobs = { $count ->
    [one] { $count } open job is asked about with the new value from then on.
   *[other] { $count } open jobs are asked about with the new value from then on.
}
rotate-no-jobs = It has no open jobs.
rotate-same-account = It must be of the same account at { $provider }: jobs of one account cannot be asked about with a key of another.
rotate-day-stays = Left empty, it stays:
rotate-go = Use the new value
rotate-sourced = its value is read from { $source }, and changes there; another source is entered with `bellhop credential rotate`
edit-heading = Name and restrict { $name }
edit-day-never = Empty: it never ends by itself.
edit-projects = Only in these projects
edit-projects-text = With none, it is for the whole organization.
edit-members = Only for these members
edit-members-text = With none, it is for everybody.
disable-heading = Switch off { $name }?
disable-effect = Jobs that it would pay for are refused. Nothing else pays in its place.
disable-jobs = { $count ->
    [one] { $count } open job cannot be asked about while it is off.
   *[other] { $count } open jobs cannot be asked about while it is off.
}
disable-again = You can switch it on again at any time.
disable-go = Switch it off
delete-heading = Delete { $name }?
delete-gone = It is destroyed with all its versions.
delete-kept = { $count ->
    [one] { $count } job that it made is open: it stays for that job alone, and goes when the job has ended.
   *[other] { $count } jobs that it made are open: it stays for those alone, and goes when they have ended.
}
delete-forced = { $count ->
    [one] { $count } open job goes on at { $provider }, costs what it costs, and nobody can ask about it here any more.
   *[other] { $count } open jobs go on at { $provider }, cost what they cost, and nobody can ask about them here any more.
}
delete-go = Delete the token
delete-force = Delete it at once, and leave its open jobs behind
delete-force-go = Delete it at once
losses-nobody = Nobody can use it now.
losses-people = { $people ->
    [one] { $people } person
   *[other] { $people } people
}{ $more ->
    [yes] {" "}and more
   *[no] {""}
} can use it now, with { $tokens ->
    [one] { $tokens } token
   *[other] { $tokens } tokens
}.
losses-pinned = { $count ->
    [one] { $count } token is pinned to what it pays for: its requests would be refused.
   *[other] { $count } tokens are pinned to what it pays for: their requests would be refused.
}

## Connect your SDK

connect-lead = Choose what you run, and copy what it takes. Your program keeps its SDK; only the address and the token are others.
connect-sdk = SDK
connect-context = Paid by
connect-context-rule = what the rule chooses
connect-with = Your token
connect-with-any = any
connect-way = Way in
connect-way-best = the best that there is
connect-way-path = by path
connect-way-port = by a port of its own
connect-way-host = by a host name of its own
connect-way-root = at the root
connect-form = For
connect-form-sh = bash, zsh, sh
connect-form-fish = fish
connect-form-powershell = PowerShell
connect-form-dotenv = a .env file
connect-paid = would be paid
connect-paid-by = { $provider } jobs like this are paid by { $context }.
connect-paid-with = { $provider } jobs like this are paid by { $context }, with “{ $label }”.
connect-why = Why?
connect-unpaid = would be refused
connect-unpaid-text = Nothing would pay { $provider } yet
connect-mind = Mind
connect-steps = Steps
connect-base = Its address at this Bellhop:
connect-no-token = You have no personal access token yet: make one first, and keep its value for the first step.
connect-no-token-go = Make a token
connect-token = Your personal access token
connect-token-text = Put the value of one of your tokens in the place of bhp_…. A token’s value is shown once, when it is made.
connect-token-named = Put the value of “{ $name }” in the place of bhp_…. It was shown when the token was made, and nobody can show it again.
connect-settings = The settings
connect-settings-text = In the shell in which you start your program.
connect-settings-file = In the file .env beside your program.
connect-code = The code
connect-code-text = In your program: variables do not do for this one.
connect-code-or = In your program, if you would rather say it there.
connect-file = The file { $name }
connect-file-text = Save it as { $place }.
connect-file-token = Save it as { $place }, with your token in the place of { $blank }.
connect-run = Or let the command line do it
connect-run-text = It sets all of this for one program, and nothing else sees it. BELLHOP_TOKEN is set as above.
connect-try = See whether it works
connect-try-text = It says who you are, and what each provider would be paid with. It costs nothing.
connect-go = Run your program
connect-go-text = What it submits shows up under
connect-copy = Copy: { $what }
connect-no-sdk = No SDK is known for { $provider }. Send requests to its address at this Bellhop, with your personal access token in the place of its own.
connect-nowhere = It is not known how this Bellhop is reached. Whoever runs it sets listen.public_url.
connect-not-this-way = This SDK cannot come in that way. Choose another.
connect-no-port = This Bellhop has no port of its own for { $provider }. Whoever runs it opens one in listen.providers.
connect-no-host = This Bellhop has no host names of its own. Whoever runs it gives them in listen.hosts.
connect-needs-address = This SDK drops the path of its address, so { $provider } needs a port or a host name of its own here. Whoever runs this Bellhop opens one, with { $id } in listen.providers, or gives host names in listen.hosts. Or choose the way in at the root, with a token that is for { $id } alone.
connect-left-out = { $what } is left out: it needs the value of { $field }, which this page does not know.
connect-plain-http = This SDK sends no token without TLS to { $host }. Whoever runs this Bellhop gives it a certificate.
connect-no-context = Its address has no place for { $context }: use a token that pays with it.
connect-root = Use a token that is for { $provider } alone: nothing else says which provider is meant.

## Which token pays

explain-text = Ask before you send: which provider token would a request be paid with, and why not another? Nothing is sent for it.
explain-choose = choose
explain-user = Whose request
explain-context = Context it names
explain-context-none = none
explain-token = Personal access token
explain-token-any = one without limits
explain-job = About the job
explain-job-none = a new one
explain-go = Ask
explain-answer = A request of { $user }
explain-pays = { $provider } would be paid by { $context }, with “{ $label }”, { $why }.
explain-on = on
explain-others = What does not pay, and why
explain-no-others = No other provider token comes into question.
explain-why = Why not

## Providers, for administrators

providers-text = What this Bellhop can stand before. A provider is changed in the configuration, below “providers”, and takes effect when it is read again.
providers-address = Requests go to
providers-yours = yours
providers-credentials = { $count ->
    [one] { $count } token of { $provider }
   *[other] { $count } tokens of { $provider }
}
providers-changes = Changed here
providers-none = nothing
providers-replaced = the preset is replaced by a file of yours
providers-added = the preset is a file of yours
providers-upstream = its address is replaced
providers-private = private addresses and plain http are allowed
providers-ca = other certificate authorities are trusted
providers-personal = no personal tokens
providers-priced = prices are set

## Health, for administrators

health-text = How this process is doing. The page looks again every ten seconds.
health-good = all is well
health-look = something wants a look
health-bad = it cannot do its work
health-draining = it is ending
health-store = Store
health-fresh = up to date
health-stale = not heard of lately, served from memory
health-gone = cannot be reached, for too long
health-age = Read to its end
health-max = Served without it for
health-seconds = { $count ->
    [0] just now
    [one] { $count } second
   *[other] { $count } seconds
}
health-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
health-process = This process
health-version = Version
health-callers = Callers in memory
health-sources = Sources that fail
health-submissions = Submissions
health-open = Under way
health-unknown = Of unknown fate
health-unknown-text = They were cut off after they had been sent: the provider may have made jobs of them. Say what became of them under
health-spooled = Kept here for a while
health-withheld = Answers withheld
health-count = { $more ->
    [yes] { $count } and more
   *[no] { $count }
}
health-failing = Provider tokens that fail
health-none-failing = None. Each was good when it was last asked about.
health-more-failing = There are more.

## Organizations, and the pages of one

save = Save
role-member = member
role-maintainer = maintainer
role-owner = owner
role-none = not a member
role-member-may = member: runs jobs with its provider tokens
role-maintainer-may = maintainer: also manages provider tokens and projects, and sees everybody’s jobs
role-owner-may = owner: also manages members, quotas and the organization itself
members = Members
projects = Projects
quotas = Quotas
invitations = Invitations
settings = Settings
name-rule = 1 to 40 of a–z, 0–9 and single hyphens. It stands in addresses, so keep it short.
rename-text = Tokens that are pinned to it go on under the new name. Addresses that spell the old one do not.
rename-go = Rename
said-left = You have left it.
said-joined = Welcome: you are a member now.
said-tried = Delivered: the receiver took the test.
organizations-text = Groups of people who share provider tokens. Who belongs to one runs jobs that the organization pays for.
organizations-name = Name
organizations-role = Your role
organizations-none = You are in none yet. An owner adds you by your name, { $name }, or hands you a link.
organizations-none-admin = There is none yet. Make the first one below, and give it an owner: they do the rest.
organizations-new = Make an organization
organizations-owner = Owner
organizations-owner-text = The name of a user, who then manages its members, tokens and quotas. Empty: nobody yet.
organizations-new-go = Make the organization
organization-pages = Pages of this organization
organization-overview = Overview
organization-see-members = See members
organization-invite = Invite somebody
organization-see-projects = See projects
organization-see-my-projects = See yours
organization-see-jobs = See jobs
organization-provider = Provider
organization-label = Label
organization-state = State
organization-ends = Expires
organization-add-token = Add a provider token
organization-manage-tokens = Manage provider tokens
organization-all-tokens = All provider tokens
organization-no-tokens = It has no provider token of its own yet. Add the first one, and its members can run jobs with it.
organization-no-tokens-member = It has no provider token of its own yet. One of its maintainers can add one.
organization-leave = Leave { $organization }
token-active = active
token-disabled = disabled
token-retired = kept for its open jobs
token-over = expired
token-failing = its source fails
visibility = Whose jobs members see
visibility-own = each their own
visibility-all = everybody’s
visibility-own-text = Members see the jobs that they submitted themselves. Maintainers and owners see all.
visibility-all-text = Every member sees, and may ask about and cancel, the jobs of all.
settings-title = Settings of { $organization }
settings-end = The end of it
settings-end-text = Its provider tokens and projects are destroyed with it. You are told what that breaks before it is done.
organization-delete-heading = Delete { $organization }?
organization-delete-members = { $count ->
    [0] Nobody is a member of it.
    [one] Its only member loses it, and stays a user.
   *[other] Its { $count } members lose it. They stay users.
}
organization-delete-holdings = { $credentials ->
    [0] It has no provider token
    [one] 1 provider token is destroyed
   *[other] { $credentials } provider tokens are destroyed
}, { $projects ->
    [0] and no project is lost.
    [one] and 1 project is lost.
   *[other] and { $projects } projects are lost.
}
deletes-open-jobs = { $count ->
    [one] 1 open job was made with these tokens: it goes on at the provider, and nobody can ask about it or cancel it from here any more.
   *[other] { $count } open jobs were made with these tokens: they go on at the provider, and nobody can ask about them or cancel them from here any more.
}
organization-delete-stays = What was run and used up stays on record.
organization-delete-go = Delete { $organization }

## Members

members-title = Members of { $organization }
members-name = Name
members-role = Role
members-you = you
members-change = Change role
members-change-which = Change the role of { $name }
members-remove = Remove
members-remove-which = Remove { $name }
members-leave = Leave
members-new = Add a member
members-new-text = For somebody who has an account here.
members-new-invite = No account, or you do not know its name? Make an invitation.
members-new-name = Their name
members-new-go = Add
members-is-in = { $name } is in it already, as { $role }: change their role instead
members-nobody = there is no user { $name } here: check the spelling, or make an invitation
member-open-jobs = { $count ->
    [0] No job of theirs is open here.
    [one] 1 job of theirs is open here.
   *[other] { $count } jobs of theirs are open here.
}
back-to-members = Back
confirm-keep-member = Keep everything as it is
leave-heading = Leave { $organization }?
leave-go = Leave { $organization }
leave-back = You can come back when an owner adds you again.
leave-keeps = Your account, your tokens and your own provider tokens stay yours.
remove-heading = Remove { $name } from { $organization }?
remove-go = Remove { $name }
remove-back = You can add { $name } again at any time. The projects do not come back by themselves.
remove-keeps = { $name } keeps their account, their tokens and their own provider tokens.
leaves-last-owner = { $organization } has no other owner whose account is enabled: somebody else has to become one first.
leaves-pays-no-more = { $organization } pays for nothing { $who ->
    [me] you
   *[they] they
} submit from now on{ $count ->
    [0] .
    [one] , nor does the one project of it that lists { $who ->
        [me] you
       *[they] them
    }.
   *[other] , nor do the { $count } projects of it that list { $who ->
        [me] you
       *[they] them
    }.
}
leaves-pinned = { $count ->
    [one] 1 token
   *[other] { $count } tokens
} of { $who ->
    [me] yours
   *[they] theirs
} { $count ->
    [one] is
   *[other] are
} pinned to { $organization }: requests with { $count ->
    [one] it
   *[other] them
} are refused, and never paid by another purse.
leaves-jobs = { $count ->
    [one] 1 job of { $who ->
        [me] yours
       *[they] theirs
    } is still open, and { $organization } pays for it: it goes on and is counted.
   *[other] { $count } jobs of { $who ->
        [me] yours
       *[they] theirs
    } are still open, and { $organization } pays for them: they go on and are counted.
} { $who ->
    [me] You cannot ask about them any more; its maintainers and owners can, cancel them, and give them to another member.
   *[they] Maintainers and owners can ask about them, cancel them, and give them to another member.
}
leaves-unknown = { $count ->
    [one] Of 1 submission nobody knows what came: it
   *[other] Of { $count } submissions nobody knows what came: they
} still { $count ->
    [one] holds its
   *[other] hold their
} share of the quotas until a maintainer says what became of { $count ->
    [one] it
   *[other] them
}.
leaves-entered = { $who ->
    [me] You
   *[they] They
} entered { $count ->
    [one] 1 provider token of { $organization }, which stays. Whoever entered it may know it: replace it at its provider.
   *[other] { $count } provider tokens of { $organization }, which stay. Whoever entered them may know them: replace them at their providers.
}

## Invitations

invitations-title = Invitations to { $organization }
invitations-text = A link by which one person joins { $organization }. Somebody new makes their account with it; somebody who has one joins with it.
invitations-made = An invitation for one { $role }
invitations-copy-now = Copy it now: nobody can show it again.
invitations-hand = Hand it over yourself. Whoever opens it first joins, so send it to nobody else.
invitations-good-until = It is good until
invitations-none = No invitation is waiting to be used. Make one below.
invitations-by = Made by
invitations-by-machine = an administrator of the machine
invitations-created = Made
invitations-ends = Good until
invitations-void = opens nothing
invitations-void-text = Who made it may not invite any more.
invitations-revoke = Revoke
invitations-revoke-which = the invitation for one { $role }, made { $day }
invitations-revoke-heading = Revoke this invitation?
invitations-revoke-effect = Its link opens nothing from now on, wherever it was sent.
invitations-revoke-used = Whoever has joined with a link stays a member. This one is { $id }.
invitations-revoke-go = Revoke the invitation
invitations-new = Make an invitation
invitations-new-role = Whoever uses it becomes
invitations-new-life = Good for
invitations-days = { $count ->
    [one] a day
    [7] a week
   *[other] { $count } days
}
invitations-new-go = Make the link
join-title = Join { $organization }
join-heading = Join { $organization }
join-by = { $by } invites you to be a { $role }.
join-as = You are invited to be a { $role }.
join-member = You are { $name }, and in it already. The link is still good for somebody else.
join-member-go = Go to { $organization }
join-go-as = Join as { $name }
join-not-now = Not now
join-name = Choose a name
join-name-text = Letters, digits and . _ @ + - : an address of e-mail is a good one.
join-go = Make the account and join { $organization }
join-have = You have an account here?
join-sign-in = Sign in, and join with it.
join-ends = The invitation is good for one person, until

## Projects of an organization

projects-title = Projects of { $organization }
projects-text = Parts of { $organization } with provider tokens and members of their own.
projects-name = Name
projects-context = Named as
projects-nobody = maintainers and owners only
projects-members = { $names } and { $count } more
projects-no-providers = none
projects-none = No project yet. Make one where some members are to have a provider token, or a quota, to themselves.
projects-none-member = You are in no project of it. Its maintainers choose who is in one.
projects-new = Make a project
projects-new-go = Make the project
project-heading = Project { $project }
project-back = All projects
project-no-tokens = none of its own
project-see-tokens = see them
project-members = Who may use it
project-members-none = Nobody but maintainers and owners, who can use every project.
project-add = Add somebody
project-add-name = A member of { $organization }
project-add-go = Add to the project
project-rename = Rename
project-remove-heading = Take { $name } out of { $project }?
project-remove-pays = { $project } pays for nothing that { $name } submits from now on. Tokens pinned to it are refused.
project-remove-jobs = Jobs that it paid for go on. { $name } stays a member of { $organization }.
project-remove-back = You can add them again at any time.
project-remove-go = Take { $name } out
project-delete-heading = Delete the project { $project }?
project-delete-credentials = { $count ->
    [0] It has no provider token of its own.
    [one] Its provider token is destroyed.
   *[other] Its { $count } provider tokens are destroyed.
}
project-delete-members = { $count ->
    [0] Nobody is listed in it.
    [one] 1 member cannot use it any more.
   *[other] { $count } members cannot use it any more.
}
project-delete-pinned = { $count ->
    [one] 1 token is pinned to it: requests with it are refused.
   *[other] { $count } tokens are pinned to it: requests with them are refused.
}
project-delete-go = Delete { $project }

## Quotas of an organization

quotas-title = Quotas of { $organization }
quotas-text = Ceilings on what { $organization } pays for. What would go beyond one is refused before anything is sent.
quotas-text-member = Ceilings that bind you here. What would go beyond one is refused before anything is sent.
quotas-none = No quota binds you here.
quotas-none-owner = Nothing is limited. Set the first quota below, before somebody’s loop does what a budget would have stopped.
quotas-binds = Binds
quotas-limit = Limit
quotas-used = Used
quotas-renews = Renews
quotas-set-by = Set by
quotas-percent = { $count } % used
quotas-remove = Remove
quotas-remove-which = Remove the quota of { $binds }, { $what }
quotas-new = Set a quota
quotas-new-text = One for the same people, provider, unit and period takes the place of what is set.
quotas-new-context = For
quotas-new-all = all that { $organization } pays for
quotas-new-project = the project { $project }
quotas-new-member = Only what this member uses
quotas-new-member-text = A member’s share of what { $organization } pays for. Empty: everybody’s together.
quotas-new-measure = Of
quotas-new-period = In
quotas-new-more = More
quotas-new-provider = Only at
quotas-new-any = any provider
quotas-new-hold = Hold for each job
quotas-new-hold-text = So much is held for a job that does not say what it will take, until its result does. Empty: a hundredth of the limit.
quotas-new-go = Set the quota
quota-measure = { $measure ->
    [jobs] jobs
    [shots] shots
    [qpu-seconds] seconds of QPU time
   *[money] cost
}
quota-period = { $period ->
    [day] a day
   *[month] a month
}
quota-what = { $amount } { $measure ->
    [jobs] jobs
    [shots] shots
    [qpu-seconds] s of QPU time
   *[money] in cost
} { $period ->
    [day] a day
   *[month] a month
}
quota-what-at = { $amount } { $measure ->
    [jobs] jobs
    [shots] shots
    [qpu-seconds] s of QPU time
   *[money] in cost
} { $period ->
    [day] a day
   *[month] a month
} at { $provider }
quota-used = { $used } of { $limit }
quota-no-member = { $name } is no member of { $organization }
quota-remove-heading = Remove the quota of { $binds }: { $what }?
quota-remove-used = { $used } of { $limit } is used or held now.
quota-remove-effect = From now on it does not bind { $binds }. Other quotas still do.
quota-remove-back = You can set it again: what was used in its period is counted then, too.
quota-remove-go = Remove the quota

## Webhooks

webhooks = Webhooks
webhooks-title = Webhooks of { $organization }
webhooks-text = A program of yours is told when something of { $organization } wants looking at, before somebody’s job fails: a refused provider token, one that ends soon, a quota that is nearly used. Each message is signed.
webhooks-text-installation = A program of yours is told when something wants looking at that belongs to no organization: people’s own provider tokens and quotas, and the tokens of who is in none. Each message is signed. Organizations have webhooks of their own.
webhooks-none = Nobody is told of anything yet. First have a receiver: a program, or a service for automation, that takes messages at an address of its own. Write the address below, give the receiver the secret, and try it.
webhooks-address = Address
webhooks-told = Told of
webhooks-state = State
webhooks-last = Last message
webhooks-last-none = none yet
webhooks-on = on
webhooks-off = switched off
webhooks-everything = everything
webhooks-new = Make a webhook
webhooks-url = Address of the receiver
webhooks-url-text = It begins with https. An address inside a private network is taken only where the operator of this Bellhop allows it.
webhooks-events = Tell it of
webhooks-events-text = Nothing ticked: everything, also what a later Bellhop can tell of.
webhooks-bad-url = the address: { $error }
webhooks-bad-event = there is no such event: choose among those of the form
webhooks-new-go = Make the webhook
webhooks-made = Your new webhook, { $name }
webhooks-secret-made = The new secret of { $name }
webhooks-copy-now = Copy the secret now: nobody can show it again.
webhooks-copy-text = The receiver verifies by it that a message is from here.
webhooks-copy-next = Then try the webhook
webhook-event = { $kind ->
    [credential-refused] Provider token refused
    [credential-expiring] Provider token ends soon
    [quota-near] Quota nearly used
    [token-expiring] Personal access token ends soon
    [webhook-test] Test
   *[other] { $code }
}
webhook-event-when = { $kind ->
    [credential-refused] A provider refuses a provider token
    [credential-expiring] A provider token ends within 14 days, and again within 3
    [quota-near] Four fifths of a quota are used or held
   *[token-expiring] A personal access token that is in use ends within 7 days
}
webhook-back = All webhooks
webhook-facts = Facts
webhook-made = Made
webhook-secret = Secret
webhook-secret-one = shown once, when it was made
webhook-secret-both = a new one; the one before it signs, too, until
webhook-try = Try it
webhook-change = Change
webhook-rotate = New secret
webhook-messages = Last messages
webhook-messages-none = It was told of nothing yet. Try it: a test is sent at once, and what came of it stands here.
webhook-message = Event
webhook-happened = When
webhook-attempts = Attempts
webhook-next = Next attempt
webhook-answer = Answer
webhook-delivered = delivered
webhook-waiting = on its way
webhook-again = failed, is tried again
webhook-given-up = not delivered
webhook-end = Switch off or delete
webhook-end-text = Switched off, it is told of nothing that happens meanwhile, also not later. Deleted, its messages and its secret go with it.
webhook-disable = Switch off
webhook-enable = Switch on
webhook-delete = Delete
webhook-failed = Not delivered: { $problem }.
webhook-edit-heading = Change { $name }
webhook-edit-waiting = What waits to be sent goes to the new address, too.
webhook-save = Save
webhook-cancel = Cancel
webhook-rotate-heading = Make a new secret for { $name }?
webhook-rotate-new = Messages are signed with the new one from now on. It is shown once.
webhook-rotate-both = For a day they are signed with the one before it, too: give the receiver the new one until then, or it refuses what it is told.
webhook-rotate-third = There is a new one of less than a day ago. The one before that stops signing at once: a receiver that still has it refuses what it is told.
webhook-rotate-go = Make the new secret
webhook-delete-heading = Delete the webhook { $name }?
webhook-delete-effect = It is told of nothing any more, and its secret and the list of its messages are destroyed.
webhook-delete-waiting = { $count ->
    [one] 1 message that waits to be sent never is.
   *[other] { $count } messages that wait to be sent never are.
}
webhook-delete-alone = No other webhook is switched on here: nobody is told of anything then.
webhook-delete-go = Delete the webhook

## Users

users-text = Everybody who has an account here.
users-search = Search by name
users-search-go = Search
users-search-all = Show all
users-none = Nobody’s name has “{ $search }” in it.
users-active = Active context
users-new = Make a user
users-new-rule = Letters, digits and . _ @ + - . You get a link by which they choose their password: hand it over yourself.
users-new-admin = administrator: manages everybody and everything here
users-new-go = Make the user
user-enabled = enabled
user-disabled = disabled
user-tokens-text = Personal access tokens, expired ones included.
user-no-organizations = In none.
user-own-tokens = Own provider tokens
user-no-own-tokens = None. Others pay for what they run.
user-no-projects = none
user-id = Id
user-acts = What can be done
user-keep = Back
user-rename = Rename
user-rename-text = Tokens, roles and provider tokens stay theirs. They sign in by the new name.
user-link-made = A link for { $name }
user-link-hand = Hand it over yourself: whoever opens it first chooses the password, and is them.
user-link-heading = Make a link for { $name }?
user-link-choose = Whoever opens it first chooses { $name }’s password, and is signed in as { $name }.
user-link-older = A link that was made for them before opens nothing any more.
user-link-hand-note = Hand it over yourself, to nobody else.
user-link-note = Their present password stays good until the link is used; sessions end then.
user-link-go = New password link
user-disable-heading = Disable { $name }?
user-disable-go = Disable { $name }
user-disable-tokens = { $count ->
    [0] They have no token.
    [one] Their token is refused within a second, until they are enabled again.
   *[other] Their { $count } tokens are refused within a second, until they are enabled again.
}
user-disable-sessions = { $count ->
    [0] They are signed in nowhere, and cannot sign in.
    [one] They are signed out where they are signed in, and cannot sign in.
   *[other] They are signed out at { $count } places, and cannot sign in.
}
user-shared-jobs = { $count ->
    [one] 1 job of theirs that an organization pays for is still open: it goes on and is counted, and maintainers can cancel it or give it to another member.
   *[other] { $count } jobs of theirs that organizations pay for are still open: they go on and are counted, and maintainers can cancel them or give them to another member.
}
user-disable-own-jobs = { $count ->
    [one] 1 job that they pay for themselves is still open: it goes on, and administrators can cancel it.
   *[other] { $count } jobs that they pay for themselves are still open: they go on, and administrators can cancel them.
}
user-last-owner = { $count ->
    [one] { $names } has no other owner whose account is enabled: only administrators could manage it.
   *[other] { $names } have no other owner whose account is enabled: only administrators could manage them.
}
user-entered = { $count ->
    [one] They entered 1 provider token of an organization, and may know it: have it replaced at its provider.
   *[other] They entered { $count } provider tokens of organizations, and may know them: have them replaced at their providers.
}
user-disable-stays = { $count ->
    [0] Nothing of theirs is deleted.
    [one] They stay a member of 1 organization, and nothing of theirs is deleted. Invitations that they made open nothing meanwhile.
   *[other] They stay a member of { $count } organizations, and nothing of theirs is deleted. Invitations that they made open nothing meanwhile.
}
user-disable-back = Enabling { $name } again gives everything back but the sessions.
user-enable-heading = Enable { $name } again?
user-enable-go = Enable { $name }
user-enable-tokens = { $count ->
    [0] They have no token.
    [one] Their token is accepted again.
   *[other] Their { $count } tokens are accepted again.
}
user-enable-sign-in = They can sign in again, with the password that they had.
user-enable-note = Look at their tokens first, if there is a doubt about one.
user-demote-heading = Make { $name } no administrator?
user-demote-effect = They manage only what is their own, and what their roles in organizations permit.
user-demote-go = Take administration away
user-promote-heading = Make { $name } an administrator?
user-promote-effect = They can manage every user, organization, provider token and quota of this installation, and read the whole audit trail.
user-promote-go = Make administrator
user-admin-note = It holds within a second, and can be changed back.
user-delete-heading = Delete { $name }?
user-delete-go = Delete { $name }
user-delete-tokens = { $count ->
    [0] They have no token; they are signed out everywhere.
    [one] Their token is revoked for good; they are signed out everywhere.
   *[other] Their { $count } tokens are revoked for good; they are signed out everywhere.
}
user-delete-holdings = { $credentials ->
    [0] They have no provider token of their own
    [one] 1 provider token of their own is destroyed
   *[other] { $credentials } provider tokens of their own are destroyed
}, { $projects ->
    [0] and no project is lost.
    [one] and 1 project is lost.
   *[other] and { $projects } projects are lost.
}
user-delete-own-jobs = { $count ->
    [one] 1 open job was paid with these: it goes on at the provider, and nobody can ask about it or cancel it from here any more. Disable them instead until it has ended, if that matters.
   *[other] { $count } open jobs were paid with these: they go on at the provider, and nobody can ask about them or cancel them from here any more. Disable them instead until those have ended, if that matters.
}
user-delete-organizations = { $count ->
    [0] They are in no organization.
    [one] They leave 1 organization. What they entered there stays.
   *[other] They leave { $count } organizations. What they entered there stays.
}
user-delete-stays = What they ran and used up, and what the audit trail has of them, stays on record. Quotas that bound them alone go.

## Your account

account-text = You are signed in as { $name }.
account-active = When nothing else says what pays
account-active-text = Your active context pays when neither a request nor its token names one.
account-active-stale = Your active context is { $context }, which you cannot use any more: requests that name no other are refused. Choose another.
account-password = Password
account-password-old = Your password now
account-password-new = The new one
account-password-ends = Your other sessions end.
account-password-go = Change the password
account-wrong-password = this is not the password that you have: nothing was changed
account-bad-password = the new password: { $text }
account-sessions = Where you are signed in
account-sessions-text = A session ends after an hour without use, and after a day in any case.
account-sessions-end-others = { $count ->
    [one] End the other session
   *[other] End the { $count } other sessions
}
account-session-began = Signed in
account-session-seen = Last used
account-session-ends = Ends at the latest
account-session-this = this one
account-session-end = End
account-session-which = the session that began { $day }

## The API, to read

page-reference = The management API
reference-document = The OpenAPI document
reference-contents = Contents
reference-shapes = What is sent and answered
reference-parameters = Parameters
reference-body = Body
reference-answers = Answers
reference-refusal = refusal
reference-required = required
