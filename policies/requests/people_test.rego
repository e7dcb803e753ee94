package requests_test

import data.requests

test_whoever_asked_reviews_nothing if {
	every act in ["approve", "need_info", "reject"] {
		facts := {"act": act, "actor": asker}
		requests.decision.reasons == ["reviewer_asked"] with input as with_facts(facts)
	}
}

test_who_issued_the_askers_key_reviews_nothing if {
	requests.decision.reasons == ["related_to_asker"] with input as with_facts({"actor": person("root")})
}

test_in_one_organisation_whom_one_hand_issued_a_key_does_not_review_for_the_other if {
	boss := {"issuers": ["boss", "root"]}
	facts := {
		"asker": object.union(asker, boss), "actor": object.union(person("first"), boss),
		"same_organisation": true,
	}
	every act in ["approve", "need_info", "reject"] {
		requests.decision.reasons == ["related_to_asker"] with input as with_facts(object.union(facts, {"act": act}))
	}

	colleague := object.union(facts, {"actor": person("first")})
	requests.decision.leads_to == "granted" with input as with_facts(colleague)

	counted := object.union(colleague, {
		"act": "concur", "state": "awaiting_external_concurrence",
		"approvals": [object.union(approval("second"), boss)],
	})
	requests.decision.reasons == ["act_not_possible"] with input as with_facts(counted)
}

test_only_the_roles_of_the_form_review if {
	requests.decision.reasons == ["not_a_reviewer"] with input as with_facts({"actor_roles": ["provider"]})
}

test_the_second_is_another_than_the_first if {
	facts := {"state": "awaiting_second_approval", "second_approval": true, "approvals": [approval("first")]}
	requests.decision.reasons == ["reviewed_already"] with input as with_facts(facts)

	heir := object.union(person("heir"), {"issuers": ["first", "root"]})
	requests.decision.reasons == ["related_to_reviewer"] with input as with_facts(object.union(facts, {"actor": heir}))

	another := object.union(facts, {"actor": person("second")})
	requests.decision.leads_to == "granted" with input as with_facts(another)
}

test_no_machine_approves_or_says_that_an_authority_concurs if {
	machine := {"actor": object.union(person("first"), {"is_machine": true})}
	requests.decision.reasons == ["machine_cannot_agree"] with input as with_facts(machine)

	concurs := object.union(machine, {
		"act": "concur",
		"state": "awaiting_external_concurrence",
		"approvals": [approval("second")],
	})
	requests.decision.reasons == ["machine_cannot_agree"] with input as with_facts(concurs)

	rejects := object.union(machine, {"act": "reject"})
	requests.decision.leads_to == "rejected" with input as with_facts(rejects)
}

test_two_reviewers_whom_one_hand_issued_keys_to_are_one if {
	boss := {"issuers": ["boss", "root"]}
	facts := {
		"state": "awaiting_second_approval", "second_approval": true,
		"approvals": [object.union(approval("first"), boss)],
		"actor": object.union(person("second"), boss),
	}
	requests.decision.reasons == ["related_to_reviewer"] with input as with_facts(facts)

	customer := {"asker": object.union(asker, boss), "actor": object.union(person("first"), boss)}
	requests.decision.leads_to == "granted" with input as with_facts(customer)
}
