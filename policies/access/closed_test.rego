package access_test

import data.access

closed(facts) := object.union(with_facts({"stage": at_level("closed")}), facts)

test_a_closed_release_admits_whom_an_audience_names if {
	access.decision == allowed with input as closed({})
}

test_a_closed_release_is_hidden_from_everybody_else_though_listed if {
	access.decision == hidden with input as closed({"audiences": [staff]})
	access.decision == hidden with input as closed({"audiences": [strangers], "grant": "none"})
}

test_a_closed_release_never_admits_the_unknown if {
	access.decision == hidden with input as closed({"audiences": [trusted]})
}

test_a_closed_release_is_hidden_from_whom_a_later_stage_will_admit if {
	facts := closed({
		"audiences": [staff],
		"future": true,
		"future_access": "api",
		"future_audiences": [everybody],
	})
	access.decision == hidden with input as facts
}
