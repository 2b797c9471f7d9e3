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

page-reference = The management API
reference-document = The OpenAPI document
reference-contents = Contents
reference-shapes = What is sent and answered
reference-parameters = Parameters
reference-body = Body
reference-answers = Answers
reference-refusal = refusal
reference-required = required
