package access_test

import data.access

api(facts) := object.union(with_facts({"stage": at_level("api")}), facts)

test_api_admits_whom_an_audience_admits if {
	access.decision == allowed with input as api({})
	access.decision == allowed with input as api({"audiences": [trusted]})
}

test_api_is_known_where_listed if {
	access.decision == refused(["audience_not_admitted"]) with input as api({"audiences": [staff]})
}

test_api_is_hidden_where_not_listed if {
	access.decision == hidden with input as api({"audiences": [staff], "listed": false})
}

test_api_is_known_to_whom_it_admits_though_not_listed if {
	facts := api({"listed": false, "terms_missing": ["aup"]})
	access.decision == refused(["terms_not_accepted"]) with input as facts
}

test_api_is_known_to_whom_the_next_stage_will_admit if {
	facts := api({
		"audiences": [staff],
		"listed": false,
		"future": true,
		"future_access": "api",
		"future_audiences": [everybody],
	})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}
