package changes

# METADATA
# title: A change may be approved
# description: >
#   By anybody but its author, once, while it is open and nothing that it was planned against has
#   moved.
act_may_pass if {
	input.act == "approve"
	change_is_open
	input.is_current
	actor_may_agree
	what_cannot_be_undone_is_agreed_to_knowingly
}

# METADATA
# title: A change may be rejected
# description: By anybody who could approve one, its author too, while it is open.
act_may_pass if {
	input.act == "reject"
	change_is_open
	actor_holds_the_role
	input.actor.role in roles_that_agree
}

# METADATA
# title: A change may be reviewed afterwards
# description: One that was applied on one person's word, by a second person, once.
act_may_pass if {
	input.act == "review"
	input.state == "applied"
	_review_is_due
	actor_may_agree
}

# METADATA
# title: Somebody else agrees, in a role that agrees
actor_may_agree if {
	actor_holds_the_role
	input.actor.role in roles_that_agree
	actor_is_a_person
	actor_was_there
	actor_is_not_the_author
	actor_is_new
}

_review_is_due if {
	input.effect == "narrowing"
	count(input.consents) == 0
}

# METADATA
# title: A change is open
change_is_open if input.state in {"approved", "planned"}

# METADATA
# title: change_closed
obstacles contains "change_closed" if {
	input.act in {"apply", "approve", "reject"}
	not change_is_open
}

# METADATA
# title: change_not_applied
obstacles contains "change_not_applied" if {
	input.act == "review"
	input.state != "applied"
}

# METADATA
# title: change_stale
obstacles contains "change_stale" if {
	input.act in {"apply", "approve"}
	change_is_open
	not input.is_current
}

# METADATA
# title: role_cannot_act
obstacles contains "role_cannot_act" if {
	input.act in {"approve", "approve_stage", "reject", "review", "review_narrowing"}
	actor_holds_the_role
	not input.actor.role in roles_that_agree
}

# METADATA
# title: no_review_due
obstacles contains "no_review_due" if {
	input.act == "review"
	input.state == "applied"
	not _review_is_due
}
