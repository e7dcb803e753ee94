package access_test

import data.access

test_a_key_is_kept_to_its_scope if {
	access.decision == refused(["scope_too_narrow"]) with input as with_facts({"in_scope": false})
}

test_a_narrow_key_does_not_uncover_what_is_hidden if {
	facts := with_facts({"in_scope": false, "listed": false, "audiences": [staff]})
	access.decision == hidden with input as facts
}
