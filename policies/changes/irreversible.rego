package changes

# METADATA
# title: Who agrees to what cannot be undone knows it, and has just proved who they are
# description: >
#   One rule for every word that may let go of it: for the change that brings it, for opening its
#   stage, and for recording that an authority concurs with that.
what_cannot_be_undone_is_agreed_to_knowingly if {
	irreversible_step_is_acknowledged
	sign_in_is_fresh_enough
}

# METADATA
# title: Who agrees to what cannot be undone says so
# scope: document
irreversible_step_is_acknowledged if input.irreversible == false

irreversible_step_is_acknowledged if {
	input.irreversible == true
	input.actor.acknowledged == true
}

# METADATA
# title: Who agrees to what cannot be undone has just proved who they are
# description: >
#   Within ten minutes, where people sign in at all. A key does not do then: it proves who was given
#   it, some time.
# scope: document
sign_in_is_fresh_enough if input.irreversible == false

sign_in_is_fresh_enough if input.asks_sign_in == false

sign_in_is_fresh_enough if {
	input.irreversible == true
	is_number(input.signed_in_s)
	input.signed_in_s <= 600
}

# METADATA
# title: Words that may let go of what cannot be undone
acts_that_may_let_go := {"approve", "approve_stage", "concur_stage"}

# METADATA
# title: sign_in_stale
obstacles contains "sign_in_stale" if {
	input.act in acts_that_may_let_go
	not sign_in_is_fresh_enough
}

# METADATA
# title: acknowledgement_missing
obstacles contains "acknowledgement_missing" if {
	input.act in acts_that_may_let_go
	not irreversible_step_is_acknowledged
}
