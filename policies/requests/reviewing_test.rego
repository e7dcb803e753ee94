package requests_test

import data.requests

test_one_approval_grants_where_one_is_enough if {
	requests.decision.leads_to == "granted" with input as asked
}

test_what_is_missing_is_waited_for_in_order if {
	both := {"second_approval": true, "concurrence_missing": true}
	requests.decision.leads_to == "awaiting_second_approval" with input as with_facts(both)

	second := object.union(both, {
		"state": "awaiting_second_approval",
		"actor": person("second"),
		"approvals": [approval("first")],
	})
	requests.decision.leads_to == "awaiting_external_concurrence" with input as with_facts(second)

	concurred := object.union(second, {
		"act": "concur",
		"state": "awaiting_external_concurrence",
		"approvals": [approval("first"), approval("second")],
	})
	requests.decision.leads_to == "granted" with input as with_facts(concurred)
}

test_an_approval_that_counts_no_more_is_missing if {
	facts := {
		"act": "concur",
		"state": "awaiting_external_concurrence",
		"concurrence_missing": true,
		"second_approval": true,
		"approvals": [approval("first"), object.union(approval("second"), {"role": "provider"})],
	}
	requests.decision.leads_to == "awaiting_second_approval" with input as with_facts(facts)

	none := object.union(facts, {"reviewers": ["analyst"], "actor_roles": ["analyst"]})
	requests.decision.reasons == ["act_not_possible"] with input as with_facts(none)
}

test_what_is_over_is_not_reviewed if {
	every act in ["approve", "need_info", "reject"] {
		requests.decision.reasons == ["act_not_possible"] with input as with_facts({"act": act, "state": "granted"})
	}
}

test_more_is_asked_and_a_request_is_rejected if {
	requests.decision.leads_to == "needs_info" with input as with_facts({"act": "need_info"})
	requests.decision.leads_to == "rejected" with input as with_facts({"act": "reject", "state": "needs_info"})
}

test_what_nobody_awaits_is_not_recorded if {
	requests.decision.reasons == ["concurrence_not_awaited"] with input as with_facts({"act": "concur"})
}

test_a_release_without_a_form_only_rejects if {
	requests.decision.leads_to == "rejected" with input as with_facts({"act": "reject", "takes_requests": false})
	requests.decision.reasons == ["requests_not_taken"] with input as with_facts({"takes_requests": false})
}
