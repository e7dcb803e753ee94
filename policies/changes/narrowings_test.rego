package changes_test

import data.changes

taken := {"act": "review_narrowing", "state": "in_force", "effect": "narrowing"}

test_a_second_person_reviews_a_narrowing_in_each_role_that_agrees if {
	every role in ["analyst", "approver", "provider"] {
		changes.decision.allow with input as by(person("first", role), taken)
	}
}

test_nobody_reviews_their_own_narrowing if {
	who := object.union(author, {"role": "provider", "acknowledged": false, "is_late": false})
	changes.decision.reasons == ["self_approved"] with input as by(who, taken)
}

test_who_had_a_hand_in_the_takers_key_does_not_review if {
	changes.decision.reasons == ["related_to_author"] with input as by(person("root", "approver"), taken)

	issued := object.union(first, {"issuers": ["author", "root"]})
	changes.decision.reasons == ["related_to_author"] with input as by(issued, taken)
}

test_a_narrowing_is_reviewed_once_and_while_it_is_in_force if {
	again := object.union(taken, {"consents": [second]})
	changes.decision.reasons == ["no_review_due"] with input as by(first, again)

	over := object.union(taken, {"state": "over"})
	changes.decision.reasons == ["no_review_due"] with input as by(first, over)
}

test_auditors_review_no_narrowing if {
	changes.decision.reasons == ["role_cannot_act"] with input as by(person("first", "auditor"), taken)
}

test_what_takes_nothing_away_is_not_reviewed_as_a_narrowing if {
	wider := object.union(taken, {"effect": "widening"})
	changes.decision.reasons == ["change_not_understood"] with input as by(first, wider)
}

test_a_narrowing_in_the_state_of_a_change_is_not_understood if {
	planned_one := object.union(taken, {"state": "planned"})
	changes.decision.reasons == ["change_not_understood"] with input as by(first, planned_one)
}
