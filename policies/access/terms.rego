package access

# METADATA
# title: Every term is accepted
# description: What a stage's terms say must have been accepted, as the text stands now.
every_term_is_accepted if input.terms_missing == []

# METADATA
# title: terms_not_accepted
# description: >
#   Nothing but the terms stands in the way, or beside them a line: nobody should have to accept
#   terms for something that stays out of reach, and nobody stands in a line who has not accepted
#   what its stage asks.
obstacles contains "terms_not_accepted" if {
	caller_is_admitted
	caller_may_enter_or_wait
	component_is_offered
	key_reaches_the_use
	not every_term_is_accepted
}
