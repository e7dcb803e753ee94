package changes

# METADATA
# title: That a stage opens may be approved
# description: >
#   By anybody who had no hand in writing it or bringing it into force, once, while it waits.
act_may_pass if {
	input.act == "approve_stage"
	actor_may_agree
	what_cannot_be_undone_is_agreed_to_knowingly
}

# METADATA
# title: That an authority outside concurs with a stage may be recorded
# description: >
#   By a person, as provider or approver, whoever wrote the stage: it is the authority's word, and
#   not theirs.
act_may_pass if {
	input.act == "concur_stage"
	actor_holds_the_role
	actor_is_a_person
	input.actor.role in roles_that_record
	what_cannot_be_undone_is_agreed_to_knowingly
}

# METADATA
# title: A stage that asks for approvals may open
# description: >
#   Once as many people as it asks for have agreed. Judged again when it opens: who agreed may have
#   become an author since.
act_may_pass if {
	input.act == "open_stage"
	_enough_agreed
}

# METADATA
# title: Roles in which another's word is recorded
roles_that_record := {"approver", "provider"}

# METADATA
# title: Acts on a stage that waits
acts_on_stages := {"approve_stage", "concur_stage", "open_stage"}

_enough_agreed if count(consents_that_count) >= input.consents_needed

# METADATA
# title: approvals_missing
obstacles contains "approvals_missing" if {
	input.act == "open_stage"
	not _enough_agreed
}

# METADATA
# title: role_cannot_act
obstacles contains "role_cannot_act" if {
	input.act == "concur_stage"
	not input.actor.role in roles_that_record
}
