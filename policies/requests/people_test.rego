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

test_only_the_roles_of_the_form_review if {
	requests.decision.reasons == ["not_a_reviewer"] with input as with_facts({"actor_roles": ["provider"]})
}

test_the_second_is_another_than_the_first if {
	facts := {"state": "awaiting_second_approval", "second_approval": true, "approvals": [approval("first")]}
	requests.decision.reasons == ["reviewed_already"] with input as with_facts(facts)

	heir := {"person": "heir", "issuers": ["first", "root"]}
	requests.decision.reasons == ["related_to_reviewer"] with input as with_facts(object.union(facts, {"actor": heir}))

	another := object.union(facts, {"actor": person("second")})
	requests.decision.leads_to == "granted" with input as with_facts(another)
}
