package changes

# METADATA
# title: Two different people, as far as keys can tell
# description: >
#   Neither is the other, and neither issued the other's key: whoever issued a key has held it. Nor
#   did one hand issue both, unless it is that of whoever runs the installation and enters everybody.
are_unrelated(one, other) if {
	one.person != other.person
	every issuer in one.issuers {
		issuer != other.person
		_enters_both_or_one(issuer, one, other)
	}
	every issuer in other.issuers {
		issuer != one.person
	}
}

_enters_both_or_one(issuer, _, other) if not issuer in other.issuers

_enters_both_or_one(issuer, one, other) if {
	issuer in one.founders
	issuer in other.founders
}

# METADATA
# title: Somebody else than the author acts
actor_is_not_the_author if {
	every author in input.authors {
		are_unrelated(input.actor, author)
	}
}

# METADATA
# title: A person acts
# description: A client or a workload does what it was set up to do; it has no opinion of its own.
actor_is_a_person if input.actor.is_machine == false

# METADATA
# title: The actor was there when it was planned
# description: Whoever holds a provider's key could else issue approvers for what they wait to agree to.
actor_was_there if input.actor.is_late == false

# METADATA
# title: Nobody who agreed before acts
actor_is_new if {
	every consent in input.consents {
		are_unrelated(input.actor, consent)
	}
}

# METADATA
# title: Everybody who agreed is somebody else
# description: >
#   Than the author, and than everybody else who agreed. Judged again with every act, so that what
#   was agreed to is not believed because it is written.
consents_are_of_different_people if {
	every consent in input.consents {
		_is_of_another_person(consent)
		count(_others_than(consent)) == count(input.consents) - 1
	}
}

_is_of_another_person(consent) if {
	consent.is_machine == false
	consent.is_late == false
	consent.role in roles_that_agree
	every author in input.authors {
		are_unrelated(consent, author)
	}
}

# METADATA
# title: Consents that count
# description: >
#   Of people other than all authors, each of whom is somebody else than everybody who agreed
#   before: nobody makes a second person out of what they hold.
consents_that_count := [consent |
	some place in numbers.range(0, count(_of_others) - 1)
	consent := _of_others[place]
	_is_nobody_before(consent, place)
]

_is_nobody_before(consent, place) if {
	every earlier in array.slice(_of_others, 0, place) {
		are_unrelated(consent, earlier)
	}
}

_of_others := [consent |
	some consent in input.consents
	_is_of_another_person(consent)
]

_others_than(consent) := [other |
	some other in input.consents
	are_unrelated(consent, other)
]

# METADATA
# title: Roles in which a change is agreed to
# description: >
#   The provider answers for the release, the approver for its risk, the analyst for its security.
roles_that_agree := {"analyst", "approver", "provider"}

# METADATA
# title: Acts that take somebody else
# description: Than whoever did what they are about.
acts_of_another := {"approve", "approve_stage", "review", "review_narrowing"}

# METADATA
# title: Acts that take a person
acts_of_people := acts_of_another | {"concur_stage"}

# METADATA
# title: The actor holds the role that this is done in
actor_holds_the_role if input.actor.role in input.actor_roles

_actor_is_an_author if {
	some author in input.authors
	author.person == input.actor.person
}

# METADATA
# title: self_approved
obstacles contains "self_approved" if {
	input.act in acts_of_another
	_actor_is_an_author
}

# METADATA
# title: related_to_author
obstacles contains "related_to_author" if {
	input.act in acts_of_another
	not _actor_is_an_author
	not actor_is_not_the_author
}

# METADATA
# title: key_too_new
obstacles contains "key_too_new" if {
	input.act in acts_of_another
	not actor_was_there
}

# METADATA
# title: machine_cannot_agree
obstacles contains "machine_cannot_agree" if {
	input.act in acts_of_people
	not actor_is_a_person
}

# METADATA
# title: approved_already
obstacles contains "approved_already" if {
	input.act in acts_of_another
	some consent in input.consents
	consent.person == input.actor.person
}

# METADATA
# title: related_to_approver
obstacles contains "related_to_approver" if {
	input.act in acts_of_another
	some consent in input.consents
	consent.person != input.actor.person
	not are_unrelated(input.actor, consent)
}

# METADATA
# title: role_not_held
obstacles contains "role_not_held" if {
	input.act != "open_stage"
	not actor_holds_the_role
}
