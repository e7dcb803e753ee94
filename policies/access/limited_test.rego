package access_test

import data.access

limited(facts) := object.union(with_facts({"stage": at_level("limited")}), facts)

test_limited_admits_whom_an_audience_admits if {
	access.decision == allowed with input as limited({})
	access.decision == allowed with input as limited({"audiences": [trusted]})
}

test_limited_is_known_where_listed if {
	access.decision == refused(["audience_not_admitted"]) with input as limited({"audiences": [staff]})
}

test_limited_is_hidden_where_not_listed if {
	access.decision == hidden with input as limited({"audiences": [staff], "listed": false})
}

test_limited_is_known_to_whom_it_admits_though_not_listed if {
	facts := limited({"listed": false, "terms_missing": ["aup"]})
	access.decision == refused(["terms_not_accepted"]) with input as facts
}

test_limited_is_known_to_whom_the_next_stage_will_admit if {
	facts := limited({
		"audiences": [staff],
		"listed": false,
		"future": true,
		"future_access": "api",
		"future_audiences": [everybody],
	})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}
