package access_test

import data.access

open_weights(facts) := object.union(with_facts({"stage": at_level("open-weights")}), facts)

test_open_weights_admits_whom_an_audience_admits if {
	access.decision == allowed with input as open_weights({})
	access.decision == allowed with input as open_weights({"audiences": [trusted]})
}

test_open_weights_is_known_where_listed if {
	access.decision == refused(["audience_not_admitted"]) with input as open_weights({"audiences": [staff]})
}

test_open_weights_is_hidden_where_not_listed if {
	access.decision == hidden with input as open_weights({"audiences": [staff], "listed": false})
}

test_open_weights_is_known_to_whom_it_admits_though_not_listed if {
	facts := open_weights({"listed": false, "terms_missing": ["aup"]})
	access.decision == refused(["terms_not_accepted"]) with input as facts
}

test_open_weights_is_known_to_whom_the_next_stage_will_admit if {
	facts := open_weights({
		"audiences": [staff],
		"listed": false,
		"future": true,
		"future_access": "api",
		"future_audiences": [everybody],
	})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}
