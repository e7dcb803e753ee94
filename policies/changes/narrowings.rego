package changes

# METADATA
# title: A narrowing may be reviewed
# description: >
#   By a second person, once, while it is in force: they confirm what one took away, or undo it.
#   It stays in force until then. Whoever took it, and whoever had a hand in that key, does not.
act_may_pass if {
	input.act == "review_narrowing"
	_narrowing_awaits_review
	actor_may_agree
}

_narrowing_awaits_review if {
	input.state == "in_force"
	count(input.consents) == 0
}

# METADATA
# title: no_review_due
# description: It is over or restored, or somebody has reviewed it.
obstacles contains "no_review_due" if {
	input.act == "review_narrowing"
	not _narrowing_awaits_review
}
