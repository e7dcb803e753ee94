package changes_test

import data.changes

aware(who) := object.union(who, {"acknowledged": true})

unaware(who) := object.union(who, {"acknowledged": false})

just := {"irreversible": true, "asks_sign_in": true, "signed_in_s": 600}

words := [
	{"act": "approve", "state": "planned"},
	{"act": "approve_stage", "state": "waiting"},
	{"act": "concur_stage", "state": "waiting"},
]

test_what_cannot_be_undone_is_agreed_to_by_who_has_just_signed_in if {
	every word in words {
		facts := object.union(word, just)
		changes.decision.allow with input as by(aware(first), facts)

		every late in [601, 86400, null] {
			stale := object.union(facts, {"signed_in_s": late})
			changes.decision.reasons == ["sign_in_stale"] with input as by(aware(first), stale)
		}
	}
}

test_who_agrees_to_what_cannot_be_undone_says_so if {
	every word in words {
		facts := object.union(word, just)
		changes.decision.reasons == ["acknowledgement_missing"] with input as by(unaware(first), facts)
	}
}

test_what_can_be_undone_asks_for_neither if {
	every word in words {
		facts := object.union(word, {"irreversible": false, "asks_sign_in": true, "signed_in_s": null})
		changes.decision.allow with input as by(unaware(first), facts)
	}
}

test_where_nobody_signs_in_nobody_is_asked_to if {
	every word in words {
		facts := object.union(word, {"irreversible": true, "asks_sign_in": false, "signed_in_s": null})
		changes.decision.allow with input as by(aware(first), facts)
	}
}

test_a_stage_waits_for_no_time_of_its_own if {
	every act in ["approve_stage", "concur_stage"] {
		facts := object.union(just, {"act": act, "state": "waiting"})
		changes.decision.waits_s == 0 with input as by(aware(first), facts)
	}
}
