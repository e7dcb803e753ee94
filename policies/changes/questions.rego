package changes

# METADATA
# title: The question can be judged
# description: >
#   Every fact is there and of its kind, and there is no fact that these rules do not know. What
#   cannot be undone widens.
question_is_well_formed if {
	count(input) == count(_facts)
	object.remove(input, _facts) == {}
	_act_is_well_formed
	is_boolean(input.is_current)
	is_number(input.planned_for_s)
	_sign_in_is_well_formed
	is_array(input.actor_roles)
	is_array(input.consents)
	is_number(input.consents_void)
	_effect_is_well_formed
	is_number(input.consents_needed)
	_authors_are_well_formed
	_actor_is_well_formed
	every consent in input.consents {
		_is_consent(consent)
	}
}

_facts := [
	"act", "actor", "actor_roles", "asks_sign_in", "authors", "consents", "consents_needed",
	"consents_void", "effect", "irreversible", "is_current", "planned_for_s", "signed_in_s", "state",
]

_sign_in_is_well_formed if {
	is_boolean(input.asks_sign_in)
	is_null(input.signed_in_s)
}

_sign_in_is_well_formed if {
	is_boolean(input.asks_sign_in)
	is_number(input.signed_in_s)
}

_authors_are_well_formed if {
	count(input.authors) > 0
	every author in input.authors {
		_is_party(author)
	}
}

# METADATA
# description: Nobody asks that a stage opens; the gateway does what was agreed to.
_actor_is_well_formed if {
	input.act == "open_stage"
	is_null(input.actor)
}

_actor_is_well_formed if {
	input.act != "open_stage"
	_is_consent(input.actor)
}

_act_is_well_formed if {
	input.act in acts_on_stages
	input.state == "waiting"
	input.effect == "widening"
}

_act_is_well_formed if {
	input.act in {"apply", "approve", "reject", "review"}
	input.state in {"applied", "approved", "planned", "rejected"}
}

_act_is_well_formed if {
	input.act == "review_narrowing"
	input.state in {"in_force", "over"}
	input.effect == "narrowing"
}

_effect_is_well_formed if {
	input.effect in {"narrowing", "neutral"}
	input.irreversible == false
}

_effect_is_well_formed if {
	input.effect == "widening"
	is_boolean(input.irreversible)
}

_is_party(party) if {
	is_string(party.person)
	party.person != ""
	is_array(party.issuers)
	is_array(party.founders)
	is_boolean(party.is_machine)
}

_is_consent(consent) if {
	_is_party(consent)
	is_string(consent.role)
	is_boolean(consent.acknowledged)
	is_boolean(consent.is_late)
}
