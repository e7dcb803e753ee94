# METADATA
# title: Whether a use may pass
# description: >
#   One question in, one decision out. A decision allows with obligations, or denies with reasons,
#   the first of which is told first. Whoever may not know of a release gets the same answer as
#   for one that does not exist. What is required is written as what must be so, never as what
#   must not: a missing fact refuses. Obstacles only explain.
# scope: package
# schemas:
#   - input: schema.question
package access

# METADATA
# title: Decision
# description: The default is no, and says nothing.
# entrypoint: true
default decision := {
	"allow": false,
	"visible": false,
	"reasons": ["model_not_found"],
	"obligations": null,
}

decision := _answer if question_is_well_formed

_answer := {
	"allow": true,
	"visible": true,
	"reasons": [],
	"obligations": obligations,
} if {
	caller_is_admitted
	caller_may_enter
	component_is_offered
	key_reaches_the_use
	every_term_is_accepted
} else := {
	"allow": false,
	"visible": true,
	"reasons": reasons,
	"obligations": null,
} if {
	release_may_be_known
	existence_may_be_told
	count(reasons) > 0
}

# METADATA
# title: Reasons
# description: >
#   Narrowings first, which nothing that a caller does can change; then obstacles in the order in
#   which a caller can do something about them.
reasons := [code |
	some code in [
		"recalled",
		"withdrawn",
		"suspended",
		"held",
		"stage_not_open",
		"stage_closed",
		"grant_required",
		"grant_ended",
		"grant_paused",
		"grant_recertification_due",
		"attribute_unknown",
		"audience_not_admitted",
		"component_not_offered",
		"scope_too_narrow",
		"concurrence_required",
		"concurrence_ended",
		"terms_not_accepted",
		"stage_full",
		"stage_frozen",
	]
	code in obstacles
]

# METADATA
# title: Who is admitted may know of the release
release_may_be_known if caller_is_admitted
