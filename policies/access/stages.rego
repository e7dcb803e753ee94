package access

# METADATA
# title: A stage is open
# description: Before the first stage opens, and after one has closed, nobody is admitted.
some_stage_is_open if is_object(input.stage)

# METADATA
# title: Listed, or awaited
# description: What is listed is known to everybody; otherwise who will be admitted knows before.
# scope: document
listed_or_awaited if input.listed

listed_or_awaited if caller_will_be_admitted

# METADATA
# title: Known while no stage is open
release_may_be_known if {
	not some_stage_is_open
	not _opens_as_closed
	listed_or_awaited
}

# METADATA
# title: Known before it opens as a closed release
# description: Only to whom that stage names.
release_may_be_known if {
	not some_stage_is_open
	_opens_as_closed
	caller_will_be_admitted
}

# METADATA
# title: stage_not_open
# description: No stage is open now, and one is to open.
obstacles contains "stage_not_open" if {
	not some_stage_is_open
	input.future
}

# METADATA
# title: stage_closed
# description: No stage is open now, and none is to open.
obstacles contains "stage_closed" if {
	not some_stage_is_open
	not input.future
}

_opens_as_closed if input.future_access == "closed"
