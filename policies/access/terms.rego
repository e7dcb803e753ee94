package access

# METADATA
# title: Every term is accepted
# description: What a stage's terms say must have been accepted, as the text stands now.
every_term_is_accepted if input.terms_missing == []

# METADATA
# title: terms_not_accepted
# description: >
#   Nothing but the terms stands in the way. They are told last: nobody should have to accept terms
#   for something that stays out of reach.
obstacles contains "terms_not_accepted" if {
	caller_is_admitted
	caller_may_enter
	component_is_offered
	key_reaches_the_use
	not every_term_is_accepted
}
