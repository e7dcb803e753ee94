package access

# METADATA
# title: Obligations of an allowed use
# description: >
#   What an allowed use must still keep: the open stage's conditions, but for the terms, which are
#   accepted by then. A limit that is not set is null. A condition that these rules do not know
#   leaves no obligations, and so no allow: it must not be dropped in silence.
obligations := kept if {
	kept := object.union_n([
		_nothing_set,
		object.remove(input.stage.conditions, ["terms"]),
		{"components": components_offered},
	])
	count(kept) == count(_nothing_set) + 1
}

_nothing_set := {
	"log": "metadata",
	"max_output_tokens": null,
	"requests_per_minute": null,
	"retain_days": null,
	"tokens_per_day": null,
}
