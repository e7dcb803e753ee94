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

test_an_irreversible_step_is_acknowledged if {
	facts := by(object.union(first, {"acknowledged": false}), {"act": "approve", "irreversible": true})
	changes.decision.reasons == ["acknowledgement_missing"] with input as facts
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

test_what_cannot_be_undone_is_approved_by_who_has_just_signed_in if {
	aware := object.union(first, {"acknowledged": true})
	facts := {"act": "approve", "irreversible": true, "asks_sign_in": true, "signed_in_s": 600}
	changes.decision.allow with input as by(aware, facts)

	every late in [601, 86400, null] {
		stale := object.union(facts, {"signed_in_s": late})
		changes.decision.reasons == ["sign_in_stale"] with input as by(aware, stale)
	}

	undoable := object.union(facts, {"irreversible": false, "signed_in_s": null})
	changes.decision.allow with input as by(aware, undoable)

	nobody_signs_in := object.union(facts, {"asks_sign_in": false, "signed_in_s": null})
	changes.decision.allow with input as by(aware, nobody_signs_in)
}
