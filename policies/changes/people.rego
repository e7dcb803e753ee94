package changes

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
# title: Somebody else than the author acts
actor_is_not_the_author if are_unrelated(input.actor, input.author)

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
		are_unrelated(consent, input.author)
		consent.role in roles_that_agree
		count(_others_than(consent)) == count(input.consents) - 1
	}
}

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
acts_of_another := {"approve", "review", "review_narrowing"}

# METADATA
# title: The actor holds the role that this is done in
actor_holds_the_role if input.actor.role in input.actor_roles

# METADATA
# title: self_approved
obstacles contains "self_approved" if {
	input.act in acts_of_another
	input.actor.person == input.author.person
}

# METADATA
# title: related_to_author
obstacles contains "related_to_author" if {
	input.act in acts_of_another
	input.actor.person != input.author.person
	not actor_is_not_the_author
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
obstacles contains "role_not_held" if not actor_holds_the_role
