package access

# METADATA
# title: The open stage lets the caller enter
# description: >
#   Beside being admitted: there is a place where the stage counts whom it admits, and the authority
#   agrees where one must. A place that is free is taken before the call; one that is held stays.
caller_may_enter if {
	_place_is_there(input.stage)
	_authority_concurs(input.stage)
}

# METADATA
# title: The open stage lets the caller enter, now or in its turn
# description: Every place is taken, and nothing else of the stage keeps the caller out.
# scope: document
caller_may_enter_or_wait if caller_may_enter

caller_may_enter_or_wait if {
	input.stage.place == "full"
	_authority_concurs(input.stage)
}

# METADATA
# title: A stage that was left lets the caller enter
# description: Nobody takes a place in a stage that the release is only narrowed to.
stage_left_lets_enter(stage) if {
	_place_is_held(stage)
	_authority_concurs(stage)
}

# METADATA
# title: concurrence_required
# description: An authority must agree to the caller's organisation, and never has.
obstacles contains "concurrence_required" if {
	caller_is_admitted
	input.stage.concurrence == "none"
}

# METADATA
# title: concurrence_ended
# description: The authority's agreement has expired, or was withdrawn.
obstacles contains "concurrence_ended" if {
	caller_is_admitted
	input.stage.concurrence == "ended"
}

# METADATA
# title: stage_full
# description: Others stand before the caller's organisation, as many as the stage admits.
obstacles contains "stage_full" if {
	caller_is_admitted
	input.stage.place == "full"
}

# METADATA
# title: stage_frozen
# description: There is a place, and nobody new takes one while the stage's review is overdue.
obstacles contains "stage_frozen" if {
	caller_is_admitted
	input.stage.place == "free"
	not _takes_anybody_new(input.stage)
}

_place_is_there(stage) if _place_is_held(stage)

_place_is_there(stage) if {
	stage.place == "free"
	_takes_anybody_new(stage)
}

_place_is_held(stage) if stage.place in {"held", "not_needed"}

_takes_anybody_new(stage) if stage.overdue == false

_takes_anybody_new(stage) if stage.if_overdue == "warn"

_authority_concurs(stage) if stage.concurrence in {"not_needed", "standing"}
