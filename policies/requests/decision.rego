# METADATA
# title: Whether an act on a request for access may pass, and where it leads
# description: >
#   One question in, one decision out: may this person ask, answer, approve, concur, reject or
#   withdraw, and in which state is the request then. What is required is written as what must be
#   so, never as what must not: a missing fact refuses. Obstacles only explain.
# scope: package
# schemas:
#   - input: schema.requests.question
package requests

# METADATA
# title: Decision
# description: The default is no.
# entrypoint: true
default decision := {
	"allow": false,
	"reasons": ["request_not_understood"],
	"leads_to": null,
}

decision := _answer if question_is_well_formed

_answer := {
	"allow": true,
	"reasons": [],
	"leads_to": leads_to,
} if {
	act_may_pass
} else := {
	"allow": false,
	"reasons": reasons,
	"leads_to": null,
} if {
	count(reasons) > 0
}

# METADATA
# title: Reasons
# description: Obstacles in the order in which somebody can do something about them.
reasons := [code |
	some code in [
		"act_not_possible",
		"requests_not_taken",
		"rejected_finally",
		"already_asked",
		"not_the_askers",
		"not_a_reviewer",
		"machine_cannot_agree",
		"reviewer_asked",
		"related_to_asker",
		"reviewed_already",
		"related_to_reviewer",
		"concurrence_not_awaited",
	]
	code in obstacles
]
