package access

# METADATA
# title: The question can be judged
# description: >
#   Every fact is there and of its kind, and there is no fact that these rules do not know.
question_is_well_formed if {
	count(input) == count(_facts)
	object.remove(input, _facts) == {}
	input.grant in {"active", "ended", "none", "paused", "recertification_due"}
	is_boolean(input.listed)
	is_boolean(input.in_scope)
	is_array(input.terms_missing)
	_audiences_are_well_formed(input.audiences)
	_audiences_are_well_formed(input.future_audiences)
	_stage_is_well_formed(input.stage)
	_narrowings_are_well_formed
	_future_is_well_formed
}

_facts := [
	"audiences", "component", "future", "future_access", "future_audiences", "grant", "in_scope",
	"listed", "narrowings", "release", "roles", "stage", "strategy", "terms_missing",
]

_audiences_are_well_formed(audiences) if {
	is_array(audiences)
	every audience in audiences {
		audience.truth in {"no", "unknown", "yes"}
		audience.on_unknown in {"allow", "deny"}
		is_boolean(audience.wants_grant)
	}
}

_stage_is_well_formed(null)

_stage_is_well_formed(stage) if {
	is_array(stage.offers)
	is_object(stage.conditions)
	stage.access in {"api", "closed", "limited", "open-weights"}
	stage.place in {"free", "full", "held", "not_needed"}
	stage.concurrence in {"ended", "none", "not_needed", "standing"}
	is_boolean(stage.overdue)
	stage.if_overdue in {"freeze", "warn"}
}

_narrowings_are_well_formed if {
	is_array(input.narrowings)
	every narrowing in input.narrowings {
		narrowing.verb in {"embargo", "hold", "recall", "roll_back", "suspend", "withdraw"}
		narrowing.on_unknown in {"allow", "deny"}
		_truths_are_well_formed(narrowing.touches)
		_truths_are_well_formed(narrowing.restored)
		_stage_is_well_formed(narrowing.stage)
		_audiences_are_well_formed(narrowing.audiences)
	}
}

_truths_are_well_formed(truths) if {
	is_object(truths)
	every _, truth in truths {
		truth in {"no", "unknown", "yes"}
	}
}

_future_is_well_formed if {
	input.future == false
	input.future_access == null
}

_future_is_well_formed if {
	input.future == true
	input.future_access in {"api", "closed", "limited", "open-weights"}
}
