package changes_test

import data.changes

waiting := {"act": "approve_stage", "state": "waiting"}

applier := {"person": "applier", "issuers": ["root"], "founders": ["root"], "is_machine": false}

opening(consents) := with_facts({
	"act": "open_stage", "state": "waiting", "actor": null, "actor_roles": [],
	"authors": [author, applier], "consents": consents, "consents_needed": 2,
})

test_somebody_else_approves_that_a_stage_opens if {
	changes.decision.allow with input as by(first, waiting)
	changes.decision.allow with input as by(second, object.union(waiting, {"consents": [first]}))
}

test_neither_the_author_nor_who_applied_approves_a_stage if {
	every name in ["author", "applier"] {
		facts := object.union(waiting, {"authors": [author, applier]})
		changes.decision.reasons == ["self_approved"] with input as by(person(name, "approver"), facts)

		child := object.union(first, {"issuers": [name, "root"]})
		changes.decision.reasons == ["related_to_author"] with input as by(child, facts)
	}
}

test_a_stage_opens_once_enough_people_agreed if {
	changes.decision.allow with input as opening([first, second])
	changes.decision.reasons == ["approvals_missing"] with input as opening([first])
	changes.decision.reasons == ["approvals_missing"] with input as opening([first, first])
	changes.decision.reasons == ["approvals_missing"] with input as opening([first, person("applier", "approver")])
}

test_a_stage_is_not_opened_by_keys_of_one_person if {
	children := [object.union(each, {"issuers": ["author", "root"]}) | some each in [first, second, third]]
	changes.decision.reasons == ["approvals_missing"] with input as opening(children)
}

test_who_agreed_and_became_an_author_is_left_out_and_the_others_count if {
	changes.decision.allow with input as opening([person("applier", "approver"), first, second])
}

test_no_machine_opens_a_stage if {
	machine := object.union(second, {"is_machine": true})
	changes.decision.reasons == ["approvals_missing"] with input as opening([first, machine])
	changes.decision.reasons == ["machine_cannot_agree"] with input as by(machine, waiting)
}

test_a_stage_that_does_not_wait_is_not_understood if {
	facts := object.union(waiting, {"state": "planned"})
	changes.decision.reasons == ["change_not_understood"] with input as by(first, facts)
}

test_a_concurrence_is_recorded_by_a_provider_or_an_approver if {
	concurs := {"act": "concur_stage", "state": "waiting"}
	changes.decision.allow with input as by(first, concurs)
	changes.decision.allow with input as by(person("author", "provider"), concurs)
	changes.decision.reasons == ["role_cannot_act"] with input as by(second, concurs)

	machine := object.union(first, {"is_machine": true})
	changes.decision.reasons == ["machine_cannot_agree"] with input as by(machine, concurs)

	unheld := object.union(by(first, concurs), {"actor_roles": ["auditor"]})
	changes.decision.reasons == ["role_not_held"] with input as unheld
}

test_what_cannot_be_undone_opens_as_any_stage_once_it_was_agreed_to if {
	changes.decision.allow with input as object.union(opening([first, second]), {"irreversible": true})
	lacking := object.union(opening([first]), {"irreversible": true})
	changes.decision.reasons == ["approvals_missing"] with input as lacking
}
