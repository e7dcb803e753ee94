package access_test

import data.access

test_a_missing_grant_is_told if {
	facts := with_facts({"audiences": [staff, strangers], "grant": "none"})
	access.decision == refused(["grant_required"]) with input as facts
}

test_an_ended_grant_is_told if {
	facts := with_facts({"audiences": [strangers], "grant": "ended"})
	access.decision == refused(["grant_ended"]) with input as facts
}

test_an_active_grant_is_not_what_is_missing if {
	facts := with_facts({"audiences": [strangers]})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}

test_a_missing_grant_is_told_before_what_is_unknown if {
	facts := with_facts({"audiences": [doubted, strangers], "grant": "none"})
	access.decision == refused(["grant_required", "attribute_unknown"]) with input as facts
}

test_a_grant_that_no_audience_wants_is_not_asked_for if {
	facts := with_facts({"audiences": [staff], "grant": "none"})
	access.decision == refused(["audience_not_admitted"]) with input as facts
}
