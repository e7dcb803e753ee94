package requests

# METADATA
# title: Two different people, as far as keys can tell
# description: >
#   Neither is the other, and neither issued the other's key: whoever issued a key has held it.
are_unrelated(one, other) if {
	one.person != other.person
	every issuer in one.issuers {
		issuer != other.person
	}
	every issuer in other.issuers {
		issuer != one.person
	}
}

# METADATA
# title: A person acts
# description: A client or a workload does what it was set up to do; it has no opinion of its own.
actor_is_a_person if input.actor.is_machine == false

# METADATA
# title: Two reviewers who are different people, as far as keys can tell
# description: >
#   Nor did one hand issue both keys, unless it is that of whoever runs the installation. Whoever
#   enters the customers may well have entered those who review: that says nothing of the asker.
are_two_reviewers(one, other) if {
	are_unrelated(one, other)
	every issuer in one.issuers {
		_enters_both_or_one(issuer, one, other)
	}
}

_enters_both_or_one(issuer, _, other) if not issuer in other.issuers

_enters_both_or_one(issuer, one, other) if {
	issuer in one.founders
	issuer in other.founders
}

# METADATA
# title: Somebody else than who asked
# description: >
#   Where both are of one organisation, as when the provider's own people ask, one hand that issued
#   both their keys makes them one, as it does two reviewers. A customer's key went to the customer,
#   whoever else got a key of the same hand.
# scope: document
is_not_the_asker(one) if {
	input.same_organisation == false
	are_unrelated(one, input.asker)
}

is_not_the_asker(one) if {
	input.same_organisation
	are_two_reviewers(one, input.asker)
}

# METADATA
# title: The actor may review
# description: In one of those roles, and never their own.
actor_reviews if {
	is_not_the_asker(input.actor)
	actor_holds_a_reviewers_role
}

# METADATA
# title: The actor holds a role that reviews this release's requests
actor_holds_a_reviewers_role if {
	some role in input.actor_roles
	role in input.reviewers
}

# METADATA
# title: Nobody who approved before acts
actor_is_new if {
	every approval in input.approvals {
		are_two_reviewers(input.actor, approval)
	}
}

# METADATA
# title: Approvals that count
# description: >
#   Judged again with every act: by somebody who may still review, and who did not ask.
approvals_that_count := [approval |
	some approval in input.approvals
	approval.is_machine == false
	approval.role in input.reviewers
	is_not_the_asker(approval)
]

# METADATA
# title: not_a_reviewer
obstacles contains "not_a_reviewer" if {
	_is_review
	not actor_holds_a_reviewers_role
}

# METADATA
# title: reviewer_asked
obstacles contains "reviewer_asked" if {
	_is_review
	input.actor.person == input.asker.person
}

# METADATA
# title: related_to_asker
obstacles contains "related_to_asker" if {
	_is_review
	input.actor.person != input.asker.person
	not is_not_the_asker(input.actor)
}

# METADATA
# title: machine_cannot_agree
obstacles contains "machine_cannot_agree" if {
	input.act in {"approve", "concur"}
	not actor_is_a_person
}

# METADATA
# title: reviewed_already
obstacles contains "reviewed_already" if {
	input.act == "approve"
	some approval in input.approvals
	approval.person == input.actor.person
}

# METADATA
# title: related_to_reviewer
obstacles contains "related_to_reviewer" if {
	input.act == "approve"
	some approval in input.approvals
	approval.person != input.actor.person
	not are_two_reviewers(input.actor, approval)
}

_is_review if input.act in {"approve", "concur", "need_info", "reject"}
