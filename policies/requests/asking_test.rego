package requests_test

import data.requests

own := {"actor": asker, "actor_roles": ["developer"], "same_organisation": true}

mine(facts) := object.union(with_facts(own), facts)

test_access_is_asked_for_once_at_a_time if {
	requests.decision.leads_to == "submitted" with input as mine({"act": "ask", "state": ""})

	twice := mine({"act": "ask", "state": "", "has_open_request": true})
	requests.decision.reasons == ["already_asked"] with input as twice
}

test_a_rejection_for_good_is_for_good if {
	facts := mine({"act": "ask", "state": "", "rejected_finally": true})
	requests.decision.reasons == ["rejected_finally"] with input as facts
}

test_nobody_asks_where_nothing_is_asked if {
	facts := mine({"act": "ask", "state": "", "takes_requests": false})
	requests.decision.reasons == ["requests_not_taken"] with input as facts
}

test_only_the_asking_organisation_answers_and_withdraws if {
	requests.decision.leads_to == "pending_review" with input as mine({"act": "answer", "state": "needs_info"})
	requests.decision.leads_to == "withdrawn" with input as mine({"act": "withdraw"})
	every act in ["answer", "withdraw"] {
		facts := mine({"act": act, "state": "needs_info", "same_organisation": false})
		requests.decision.reasons == ["not_the_askers"] with input as facts
	}
}

test_what_is_closed_is_not_taken_back if {
	requests.decision.reasons == ["act_not_possible"] with input as mine({"act": "withdraw", "state": "granted"})
	requests.decision.reasons == ["act_not_possible"] with input as mine({"act": "answer"})
}

test_what_was_asked_is_not_asked_again if {
	requests.decision.reasons == ["act_not_possible"] with input as mine({"act": "ask"})
}
