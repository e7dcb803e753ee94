# METADATA
# title: Whether an act on a change may pass
# description: >
#   One question in, one decision out: may this person approve, reject, apply or review this
#   change of a release's strategy, approve that a stage opens, or record who concurs with it. What
#   is required is written as what must be so, never as what must not: a missing fact refuses.
#   Obstacles only explain.
# scope: package
# schemas:
#   - input: schema.changes.question
package changes

# METADATA
# title: Decision
# description: The default is no.
# entrypoint: true
default decision := {
	"allow": false,
	"reasons": ["change_not_understood"],
	"waits_s": 0,
	"review_within_s": null,
}

decision := _answer if question_is_well_formed

_answer := {
	"allow": true,
	"reasons": [],
	"waits_s": waits_s,
	"review_within_s": review_within_s,
} if {
	act_may_pass
} else := {
	"allow": false,
	"reasons": reasons,
	"waits_s": waits_s,
	"review_within_s": review_within_s,
} if {
	count(reasons) > 0
}

# METADATA
# title: Reasons
# description: Obstacles in the order in which somebody can do something about them.
reasons := [code |
	some code in [
		"change_closed",
		"change_not_applied",
		"change_stale",
		"role_not_held",
		"role_cannot_act",
		"machine_cannot_agree",
		"self_approved",
		"related_to_author",
		"approved_already",
		"related_to_approver",
		"key_too_new",
		"no_review_due",
		"acknowledgement_missing",
		"sign_in_stale",
		"evidence_moved",
		"approvals_missing",
		"provider_missing",
		"approver_missing",
		"analyst_missing",
		"cooling_off",
	]
	code in obstacles
]
