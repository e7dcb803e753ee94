package changes_test

import data.changes

test_widening_takes_two_people if {
	changes.decision.allow with input as with_facts({"consents": [first, second]})
	every consents in [[], [first]] {
		changes.decision.reasons == ["approvals_missing"] with input as with_facts({"consents": consents})
	}
}

test_the_author_is_neither_of_the_two if {
	facts := {"consents": [first, person("author", "provider")]}
	changes.decision.reasons == ["approvals_missing"] with input as with_facts(facts)
}

test_one_person_twice_is_one if {
	facts := {"consents": [first, object.union(second, {"issuers": ["first"]})]}
	changes.decision.reasons == ["approvals_missing"] with input as with_facts(facts)
}

test_narrowing_takes_one_person_and_a_review if {
	changes.decision.allow with input as with_facts({"effect": "narrowing"})
	changes.decision.review_within_s == 86400 with input as with_facts({"effect": "narrowing"})
	facts := {"effect": "narrowing", "consents": [first]}
	changes.decision.review_within_s == null with input as with_facts(facts)
}

test_neutral_takes_one_person_and_no_review if {
	changes.decision.allow with input as with_facts({"effect": "neutral"})
	changes.decision.review_within_s == null with input as with_facts({"effect": "neutral"})
}

test_only_a_provider_applies if {
	facts := by(first, {"consents": [first, second]})
	changes.decision.reasons == ["role_cannot_act"] with input as facts
}

test_what_cannot_be_undone_takes_three_roles_and_a_day if {
	irreversible := {"irreversible": true, "planned_for_s": 86400, "consents": [first, second, third]}
	changes.decision.allow with input as with_facts(irreversible)

	early := object.union(irreversible, {"planned_for_s": 86399})
	changes.decision.reasons == ["cooling_off"] with input as with_facts(early)

	few := object.union(irreversible, {"consents": [first, second]})
	changes.decision.reasons == ["provider_missing"] with input as with_facts(few)

	unsaid := object.union(third, {"acknowledged": false})
	unaware := object.union(irreversible, {"consents": [first, second, unsaid]})
	changes.decision.reasons == ["provider_missing"] with input as with_facts(unaware)
}

test_what_is_stale_is_not_applied if {
	facts := {"is_current": false, "consents": [first, second]}
	changes.decision.reasons == ["change_stale"] with input as with_facts(facts)
}

test_what_was_agreed_to_on_other_evidence_is_not_agreed_to if {
	facts := {"consents": [first], "consents_void": 1}
	changes.decision.reasons == ["evidence_moved", "approvals_missing"] with input as with_facts(facts)
}

test_what_is_agreed_to_on_the_evidence_of_now_may_pass_whatever_was_before if {
	changes.decision.allow with input as with_facts({"consents": [first, second], "consents_void": 1})
}
