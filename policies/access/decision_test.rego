package access_test

import data.access

test_who_meets_every_requirement_is_allowed if {
	access.decision == allowed with input as question
}

test_no_input_is_the_plain_no if {
	access.decision == hidden with input as {}
}

test_role_staff_alone_admits_nobody if {
	facts := with_facts({"roles": ["staff"], "audiences": [staff]})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}

test_reasons_are_told_in_the_order_of_what_can_be_done if {
	facts := with_facts({"component": "weights.final", "in_scope": false, "terms_missing": ["aup"]})
	access.decision == refused(["component_not_offered", "scope_too_narrow"]) with input as facts
}
