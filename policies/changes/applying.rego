package changes

# METADATA
# title: A change may be applied
# description: By a provider, its author or another, once everything that it needs is there.
act_may_pass if {
	input.act == "apply"
	change_is_open
	input.is_current
	actor_holds_the_role
	input.actor.role == "provider"
	consents_are_of_different_people
	change_is_agreed_to
}

# METADATA
# title: Neutral changes
# description: What changes nothing of what may pass, one person does alone.
# scope: document
change_is_agreed_to if input.effect == "neutral"

# METADATA
# title: Narrowing changes
# description: One person narrows alone, at once; a second looks at it within the time below.
change_is_agreed_to if input.effect == "narrowing"

# METADATA
# title: Widening changes
# description: Two people beside the author.
change_is_agreed_to if {
	input.effect == "widening"
	input.irreversible == false
	count(input.consents) >= 2
}

# METADATA
# title: What cannot be undone
# description: >
#   Three people beside the author, one in each role, each of whom acknowledged that it cannot be
#   undone, and time to think it over since it was planned.
change_is_agreed_to if {
	input.effect == "widening"
	input.irreversible == true
	_time_is_up
	every role in roles_that_agree {
		_somebody_agreed_as(role)
	}
}

_somebody_agreed_as(role) if {
	some consent in input.consents
	consent.role == role
	consent.acknowledged == true
}

_time_is_up if input.planned_for_s >= waits_s

# METADATA
# title: How long to think over what cannot be undone
# description: One day, since it was planned.
# scope: document
default waits_s := 0

waits_s := 86400 if {
	input.irreversible == true
	not input.act in acts_on_stages
}

# METADATA
# title: How soon a second person looks at what one has narrowed
# description: Within one day, where nobody agreed to it before.
# scope: document
default review_within_s := null

review_within_s := 86400 if {
	input.effect == "narrowing"
	count(input.consents) == 0
}

# METADATA
# title: role_cannot_act
obstacles contains "role_cannot_act" if {
	input.act == "apply"
	input.actor.role != "provider"
}

# METADATA
# title: approvals_missing
# description: Too few agreed, or they are not as many people as they seem.
obstacles contains "approvals_missing" if {
	input.act == "apply"
	input.effect == "widening"
	input.irreversible == false
	not change_is_agreed_to
}

obstacles contains "approvals_missing" if {
	input.act == "apply"
	not consents_are_of_different_people
}

# METADATA
# title: evidence_moved
# description: Approvals that would be needed were given on other evidence.
obstacles contains "evidence_moved" if {
	input.act == "apply"
	input.consents_void > 0
	not change_is_agreed_to
}

# METADATA
# title: provider_missing
obstacles contains "provider_missing" if {
	input.act == "apply"
	input.irreversible == true
	not _somebody_agreed_as("provider")
}

# METADATA
# title: approver_missing
obstacles contains "approver_missing" if {
	input.act == "apply"
	input.irreversible == true
	not _somebody_agreed_as("approver")
}

# METADATA
# title: analyst_missing
obstacles contains "analyst_missing" if {
	input.act == "apply"
	input.irreversible == true
	not _somebody_agreed_as("analyst")
}

# METADATA
# title: cooling_off
obstacles contains "cooling_off" if {
	input.act == "apply"
	input.irreversible == true
	not _time_is_up
}
