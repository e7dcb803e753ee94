package changes_test

import data.changes

test_somebody_else_approves if {
	changes.decision.allow with input as by(first, {"act": "approve"})
}

test_what_is_stale_is_not_approved if {
	changes.decision.reasons == ["change_stale"] with input as by(first, {"act": "approve", "is_current": false})
}

test_what_is_over_is_neither_approved_nor_rejected if {
	every act in ["approve", "reject"] {
		facts := by(first, {"act": act, "state": "applied"})
		changes.decision.reasons == ["change_closed"] with input as facts
	}
}

test_auditors_agree_to_nothing if {
	every act in ["approve", "reject"] {
		facts := by(person("first", "auditor"), {"act": act})
		changes.decision.reasons == ["role_cannot_act"] with input as facts
	}
}

test_the_author_may_take_a_change_back if {
	changes.decision.allow with input as with_facts({"act": "reject"})
}

test_what_one_narrowed_a_second_reviews_once if {
	narrowed := {"act": "review", "state": "applied", "effect": "narrowing"}
	changes.decision.allow with input as by(first, narrowed)
	again := object.union(narrowed, {"consents": [second]})
	changes.decision.reasons == ["no_review_due"] with input as by(first, again)
}

test_what_is_not_applied_is_not_reviewed if {
	facts := by(first, {"act": "review", "effect": "narrowing"})
	changes.decision.reasons == ["change_not_applied"] with input as facts
}
