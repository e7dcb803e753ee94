package access_test

import data.access

test_one_audience_that_says_yes_is_enough if {
	access.decision == allowed with input as with_facts({"audiences": [staff, doubted, testers]})
}

test_unknown_counts_as_the_audience_says if {
	access.decision == allowed with input as with_facts({"audiences": [trusted]})
	access.decision == refused(["attribute_unknown"]) with input as with_facts({"audiences": [doubted]})
}

test_no_is_no_whatever_unknown_would_count_as if {
	facts := with_facts({"audiences": [object.union(trusted, {"truth": "no"})]})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}

test_a_stage_for_nobody_admits_nobody if {
	access.decision == refused(["audience_not_admitted"]) with input as with_facts({"audiences": []})
}
