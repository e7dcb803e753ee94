package changes_test

import data.changes

test_siblings_are_two_people_and_issuers_are_not if {
	changes.are_unrelated(first, second)
	not changes.are_unrelated(first, first)
	not changes.are_unrelated(first, object.union(second, {"issuers": ["first"]}))
	not changes.are_unrelated(object.union(first, {"issuers": ["second"]}), second)
}

test_nobody_approves_their_own if {
	facts := by(object.union(author, {"role": "provider", "acknowledged": true, "is_late": false}), {"act": "approve"})
	changes.decision.reasons == ["self_approved"] with input as facts
}

test_who_issued_the_authors_key_does_not_approve if {
	changes.decision.reasons == ["related_to_author"] with input as by(person("root", "approver"), {"act": "approve"})
}

test_nobody_approves_twice if {
	facts := by(first, {"act": "approve", "consents": [first]})
	changes.decision.reasons == ["approved_already"] with input as facts
}

test_whose_key_an_approver_issued_does_not_approve if {
	facts := by(object.union(second, {"issuers": ["first"]}), {"act": "approve", "consents": [first]})
	changes.decision.reasons == ["related_to_approver"] with input as facts
}

test_a_role_that_is_not_held_counts_for_nothing if {
	facts := object.union(by(first, {"act": "approve"}), {"actor_roles": ["provider"]})
	changes.decision.reasons == ["role_not_held"] with input as facts
}

machine := object.union(first, {"is_machine": true})

test_no_machine_agrees_to_anything if {
	every facts in [
		{"act": "approve"},
		{"act": "review", "state": "applied", "effect": "narrowing"},
		{"act": "review_narrowing", "state": "in_force", "effect": "narrowing"},
	] {
		changes.decision.reasons == ["machine_cannot_agree"] with input as by(machine, facts)
	}
}

test_what_a_machine_agreed_to_is_not_agreed_to if {
	facts := {"consents": [machine, second]}
	changes.decision.reasons == ["approvals_missing"] with input as with_facts(facts)
}

test_a_machine_may_write_and_apply_what_people_agreed_to if {
	program := object.union(author, {"is_machine": true})
	actor := object.union(program, {"role": "provider", "acknowledged": false, "is_late": false})
	facts := {"authors": [program], "actor": actor, "consents": [first, second]}
	changes.decision.allow with input as with_facts(facts)
}

test_whom_one_hand_issued_keys_to_are_one_person_unless_it_runs_the_installation if {
	one := object.union(first, {"issuers": ["boss", "root"]})
	other := object.union(second, {"issuers": ["boss", "root"]})
	not changes.are_unrelated(one, other)
	not changes.are_unrelated(other, one)
	changes.are_unrelated(one, second)

	facts := by(one, {"act": "approve", "authors": [object.union(author, {"issuers": ["boss", "root"]})]})
	changes.decision.reasons == ["related_to_author"] with input as facts
	changes.decision.reasons == ["approvals_missing"] with input as with_facts({"consents": [one, other]})
}

test_who_got_a_key_after_it_was_planned_does_not_agree if {
	late := object.union(first, {"is_late": true})
	changes.decision.reasons == ["key_too_new"] with input as by(late, {"act": "approve"})
	changes.decision.reasons == ["approvals_missing"] with input as with_facts({"consents": [late, second]})
}
