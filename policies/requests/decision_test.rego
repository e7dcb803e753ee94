package requests_test

import data.requests

asker := {"person": "asker", "issuers": ["root"], "founders": ["root"], "is_machine": false}

person(name) := {"person": name, "issuers": ["root"], "founders": ["root"], "is_machine": false}

approval(name) := {"person": name, "issuers": ["root"], "founders": ["root"], "is_machine": false, "role": "approver"}

asked := {
	"act": "approve",
	"state": "pending_review",
	"takes_requests": true,
	"reviewers": ["approver"],
	"second_approval": false,
	"concurrence_missing": false,
	"asker": asker,
	"actor": person("first"),
	"actor_roles": ["approver"],
	"same_organisation": false,
	"approvals": [],
	"has_open_request": false,
	"rejected_finally": false,
}

with_facts(facts) := object.union(asked, facts)

test_the_default_is_no if {
	not requests.decision.allow with input as {}
	requests.decision.reasons == ["request_not_understood"] with input as {}
}

test_a_fact_more_is_not_understood if {
	requests.decision.reasons == ["request_not_understood"] with input as with_facts({"vip": true})
}

test_an_act_nobody_knows_is_not_understood if {
	requests.decision.reasons == ["request_not_understood"] with input as with_facts({"act": "bless"})
}
