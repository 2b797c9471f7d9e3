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
sign-in-with = Sign in with { $provider }
sign-in-or = Or with a name and a password of this Bellhop:
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
choose-provider = Instead of a password: this account is yours by that from then on.

## Home

hello = Hello, { $name }
home-pays = What pays
home-pays-active = Your active context: what pays when neither a request nor its token says otherwise.
home-pays-rule = chosen for each request
home-pays-rule-text = Your own provider token if you have one, else that of the one organization of yours that offers one.
home-tokens = Your tokens
home-tokens-count = { $more ->
    [yes] { $count } and more
   *[no] { $count }
}
home-tokens-text = Personal access tokens that are valid. Programs and SDKs sign in with them.
home-tokens-go = Manage tokens
home-organizations = Your organizations
home-organizations-none = None yet. An owner adds you by your name, { $name }.

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
