package access_test

import data.access

between := object.union(object.remove(question, ["stage"]), {"stage": null, "audiences": []})

awaiting(level, audience) := object.union(between, {
	"future": true,
	"future_access": level,
	"future_audiences": [audience],
})

test_what_is_listed_is_known_before_it_opens if {
	access.decision == refused(["stage_not_open"]) with input as awaiting("api", staff)
}

test_what_is_listed_is_known_after_it_closed if {
	access.decision == refused(["stage_closed"]) with input as between
}

test_what_is_not_listed_is_known_before_it_opens_to_whom_it_will_admit if {
	facts := object.union(awaiting("api", everybody), {"listed": false})
	access.decision == refused(["stage_not_open"]) with input as facts
}

test_what_is_not_listed_is_hidden_from_everybody_else if {
	access.decision == hidden with input as object.union(between, {"listed": false})
	access.decision == hidden with input as object.union(awaiting("api", doubted), {"listed": false})
}

test_what_opens_as_closed_is_hidden_before_but_from_whom_it_names if {
	access.decision == hidden with input as awaiting("closed", staff)
	access.decision == hidden with input as awaiting("closed", trusted)
	access.decision == refused(["stage_not_open"]) with input as awaiting("closed", everybody)
}
